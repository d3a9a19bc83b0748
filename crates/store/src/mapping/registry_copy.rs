//! What the registry takes over from the directory: everything at a creation, what is known at a match, what changed later.
//!
//! A part that the directory left out or left blank is no evidence: it never replaces something. Names are taken once, at the creation;
//! afterwards they belong to the people of the registry.

use crate::directory::List;
use crate::sql::{Column, batch, execute, rows};
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

/// What the registry keeps of a record's details.
#[derive(Debug, Default, Deserialize)]
struct Shown {
    phone: Option<String>,
    email: Option<String>,
    number: Option<String>,
}

/// A record and the registry record that takes over from it, in a batch.
#[derive(Debug, Serialize)]
pub(super) struct Copy {
    record_id: RecordId,
    target_id: TargetId,
    phone: Option<String>,
    email: Option<String>,
    number: Option<String>,
}

const COPY: [(&str, Column); 5] = [
    ("record_id", Column::Bigint),
    ("target_id", Column::Uuid),
    ("phone", Column::Text),
    ("email", Column::Text),
    ("number", Column::Text),
];

impl Copy {
    /// Reads what is taken over from the record's `details`, which are JSON.
    pub(super) fn of(record_id: RecordId, target_id: TargetId, details: &str) -> Result<Self> {
        let shown: Shown = serde_json::from_str(details).map_err(|error| {
            Error::internal(format!("the details of record {record_id} are not the JSON they should be"), error)
        })?;
        let known = |part: Option<String>| part.filter(|part| !part.trim().is_empty());
        Ok(Self { record_id, target_id, phone: known(shown.phone), email: known(shown.email), number: known(shown.number) })
    }
}

/// The parts of an address, in both tables.
const ADDRESS: [&str; 5] = ["street", "city", "region", "postal_code", "country"];

/// Parts that stand in the details: of a party, of a project.
fn details(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Vendor => &["phone", "email"],
        Subject::Project => &["number"],
    }
}

/// Creates parties (with the provider's default type and profile) or projects from records. The gate must be locked.
pub(super) async fn create(connection: &impl ConnectionTrait, list: &List, copies: &[Copy]) -> Result<()> {
    if copies.is_empty() {
        return Ok(());
    }
    let (defaults, default_values) = match list.subject {
        Subject::Vendor => {
            ("party_type_id, compliance_profile_id, ", "p.default_party_type_id, p.default_compliance_profile_id, ")
        }
        Subject::Project => ("", ""),
    };
    let address: Vec<String> = ADDRESS.iter().map(|part| format!("nullif(trim(r.{part}), '')")).collect();
    let shown: Vec<String> = details(list.subject).iter().map(|part| format!("b.{part}")).collect();
    let sql = format!(
        "insert into {} (id, organization_id, name, name_search, {defaults}{}, {}, created_by_provider_id, created_at_ms, updated_at_ms)
         select b.target_id, $3, r.name, r.name_search, {default_values}{}, {}, $1, {{now}}, {{now}}
         from {} cross join directory_record r cross join provider p
         where r.provider_id = $1 and r.subject = $2 and r.organization_id = $3 and r.record_id = b.record_id and p.id = $1",
        list.subject.target(),
        ADDRESS.join(", "),
        details(list.subject).join(", "),
        address.join(", "),
        shown.join(", "),
        rows(connection, "b", "$4", &COPY)
    );
    execute(connection, &sql, list.values([batch(copies)?])).await.map(|_| ())
}

/// Brings parties or projects in step with the records that lead them; what is as it should be is not rewritten.
pub(super) async fn refresh(connection: &impl ConnectionTrait, list: &List, copies: &[Copy]) -> Result<()> {
    if copies.is_empty() {
        return Ok(());
    }
    let mut parts: Vec<(&str, String)> =
        ADDRESS.iter().map(|part| (*part, format!("coalesce(nullif(trim(r.{part}), ''), t.{part})"))).collect();
    parts.extend(details(list.subject).iter().map(|part| (*part, format!("coalesce(b.{part}, t.{part})"))));
    let changes: Vec<String> = parts.iter().map(|(part, value)| format!("{part} = {value}")).collect();
    let differs: Vec<String> = parts.iter().map(|(part, value)| format!("t.{part} is distinct from {value}")).collect();
    let sql = format!(
        "update {} as t set {}, keyed = false, revision = t.revision + 1, updated_at_ms = {{now}}
         from {} cross join directory_record r
         where t.id = b.target_id and t.organization_id = $3 and r.provider_id = $1 and r.subject = $2 and r.record_id = b.record_id
            and ({})",
        list.subject.target(),
        changes.join(", "),
        rows(connection, "b", "$4", &COPY),
        differs.join(" or ")
    );
    execute(connection, &sql, list.values([batch(copies)?])).await.map(|_| ())
}
