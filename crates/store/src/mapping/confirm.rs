//! Confirming: decisions and their link job are written together, or neither is.

use super::choice::{Absent, Asked, ChoiceRow, check, conflict};
use super::picked::Picked;
use super::{plan, suggest, verdict};
use crate::directory::List;
use crate::ledger::{insert_job, read_job};
use crate::sql::{commit, execute, one};
use crate::{RequestKey, Store, audit, duplicate, gate, provider, request};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{DuplicateGroupId, JobId, ProviderId, TargetId};
use linkyard_core::job::{Job, JobKind, Lane, NewJob};
use linkyard_core::mapping::{MappingFilter, Subject};
use linkyard_core::plan::{BulkAction, Plan, RowDecision, Selection};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

/// What a confirm did, or would do.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// What it does.
    pub plan: Plan,
    /// The link job; `None` when only the plan was asked for or nothing has to be linked.
    pub job: Option<Job>,
}

/// What is remembered of a confirm, to answer it again.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    plan: Plan,
    job: Option<JobId>,
}

impl Store {
    /// Makes the plan and, unless `plan_only`, carries it into the rows: `DO_NOT_ADD` rows are IGNORED at once, MATCH and CREATE rows are
    /// CONFIRMED and belong to one new link job (kind by subject, lane person, a dedupe key of its own, payload `{"subject": ..}`).
    ///
    /// A group of duplicates is matched to one target: the one named, or the one that a record of it is linked to already. A filter selects what takes a decision and is still in the directory; rows that a person left out or unlinked only where it names
    /// their state.
    ///
    /// # Errors
    /// `Invalid` with every violation (two decisions for one record, an unknown record, a target of another organization, a target
    /// without MATCH or the reverse, more than 1,000 rows, a filter without its plan's token); `Conflict(Version)` when rows or the
    /// selection changed since they were seen; `Conflict(State)` naming rows that take no decision, or for a filter of records without
    /// association before the directory told any; `Conflict(RequestIdReused)`; `NotFound` for the provider.
    pub async fn mapping_confirm(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        selection: &Selection,
        plan_only: bool,
        request: Option<&RequestKey>,
    ) -> Result<Confirmed> {
        let list = List { organization: scope.organization, provider, subject };
        if plan_only {
            provider::require(&self.reader, scope.organization, provider).await?;
            let (plan, _) = planned(&self.reader, &list, selection).await?;
            return Ok(Confirmed { plan, job: None });
        }
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            return answered(&tx, scope, &answer).await;
        }
        provider::require_approved(&tx, scope.organization, provider).await?;
        gate::lock(&tx, scope.organization).await?;
        let (plan, picked) = planned(&tx, &list, selection).await?;
        require_token(&list, selection, &plan)?;
        let job = if plan.links + plan.creates > 0 { Some(link_job(&tx, scope, &list, Lane::Person).await?) } else { None };
        verdict::note(&tx, &picked, selection).await?;
        carry_out(&tx, &picked, job.as_ref().map(|job| job.id)).await?;
        let detail =
            format!("{}: {} to link, {} to create, {} left out", subject.as_str(), plan.links, plan.creates, plan.ignores);
        audit::note(&tx, scope.organization, &scope.actor, "mapping.confirm", "provider", &provider.to_string(), &detail).await?;
        let remembered = Remembered { plan: plan.clone(), job: job.as_ref().map(|job| job.id) };
        let remembered = serde_json::to_vec(&remembered)
            .map_err(|error| Error::internal("a confirm's answer could not be written as JSON", error))?;
        request::remember(&tx, scope.organization, request, &remembered).await?;
        commit(tx).await?;
        Ok(Confirmed { plan, job })
    }
}

async fn answered(connection: &impl ConnectionTrait, scope: &Scope, answer: &[u8]) -> Result<Confirmed> {
    let remembered: Remembered =
        serde_json::from_slice(answer).map_err(|error| Error::internal("a remembered confirm could not be read", error))?;
    let job = match remembered.job {
        Some(id) => Some(read_job(connection, scope.organization, id).await?),
        None => None,
    };
    Ok(Confirmed { plan: remembered.plan, job })
}

/// The plan, and the rows that it is about.
async fn planned(connection: &impl ConnectionTrait, list: &List, selection: &Selection) -> Result<(Plan, Picked)> {
    match selection {
        Selection::Rows(rows) => planned_rows(connection, list, rows).await,
        Selection::Group { group, target, plan_token: _ } => planned_group(connection, list, *group, *target).await,
        Selection::Filter { filter, action, plan_token: _ } => planned_filter(connection, list, filter, *action).await,
    }
}

async fn planned_rows(connection: &impl ConnectionTrait, list: &List, rows: &[RowDecision]) -> Result<(Plan, Picked)> {
    let asked: Vec<Asked> = rows
        .iter()
        .map(|row| Asked { record: row.record, choice: row.choice, expected_revision: row.expected_revision })
        .collect();
    let stored = check(connection, list, &asked, "decisions", Absent::TakesDraft).await?;
    let decided: Vec<ChoiceRow> = asked
        .iter()
        .map(|row| ChoiceRow::of(row.record, row.choice.or_else(|| stored.get(&row.record).and_then(|stored| stored.draft))))
        .collect();
    let picked = Picked::by_rows(connection, list, &decided)?;
    let mut plan = plan::counts(connection, &picked, "rows").await?;
    plan.conflicts = plan::conflicts(connection, list, &picked, &plan).await?;
    Ok((plan, picked))
}

/// The records of a group of duplicates, all to one target: that they want the same one is the purpose and no conflict.
async fn planned_group(
    connection: &impl ConnectionTrait,
    list: &List,
    group: DuplicateGroupId,
    target: Option<TargetId>,
) -> Result<(Plan, Picked)> {
    let target = duplicate::destination(connection, list, group, target).await?;
    let picked = Picked::by_group(list, group, target);
    let mut plan = plan::counts(connection, &picked, &format!("{group} {target}")).await?;
    plan.conflicts = plan::linked_elsewhere(connection, list, group, target).await?;
    plan.unchanged = duplicate::size(connection, group).await?.saturating_sub(plan.links);
    Ok((plan, picked))
}

async fn planned_filter(
    connection: &impl ConnectionTrait,
    list: &List,
    filter: &MappingFilter,
    action: BulkAction,
) -> Result<(Plan, Picked)> {
    if filter.has_association == Some(false) {
        require_associations(connection, list).await?;
    }
    let picked = Picked::by_filter(list, filter, action)?;
    let mut plan = plan::counts(connection, &picked, &format!("{filter:?} {action:?}")).await?;
    let selected = plan::selected(connection, list, filter).await?;
    plan.unchanged = selected.saturating_sub(plan.links + plan.creates + plan.ignores);
    if let BulkAction::AcceptSuggestions(least) = action {
        plan.conflicts = plan::contested(connection, list, filter, least).await?;
    }
    let others = plan::conflicts(connection, list, &picked, &plan).await?;
    plan.conflicts.extend(others);
    plan.conflicts.truncate(plan::MOST_CONFLICTS);
    Ok((plan, picked))
}

/// "On no project" is a fact only when the vendors were walked completely and the directory says who is on which project: before that it
/// would be said of everybody.
async fn require_associations(connection: &impl ConnectionTrait, list: &List) -> Result<()> {
    let sql = "select 1 as known from walk w
        where w.provider_id = $1 and w.subject = 'vendor' and w.organization_id = $2 and w.complete
            and exists (select 1 from directory_association a where a.provider_id = $1 and a.organization_id = $2)
        limit 1";
    if one(connection, sql, [list.provider.0.into(), list.organization.0.into()]).await?.is_some() {
        return Ok(());
    }
    let message =
        "who is on which project is not known yet: fetch the directory completely, then confirm by associations".to_owned();
    Err(conflict(list, ConflictReason::State, list.provider, message))
}

/// A filter is confirmed as it was seen, or not at all; a group too, where it was seen.
fn require_token(list: &List, selection: &Selection, plan: &Plan) -> Result<()> {
    let (plan_token, required) = match selection {
        Selection::Rows(_) => return Ok(()),
        Selection::Group { plan_token, .. } => (plan_token, false),
        Selection::Filter { plan_token, .. } => (plan_token, true),
    };
    let Some(token) = plan_token.as_deref().filter(|token| !token.is_empty()) else {
        if !required {
            return Ok(());
        }
        return Err(Error::invalid("plan_token", "is missing: ask for the plan first, and confirm with the token in it"));
    };
    if token == plan.token {
        return Ok(());
    }
    let message = format!(
        "the selection changed since its plan was made: it would link {}, create {} and leave out {} now; ask for the plan again",
        plan.links, plan.creates, plan.ignores
    );
    Err(conflict(list, ConflictReason::Version, list.provider, message))
}

/// A job of its own for the rows that are confirmed with it.
pub(super) async fn link_job(connection: &impl ConnectionTrait, scope: &Scope, list: &List, lane: Lane) -> Result<Job> {
    let new = NewJob {
        provider: Some(list.provider),
        parent: None,
        kind: match list.subject {
            Subject::Vendor => JobKind::LinkParties,
            Subject::Project => JobKind::LinkProjects,
        },
        dedupe_key: JobId::generate().to_string(),
        lane,
        payload: serde_json::json!({ "subject": list.subject }),
        run_at_ms: None,
    };
    insert_job(connection, scope, &new).await
}

/// Writes the decisions of the picked rows; what is to be linked belongs to `job`, and what was suggested and not chosen is declined.
pub(super) async fn carry_out(connection: &impl ConnectionTrait, picked: &Picked, job: Option<JobId>) -> Result<u64> {
    let sql = picked.statement(&format!(
        "update mapping as m set
            state = case when picked.decision = 'do_not_add' then 'ignored' else 'confirmed' end,
            job_id = case when picked.decision = 'do_not_add' then null else ${} end,
            decision = picked.decision, decision_target_id = picked.target_id, on_lookalike = picked.on_lookalike,
            draft_decision = null, draft_target_id = null, draft_on_lookalike = null,
            target_id = null, link_id = null, is_leading = false, linked_at_ms = null, last_synced_at_ms = null, synced_hash = null,
            reason = null, reason_detail = '', revision = m.revision + 1, changed_at_ms = {{now}}
         from picked where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = picked.record_id",
        picked.next()
    ));
    // First, because afterwards a filter would select other rows.
    suggest::decline_others(connection, picked).await?;
    execute(connection, &sql, picked.values([job.map(|job| job.0).into()])).await
}
