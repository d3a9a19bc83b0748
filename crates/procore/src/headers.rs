//! What Procore says in headers: limits, waits, pages, its clock. Every one of them may be missing or nonsense; then it is `None`.

use linkyard_core::budget::CallAnswer;
use reqwest::header::{DATE, HeaderMap, LINK, RETRY_AFTER};
use std::time::{Duration, UNIX_EPOCH};

/// The parts of an answer's head that mean something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// What the budget learns. Its `retry_after` is clamped.
    pub(crate) answer: CallAnswer,
    /// `X-Request-Id`, shortened and printable.
    pub(crate) request_id: Option<String>,
    /// Rows in the whole list.
    pub(crate) total: Option<u64>,
    /// The page size that was used.
    pub(crate) per_page: Option<u32>,
    /// What `Link` says about the next page.
    pub(crate) link: Link,
}

/// The `Link` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// No usable header: nothing is said.
    #[default]
    Missing,
    /// There are relations, but no next.
    Last,
    /// The next page's number.
    Next(u32),
}

impl Head {
    /// Reads `headers`. `longest` bounds `Retry-After`; `now_ms` stands in for a missing `Date` where that is a date.
    pub(crate) fn read(status: u16, headers: &HeaderMap, longest: Duration, now_ms: i64) -> Self {
        let server_now_ms = text(headers, DATE.as_str()).and_then(http_date_ms);
        let retry_after = text(headers, RETRY_AFTER.as_str())
            .and_then(|value| retry_after(value, server_now_ms.unwrap_or(now_ms)))
            .map(|wait| wait.min(longest));
        let answer = CallAnswer {
            status,
            limit: number(headers, "x-rate-limit-limit"),
            remaining: number(headers, "x-rate-limit-remaining"),
            reset_at_s: number(headers, "x-rate-limit-reset").filter(|seconds: &i64| *seconds > 0),
            server_now_ms,
            retry_after,
            failed: false,
        };
        Self {
            answer,
            request_id: text(headers, "x-request-id").and_then(printable),
            total: number(headers, "total"),
            per_page: number(headers, "per-page").filter(|size: &u32| *size > 0),
            link: link(headers),
        }
    }
}

impl Head {
    /// How long a refusal asks to wait: the later of `Retry-After` and the window's reset. `None` when it names neither.
    pub(crate) fn asked_wait(&self, now_ms: i64, longest: Duration) -> Option<Duration> {
        let until_reset = self.answer.reset_at_s.and_then(|reset_s| {
            let their_now_ms = self.answer.server_now_ms.unwrap_or(now_ms);
            let wait_ms = reset_s.checked_mul(1000)?.checked_sub(their_now_ms)?;
            u64::try_from(wait_ms).ok().map(Duration::from_millis)
        });
        self.answer.retry_after.max(until_reset).map(|wait| wait.min(longest))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    text(headers, name)?.parse().ok()
}

fn http_date_ms(value: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

/// Seconds (a fraction is rounded up) or an HTTP date; negative and unreadable values say nothing, huge ones saturate.
fn retry_after(value: &str, their_now_ms: i64) -> Option<Duration> {
    if let Ok(seconds) = value.parse::<f64>() {
        return (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(Duration::MAX));
    }
    let wait_ms = http_date_ms(value)?.saturating_sub(their_now_ms);
    u64::try_from(wait_ms).ok().map(Duration::from_millis)
}

fn printable(value: &str) -> Option<String> {
    let short: String =
        value.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')).take(64).collect();
    (!short.is_empty()).then_some(short)
}

/// The page number of `rel="next"`. The URL itself is not followed: Procore's samples leave all other parameters out of it.
fn link(headers: &HeaderMap) -> Link {
    let mut found = Link::Missing;
    for value in headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()) {
        for entry in value.split(',') {
            let Some((target, parameters)) = entry.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
                continue;
            };
            let is_next = parameters.split(';').any(|parameter| {
                let (name, relation) = parameter.trim().split_once('=').unwrap_or_default();
                name.eq_ignore_ascii_case("rel") && relation.trim_matches('"').eq_ignore_ascii_case("next")
            });
            let query = target.split_once('?').map_or("", |(_, query)| query);
            let page = query.split('&').find_map(|pair| pair.strip_prefix("page=")).and_then(|page| page.parse().ok());
            match (is_next, page) {
                (true, Some(page)) => return Link::Next(page),
                // A next without a number says nothing that can be used.
                (true, None) => return Link::Missing,
                (false, _) => found = Link::Last,
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    const LONGEST: Duration = Duration::from_secs(900);
    const NOW_MS: i64 = 1_700_000_000_000;

    fn head(pairs: &[(&'static str, &str)]) -> Head {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).expect("header value"));
        }
        Head::read(429, &headers, LONGEST, NOW_MS)
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let wait = |value: &str| head(&[("retry-after", value)]).answer.retry_after;
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait("1.2"), Some(Duration::from_secs(2)));
        assert_eq!(wait("-5"), None);
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("NaN"), None);
        assert_eq!(wait("86400"), Some(LONGEST));
        assert_eq!(wait("1e300"), Some(LONGEST));
        assert_eq!(wait("Tue, 14 Nov 2023 22:13:30 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(wait("Tue, 14 Nov 2013 22:13:30 GMT"), None);
    }

    #[test]
    fn a_date_is_measured_on_the_clock_that_wrote_it() {
        let head = head(&[("date", "Tue, 14 Nov 2023 23:13:20 GMT"), ("retry-after", "Tue, 14 Nov 2023 23:13:23 GMT")]);
        assert_eq!(head.answer.retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn the_wait_is_the_later_of_retry_after_and_reset() {
        let both = head(&[("retry-after", "2"), ("x-rate-limit-reset", "1700000009")]);
        assert_eq!(both.asked_wait(NOW_MS, LONGEST), Some(Duration::from_secs(9)));
        let past = head(&[("retry-after", "2"), ("x-rate-limit-reset", "1600000000")]);
        assert_eq!(past.asked_wait(NOW_MS, LONGEST), Some(Duration::from_secs(2)));
        let far = head(&[("x-rate-limit-reset", "9223372036854775807")]);
        assert_eq!(far.asked_wait(NOW_MS, LONGEST), None);
        assert_eq!(head(&[]).asked_wait(NOW_MS, LONGEST), None);
        let theirs = head(&[("date", "Tue, 14 Nov 2023 23:13:20 GMT"), ("x-rate-limit-reset", "1700003610")]);
        assert_eq!(theirs.asked_wait(NOW_MS, LONGEST), Some(Duration::from_secs(10)));
    }

    #[test]
    fn only_the_number_of_the_next_page_is_taken_from_link() {
        let link = |value: &str| head(&[("link", value)]).link;
        let sample = "<https://x/p?page=1&per_page=5>; rel=\"first\", <https://x/p?page=30>; rel=\"last\", <https://x/p?per_page=5&page=4>; rel=\"next\",";
        assert_eq!(link(sample), Link::Next(4));
        assert_eq!(link("<https://x/p?page=1&per_page=5>; rel=\"first\", <https://x/p?page=2>; rel=\"prev\""), Link::Last);
        assert_eq!(link("<https://x/p?cursor=abc>; rel=next"), Link::Missing);
        assert_eq!(link("nonsense"), Link::Missing);
        assert_eq!(head(&[]).link, Link::Missing);
    }
}
