//! The engine behind the gate: an index of the registry that is asked, one new record at a time, what is like it.
//!
//! What is rare in a market is only known from many records, so the whole registry should be known to it and not just the records that
//! share a key. A record that it knows in an older version is replaced when it is told the newer one.

use crate::index::Index;
use crate::keys::match_keys;
use crate::name::Subject;
use crate::product;
use crate::record::Record;
use linkyard_core::id::TargetId;
use linkyard_core::lookalike::{self, Alike};
use linkyard_core::suggestion::Features;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// How many suggestions are looked through for those that share a key.
const LOOKED_THROUGH: usize = 24;

/// An index of the registry for the gate.
#[derive(Debug)]
pub struct Gatekeeper {
    subject: Subject,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    index: Index,
    /// What of each record is in the index, as a hash.
    versions: HashMap<TargetId, u64>,
}

impl Gatekeeper {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(subject: linkyard_core::mapping::Subject) -> Self {
        let subject = Subject::from(subject);
        Self { subject, known: Mutex::new(Known { index: Index::new(subject), versions: HashMap::new() }) }
    }
}

impl lookalike::Gatekeeper for Gatekeeper {
    fn keys(&self, features: &Features) -> Vec<String> {
        match_keys(&Record::of("", features), self.subject)
    }

    fn know(&self, target: TargetId, features: &Features) {
        let mut hasher = DefaultHasher::new();
        features.hash(&mut hasher);
        let version = hasher.finish();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.versions.insert(target, version) != Some(version) {
            known.index.insert(&Record::of(target, features));
        }
    }

    fn alike(&self, features: &Features, among: &[TargetId]) -> Vec<Alike> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let suggestions = known.index.suggest(&Record::of("", features), LOOKED_THROUGH);
        let mut alike: Vec<(f32, Alike)> = suggestions
            .iter()
            .filter(|suggestion| suggestion.holds())
            .filter_map(|suggestion| {
                let target: TargetId = suggestion.id.parse().ok()?;
                let surely = suggestion.alike >= product::SURELY_FROM;
                let found = Alike { target, reasons: suggestion.sentence(), surely };
                among.contains(&target).then_some((suggestion.alike, found))
            })
            .collect();
        alike.sort_by(|one, other| other.0.total_cmp(&one.0));
        alike.into_iter().map(|(_, found)| found).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::lookalike::Gatekeeper as _;

    fn named(name: &str, phone: &str) -> Features {
        Features { name: name.to_owned(), phone: phone.to_owned(), ..Features::default() }
    }

    #[test]
    fn only_what_shares_a_key_and_is_alike_holds() {
        let gate = Gatekeeper::new(linkyard_core::mapping::Subject::Vendor);
        let ids: Vec<TargetId> = (0..40).map(|_| TargetId::generate()).collect();
        for (at, id) in ids.iter().enumerate() {
            let letter = char::from(b'a' + u8::try_from(at % 26).expect("small"));
            gate.know(*id, &named(&format!("Stranger{letter}{letter}{at} Roofing"), ""));
        }
        gate.know(ids[0], &named("Kowalski Brothers Masonry LLC", "773 555 0199"));
        let asked = named("Kowalsky Bros Masonry", "(773) 555-0199");
        assert!(gate.keys(&asked).iter().any(|key| gate.keys(&named("Kowalski Brothers Masonry LLC", "")).contains(key)));
        let found = gate.alike(&asked, &ids);
        assert_eq!(found.first().map(|found| found.target), Some(ids[0]));
        assert!(gate.alike(&asked, &ids[1..]).is_empty(), "it shares no key");
        assert!(gate.alike(&named("Zimmer Glass", "312 555 0111"), &ids).is_empty());
        gate.know(ids[0], &named("Quincy Flooring", ""));
        assert!(gate.alike(&asked, &ids).is_empty(), "it is called otherwise now");
    }
}
