//! The lists of a company, a page at a time: vendors and projects, inactive vendors, people, insurances. Every list asks for its page by
//! number with all of its own parameters, and reads a page as a whole or refuses it as a whole.

use crate::company::Company;
use crate::failure;
use crate::headers::{Head, Link};
use crate::wire;
use chrono::{DateTime, SecondsFormat};
use linkyard_core::compliance::FoundInsurance;
use linkyard_core::contact::Person;
use linkyard_core::directory::Record;
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};

/// A body up to this size is parsed where it arrived; a larger one off the async threads, which also renew leases.
const PARSED_IN_PLACE: usize = 64 << 10;

/// A span of `updated_at`, both ends included, milliseconds since 1970 on Procore's clock. Procore compares whole seconds, so the span
/// is widened to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdatedRange {
    /// From.
    pub from_ms: i64,
    /// To.
    pub to_ms: i64,
}

/// One page of vendors or projects.
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

/// One page of people; the fields are those of [`RecordPage`].
#[derive(Clone, Debug, PartialEq)]
pub struct PersonPage {
    /// The rows in the order of the answer; an id may come twice.
    pub people: Vec<Person>,
    /// Rows in the whole list, as the server counts now.
    pub total: Option<u64>,
    /// The next page's number; `None` on the last page.
    pub next: Option<u32>,
    /// The page size that the server used.
    pub per_page: u32,
    /// Procore's clock when it answered, milliseconds since 1970.
    pub server_now_ms: Option<i64>,
}

/// One page of insurances; the fields are those of [`RecordPage`].
#[derive(Clone, Debug, PartialEq)]
pub struct InsurancePage {
    /// The rows in the order of the answer, whoever made them; an id may come twice.
    pub insurances: Vec<FoundInsurance>,
    /// Rows in the whole list, as the server counts now.
    pub total: Option<u64>,
    /// The next page's number; `None` on the last page.
    pub next: Option<u32>,
    /// The page size that the server used.
    pub per_page: u32,
    /// Procore's clock when it answered, milliseconds since 1970.
    pub server_now_ms: Option<i64>,
}

/// A list to read a page of.
struct Asked<'a> {
    path: &'a str,
    /// Its own parameters, without page and size.
    query: Vec<(&'a str, String)>,
    page: u32,
    per_page: u32,
}

/// A page of any list.
struct Paged<T> {
    rows: Vec<T>,
    total: Option<u64>,
    next: Option<u32>,
    per_page: u32,
    server_now_ms: Option<i64>,
}

impl Company {
    /// Page `page` (from 1) of the vendors or projects, of those changed in `updated` if given. Projects of every status are listed,
    /// vendors only while they are active (see [`Company::inactive_vendors`]).
    ///
    /// # Errors
    /// `Throttled` before or after the call, `Unauthorized` with what a person has to mend, `NotFound` when the list is not visible,
    /// `Unavailable` for no answer and for a page that can not be right: then no row of it is returned.
    pub async fn page(&self, subject: Subject, page: u32, updated: Option<UpdatedRange>) -> Result<RecordPage> {
        let inner = &self.procore.inner;
        let (path, per_page) = match subject {
            Subject::Vendor => ("/rest/v1.0/vendors", inner.vendors_per_page),
            Subject::Project => ("/rest/v1.1/projects", inner.projects_per_page),
        };
        // Both lists in their extended view: vendors for the projects they are on, projects because only it shows templates.
        let mut query = vec![("company_id", self.key.company.to_string()), ("view", "extended".to_owned())];
        if subject == Subject::Project {
            query.push(("filters[by_status]", "All".to_owned()));
        }
        if let Some(range) = updated {
            query.push(("filters[updated_at]", range.filter()?));
        }
        let asked = Asked { path, query, page, per_page };
        Ok(self.list(asked, move |body| wire::records(subject, body)).await?.into())
    }

    /// Page `page` (from 1) of the vendors that were deactivated. Procore keeps them out of the main list, which is why a vendor that is
    /// missing there is not gone. Every row is inactive here, whatever it says of itself.
    ///
    /// # Errors
    /// As [`Company::page`].
    pub async fn inactive_vendors(&self, page: u32) -> Result<RecordPage> {
        let path = format!("/rest/v1.0/companies/{}/vendors/inactive", self.key.company);
        let query = vec![("view", "extended".to_owned())];
        let asked = Asked { path: &path, query, page, per_page: self.procore.inner.vendors_per_page };
        let mut listed = self.list(asked, |body| wire::records(Subject::Vendor, body)).await?;
        listed.rows.iter_mut().for_each(|record| record.active = false);
        Ok(listed.into())
    }

    /// Page `page` (from 1) of all people of the company's vendors: users and reference users (contacts that can not log in). The list
    /// knows no `updated_at`, so it is always read whole.
    ///
    /// A person's id is the *contact* id, the one that a vendor's `primary_contact.id` names: the row's own `id`, since a person who can
    /// log in has a `user_id` besides; where a row shows a `contact_id`, as rows of users do, that one. The extended view's fields are
    /// not documented at this level; what is not there is `None`, and a person of whom nothing is said is active.
    ///
    /// # Errors
    /// As [`Company::page`].
    pub async fn people(&self, page: u32) -> Result<PersonPage> {
        let path = format!("/rest/v1.0/companies/{}/people", self.key.company);
        let query = vec![("view", "extended".to_owned())];
        let asked = Asked { path: &path, query, page, per_page: self.procore.inner.people_per_page };
        let Paged { rows: people, total, next, per_page, server_now_ms } = self.list(asked, wire::people).await?;
        Ok(PersonPage { people, total, next, per_page, server_now_ms })
    }

    /// Page `page` (from 1) of all insurances of the company's vendors. The list has neither filters nor `updated_at`: finding what
    /// changed means reading it whole, which is still far cheaper than a call per vendor.
    ///
    /// # Errors
    /// As [`Company::page`].
    pub async fn insurances(&self, page: u32) -> Result<InsurancePage> {
        let path = format!("/rest/v1.0/companies/{}/insurances", self.key.company);
        let asked = Asked { path: &path, query: Vec::new(), page, per_page: self.procore.inner.insurances_per_page };
        let Paged { rows: insurances, total, next, per_page, server_now_ms } = self.list(asked, wire::insurances).await?;
        Ok(InsurancePage { insurances, total, next, per_page, server_now_ms })
    }

    async fn list<T: Send + 'static>(
        &self,
        asked: Asked<'_>,
        read: impl FnOnce(&[u8]) -> std::result::Result<Vec<T>, String> + Send + 'static,
    ) -> Result<Paged<T>> {
        let Asked { path, mut query, page, per_page } = asked;
        query.extend([("page", page.to_string()), ("per_page", per_page.to_string())]);
        let answer = self.get(path, &query).await?;
        let head = answer.head;
        let rows = parsed(answer.body, read).await?;
        let rows = rows.map_err(|what| failure::nonsense(&format!("GET {path}"), &head, &what))?;
        Ok(Paged {
            total: head.total,
            next: next_page(&head, page, per_page, rows.len()),
            per_page: head.per_page.unwrap_or_else(|| u32::try_from(rows.len()).unwrap_or(per_page)),
            server_now_ms: head.answer.server_now_ms,
            rows,
        })
    }
}

impl From<Paged<Record>> for RecordPage {
    fn from(listed: Paged<Record>) -> Self {
        let Paged { rows: records, total, next, per_page, server_now_ms } = listed;
        Self { records, total, next, per_page, server_now_ms }
    }
}

/// Reads a body, a large one off the async threads.
pub(crate) async fn parsed<T: Send + 'static>(body: Vec<u8>, read: impl FnOnce(&[u8]) -> T + Send + 'static) -> Result<T> {
    if body.len() <= PARSED_IN_PLACE {
        return Ok(read(&body));
    }
    let parsing = tokio::task::spawn_blocking(move || read(&body));
    parsing.await.map_err(|error| Error::internal("parsing an answer", error))
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
