//! Parties Mapping and Projects Mapping: one set of pages over the subject.
//!
//! Lives here: which list of which provider a page is about, and the words that differ between the two. Each page is a file: the list,
//! saving choices, looking for what to match, the plan and its confirm, the switch for automatic adding, and decision files. Does not
//! live here: any rule about mappings (the service's and the store's).

pub(super) mod act;
pub(super) mod automatic;
pub(super) mod file;
pub(super) mod list;
pub(super) mod plan;
mod row;
pub(super) mod target;
mod view;
mod work;

use super::failure::Failure;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use linkyard_core::id::ProviderId;
use linkyard_core::mapping::{MappingState, Subject};

/// Which list of which provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) subject: Subject,
    pub(crate) provider: ProviderId,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((list, provider)) = path.map_err(|_| Failure::nowhere())?;
        let words = Words::named(&list).ok_or_else(Failure::nowhere)?;
        Ok(Self { subject: words.subject, provider: provider.parse().map_err(|_| Failure::nowhere())? })
    }
}

impl Place {
    /// The address of its list.
    pub(crate) fn path(&self) -> String {
        format!("/mapping/{}/{}", self.words().list, self.provider)
    }

    /// The address of another page of it.
    pub(crate) fn page(&self, page: &str) -> String {
        format!("{}/{page}", self.path())
    }

    /// What things are called there.
    pub(crate) fn words(&self) -> &'static Words {
        Words::of(self.subject)
    }
}

/// What things are called on the pages of one list, in the article's words.
#[derive(Debug)]
pub(crate) struct Words {
    subject: Subject,
    /// Its word in addresses.
    pub(crate) list: &'static str,
    pub(crate) title: &'static str,
    pub(crate) record: &'static str,
    pub(crate) records: &'static str,
    pub(crate) target: &'static str,
    pub(crate) targets: &'static str,
    pub(crate) confirm: &'static str,
    pub(crate) automatic: &'static str,
}

const PARTIES: Words = Words {
    subject: Subject::Vendor,
    list: "parties",
    title: "Parties Mapping",
    record: "vendor",
    records: "vendors",
    target: "party",
    targets: "parties",
    confirm: "Confirm Parties",
    automatic: "Automatically add new Procore parties",
};

const PROJECTS: Words = Words {
    subject: Subject::Project,
    list: "projects",
    title: "Projects Mapping",
    record: "project",
    records: "projects",
    target: "project",
    targets: "projects",
    confirm: "Confirm All Projects",
    automatic: "Automatically add new Procore projects",
};

impl Words {
    /// The words of a list.
    pub(crate) fn of(subject: Subject) -> &'static Self {
        match subject {
            Subject::Vendor => &PARTIES,
            Subject::Project => &PROJECTS,
        }
    }

    /// The words of the list with this word in addresses.
    pub(crate) fn named(list: &str) -> Option<&'static Self> {
        [&PARTIES, &PROJECTS].into_iter().find(|words| words.list == list)
    }

    /// So many records: "1 vendor", "2,000 vendors".
    pub(crate) fn count(&self, records: u64) -> String {
        format!("{} {}", super::words::number(records), if records == 1 { self.record } else { self.records })
    }
}

/// How many of these rows a person has to decide.
pub(super) fn undecided(counts: &[(MappingState, u64)]) -> u64 {
    counts.iter().filter(|(state, _)| view::TO_DECIDE.contains(state)).map(|(_, rows)| rows).sum()
}

/// Where they are decided.
pub(super) fn to_decide(provider: ProviderId, subject: Subject) -> String {
    format!("{}?state=decide", Place { subject, provider }.path())
}
