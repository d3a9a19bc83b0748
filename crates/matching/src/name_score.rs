//! What two names say about their bearers being one: shared words by how rare they are, less what each side has alone.

use crate::align::{self, Alignment, PairKind, Whole};
use crate::names::{Names, Node};
use crate::query::QueryForm;
use crate::weights::{self, Rates};
use crate::words::Kind;

/// What one side has alone, by kind of word.
#[derive(Clone, Copy, Debug, Default)]
struct Alone {
    /// What the most telling of the words is worth.
    word: f32,
    generic: u8,
    places: u8,
    relations: u8,
    directions: u8,
    numbers: u8,
    letters: u8,
}

/// What two names say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// In nats; positive speaks for a match.
    pub(crate) nats: f32,
    /// The same for two records that are found at one place: relatives are elsewhere more often than not, so what differs counts less.
    pub(crate) together: f32,
    /// Whether every word of each stands for one of the other.
    pub(crate) complete: bool,
}

/// What an alignment says.
pub(crate) fn say(alignment: &Alignment, query: &QueryForm<'_>, node: &Node, names: &Names, rates: &Rates) -> Said {
    let complete = alignment.whole != Whole::Different || (alignment.left == 0 && alignment.right == 0);
    let less =
        if alignment.whole == Whole::Different { difference(alignment, query, node, names, rates.relatives()) } else { 0.0 };
    let beyond = weights::MOST_BEYOND_RECORDS - less;
    let at = |beyond: f32| score(alignment, query, node, names, (rates.extra_words(), beyond));
    let together = beyond.max(weights::MOST_TOGETHER);
    Said { nats: at(beyond), together: at(together), complete }
}

/// The evidence of an alignment in nats; positive speaks for a match.
///
/// `extra` scales what words cost that only one side has; `beyond` is what names that differ are worth at most beyond finding one record.
fn score(alignment: &Alignment, query: &QueryForm<'_>, node: &Node, names: &Names, (extra, beyond): (f32, f32)) -> f32 {
    let whole = match alignment.whole {
        Whole::Equal => weights::WHOLE_NAME,
        Whole::Reordered if telling(query) => weights::WHOLE_NAME + weights::OTHER_ORDER,
        // "Chicago Plumbing & Water" and "Chicago Water & Plumbing" are two firms: nobody owns these words.
        Whole::Reordered => 0.0,
        Whole::Respaced => weights::WHOLE_NAME + weights::OTHER_SPACES,
        Whole::Different => 0.0,
    };
    let mut gains: Vec<f32> = match alignment.whole {
        Whole::Equal | Whole::Reordered => query.words.iter().map(|word| word.worth).collect(),
        Whole::Respaced => {
            let left: Vec<f32> = query.words.iter().map(|word| word.worth).collect();
            let right: Vec<f32> = node.words.iter().map(|word| names.vocabulary.worth(*word, names.len())).collect();
            // The side with fewer words: the spaces of the other are the slip, and their pieces would count twice.
            if left.len() <= right.len() { left } else { right }
        }
        Whole::Different => {
            let shared = align::bits(alignment.shared).map(|at| query.words[at].worth);
            shared.chain(alignment.pairs.iter().map(|pair| pair.gain)).collect()
        }
    };
    let swapped = if alignment.swapped { weights::SWAPPED_LETTERS } else { 0.0 };
    let gain = weighted(&mut gains, &weights::WORD_SHARES);
    let records = (names.len() as f32 + 1.0).ln();
    if alignment.whole != Whole::Different {
        return (gain + whole).max(least(alignment, query, node, records)).min(records + weights::MOST_BEYOND_RECORDS) - swapped;
    }
    let alike = if whole_but_spelling(alignment) && telling(query) { whole_but(alignment, query) } else { 0.0 };
    let most = (records + beyond).max(0.0);
    let score = (gain + alike).min(records + beyond + 3.0) - alone(alignment, query, node, names, extra) - swapped;
    // Above the ceiling more still orders candidates, though it says next to nothing.
    let above = (score - most).max(0.0) * weights::ABOVE_THE_MOST;
    score.clamp(weights::WORST_NAME * extra, most) + above
}

/// Whether every word of each side stands for one of the other.
fn whole_but_spelling(alignment: &Alignment) -> bool {
    let spelled = |pair: &align::Pair| !matches!(pair.kind, PairKind::Initial | PairKind::Acronym);
    alignment.left == 0 && alignment.right == 0 && alignment.pairs.iter().all(spelled)
}

/// What it says that all words stand for each other: the less the more words are as near as the misspelt one by chance.
fn whole_but(alignment: &Alignment, query: &QueryForm<'_>) -> f32 {
    let misspelt = alignment.pairs.iter().filter(|pair| pair.kind == PairKind::Misspelt);
    let less = misspelt.flat_map(|pair| {
        let part = if pair.cost < weights::SLIP { weights::CROWD_OF_SOUNDS } else { 1.0 };
        align::bits(pair.left).map(move |at| part * weights::crowded(query.words[at].crowd))
    });
    (weights::WHOLE_BUT_SPELLING - less.fold(0.0, f32::max)).max(0.0)
}

/// Whether one of the words is more than a trade, a place or initials.
pub(crate) fn telling(query: &QueryForm<'_>) -> bool {
    query.words.iter().any(|word| word.kind == Kind::Word && word.text.len() > 2)
}

/// What names that are equal are worth at least.
fn least(alignment: &Alignment, query: &QueryForm<'_>, node: &Node, records: f32) -> f32 {
    let beyond = if telling(query) { weights::LEAST_BEYOND_RECORDS } else { weights::LEAST_OF_COMMON_WORDS };
    if alignment.whole == Whole::Equal && !query.form.blank {
        records + beyond - (node.members.len().max(1) as f32).ln()
    } else {
        f32::NEG_INFINITY
    }
}

/// By how much names that differ are less sure than equal ones, whatever they share. What one list leaves out carelessly (`extra`) counts
/// less; a number, a direction or a holding counts in full.
fn difference(alignment: &Alignment, query: &QueryForm<'_>, node: &Node, names: &Names, extra: f32) -> f32 {
    let kind_there = |at: usize| names.vocabulary.word(node.words[at]).kind;
    let spelled: f32 = alignment
        .pairs
        .iter()
        .map(|pair| {
            let common = |kind: Kind| matches!(kind, Kind::Generic | Kind::Place);
            let is_common = align::bits(pair.left).any(|at| common(query.words[at].kind))
                || align::bits(pair.right).any(|at| common(kind_there(at)));
            let part = if is_common { weights::LESS_FOR_A_COMMON_SPELLING } else { weights::LESS_FOR_A_SPELLING };
            part * pair.cost
        })
        .sum();
    let here = align::bits(alignment.left).map(|at| (query.words[at].kind, query.words[at].worth));
    let there = align::bits(alignment.right).map(|at| (kind_there(at), names.vocabulary.worth(node.words[at], names.len())));
    // "Marino & Marino" is not "Marino".
    let again = if repeated(&query.form.key, query.words.len()) == repeated(&node.key, node.words.len()) { 0.0 } else { extra };
    let spelled = spelled + again * weights::LESS_FOR_A_LETTER;
    let mut alone: Vec<f32> = here.chain(there).map(|(kind, worth)| less(kind, worth, extra)).collect();
    spelled + weighted(&mut alone, &weights::EXTRA_SHARES)
}

/// How many words of a name stand there again.
fn repeated(key: &str, distinct: usize) -> usize {
    (key.split(' ').count().min(crate::name::WORDS_COMPARED)).saturating_sub(distinct)
}

/// By how much a word that only one side has lowers the ceiling.
fn less(kind: Kind, worth: f32, extra: f32) -> f32 {
    match kind {
        Kind::Word => extra * weights::LESS_FOR_A_WORD * (worth / weights::RARE_WORD).min(1.0),
        Kind::Generic => extra * weights::LESS_FOR_A_GENERIC,
        Kind::Place => {
            let (common, rare) = weights::LESS_FOR_A_PLACE;
            let (from, to) = weights::RARE_PLACE;
            extra * (common + (rare - common) * ((worth - from) / (to - from)).clamp(0.0, 1.0))
        }
        Kind::Relation | Kind::Direction | Kind::Number => weights::LESS_FOR_A_RELATIVE,
        Kind::Letter => extra * weights::LESS_FOR_A_LETTER,
    }
}

/// The sum with the largest first, each counting its share.
pub(crate) fn weighted(values: &mut [f32], shares: &[f32]) -> f32 {
    values.sort_by(|one, other| other.total_cmp(one));
    let last = shares.last().copied().unwrap_or_default();
    values.iter().enumerate().map(|(at, value)| value * shares.get(at).copied().unwrap_or(last)).sum()
}

/// What the words cost that only one side has.
fn alone(alignment: &Alignment, query: &QueryForm<'_>, node: &Node, names: &Names, extra: f32) -> f32 {
    let (mut left, mut right) = (Alone::default(), Alone::default());
    let mut costs: Vec<f32> = Vec::new();
    for at in align::bits(alignment.left) {
        let word = &query.words[at];
        left.count(word.kind, word.worth);
        costs.push(cost(word.kind, word.worth));
    }
    for at in align::bits(alignment.right) {
        let word = names.vocabulary.word(node.words[at]);
        let worth = names.vocabulary.worth(node.words[at], names.len());
        right.count(word.kind, worth);
        costs.push(cost(word.kind, worth));
    }
    extra * (weighted(&mut costs, &weights::EXTRA_SHARES) + left.unlike(right)) + left.against(right)
}

fn cost(kind: Kind, worth: f32) -> f32 {
    let share = |(share, most): (f32, f32)| (share * worth).min(most);
    match kind {
        Kind::Word => share(weights::EXTRA_WORD),
        Kind::Generic => share(weights::EXTRA_GENERIC),
        Kind::Place => share(weights::EXTRA_PLACE),
        Kind::Relation => weights::EXTRA_RELATION,
        Kind::Direction => weights::EXTRA_DIRECTION,
        Kind::Number => weights::EXTRA_NUMBER,
        Kind::Letter => weights::EXTRA_LETTER,
    }
}

impl Alone {
    fn count(&mut self, kind: Kind, worth: f32) {
        match kind {
            Kind::Word => self.word = self.word.max(worth),
            Kind::Generic => self.generic += 1,
            Kind::Place => self.places += 1,
            Kind::Relation => self.relations += 1,
            Kind::Direction => self.directions += 1,
            Kind::Number => self.numbers += 1,
            Kind::Letter => self.letters += 1,
        }
    }

    /// What words cost of which both sides have some that the other lacks. Where names are kept carelessly that happens to one firm.
    fn unlike(self, other: Self) -> f32 {
        let general = |side: Self| side.generic + side.relations;
        let telling = (self.word.min(other.word) / weights::TELLING_WORD).min(1.0);
        telling * weights::OTHER_WORD
            + both(general(self), general(other), weights::OTHER_GENERIC)
            + both(self.places, other.places, weights::OTHER_PLACE)
            + both(self.letters, other.letters, weights::OTHER_LETTER)
    }

    /// What contradictions cost, in whatever way names are kept.
    fn against(self, other: Self) -> f32 {
        both(self.directions, other.directions, weights::OTHER_DIRECTION)
            + both(self.numbers, other.numbers, weights::OTHER_NUMBER)
    }
}

fn both(left: u8, right: u8, cost: f32) -> f32 {
    if left > 0 && right > 0 { cost } else { 0.0 }
}
