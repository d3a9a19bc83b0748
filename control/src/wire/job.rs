//! Jobs on the wire.

use super::timestamp;
use crate::names::{JOBS, PROVIDERS};
use crate::status;
use linkyard_core::job::{Job, JobState, RequestedState, RowCounts};
use linkyard_proto::v1;
use prost_types::value::Kind;
use serde_json::Value;

/// A job.
pub(crate) fn job(job: &Job) -> v1::Job {
    let error = job.error_reason.as_deref().map(|reason| {
        let message = job.error_message.as_deref().unwrap_or_default();
        status::of_job(reason, message)
    });
    v1::Job {
        name: JOBS.name(job.id),
        kind: job.kind.clone(),
        provider: job.provider.map(|id| PROVIDERS.name(id)).unwrap_or_default(),
        parent_job: job.parent.map(|id| JOBS.name(id)).unwrap_or_default(),
        state: state(job.state).into(),
        progress: Some(progress(job.counts)),
        phase: job.phase.clone(),
        attempts: job.attempts,
        next_attempt_time: waits(job.state).then(|| timestamp(job.run_at_ms)),
        error,
        result: job.result.as_ref().map(structure),
        stopping: job.requested != RequestedState::None && !job.state.terminal(),
        revision: job.revision,
        create_time: Some(timestamp(job.created_at_ms)),
        start_time: job.started_at_ms.map(timestamp),
        end_time: job.finished_at_ms.map(timestamp),
    }
}

/// A job's state.
pub(crate) fn state(state: JobState) -> v1::job::State {
    match state {
        JobState::Queued => v1::job::State::Queued,
        JobState::Running => v1::job::State::Running,
        JobState::WaitingForBudget => v1::job::State::WaitingForBudget,
        JobState::WaitingForChildren => v1::job::State::WaitingForChildren,
        JobState::Retrying => v1::job::State::Retrying,
        JobState::Paused => v1::job::State::Paused,
        JobState::Succeeded => v1::job::State::Succeeded,
        JobState::Partial => v1::job::State::Partial,
        JobState::Failed => v1::job::State::Failed,
        JobState::Cancelled => v1::job::State::Cancelled,
    }
}

/// Whether a time at which it goes on means anything.
fn waits(state: JobState) -> bool {
    match state {
        JobState::Queued | JobState::WaitingForBudget | JobState::Retrying => true,
        JobState::Running
        | JobState::WaitingForChildren
        | JobState::Paused
        | JobState::Succeeded
        | JobState::Partial
        | JobState::Failed
        | JobState::Cancelled => false,
    }
}

fn progress(counts: RowCounts) -> v1::job::Progress {
    v1::job::Progress {
        total: counts.total,
        succeeded: counts.succeeded,
        held: counts.held,
        failed: counts.failed,
        skipped: counts.skipped,
        calls: counts.calls,
    }
}

/// A result as a struct; what is not an object stands under `value`.
fn structure(value: &Value) -> prost_types::Struct {
    let fields = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), part(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            [("value".to_owned(), part(value))].into()
        }
    };
    prost_types::Struct { fields }
}

fn part(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(truth) => Kind::BoolValue(*truth),
        // The wire knows only doubles; an integer that one cannot hold (a directory id may be one) goes as text.
        Value::Number(number) => match number.as_f64().filter(|double| exact(number, *double)) {
            Some(double) => Kind::NumberValue(double),
            None => Kind::StringValue(number.to_string()),
        },
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(values) => Kind::ListValue(prost_types::ListValue { values: values.iter().map(part).collect() }),
        Value::Object(_) => Kind::StructValue(structure(value)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// Whether nothing of an integer is lost in a double.
fn exact(number: &serde_json::Number, double: f64) -> bool {
    const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;
    number.is_f64() || double.abs() < FIRST_INEXACT
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_result_keeps_its_numbers() {
        let result = structure(&json!({"vendors": 10_000, "id": 9_007_199_254_740_993_i64, "share": 0.5, "names": ["a"]}));
        assert_eq!(result.fields["vendors"].kind, Some(Kind::NumberValue(10_000.0)));
        assert_eq!(result.fields["id"].kind, Some(Kind::StringValue("9007199254740993".to_owned())));
        assert_eq!(result.fields["share"].kind, Some(Kind::NumberValue(0.5)));
        assert_eq!(structure(&json!(3)).fields["value"].kind, Some(Kind::NumberValue(3.0)));
    }
}
