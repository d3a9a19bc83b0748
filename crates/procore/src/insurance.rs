//! Writing insurances: the only thing that is written to a directory. A sync with our marks is an update wherever a mark is there
//! already, so it may be sent again after an answer was lost; who sends it again decides that, never this client by itself.

use crate::call::Ask;
use crate::company::Company;
use crate::failure;
use crate::list::parsed;
use crate::wire::{self, Retirements, Updates};
use bytes::Bytes;
use linkyard_core::compliance::{FoundInsurance, Insurance, ORIGIN_PREFIX};
use linkyard_core::id::InsuranceId;
use linkyard_core::{Error, Result};
use reqwest::Method;
use std::collections::BTreeMap;

/// Procore takes so many rows in one sync.
pub const MOST_SYNCED: usize = 1_000;

/// What became of each insurance of a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncAnswer {
    /// By `origin_id`: one entry for each insurance that was sent, none for any other.
    pub outcomes: BTreeMap<String, SyncOutcome>,
}

/// What became of one insurance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// It stands in the directory, in this form. It is what was sent only if [`FoundInsurance::says`] so.
    Accepted(Box<FoundInsurance>),
    /// The directory does not take it.
    Refused {
        /// Procore's reasons, redacted.
        message: String,
    },
    /// The answer leaves it out, or contradicts itself about it: read the list before concluding anything.
    Unanswered,
}

impl Company {
    /// Creates or updates insurances, at most [`MOST_SYNCED`], each found by its `origin_id`. Procore answers 200 whatever became of the
    /// rows, in any order; see [`SyncAnswer`]. Nothing is called for an empty slice.
    ///
    /// # Errors
    /// As [`Company::page`]; none of them says that nothing was written, except `Throttled` before the call, `Unauthorized` and
    /// `Invalid`. `Internal` for too many rows, a mark that is not ours, or the same mark twice: a row without a mark of its own would be
    /// created anew by every repetition, and another's mark would overwrite another's insurance.
    pub async fn sync_insurances(&self, insurances: &[Insurance]) -> Result<SyncAnswer> {
        self.sync(marks(insurances.iter().map(|insurance| &insurance.origin_id))?, &Updates::of(insurances)).await
    }

    /// Sets insurances of ours to `undecided`, with a note, at most [`MOST_SYNCED`]; everything else about them stays. They are named by
    /// id and mark: by its mark alone, one that is not there would be created.
    ///
    /// # Errors
    /// As [`Company::sync_insurances`].
    pub async fn retire_insurances(&self, retirements: &[(InsuranceId, String)]) -> Result<SyncAnswer> {
        self.sync(marks(retirements.iter().map(|(_, mark)| mark))?, &Retirements::of(retirements)).await
    }

    async fn sync(&self, mut claims: Claims, updates: &impl serde::Serialize) -> Result<SyncAnswer> {
        if claims.is_empty() {
            return Ok(SyncAnswer::default());
        }
        let path = format!("/rest/v1.0/companies/{}/insurances/sync", self.key.company);
        let body = serde_json::to_vec(updates).map_err(|error| Error::internal("writing a sync", error))?;
        let answer = self.send(Ask { method: Method::PATCH, path: &path, query: &[], body: Some(Bytes::from(body)) }).await?;
        let outcomes = parsed(answer.body, move |body| {
            collect(body, &mut claims)?;
            Ok::<_, String>(claims.into_iter().map(|(origin_id, claims)| (origin_id, settled(claims))).collect())
        });
        let outcomes = outcomes.await?.map_err(|what| failure::nonsense(&format!("PATCH {path}"), &answer.head, &what))?;
        Ok(SyncAnswer { outcomes })
    }

    /// Deletes an insurance. One that is not there (any more) is deleted too: 404 is a success. Procore says 404 also for what the app's
    /// user may no longer see, so a caller that must know reads the list.
    ///
    /// # Errors
    /// As [`Company::page`], without `NotFound`. After `Unavailable` the insurance may be gone or not; deleting it again is harmless.
    pub async fn delete_insurance(&self, id: InsuranceId) -> Result<()> {
        let path = format!("/rest/v1.0/companies/{}/insurances/{id}", self.key.company);
        // The body of a success is empty.
        match self.send(Ask { method: Method::DELETE, path: &path, query: &[], body: None }).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

type Claims = BTreeMap<String, Vec<SyncOutcome>>;

/// Room for what will be said of each mark.
fn marks<'a>(marks: impl ExactSizeIterator<Item = &'a String>) -> Result<Claims> {
    if marks.len() > MOST_SYNCED {
        return Err(Error::broken(format!("a sync of {} insurances, more than {MOST_SYNCED}", marks.len())));
    }
    let mut claims = Claims::new();
    for mark in marks {
        if !mark.starts_with(ORIGIN_PREFIX) {
            return Err(Error::broken(format!("a sync of an insurance whose mark is not ours: {mark:?}")));
        }
        if claims.insert(mark.clone(), Vec::new()).is_some() {
            return Err(Error::broken(format!("a sync with the mark {mark} twice")));
        }
    }
    Ok(claims)
}

/// Takes from the answer what it says of our marks; rows with other marks, or none, are not ours.
fn collect(body: &[u8], claims: &mut Claims) -> std::result::Result<(), String> {
    let synced = wire::synced(body)?;
    for entity in synced.entities {
        let found = entity.0.found();
        let claimed = found.origin_id.as_deref().and_then(|mark| claims.get_mut(mark));
        if let Some(claimed) = claimed {
            claimed.push(SyncOutcome::Accepted(Box::new(found)));
        }
    }
    for refused in synced.errors {
        let claimed = refused.0.origin_id.0.as_deref().and_then(|mark| claims.get_mut(mark));
        if let Some(claimed) = claimed {
            claimed.push(SyncOutcome::Refused { message: failure::row_refusal(&refused.0.errors) });
        }
    }
    Ok(())
}

/// One outcome of all that was said: a row may come twice, but not in two ways.
fn settled(claims: Vec<SyncOutcome>) -> SyncOutcome {
    let mut claims = claims.into_iter();
    let Some(first) = claims.next() else { return SyncOutcome::Unanswered };
    let agrees = |other: SyncOutcome| match (&first, &other) {
        (SyncOutcome::Refused { .. }, SyncOutcome::Refused { .. }) => true,
        (
            SyncOutcome::Accepted(_) | SyncOutcome::Refused { .. } | SyncOutcome::Unanswered,
            SyncOutcome::Accepted(_) | SyncOutcome::Refused { .. } | SyncOutcome::Unanswered,
        ) => first == other,
    };
    if claims.all(agrees) { first } else { SyncOutcome::Unanswered }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::compliance::InsuranceStatus;
    use linkyard_core::id::RecordId;

    fn of(insurances: &[Insurance]) -> Result<Claims> {
        marks(insurances.iter().map(|insurance| &insurance.origin_id))
    }

    fn insurance(origin_id: &str) -> Insurance {
        Insurance {
            origin_id: origin_id.to_owned(),
            vendor: RecordId(7),
            insurance_type: "Auto".to_owned(),
            insurer: String::new(),
            policy_number: String::new(),
            limit: String::new(),
            effective_date: None,
            expiration_date: None,
            status: InsuranceStatus::Compliant,
            notifies: false,
            notes: String::new(),
        }
    }

    /// What an answer to a sync of `linkyard:a` and `linkyard:b` says of the two.
    fn outcomes(body: &str) -> [SyncOutcome; 2] {
        let mut claims = of(&[insurance("linkyard:a"), insurance("linkyard:b")]).expect("marks");
        collect(body.as_bytes(), &mut claims).expect(body);
        ["linkyard:a", "linkyard:b"].map(|mark| settled(claims.remove(mark).expect("a mark that was sent")))
    }

    fn entity(id: i64, origin_id: &str, status: &str) -> String {
        format!(r#"{{"id":{id},"vendor_id":7,"insurance_type":"Auto","status":"{status}","origin_id":"{origin_id}"}}"#)
    }

    fn accepted(outcome: &SyncOutcome) -> Option<(i64, bool)> {
        match outcome {
            SyncOutcome::Accepted(found) => Some((found.id.0, found.says(&insurance(&found.insurance.origin_id)))),
            SyncOutcome::Refused { .. } | SyncOutcome::Unanswered => None,
        }
    }

    #[test]
    fn rows_are_told_apart_by_their_mark_and_not_by_their_order() {
        let (a, b) = (entity(1, "linkyard:a", "compliant"), entity(2, "linkyard:b", "expired"));
        let [of_a, of_b] = outcomes(&format!(r#"{{"entities":[{b},{a}],"errors":[]}}"#));
        assert_eq!((accepted(&of_a), accepted(&of_b)), (Some((1, true)), Some((2, false))));
    }

    #[test]
    fn a_refused_row_gives_its_reasons_and_a_missing_one_is_unanswered() {
        let errors = r#"{"origin_id":"linkyard:b","vendor_id":7,"errors":{"vendor_id":["Entity with this ID not found"]}}"#;
        let [of_a, of_b] = outcomes(&format!(r#"{{"entities":[],"errors":[{errors},{errors}]}}"#));
        assert_eq!(of_a, SyncOutcome::Unanswered);
        assert_eq!(of_b, SyncOutcome::Refused { message: "vendor_id Entity with this ID not found".to_owned() });
        let silent = r#"{"errors":[{"origin_id":"linkyard:b"}]}"#;
        assert_eq!(outcomes(silent)[1], SyncOutcome::Refused { message: "Procore gives no reason".to_owned() });
        assert_eq!(outcomes("{}"), [SyncOutcome::Unanswered, SyncOutcome::Unanswered]);
    }

    #[test]
    fn a_repeated_row_counts_once_and_one_said_in_two_ways_is_unanswered() {
        let a = entity(1, "linkyard:a", "compliant");
        assert_eq!(accepted(&outcomes(&format!(r#"{{"entities":[{a},{a}]}}"#))[0]), Some((1, true)));
        let other = entity(2, "linkyard:a", "compliant");
        assert_eq!(outcomes(&format!(r#"{{"entities":[{a},{other}]}}"#))[0], SyncOutcome::Unanswered);
        let error = r#"{"origin_id":"linkyard:a","errors":{"base":["no"]}}"#;
        assert_eq!(outcomes(&format!(r#"{{"entities":[{a}],"errors":[{error}]}}"#))[0], SyncOutcome::Unanswered);
    }

    #[test]
    fn rows_of_somebody_else_are_not_ours() {
        let foreign = entity(9, "erp-17", "compliant");
        let unmarked = r#"{"id":8,"vendor_id":7,"status":"compliant","origin_id":null}"#;
        let error = r#"{"id":5,"errors":{"id":["Entity with this ID not found"]}}"#;
        let body = format!(r#"{{"entities":[{foreign},{unmarked}],"errors":[{error}]}}"#);
        assert_eq!(outcomes(&body), [SyncOutcome::Unanswered, SyncOutcome::Unanswered]);
    }

    #[test]
    fn an_answer_that_can_not_be_right_is_refused_as_a_whole() {
        for body in
            ["", "[]", "<html>", r#"{"entities":[{"id":null}]}"#, r#"{"entities":[1]}"#, r#"{"entities":["#, r#"{"entities":{}}"#]
        {
            assert!(collect(body.as_bytes(), &mut Claims::new()).is_err(), "{body}");
        }
    }

    #[test]
    fn only_our_own_marks_are_sent_and_each_once() {
        assert!(of(&[insurance("")]).is_err() && of(&[insurance("erp-17")]).is_err());
        assert!(of(&[insurance("linkyard:a"), insurance("linkyard:a")]).is_err());
        let many: Vec<Insurance> = (0..=MOST_SYNCED).map(|number| insurance(&format!("linkyard:{number}"))).collect();
        assert!(of(&many).is_err());
        assert_eq!(of(&many[1..]).expect("as many as Procore takes").len(), MOST_SYNCED);
    }
}
