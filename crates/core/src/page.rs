//! Keyset pages: a list is read in the order of a key and goes on after the last key seen.

/// What a caller asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows wanted, `1..=1000`; the edge clamps before it comes here.
    pub size: u32,
    /// The last key of the page before, as the store wrote it; `None` for the first page.
    pub after: Option<String>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in key order.
    pub rows: Vec<T>,
    /// Where the next page starts, `None` on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts `rows` (one more than asked for, where there are more) to the page and keeps the key of its last row.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, size: u32, key: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let next = if more { rows.last().map(key) } else { None };
        Self { rows, next }
    }
}
