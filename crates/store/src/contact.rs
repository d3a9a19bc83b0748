//! Contacts of parties as people see and change them. Whoever changes one locks the gate first: the primary contact of a party is one,
//! whether a person or a sync names it. How contacts follow a directory is in `follow.rs`.

pub(crate) mod follow;

use crate::registry::marks::{after, check_name, known};
use crate::row::get;
use crate::sql::{all, end, execute, one};
use crate::{RequestKey, Store, audit, gate, request, text};
use linkyard_core::contact::{Contact, ContactChange, NewContact};
use linkyard_core::error::{ConflictReason, Violations};
use linkyard_core::id::{ContactId, OrganizationId, PartyId, ProviderId, RecordId};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};
use uuid::Uuid;

/// The longest mail address, telephone or job title, in characters.
const LONGEST_PART: usize = 1_000;

impl Store {
    /// The contacts of a party, oldest first, inactive ones among them.
    ///
    /// # Errors
    /// `NotFound` for the party; `Invalid` for a foreign page key.
    pub async fn contact_list(&self, scope: &Scope, party: PartyId, page: &PageRequest) -> Result<Page<Contact>> {
        require_party(&self.reader, scope.organization, party).await?;
        let sql = "select * from contact where organization_id = $1 and party_id = $2 and id > $3 order by id limit $4";
        let values: [Value; 4] =
            [scope.organization.0.into(), party.0.into(), after(page)?.into(), (i64::from(page.size) + 1).into()];
        let found = all(&self.reader, sql, values).await?.iter().map(contact).collect::<Result<Vec<Contact>>>()?;
        Ok(Page::cut(found, page.size, |contact| contact.id.to_string()))
    }

    /// Types a contact in. A primary one takes the place of the one before.
    ///
    /// # Errors
    /// `NotFound` for the party; `Invalid` for a missing or too long name or a part that is too long; `Conflict(RequestIdReused)`.
    pub async fn contact_create(
        &self,
        scope: &Scope,
        party: PartyId,
        new: &NewContact,
        request: Option<&RequestKey>,
    ) -> Result<Contact> {
        let tx = self.begin().await?;
        let result = create(&tx, scope, party, new, request).await;
        end(tx, result).await
    }

    /// Changes a contact, `expected_revision` where the caller read it before. One that follows a directory can only become, or no
    /// longer be, the primary one; everything else of it is changed in the directory. A change that changes nothing keeps the revision.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(Version)`; `Conflict(State)` for a part that the directory owns; `Invalid` and `Conflict(RequestIdReused)` as
    /// [`Store::contact_create`].
    pub async fn contact_update(
        &self,
        scope: &Scope,
        party: PartyId,
        id: ContactId,
        change: &ContactChange,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<Contact> {
        let tx = self.begin().await?;
        let result = update(&tx, scope, (party, id), change, expected_revision, request).await;
        end(tx, result).await
    }

    /// Deletes a contact that was typed in by hand.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(Version)`; `Conflict(State)` for one that follows a directory; `Conflict(RequestIdReused)`.
    pub async fn contact_delete(
        &self,
        scope: &Scope,
        party: PartyId,
        id: ContactId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        let tx = self.begin().await?;
        let result = delete(&tx, scope, (party, id), expected_revision, request).await;
        end(tx, result).await
    }
}

async fn create(
    tx: &DatabaseTransaction,
    scope: &Scope,
    party: PartyId,
    new: &NewContact,
    request: Option<&RequestKey>,
) -> Result<Contact> {
    if let Some(answer) = request::replay(tx, scope.organization, request).await? {
        return read(tx, scope.organization, party, answered(&answer)?).await;
    }
    gate::lock(tx, scope.organization).await?;
    require_party(tx, scope.organization, party).await?;
    let mut violations = Violations::default();
    check_name(&new.name, "name".to_owned(), &mut violations);
    check_parts(&[("email", &new.email), ("phone", &new.phone), ("job_title", &new.job_title)], &mut violations);
    violations.finish(())?;
    let id = ContactId::generate();
    if new.primary {
        demote(tx, scope.organization, party, id).await?;
    }
    let sql = "insert into contact (id, organization_id, party_id, name, email, phone, job_title, is_primary, created_at_ms, updated_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, {now}, {now})";
    let values: [Value; 8] = [
        id.0.into(),
        scope.organization.0.into(),
        party.0.into(),
        text::kept(new.name.trim()).into_owned().into(),
        known(new.email.as_deref()).into(),
        known(new.phone.as_deref()).into(),
        known(new.job_title.as_deref()).into(),
        new.primary.into(),
    ];
    execute(tx, sql, values).await?;
    note(tx, scope, "contact.create", id).await?;
    request::remember(tx, scope.organization, request, id.0.as_bytes()).await?;
    read(tx, scope.organization, party, id).await
}

async fn update(
    tx: &DatabaseTransaction,
    scope: &Scope,
    (party, id): (PartyId, ContactId),
    change: &ContactChange,
    expected_revision: Option<i64>,
    request: Option<&RequestKey>,
) -> Result<Contact> {
    if let Some(answer) = request::replay(tx, scope.organization, request).await? {
        return read(tx, scope.organization, party, answered(&answer)?).await;
    }
    gate::lock(tx, scope.organization).await?;
    let before = read(tx, scope.organization, party, id).await?;
    check_revision(&before, expected_revision)?;
    if !change.only_primary() {
        by_hand(
            &before,
            "its name and addresses can not be changed here: change them in Procore, and the next sync brings them",
        )?;
    }
    if change.primary == Some(true) && !before.active {
        return Err(refused(
            &before,
            "is inactive, because the person left: choose another one as the primary contact".to_owned(),
        ));
    }
    let next = changed(&before, change)?;
    if next != before {
        if next.primary {
            demote(tx, scope.organization, party, id).await?;
        }
        let sql =
            "update contact set name = $3, email = $4, phone = $5, job_title = $6, is_primary = $7, revision = revision + 1,
            updated_at_ms = {now} where id = $1 and organization_id = $2";
        let values: [Value; 7] = [
            id.0.into(),
            scope.organization.0.into(),
            next.name.into(),
            next.email.into(),
            next.phone.into(),
            next.job_title.into(),
            next.primary.into(),
        ];
        execute(tx, sql, values).await?;
        note(tx, scope, "contact.update", id).await?;
    }
    request::remember(tx, scope.organization, request, id.0.as_bytes()).await?;
    read(tx, scope.organization, party, id).await
}

async fn delete(
    tx: &DatabaseTransaction,
    scope: &Scope,
    (party, id): (PartyId, ContactId),
    expected_revision: Option<i64>,
    request: Option<&RequestKey>,
) -> Result<()> {
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return Ok(());
    }
    gate::lock(tx, scope.organization).await?;
    let before = read(tx, scope.organization, party, id).await?;
    check_revision(&before, expected_revision)?;
    by_hand(
        &before,
        "it can not be deleted here: remove the person in Procore, or set the provider's contacts mode to NONE first",
    )?;
    execute(tx, "delete from contact where id = $1 and organization_id = $2", [id.0.into(), scope.organization.0.into()]).await?;
    note(tx, scope, "contact.delete", id).await?;
    request::remember(tx, scope.organization, request, id.0.as_bytes()).await
}

/// `before` with `change`.
fn changed(before: &Contact, change: &ContactChange) -> Result<Contact> {
    let mut violations = Violations::default();
    if let Some(name) = &change.name {
        check_name(name, "name".to_owned(), &mut violations);
    }
    check_parts(&[("email", &change.email), ("phone", &change.phone), ("job_title", &change.job_title)], &mut violations);
    violations.finish(())?;
    let part = |new: &Option<String>, old: &Option<String>| match new {
        Some(new) => known(Some(new)),
        None => old.clone(),
    };
    Ok(Contact {
        name: change.name.as_deref().map_or_else(|| before.name.clone(), |name| text::kept(name.trim()).into_owned()),
        email: part(&change.email, &before.email),
        phone: part(&change.phone, &before.phone),
        job_title: part(&change.job_title, &before.job_title),
        primary: change.primary.unwrap_or(before.primary),
        ..before.clone()
    })
}

fn check_parts(parts: &[(&str, &Option<String>)], violations: &mut Violations) {
    for (field, part) in parts {
        if part.as_deref().is_some_and(|part| part.chars().nth(LONGEST_PART).is_some()) {
            violations.add(*field, format!("is longer than {LONGEST_PART} characters"));
        }
    }
}

fn check_revision(contact: &Contact, expected: Option<i64>) -> Result<()> {
    if expected.is_none_or(|expected| expected == contact.revision) {
        return Ok(());
    }
    Err(Error::Conflict {
        reason: ConflictReason::Version,
        resource: "contact",
        id: contact.id.to_string(),
        message: format!("contact {} changed meanwhile: it has revision {} now", contact.id, contact.revision),
    })
}

fn by_hand(contact: &Contact, otherwise: &str) -> Result<()> {
    if contact.by_hand() { Ok(()) } else { Err(refused(contact, format!("follows a person of the directory, so {otherwise}"))) }
}

fn refused(contact: &Contact, why: String) -> Error {
    Error::Conflict {
        reason: ConflictReason::State,
        resource: "contact",
        id: contact.id.to_string(),
        message: format!("contact {} {why}", contact.id),
    }
}

/// Takes the mark of the primary contact from whoever has it but `next`.
async fn demote(connection: &impl ConnectionTrait, organization: OrganizationId, party: PartyId, next: ContactId) -> Result<()> {
    let sql = "update contact set is_primary = false, revision = revision + 1, updated_at_ms = {now}
        where organization_id = $1 and party_id = $2 and id <> $3 and is_primary";
    execute(connection, sql, [organization.0.into(), party.0.into(), next.0.into()]).await.map(|_| ())
}

async fn require_party(connection: &impl ConnectionTrait, organization: OrganizationId, party: PartyId) -> Result<()> {
    let sql = "select 1 as found from party where id = $1 and organization_id = $2";
    match one(connection, sql, [party.0.into(), organization.0.into()]).await? {
        Some(_) => Ok(()),
        None => Err(Error::not_found("party", party)),
    }
}

async fn note(connection: &impl ConnectionTrait, scope: &Scope, action: &str, id: ContactId) -> Result<()> {
    audit::note(connection, scope.organization, &scope.actor, action, "contact", &id.to_string(), "").await
}

fn answered(answer: &[u8]) -> Result<ContactId> {
    Uuid::from_slice(answer).map(ContactId).map_err(|error| Error::internal("a remembered answer names no contact", error))
}

async fn read(connection: &impl ConnectionTrait, organization: OrganizationId, party: PartyId, id: ContactId) -> Result<Contact> {
    let sql = "select * from contact where id = $1 and organization_id = $2 and party_id = $3";
    match one(connection, sql, [id.0.into(), organization.0.into(), party.0.into()]).await? {
        Some(row) => contact(&row),
        None => Err(Error::not_found("contact", id)),
    }
}

fn contact(row: &QueryResult) -> Result<Contact> {
    let (provider, record): (Option<Uuid>, Option<i64>) = (get(row, "provider_id")?, get(row, "record_id")?);
    Ok(Contact {
        id: ContactId(get(row, "id")?),
        party: PartyId(get(row, "party_id")?),
        name: get(row, "name")?,
        email: get(row, "email")?,
        phone: get(row, "phone")?,
        job_title: get(row, "job_title")?,
        primary: get(row, "is_primary")?,
        active: get(row, "active")?,
        follows: provider.zip(record).map(|(provider, record)| (ProviderId(provider), RecordId(record))),
        revision: get(row, "revision")?,
        created_at_ms: get(row, "created_at_ms")?,
        updated_at_ms: get(row, "updated_at_ms")?,
    })
}
