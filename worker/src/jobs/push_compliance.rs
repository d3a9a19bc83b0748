//! Brings the insurances of a provider's linked vendors to what their parties' coverages say. Safe to run again: a line that the
//! directory confirmed is not due, and our mark makes sending one again an update.
//!
//! What is on its way to the directory can not be fenced: a worker that lost its lease may land an older value after ours. So only one
//! push of a provider lives at a time, and one that was ever taken over ends by comparing what the directory shows with what it
//! confirmed. The same comparison finds what people edited there; the daily schedule asks for it (`{"compare": true}`), and so may a
//! person while a push is under way: that is a number on the provider.

use super::Job;
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::id::{CoverageId, InsuranceId, LinkId, ProviderId};
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_core::provider::RetireBy;
use linkyard_core::{Error, Result};
use linkyard_procore::{Company, MOST_SYNCED, SyncAnswer, SyncOutcome};
use linkyard_store::{DueLine, LineOutcome, LineResult};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A row that the directory keeps leaving out of its answers is sent this often before the run ends and is tried again later.
const MOST_SILENT_ROUNDS: u32 = 3;

pub(crate) struct PushCompliance;

/// Where to go on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Position {
    /// The last line of the present round.
    after: Option<(LinkId, CoverageId)>,
    /// The comparison that is under way.
    comparison: Option<Comparison>,
    /// A comparison has ended, so this job needs no other of its own.
    compared: bool,
    /// The number of the last request for a comparison that one has answered.
    #[serde(default)]
    answered: i64,
    /// Lines that turned out to differ.
    differing: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Comparison {
    started_ms: i64,
    next_page: u32,
    /// The number of the request that it answers; 0 without one.
    #[serde(default)]
    asked: i64,
}

impl Job for PushCompliance {
    const KIND: JobKind = JobKind::PushCompliance;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let provider = cx.provider()?;
        if !provider.pushes {
            return Ok(Outcome::Done(json!({ "skipped": "pushing is switched off for this provider" })));
        }
        let position = progress.position().unwrap_or_default();
        cx.store.insurances_expire(&cx.fence, provider.id).await?;
        let mut push = Push { cx, progress, company: cx.company().await?, provider: provider.id, position, unknown_ids: false };
        loop {
            if push.lines().await? == Step::Stop {
                return Ok(Outcome::Continue);
            }
            let needed = cx.payload["compare"].as_bool().unwrap_or(false) || cx.taken_over || push.unknown_ids;
            let asked = cx.store.comparison_asked(&cx.scope, provider.id).await?.unwrap_or_default();
            if asked <= push.position.answered && (push.position.compared || !needed) {
                break;
            }
            if push.compare(asked).await? == Step::Stop {
                return Ok(Outcome::Continue);
            }
        }
        push.done().await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    GoOn,
    Stop,
}

struct Push<'a> {
    cx: &'a Context,
    progress: &'a mut Progress,
    company: &'a Company,
    provider: ProviderId,
    position: Position,
    /// A line is to be retired whose id in the directory nobody knows: an answer was lost.
    unknown_ids: bool,
}

impl Push<'_> {
    /// Pushes due lines until none is left, round by round: a line may become due again behind us.
    async fn lines(&mut self) -> Result<Step> {
        let mut silent_rounds = 0;
        loop {
            let (mut sent, mut answered) = (0, 0);
            loop {
                if self.cx.should_stop() {
                    return Ok(Step::Stop);
                }
                let most = u32::try_from(MOST_SYNCED).unwrap_or(u32::MAX);
                let batch = self.cx.store.insurances_due(&self.cx.fence, self.provider, self.position.after, most).await?;
                let results = self.send(batch.lines).await?;
                sent += results.len();
                answered += results.iter().filter(|result| result.outcome != LineOutcome::Unanswered).count();
                self.position.after = batch.next;
                let known = RowCounts { total: count(&results), ..RowCounts::default() };
                let checkpoint = self.progress.checkpoint(self.cx, &self.position, "pushing", known)?;
                self.cx.store.insurances_pushed(&self.cx.fence, &results, &checkpoint).await?;
                self.progress.saved(self.cx, checkpoint);
                if self.position.after.is_none() {
                    break;
                }
            }
            if sent == 0 || (self.unknown_ids && answered == 0) {
                return Ok(Step::GoOn);
            }
            silent_rounds = if answered == 0 { silent_rounds + 1 } else { 0 };
            if silent_rounds == MOST_SILENT_ROUNDS {
                let message = format!("it left {sent} insurances out of its answers {silent_rounds} times");
                return Err(Error::Unavailable { service: "procore", message, source: None });
            }
        }
    }

    /// Sends lines, and says what became of each. An error says nothing about any of them: they stay due.
    async fn send(&mut self, lines: Vec<DueLine>) -> Result<Vec<LineResult>> {
        let (shown, retired): (Vec<DueLine>, Vec<DueLine>) = lines.into_iter().partition(|line| line.insurance.is_some());
        let mut results = Vec::with_capacity(shown.len() + retired.len());
        let insurances: Vec<_> = shown.iter().filter_map(|line| line.insurance.clone()).collect();
        let answer = self.company.sync_insurances(&insurances).await?;
        results.extend(shown.into_iter().map(|line| LineResult { outcome: pushed(&answer, &line.origin_id), line }));
        let (known, unknown): (Vec<DueLine>, Vec<DueLine>) = retired.into_iter().partition(|line| line.insurance_id.is_some());
        self.unknown_ids |= !unknown.is_empty();
        results.extend(unknown.into_iter().map(|line| LineResult { line, outcome: LineOutcome::Unanswered }));
        results.extend(self.retire(known).await?);
        Ok(results)
    }

    async fn retire(&self, lines: Vec<DueLine>) -> Result<Vec<LineResult>> {
        let ids = lines.iter().filter_map(|line| Some((line.insurance_id?, line.origin_id.clone())));
        let ids: Vec<(InsuranceId, String)> = ids.collect();
        match self.cx.provider()?.retire_by {
            RetireBy::Undecided => {
                let answer = self.company.retire_insurances(&ids).await?;
                let result = |line: DueLine| LineResult { outcome: retired(&answer, &line.origin_id), line };
                Ok(lines.into_iter().map(result).collect())
            }
            RetireBy::Deleted => {
                for (id, _) in &ids {
                    self.company.delete_insurance(*id).await?;
                }
                Ok(lines.into_iter().map(|line| LineResult { line, outcome: LineOutcome::Retired }).collect())
            }
        }
    }

    /// Reads every insurance of the company and marks ours due that differ or are missing; what is due then is pushed in another round.
    async fn compare(&mut self, asked: i64) -> Result<Step> {
        let (store, fence) = (&self.cx.store, &self.cx.fence);
        let mut at = match self.position.comparison {
            Some(at) => at,
            None => Comparison { started_ms: store.now_ms().await?, next_page: 1, asked },
        };
        loop {
            if self.cx.should_stop() {
                return Ok(Step::Stop);
            }
            let page = self.company.insurances(at.next_page).await?;
            at.next_page = page.next.unwrap_or(at.next_page);
            self.position.comparison = Some(at);
            let checkpoint = self.progress.checkpoint(self.cx, &self.position, "comparing", RowCounts::default())?;
            let (_, differing) =
                store.insurances_compare(fence, self.provider, &page.insurances, at.started_ms, &checkpoint).await?;
            self.progress.saved(self.cx, checkpoint);
            self.position.differing += differing;
            if page.next.is_none() {
                break;
            }
        }
        self.position.comparison = None;
        self.position.compared = true;
        self.position.answered = self.position.answered.max(at.asked);
        let checkpoint = self.progress.checkpoint(self.cx, &self.position, "comparing", RowCounts::default())?;
        self.position.differing += store.insurances_missed(fence, self.provider, at.started_ms, at.asked, &checkpoint).await?;
        self.progress.saved(self.cx, checkpoint);
        Ok(Step::GoOn)
    }

    async fn done(&mut self) -> Result<Outcome> {
        let counts = self.cx.store.insurance_counts(&self.cx.scope, self.provider).await?;
        Ok(Outcome::Done(json!({
            "pushed": counts.pushed, "refused": counts.refused, "due": counts.due,
            "compared": self.position.compared, "differing": self.position.differing,
        })))
    }
}

/// Rows that were sent, for the job's total: only those that are settled count once.
fn count(results: &[LineResult]) -> i64 {
    let settled = results.iter().filter(|result| result.outcome != LineOutcome::Unanswered).count();
    i64::try_from(settled).unwrap_or(i64::MAX)
}

fn pushed(answer: &SyncAnswer, origin_id: &str) -> LineOutcome {
    match answer.outcomes.get(origin_id) {
        Some(SyncOutcome::Accepted(found)) => LineOutcome::Pushed { insurance_id: found.id },
        Some(SyncOutcome::Refused { message }) => LineOutcome::Refused { message: message.clone() },
        Some(SyncOutcome::Unanswered) | None => LineOutcome::Unanswered,
    }
}

/// An insurance that is not there any more needs no retirement.
fn retired(answer: &SyncAnswer, origin_id: &str) -> LineOutcome {
    match answer.outcomes.get(origin_id) {
        Some(SyncOutcome::Accepted(_)) => LineOutcome::Retired,
        Some(SyncOutcome::Refused { message }) if message.to_lowercase().contains("not found") => LineOutcome::Retired,
        Some(SyncOutcome::Refused { message }) => LineOutcome::Refused { message: message.clone() },
        Some(SyncOutcome::Unanswered) | None => LineOutcome::Unanswered,
    }
}
