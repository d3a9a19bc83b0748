//! Field masks of updates: which fields a request is about, each checked to be one that can be changed.

use linkyard_core::error::Violations;
use prost_types::FieldMask;
use std::collections::HashSet;

/// The fields of `mask`, in no order.
#[derive(Debug)]
pub(crate) struct Mask(HashSet<String>);

impl Mask {
    /// Reads a mask; `known` are the fields that can be changed.
    pub(crate) fn read(mask: Option<&FieldMask>, known: &[&str], violations: &mut Violations) -> Self {
        let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
        if paths.is_empty() {
            violations.add("update_mask", format!("is missing: say which fields change, of {}", known.join(", ")));
        }
        for (index, path) in paths.iter().enumerate() {
            if !known.contains(&path.as_str()) {
                violations.add(format!("update_mask.paths[{index}]"), format!("is none of {}", known.join(", ")));
            }
        }
        Self(paths.iter().cloned().collect())
    }

    /// Whether `field` changes.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.contains(field)
    }

    /// `value` where `field` changes.
    pub(crate) fn take<T>(&self, field: &str, value: impl FnOnce() -> T) -> Option<T> {
        self.has(field).then(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(paths: &[&str]) -> (Mask, usize) {
        let mask = FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let mut violations = Violations::default();
        let mask = Mask::read(Some(&mask), &["a", "b"], &mut violations);
        (mask, violations.finish(()).map_or_else(|error| usize::from(matches!(error, linkyard_core::Error::Invalid(_))), |()| 0))
    }

    #[test]
    fn only_known_fields_are_taken_and_a_mask_is_needed() {
        let (mask, wrong) = read(&["a"]);
        assert_eq!((mask.has("a"), mask.has("b"), mask.take("a", || 1), wrong), (true, false, Some(1), 0));
        assert_eq!(read(&[]).1, 1);
        assert_eq!(read(&["a", "state"]).1, 1);
    }
}
