//! The plan of a confirm on the wire.

use super::count;
use crate::names;
use linkyard_core::id::ProviderId;
use linkyard_core::mapping::Subject;
use linkyard_core::plan::{Plan, PlanConflict};
use linkyard_proto::v1;

/// A plan about a provider's records of one subject.
pub(crate) fn plan(provider: ProviderId, subject: Subject, plan: &Plan) -> v1::ConfirmPlan {
    v1::ConfirmPlan {
        links: count(plan.links),
        creates: count(plan.creates),
        lookalikes: count(plan.lookalikes),
        ignores: count(plan.ignores),
        unchanged: count(plan.unchanged),
        conflicts: plan.conflicts.iter().map(|one| conflict(provider, subject, one)).collect(),
        calls_needed: count(plan.calls_needed),
        seconds_under_budget: count(plan.seconds_under_budget),
        token: plan.token.clone(),
    }
}

fn conflict(provider: ProviderId, subject: Subject, conflict: &PlanConflict) -> v1::PlanConflict {
    v1::PlanConflict {
        mappings: conflict.records.iter().map(|record| names::mapping(subject, provider, *record)).collect(),
        target: conflict.target.map(|id| names::targets(subject).name(id)).unwrap_or_default(),
        problem: conflict.problem.clone(),
    }
}
