//! Times: milliseconds since 1970 inside, `google.protobuf.Timestamp` on the wire.

use prost_types::Timestamp;

/// The wire's form of `ms`, milliseconds since 1970.
pub(crate) fn timestamp(ms: i64) -> Timestamp {
    // Both casts are exact: the remainder of a division by 1,000 is 0..=999.
    let nanos = i32::try_from(ms.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    Timestamp { seconds: ms.div_euclid(1_000), nanos }
}

/// Milliseconds since 1970, rounded down; `None` for a time outside of what milliseconds can say.
pub(crate) fn from_timestamp(time: &Timestamp) -> Option<i64> {
    time.seconds.checked_mul(1_000)?.checked_add(i64::from(time.nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_also_before_1970() {
        for ms in [0, 1, 999, 1_000, 1_795_000_000_123, -1, -1_001] {
            assert_eq!(from_timestamp(&timestamp(ms)), Some(ms));
        }
        assert_eq!(from_timestamp(&Timestamp { seconds: i64::MAX, nanos: 0 }), None);
    }
}
