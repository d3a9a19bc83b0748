//! From evidence to probability: every candidate's evidence, the prior, and the competition between candidates.
//!
//! A candidate's odds are those of any record of the list (`partner / records`) times what names and fields say. The probability divides its
//! odds by everybody's, "nobody" included; candidates that are themselves one firm do not compete with each other.

use crate::align::{self, Whole};
use crate::candidates::{self, Candidates, Workspace};
use crate::evidence::{Comparison, Field, Findings, Level};
use crate::index::{Called, Entry, Index};
use crate::name::{Form, Subject};
use crate::name_score::{self, Said};
use crate::query::{Query, QueryForm};
use crate::weights;
use crate::words::Kind;

/// How many of the best candidates are compared with each other.
const COMPETITORS: usize = 5;

/// A candidate whose odds are lower by this much (nats) does not need to be compared with the best.
const FAR_BEHIND: f32 = 4.0;

/// Candidates below these odds are not compared with each other: whatever they are, they are WEAK.
const HOPELESS: f32 = -3.0;

/// The most that two records of one list are taken for one firm when nothing but their names agrees.
const SAME_BY_NAME_ONLY: f32 = 0.98;

/// A candidate and what speaks for it.
#[derive(Debug)]
pub(crate) struct Scored {
    pub(crate) slot: u32,
    /// Logarithm of the odds, before competition.
    pub(crate) odds: f32,
    /// Which of the query's names and of the entry's names fit best; nothing when one has none.
    pub(crate) by: Option<(usize, usize)>,
    pub(crate) name: f32,
    /// Whether neither of these names has a word that the other lacks.
    pub(crate) complete: bool,
    pub(crate) findings: Findings,
    pub(crate) probability: f32,
}

impl Scored {
    /// The probability if there were no other candidate.
    pub(crate) fn alike(&self) -> f32 {
        1.0 / (1.0 + (-self.odds).exp())
    }
}

/// Every candidate of `query`, the most probable first, at most `keep` of them.
pub(crate) fn rank(index: &Index, query: &Query<'_>, workspace: &mut Workspace, keep: usize) -> Vec<Scored> {
    let candidates = candidates::find(index, query, workspace);
    let prior = prior(index);
    let mut known = Known::default();
    let mut scored: Vec<Scored> = candidates.slots.iter().map(|slot| compare(index, query, *slot, prior, &mut known)).collect();
    let order = |one: &Scored, other: &Scored| {
        other.odds.total_cmp(&one.odds).then_with(|| index.entry(one.slot).id.cmp(&index.entry(other.slot).id))
    };
    scored.sort_unstable_by(order);
    compete(index, query, &candidates, prior, &mut scored);
    scored.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    scored.truncate(keep);
    scored
}

/// One record of the index beside `query`, whether it would be found or not; it competes with nobody.
pub(crate) fn one(index: &Index, query: &Query<'_>, slot: u32) -> Scored {
    compare(index, query, slot, prior(index), &mut Known::default())
}

/// The odds of any one record before anything is compared.
fn prior(index: &Index) -> f32 {
    // A list of a few records knows little of its market: it is less likely to have the one that is looked for.
    let records = index.len().max(1) as f32;
    let partner = index.rates.partner * records / (records + weights::FEW_RECORDS);
    (partner / (1.0 - partner)).ln() - records.ln()
}

fn compare(index: &Index, query: &Query<'_>, slot: u32, prior: f32, known: &mut Known) -> Scored {
    let entry = index.entry(slot);
    let comparison = Comparison {
        left: query.fields,
        right: &entry.fields,
        slot,
        rates: &index.rates,
        frequencies: index,
        own: usize::from(query.itself.is_some()),
        subject: index.subject,
    };
    let findings = comparison.findings();
    let Named { nats: name, by, complete } = best_name(index, query, entry, known, found_together(&findings));
    let respelled = !complete && query.fields.spelled == entry.fields.spelled && by.is_some();
    let name = if respelled { name.max(same_letters(index)) } else { name };
    let complete = complete || respelled;
    let written = match by {
        Some(_) if query.fields.written == entry.fields.written => weights::AS_WRITTEN,
        Some(_) if query.fields.spelled == entry.fields.spelled => weights::AS_SPELLED,
        Some(_) | None => 0.0,
    };
    let same_line = query.fields.address_written != 0 && query.fields.address_written == entry.fields.address_written;
    let written = written + if same_line { weights::ADDRESS_AS_WRITTEN } else { 0.0 };
    let chain = chain_elsewhere(index, entry, by, &findings);
    let odds = prior + name + written + chain + findings.total();
    Scored { slot, odds, by, name, complete, findings, probability: 0.0 }
}

/// What names of the same letters say whose words were torn apart so that they do not look alike ("CONS TRUCTION").
fn same_letters(index: &Index) -> f32 {
    (index.names.len() as f32 + 1.0).ln() + weights::LEAST_BEYOND_RECORDS + weights::OTHER_SPACES
}

/// Scores of names that were compared already, by the query's name and the node.
#[derive(Debug, Default)]
struct Known(Vec<(usize, u32, Said)>);

impl Known {
    fn score(&mut self, index: &Index, form: &QueryForm<'_>, at: usize, number: u32) -> Said {
        if let Some((_, _, score)) = self.0.iter().rev().find(|(known, node, _)| *known == at && *node == number) {
            return *score;
        }
        let node = index.names.node(number);
        let said = name_score::say(&align::align(form, node, &index.names), form, node, &index.names, &index.rates);
        self.0.push((at, number, said));
        said
    }
}

/// The pair of names that fits best.
#[derive(Debug, Default)]
struct Named {
    nats: f32,
    /// Which of the query's names and which of the entry's; nothing when one has none.
    by: Option<(usize, usize)>,
    complete: bool,
}

/// The best pair of names, each of the query's against each of the entry's.
fn best_name(index: &Index, query: &Query<'_>, entry: &Entry, known: &mut Known, together: bool) -> Named {
    // When both have something in brackets, leaving it out on either side leaves out what may tell them apart.
    let bracketed = query.forms.iter().any(|form| form.form.bare) && entry.names.iter().any(|called| called.bare);
    // The town that one name tells and the other leaves out is no difference where both are in it.
    let one_town = query.fields.city.is_some() && query.fields.city == entry.fields.city;
    let mut best = Named::default();
    for (left, form) in query.forms.iter().enumerate() {
        for (right, called) in entry.names.iter().enumerate() {
            let said = known.score(index, form, left, called.node);
            let says = if together { said.together } else { said.nats };
            let says = if form.form.blank { says.min(0.0) } else { says };
            let second = if bracketed && (form.form.bare || called.bare) {
                weights::OTHER_BRACKETS
            } else if (form.form.bare || called.bare) && !one_town {
                weights::ONE_BRACKET
            } else if form.form.alias && called.alias {
                weights::SECOND_NAMES
            } else if form.form.alias || called.alias {
                weights::SECOND_NAME
            } else {
                0.0
            };
            let score = says + legal(form.form, called) + second;
            if best.by.is_none() || score > best.nats {
                best = Named { nats: score, by: Some((left, right)), complete: said.complete };
            }
        }
    }
    best
}

fn legal(form: &Form, called: &Called) -> f32 {
    if form.legal.is_empty() || called.legal.is_empty() {
        0.0
    } else if *form.legal == *called.legal {
        weights::SAME_LEGAL_FORM
    } else {
        weights::OTHER_LEGAL_FORM
    }
}

/// Whether both records have one phone, one address or one e-mail address.
fn found_together(findings: &Findings) -> bool {
    let same = |field: Field| matches!(findings.level(field), Some(Level::Same(_) | Level::OtherUnit));
    [Field::Phone, Field::Address, Field::Email].into_iter().any(same)
}

/// Whether the names contradict each other, whatever else agrees: other numbers, other directions, a holding and its firm; of projects also
/// another phase or work.
pub(crate) fn contradicted(index: &Index, query: &Query<'_>, scored: &Scored) -> bool {
    let Some((left, right)) = scored.by else { return false };
    let form = &query.forms[left];
    let node = index.names.node(index.entry(scored.slot).names[right].node);
    let alignment = align::align(form, node, &index.names);
    let here: Vec<Kind> = align::bits(alignment.left).map(|at| form.words[at].kind).collect();
    let there: Vec<Kind> = align::bits(alignment.right).map(|at| index.names.vocabulary.word(node.words[at]).kind).collect();
    let both = |kind: Kind| here.contains(&kind) && there.contains(&kind);
    // "Foo Holdings" beside "Foo Electric": the holding differs by nothing but what it is.
    let is_holding = |alone: &[Kind]| {
        alone.contains(&Kind::Relation) && alone.iter().all(|kind| matches!(kind, Kind::Relation | Kind::Generic | Kind::Place))
    };
    let relation = (is_holding(&here) && !there.is_empty()) || (is_holding(&there) && !here.is_empty());
    let unlike = both(Kind::Number) || both(Kind::Direction) || relation;
    // A number, a direction or a holding on one side: a branch or a parent, unless both are found at one place.
    let apart = |alone: &[Kind]| alone.iter().any(|kind| matches!(kind, Kind::Number | Kind::Direction | Kind::Relation));
    let unlike = unlike || ((apart(&here) || apart(&there)) && !found_together(&scored.findings));
    let project = index.subject == Subject::Project && other_work(&scored.findings, &here, &there, alignment.whole);
    let nobodys = |kind: Kind| matches!(kind, Kind::Generic | Kind::Place | Kind::Relation | Kind::Direction);
    let common_words =
        alignment.whole == Whole::Reordered && form.words.iter().all(|word| nobodys(word.kind)) && scored.findings.total() <= 0.0;
    common_words || project || (alignment.whole == Whole::Different && unlike)
}

/// Whether two projects may be two works of one house: another phase, floor or trade, or another number. Works that began together at one
/// address are one work, unless both sides have what the other lacks.
fn other_work(findings: &Findings, here: &[Kind], there: &[Kind], whole: Whole) -> bool {
    let same = |field: Field| matches!(findings.level(field), Some(Level::Same(_)));
    let one_work = same(Field::Dates) && (same(Field::Address) || same(Field::Owner));
    let numbered = here.contains(&Kind::Number) || there.contains(&Kind::Number);
    let both = !here.is_empty() && !there.is_empty();
    let some = !here.is_empty() || !there.is_empty();
    let other_number = findings.level(Field::Number) == Some(Level::Different);
    if whole != Whole::Different {
        return other_number && !one_work;
    }
    both || ((numbered || some || other_number) && !one_work)
}

/// A name borne at several places is a chain: there another place is another shop.
fn chain_elsewhere(index: &Index, entry: &Entry, by: Option<(usize, usize)>, findings: &Findings) -> f32 {
    let Some((_, right)) = by else { return 0.0 };
    let several = index.names.node(entry.names[right].node).members.len() > 2;
    let elsewhere = findings.level(Field::Address) == Some(Level::Different)
        || (findings.level(Field::Address).is_none() && findings.level(Field::City) == Some(Level::Different));
    if several && elsewhere { weights::CHAIN_ELSEWHERE } else { 0.0 }
}

/// Turns odds into probabilities: each candidate against all others and against nobody.
fn compete(index: &Index, query: &Query<'_>, candidates: &Candidates, prior: f32, scored: &mut [Scored]) {
    let Some(best) = scored.first().map(|first| first.odds) else { return };
    let top = best.max(0.0);
    let mass = |odds: f32| (odds - top).exp();
    let nobody = mass(0.0);
    let unseen: f32 =
        candidates.untaken.iter().map(|(node, count)| *count as f32 * mass(prior + unseen_name(index, query, *node))).sum();
    let masses: Vec<f32> = scored.iter().map(|candidate| mass(candidate.odds)).collect();
    let mut sums: Vec<f32> = Vec::with_capacity(scored.len());
    let all: f32 = masses.iter().sum();
    let rivals = scored.iter().take(COMPETITORS).take_while(|other| other.odds > (best - FAR_BEHIND).max(HOPELESS)).count();
    let mut shared = [[0.0_f32; COMPETITORS]; COMPETITORS];
    for left in 0..rivals {
        for right in left + 1..rivals {
            let same = sameness(index, scored[left].slot, scored[right].slot, prior);
            shared[left][right] = same;
            shared[right][left] = same;
        }
    }
    for (at, mine) in masses.iter().enumerate() {
        let one_firm: f32 = if at < rivals { (0..rivals).map(|other| masses[other] * shared[at][other]).sum() } else { 0.0 };
        let others = (all - mine - one_firm).max(0.0);
        sums.push(mine / (mine + others + nobody + unseen));
    }
    for (candidate, probability) in scored.iter_mut().zip(sums) {
        candidate.probability = probability;
    }
}

/// The evidence of a name whose records were too many to look at.
fn unseen_name(index: &Index, query: &Query<'_>, number: u32) -> f32 {
    let node = index.names.node(number);
    let score = |form: &QueryForm<'_>| {
        name_score::say(&align::align(form, node, &index.names), form, node, &index.names, &index.rates).nats
    };
    query.forms.iter().map(score).fold(weights::WORST_NAME, f32::max)
}

/// How probable it is that two records of the list are one firm, entered twice.
fn sameness(index: &Index, left: u32, right: u32, prior: f32) -> f32 {
    let slot = right;
    let (left, right) = (index.entry(left), index.entry(right));
    let forms: Vec<Form> = left.names.iter().map(|called| form_of(index, called)).collect();
    let forms = forms.iter().map(|form| QueryForm::new(form, &index.names)).collect();
    let query = Query { forms, fields: &left.fields, itself: None };
    let comparison = Comparison {
        left: &left.fields,
        right: &right.fields,
        slot,
        rates: &index.rates,
        frequencies: index,
        own: 1,
        subject: index.subject,
    };
    let findings = comparison.findings();
    let together = found_together(&findings);
    let Named { nats: name, by, .. } = best_name(index, &query, right, &mut Known::default(), together);
    let fields = findings.total();
    let odds = prior + name + fields + chain_elsewhere(index, right, by, &findings);
    let probability = 1.0 / (1.0 + (-odds).exp());
    if fields > 3.0 { probability } else { probability.min(SAME_BY_NAME_ONLY) }
}

pub(crate) fn form_of(index: &Index, called: &Called) -> Form {
    let node = index.names.node(called.node);
    let words = node.words.iter().map(|word| index.names.vocabulary.word(*word).text.to_string()).collect();
    Form {
        words,
        key: node.key.to_string(),
        legal: called.legal.to_string(),
        blank: false,
        alias: called.alias,
        bare: called.bare,
    }
}
