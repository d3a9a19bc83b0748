//! The engine behind the gate: an index of the registry that is asked, one new record at a time, whether creating it would make a duplicate.
//!
//! What is rare in a market is only known from many records, so the whole registry should be known to it and not just the records that
//! share a key. A record that it knows in an older version is replaced when it is told the newer one. When something holds a creation is
//! decided in [`holds`]; a person only has to look, so that is asked otherwise than for a STRONG suggestion.

use crate::candidates::Workspace;
use crate::evidence::{Field, Level};
use crate::index::Index;
use crate::keys::match_keys;
use crate::name::Subject;
use crate::nearly::{Extra, Nearly, Typed};
use crate::product;
use crate::query::Query;
use crate::reason;
use crate::record::{Prepared, Record};
use crate::score::{self, Scored};
use linkyard_core::id::TargetId;
use linkyard_core::lookalike::{self, Alike};
use linkyard_core::suggestion::Features;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// How many candidates are looked through, and of one way of typing a name how many that are typed so: the first is as good a reason to hold
/// as the thousandth.
const LOOKED_THROUGH: usize = 64;

/// From this alikeness on a vendor is held, whatever the names look like. Measured on 34,795 real names with 5,000 of them in the
/// registry under damaged names: lower holds more firms without a counterpart than it finds.
const VENDOR_FROM: f32 = 0.95;
/// The same for a project: its names are addresses, in which a slip tells two apart.
const PROJECT_FROM: f32 = 0.9;
/// The same for names that differ by nothing but one word.
const BUT_A_WORD_FROM: f32 = 0.55;
/// The same for names that differ by nothing but a common word.
const BUT_A_COMMON_WORD_FROM: f32 = 0.25;
/// The same for names with a letter wrong in what tells firms apart, where the telephones differ.
const SLIP_ELSEWHERE_FROM: f32 = 0.2;
/// The same where telephone, e-mail, domain or house agree.
const SAME_CONTACT_FROM: f32 = 0.3;
/// More records than this share a telephone or a house because of a building or an agent, and it says nothing.
const FEW_SHARE: usize = 4;

/// An index of the registry for the gate.
#[derive(Debug)]
pub struct Gatekeeper {
    subject: Subject,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    index: Index,
    /// What of each record is in the index.
    records: HashMap<TargetId, Version>,
    /// Records whose names can be one, typed otherwise.
    typings: HashMap<u64, Vec<TargetId>>,
    workspace: Workspace,
}

/// A record as it was told last.
#[derive(Debug)]
struct Version {
    /// Of all features: equal for the same version.
    hash: u64,
    typed: Typed,
}

impl Gatekeeper {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(subject: linkyard_core::mapping::Subject) -> Self {
        let subject = Subject::from(subject);
        let known = Known {
            index: Index::new(subject),
            records: HashMap::new(),
            typings: HashMap::new(),
            workspace: Workspace::default(),
        };
        Self { subject, known: Mutex::new(known) }
    }
}

impl Known {
    fn version(&self, slot: u32) -> Option<(TargetId, &Version)> {
        let target: TargetId = self.index.entry(slot).id.parse().ok()?;
        Some((target, self.records.get(&target)?))
    }

    fn forget_typings(&mut self, target: TargetId) {
        let Some(version) = self.records.get(&target) else { return };
        for key in version.typed.keys() {
            if let Some(list) = self.typings.get_mut(&key) {
                list.retain(|known| *known != target);
            }
        }
    }

    /// Records beside `candidates` whose name can be this one, typed otherwise.
    fn typed_otherwise(&self, typed: &Typed, candidates: &[Scored]) -> HashSet<u32> {
        let mut slots: HashSet<u32> = HashSet::new();
        let found = typed.keys();
        let found = found.iter().filter_map(|key| self.typings.get(key));
        for target in found.flat_map(|targets| targets.iter().take(LOOKED_THROUGH)) {
            let slot = self.index.slot(&target.to_string());
            if let (Some(slot), Some(version)) = (slot, self.records.get(target))
                && typed.nearly(&version.typed).is_some()
            {
                slots.insert(slot);
            }
        }
        slots.retain(|slot| candidates.iter().all(|scored| scored.slot != *slot));
        slots
    }
}

impl lookalike::Gatekeeper for Gatekeeper {
    fn keys(&self, features: &Features) -> Vec<String> {
        match_keys(&Record::of("", features), self.subject)
    }

    fn know(&self, target: TargetId, features: &Features) {
        let mut hasher = DefaultHasher::new();
        features.hash(&mut hasher);
        let hash = hasher.finish();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.records.get(&target).is_some_and(|version| version.hash == hash) {
            return;
        }
        let typed = Typed::of(&features.name, &features.other_names, self.subject);
        known.forget_typings(target);
        typed.keys().into_iter().for_each(|key| known.typings.entry(key).or_default().push(target));
        known.records.insert(target, Version { hash, typed });
        known.index.insert(&Record::of(target, features));
    }

    fn forget(&self, target: TargetId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.forget_typings(target);
        known.records.remove(&target);
        known.index.remove(&target.to_string());
    }

    fn knows(&self, target: TargetId) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).records.contains_key(&target)
    }

    fn alike(&self, features: &Features) -> Vec<Alike> {
        let asked = Asked::of(features, self.subject);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let query = Query::new(&asked.prepared, &known.index.names, None);
        let mut workspace = std::mem::take(&mut known.workspace);
        let mut candidates = score::rank(&known.index, &query, &mut workspace, LOOKED_THROUGH);
        let further = known.typed_otherwise(&asked.typed, &candidates);
        candidates.extend(further.into_iter().map(|slot| score::one(&known.index, &query, slot)));
        let alike = known.holding(&asked, &query, candidates);
        drop(query);
        known.workspace = workspace;
        alike
    }

    fn alike_among(&self, features: &Features, among: &[TargetId]) -> Vec<Alike> {
        let asked = Asked::of(features, self.subject);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let query = Query::new(&asked.prepared, &known.index.names, None);
        let slots = among.iter().filter_map(|target| known.index.slot(&target.to_string()));
        let candidates = slots.map(|slot| score::one(&known.index, &query, slot)).collect();
        known.holding(&asked, &query, candidates)
    }
}

/// A record that may be created, read in all ways in which it is compared.
#[derive(Debug)]
struct Asked {
    subject: Subject,
    record: Record,
    prepared: Prepared,
    typed: Typed,
}

impl Asked {
    fn of(features: &Features, subject: Subject) -> Self {
        let record = Record::of("", features);
        let prepared = Prepared::of(&record, subject);
        Self { subject, prepared, typed: Typed::of(&features.name, &features.other_names, subject), record }
    }
}

impl Known {
    /// Those of `candidates` that hold the creation, the likeliest first.
    fn holding(&self, asked: &Asked, query: &Query<'_>, candidates: Vec<Scored>) -> Vec<Alike> {
        let mut found: Vec<(f32, Alike)> = Vec::new();
        for scored in candidates {
            let Some((target, version)) = self.version(scored.slot) else { continue };
            if !holds(asked.subject, &scored, &asked.typed, &version.typed) {
                continue;
            }
            let reasons = reason::reasons(&self.index, query, &asked.record, &scored);
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let typed_otherwise = || asked.typed.nearly(&version.typed).is_some();
            let surely = scored.alike() >= product::SURELY_FROM || (same_contact(&scored) && typed_otherwise());
            found.push((scored.alike(), Alike { target, reasons: reasons.join("; "), surely }));
        }
        found.sort_by(|one, other| other.0.total_cmp(&one.0));
        found.into_iter().map(|(_, alike)| alike).collect()
    }
}

/// Whether a telephone, an e-mail address, a domain or a house is shared that few others have.
fn same_contact(scored: &Scored) -> bool {
    [Field::Phone, Field::Email, Field::Domain, Field::Address]
        .into_iter()
        .any(|field| matches!(scored.findings.level(field), Some(Level::Same(sharing)) if sharing <= FEW_SHARE))
}

/// Whether creating a record would probably make a second one of what is there: the evidence of all fields says so, or the name that is
/// there can be this one typed otherwise, or the two differ by little and something else agrees.
fn holds(subject: Subject, scored: &Scored, here: &Typed, there: &Typed) -> bool {
    let alike = scored.alike();
    let from = match subject {
        Subject::Vendor => VENDOR_FROM,
        Subject::Project => PROJECT_FROM,
    };
    if alike >= from || subject == Subject::Project {
        return alike >= from;
    }
    let but_a_word = || match here.extra_word(there) {
        Some(Extra::Common) => alike >= BUT_A_COMMON_WORD_FROM,
        Some(Extra::Telling) => alike >= BUT_A_WORD_FROM,
        None => false,
    };
    let typed_otherwise = match here.nearly(there) {
        Some(Nearly::Typing) => true,
        // Two firms of so similar names are told apart by their telephones.
        Some(Nearly::Slip) => alike >= SLIP_ELSEWHERE_FROM || scored.findings.level(Field::Phone) != Some(Level::Different),
        None => false,
    };
    (same_contact(scored) && (alike >= SAME_CONTACT_FROM || here.nearly_in_letters(there)))
        || typed_otherwise
        || (alike >= BUT_A_COMMON_WORD_FROM && but_a_word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::lookalike::Gatekeeper as _;

    fn named(name: &str, phone: &str) -> Features {
        Features { name: name.to_owned(), phone: phone.to_owned(), ..Features::default() }
    }

    /// One firm, as eight people write it.
    const SPELLED: [&str; 8] = [
        "Kowalczyk Brothers Masonry LLC",
        "KOWALCZYK BROS MASONRY",
        "Kowalczik Brothers Masonry",
        "Kowalczyk Masonry",
        "Kowalczyk Brothers Masnry Inc",
        "Kowalczykbrothers Masonry",
        "kowalczyk brothers masonry, inc.",
        "The Kowalczyk Brothers Masonry",
    ];

    #[test]
    fn whichever_spelling_is_there_holds_every_other() {
        for there in SPELLED {
            let gate = Gatekeeper::new(linkyard_core::mapping::Subject::Vendor);
            let id = TargetId::generate();
            gate.know(id, &named(there, "312 555 0142"));
            for asked in SPELLED {
                let found = gate.alike(&named(asked, "312 555 0142"));
                assert!(found.iter().any(|one| one.target == id), "{asked} after {there}");
                assert_eq!(gate.alike_among(&named(asked, "312 555 0142"), &[id]), found, "{asked} after {there}");
            }
        }
    }

    #[test]
    fn only_what_is_alike_holds() {
        let gate = Gatekeeper::new(linkyard_core::mapping::Subject::Vendor);
        let ids: Vec<TargetId> = (0..40).map(|_| TargetId::generate()).collect();
        for (at, id) in ids.iter().enumerate() {
            let letter = char::from(b'a' + u8::try_from(at % 26).expect("small"));
            gate.know(*id, &named(&format!("Stranger{letter}{letter}{at} Roofing"), ""));
        }
        gate.know(ids[0], &named("Kowalski Brothers Masonry LLC", "773 555 0199"));
        let asked = named("Kowalsky Bros Masonry", "(773) 555-0199");
        assert!(gate.keys(&asked).iter().any(|key| gate.keys(&named("Kowalski Brothers Masonry LLC", "")).contains(key)));
        let found = gate.alike(&asked);
        assert_eq!(found.iter().map(|found| found.target).collect::<Vec<_>>(), [ids[0]]);
        assert!(gate.alike(&named("Zimmer Glass", "312 555 0111")).is_empty());
        gate.know(ids[0], &named("Quincy Flooring", ""));
        assert!(gate.alike(&asked).is_empty(), "it is called otherwise now");
        gate.know(ids[0], &asked);
        assert_eq!(gate.alike(&asked).len(), 1);
        gate.forget(ids[0]);
        assert!(gate.alike(&asked).is_empty(), "it is gone");
        assert!(!gate.knows(ids[0]) && gate.knows(ids[1]));
        assert!(gate.alike_among(&asked, &[ids[0]]).is_empty(), "it is gone");
    }
}
