//! Whole lists: conflicts between records that want one candidate, duplicates inside a list, and what is learned from it.

use super::{crowd, index_of, named, vendor};
use crate::{Band, Reason, Record, duplicates};

#[test]
fn two_firms_that_want_one_party_are_one_conflict() {
    let index = index_of(&[crowd(), vec![vendor("t", "Quillfeather Paving", "12 Main St", "", "")]].concat());
    let records = [
        vendor("good", "Quillfeather Paving LLC", "12 Main Street", "", ""),
        vendor("worse", "Quillfeather Paving Contractors", "", "", ""),
        named("other", "Zephyr Tile"),
    ];
    let batch = index.suggest_all(&records, 5);
    assert_eq!(batch.conflicts.len(), 1, "{batch:?}");
    let conflict = &batch.conflicts[0];
    assert_eq!(
        (conflict.candidate.as_str(), conflict.records.as_slice(), conflict.one_firm),
        ("t", &["good".to_owned(), "worse".to_owned()][..], false)
    );
    assert_eq!(batch.suggestions[0][0].band, Band::Strong);
    assert!(batch.suggestions[1][0].band < Band::Strong && batch.suggestions[1][0].reasons.contains(&Reason::BetterElsewhere));
}

#[test]
fn one_firm_entered_twice_may_have_one_party_twice() {
    let index = index_of(&[crowd(), vec![named("t", "Quillfeather Paving")]].concat());
    let batch = index.suggest_all(&[named("a", "Quillfeather Paving LLC"), named("b", "QUILLFEATHER PAVING, INC.")], 5);
    assert!(batch.conflicts[0].one_firm, "{batch:?}");
    assert!(batch.suggestions.iter().all(|found| found[0].band == Band::Strong), "{batch:?}");
}

#[test]
fn duplicates_of_a_list_are_groups_with_a_reason() {
    let mut records = crowd();
    for (id, name) in [
        ("x1", "Quillfeather Paving LLC"),
        ("x2", "QUILLFEATHER PAVING"),
        ("x3", "Quill-Feather Paving Inc."),
        ("y1", "Quillfeather Fund II"),
        ("y2", "Quillfeather Fund III"),
    ] {
        records.push(named(id, name));
    }
    let index = index_of(&records);
    let groups = duplicates(&index, &records);
    assert_eq!(groups.iter().map(|group| group.ids.join(" ")).collect::<Vec<_>>(), ["x1 x2 x3"]);
    assert!(!groups[0].reasons.is_empty() && groups[0].probability >= crate::STRONG_FROM);
}

#[test]
fn a_list_teaches_how_likely_a_counterpart_is() {
    let there = crowd();
    let mut index = index_of(&there);
    let damaged = |record: &Record| named(&record.id, record.name.replace(" Inc", " & Co"));
    let all: Vec<Record> = there.iter().map(damaged).collect();
    index.learn(&all);
    let before = index.clone();
    let sure = index.rates.partner;
    let strangers: Vec<Record> = (0..300).map(|at| named(format!("s{at}"), format!("Xu{at}xo Bakery"))).collect();
    index.learn(&strangers);
    assert!(sure > 0.8 && index.rates.partner < 0.3, "{sure} {}", index.rates.partner);
    index.learn(&all);
    assert_eq!(index.rates, before.rates, "the same records teach the same");
}

#[test]
fn a_list_teaches_how_far_a_field_can_be_trusted() {
    let mut there = crowd();
    for (at, record) in there.iter_mut().enumerate() {
        record.phone = format!("815 28{:05}", at * 7);
    }
    let moved: Vec<Record> =
        there.iter().enumerate().map(|(at, record)| Record { phone: format!("708 46{:05}", at * 7), ..record.clone() }).collect();
    let mut index = index_of(&there);
    index.learn(&there);
    let kept = index.rates.phone;
    index.learn(&moved);
    assert!(kept > 0.9 && index.rates.phone < 0.5, "{kept} {}", index.rates.phone);
}

#[test]
fn what_a_list_appends_to_every_name_tells_nothing() {
    let firms = ["Liverpool Womens Hospital", "Kingsmere Clinic NHS Foundation Trust", "Quillfeather Hospital"];
    let mut index = index_of(&[crowd(), firms.iter().enumerate().map(|(at, name)| named(at, *name)).collect()].concat());
    let asking: Vec<Record> =
        crowd().iter().map(|record| named(&record.id, format!("{} NHS Foundation Trust", record.name))).collect();
    index.learn(&asking);
    let found = index.suggest(&named("h", "Liverpool Womens NHS Foundation Trust"), 5);
    assert_eq!(found[0].id, "0", "{found:?}");
}

#[test]
fn a_registry_of_two_or_three_knows_what_is_rare_from_beforehand() {
    let there = ["Quillfeather Paving LLC", "Zimmermann Roofing Inc", "Oxbow Construction"].map(|name| named(name, name));
    for count in 1..=there.len() {
        let index = index_of(&there[..count]);
        let best = |name: &str| index.suggest(&named("asked", name), 1).into_iter().next();
        assert_eq!(best("QUILLFEATHER PAVING").map(|found| found.band), Some(Band::Strong), "{count}");
        for stranger in ["Halcyon Paving LLC", "Vanderbilt Construction", "Halcyon Roofing Inc"] {
            assert!(best(stranger).is_none_or(|found| found.band == Band::Weak), "{stranger} of {count}: {:?}", best(stranger));
        }
    }
    let town = |id: &str, name: &str| Record { city: "Chicago".into(), state: "IL".into(), ..named(id, name) };
    let index = index_of(&[town("1", "Quillfeather Paving"), town("2", "Zimmermann Roofing")]);
    let found = index.suggest(&town("asked", "Halcyon Paving"), 1);
    assert!(found.iter().all(|found| found.band == Band::Weak), "one town is not one firm: {found:?}");
}
