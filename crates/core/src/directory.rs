//! What linkyard knows of a directory's records: vendors and projects as fetched, whatever the platform calls its fields.
//!
//! A field that the directory left out is `None` and changes nothing; a field that it sent empty is `Some("")`. Wire shapes of one
//! platform live in that platform's client, not here.

use crate::id::RecordId;
use serde::{Deserialize, Serialize};

/// A postal address, each part as the directory spells it. Empty parts are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State, region or province code.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2 country code.
    pub country: Option<String>,
}

impl Address {
    /// Whether nothing is known: such an address never overwrites another (a blank field is not evidence).
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let parts = [&self.street, &self.city, &self.region, &self.postal_code, &self.country];
        parts.into_iter().flatten().all(|part| part.trim().is_empty())
    }
}

/// A person that a vendor names as its primary contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrimaryContact {
    /// The directory's contact id (not its user id).
    pub id: i64,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
}

/// The parts of a record that are shown and compared but never searched by: kept as one JSON text in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Details {
    /// Telephone of the firm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail of the firm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Web site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Legal name where it differs from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
    /// "Doing business as".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_name: Option<String>,
    /// Trades of a vendor, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trades: Vec<String>,
    /// A vendor's primary contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_contact: Option<PrimaryContact>,
    /// A project's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// A project's first day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    /// A project's last day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_date: Option<String>,
}

/// One vendor or project of a directory, as one page of a walk showed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The directory's id.
    pub id: RecordId,
    /// The name exactly as the directory spells it; may be empty, very long or in any script.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Everything else that is shown.
    pub details: Details,
    /// Whether the directory calls it active; an inactive record stays linked and is marked.
    pub active: bool,
    /// Why it is not to be mapped at all, if so.
    pub exclusion: Option<Exclusion>,
    /// For a vendor: the projects it is on, as far as the view tells; `None` when the view does not say (then nothing is concluded).
    pub project_ids: Option<Vec<RecordId>>,
    /// When the directory last changed it, milliseconds since 1970, where it says so.
    pub updated_at_ms: Option<i64>,
}

/// Why a record takes no part in mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// The customer's own company in its directory.
    OwnCompany,
    /// A project template.
    Template,
    /// A demo project.
    Demo,
}

impl Exclusion {
    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnCompany => "own_company",
            Self::Template => "template",
            Self::Demo => "demo",
        }
    }
}
