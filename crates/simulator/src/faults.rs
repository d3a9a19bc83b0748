//! Scripted faults: which calls go wrong, and how. Only calls that were let in (valid token, not refused by the limiter)
//! are looked at, so that `landed` counts faults that a client really met. What each action does to a call is in
//! `service.rs`; scripts live in memory only.

use serde::{Deserialize, Serialize};

use crate::drift::Drift;
use crate::generate::{Pick, Purpose};
use crate::reply::Shape;

/// A fault as it is scripted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    #[serde(rename = "match", default)]
    pub(crate) matching: Matching,
    pub(crate) action: Action,
}

/// Which calls a fault hits: all conditions hold. `nth`, `every` and `probability` count the calls that match the rest;
/// without any of them every such call is hit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Matching {
    pub(crate) method: Option<String>,
    /// Normalized route, as the journal writes it. Without it only `/rest` calls match.
    pub(crate) route: Option<String>,
    /// Part of the path with query.
    pub(crate) path_contains: Option<String>,
    pub(crate) company_id: Option<u64>,
    /// Only the nth such call, from 1.
    pub(crate) nth: Option<u64>,
    /// Every so many calls.
    pub(crate) every: Option<u64>,
    /// With this chance, 0 to 1.
    pub(crate) probability: Option<f64>,
    /// Seed of the chance.
    pub(crate) seed: u64,
    /// At most so often.
    pub(crate) times: Option<u64>,
}

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Action {
    /// An error status instead of the work.
    Status(StatusFault),
    /// The call is taken and never answered.
    Hang,
    /// The body comes in small pieces.
    Slow {
        delay_ms: u64,
        #[serde(default = "small_piece")]
        chunk_bytes: usize,
    },
    /// The connection ends in the middle of the body.
    Truncated,
    /// The work is done, but the connection ends before the answer.
    LoseReply,
    /// The connection ends before the work.
    Reset,
    /// 200 with a login page.
    #[serde(rename = "html_200")]
    Html200,
    /// 200 with nothing.
    #[serde(rename = "empty_200")]
    Empty200,
    /// 200 with a body that breaks off inside a string.
    BadJson,
    /// The answer is right; afterwards the listed rows move.
    Drift(Drift),
    /// The answer is that of the page before, as from a cache that is behind.
    PageBefore,
    /// The list is as long as it says, and this page of it is empty.
    EmptyPage,
    /// The answer is right; afterwards every token is invalid.
    StopTokens,
}

/// An error status and how it looks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StatusFault {
    pub(crate) status: u16,
    /// Seconds in `Retry-After`; without it the header is left out.
    pub(crate) retry_after_s: Option<u64>,
    /// `Retry-After` as it is written here, instead.
    pub(crate) retry_after: Option<String>,
    /// `Retry-After` as the date that comes in so many seconds, instead.
    pub(crate) retry_after_date_in_s: Option<u32>,
    /// For 429: seconds until `X-Rate-Limit-Reset`. Default: as `retry_after_s`, else 1.
    pub(crate) reset_in_s: Option<u64>,
    /// Whether rate headers are sent; default true.
    pub(crate) rate_limit_headers: Option<bool>,
    /// Body shape. Default: text for 429, HTML for 5xx, what the endpoint would send otherwise.
    pub(crate) shape: Option<Shape>,
    pub(crate) message: Option<String>,
}

fn small_piece() -> usize {
    256
}

/// What the matching looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) method: &'a str,
    pub(crate) route: &'a str,
    pub(crate) path: &'a str,
    pub(crate) company_id: Option<u64>,
}

/// The scripts in force, in the order in which they came; the first that hits a call has it.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<Fault>,
    made: u32,
}

/// A script with its counts, as `GET /admin/faults` shows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fault {
    pub(crate) id: u32,
    #[serde(flatten)]
    script: Script,
    /// Calls that matched.
    seen: u64,
    /// Calls that were hit.
    landed: u64,
    #[serde(skip)]
    chance: Option<Pick>,
}

impl Faults {
    /// The faults that are there from the start: `percent` of all writes lose their answers.
    pub(crate) fn from_the_start(percent: u8, seed: u64) -> Self {
        let mut faults = Self::default();
        if percent > 0 {
            let of = |method: &str| {
                let probability = Some(f64::from(percent) / 100.0);
                let matching = Matching { method: Some(method.to_owned()), probability, seed, ..Matching::default() };
                Script { matching, action: Action::LoseReply }
            };
            faults.add(["POST", "PATCH", "DELETE"].map(of).into());
        }
        faults
    }

    /// Adds scripts and answers with their numbers.
    pub(crate) fn add(&mut self, scripts: Vec<Script>) -> Vec<u32> {
        let first = self.made + 1;
        for script in scripts {
            self.made += 1;
            let chance = script.matching.probability.map(|_| Pick::new(script.matching.seed, Purpose::Fault));
            self.list.push(Fault { id: self.made, script, seen: 0, landed: 0, chance });
        }
        (first..=self.made).collect()
    }

    /// All scripts with their counts.
    pub(crate) fn list(&self) -> &[Fault] {
        &self.list
    }

    /// Ends all scripts; numbers go on.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    /// The fault that hits this call, if any.
    pub(crate) fn hit(&mut self, facts: Facts<'_>) -> Option<(u32, Action)> {
        let mut hit = None;
        for fault in self.list.iter_mut().filter(|fault| fault.script.matching.matches(facts)) {
            fault.seen += 1;
            if hit.is_none() && fault.lands() {
                fault.landed += 1;
                hit = Some((fault.id, fault.script.action.clone()));
            }
        }
        hit
    }
}

impl Fault {
    fn lands(&mut self) -> bool {
        let matching = &self.script.matching;
        let chance = match (&mut self.chance, matching.probability) {
            (Some(pick), Some(probability)) => (pick.below(1_000_000) as f64) < probability * 1_000_000.0,
            (Some(_), None) | (None, _) => true,
        };
        chance
            && matching.times.is_none_or(|times| self.landed < times)
            && matching.nth.is_none_or(|nth| self.seen == nth)
            && matching.every.is_none_or(|every| self.seen.is_multiple_of(every.max(1)))
    }
}

impl Matching {
    fn matches(&self, facts: Facts<'_>) -> bool {
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(facts.method))
            && self.route.as_ref().map_or_else(|| facts.route.starts_with("/rest"), |route| route == facts.route)
            && self.path_contains.as_ref().is_none_or(|part| facts.path.contains(part.as_str()))
            && self.company_id.is_none_or(|id| facts.company_id == Some(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(matching: &str, calls: usize) -> Vec<usize> {
        let mut faults = Faults::default();
        let script = format!(r#"{{"match":{matching},"action":{{"kind":"reset"}}}}"#);
        faults.add(vec![serde_json::from_str(&script).expect("script")]);
        let facts = Facts { method: "GET", route: "/rest/v1.0/vendors", path: "/rest/v1.0/vendors?page=2", company_id: Some(1) };
        (1..=calls).filter(|_| faults.hit(facts).is_some()).collect()
    }

    #[test]
    fn nth_every_and_times_count_matching_calls() {
        assert_eq!(hits(r#"{"nth":3}"#, 6), [3]);
        assert_eq!(hits(r#"{"every":2}"#, 6), [2, 4, 6]);
        assert_eq!(hits(r#"{"times":2}"#, 6), [1, 2]);
        assert_eq!(hits(r#"{"method":"post"}"#, 6), [] as [usize; 0]);
        assert_eq!(hits(r#"{"path_contains":"page=2","company_id":1,"nth":1}"#, 6), [1]);
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let first = hits(r#"{"probability":0.3,"seed":5}"#, 1_000);
        assert_eq!(first, hits(r#"{"probability":0.3,"seed":5}"#, 1_000));
        assert!((200..400).contains(&first.len()), "{}", first.len());
    }
}
