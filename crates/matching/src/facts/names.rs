//! Names alone: what does not matter, what matters a little, and what tells firms apart.

use super::{band, best, suggest};
use crate::{Band, Reason};

#[test]
fn spelling_abbreviation_and_legal_form_leave_a_name_strong() {
    let pairs = [
        ("Kowalski Brothers Masonry, LLC", "KOWALSKI BROS. MASONRY INC"),
        ("Zenith & Sons Electrical Contractors", "Zenith and Sons Elec. Contractors Co."),
        ("Müller Straßenbau GmbH", "MULLER STRASSENBAU"),
        ("The Vanderbilt Group", "Van der Bilt Group"),
        ("Halcyon Mechanical Services", "Halcyon Mech Svcs Ltd"),
        ("Three Rivers Drywall", "3 Rivers Drywall"),
        ("Smith, Jonathan Q", "Jonathan Q Smith"),
        ("Brightwater Paving", "BrightwaterPaving LLC"),
        ("ООО Ромашка Строй", "Romashka Stroi OOO"),
    ];
    for (there, here) in pairs {
        let suggestion = best(&[there], here).unwrap_or_else(|| panic!("{here} has no suggestion"));
        assert_eq!((suggestion.id.as_str(), suggestion.band), ("0", Band::Strong), "{here} {there}: {suggestion:?}");
    }
}

#[test]
fn a_misspelt_or_cut_name_is_found() {
    for here in [
        "Kowalsky Brothers Masonry",
        "Kowalski Brothers Mason",
        "Kowalksi Brothers Masonry",
        "Kowalski Masonry",
        "Kowalski Brothers Masonry of Ohio",
    ] {
        let suggestion = best(&["Kowalski Brothers Masonry"], here).unwrap_or_else(|| panic!("{here} has no suggestion"));
        assert_eq!(suggestion.id, "0", "{here}");
        assert!(suggestion.band >= Band::Likely, "{here}: {suggestion:?}");
    }
}

#[test]
fn a_trading_name_and_a_former_name_are_names() {
    for (there, here) in [
        ("Kowalski Holdings Inc. d/b/a Blue Door Cafe", "Blue Door Cafe"),
        ("Blue Door Cafe", "Kowalski Enterprises dba Blue Door Cafe"),
        ("Quillfeather Paving (formerly Oxbow Roads)", "Oxbow Roads LLC"),
    ] {
        let suggestion = best(&[there], here).unwrap_or_else(|| panic!("{here} has no suggestion"));
        assert!(suggestion.band >= Band::Likely, "{here}: {suggestion:?}");
        assert!(suggestion.reasons.contains(&Reason::OtherName), "{suggestion:?}");
    }
}

#[test]
fn what_tells_firms_apart_is_never_strong() {
    let pairs = [
        ("Kowalski Fund II", "Kowalski Fund III"),
        ("Ironworkers Local 63", "Ironworkers Local 136"),
        ("Northgate North Plumbing", "Northgate South Plumbing"),
        ("Kowalski Holdings", "Kowalski Electric"),
        ("Kowalski Electric", "Kowalski Realty"),
        ("J & M Drywall", "M & J Drywall"),
        ("Kowalski Plumbing", "Kowalski Roofing"),
        ("State Bank of Chile", "State Bank of China"),
        ("A & B Hauling", "A & C Hauling"),
        ("Subway #123", "Subway #456"),
        ("Quillfeather Bank (Asia)", "Quillfeather Bank (London)"),
        ("Chicago Plumbing & Water", "Chicago Water & Plumbing"),
        ("Goralsky Plumbing", "Gora Plumbing"),
    ];
    for (there, here) in pairs {
        let found = best(&[there], here);
        assert!(found.as_ref().is_none_or(|found| found.band < Band::Strong), "{here} {there}: {found:?}");
    }
}

#[test]
fn the_right_one_of_two_near_names_wins() {
    let others = ["Pier 12 Marine East", "Pier 12 Marine West", "Pier 21 Marine West"];
    let found = best(&others, "Pier 12 Marine, West").expect("a suggestion");
    assert_eq!((found.id.as_str(), found.band), ("1", Band::Strong), "{found:?}");
}

#[test]
fn a_common_name_is_less_sure_than_a_rare_one() {
    let common = best(&["General Construction"], "General Construction Services").expect("a suggestion");
    let rare = best(&["Quillfeather Construction"], "Quillfeather Construction Services").expect("a suggestion");
    assert!(common.probability < rare.probability, "{common:?} {rare:?}");
    assert!(common.band < Band::Strong);
}

#[test]
fn a_firm_without_a_counterpart_has_no_strong_suggestion() {
    for name in ["Thornton Bakery", "Keller Aviation", "Plumbing", "Mercer", "Redmond & Osborne", "Quimby Quarries", "Steel"] {
        let found = band(&[], name);
        assert!(found.is_none_or(|found| found < Band::Strong), "{name}");
    }
}

#[test]
fn the_reasons_say_what_is_equal_and_what_is_not() {
    let reasons = |there: &str, here: &str| best(&[there], here).expect("a suggestion").sentence();
    assert_eq!(reasons("Quillfeather Paving", "quillfeather  PAVING"), "names equal");
    assert_eq!(reasons("Quillfeather Paving LLC", "Quillfeather Paving"), "names equal after removing 'LLC'");
    assert_eq!(reasons("Quill Feather Paving", "Quillfeather Paving"), "names equal but for spaces");
    assert_eq!(
        reasons("Quillfeather Paving", "Quilfeather Paving"),
        "both names have 'paving'; 'quilfeather' is nearly 'quillfeather'"
    );
    assert_eq!(
        reasons("Quillfeather North", "Quillfeather South"),
        "both names have 'quillfeather'; 'south' here but 'north' there"
    );
}

#[test]
fn a_suggestion_speaks_for_or_against_by_its_reasons() {
    let found = best(&["Quillfeather North"], "Quillfeather South").expect("a suggestion");
    assert_eq!(found.reasons.iter().map(Reason::speaks_for).collect::<Vec<_>>(), [true, false]);
    assert!(suggest(&[], &super::named("x", "Zzyzx Qwfp")).is_empty());
}

#[test]
fn a_whole_name_is_strong_although_others_have_its_word() {
    let others = ["Express Inc", "American Express", "Express Steel Works", "Express Tile", "Federal Express Hauling"];
    let found = best(&others, "Express LLC").expect("a suggestion");
    assert_eq!((found.id.as_str(), found.band), ("0", Band::Strong), "{found:?}");
}

#[test]
fn the_spelling_that_is_nearer_comes_first() {
    let found = best(&["Arkay Heating", "ARKAY HTG CO", "Arkay Heating Inc"], "Arkay Htg").expect("a suggestion");
    assert_eq!(found.id, "1", "{found:?}");
}

#[test]
fn a_relative_is_no_spelling_however_rare_the_name() {
    for (there, here) in [
        ("Quillfeather Paving LLC", "Quillfeather Paving Holdings LLC"),
        ("Quillfeather Paving LLC", "Quillfeather Paving III LLC"),
        ("Quillfeather Paving LLC", "Quillfeather North Paving"),
        ("Quillfeather Paving LLC", "Quillfeather Paving of Arizona"),
        ("Quillfeather Paving LLC", "Quillfeather & Oxbow Paving"),
        ("Zimmermann Inc d/b/a Blue Door Cafe", "Oxbow LLC d/b/a Blue Door Cafe"),
    ] {
        let suggestion = best(&[there], here).unwrap_or_else(|| panic!("{here} has no suggestion"));
        assert!(suggestion.band < Band::Strong, "{here} {there}: {suggestion:?}");
    }
}

#[test]
fn a_slip_in_the_only_telling_word_or_in_the_form_leaves_a_name_strong() {
    for (there, here) in [
        ("Alpharockwell LLC", "Alphrockwell"),
        ("RSH Lüders Hochbau KG", "RSH LUEDERS HOCHBAU KG"),
        ("Quillfeather Paving, Inc.", "Quillfeather Paving, Incc."),
        ("Quillfeather Paving Corporation", "Quillfeather Paving Corporration"),
        ("Marcinek Construction, Inc.", "MARCINEK CONS TRUCTION"),
        ("ThePlan Northwood", "Plan Northwood"),
        ("Harrington Earthmoving Pty. Limited", "HARRINGTON EARTHMOVING P/L"),
    ] {
        let suggestion = best(&[there], here).unwrap_or_else(|| panic!("{here} has no suggestion"));
        assert_eq!(suggestion.band, Band::Strong, "{here} {there}: {suggestion:?}");
    }
}
