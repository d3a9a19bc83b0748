//! Names of firms that are others although most of the name is the same: what a matcher must not take for the firm itself.

/// How many kinds there are; `turn` says with which one to begin.
pub(super) const KINDS: usize = WAYS.len();

const WAYS: [fn(&str) -> String; 6] = [other_number, other_direction, other_branch, holding, other_trade, other_generation];

/// Trades, each with another one.
const TRADES: [(&str, &str); 12] = [
    ("ELECTRICAL", "PLUMBING"),
    ("ELECTRIC", "PLUMBING"),
    ("PLUMBING", "ELECTRIC"),
    ("CONSTRUCTION", "LANDSCAPING"),
    ("BUILDERS", "TRUCKING"),
    ("ROOFING", "FLOORING"),
    ("MASONRY", "PAINTING"),
    ("CONCRETE", "GLASS"),
    ("MECHANICAL", "ROOFING"),
    ("HEATING", "FENCE"),
    ("CARPENTRY", "SIGNS"),
    ("DEVELOPMENT", "TOWING"),
];

/// Directions, each with another one.
const DIRECTIONS: [(&str, &str); 8] = [
    ("NORTH", "SOUTH"),
    ("SOUTH", "NORTH"),
    ("EAST", "WEST"),
    ("WEST", "EAST"),
    ("NORTHERN", "SOUTHERN"),
    ("SOUTHERN", "NORTHERN"),
    ("EASTERN", "WESTERN"),
    ("WESTERN", "EASTERN"),
];

/// The name of another firm, made in the `turn`-th way (modulo [`KINDS`]).
pub(super) fn lookalike(name: &str, turn: usize) -> String {
    WAYS[turn % KINDS](name)
}

/// Whether firms of this kind are told apart by where they are, and are in the town [`BRANCH_TOWN`].
pub(super) fn is_branch(turn: usize) -> bool {
    turn % KINDS == 2
}

/// Where the branch is: a town in which the simulator has nobody.
pub(super) const BRANCH_TOWN: &str = "Ketchikan";

/// Another number where there is one, a number where there is none.
fn other_number(name: &str) -> String {
    let digits: String = name.chars().filter(char::is_ascii_digit).take(4).collect();
    match digits.parse::<u32>() {
        Ok(number) if name.contains(&digits) => name.replacen(&digits, &(number + 1).to_string(), 1),
        Ok(_) | Err(_) => format!("{} 2", core(name)),
    }
}

fn other_direction(name: &str) -> String {
    exchanged(name, &DIRECTIONS).unwrap_or_else(|| format!("{} NORTH", core(name)))
}

fn other_branch(name: &str) -> String {
    format!("{} OF {}", core(name), BRANCH_TOWN.to_uppercase())
}

fn holding(name: &str) -> String {
    format!("{} HOLDINGS LLC", core(name))
}

fn other_trade(name: &str) -> String {
    exchanged(name, &TRADES).unwrap_or_else(|| {
        let first = name.split_whitespace().next().unwrap_or_default();
        format!("{first} BAKERY")
    })
}

fn other_generation(name: &str) -> String {
    format!("{} III", core(name))
}

/// A name without its legal form.
fn core(name: &str) -> &str {
    const FORMS: [&str; 10] = ["INCORPORATED", "CORPORATION", "COMPANY", "L.L.C.", "CORP.", "CORP", "INC.", "LLC", "INC", "LTD"];
    let end = name.rfind(' ').filter(|at| FORMS.contains(&name[at + 1..].to_ascii_uppercase().as_str()));
    name[..end.unwrap_or(name.len())].trim_end_matches([' ', ','])
}

/// `name` with the first word that `pairs` knows exchanged.
fn exchanged(name: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let mut words: Vec<&str> = name.split_whitespace().collect();
    let found = |word: &&str| pairs.iter().find(|(from, _)| word.trim_end_matches(',').eq_ignore_ascii_case(from));
    let (at, (_, to)) = words.iter().enumerate().find_map(|(at, word)| Some((at, found(word)?)))?;
    words[at] = to;
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_makes_another_firm() {
        for (turn, name, expected) in [
            (0, "LOCAL 134 WORKS INC", "LOCAL 135 WORKS INC"),
            (0, "ACME STEEL, INC.", "ACME STEEL 2"),
            (1, "NORTH SHORE PAVING", "SOUTH SHORE PAVING"),
            (1, "ACME LLC", "ACME NORTH"),
            (2, "ACME LLC", "ACME OF KETCHIKAN"),
            (3, "ACME STEEL CORP.", "ACME STEEL HOLDINGS LLC"),
            (4, "DIAZ ELECTRIC CO", "DIAZ PLUMBING CO"),
            (4, "DIAZ INC", "DIAZ BAKERY"),
            (5, "ACME INC", "ACME III"),
        ] {
            assert_eq!(lookalike(name, turn), expected, "{turn}");
        }
        for name in ["", "LLC", "🦄", "Ж"] {
            (0..KINDS).for_each(|turn| drop(lookalike(name, turn)));
        }
    }
}
