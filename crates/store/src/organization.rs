//! Tenants and the API keys that open them.
//!
//! A key is `ly_` + 8 characters that name it + `_` + 256 random bits. The part that names it is stored as it is (for the lookup and for
//! people), of the whole only the SHA-256: it is random enough that a fast hash is right, and a stolen database opens nothing.

use crate::row::{get, word};
use crate::sql::{all, commit, execute, one};
use crate::{RequestKey, Store, audit, request};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use linkyard_core::error::Violations;
use linkyard_core::id::{ApiKeyId, ComplianceProfileId, OrganizationId, PartyTypeId};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::{Access, Scope};
use linkyard_core::{Error, Result};
use rand::RngExt;
use sea_orm::{ConnectionTrait, QueryResult};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Id.
    pub id: OrganizationId,
    /// Name.
    pub name: String,
    /// IANA time zone, in which days begin and end.
    pub time_zone: String,
}

/// A key as it is listed: never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// Its first characters, by which a person recognises it.
    pub prefix: String,
    /// What it may do.
    pub access: Access,
    /// Created, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Refused from then on.
    pub expires_at_ms: Option<i64>,
    /// Revoked.
    pub revoked_at_ms: Option<i64>,
}

/// Who a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The tenant and the actor (`key:<prefix>`).
    pub scope: Scope,
    /// What it may do.
    pub access: Access,
}

const KEY_COLUMNS: &str = "id, name, prefix, access, created_at_ms, expires_at_ms, revoked_at_ms";

/// The longest name of an organization or a key, in characters.
const LONGEST_NAME: usize = 200;

/// Who makes an organization: there is no tenant yet whose key could have.
const INSTALLATION: &str = "installation";

impl Store {
    /// Makes a tenant with its default party type ("Subcontractor") and compliance profile ("Standard").
    ///
    /// # Errors
    /// `Invalid` for an empty name or time zone.
    pub async fn organization_create(&self, name: &str, time_zone: &str) -> Result<Organization> {
        let organization = new_organization(name, time_zone)?;
        let tx = self.begin().await?;
        insert_organization(&tx, &organization).await?;
        commit(tx).await?;
        Ok(organization)
    }

    /// Makes a tenant and its first key (named `key_name`, with write access) in one transaction, for an operator.
    ///
    /// # Errors
    /// As [`Store::organization_create`]; `Conflict(RequestIdReused)`.
    pub async fn organization_open(
        &self,
        scope: &Scope,
        name: &str,
        time_zone: &str,
        key_name: &str,
        request: Option<&RequestKey>,
    ) -> Result<(Organization, SecretString)> {
        let organization = new_organization(name, time_zone)?;
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            let (id, sealed): (OrganizationId, Vec<u8>) = remembered(&answer)?;
            let made = Organization { id, ..organization };
            return Ok((made, self.sealing_key.open(&binding(scope, request), &sealed)?));
        }
        insert_organization(&tx, &organization).await?;
        let inside = Scope::new(organization.id, scope.actor.clone());
        let (_, secret) = insert_key(&tx, &inside, key_name, Access::Write, None).await?;
        if request.is_some() {
            let sealed = self.sealing_key.seal(&binding(scope, request), &secret)?;
            request::remember(&tx, scope.organization, request, &answer(&(organization.id, sealed))?).await?;
        }
        commit(tx).await?;
        Ok((organization, secret))
    }

    /// The tenant of `scope`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn organization_get(&self, scope: &Scope) -> Result<Organization> {
        let sql = "select id, name, time_zone from organization where id = $1";
        match one(&self.reader, sql, [scope.organization.0.into()]).await? {
            Some(found) => organization(&found),
            None => Err(Error::not_found("organization", scope.organization)),
        }
    }

    /// The oldest organization, if any: the local one of embedded mode.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn organization_first(&self) -> Result<Option<Organization>> {
        let sql = "select id, name, time_zone from organization order by created_at_ms, id limit 1";
        one(&self.reader, sql, []).await?.as_ref().map(organization).transpose()
    }

    /// Makes a key; the secret (`ly_...`) is answered once and stored only as a hash. With a `request` it is also kept sealed, so that the
    /// same call is answered the same.
    ///
    /// # Errors
    /// `Invalid` for an empty name; `Conflict(RequestIdReused)`.
    pub async fn api_key_create(
        &self,
        scope: &Scope,
        name: &str,
        access: Access,
        expires_at_ms: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<(ApiKey, SecretString)> {
        let mut violations = Violations::default();
        check_name(&mut violations, name);
        violations.finish(())?;
        self.organization_get(scope).await?;
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            let (id, sealed): (ApiKeyId, Vec<u8>) = remembered(&answer)?;
            let key = key_of(&tx, scope.organization, id).await?;
            return Ok((key, self.sealing_key.open(&binding(scope, request), &sealed)?));
        }
        let (key, secret) = insert_key(&tx, scope, name, access, expires_at_ms).await?;
        if request.is_some() {
            let sealed = self.sealing_key.seal(&binding(scope, request), &secret)?;
            request::remember(&tx, scope.organization, request, &answer(&(key.id, sealed))?).await?;
        }
        commit(tx).await?;
        Ok((key, secret))
    }

    /// Who `secret` stands for; `None` when it is unknown, expired or revoked. Compares in constant time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn api_key_check(&self, secret: &SecretString) -> Result<Option<Principal>> {
        Ok(self.right_key(secret).await?.map(|(_, principal)| principal))
    }

    /// The id of the key with this secret and who it stands for; `None` when it is unknown, expired or revoked.
    pub(crate) async fn right_key(&self, secret: &SecretString) -> Result<Option<(ApiKeyId, Principal)>> {
        let Some(prefix) = prefix_of(secret.expose_secret()) else { return Ok(None) };
        let found = one(
            &self.reader,
            "select id, organization_id, secret_sha256, access,
                case when last_used_at_ms is null or last_used_at_ms < {now} - 60000 then 1 else 0 end as note_use
             from api_key where prefix = $1 and revoked_at_ms is null and (expires_at_ms is null or expires_at_ms > {now})",
            [prefix.into()],
        )
        .await?;
        let Some(found) = found else { return Ok(None) };
        let stored: Vec<u8> = get(&found, "secret_sha256")?;
        if !bool::from(stored.as_slice().ct_eq(hash(secret).as_slice())) {
            return Ok(None);
        }
        let id = get(&found, "id").map(ApiKeyId)?;
        if get::<i32>(&found, "note_use")? == 1 {
            self.note_use(id).await;
        }
        let organization = OrganizationId(get(&found, "organization_id")?);
        let access = word(&found, "access", Access::parse)?;
        Ok(Some((id, Principal { scope: Scope::new(organization, format!("key:{prefix}")), access })))
    }

    /// Notes that a key is in use. A database that takes no write at the moment must not keep readers out, so this only warns.
    async fn note_use(&self, id: ApiKeyId) {
        let sql = "update api_key set last_used_at_ms = {now} where id = $1 and (last_used_at_ms is null or last_used_at_ms < {now} - 60000)";
        if let Err(error) = execute(&self.writer, sql, [id.0.into()]).await {
            tracing::warn!(%error, key = %id, "the use of an API key could not be noted");
        }
    }

    /// The keys of the tenant, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn api_key_list(&self, scope: &Scope, page: &PageRequest) -> Result<Page<ApiKey>> {
        let after = match &page.after {
            None => uuid::Uuid::nil(),
            Some(after) => after.parse().map_err(|_| Error::invalid("page_token", "is not one of this list's"))?,
        };
        let sql = format!("select {KEY_COLUMNS} from api_key where organization_id = $1 and id > $2 order by id limit $3");
        let values = [scope.organization.0.into(), after.into(), (i64::from(page.size) + 1).into()];
        let found = all(&self.reader, &sql, values).await?;
        let keys = found.iter().map(api_key).collect::<Result<Vec<ApiKey>>>()?;
        Ok(Page::cut(keys, page.size, |key| key.id.to_string()))
    }

    /// One key, without its secret.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn api_key_get(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey> {
        key_of(&self.reader, scope.organization, id).await
    }

    /// Revokes a key at once; revoking again changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(RequestIdReused)`.
    pub async fn api_key_revoke(&self, scope: &Scope, id: ApiKeyId, request: Option<&RequestKey>) -> Result<ApiKey> {
        let tx = self.begin().await?;
        // Revoking again changes nothing; the key is kept so that it is not used for another body.
        request::replay(&tx, scope.organization, request).await?;
        let sql = "update api_key set revoked_at_ms = {now} where id = $1 and organization_id = $2 and revoked_at_ms is null";
        if execute(&tx, sql, [id.0.into(), scope.organization.0.into()]).await? == 1 {
            audit::note(&tx, scope.organization, &scope.actor, "api_key.revoke", "api_key", &id.to_string(), "").await?;
        }
        let key = key_of(&tx, scope.organization, id).await?;
        request::remember(&tx, scope.organization, request, b"revoked").await?;
        commit(tx).await?;
        Ok(key)
    }
}

fn new_organization(name: &str, time_zone: &str) -> Result<Organization> {
    let mut violations = Violations::default();
    check_name(&mut violations, name);
    if !linkyard_core::calendar::is_zone(time_zone.trim()) {
        violations.add("time_zone", "must be the name of a time zone, for example America/Los_Angeles");
    }
    violations.finish(())?;
    Ok(Organization { id: OrganizationId::generate(), name: name.trim().to_owned(), time_zone: time_zone.trim().to_owned() })
}

async fn insert_organization(connection: &impl ConnectionTrait, organization: &Organization) -> Result<()> {
    let id = organization.id.0;
    execute(
        connection,
        "insert into organization (id, name, time_zone, created_at_ms) values ($1, $2, $3, {now})",
        [id.into(), organization.name.as_str().into(), organization.time_zone.as_str().into()],
    )
    .await?;
    execute(connection, "insert into gate (organization_id) values ($1)", [id.into()]).await?;
    execute(
        connection,
        "insert into party_type (id, organization_id, name) values ($1, $2, 'Subcontractor')",
        [PartyTypeId::generate().0.into(), id.into()],
    )
    .await?;
    execute(
        connection,
        "insert into compliance_profile (id, organization_id, name) values ($1, $2, 'Standard')",
        [ComplianceProfileId::generate().0.into(), id.into()],
    )
    .await?;
    let name = &organization.name;
    audit::note(connection, organization.id, INSTALLATION, "organization.create", "organization", &id.to_string(), name).await
}

async fn insert_key(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    name: &str,
    access: Access,
    expires_at_ms: Option<i64>,
) -> Result<(ApiKey, SecretString)> {
    let id = ApiKeyId::generate();
    let (prefix, secret) = new_secret();
    execute(
        connection,
        "insert into api_key (id, organization_id, name, prefix, secret_sha256, access, created_at_ms, expires_at_ms)
         values ($1, $2, $3, $4, $5, $6, {now}, $7)",
        [
            id.0.into(),
            scope.organization.0.into(),
            name.trim().into(),
            prefix.as_str().into(),
            hash(&secret).to_vec().into(),
            access.as_str().into(),
            expires_at_ms.into(),
        ],
    )
    .await?;
    audit::note(connection, scope.organization, &scope.actor, "api_key.create", "api_key", &id.to_string(), access.as_str())
        .await?;
    Ok((key_of(connection, scope.organization, id).await?, secret))
}

async fn key_of(connection: &impl ConnectionTrait, organization: OrganizationId, id: ApiKeyId) -> Result<ApiKey> {
    let sql = format!("select {KEY_COLUMNS} from api_key where id = $1 and organization_id = $2");
    let found = one(connection, &sql, [id.0.into(), organization.0.into()]).await?;
    api_key(&found.ok_or_else(|| Error::not_found("api key", id))?)
}

/// The remembered request that a sealed secret belongs to. It is kept for as long as requests are remembered, so that an answer that was
/// lost on its way is not a key that nobody has.
fn binding(scope: &Scope, request: Option<&RequestKey>) -> String {
    let (method, id) = request.map_or(("", ""), |request| (&request.method, &request.request_id));
    format!("{}|request|{method}|{id}", scope.organization)
}

fn answer(answer: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(answer).map_err(|error| Error::internal("an answer could not be remembered", error))
}

fn remembered<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(|error| Error::internal("a remembered answer could not be read", error))
}

fn check_name(violations: &mut Violations, name: &str) {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        violations.add("name", format!("must have 1 to {LONGEST_NAME} characters"));
    }
}

/// How many characters of a key, `ly_` included, name it.
const PREFIX_CHARACTERS: usize = 11;

/// A new key and the part that names it.
fn new_secret() -> (String, SecretString) {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = rand::rng();
    let name: String = (0..8).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect();
    let prefix = format!("ly_{name}");
    let secret: [u8; 32] = random.random();
    let whole = format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(secret));
    (prefix, SecretString::from(whole))
}

/// The part of a key that names it, where it has the form of one.
fn prefix_of(secret: &str) -> Option<&str> {
    let prefix = secret.get(..PREFIX_CHARACTERS)?;
    let rest = secret.get(PREFIX_CHARACTERS..)?;
    (prefix.starts_with("ly_") && rest.starts_with('_')).then_some(prefix)
}

/// What is stored of a secret.
pub(crate) fn hash(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}

fn organization(row: &QueryResult) -> Result<Organization> {
    Ok(Organization { id: OrganizationId(get(row, "id")?), name: get(row, "name")?, time_zone: get(row, "time_zone")? })
}

fn api_key(row: &QueryResult) -> Result<ApiKey> {
    Ok(ApiKey {
        id: ApiKeyId(get(row, "id")?),
        name: get(row, "name")?,
        prefix: get(row, "prefix")?,
        access: word(row, "access", Access::parse)?,
        created_at_ms: get(row, "created_at_ms")?,
        expires_at_ms: get(row, "expires_at_ms")?,
        revoked_at_ms: get(row, "revoked_at_ms")?,
    })
}
