//! Procore and one company in it: what jobs call. How a single call is made is in `call.rs`, what rows mean in `wire.rs`.

use crate::address::base_url;
use crate::args::Args;
use crate::failure;
use crate::headers::{Head, Link};
use crate::settings::Settings;
use crate::token::{Credential, Tokens};
use crate::transport::Transport;
use crate::wire;
use chrono::{DateTime, SecondsFormat};
use linkyard_core::budget::{Budget, BudgetKey};
use linkyard_core::directory::Record;
use linkyard_core::id::CompanyId;
use linkyard_core::job::Lane;
use linkyard_core::mapping::Subject;
use linkyard_core::provider::Credentials;
use linkyard_core::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use url::Url;

/// A body up to this size is parsed where it arrived; a larger one off the async threads, which also renew leases.
const PARSED_IN_PLACE: usize = 64 << 10;

/// Procore, shared by a process: one HTTP client, one cache of tokens, one budget. Clones share all of it.
#[derive(Clone, Debug)]
pub struct Procore {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) tokens: Tokens,
    pub(crate) budget: Arc<dyn Budget>,
    pub(crate) api_url: Url,
    platform: Option<Credential>,
    vendors_per_page: u32,
    projects_per_page: u32,
}

/// One company through one credential. Clones count their calls together.
#[derive(Clone, Debug)]
pub struct Company {
    pub(crate) procore: Procore,
    /// `None`: the platform's, and none are configured.
    pub(crate) credential: Option<Credential>,
    pub(crate) key: BudgetKey,
    pub(crate) lane: Lane,
    pub(crate) calls: Arc<AtomicU64>,
}

/// A span of `updated_at`, both ends included, milliseconds since 1970 on Procore's clock. Procore compares whole seconds, so the span
/// is widened to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdatedRange {
    /// From.
    pub from_ms: i64,
    /// To.
    pub to_ms: i64,
}

/// One page of a directory list.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordPage {
    /// The rows in the order of the answer; an id may come twice.
    pub records: Vec<Record>,
    /// Rows in the whole list, as the server counts now.
    pub total: Option<u64>,
    /// The next page's number; `None` on the last page.
    pub next: Option<u32>,
    /// The page size that the server used; it may be smaller than the one asked for.
    pub per_page: u32,
    /// Procore's clock when it answered, milliseconds since 1970.
    pub server_now_ms: Option<i64>,
}

impl Procore {
    /// A client for the Procore that `args` name. Builds a TLS client: a rustls cryptography provider must be installed before.
    ///
    /// # Errors
    /// `Invalid` for a URL that may not be called or half a pair of credentials.
    pub fn new(args: &Args, budget: Arc<dyn Budget>) -> Result<Self> {
        Self::with_settings(args, budget, Settings::default())
    }

    /// The same with other deadlines, for tests.
    ///
    /// # Errors
    /// As [`Procore::new`].
    #[doc(hidden)]
    pub fn with_settings(args: &Args, budget: Arc<dyn Budget>, settings: Settings) -> Result<Self> {
        let login_url = base_url("procore-login-url", &args.login_url, args.allow_private_hosts)?;
        let api_url = base_url("procore-api-url", &args.api_url, args.allow_private_hosts)?;
        let platform = args.platform()?.map(|(client_id, client_secret)| Credential { client_id, client_secret });
        let inner = Inner {
            transport: Transport::new(settings, args.allow_private_hosts)?,
            tokens: Tokens::new(&login_url),
            budget,
            api_url,
            platform,
            vendors_per_page: args.vendors_per_page.max(1),
            projects_per_page: args.projects_per_page.max(1),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whose budget calls to `company` through `credentials` spend.
    #[must_use]
    pub fn budget_key(&self, credentials: &Credentials, company: CompanyId) -> BudgetKey {
        let client_id = match credentials {
            Credentials::Platform => self.inner.platform.as_ref().map(|platform| platform.client_id.clone()).unwrap_or_default(),
            Credentials::Own { client_id, .. } => client_id.clone(),
        };
        BudgetKey { client_id, company }
    }

    /// `company` through `credentials`, for work in `lane`. Calls nobody yet.
    #[must_use]
    pub fn company(&self, credentials: &Credentials, company: CompanyId, lane: Lane) -> Company {
        let credential = match credentials {
            Credentials::Platform => self.inner.platform.clone(),
            Credentials::Own { client_id, client_secret } => {
                Some(Credential { client_id: client_id.clone(), client_secret: client_secret.clone() })
            }
        };
        let key = self.budget_key(credentials, company);
        Company { procore: self.clone(), credential, key, lane, calls: Arc::default() }
    }

    /// The budget that all calls ask.
    #[must_use]
    pub fn budget(&self) -> &Arc<dyn Budget> {
        &self.inner.budget
    }
}

impl Company {
    /// Page `page` (from 1) of the vendors or projects, of those changed in `updated` if given. Projects of every status are listed.
    ///
    /// # Errors
    /// `Throttled` before or after the call, `Unauthorized` with what a person has to mend, `NotFound` when the list is not visible,
    /// `Unavailable` for no answer and for a page that can not be right: then no row of it is returned.
    pub async fn page(&self, subject: Subject, page: u32, updated: Option<UpdatedRange>) -> Result<RecordPage> {
        let inner = &self.procore.inner;
        let company = self.key.company.to_string();
        let (path, per_page) = match subject {
            Subject::Vendor => ("/rest/v1.0/vendors", inner.vendors_per_page),
            Subject::Project => ("/rest/v1.1/projects", inner.projects_per_page),
        };
        // Both lists in their extended view: vendors for the projects they are on, projects because only it shows templates.
        let mut query = vec![
            ("company_id", company),
            ("view", "extended".to_owned()),
            ("page", page.to_string()),
            ("per_page", per_page.to_string()),
        ];
        if subject == Subject::Project {
            query.push(("filters[by_status]", "All".to_owned()));
        }
        if let Some(range) = updated {
            query.push(("filters[updated_at]", range.filter()?));
        }
        let answer = self.get(path, &query).await?;
        let (body, head) = (answer.body, answer.head);
        let records = if body.len() <= PARSED_IN_PLACE {
            wire::records(subject, &body)
        } else {
            let parsing = tokio::task::spawn_blocking(move || wire::records(subject, &body));
            parsing.await.map_err(|error| Error::internal("parsing a page", error))?
        };
        let records = records.map_err(|what| failure::nonsense(&format!("GET {path}"), &head, &what))?;
        Ok(RecordPage {
            total: head.total,
            next: next_page(&head, page, per_page, records.len()),
            per_page: head.per_page.unwrap_or_else(|| u32::try_from(records.len()).unwrap_or(per_page)),
            server_now_ms: head.answer.server_now_ms,
            records,
        })
    }

    /// Calls to the API started through this value and its clones. Requests for tokens are not among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl UpdatedRange {
    /// Procore's range syntax, three dots: `2026-01-01T00:00:00Z...2026-02-01T00:00:00Z`.
    fn filter(self) -> Result<String> {
        let second = |seconds: i64| {
            let time = DateTime::from_timestamp(seconds, 0)
                .ok_or_else(|| Error::broken("a range of updated_at outside all calendars"))?;
            Ok::<_, Error>(time.to_rfc3339_opts(SecondsFormat::Secs, true))
        };
        let to_s = self.to_ms.div_euclid(1000).saturating_add(i64::from(self.to_ms.rem_euclid(1000) > 0));
        Ok(format!("{}...{}", second(self.from_ms.div_euclid(1000))?, second(to_s)?))
    }
}

/// The number of the page after `page`. `Link` decides; without it `Total`; without that the number of rows.
fn next_page(head: &Head, page: u32, asked: u32, rows: usize) -> Option<u32> {
    let following = page.checked_add(1)?;
    match head.link {
        Link::Last => return None,
        // A next that does not go on would be an endless walk.
        Link::Next(next) if next > page => return Some(next),
        Link::Next(_) | Link::Missing => {}
    }
    if rows == 0 {
        return None;
    }
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    if let Some(total) = head.total {
        let per_page = head.per_page.map_or(rows, u64::from);
        let seen = u64::from(page - page.min(1)).saturating_mul(per_page).saturating_add(rows);
        return (seen < total).then_some(following);
    }
    // No header at all. A full page has a successor; so has one of a round size below the one asked for, which looks like a maximum
    // that the server keeps to itself. A call too many ends the walk, a call too few loses rows.
    let full = rows >= u64::from(head.per_page.unwrap_or(asked)) || (head.per_page.is_none() && rows.is_multiple_of(50));
    full.then_some(following)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(link: Link, total: Option<u64>, per_page: Option<u32>) -> Head {
        Head { link, total, per_page, ..Head::default() }
    }

    #[test]
    fn link_decides_where_it_is_there() {
        assert_eq!(next_page(&head(Link::Next(3), Some(1), None), 2, 100, 100), Some(3));
        assert_eq!(next_page(&head(Link::Last, Some(9_000), None), 2, 100, 100), None);
        assert_eq!(next_page(&head(Link::Next(2), Some(250), Some(100)), 2, 100, 100), Some(3), "a next that does not go on");
    }

    #[test]
    fn total_decides_without_link() {
        let total = |per_page, page, rows| next_page(&head(Link::Missing, Some(250), per_page), page, 2000, rows);
        assert_eq!([total(Some(100), 1, 100), total(Some(100), 2, 100), total(Some(100), 3, 50)], [Some(2), Some(3), None]);
        assert_eq!([total(None, 1, 250), total(None, 1, 100), total(None, 9, 0)], [None, Some(2), None]);
    }

    #[test]
    fn rows_decide_without_any_header() {
        let rows = |asked, rows| next_page(&head(Link::Missing, None, None), 1, asked, rows);
        assert_eq!(
            [rows(100, 100), rows(100, 99), rows(100, 0), rows(2000, 1000), rows(2000, 1001)],
            [Some(2), None, None, Some(2), None]
        );
    }

    #[test]
    fn a_range_is_widened_to_whole_seconds() {
        let range = UpdatedRange { from_ms: 1_769_860_800_999, to_ms: 1_769_860_801_001 };
        assert_eq!(range.filter().expect("range"), "2026-01-31T12:00:00Z...2026-01-31T12:00:02Z");
        assert!(UpdatedRange { from_ms: 0, to_ms: i64::MAX }.filter().is_err());
    }
}
