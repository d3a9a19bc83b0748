//! What the console's cases without a browser share: a visitor who sends requests and keeps a cookie, as a browser does.

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use linkyard_tests::control::{Control, Key};
use uuid::Uuid;

/// Somebody at a browser.
pub(crate) struct Visitor<'c> {
    pub(crate) control: &'c Control,
    /// The host that is asked.
    pub(crate) host: &'static str,
    /// The session's cookie, `name=value`; empty before the sign-in.
    pub(crate) cookie: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Itself, checked to have this status.
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Itself, checked to lead there.
    pub(crate) fn leads_to(self, path: &str) -> Self {
        assert_eq!(self.header("location"), path, "{self:?}");
        self
    }
}

/// What a page of ours sends with a form.
pub(crate) const OURS: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];

impl<'c> Visitor<'c> {
    /// Somebody who is not signed in.
    pub(crate) fn new(control: &'c Control) -> Self {
        Self { control, host: "127.0.0.1:50051", cookie: String::new() }
    }

    /// Somebody who signed in with `key`.
    pub(crate) async fn signed_in(control: &'c Control, key: &Key) -> Self {
        let mut visitor = Self::new(control);
        visitor.sign_in(key).await.is(303);
        visitor
    }

    /// Signs in.
    pub(crate) async fn sign_in(&mut self, key: &Key) -> Answer {
        let secret = key.header().trim_start_matches("Bearer ").to_owned();
        let answer = self.post("/sign-in", &[("key", &secret)]).await;
        self.keep(&answer);
        answer
    }

    /// Keeps the cookie of an answer.
    pub(crate) fn keep(&mut self, answer: &Answer) {
        if let Some((pair, _)) = answer.header("set-cookie").split_once(';') {
            pair.clone_into(&mut self.cookie);
        }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    /// Sends a form from a page of ours.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(Method::POST, path, OURS, &form(fields)).await
    }

    /// Sends what a button does, once.
    pub(crate) async fn press(&self, path: &str) -> Answer {
        self.post(path, &[("request_id", &Uuid::new_v4().to_string())]).await
    }

    /// Sends a request; the body of a stream is not waited for.
    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.control.connect())).await.expect("a connection");
        let open = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", self.host);
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
        let stream = head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = match stream {
            true => String::new(),
            false => String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).expect("UTF-8"),
        };
        open.abort();
        Answer { status: head.status, headers: head.headers, text }
    }
}

/// Fields as a form sends them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish()
}

/// The value of a field on a page.
pub(crate) fn field<'p>(page: &'p str, name: &str) -> &'p str {
    let rest = page.split_once(&format!("name=\"{name}\" value=\"")).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split_once('"')).map_or_else(|| panic!("no field {name}: {page}"), |(value, _)| value)
}
