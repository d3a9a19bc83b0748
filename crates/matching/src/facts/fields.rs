//! The fields beside the name: what agreement adds, what disagreement takes, and how often a value must occur to say nothing.

use super::{crowd, index_of, named, suggest, vendor};
use crate::{Band, Compared, Index, Reason, Record, Subject};

#[test]
fn phone_and_address_make_a_half_known_name_strong() {
    let there = vendor("t", "Easter Hill Society Kowalski Preschool", "1507 W. Sunnyside Avenue", "Chicago", "(312) 285-9902");
    let here = vendor("h", "Kowalski", "1507 West Sunnyside", "", "285-9902");
    let found = &suggest(std::slice::from_ref(&there), &here)[0];
    assert_eq!((found.id.as_str(), found.band), ("t", Band::Strong), "{found:?}");
    assert!(found.sentence().contains("same phone") && found.sentence().contains("same address"), "{}", found.sentence());
}

#[test]
fn a_tax_id_decides() {
    let with = |id: &str, name: &str, tax: &str| Record { tax_id: tax.into(), ..named(id, name) };
    let renamed = suggest(&[with("t", "Quillfeather Paving", "36-4012345")], &with("h", "Oxbow Roads", "364012345"));
    assert_eq!(
        (renamed[0].id.as_str(), renamed[0].reasons.contains(&Reason::Same { field: Compared::TaxId, shared_by: 1 })),
        ("t", true)
    );
    let namesake = suggest(&[with("t", "Quillfeather Paving", "36-4012345")], &with("h", "Quillfeather Paving", "36-4012346"));
    assert!(namesake[0].band < Band::Strong, "{namesake:?}");
    let abroad = suggest(&[with("t", "Quillfeather Paving", "51 824 753 556")], &with("h", "Quillfeather Paving", "36-4012346"));
    assert_eq!(abroad[0].band, Band::Strong, "ids of two countries do not contradict each other");
}

#[test]
fn a_web_site_and_an_address_of_one_domain_agree() {
    let there = Record { website: "https://www.quillfeather.com/home".into(), ..named("t", "Quillfeather Paving") };
    let here = Record { email: "office@quillfeather.com".into(), ..named("h", "QF Paving") };
    assert_eq!(suggest(std::slice::from_ref(&there), &here)[0].id, "t");
    let shared = Record { email: "a@gmail.com".into(), ..named("t", "Oxbow Hauling") };
    let found = suggest(&[shared], &Record { email: "b@gmail.com".into(), ..named("h", "Zephyr Tile") });
    assert!(found.iter().all(|found| found.id != "t"), "a mail host is nobody's: {found:?}");
}

#[test]
fn shops_of_a_chain_are_told_apart_by_their_place() {
    let shops: Vec<Record> = (0..40)
        .map(|at| vendor(&format!("s{at:02}"), "Burger Palace", &format!("{} Elm St", 100 + at * 50), &format!("Town {at}"), ""))
        .collect();
    let found = suggest(&shops, &vendor("h", "Burger Palace", "350 Elm Street", "Town 5", ""));
    assert_eq!((found[0].id.as_str(), found[0].band), ("s05", Band::Strong), "{found:?}");
    let elsewhere = suggest(&shops, &vendor("h", "Burger Palace", "9 Oak Road", "Far Town", ""));
    assert!(elsewhere.iter().all(|found| found.band < Band::Strong), "{elsewhere:?}");
    let nowhere = suggest(&shops, &named("h", "Burger Palace"));
    assert!(nowhere.iter().all(|found| found.band < Band::Strong), "{nowhere:?}");
}

#[test]
fn a_number_or_a_house_that_all_share_says_nothing() {
    let agent = "2711 Centerville Road Suite 400";
    let mut firms = crowd();
    firms.iter_mut().for_each(|firm| {
        firm.address = agent.into();
        firm.phone = "302-636-5401".into();
    });
    let index = index_of(&firms);
    let found = index.suggest(&vendor("h", "Oxbow Hauling", agent, "", "302-636-5401"), 5);
    assert!(found.iter().all(|found| found.band == Band::Weak), "{found:?}");
}

#[test]
fn a_firm_entered_three_times_shares_its_house_with_nobody() {
    let house = |id: &str, name: &str| vendor(id, name, "4909 W Division", "Chicago", "");
    let alike = |others: [&str; 2]| {
        let there = [house("t", "Quillfeather Paving"), house("u", others[0]), house("v", others[1])];
        let found = suggest(&there, &house("h", "Oxbow Hauling"));
        found.into_iter().find(|found| found.id == "t").map(|found| found.alike)
    };
    let of_one_firm = alike(["Quillfeather Paving, Inc.", "QUILLFEATHER PAVING"]);
    assert!(of_one_firm > alike(["Zephyr Tile", "Blue Heron Glass"]) && of_one_firm.is_some(), "{of_one_firm:?}");
}

#[test]
fn names_of_signs_are_not_one_firm() {
    let house = |id: &str, name: &str| vendor(id, name, "4909 W Division", "Chicago", "");
    let alike = |signs: [&str; 3]| {
        let there = [house("t", signs[0]), house("u", signs[1]), house("v", signs[2])];
        let found = suggest(&there, &house("h", "Oxbow Hauling"));
        found.into_iter().find(|found| found.id == "t").map(|found| found.alike)
    };
    let of_signs = alike(["!!!", "???", "***"]);
    assert!(of_signs.is_some() && of_signs == alike(["!!!", "Zephyr Tile", "Blue Heron Glass"]), "{of_signs:?}");
}

#[test]
fn what_nothing_contradicts_stands_before_what_something_does() {
    let site = |record: Record| Record { website: "quillfeather.com".into(), postcode: "60432".into(), ..record };
    let there = [
        site(vendor("north", "Quillfeather North Paving", "12 Main St", "Joliet", "815-285-9902")),
        vendor("firm", "Quillfeather Paving", "", "", "815-285-9902"),
    ];
    let found = suggest(&there, &site(vendor("h", "Quillfeather South Paving", "12 Main St", "Joliet", "815-285-9902")));
    let told: Vec<(&str, Band)> = found[..2].iter().map(|found| (found.id.as_str(), found.band)).collect();
    assert_eq!(told, [("firm", Band::Strong), ("north", Band::Likely)]);
    assert!(found[0].probability < found[1].probability, "{found:?}");
}

#[test]
fn two_firms_in_one_office_are_not_one() {
    let there = vendor("t", "Quillfeather Holdings", "12 Main St Suite 4", "Joliet", "815-285-9902");
    for name in ["Zephyr Tile", "Oxbow Hauling", "Quillfeather North 2"] {
        let found = suggest(std::slice::from_ref(&there), &vendor("h", name, "12 Main Street, Ste 4", "Joliet", "815 285 9902"));
        assert!(found[0].id == "t" && found[0].band < Band::Strong, "{name}: {found:?}");
    }
}

#[test]
fn a_record_without_a_name_is_strong_by_its_tax_id_only() {
    let there = Record { tax_id: "36-4012345".into(), ..vendor("t", "", "12 Main St", "Joliet", "815-285-9902") };
    let here = vendor("h", "", "12 Main St", "Joliet", "815-285-9902");
    assert!(suggest(std::slice::from_ref(&there), &here)[0].band < Band::Strong);
    let here = Record { tax_id: "36-4012345".into(), ..here };
    assert_eq!(suggest(&[there], &here)[0].band, Band::Strong);
}

#[test]
fn a_project_is_known_by_number_address_owner_dates_and_vendors() {
    let project = |id: &str, name: &str, number: &str, address: &str| Record {
        number: number.into(),
        address: address.into(),
        ..named(id, name)
    };
    let mut index = Index::new(Subject::Project);
    for at in 0..200 {
        index.insert(&project(
            &format!("p{at:03}"),
            &format!("Tower {at} Tenant Build-Out"),
            &format!("24-{at:03}"),
            &format!("{} Wacker Drive", 10 + at * 7),
        ));
    }
    let found = index.suggest(&project("h", "Tower 17 TI buildout", "24017", "129 Wacker Dr."), 5);
    assert_eq!((found[0].id.as_str(), found[0].band), ("p017", Band::Strong), "{found:?}");
    let other = index.suggest(&project("h", "Tower 17 Tenant Build-Out", "25-999", "9 Elm St"), 5);
    assert!(other.iter().all(|found| found.band < Band::Strong), "another number and another place: {other:?}");

    let mut plain = Index::new(Subject::Project);
    let clinic = |id: &str, owner: &str, starts: &str, vendors: &[&str]| Record {
        owner: owner.into(),
        starts: starts.into(),
        vendors: vendors.iter().map(ToString::to_string).collect(),
        ..named(id, "Clinic Renovation")
    };
    plain.insert(&clinic("a", "Mercy Health", "2024-03-01", &["v1", "v2", "v3"]));
    plain.insert(&clinic("b", "Grace Hospital", "2019-05-01", &["v7", "v8", "v9"]));
    let found = plain.suggest(&clinic("h", "Mercy Health System", "2024-03-15", &["v2", "v3", "v4"]), 5);
    assert_eq!(found[0].id, "a", "{found:?}");
    assert!(found[0].reasons.contains(&Reason::Same { field: Compared::Vendors, shared_by: 2 }), "{found:?}");
}

#[test]
fn another_phase_or_work_in_one_house_is_another_project() {
    let project = |id: &str, name: &str, number: &str| Record {
        number: number.into(),
        address: "404 W Ashland St".into(),
        postcode: "60432".into(),
        owner: "Norberg Properties".into(),
        ..named(id, name)
    };
    let mut index = Index::new(Subject::Project);
    for at in 0..200 {
        index.insert(&named(format!("p{at:03}"), format!("Quim{at} Tower Build-Out")));
    }
    index.insert(&project("there", "Joliet Warehouse Lobby Remodel", "19-0404"));
    let band = |name: &str, number: &str| index.suggest(&project("h", name, number), 5)[0].band;
    for (name, number) in [
        ("Joliet Warehouse Lobby Remodel Phase 5", ""),
        ("Joliet Warehouse Roof Replacement", ""),
        ("Joliet Warehouse Lobby", "23-9001"),
    ] {
        assert!(band(name, number) < Band::Strong, "{name} {number}");
    }
    assert_eq!(band("JOLIET WAREHOUSE - LOBBY REMODEL", ""), Band::Strong);
    assert_eq!(band("Whse Lobby Phase 1", "190404"), Band::Strong, "the number says which");
}

#[test]
fn a_misspelt_town_or_street_is_no_other_place() {
    let there = Record { postcode: "60432".into(), ..vendor("t", "Anna Hollis", "71 Blaxland Crescent", "Atherton", "") };
    let here = Record { postcode: "60432".into(), ..vendor("h", "Ana Holis", "71 Blaxlan d Crescent", "Athertn", "") };
    let found = &suggest(std::slice::from_ref(&there), &here)[0];
    assert!(found.id == "t" && found.reasons.iter().filter(|reason| reason.speaks_for()).count() >= 4, "{found:?}");
}

#[test]
fn a_town_that_only_one_name_tells_is_no_difference_where_both_are_in_it() {
    let branch = |town: &str| vendor(town, "Blue Heron Glass", "", town, "");
    let there = ["Houston", "Dallas", "Peoria"].map(branch);
    let found = suggest(&there, &vendor("asked", "Blue Heron Glass of Dallas, LLC", "", "Dallas", ""));
    assert_eq!((found[0].id.as_str(), found[0].band), ("Dallas", Band::Strong), "{found:?}");
    assert!(found[1..].iter().all(|other| other.band < Band::Strong), "{found:?}");
}
