//! Phone numbers: their digits, and whether two of them can be one line. Dialling, formats and countries do not live here.

/// One number, as digits without the trunk or country prefix that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phone {
    digits: u64,
    length: u8,
}

/// How many digits a number without its area code has, and the fewest that are taken for a number.
const LOCAL_DIGITS: u8 = 7;
/// The most digits that an international number has (E.164).
const MOST_DIGITS: usize = 15;
/// How many numbers of one field are read.
const NUMBERS_READ: usize = 3;

impl Phone {
    /// Reads the numbers of a field; what cannot be a number (zeros, one digit repeated, 1234567) is left out.
    pub(crate) fn read(text: &str) -> Vec<Self> {
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        let mut parts: Vec<String> = Vec::new();
        for piece in text.split(['/', ';', ',', '|']).take(NUMBERS_READ * 2) {
            match parts.last_mut() {
                // "310/246-1501" is one number, "246-1501 / 246-1502" are two.
                Some(last) if digits(last) < usize::from(LOCAL_DIGITS) => last.push_str(piece),
                Some(_) | None => parts.push(piece.to_owned()),
            }
        }
        let mut found = Vec::new();
        for part in parts.iter().take(NUMBERS_READ) {
            let main = part
                .split(['x', 'X', 'e', 'E'])
                .find(|piece| piece.bytes().any(|byte| byte.is_ascii_digit()))
                .unwrap_or_default();
            if let Some(phone) = Self::of(main)
                && !found.contains(&phone)
            {
                found.push(phone);
            }
        }
        found
    }

    fn of(text: &str) -> Option<Self> {
        let mut digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').take(MOST_DIGITS + 3).collect();
        if digits.starts_with(&[0, 0]) {
            digits.drain(..2);
        }
        if digits.len() == 11 && digits[0] == 1 {
            digits.remove(0);
        }
        while digits.len() > usize::from(LOCAL_DIGITS) && digits[0] == 0 {
            digits.remove(0);
        }
        if digits.len() < usize::from(LOCAL_DIGITS) || digits.len() > MOST_DIGITS || is_filler(&digits) {
            return None;
        }
        let value = digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit));
        Some(Self { digits: value, length: u8::try_from(digits.len()).expect("at most fifteen digits") })
    }

    /// What two numbers that can be one line have in common.
    pub(crate) fn key(self) -> u64 {
        self.digits % 10_u64.pow(u32::from(LOCAL_DIGITS))
    }

    /// Whether both can be one line: the shorter is the end of the longer.
    pub(crate) fn same(self, other: Self) -> bool {
        let shared = 10_u64.pow(u32::from(self.length.min(other.length)));
        self.digits % shared == other.digits % shared
    }
}

/// Numbers that people type to get past a form.
fn is_filler(digits: &[u8]) -> bool {
    let local = &digits[digits.len() - usize::from(LOCAL_DIGITS)..];
    let repeated = local.iter().all(|digit| *digit == local[0]);
    let counted =
        local.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 10) || local.windows(2).all(|pair| pair[0] == (pair[1] + 1) % 10);
    repeated || counted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: &str, right: &str) -> bool {
        let (left, right) = (Phone::read(left), Phone::read(right));
        left.iter().any(|one| right.iter().any(|other| one.same(*other) && one.key() == other.key()))
    }

    #[test]
    fn the_way_a_number_is_written_does_not_matter() {
        for written in
            ["(312) 285-9902", "+1 312 285 9902", "312.285.9902 ext. 4", "3122859902", "285-9902", "312-285-9902 / 555-1212"]
        {
            assert!(same("312-285-9902", written), "{written}");
        }
        assert!(same("310/246-1501", "310-246-1501") && !same("310/246-1501", "213/246-1501"));
        assert!(same("+44 20 7946 0958", "020 7946 0958"));
        assert!(!same("312-285-9902", "773-285-9902"));
        assert!(!same("312-285-9902", "312-285-9903"));
    }

    #[test]
    fn a_number_that_nobody_has_is_no_number() {
        for filler in ["000-000-0000", "0000000", "999 999 9999", "123-4567", "312-000-0000", "n/a", "", "12", "😀", "7654321"]
        {
            assert_eq!(Phone::read(filler), Vec::new(), "{filler}");
        }
        assert_eq!(Phone::read(&"9".repeat(5_000)), Vec::new());
    }
}
