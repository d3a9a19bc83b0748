//! What every page has around it: who is signed in, the ways to other pages, the colours, and what was just done.

use super::assets;
use super::form::Submission;
use super::words::Clock;
use crate::request_id;
use askama::Template;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use linkyard_core::scope::{Access, Scope};
use linkyard_store::Session;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The cookie that remembers the colours. No secret, and of no use to anybody else.
const THEME_COOKIE: &str = "linkyard_theme";

/// Who asks for a page, and which.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) session: Session,
    pub(crate) theme: Theme,
    /// Path and query of the page.
    pub(crate) here: String,
    /// Under which the log has what happened.
    pub(crate) request_id: String,
    path: String,
    /// The page is only made to see whether it has changed.
    pub(super) comparing: bool,
}

impl Visitor {
    pub(crate) fn new(session: Session, request: &Request) -> Self {
        let here = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let theme = Theme::read(request.headers());
        let (request_id, path) = (request_id::of(request), request.uri().path().to_owned());
        Self { session, theme, here, request_id, path, comparing: false }
    }

    /// The tenant and the actor.
    pub(crate) fn scope(&self) -> &Scope {
        &self.session.principal.scope
    }

    /// Whether this key may change things.
    pub(crate) fn may_write(&self) -> bool {
        self.session.principal.access >= Access::Write
    }

    /// Whether this key is an operator's.
    pub(crate) fn is_operator(&self) -> bool {
        self.session.principal.access == Access::Operator
    }

    /// The organization's clock.
    pub(crate) fn clock(&self) -> Clock {
        Clock::new(&self.session.organization.time_zone)
    }

    /// The same visitor, for whom a page is only compared.
    pub(super) fn comparing(&self) -> Self {
        Self { comparing: true, ..self.clone() }
    }
}

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Those of the visitor's system.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let word = cookie(headers, THEME_COOKIE).unwrap_or_default();
        Self::ALL.into_iter().find(|theme| theme.word() == word).unwrap_or_default()
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Chooses the colours; they are remembered for a year.
pub(crate) async fn choose_theme(form: Submission) -> Response {
    let theme = Theme::ALL.into_iter().find(|theme| theme.word() == form.get("theme")).unwrap_or_default();
    let cookie = format!("{THEME_COOKIE}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict", theme.word());
    ([(header::SET_COOKIE, cookie)], Redirect::to(local(form.get("next")))).into_response()
}

/// `next` where it is a page of ours, the overview where not: a form must not send anybody elsewhere.
pub(crate) fn local(next: &str) -> &str {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if ours { next } else { "/" }
}

/// Something said above a page.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    /// `ok` or `bad`.
    pub(crate) tone: &'static str,
    pub(crate) text: String,
}

impl Alert {
    /// Something that could not be done.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { tone: "bad", text: text.into() }
    }
}

/// The notice for whoever has signed in again and has to send a file again: the only one of something that was not done.
pub(crate) const FILE_AGAIN: &str = "file-again";

/// Words that may stand in `?notice=` of an address, and what they say: a closed list, so that an address can not put words in our mouth.
const NOTICES: [(&str, &str); 21] = [
    ("provider-saved", "Saved. The connection is being tested."),
    ("provider-changed", "Saved."),
    ("provider-paused", "Paused. Jobs of this provider wait until it is resumed."),
    ("provider-resumed", "Resumed."),
    ("provider-approved", "Approved. The connection is being tested."),
    ("provider-deleting", "The provider is being deleted."),
    ("job-cancelled", "The job was told to stop."),
    ("job-retried", "The job runs again, for what failed only."),
    ("job-started", "Started. Its progress is below."),
    ("duplicates-dismissed", "These records were called different. The group is not shown again."),
    ("duplicates-restored", "The group is suspected again."),
    ("nothing-to-link", "All of these are linked there already."),
    ("worker-draining", "The worker was asked to end. It takes no more jobs."),
    ("key-revoked", "Revoked. Whoever comes in with it is refused."),
    ("parties-merged", "Merged. What the others had is here now."),
    ("confirmed", "Confirmed. The linking is under way; its progress is below."),
    ("confirmed-left-out", "Confirmed. Nothing had to be linked."),
    ("import-started", "The file is being imported; its progress is below."),
    (FILE_AGAIN, "Your session had ended, so the file was not taken in and nothing was changed. Choose it once more."),
    ("adding-on", "Switched on. What is new in Procore from now on is added by itself."),
    ("adding-off", "Switched off. What is new in Procore waits for you here."),
];

/// A way to another page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) path: &'static str,
    pub(crate) label: &'static str,
    /// The second key after `g`.
    pub(crate) key: &'static str,
}

/// A part of the menu.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) label: &'static str,
    pub(crate) ways: &'static [Way],
}

/// The menu, in the article's words.
const MENU: [Part; 4] = [
    Part { label: "", ways: &[Way { path: "/", label: "Overview", key: "o" }] },
    Part {
        label: "Settings",
        ways: &[
            Way { path: "/providers", label: "Integration Providers", key: "i" },
            Way { path: "/mapping/parties", label: "Parties Mapping", key: "m" },
            Way { path: "/mapping/projects", label: "Projects Mapping", key: "n" },
            Way { path: "/keys", label: "API keys", key: "k" },
        ],
    },
    Part {
        label: "Registry",
        ways: &[
            Way { path: "/parties", label: "All Parties", key: "a" },
            Way { path: "/projects", label: "All Projects", key: "r" },
            Way { path: "/duplicates", label: "Suspected duplicates", key: "d" },
        ],
    },
    Part {
        label: "Activity",
        ways: &[
            Way { path: "/jobs", label: "Jobs", key: "j" },
            Way { path: "/budget", label: "Rate budget", key: "b" },
            Way { path: "/workers", label: "Workers", key: "w" },
            Way { path: "/audit", label: "Audit log", key: "l" },
        ],
    },
];

/// What a page is set in.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) organization: String,
    pub(crate) key_name: String,
    pub(crate) access: &'static str,
    pub(crate) may_write: bool,
    pub(crate) theme: &'static str,
    pub(crate) here: String,
    /// The stream that says when this page has changed; empty where it does not.
    pub(crate) live: String,
    pub(crate) alerts: Vec<Alert>,
    /// What makes a form of this page one request, however often it is sent.
    pub(crate) form_id: String,
    pub(crate) version: &'static str,
    path: String,
}

impl Shell {
    /// For a visitor who is signed in.
    pub(crate) fn new(visitor: &Visitor, title: &str) -> Self {
        Self {
            organization: visitor.session.organization.name.clone(),
            key_name: visitor.session.key_name.clone(),
            access: visitor.session.principal.access.as_str(),
            may_write: visitor.may_write(),
            theme: visitor.theme.word(),
            here: visitor.here.clone(),
            alerts: notice(&visitor.here).into_iter().collect(),
            form_id: visitor.form_id().to_string(),
            path: visitor.path.clone(),
            ..Self::bare(title)
        }
    }

    /// For anybody.
    pub(crate) fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            organization: String::new(),
            key_name: String::new(),
            access: "",
            may_write: false,
            theme: Theme::System.word(),
            here: "/".to_owned(),
            live: String::new(),
            alerts: Vec::new(),
            form_id: String::new(),
            version: &assets::VERSION,
            path: String::new(),
        }
    }

    /// The same in these colours.
    pub(crate) fn in_colours(self, theme: Theme) -> Self {
        Self { theme: theme.word(), ..self }
    }

    /// The same with a stream of changes at this path.
    pub(crate) fn live(self, path: impl Into<String>) -> Self {
        Self { live: path.into(), ..self }
    }

    /// The same with something said above the page.
    pub(crate) fn saying(mut self, alert: Option<Alert>) -> Self {
        if let Some(alert) = alert {
            self.alerts = vec![alert];
        }
        self
    }

    /// The menu.
    pub(crate) fn menu(&self) -> &'static [Part] {
        &MENU
    }

    /// Whether the visitor is shown this way: workers are the installation's.
    pub(crate) fn shows(&self, way: &Way) -> bool {
        way.path != "/workers" || self.access == Access::Operator.as_str()
    }

    /// Whether the page is in this part of the console.
    pub(crate) fn is_in(&self, way: &Way) -> bool {
        let rest = self.path.strip_prefix(way.path);
        if way.path == "/" { self.path == "/" } else { rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) }
    }
}

fn notice(here: &str) -> Option<Alert> {
    let (_, query) = here.split_once('?')?;
    let word = query.split('&').find_map(|pair| pair.strip_prefix("notice="))?;
    let (_, text) = NOTICES.iter().find(|(notice, _)| *notice == word)?;
    Some(Alert { tone: if word == FILE_AGAIN { "bad" } else { "ok" }, text: (*text).to_owned() })
}

/// The address `path` with these words of a query, properly escaped; what is empty is left out.
pub(crate) fn address(path: &str, query: &[(&str, &str)]) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let pairs = query.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, PLAIN))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// A page.
pub(crate) fn html(page: &impl Template) -> Result<Response, super::failure::Failure> {
    Ok(Html(page.render()?).into_response())
}

/// A page with another status, because something on it could not be done.
pub(crate) fn html_with(status: StatusCode, page: &impl Template) -> Result<Response, super::failure::Failure> {
    Ok((status, Html(page.render()?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_sends_nobody_elsewhere() {
        for (next, ours) in [
            ("/jobs?state=failed", "/jobs?state=failed"),
            ("", "/"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("javascript:alert(1)", "/"),
        ] {
            assert_eq!(local(next), ours, "{next}");
        }
    }

    #[test]
    fn an_address_says_only_what_is_on_the_list() {
        assert!(notice("/providers?notice=provider-saved").is_some());
        assert!(notice("/providers?notice=you+won").is_none());
        assert!(notice("/providers").is_none());
    }

    #[test]
    fn no_two_pages_of_the_menu_have_one_key() {
        let mut keys: Vec<_> = MENU.iter().flat_map(|part| part.ways).map(|way| way.key).collect();
        keys.sort_unstable();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; linkyard_theme=dark".parse().expect("a value"));
        headers.append(header::COOKIE, "b=2".parse().expect("a value"));
        assert_eq!(Theme::read(&headers), Theme::Dark);
        assert_eq!((cookie(&headers, "b"), cookie(&headers, "theme")), (Some("2"), None));
    }

    #[test]
    fn a_query_is_escaped_and_empty_words_are_left_out() {
        assert_eq!(
            address("/jobs", &[("state", "failed"), ("q", "a&b=c d"), ("after", "")]),
            "/jobs?state=failed&q=a%26b%3Dc%20d"
        );
        assert_eq!(address("/jobs", &[]), "/jobs");
    }
}
