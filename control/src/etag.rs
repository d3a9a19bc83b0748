//! Etags: a row's revision in quotes (AIP-154), so that a person's decision is about what the person saw.

use linkyard_core::Result;
use linkyard_core::error::Violations;

/// The etag of a row with this revision.
pub(crate) fn of(revision: i64) -> String {
    format!("\"{revision}\"")
}

/// The revision in `etag`; `None` when it is empty ("whatever it is now") or not an etag of ours, which is noted.
pub(crate) fn parse(field: &str, etag: &str, violations: &mut Violations) -> Option<i64> {
    if etag.is_empty() {
        return None;
    }
    let revision = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|digits| digits.parse().ok());
    if revision.is_none() {
        violations.add(field, "is not an etag; send back the one of the row that was read, with its quotes");
    }
    revision
}

/// As [`parse`], for a request with nothing else that can be wrong.
///
/// # Errors
/// `Invalid` for `field`.
pub(crate) fn read(field: &str, etag: &str) -> Result<Option<i64>> {
    let mut violations = Violations::default();
    let revision = parse(field, etag, &mut violations);
    violations.finish(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_reads_back_and_anything_else_is_a_violation() {
        let mut violations = Violations::default();
        assert_eq!(parse("etag", &of(12), &mut violations), Some(12));
        assert_eq!(parse("etag", "", &mut violations), None);
        assert!(violations.is_empty());
        for wrong in ["12", "\"x\"", "\"", "\"\""] {
            let mut violations = Violations::default();
            assert_eq!(parse("etag", wrong, &mut violations), None);
            assert!(!violations.is_empty(), "{wrong}");
        }
    }
}
