//! What of records is compared, as SQL has it: narrow columns of a page of the directory or of the registry.
//!
//! How records are compared is not known here.

use crate::directory::List;
use crate::registry::marks::{ID_ROW, id_rows};
use crate::row::get;
use crate::sql::{all, batch, rows};
use linkyard_core::id::{OrganizationId, RecordId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Deserialize;
use std::collections::HashMap;
use uuid::Uuid;

/// How many parties of a project are compared.
const MOST_PARTIES: i64 = 40;

/// What is compared of a directory record's details.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Compared {
    phone: Option<String>,
    email: Option<String>,
    website: Option<String>,
    legal_name: Option<String>,
    trade_name: Option<String>,
    number: Option<String>,
    start_date: Option<String>,
    completion_date: Option<String>,
}

/// The columns of `directory_record r` that are compared.
pub(crate) const OF_RECORD: &str =
    "r.record_id, substr(r.name, 1, 1001) as name, r.street, r.city, r.region, r.postal_code, r.details";

/// A row with the columns [`OF_RECORD`].
pub(crate) fn of_record(row: &QueryResult) -> Result<(RecordId, Features)> {
    let record = RecordId(get(row, "record_id")?);
    let details: String = get(row, "details")?;
    let details: Compared = serde_json::from_str(&details)
        .map_err(|error| Error::internal(format!("the details of record {record} are not the JSON they should be"), error))?;
    let features = Features {
        name: get(row, "name")?,
        other_names: [details.legal_name, details.trade_name]
            .into_iter()
            .flatten()
            .filter(|name| !name.trim().is_empty())
            .collect(),
        phone: details.phone.unwrap_or_default(),
        email: details.email.unwrap_or_default(),
        website: details.website.unwrap_or_default(),
        number: details.number.unwrap_or_default(),
        starts: details.start_date.unwrap_or_default(),
        finishes: details.completion_date.unwrap_or_default(),
        ..address(row)?
    };
    Ok((record, features))
}

fn address(row: &QueryResult) -> Result<Features> {
    let part = |column| get::<Option<String>>(row, column).map(Option::unwrap_or_default);
    Ok(Features {
        street: part("street")?,
        city: part("city")?,
        region: part("region")?,
        postal_code: part("postal_code")?,
        ..Features::default()
    })
}

/// Registry records for which `rest`, written over `t`, holds; its parameters begin with `$2`.
pub(crate) async fn of_registry(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    rest: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<(TargetId, Features)>> {
    let found = rows_of_registry(connection, organization, subject, rest, values).await?;
    compared(connection, organization, subject, &found).await
}

/// A registry record as the last one of a page of changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed {
    /// When it came to be or was changed.
    pub(crate) at_ms: i64,
    /// The party or project.
    pub(crate) target: TargetId,
}

/// The next `limit` registry records in the order of their last change, behind `after`, and the last of them where there may be more.
pub(crate) async fn changed_in_registry(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    after: Changed,
    limit: i64,
) -> Result<(Vec<(TargetId, Features)>, Option<Changed>)> {
    let rest = "and (t.updated_at_ms, t.id) > ($2, $3) order by t.updated_at_ms, t.id limit $4";
    let values = [after.at_ms.into(), after.target.0.into(), limit.into()];
    let found = rows_of_registry(connection, organization, subject, rest, values).await?;
    let last = match found.last() {
        Some(row) if found.len() as i64 == limit => {
            Some(Changed { at_ms: get(row, "updated_at_ms")?, target: TargetId(get(row, "id")?) })
        }
        Some(_) | None => None,
    };
    Ok((compared(connection, organization, subject, &found).await?, last))
}

async fn rows_of_registry(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    rest: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>> {
    let own = match subject {
        Subject::Vendor => "t.phone, t.email, null as number",
        Subject::Project => "null as phone, null as email, t.number",
    };
    let sql = format!(
        "select t.id, t.name, t.street, t.city, t.region, t.postal_code, t.updated_at_ms, {own} from {} t
         where t.organization_id = $1 {rest}",
        subject.target()
    );
    all(connection, &sql, [organization.0.into()].into_iter().chain(values).collect::<Vec<Value>>()).await
}

async fn compared(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    found: &[QueryResult],
) -> Result<Vec<(TargetId, Features)>> {
    let mut records = found.iter().map(of_target).collect::<Result<Vec<_>>>()?;
    if subject == Subject::Project {
        add_parties_of_projects(connection, organization, &mut records).await?;
    }
    Ok(records)
}

fn of_target(row: &QueryResult) -> Result<(TargetId, Features)> {
    let part = |column| get::<Option<String>>(row, column).map(Option::unwrap_or_default);
    let features = Features {
        name: get(row, "name")?,
        phone: part("phone")?,
        email: part("email")?,
        number: part("number")?,
        ..address(row)?
    };
    Ok((TargetId(get(row, "id")?), features))
}

async fn add_parties_of_projects(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    projects: &mut [(TargetId, Features)],
) -> Result<()> {
    if projects.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "select f.project_id, f.party_id from (
            select a.project_id, a.party_id, row_number() over (partition by a.project_id order by a.party_id) as place
            from {} cross join association a where a.project_id = b.id and a.organization_id = $2
         ) f where f.place <= $3",
        rows(connection, "b", "$1", &ID_ROW)
    );
    let ids: Vec<Uuid> = projects.iter().map(|(id, _)| id.0).collect();
    let mut parties: HashMap<TargetId, Vec<String>> = HashMap::new();
    for row in all(connection, &sql, [id_rows(&ids)?, organization.0.into(), MOST_PARTIES.into()]).await? {
        let party: Uuid = get(&row, "party_id")?;
        parties.entry(TargetId(get(&row, "project_id")?)).or_default().push(party.to_string());
    }
    for (id, features) in projects {
        features.parties = parties.remove(id).unwrap_or_default();
    }
    Ok(())
}

/// Adds to projects of a directory the parties to which the vendors on them are linked.
pub(crate) async fn add_parties_of_records(
    connection: &impl ConnectionTrait,
    list: &List,
    records: &mut [(RecordId, Features)],
) -> Result<()> {
    if list.subject != Subject::Project || records.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "select f.project_record_id, f.target_id from (
            select a.project_record_id, v.target_id,
                row_number() over (partition by a.project_record_id order by a.vendor_record_id) as place
            from {} cross join directory_association a cross join mapping v
            where a.provider_id = $1 and a.project_record_id = b.record_id and a.missing_since_ms is null
                and v.provider_id = $1 and v.subject = 'vendor' and v.organization_id = $2 and v.record_id = a.vendor_record_id
                and v.state in ('linked', 'orphaned')
         ) f where f.place <= $4",
        rows(connection, "b", "$3", &crate::directory::ID)
    );
    let ids = batch(&crate::directory::ids(records.iter().map(|(record, _)| *record)))?;
    let mut parties: HashMap<RecordId, Vec<String>> = HashMap::new();
    let values = [list.provider.0.into(), list.organization.0.into(), ids, MOST_PARTIES.into()];
    for row in all(connection, &sql, values).await? {
        let party: Uuid = get(&row, "target_id")?;
        parties.entry(RecordId(get(&row, "project_record_id")?)).or_default().push(party.to_string());
    }
    for (record, features) in records {
        features.parties = parties.remove(record).unwrap_or_default();
    }
    Ok(())
}
