//! Legal forms: the words at the end of a firm's name that say what it is in law and not who it is.
//!
//! A form is removed only where something remains. Where a country writes it in front (ООО, 株式会社), that is known too.

use crate::words::Kind;

/// Forms of one word, as folding spells them; sorted, because they are searched by halves.
#[rustfmt::skip]
const FORMS: [&str; 119] = [
    "ab", "ad", "ag", "aktiengesellschaft", "aps", "as", "asa", "bhd", "bt", "bv", "bvba", "cie", "cjsc", "co", "company", "corp",
    "corporation", "cv", "cvba", "dac", "dd", "doo", "ead", "eei", "eg", "ehf", "eireli", "eirl", "ek", "eood", "epe", "eurl",
    "ev", "fzco", "fze", "fzllc", "gbr", "gesmbh", "ggmbh", "gie", "gk", "gmbh", "gte", "haftungsbeschrankt", "hf", "inc",
    "incorporated", "jsc", "kda", "kft", "kg", "kgaa", "kk", "lda", "limited", "limitee", "llc", "lllp", "llp", "lp", "ltd",
    "ltda", "ltee", "mbh", "nv", "nyrt", "oao", "ohg", "ojsc", "ood", "ooo", "oy", "oyj", "pa", "pao", "pc", "pjsc", "pl", "plc",
    "pllc", "pte", "pty", "pvt", "sa", "sagl", "saic", "sapa", "sapi", "sarl", "sas", "sasu", "sau", "sca", "scop", "scrl", "scs",
    "sdn", "se", "sgps", "sicav", "sl", "slu", "snc", "spa", "spj", "spk", "spol", "spolka", "spzoo", "srl", "srls", "sro", "tov",
    "ug", "ulc", "vof", "wll", "zao", "zrt",
];

/// Forms of several words.
const PHRASES: [&[&str]; 31] = [
    &["sp", "j"],
    &["obshchestvo", "s", "ogranichennoi", "otvetstvennostiu"],
    &["obshchestvo", "s", "ogranichennoi", "otvetstvennostyu"],
    &["public", "joint", "stock", "company"],
    &["open", "joint", "stock", "company"],
    &["closed", "joint", "stock", "company"],
    &["joint", "stock", "company"],
    &["public", "limited", "company"],
    &["limited", "liability", "company"],
    &["limited", "liability", "partnership"],
    &["limited", "liability", "co"],
    &["societatea", "cu", "raspundere", "limitata"],
    &["akcionernoe", "obshchestvo"],
    &["aktsionernoe", "obshchestvo"],
    &["professional", "corporation"],
    &["gu", "fen", "you", "xian", "gong", "si"],
    &["you", "xian", "ze", "ren", "gong", "si"],
    &["you", "xian", "gong", "si"],
    &["zhu", "shi", "hui", "she"],
    &["zhu", "sik", "hoe", "sa"],
    &["spolka", "z", "ograniczona", "odpowiedzialnoscia"],
    &["gesellschaft", "mit", "beschrankter", "haftung"],
    &["sp", "z", "oo"],
    &["sp", "zoo"],
    &["s", "de", "rl", "de", "cv"],
    &["sa", "de", "cv"],
    &["sapi", "de", "cv"],
    &["sa", "rl"],
    &["sar", "l"],
    &["private", "limited"],
    &["private", "ltd"],
];

/// Forms that stand in front of the name.
const LEADING: [&[&str]; 20] = [
    &["obshchestvo", "s", "ogranichennoi", "otvetstvennostiu"],
    &["obshchestvo", "s", "ogranichennoi", "otvetstvennostyu"],
    &["public", "joint", "stock", "company"],
    &["open", "joint", "stock", "company"],
    &["closed", "joint", "stock", "company"],
    &["joint", "stock", "company"],
    &["limited", "liability", "company"],
    &["societatea", "cu", "raspundere", "limitata"],
    &["akcionernoe", "obshchestvo"],
    &["aktsionernoe", "obshchestvo"],
    &["zhu", "shi", "hui", "she"],
    &["ooo"],
    &["zao"],
    &["oao"],
    &["pao"],
    &["tov"],
    &["jsc"],
    &["ojsc"],
    &["pjsc"],
    &["srl"],
];

/// Forms that mean nothing else wherever they stand ("Acme LLC Chicago").
#[rustfmt::skip]
const ANYWHERE: [&str; 24] = [
    "bhd", "bvba", "corp", "corporation", "doo", "eurl", "gmbh", "inc", "incorporated", "kft", "kgaa", "llc", "llp", "ltd", "ltda", "ohg",
    "oyj", "pllc", "pty", "pvt", "sarl", "sdn", "sro", "zrt",
];

/// Removes every form and names what was removed, `|` between them; a form never is all that there was.
pub(crate) fn take(words: &mut Vec<String>) -> String {
    let mut removed = Vec::new();
    let mut rest = words.clone();
    strip_leading(&mut rest);
    if rest.len() < words.len() {
        removed.push(short(&words[..words.len() - rest.len()]));
    }
    let before = rest.clone();
    strip_trailing(&mut rest);
    if rest.len() < before.len() {
        removed.push(short(&before[rest.len()..]));
    }
    let place = rest.iter().rposition(|word| !is_place(word)).map_or(0, |last| last + 1);
    let (mut head, places) = (rest[..place].to_vec(), rest[place..].to_vec());
    if !places.is_empty() {
        strip_trailing(&mut head);
    }
    if head.len() < place {
        removed.push(short(&rest[head.len()..place]));
        rest = [head, places].concat();
    }
    let inside = rest.iter().filter(|word| ANYWHERE.contains(&word.as_str())).count();
    if inside > 0 && inside < rest.len() {
        removed
            .extend(rest.iter().filter(|word| ANYWHERE.contains(&word.as_str())).map(|word| short(std::slice::from_ref(word))));
        rest.retain(|word| !ANYWHERE.contains(&word.as_str()));
    }
    *words = rest;
    removed.join("|")
}

/// Whether a word may follow a form and name the branch: "Acme Company of Chicago".
fn is_place(word: &str) -> bool {
    word == "of" || Kind::of(word) == Kind::Place
}

/// Mends a form at the end that was misspelt: "INCC", "Compnay", "Corportion".
pub(crate) fn mend(words: &mut [String]) {
    let from = words.len().saturating_sub(2).max(1);
    for word in words.iter_mut().skip(from) {
        if let Some(form) = meant(word) {
            form.clone_into(word);
        }
    }
}

/// The form that a word was meant to be; nothing when it is one already, or none.
fn meant(word: &str) -> Option<&'static str> {
    const LONG: [&str; 5] = ["company", "corporation", "incorporated", "limited", "gesellschaft"];
    const SHORT: [&str; 5] = ["corp", "gmbh", "inc", "llc", "ltd"];
    if is_form(word) {
        return None;
    }
    let mut once = word.as_bytes().to_vec();
    once.dedup();
    let doubled = |form: &&&str| once.len() < word.len() && word.len() <= form.len() + 1 && single(form) == once;
    let slip = |form: &&&str| word.len().abs_diff(form.len()) < 2 && crate::similarity::is_slip(word, form);
    SHORT.iter().find(doubled).or_else(|| LONG.iter().find(slip)).copied()
}

/// The letters of a form without those that repeat the one before.
fn single(form: &str) -> Vec<u8> {
    let mut letters = form.as_bytes().to_vec();
    letters.dedup();
    letters
}

/// Separates a form that was written onto the last word: "acmellc" is "acme llc".
pub(crate) fn unglue(words: &mut Vec<String>) {
    const GLUED: [(&str, usize); 8] =
        [("incorporated", 3), ("corporation", 3), ("company", 4), ("llc", 3), ("inc", 5), ("ltd", 3), ("corp", 4), ("gmbh", 3)];
    let Some(last) = words.last() else { return };
    let found = GLUED.iter().find(|(form, least)| last.len() >= form.len() + least && last.ends_with(form));
    if let Some((form, _)) = found {
        let rest = last[..last.len() - form.len()].to_owned();
        words.pop();
        words.push(rest);
        words.push((*form).to_owned());
    }
}

/// The usual abbreviation of a form, where the long one is common.
fn short(words: &[String]) -> String {
    match words.join(" ").as_str() {
        "incorporated" | "corporation" | "inc" | "corp" => "inc".to_owned(),
        "limited" | "ltd" | "ltee" | "limitee" | "co ltd" | "company limited" => "ltd".to_owned(),
        "limited liability company" | "limited liability co" | "llc" => "llc".to_owned(),
        "company" | "co" => "co".to_owned(),
        "aktiengesellschaft" => "ag".to_owned(),
        "open joint stock company" | "joint stock company" | "ojsc" | "oao" => "jsc".to_owned(),
        other => other.to_owned(),
    }
}

/// Removes every form at the end, and an "and" that joined two of them.
pub(crate) fn strip_trailing(words: &mut Vec<String>) {
    while words.len() > 1 {
        let length = trailing(words);
        if length == 0 || length >= words.len() {
            return;
        }
        words.truncate(words.len() - length);
        if words.len() > 1 && words.last().is_some_and(|word| word == "and") {
            words.pop();
        }
    }
}

/// Removes one form in front.
pub(crate) fn strip_leading(words: &mut Vec<String>) {
    let form = LEADING.iter().find(|form| form.len() < words.len() && words.iter().zip(**form).all(|(word, part)| word == part));
    if let Some(form) = form {
        words.drain(..form.len());
    }
}

/// Whether the word is a form by itself.
pub(crate) fn is_form(word: &str) -> bool {
    FORMS.binary_search(&word).is_ok()
}

/// How many words the form at the end has; 0 when there is none.
fn trailing(words: &[String]) -> usize {
    let phrase = PHRASES.iter().find(|phrase| {
        let rest = words.len().checked_sub(phrase.len());
        rest.is_some_and(|rest| rest > 0 && words[rest..].iter().zip(**phrase).all(|(word, part)| word == part))
    });
    if let Some(phrase) = phrase {
        return phrase.len();
    }
    let single = words.last().is_some_and(|word| FORMS.binary_search(&word.as_str()).is_ok());
    usize::from(single)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_in_front_of_a_place_is_one() {
        let taken = |name: &str| {
            let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
            let form = take(&mut words);
            (words.join(" "), form)
        };
        assert_eq!(taken("acme paving company of chicago"), ("acme paving of chicago".to_owned(), "co".to_owned()));
        assert_eq!(taken("acme co usa"), ("acme usa".to_owned(), "co".to_owned()));
        assert_eq!(taken("acme company builders"), ("acme company builders".to_owned(), String::new()), "a name goes on");
        assert_eq!(taken("company chicago"), ("company chicago".to_owned(), String::new()), "a form never is all that there was");
    }

    #[test]
    fn the_forms_are_sorted_and_each_stands_once() {
        assert!(FORMS.windows(2).all(|pair| pair[0] < pair[1]), "{FORMS:?}");
    }
}
