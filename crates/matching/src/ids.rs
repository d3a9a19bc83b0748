//! Numbers that somebody gave out: tax ids (EIN, ABN, VAT) and project numbers.

/// The fewest characters of a tax id.
const SHORTEST_TAX_ID: usize = 7;

/// A tax id as its letters and digits; nothing for what people type to get past a form.
pub(crate) fn tax_id(text: &str) -> Option<String> {
    let id = plain(text);
    let digits: Vec<u8> = id.bytes().filter(u8::is_ascii_digit).collect();
    let repeated = digits.iter().all(|digit| Some(digit) == digits.first());
    let counted = digits.windows(2).all(|pair| pair[1] == pair[0] + 1 || (pair[0] == b'9' && pair[1] == b'0'));
    (digits.len() >= SHORTEST_TAX_ID && id.len() <= 20 && !repeated && !counted).then_some(id)
}

/// A project's number as its letters and digits, without zeros in front.
pub(crate) fn number(text: &str) -> Option<String> {
    let number = plain(text).trim_start_matches('0').to_owned();
    (!number.is_empty()).then_some(number)
}

fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_an_id_is_written_does_not_matter() {
        assert_eq!(tax_id("36-4012345"), tax_id("364012345"));
        assert_eq!(tax_id("51 824 753 556").as_deref(), Some("51824753556"));
        assert_eq!(number(" 00-17a "), number("17A"));
    }

    #[test]
    fn an_id_that_nobody_has_is_no_id() {
        for text in ["", "n/a", "000000000", "99-9999999", "123456789", "12345", "pending"] {
            assert_eq!(tax_id(text), None, "{text}");
        }
        for text in ["", "000", "-"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
