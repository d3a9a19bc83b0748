//! Names of firms as somebody else typed them: twelve kinds of damage, four of them to whole words. The same name and turn give the same
//! damage. Whether a damaged name still names one firm alone is judged by whoever asks.

/// How many kinds there are; `turn` says with which one to begin.
pub(super) const KINDS: usize = WAYS.len();

/// Every third damages a whole word.
const WAYS: [fn(&str) -> String; 12] = [
    word_dropped,
    case_changed,
    letters_swapped,
    word_added,
    legal_form_changed,
    letter_lost,
    words_swapped,
    punctuation_changed,
    letter_mistyped,
    words_abbreviated,
    words_joined,
    cut,
];

/// Legal forms as they end a name, longest first.
const FORMS: [&str; 12] = [
    " INCORPORATED",
    " CORPORATION",
    " COMPANY",
    " LIMITED",
    " L.L.C.",
    " CORP.",
    " CORP",
    " INC.",
    " LLC",
    " INC",
    " LTD",
    " CO",
];

/// Long words and what people write instead.
const SHORT: [(&str, &str); 20] = [
    ("CONSTRUCTION", "CONST"),
    ("CONTRACTORS", "CONTR"),
    ("CONTRACTING", "CONTR"),
    ("MECHANICAL", "MECH"),
    ("ELECTRICAL", "ELEC"),
    ("ELECTRIC", "ELEC"),
    ("PLUMBING", "PLBG"),
    ("HEATING", "HTG"),
    ("BROTHERS", "BROS"),
    ("BUILDERS", "BLDRS"),
    ("BUILDING", "BLDG"),
    ("SERVICES", "SVCS"),
    ("SERVICE", "SVC"),
    ("ASSOCIATES", "ASSOC"),
    ("DEVELOPMENT", "DEV"),
    ("MANAGEMENT", "MGMT"),
    ("ENTERPRISES", "ENT"),
    ("GENERAL", "GEN"),
    ("COMPANY", "CO"),
    ("INTERNATIONAL", "INTL"),
];

/// Words that stand between two others.
const JOINING: [&str; 8] = ["&", "+", "AND", "BY", "FOR", "OF", "THE", "TO"];

/// `name` damaged in the `turn`-th way (modulo [`KINDS`]); as it was where that way finds nothing to damage.
pub(super) fn damaged(name: &str, turn: usize) -> String {
    WAYS[turn % KINDS](name)
}

/// What a word in lower case is short for; itself where it is no abbreviation that is known here.
pub(super) fn in_full(word: &str) -> String {
    let short = word.to_ascii_uppercase();
    SHORT.iter().find(|(_, abbreviated)| *abbreviated == short).map_or_else(|| word.to_owned(), |(long, _)| long.to_lowercase())
}

/// The words of a name without its legal form, and the form as it is written.
fn parted(name: &str) -> (Vec<&str>, &str) {
    let upper = name.to_ascii_uppercase();
    let form = FORMS.iter().find(|form| upper.ends_with(*form));
    let (core, form) = name.split_at(name.len() - form.map_or(0, |form| form.len()));
    (core.trim_end_matches([' ', ',']).split_whitespace().collect(), form)
}

fn joined(words: &[&str], form: &str) -> String {
    format!("{}{form}", words.join(" "))
}

/// The last word goes, as people shorten a name: with what joined it, and not down to a single word.
fn word_dropped(name: &str) -> String {
    let (words, form) = parted(name);
    let joins = |word: &&&str| JOINING.contains(&word.to_ascii_uppercase().as_str());
    let left = &words[..words.len().saturating_sub(1)];
    let left = &left[..left.len() - left.iter().rev().take_while(joins).count()];
    if left.iter().filter(|word| !joins(word)).count() < 2 { name.to_owned() } else { joined(left, form) }
}

fn word_added(name: &str) -> String {
    let (words, form) = parted(name);
    match name.len() % 3 {
        0 => format!("THE {name}"),
        1 => format!("{} SERVICES{form}", words.join(" ")),
        _ => format!("{} GROUP{form}", words.join(" ")),
    }
}

fn words_swapped(name: &str) -> String {
    let (mut words, form) = parted(name);
    let plain = |word: &&str| word.chars().all(char::is_alphabetic);
    let Some(at) = (0..words.len().saturating_sub(1)).find(|at| plain(&words[*at]) && plain(&words[at + 1])) else {
        return name.to_owned();
    };
    words.swap(at, at + 1);
    joined(&words, form)
}

fn words_abbreviated(name: &str) -> String {
    let short = |word: &str| {
        let plain = word.trim_end_matches([',', '.']).to_ascii_uppercase();
        SHORT.iter().find(|(long, _)| *long == plain).map_or_else(|| word.to_owned(), |(_, short)| format!("{short}."))
    };
    name.split_whitespace().map(short).collect::<Vec<_>>().join(" ")
}

fn case_changed(name: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
        first + &letters.as_str().to_lowercase()
    };
    name.split_whitespace().map(capitalised).collect::<Vec<_>>().join(" ")
}

fn legal_form_changed(name: &str) -> String {
    let (words, form) = parted(name);
    match form.trim().to_ascii_uppercase().as_str() {
        "INC" | "INC." | "INCORPORATED" => format!("{}, LLC", words.join(" ")),
        "" => format!("{} INC", words.join(" ")),
        _ => words.join(" "),
    }
}

fn punctuation_changed(name: &str) -> String {
    name.replace('&', " AND ").replace('-', " ").replace(['.', ',', '\''], "").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words_joined(name: &str) -> String {
    let (words, form) = parted(name);
    match words.as_slice() {
        [first, second, rest @ ..] => joined(&[&[format!("{first}{second}").as_str()], rest].concat(), form),
        _ => name.to_owned(),
    }
}

/// As a form with few places keeps it.
fn cut(name: &str) -> String {
    const PLACES: usize = 22;
    name.chars().take(PLACES).collect::<String>().trim_end().to_owned()
}

fn letters_swapped(name: &str) -> String {
    slip(name, |letters, at| letters.swap(at, at + 1))
}

fn letter_lost(name: &str) -> String {
    slip(name, |letters, at| {
        letters.remove(at);
    })
}

fn letter_mistyped(name: &str) -> String {
    slip(name, |letters, at| letters[at] = if letters[at] == 'E' { 'A' } else { 'E' })
}

/// Damages one letter inside the longest word of five letters or more.
fn slip(name: &str, damage: impl FnOnce(&mut Vec<char>, usize)) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let letters = |word: &str| if word.chars().all(char::is_alphabetic) { word.chars().count() } else { 0 };
    let Some(longest) = (0..words.len()).max_by_key(|at| letters(words[*at])).filter(|at| letters(words[*at]) >= 5) else {
        return name.to_owned();
    };
    let mut changed: Vec<char> = words[longest].chars().collect();
    let at = 1 + name.len() % (changed.len() - 3);
    damage(&mut changed, at);
    let changed: String = changed.into_iter().collect();
    words.iter().enumerate().map(|(at, word)| if at == longest { changed.as_str() } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_damages_a_name_that_has_everything() {
        let name = "KOWALSKI & SONS GENERAL CONSTRUCTION SERVICES, INC.";
        let kinds: std::collections::HashSet<String> = (0..KINDS).map(|turn| damaged(name, turn)).collect();
        assert_eq!(kinds.len(), KINDS, "{kinds:?}");
        assert!(!kinds.contains(name), "{kinds:?}");
    }

    #[test]
    fn words_and_letters_are_damaged_as_people_do() {
        for (turn, name, expected) in [
            (0, "ACME STEEL WORKS INC", "ACME STEEL INC"),
            (0, "ACME STEEL INC", "ACME STEEL INC"),
            (0, "SWORD AND STONE LLC", "SWORD AND STONE LLC"),
            (0, "SWORD STONE & HILL LLC", "SWORD STONE LLC"),
            (4, "ACME STEEL, INC.", "ACME STEEL, LLC"),
            (4, "ACME STEEL LLC", "ACME STEEL"),
            (6, "ACME STEEL CO", "STEEL ACME CO"),
            (7, "O'BRIEN-SMITH & CO.", "OBRIEN SMITH AND CO"),
            (9, "SMITH BROTHERS ELECTRIC", "SMITH BROS. ELEC."),
            (10, "J & B STEEL", "J& B STEEL"),
            (11, "RELIABLE BUILDING SYSTEMS, INC.", "RELIABLE BUILDING SYST"),
        ] {
            assert_eq!(damaged(name, turn), expected, "{turn}");
        }
    }

    #[test]
    fn no_name_is_too_odd_to_be_damaged() {
        for name in ["", "A", "LLC", "Müller Söhne GmbH", "🦄", " INC", "株式会社山田"] {
            for turn in 0..KINDS {
                damaged(name, turn);
            }
        }
    }
}
