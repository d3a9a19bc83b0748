//! One HTTP exchange with all its bounds: deadlines, no redirects, no proxy from the environment, and a body that is counted while it
//! streams in, after decompression. It knows neither tokens nor budgets.

use crate::address::PublicOnly;
use crate::failure;
use crate::headers::Head;
use crate::settings::Settings;
use linkyard_core::{Error, Result};
use reqwest::{Client, RequestBuilder, Response, redirect};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How much of an error body is read; a sentence is made of it.
const MOST_OF_A_REFUSAL: usize = 16 << 10;

/// A peer that is gone without a word is found out in ten seconds: on a connection that waits for an answer by these,
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 2;
/// and where something was sent by this. (One that is there and says nothing is given up by `read_idle`.)
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(9);

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Head,
    /// The whole body of a success, the first part of any other.
    pub(crate) body: Vec<u8>,
}

/// The HTTP client with its bounds; a clone shares the connections.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: Client,
    pub(crate) settings: Arc<Settings>,
}

impl Transport {
    /// # Errors
    /// `Internal` when the client can not be built.
    pub(crate) fn new(settings: Settings, allow_private: bool) -> Result<Self> {
        let builder = Client::builder()
            .user_agent(concat!("linkyard/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect)
            .read_timeout(settings.read_idle)
            .timeout(settings.total)
            .pool_idle_timeout(settings.pool_idle)
            .tcp_keepalive(KEEPALIVE)
            .tcp_keepalive_interval(KEEPALIVE_INTERVAL)
            .tcp_keepalive_retries(KEEPALIVE_RETRIES)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .gzip(true)
            .https_only(!allow_private);
        #[cfg(target_os = "linux")]
        let builder = builder.tcp_user_timeout(UNACKNOWLEDGED);
        let builder = if allow_private { builder } else { builder.dns_resolver(PublicOnly) };
        let client = builder.build().map_err(|error| Error::internal("the HTTP client can not be built", error))?;
        Ok(Self { client, settings: Arc::new(settings) })
    }

    /// The client, for making requests that [`Transport::exchange`] sends.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request and reads the answer. `asked` names it in errors.
    ///
    /// # Errors
    /// `Unavailable` when there was no whole answer, or a success larger than the cap. The head comes along where there was one:
    /// limits in it count even when the body broke off.
    pub(crate) async fn exchange(&self, asked: &str, request: RequestBuilder) -> (Option<Head>, Result<Answer>) {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (None, Err(failure::no_answer(asked, error))),
        };
        let status = response.status().as_u16();
        let head = Head::read(status, response.headers(), self.settings.longest_wait, now_ms());
        let body = if response.status().is_success() {
            read_all(asked, response, self.settings.body_cap).await
        } else {
            Ok(read_some(response, MOST_OF_A_REFUSAL).await)
        };
        (Some(head.clone()), body.map(|body| Answer { status, head, body }))
    }
}

/// Our wall clock, milliseconds since 1970: only to read times that Procore wrote.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

async fn read_all(asked: &str, mut response: Response, cap: usize) -> Result<Vec<u8>> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut body = Vec::with_capacity(announced.min(cap));
    while let Some(piece) = response.chunk().await.map_err(|error| failure::no_answer(asked, error))? {
        if body.len() + piece.len() > cap {
            let message = format!("{asked} answered with more than {cap} bytes; smaller pages may help");
            return Err(Error::Unavailable { service: "procore", message, source: None });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The status has spoken already, so a body that breaks off is as good as a short one.
async fn read_some(mut response: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < most {
        match response.chunk().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece[..piece.len().min(most - body.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    body
}
