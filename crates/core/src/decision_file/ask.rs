//! What a line of the decision file asks for, and what became of it.

use super::lines::Line;
use super::reason::{LineReason, Refusal};
use super::{DECISION, ImportOptions, MAPPING, ON_LOOKALIKE, RECORD_ID, TARGET, VERSION, restored};
use crate::error::{Result, Violations};
use crate::id::{ProviderId, RecordId};
use crate::mapping::{Choice, Decision, OnLookalike};

/// Where the columns stand that are read; others are a person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    number: usize,
    mapping: Option<usize>,
    record_id: Option<usize>,
    decision: usize,
    target: Option<usize>,
    on_lookalike: Option<usize>,
    version: Option<usize>,
}

/// What one line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The record.
    pub record: RecordId,
    /// What to do with it.
    pub choice: Choice,
    /// The version that the person saw; `None` = whatever it is now.
    pub expected_revision: Option<i64>,
}

/// One line of the file with what it asks for: `Ok(None)` leaves its row as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What it asks for, or why that can not be told.
    pub asked: std::result::Result<Option<Ask>, Refusal>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowOutcome {
    /// Its row has the decision now.
    Applied,
    /// It asks for nothing, or for what is so already.
    Unchanged,
    /// It was not carried out; the reason says why.
    Refused,
}

impl RowOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Applied, Self::Unchanged, Self::Refused];

    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }

    /// The outcome named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// A line and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRow {
    /// Its number in the file, from 1.
    pub line: u64,
    /// The record, where the line names one.
    pub record: Option<RecordId>,
    /// What became of it.
    pub outcome: RowOutcome,
    /// Why it was refused.
    pub reason: Option<LineReason>,
    /// The particulars of the reason, for a person.
    pub detail: String,
}

impl Columns {
    /// Reads the header; the order of columns, their case and further columns do not matter.
    ///
    /// # Errors
    /// `Invalid` for `csv` with every column that is missing or there twice.
    pub fn read(header: &Line) -> Result<Self> {
        let mut violations = Violations::default();
        let cells = match &header.cells {
            Ok(cells) => cells.as_slice(),
            Err(broken) => {
                violations.add("csv", format!("has no header: {}", LineReason::from(*broken).sentence()));
                &[]
            }
        };
        let names: Vec<String> = cells.iter().map(|cell| restored(cell).trim().to_ascii_lowercase()).collect();
        let mut find = |wanted: &str| {
            let mut places = names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(place, _)| place);
            let place = places.next();
            if places.next().is_some() {
                violations.add("csv", format!("has the column {wanted} twice"));
            }
            place
        };
        let (mapping, record_id, decision) = (find(MAPPING), find(RECORD_ID), find(DECISION));
        let (target, on_lookalike, version) = (find(TARGET), find(ON_LOOKALIKE), find(VERSION));
        if header.cells.is_ok() && mapping.is_none() && record_id.is_none() {
            violations.add("csv", format!("has neither a column {MAPPING} nor a column {RECORD_ID} in its first line"));
        }
        if header.cells.is_ok() && decision.is_none() {
            violations.add("csv", format!("has no column {DECISION} in its first line"));
        }
        let decision = decision.unwrap_or_default();
        violations.finish(Self { number: cells.len(), mapping, record_id, decision, target, on_lookalike, version })
    }

    /// What `line` of a file about `provider` asks for.
    #[must_use]
    pub fn ask(&self, line: &Line, provider: ProviderId, options: &ImportOptions) -> AskedLine {
        AskedLine { line: line.number, asked: self.asked(line, provider, options) }
    }

    fn asked(&self, line: &Line, provider: ProviderId, options: &ImportOptions) -> std::result::Result<Option<Ask>, Refusal> {
        let cells = line.cells.as_ref().map_err(|broken| Refusal::new((*broken).into(), ""))?;
        if cells.len() != self.number {
            let detail = format!("{} cells, the header has {}", cells.len(), self.number);
            return Err(Refusal::new(LineReason::CellCount, detail));
        }
        let cell = |place: Option<usize>| place.and_then(|place| cells.get(place)).map_or("", |cell| restored(cell).trim());
        let (word, target) = (cell(Some(self.decision)), cell(self.target));
        if word.is_empty() && target.is_empty() {
            return Ok(None);
        }
        let record = record(cell(self.mapping), cell(self.record_id), provider, options)?;
        let decision = decision(word)?;
        let target = match (decision, target) {
            (Decision::Match, "") => return Err(Refusal::new(LineReason::TargetMissing, "")),
            (Decision::Match, target) => {
                let id = target.strip_prefix(options.subject.targets()).and_then(|id| id.strip_prefix('/')).unwrap_or(target);
                Some(id.parse().map_err(|_| Refusal::new(LineReason::TargetUnknown, quoted(target)))?)
            }
            (Decision::Create | Decision::DoNotAdd, "") => None,
            (Decision::Create | Decision::DoNotAdd, target) => {
                return Err(Refusal::new(LineReason::TargetNotAllowed, quoted(target)));
            }
        };
        let rule = cell(self.on_lookalike);
        let on_lookalike = match decision {
            Decision::Create if rule.is_empty() => options.on_lookalike,
            Decision::Create => OnLookalike::parse(&rule.to_ascii_lowercase())
                .ok_or_else(|| Refusal::new(LineReason::OnLookalikeUnknown, quoted(rule)))?,
            Decision::Match | Decision::DoNotAdd => OnLookalike::default(),
        };
        let version = cell(self.version).trim_matches('"');
        let expected_revision = match version {
            "" => None,
            text => Some(text.parse().map_err(|_| Refusal::new(LineReason::VersionUnknown, quoted(text)))?),
        };
        Ok(Some(Ask { record, choice: Choice { decision, target, on_lookalike }, expected_revision }))
    }
}

/// The record that the cells name. The mapping's name wins: spreadsheets round long numbers, and it is none.
fn record(
    mapping: &str,
    record_id: &str,
    provider: ProviderId,
    options: &ImportOptions,
) -> std::result::Result<RecordId, Refusal> {
    let unknown = |text: &str| Refusal::new(LineReason::MappingUnknown, quoted(text));
    match (mapping, record_id) {
        ("", "") => Err(Refusal::new(LineReason::MappingMissing, "")),
        ("", id) => id.parse().map_err(|_| unknown(id)),
        (name, _) => {
            let parent = format!("providers/{provider}/{}/", options.subject.mappings());
            name.strip_prefix(&parent).unwrap_or(name).parse().map_err(|_| unknown(name))
        }
    }
}

fn decision(word: &str) -> std::result::Result<Decision, Refusal> {
    if word.is_empty() {
        return Err(Refusal::new(LineReason::DecisionMissing, ""));
    }
    let plain = word.to_ascii_lowercase().replace([' ', '-'], "_");
    Decision::parse(&plain).ok_or_else(|| Refusal::new(LineReason::DecisionUnknown, quoted(word)))
}

/// What a person wrote, as far as it helps to find it again.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 100;
    let shown: String = text.chars().take(LONGEST).collect();
    let more = if text.chars().nth(LONGEST).is_some() { ".." } else { "" };
    format!("`{shown}{more}`")
}

#[cfg(test)]
mod tests {
    use super::super::Scanner;
    use super::*;
    use crate::id::TargetId;
    use crate::mapping::Subject;

    fn asks(text: &str, provider: ProviderId) -> Vec<std::result::Result<Option<Ask>, LineReason>> {
        let options = ImportOptions { subject: Subject::Vendor, confirm: false, on_lookalike: OnLookalike::Hold };
        let mut scanner = Scanner::new();
        scanner.feed(text.as_bytes());
        scanner.end();
        let columns = Columns::read(&scanner.next_line().expect("a header")).expect("columns");
        let lines = std::iter::from_fn(|| scanner.next_line());
        lines.map(|line| columns.ask(&line, provider, &options).asked.map_err(|refusal| refusal.reason)).collect()
    }

    #[test]
    fn a_line_says_what_to_do_or_why_that_can_not_be_told() {
        let (provider, target) = (ProviderId::generate(), TargetId::generate());
        let text = format!(
            "Decision,note,MAPPING,record_id,target,on_lookalike,version\n\
             match,x,providers/{provider}/partyMappings/7,9.1E+3,parties/{target},,3\n\
             Do Not Add,,,'-8,,,\n\
             create,,,9,,create,\"\"\"5\"\"\"\n\
             ,,,10,,,\n\
             ,,,11,{target},,\n\
             ,,,,,\n\
             create,,,,,,\n\
             create,,providers/{}/partyMappings/7,,,,\n\
             delete,,,7,,,\n\
             match,,,7,,,\n\
             match,,,7,projects/{target},,\n\
             create,,,7,{target},,\n\
             create,,,7,,maybe,\n\
             create,,,7,,,x\n",
            ProviderId::generate()
        );
        let choice = |decision, target, on_lookalike| Choice { decision, target, on_lookalike };
        let ask = |record, choice, expected_revision| Ok(Some(Ask { record: RecordId(record), choice, expected_revision }));
        let expected = [
            ask(7, choice(Decision::Match, Some(target), OnLookalike::Hold), Some(3)),
            ask(-8, choice(Decision::DoNotAdd, None, OnLookalike::Hold), None),
            ask(9, choice(Decision::Create, None, OnLookalike::Create), Some(5)),
            Ok(None),
            Err(LineReason::DecisionMissing),
            Err(LineReason::MappingMissing),
            Err(LineReason::MappingUnknown),
            Err(LineReason::DecisionUnknown),
            Err(LineReason::TargetMissing),
            Err(LineReason::TargetUnknown),
            Err(LineReason::TargetNotAllowed),
            Err(LineReason::OnLookalikeUnknown),
            Err(LineReason::VersionUnknown),
        ];
        assert_eq!(asks(&text, provider), expected, "a line of empty cells is none");
    }

    #[test]
    fn a_header_must_name_the_record_and_the_decision() {
        let columns = |text: &str| {
            let mut scanner = Scanner::new();
            scanner.feed(text.as_bytes());
            scanner.end();
            match Columns::read(&scanner.next_line().expect("a line")) {
                Err(crate::Error::Invalid(violations)) => violations.len(),
                Ok(_) => 0,
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(columns("a,b\n"), 2);
        assert_eq!(columns("record_id,record_id,target\n"), 2);
        assert_eq!(columns("\"record_id,decision\n"), 1);
        assert_eq!(columns("record_id;decision;x\n"), 0);
    }

    #[test]
    fn every_word_reads_back() {
        assert!(LineReason::ALL.into_iter().all(|reason| LineReason::parse(reason.as_str()) == Some(reason)));
        assert!(RowOutcome::ALL.into_iter().all(|outcome| RowOutcome::parse(outcome.as_str()) == Some(outcome)));
    }
}
