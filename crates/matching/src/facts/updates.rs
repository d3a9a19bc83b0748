//! Updates: an index that was changed record by record answers exactly as one that was built anew.

use super::{crowd, index_of, named, vendor};
use crate::{Index, Record, Subject};

/// A small generator of numbers, the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn made(numbers: &mut Numbers, id: usize) -> Record {
    const WORDS: [&str; 12] =
        ["Acme", "Bolt", "Kowalski", "Builders", "Electric", "North", "South", "2", "Group", "Builder", "J", "Holdings"];
    let count = 1 + numbers.below(4);
    let name = (0..count).map(|_| WORDS[numbers.below(WORDS.len())]).collect::<Vec<_>>().join(" ");
    let address = format!("{} {} St", 1 + numbers.below(4), ["Main", "Elm", "Oak"][numbers.below(3)]);
    vendor(
        &format!("{id:03}"),
        &name,
        &address,
        ["Joliet", "Elgin"][numbers.below(2)],
        &format!("815285{:04}", numbers.below(20)),
    )
}

#[test]
fn an_updated_index_answers_as_a_new_one() {
    for seed in 0..6 {
        let mut numbers = Numbers(seed);
        let mut index = Index::new(Subject::Vendor);
        let mut living: Vec<Record> = Vec::new();
        for _ in 0..400 {
            let record = made(&mut numbers, numbers_id(seed, living.len()));
            let id = numbers.below(120);
            let record = Record { id: format!("{id:03}"), ..record };
            living.retain(|known| known.id != record.id);
            if numbers.below(4) == 0 {
                index.remove(&record.id);
            } else {
                index.insert(&record);
                living.push(record);
            }
        }
        let rebuilt = index_of(&living);
        assert_eq!(index.len(), rebuilt.len());
        for _ in 0..60 {
            let asked = made(&mut numbers, 999);
            assert_eq!(index.suggest(&asked, 5), rebuilt.suggest(&asked, 5), "seed {seed}, {asked:?}");
        }
    }
}

fn numbers_id(seed: u64, length: usize) -> usize {
    usize::try_from(seed).expect("small") + length
}

#[test]
fn a_changed_record_is_found_by_its_new_name_only() {
    let mut index = index_of(&crowd());
    index.insert(&named("v", "Quillfeather Paving"));
    index.insert(&named("v", "Oxbow Roads"));
    assert!(index.suggest(&named("asked", "Quillfeather Paving"), 5).iter().all(|found| found.id != "v"));
    assert_eq!(index.suggest(&named("asked", "Oxbow Roads"), 5)[0].id, "v");
    assert!(index.contains("v") && index.remove("v") && !index.remove("v") && !index.contains("v"));
    assert!(index.suggest(&named("asked", "Oxbow Roads"), 5).iter().all(|found| found.id != "v"));
}

#[test]
fn the_order_of_insertion_does_not_matter() {
    let records = crowd();
    let (forwards, backwards) = (index_of(&records), index_of(&records.iter().rev().cloned().collect::<Vec<_>>()));
    for record in records.iter().step_by(7) {
        let asked = named("asked", record.name.replace("er", "re"));
        assert_eq!(forwards.suggest(&asked, 5), backwards.suggest(&asked, 5));
    }
}
