//! Deadlines: a call that was not answered in time is answered `DEADLINE_EXCEEDED`, by us and in time.
//!
//! tonic knows `grpc-timeout` too, but answers CANCELLED; its timer lies outside of this layer and cannot be taken away, so ours ends a
//! little earlier. A call without a deadline gets one. Only the time to the head of an answer is bounded here: a stream that was begun
//! goes on, and ends itself at the deadline that the caller set ([`Deadline`]).

use crate::status;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};

/// How long a call may take when the caller does not say.
const DEFAULT: Duration = Duration::from_secs(30);

/// No deadline is later than this, whatever was asked.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// How much earlier than asked we answer, so that it is our answer that the caller gets.
const MARGIN: Duration = Duration::from_millis(5);

/// Until when the caller waits, if the caller said so. In the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Option<Instant>);

/// The layer.
pub(crate) async fn limit(mut request: Request, next: Next) -> Response {
    let asked = request.headers().get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse);
    let now = Instant::now();
    let deadline = Deadline(asked.map(|wait| now + wait.min(LONGEST).saturating_sub(MARGIN)));
    request.extensions_mut().insert(deadline);
    let until = deadline.0.unwrap_or(now + DEFAULT);
    if until <= now {
        return passed().into_http();
    }
    match timeout_at(until, next.run(request)).await {
        Ok(response) => response,
        Err(_) => passed().into_http(),
    }
}

/// What a caller is told whose deadline has passed. What the call has begun may still take effect.
pub(crate) fn passed() -> Status {
    status::refused(Code::DeadlineExceeded, status::DEADLINE_EXCEEDED, "the deadline passed before the call was answered")
}

/// Reads `grpc-timeout`: at most 8 digits and a unit. Anything else is as good as absent.
fn parse(value: &str) -> Option<Duration> {
    let unit = value.chars().next_back().filter(char::is_ascii)?;
    let digits = &value[..value.len() - 1];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(amount * 3_600)),
        'M' => Some(Duration::from_secs(amount * 60)),
        'S' => Some(Duration::from_secs(amount)),
        'm' => Some(Duration::from_millis(amount)),
        'u' => Some(Duration::from_micros(amount)),
        'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::any;

    async fn answer_of(timeout: Option<&str>, work: Duration) -> (Option<Code>, Duration) {
        let handler = move || async move {
            tokio::time::sleep(work).await;
            "done"
        };
        let mut service = Router::new().route("/", any(handler)).layer(axum::middleware::from_fn(limit));
        let mut request = Request::builder().uri("/");
        if let Some(timeout) = timeout {
            request = request.header("grpc-timeout", timeout);
        }
        let begin = Instant::now();
        let request = request.body(Body::empty()).expect("request");
        let response = tonic::codegen::Service::call(&mut service, request).await.expect("response");
        (Status::from_header_map(response.headers()).map(|status| status.code()), begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_too_long_is_answered_code_4_before_the_callers_own_timer() {
        let (code, took) = answer_of(Some("300m"), Duration::from_secs(2)).await;
        assert_eq!(code, Some(Code::DeadlineExceeded));
        assert!(took < Duration::from_millis(300), "{took:?}");
        assert_eq!(answer_of(Some("1n"), Duration::ZERO).await.0, Some(Code::DeadlineExceeded));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_a_call_has_thirty_seconds() {
        assert_eq!(answer_of(None, Duration::from_secs(29)).await.0, None);
        assert_eq!(answer_of(None, Duration::from_secs(31)).await.0, Some(Code::DeadlineExceeded));
        assert_eq!(answer_of(Some("1M"), Duration::from_secs(31)).await.0, None);
    }

    #[test]
    fn every_unit_is_read_and_nonsense_is_not() {
        assert_eq!(parse("5S"), Some(Duration::from_secs(5)));
        assert_eq!(parse("2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(parse("10u"), Some(Duration::from_micros(10)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for nonsense in ["", "S", "5", "-5S", "5s", "123456789S", "1.5S", "5é"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }
}
