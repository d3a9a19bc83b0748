//! The connection test: does the provider work, and what can it see? A token alone proves nothing, and neither does the list of
//! companies: both work for an app that was disconnected. So calls for the company itself are made, few and small.

use crate::company::Company;
use crate::failure;
use crate::headers::Link;
use crate::wire::{self, CompanyRow, ViewProbe};
use linkyard_core::error::Attention;
use linkyard_core::provider::Visible;
use linkyard_core::{Error, Result};

/// Companies asked for in one call, and the most calls for them: an app's customers beyond that are not searched for a name.
const COMPANIES_PER_PAGE: u32 = 1000;
const MOST_COMPANY_PAGES: u32 = 5;

const VENDORS: &str = "/rest/v1.0/vendors";
const PROJECTS: &str = "/rest/v1.1/projects";

impl Company {
    /// Tests credentials, installation and permissions with three calls or few more, and says what is visible.
    ///
    /// # Errors
    /// `Unauthorized` with what a person has to mend; `Throttled` and `Unavailable` when it can not be told now.
    pub async fn test_connection(&self) -> Result<Visible> {
        let company_name = self.own_name().await?;
        let listed = company_name.is_some();
        let mut hints = Vec::new();
        let vendors = self.vendors_probe(&mut hints).await.map_err(|error| unlisted(listed, error))?;
        let projects = self.projects_probe(&mut hints).await?;
        if !listed {
            hints.push("Procore does not list this company among those where the app is installed.".to_owned());
        }
        Ok(Visible { company_name: company_name.unwrap_or_default(), vendors, projects, hints })
    }

    /// The company's name; `None` when it is not among the app's companies. Other companies' names are read past.
    async fn own_name(&self) -> Result<Option<String>> {
        let mut page = 1;
        for _ in 0..MOST_COMPANY_PAGES {
            let query = [("page", page.to_string()), ("per_page", COMPANIES_PER_PAGE.to_string())];
            let answer =
                failure::as_attention(self.get("/rest/v1.0/companies", &query).await, Attention::UnknownCompany, UNKNOWN)?;
            let rows = wire::rows::<CompanyRow<'_>>(&answer.body)
                .map_err(|what| failure::nonsense("GET /rest/v1.0/companies", &answer.head, &what))?;
            if let Some(own) = rows.into_iter().find(|row| row.0.id.0.0 == self.key.company.0) {
                return Ok(Some(own.0.name.owned().unwrap_or_default()));
            }
            match answer.head.link {
                Link::Next(next) if next > page => page = next,
                Link::Next(_) | Link::Last | Link::Missing => break,
            }
        }
        Ok(None)
    }

    async fn vendors_probe(&self, hints: &mut Vec<String>) -> Result<Option<u64>> {
        let query = [
            ("company_id", self.key.company.to_string()),
            ("view", "extended".to_owned()),
            ("page", "1".to_owned()),
            ("per_page", "1".to_owned()),
        ];
        let answer = failure::as_attention(self.get(VENDORS, &query).await, Attention::UnknownCompany, UNKNOWN)?;
        let rows = wire::rows::<ViewProbe>(&answer.body)
            .map_err(|what| failure::nonsense(&format!("GET {VENDORS}"), &answer.head, &what))?;
        match rows.first() {
            None => hints.push("The directory shows no vendor.".to_owned()),
            Some(row) if row.0.project_ids.0.is_none() => hints.push(
                "Vendors are shown without addresses and projects: give the app's user read permission on the company Directory."
                    .to_owned(),
            ),
            Some(_) => {}
        }
        Ok(answer.head.total)
    }

    async fn projects_probe(&self, hints: &mut Vec<String>) -> Result<Option<u64>> {
        let query = [
            ("company_id", self.key.company.to_string()),
            ("view", "compact".to_owned()),
            ("filters[by_status]", "All".to_owned()),
            ("page", "1".to_owned()),
            ("per_page", "1".to_owned()),
        ];
        let answer = failure::as_attention(self.get(PROJECTS, &query).await, Attention::Permission, NO_PROJECTS)?;
        let rows = wire::rows::<serde::de::IgnoredAny>(&answer.body)
            .map_err(|what| failure::nonsense(&format!("GET {PROJECTS}"), &answer.head, &what))?;
        if rows.is_empty() {
            hints.push(
                "No project is permitted yet: choose the app's permitted projects in Procore (again after an app update)."
                    .to_owned(),
            );
        }
        Ok(answer.head.total)
    }
}

const UNKNOWN: &str =
    "Procore knows no such company for these credentials; check the company id, and that the app is installed there";
const NO_PROJECTS: &str = "the app's user may not list projects";

/// A refusal by a company that is not listed either is about the installation.
fn unlisted(listed: bool, error: Error) -> Error {
    if let Error::Unauthorized { attention: Attention::NotConnected | Attention::Permission, message } = &error
        && !listed
    {
        return Error::Unauthorized { attention: Attention::NotInstalled, message: message.clone() };
    }
    error
}
