//! Which records may be the one that is looked for: a few dozen of many thousands, without comparing all.
//!
//! Names come from rare words and rare letter groups; records also from phone, e-mail, domain, tax id, number and house. A list that is longer
//! than a budget is not read: what thousands share finds nobody. The order in which lists were filled never matters, so that an index that
//! was updated answers as one that was built anew.

use crate::index::Index;
use crate::names;
use crate::query::Query;
use crate::weights;

/// The longest list of names with one word that is read.
const NAMES_PER_WORD: usize = 400;
/// How many entries of letter groups' lists are read for one name.
const GROUP_BUDGET: usize = 1_800;
/// The longest list of names with a misspelt word that is read.
const NAMES_PER_SLIP: usize = 100;
/// How many names are looked at for the common words that they share too.
const NAMES_LOOKED_AT: usize = 60;
/// How many names are compared in detail, for each name of the record.
const NAMES_COMPARED: usize = 20;
/// Names that share less than this part of what the best one shares are left out at once.
const WORTH_A_LOOK: f32 = 0.2;
/// The longest list of records with one value that is read.
const RECORDS_PER_VALUE: usize = 150;
/// How many records of one name are compared in detail; more of them are counted.
const RECORDS_PER_NAME: usize = 24;

/// Working memory of a search, kept between searches.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    scores: Vec<f32>,
    touched: Vec<u32>,
    seen: Vec<bool>,
}

/// What may answer.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Records, each once.
    pub(crate) slots: Vec<u32>,
    /// Names with more records than were taken, and how many were left.
    pub(crate) untaken: Vec<(u32, usize)>,
}

/// Finds the candidates of `query`.
pub(crate) fn find(index: &Index, query: &Query<'_>, workspace: &mut Workspace) -> Candidates {
    workspace.scores.resize(index.names.numbers_used(), 0.0);
    workspace.seen.resize(index.slots_used(), false);
    let mut nodes: Vec<u32> = Vec::new();
    for at in 0..query.forms.len() {
        for node in similar_names(index, query, at, workspace) {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
    }
    let mut candidates = Candidates::default();
    let itself = query.itself;
    let mut take = |slot: u32, seen: &mut Vec<bool>| {
        if Some(slot) != itself && !std::mem::replace(&mut seen[slot as usize], true) {
            candidates.slots.push(slot);
        }
    };
    for key in query.fields.keys().into_iter().filter(|key| key.finds()) {
        let list = index.sharing(key);
        if list.len() <= RECORDS_PER_VALUE {
            list.iter().for_each(|slot| take(*slot, &mut workspace.seen));
        }
    }
    let mut untaken = Vec::new();
    for node in nodes {
        let members = &index.names.node(node).members;
        members.iter().take(RECORDS_PER_NAME).for_each(|slot| take(*slot, &mut workspace.seen));
        if members.len() > RECORDS_PER_NAME {
            untaken.push((node, members.len() - RECORDS_PER_NAME));
        }
    }
    candidates.slots.iter().for_each(|slot| workspace.seen[*slot as usize] = false);
    candidates.untaken = untaken;
    candidates
}

/// The names most like one name of the record, by the rare words and letter groups that they share.
fn similar_names(index: &Index, query: &Query<'_>, at: usize, workspace: &mut Workspace) -> Vec<u32> {
    let form = &query.forms[at];
    let names = &index.names;
    let mut common = Vec::new();
    for word in &form.words {
        for other in &word.near {
            let list = &names.vocabulary.word(*other).names;
            if list.len() <= NAMES_PER_SLIP {
                workspace.add(list, names.vocabulary.worth(*other, names.len()) - weights::SLIP);
            }
        }
        let Some(number) = word.number else { continue };
        let list = &names.vocabulary.word(number).names;
        if list.len() <= NAMES_PER_WORD {
            workspace.add(list, word.worth);
        } else {
            common.push((number, word.worth));
        }
    }
    let mut groups: Vec<(usize, u16)> = names::groups(&form.form.key)
        .into_iter()
        .map(|group| (names.with_group(group).len(), group))
        .filter(|(length, _)| *length > 0)
        .collect();
    groups.sort_unstable();
    let mut read = 0;
    for (length, group) in groups {
        read += length;
        if read > GROUP_BUDGET {
            break;
        }
        let worth = ((names.len() as f32 + 1.0) / length as f32).ln();
        workspace.add(names.with_group(group), worth);
    }
    let mut best = workspace.best(index, &common);
    if let Some(node) = form.node
        && !best.contains(&node)
    {
        best.push(node);
    }
    best
}

impl Workspace {
    fn add(&mut self, list: &[u32], worth: f32) {
        for node in list {
            let score = &mut self.scores[*node as usize];
            if *score == 0.0 {
                self.touched.push(*node);
            }
            *score += worth.max(f32::MIN_POSITIVE);
        }
    }

    /// The best names for their length, and an empty workspace again. Words that are too common to find a name still speak for one that
    /// was found.
    fn best(&mut self, index: &Index, common: &[(u32, f32)]) -> Vec<u32> {
        let most = self.touched.iter().map(|node| self.scores[*node as usize]).fold(0.0, f32::max);
        let mut scored: Vec<(f32, u32)> = Vec::new();
        for node in self.touched.drain(..) {
            let score = std::mem::take(&mut self.scores[node as usize]);
            if score >= most * WORTH_A_LOOK {
                scored.push((score / length(index, node), node));
            }
        }
        cut(index, &mut scored, NAMES_LOOKED_AT);
        for (score, node) in &mut scored {
            let words = &index.names.node(*node).words;
            let shared: f32 = common.iter().filter(|(word, _)| words.contains(word)).map(|(_, worth)| worth).sum();
            *score += shared / length(index, *node);
        }
        cut(index, &mut scored, NAMES_COMPARED);
        scored.into_iter().map(|(_, node)| node).collect()
    }
}

/// What a name's score is divided by: a long one has more in common with any.
fn length(index: &Index, node: u32) -> f32 {
    f32::from(index.names.node(node).groups + 6).sqrt()
}

/// Leaves the best, in order.
fn cut(index: &Index, scored: &mut Vec<(f32, u32)>, most: usize) {
    let order = |one: &(f32, u32), other: &(f32, u32)| {
        let keys = || index.names.node(one.1).key.cmp(&index.names.node(other.1).key);
        other.0.total_cmp(&one.0).then_with(keys)
    };
    if scored.len() > most {
        scored.select_nth_unstable_by(most - 1, order);
        scored.truncate(most);
    }
    scored.sort_unstable_by(order);
}
