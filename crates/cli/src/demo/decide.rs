//! What the demo's person does: looks at the suggestions, takes them, leaves a few records out and creates the rest.

use super::api::{follow, request_id};
use super::existing::Truth;
use super::judge;
use super::memory::{Existing, Holding, Memory, Phase, Suggestions};
use crate::admin::Side;
use crate::admin::output::say;
use crate::admin::session::{self, Session};
use crate::admin::side::Selection;
use anyhow::Result;
use linkyard_proto::v1;
use linkyard_proto::v1::confirm_filter::Action;
use linkyard_proto::v1::{MappingFilter, MappingState, MappingView};
use std::collections::HashSet;

/// Every how many-th record the demo's person leaves out.
const LEAVE_OUT_ONE_IN: usize = 500;

/// The mappings of one side of one provider.
#[derive(Debug)]
pub(super) struct Mappings<'a> {
    /// The API.
    pub(super) session: &'a Session,
    /// `providers/{provider}`.
    pub(super) provider: &'a str,
    /// Vendors or projects.
    pub(super) side: Side,
}

impl Mappings<'_> {
    /// Hands every mapping to `look`, in the order of their record ids, a page at a time: a directory of any size takes no more memory.
    async fn each(&self, mut look: impl FnMut(v1::Mapping)) -> Result<()> {
        let (filter, mut token) = (MappingFilter::default(), String::new());
        loop {
            let page = self.side.list(self.session, self.provider, (1_000, token), &filter, (MappingView::Basic, "")).await?;
            page.0.into_iter().for_each(&mut look);
            token = page.1;
            if token.is_empty() {
                return Ok(());
            }
        }
    }

    /// Plans, shows the plan, confirms it, and follows the link job to its end; answers that job. Sent again after a restart it is the
    /// same request.
    ///
    /// # Errors
    /// When a call fails or the job does not end well.
    pub(super) async fn confirm(&self, action: Action, memory: &mut Memory) -> Result<Option<v1::Job>> {
        let step = format!("{} {}", self.side.collection(), action.as_str_name());
        let undecided = vec![MappingState::Unmapped.into(), MappingState::Suggested.into()];
        // What something is like is a person's to decide, one by one: it is not created in bulk.
        let has_suggestion = (action == Action::Create).then_some(false);
        let filter = MappingFilter { states: undecided, has_suggestion, ..Default::default() };
        let mut confirm = v1::ConfirmFilter { filter: Some(filter), action: action.into(), ..Default::default() };
        if !memory.plan_tokens.contains_key(&step) {
            let selection = Selection::Filter(confirm.clone());
            let plan =
                self.side.confirm(self.session, self.provider, &selection, String::new(), true).await?.plan.unwrap_or_default();
            let v1::ConfirmPlan { links, creates, lookalikes, unchanged, .. } = &plan;
            say(&format!(
                "  plan: {links} links, {creates} creates ({lookalikes} look-alikes will be held), {unchanged} unchanged"
            ));
            memory.plan_tokens.insert(step.clone(), plan.token);
            memory.save()?;
        }
        confirm.plan_token = memory.plan_tokens.get(&step).cloned().unwrap_or_default();
        let selection = Selection::Filter(confirm);
        let confirmed = self.side.confirm(self.session, self.provider, &selection, request_id(&step), false).await?;
        match confirmed.job {
            Some(job) => follow(self.session, &job.name).await.map(Some),
            None => Ok(None),
        }
    }

    /// Leaves a few records out: which ones depends on their ids alone, so it does not matter how often this is begun.
    ///
    /// # Errors
    /// When a call fails.
    pub(super) async fn leave_some_out(&self, memory: &mut Memory) -> Result<()> {
        let step = format!("{} leave out", self.side.collection());
        if memory.finished(&step) {
            return Ok(());
        }
        let (mut rows, mut position) = (Vec::new(), 0);
        self.each(|mapping| {
            let undecided = matches!(mapping.state(), MappingState::Unmapped | MappingState::Suggested);
            if undecided && position % LEAVE_OUT_ONE_IN == 1 {
                rows.push(leave_out(mapping));
            }
            position += 1;
        })
        .await?;
        for batch in rows.chunks(1_000) {
            // Rows decided before a kill are not chosen again, so a request id of this moment is right.
            let selection = Selection::Rows(v1::ConfirmRows { rows: batch.to_vec() });
            self.side.confirm(self.session, self.provider, &selection, session::request_id(), false).await?;
        }
        memory.finish(Phase { name: step, ..Default::default() })
    }

    /// How many of these records, which are nobody's, are kept back.
    ///
    /// # Errors
    /// When a call fails.
    pub(super) async fn judge_holding(&self, alone: &HashSet<i64>, truth: &Truth) -> Result<Holding> {
        let mut judged = Holding { without_counterpart: alone.len() as u64, ..Holding::default() };
        self.each(|mapping| {
            if alone.contains(&mapping.record_id) {
                judge::kept_back(&mut judged, truth, &mapping);
            }
        })
        .await?;
        Ok(judged)
    }

    /// Compares the first suggestion of every record with the truth.
    ///
    /// # Errors
    /// When a call fails.
    pub(super) async fn judge_suggestions(&self, truth: &Truth) -> Result<Suggestions> {
        let (existing, lookalikes) = truth.sizes();
        let mut judged = Suggestions { existing, lookalikes, ..Suggestions::default() };
        self.each(|mapping| judge::suggested(&mut judged, truth, &mapping)).await?;
        Ok(judged)
    }

    /// Looks at what became of the firms that were in the registry already.
    ///
    /// # Errors
    /// When a call fails.
    pub(super) async fn judge_existing(&self, truth: &Truth) -> Result<Existing> {
        let mut judged = Existing::default();
        self.each(|mapping| judge::ended(&mut judged, truth, &mapping)).await?;
        Ok(judged)
    }
}

fn leave_out(mapping: v1::Mapping) -> v1::ConfirmRow {
    let choice = v1::Choice { decision: v1::Decision::DoNotAdd.into(), ..Default::default() };
    v1::ConfirmRow { name: mapping.name, choice: Some(choice), etag: String::new() }
}
