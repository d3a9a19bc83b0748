//! Contacts follow a directory: what the rules of the domain need is read for a chunk of vendors, and what they decide is written, a few
//! statements for all of it.

use super::contact;
use crate::directory::{ID, List, ids};
use crate::ledger::fence_and_checkpoint;
use crate::registry::marks::{ID_ROW, id_rows};
use crate::row::{get, word};
use crate::sql::{Column, all, batch, commit, execute, one, rows};
use crate::{Store, gate, provider, statistics, text};
use linkyard_core::contact::follow::{Followed, LinkedVendor, Side, decide};
use linkyard_core::contact::{Contact, Person};
use linkyard_core::directory::PrimaryContact;
use linkyard_core::id::{ContactId, PartyId, ProviderId, RecordId};
use linkyard_core::job::{Checkpoint, Fence, RowCounts};
use linkyard_core::mapping::Subject;
use linkyard_core::provider::ContactsMode;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

impl Store {
    /// Brings the contacts of the parties of the next `limit` linked vendors after `after` in step, by the provider's mode. Answers
    /// (contacts that came to be or changed, last vendor; `None` = done). The checkpoint (position
    /// `{"part": "contact", "last": vendor, "contacts": changed_before + changed}`, phase `contacts`) is written with it; when nothing is
    /// left, nothing is written.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn contact_sync_chunk(
        &self,
        fence: &Fence,
        provider: ProviderId,
        after: Option<RecordId>,
        limit: u32,
        changed_before: u64,
    ) -> Result<(u64, Option<RecordId>)> {
        let list = List { organization: fence.organization, provider, subject: Subject::Vendor };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require(&tx, fence.organization, provider).await?;
        gate::lock(&tx, fence.organization).await?;
        if mode(&tx, &list).await? == ContactsMode::None {
            return Ok((0, None));
        }
        let sql = "select record_id, target_id from mapping
            where provider_id = $1 and subject = $2 and organization_id = $3 and state = 'linked' and record_id > $4
            order by record_id limit $5";
        let after = after.map_or(i64::MIN, |record| record.0);
        let vendors = all(&tx, sql, list.values([after.into(), i64::from(limit).into()])).await?;
        let Some(last) = vendors.last().map(|row| get(row, "record_id").map(RecordId)).transpose()? else { return Ok((0, None)) };
        let parties =
            vendors.iter().map(|row| get::<Uuid>(row, "target_id").map(PartyId)).collect::<Result<BTreeSet<PartyId>>>()?;
        let changed = follow(&tx, &list, parties).await?;
        let position = serde_json::json!({ "part": "contact", "last": last, "contacts": changed_before + changed });
        let checkpoint = Checkpoint { position, phase: "contacts".to_owned(), done: RowCounts::default() };
        fence_and_checkpoint(&tx, fence, Some(&checkpoint)).await?;
        commit(tx).await?;
        if changed > 0 {
            statistics::refresh(self).await;
        }
        Ok((changed, Some(last)))
    }
}

/// Brings the contacts of these parties, which vendors are linked to, in step; answers how many came to be or changed. The gate must be
/// locked.
pub(crate) async fn follow(connection: &impl ConnectionTrait, list: &List, mut parties: BTreeSet<PartyId>) -> Result<u64> {
    if parties.is_empty() {
        return Ok(0);
    }
    let mode = mode(connection, list).await?;
    if mode == ContactsMode::None {
        return Ok(0);
    }
    // A person who comes from another party takes part in that party's contacts as well: both are decided together.
    let known = loop {
        let known = read(connection, list, &parties).await?;
        let before = parties.len();
        parties.extend(known.contacts.iter().map(|contact| contact.party));
        if parties.len() == before {
            break known;
        }
    };
    let changes = decide(mode, list.provider, &known.sides, &known.people, &known.contacts);
    write_changed(connection, list, &changes.changed).await?;
    write_created(connection, list, &changes.created).await?;
    Ok((changes.changed.len() + changes.created.len()) as u64)
}

async fn mode(connection: &impl ConnectionTrait, list: &List) -> Result<ContactsMode> {
    let sql = "select contacts_mode from provider where id = $1 and organization_id = $2";
    match one(connection, sql, [list.provider.0.into(), list.organization.0.into()]).await? {
        Some(row) => word(&row, "contacts_mode", ContactsMode::parse),
        None => Err(Error::not_found("provider", list.provider)),
    }
}

/// What the rules need to know of some parties.
struct Known {
    sides: Vec<Side>,
    people: HashMap<RecordId, Person>,
    contacts: Vec<Contact>,
}

async fn read(connection: &impl ConnectionTrait, list: &List, parties: &BTreeSet<PartyId>) -> Result<Known> {
    let sides = sides(connection, list, parties).await?;
    let vendors = || sides.iter().flat_map(|side| &side.vendors);
    let mut people = people(connection, list, "vendor_record_id", vendors().map(|vendor| vendor.record)).await?;
    let primaries = vendors().filter_map(|vendor| vendor.primary.as_ref()).map(|primary| RecordId(primary.id));
    let wanted: HashSet<RecordId> = people.keys().copied().chain(primaries).collect();
    let contacts = contacts(connection, list, parties, &wanted).await?;
    let followed = contacts.iter().filter_map(|contact| contact.follows).filter(|(provider, _)| *provider == list.provider);
    let more: HashSet<RecordId> =
        followed.map(|(_, record)| record).chain(wanted).filter(|record| !people.contains_key(record)).collect();
    people.extend(self::people(connection, list, "record_id", more.into_iter()).await?);
    Ok(Known { sides, people, contacts })
}

/// What is read of a vendor's details.
#[derive(Debug, Default, Deserialize)]
struct Details {
    primary_contact: Option<PrimaryContact>,
}

async fn sides(connection: &impl ConnectionTrait, list: &List, parties: &BTreeSet<PartyId>) -> Result<Vec<Side>> {
    let sql = format!(
        "select m.target_id, m.record_id, m.is_leading, r.details from {} cross join mapping m cross join directory_record r
         where m.target_id = b.id and m.provider_id = $1 and m.subject = $2 and m.organization_id = $3
            and m.state in ('linked', 'orphaned') and r.provider_id = $1 and r.subject = $2 and r.record_id = m.record_id
         order by m.record_id",
        rows(connection, "b", "$4", &ID_ROW)
    );
    let parties: Vec<Uuid> = parties.iter().map(|party| party.0).collect();
    let mut sides: BTreeMap<PartyId, Vec<LinkedVendor>> = BTreeMap::new();
    for row in all(connection, &sql, list.values([id_rows(&parties)?])).await? {
        let (record, leading) = (RecordId(get(&row, "record_id")?), get(&row, "is_leading")?);
        let primary = if leading { primary(record, &row)? } else { None };
        let vendor = LinkedVendor { record, leading, primary };
        sides.entry(PartyId(get(&row, "target_id")?)).or_default().push(vendor);
    }
    let mut sides: Vec<Side> = sides.into_iter().map(|(party, vendors)| Side { party, vendors }).collect();
    sides.sort_by_key(|side| side.vendors.first().map(|vendor| vendor.record));
    Ok(sides)
}

fn primary(record: RecordId, row: &QueryResult) -> Result<Option<PrimaryContact>> {
    let details: String = get(row, "details")?;
    let details: Details = serde_json::from_str(&details)
        .map_err(|error| Error::internal(format!("the details of record {record} are not the JSON they should be"), error))?;
    Ok(details.primary_contact)
}

/// People whose `column` is one of `records`; who is gone is not active.
async fn people(
    connection: &impl ConnectionTrait,
    list: &List,
    column: &str,
    records: impl Iterator<Item = RecordId>,
) -> Result<HashMap<RecordId, Person>> {
    let records = ids(records);
    if records.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select p.* from {} cross join directory_person p
         where p.provider_id = $1 and p.organization_id = $2 and p.{column} = b.record_id",
        rows(connection, "b", "$3", &ID)
    );
    let found = all(connection, &sql, [list.provider.0.into(), list.organization.0.into(), batch(&records)?]).await?;
    found.iter().map(|row| person(row).map(|person| (person.id, person))).collect()
}

fn person(row: &QueryResult) -> Result<Person> {
    let gone: Option<i64> = get(row, "gone_at_ms")?;
    Ok(Person {
        id: RecordId(get(row, "record_id")?),
        vendor: get::<Option<i64>>(row, "vendor_record_id")?.map(RecordId),
        first_name: get(row, "first_name")?,
        last_name: get(row, "last_name")?,
        email: get(row, "email")?,
        phone: get(row, "phone")?,
        job_title: get(row, "job_title")?,
        active: get::<bool>(row, "active")? && gone.is_none(),
    })
}

/// The contacts of `parties`, and those that follow one of `records` wherever they are, oldest first.
async fn contacts(
    connection: &impl ConnectionTrait,
    list: &List,
    parties: &BTreeSet<PartyId>,
    records: &HashSet<RecordId>,
) -> Result<Vec<Contact>> {
    let sql = format!(
        "select c.* from {} cross join contact c where c.party_id = b.id and c.organization_id = $1",
        rows(connection, "b", "$2", &ID_ROW)
    );
    let parties: Vec<Uuid> = parties.iter().map(|party| party.0).collect();
    let mut found = all(connection, &sql, [list.organization.0.into(), id_rows(&parties)?]).await?;
    let sql = format!(
        "select c.* from {} cross join contact c where c.provider_id = $1 and c.organization_id = $2 and c.record_id = b.record_id",
        rows(connection, "b", "$3", &ID)
    );
    let records = batch(&ids(records.iter().copied()))?;
    found.extend(all(connection, &sql, [list.provider.0.into(), list.organization.0.into(), records]).await?);
    let found = found.iter().map(|row| contact(row).map(|contact| (contact.id, contact)));
    Ok(found.collect::<Result<BTreeMap<ContactId, Contact>>>()?.into_values().collect())
}

/// A contact in a batch.
#[derive(Debug, Serialize)]
struct Row {
    id: ContactId,
    party_id: PartyId,
    record_id: Option<RecordId>,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    job_title: Option<String>,
    is_primary: bool,
    active: bool,
}

const ROW: [(&str, Column); 9] = [
    ("id", Column::Uuid),
    ("party_id", Column::Uuid),
    ("record_id", Column::Bigint),
    ("name", Column::Text),
    ("email", Column::Text),
    ("phone", Column::Text),
    ("job_title", Column::Text),
    ("is_primary", Column::Boolean),
    ("active", Column::Boolean),
];

async fn write_changed(connection: &impl ConnectionTrait, list: &List, changed: &[Contact]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let row = |contact: &Contact| Row {
        id: contact.id,
        party_id: contact.party,
        record_id: None,
        name: contact.name.clone(),
        email: contact.email.clone(),
        phone: contact.phone.clone(),
        job_title: contact.job_title.clone(),
        is_primary: contact.primary,
        active: contact.active,
    };
    let changed: Vec<Row> = changed.iter().map(row).collect();
    let source = rows(connection, "b", "$2", &ROW);
    // A party has one primary contact at every moment, so the mark is taken before it is given.
    let sql = format!(
        "update contact set is_primary = false where organization_id = $1 and is_primary and id in (select b.id from {source})"
    );
    execute(connection, &sql, [list.organization.0.into(), batch(&changed)?]).await?;
    let sql = format!(
        "update contact as c set party_id = b.party_id, name = b.name, email = b.email, phone = b.phone, job_title = b.job_title,
            is_primary = b.is_primary, active = b.active, revision = c.revision + 1, updated_at_ms = {{now}}
         from {source} where c.organization_id = $1 and c.id = b.id"
    );
    execute(connection, &sql, [list.organization.0.into(), batch(&changed)?]).await.map(|_| ())
}

async fn write_created(connection: &impl ConnectionTrait, list: &List, created: &[Followed]) -> Result<()> {
    if created.is_empty() {
        return Ok(());
    }
    let kept = |part: &Option<String>| part.as_deref().map(|part| text::kept(part).into_owned());
    let row = |followed: &Followed| Row {
        id: ContactId::generate(),
        party_id: followed.party,
        record_id: Some(followed.record),
        name: text::kept(&followed.contact.name).into_owned(),
        email: kept(&followed.contact.email),
        phone: kept(&followed.contact.phone),
        job_title: kept(&followed.contact.job_title),
        is_primary: followed.contact.primary,
        active: true,
    };
    let created: Vec<Row> = created.iter().map(row).collect();
    let columns: Vec<&str> = ROW.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "insert into contact (provider_id, organization_id, {}, created_at_ms, updated_at_ms)
         select $1, $2, b.{}, {{now}}, {{now}} from {}",
        columns.join(", "),
        columns.join(", b."),
        rows(connection, "b", "$3", &ROW)
    );
    execute(connection, &sql, [list.provider.0.into(), list.organization.0.into(), batch(&created)?]).await.map(|_| ())
}
