//! CSV as people and spreadsheets write it, cut into lines as it arrives. A line that is broken is told and left; the next one is read
//! from the next line break on, so one missing quote costs one line and not the rest of the file.
//!
//! What the cells mean is not known here.

use serde::{Deserialize, Serialize};

/// The longest cell in bytes; also how far a quote that is never closed is looked for.
pub const MOST_CELL_BYTES: usize = 65_536;

/// The longest line in bytes, quoted line breaks included; so much of a file is held at most, besides the piece that was fed last.
pub const MOST_LINE_BYTES: usize = 1_048_576;

/// Where reading a file goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Line breaks before it.
    pub lines: u64,
    /// Whether it lies inside a line that was given up: what comes up to the next line break belongs to that one.
    pub skipping: bool,
}

/// What is wrong with a line before its meaning is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A quote is not closed, or something follows the closing one.
    Quotes,
    /// Not UTF-8.
    Encoding,
    /// A cell has more than [`MOST_CELL_BYTES`], or the line more than [`MOST_LINE_BYTES`].
    TooLong,
}

/// One line that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1: that of its first line where cells hold line breaks.
    pub number: u64,
    /// Where the next one begins.
    pub next: Place,
    /// Its cells, without quotes.
    pub cells: Result<Vec<String>, Broken>,
}

/// Cuts a file into lines.
#[derive(Clone, Debug)]
pub struct Scanner {
    buffer: Vec<u8>,
    /// How much of the buffer was cut off already.
    used: usize,
    /// Where `buffer[used]` is in the file.
    place: Place,
    /// Known from the first line on.
    delimiter: Option<u8>,
    ended: bool,
}

/// What the beginning of the buffer is.
enum Cut {
    /// Not known before there is more.
    More,
    /// A line of so many bytes, line break included.
    Whole(usize, Vec<Vec<u8>>),
    /// A line that is broken.
    Broken(Broken),
}

impl Scanner {
    /// Begins at the beginning of a file; the first line says whether commas, semicolons or tabs separate cells.
    #[must_use]
    pub fn new() -> Self {
        Self { buffer: Vec::new(), used: 0, place: Place::default(), delimiter: None, ended: false }
    }

    /// Goes on at `place` of a file whose cells are separated by `delimiter`.
    #[must_use]
    pub fn at(place: Place, delimiter: u8) -> Self {
        Self { place, delimiter: Some(delimiter), ..Self::new() }
    }

    /// What separates cells; a comma until the first line is known.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter.unwrap_or(b',')
    }

    /// Where reading goes on.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Takes the next piece of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Notes that there is no more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next line that is not blank; `None` when more has to be fed, or at the end.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            if self.place.skipping && !self.skip() {
                return None;
            }
            if self.place == Place::default() && !self.begin() {
                return None;
            }
            let rest = &self.buffer[self.used..];
            if rest.is_empty() {
                return None;
            }
            let number = self.place.lines + 1;
            let cells = match cut(rest, self.delimiter(), self.ended) {
                Cut::More => return None,
                Cut::Whole(length, cells) => {
                    self.advance(length);
                    cells.into_iter().map(String::from_utf8).collect::<Result<Vec<String>, _>>().map_err(|_| Broken::Encoding)
                }
                Cut::Broken(broken) => {
                    self.place.skipping = true;
                    self.skip();
                    Err(broken)
                }
            };
            if cells.as_ref().is_ok_and(|cells| cells.iter().all(String::is_empty)) {
                continue;
            }
            return Some(Line { number, next: self.place, cells });
        }
    }

    /// Learns from the first line what separates cells; false when it is not here yet.
    fn begin(&mut self) -> bool {
        if self.delimiter.is_none() {
            let rest = &self.buffer[self.used..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            if end.is_none() && !self.ended && rest.len() <= MOST_LINE_BYTES {
                return false;
            }
            let first = &rest[..end.unwrap_or(rest.len())];
            let often = |byte: u8| first.iter().filter(|found| **found == byte).count();
            // The first of equals wins: a comma, where there is only one column.
            let mut best = b',';
            for candidate in [b';', b'\t'] {
                if often(candidate) > often(best) {
                    best = candidate;
                }
            }
            self.delimiter = Some(best);
        }
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        let rest = &self.buffer[self.used..];
        if rest.len() < BYTE_ORDER_MARK.len() && !self.ended && BYTE_ORDER_MARK.starts_with(rest) {
            return false;
        }
        if rest.starts_with(BYTE_ORDER_MARK) {
            self.advance(BYTE_ORDER_MARK.len());
        }
        true
    }

    /// Leaves what is left of a line that was given up; false when its end is not here yet.
    fn skip(&mut self) -> bool {
        let rest = &self.buffer[self.used..];
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.advance(end + 1);
                self.place.skipping = false;
                true
            }
            None => {
                self.advance(rest.len());
                false
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        let passed = &self.buffer[self.used..self.used + bytes];
        self.place.lines += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.place.offset += bytes as u64;
        self.used += bytes;
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// Cuts the first line off `rest`.
fn cut(rest: &[u8], delimiter: u8, ended: bool) -> Cut {
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let quoted = rest.get(at) == Some(&b'"');
        let cell = if quoted { quoted_cell(rest, at, ended) } else { plain_cell(rest, at, delimiter, ended) };
        let (text, end) = match cell {
            Ok(cell) => cell,
            Err(cut) => return cut,
        };
        if end > MOST_LINE_BYTES {
            return Cut::Broken(Broken::TooLong);
        }
        cells.push(text);
        match &rest[end..] {
            [byte, ..] if *byte == delimiter => at = end + 1,
            [b'\n', ..] => return Cut::Whole(end + 1, cells),
            [b'\r', b'\n', ..] => return Cut::Whole(end + 2, cells),
            [] if ended => return Cut::Whole(end, cells),
            [b'\r'] if ended => return Cut::Whole(end + 1, cells),
            [] | [b'\r'] => return Cut::More,
            // Something follows the closing quote.
            [..] => return Cut::Broken(Broken::Quotes),
        }
    }
}

/// The cell that begins with the quote at `at`, and where it ends.
fn quoted_cell(rest: &[u8], at: usize, ended: bool) -> Result<(Vec<u8>, usize), Cut> {
    let mut text = Vec::new();
    let mut from = at + 1;
    loop {
        let within = &rest[from..rest.len().min(at + MOST_CELL_BYTES + 3)];
        let Some(length) = within.iter().position(|byte| *byte == b'"') else {
            let given_up = ended || rest.len() > at + MOST_CELL_BYTES + 2;
            return Err(if given_up { Cut::Broken(Broken::Quotes) } else { Cut::More });
        };
        text.extend_from_slice(&within[..length]);
        let quote = from + length;
        match rest.get(quote + 1) {
            Some(b'"') => {
                text.push(b'"');
                from = quote + 2;
            }
            None if !ended => return Err(Cut::More),
            Some(_) | None => return Ok((text, quote + 1)),
        }
    }
}

/// The cell at `at` that has no quotes around it (inside it they mean themselves), and where it ends.
fn plain_cell(rest: &[u8], at: usize, delimiter: u8, ended: bool) -> Result<(Vec<u8>, usize), Cut> {
    let tail = &rest[at..];
    let length = tail.iter().position(|byte| *byte == delimiter || *byte == b'\n').unwrap_or(tail.len());
    if length > MOST_CELL_BYTES {
        return Err(Cut::Broken(Broken::TooLong));
    }
    if length == tail.len() && !ended {
        return Err(Cut::More);
    }
    let before_break = tail.get(length) != Some(&delimiter) && tail[..length].ends_with(b"\r");
    let length = if before_break { length - 1 } else { length };
    Ok((tail[..length].to_vec(), at + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line of `text`, fed in pieces of `size` bytes: number, and cells joined by `|`.
    fn lines_in_pieces(text: &[u8], size: usize) -> Vec<(u64, Result<String, Broken>)> {
        let mut scanner = Scanner::new();
        let mut lines = Vec::new();
        for piece in text.chunks(size) {
            scanner.feed(piece);
            lines.extend(std::iter::from_fn(|| scanner.next_line()));
        }
        scanner.end();
        lines.extend(std::iter::from_fn(|| scanner.next_line()));
        lines.into_iter().map(|line| (line.number, line.cells.map(|cells| cells.join("|")))).collect()
    }

    fn check(text: &[u8], expected: &[(u64, Result<&str, Broken>)]) {
        let expected: Vec<_> = expected.iter().map(|(number, cells)| (*number, cells.map(str::to_owned))).collect();
        for size in [1, 2, 3, 7, 1_000_000] {
            assert_eq!(lines_in_pieces(text, size), expected, "{:?} in pieces of {size}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn cells_are_read_however_they_are_written() {
        check(b"a,b\r\n1,2\n", &[(1, Ok("a|b")), (2, Ok("1|2"))]);
        check(b"\xef\xbb\xbf\"a\",\"b \"\"c\"\"\"\r\n\r\n,\n\"x\ny\",z", &[(1, Ok("a|b \"c\"")), (4, Ok("x\ny|z"))]);
        check(b"a;b;c,d\n1;2;3\n", &[(1, Ok("a|b|c,d")), (2, Ok("1|2|3"))]);
        check(b"a\tb\n5\" pipe\t\n", &[(1, Ok("a|b")), (2, Ok("5\" pipe|"))]);
        check(b"a,b\n1,\"2\"\r", &[(1, Ok("a|b")), (2, Ok("1|2"))]);
        check(b"", &[]);
    }

    #[test]
    fn a_broken_line_costs_itself_only() {
        let quotes = Err(Broken::Quotes);
        check(b"a,b\n1,\"2\n3,4\n5,6\n", &[(1, Ok("a|b")), (2, quotes), (3, Ok("3|4")), (4, Ok("5|6"))]);
        check(b"\"a\",\"b\"\n\"1,\"2\"\n\"3\",\"4\"\n", &[(1, Ok("a|b")), (2, quotes), (3, Ok("3|4"))]);
        check(b"a,b\n\"1\"x,2\n3,4", &[(1, Ok("a|b")), (2, quotes), (3, Ok("3|4"))]);
        check(b"a,b\n\xff,2\n3,4", &[(1, Ok("a|b")), (2, Err(Broken::Encoding)), (3, Ok("3|4"))]);
    }

    #[test]
    fn what_is_too_long_is_given_up_without_being_held() {
        let mut text = b"a,b\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 3 * MOST_LINE_BYTES));
        text.extend_from_slice(b",2\n3,4\n");
        let mut scanner = Scanner::new();
        let mut lines = Vec::new();
        for piece in text.chunks(10_000) {
            scanner.feed(piece);
            assert!(scanner.buffer.len() <= MOST_LINE_BYTES + 10_000, "{}", scanner.buffer.len());
            lines.extend(std::iter::from_fn(|| scanner.next_line()));
        }
        let cells: Vec<_> =
            lines.iter().map(|line| (line.number, line.cells.as_ref().map(Vec::len).map_err(|broken| *broken))).collect();
        assert_eq!(cells, [(1, Ok(2)), (2, Err(Broken::TooLong)), (3, Ok(2))]);
    }

    #[test]
    fn reading_goes_on_at_any_place() {
        let text = b"a;b\n\"1\n\";2\n\"3;4\n5;6\n\n7;8\n";
        let mut scanner = Scanner::new();
        scanner.feed(text);
        scanner.end();
        let all: Vec<Line> = std::iter::from_fn(|| scanner.next_line()).collect();
        for (index, line) in all.iter().enumerate() {
            let mut later = Scanner::at(line.next, scanner.delimiter());
            later.feed(&text[usize::try_from(line.next.offset).expect("short")..]);
            later.end();
            let rest: Vec<Line> = std::iter::from_fn(|| later.next_line()).collect();
            assert_eq!(rest, all[index + 1..], "after line {}", line.number);
        }
    }
}
