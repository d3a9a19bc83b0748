//! Sessions of the console: a person who signed in with an API key, or with a link that was made for one.
//!
//! Of a session's secret only the SHA-256 is stored, as of a key's: a stolen database opens nothing. A session is never more than its
//! key: when that is revoked or expires, the session has ended.

use crate::organization::hash;
use crate::row::{get, word};
use crate::sql::{end, execute, one};
use crate::{Organization, Principal, Store, audit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use linkyard_core::Result;
use linkyard_core::id::{ApiKeyId, OrganizationId};
use linkyard_core::scope::{Access, Scope};
use rand::RngExt;
use sea_orm::{ConnectionTrait, QueryResult};
use secrecy::SecretString;

/// A session that was not used for so long has ended, milliseconds.
const IDLE_MS: i64 = 30 * 60 * 1_000;

/// A session ends so long after its beginning, however much it is used, milliseconds.
const LONGEST_MS: i64 = 12 * 60 * 60 * 1_000;

/// A link that was not used for so long is void, milliseconds.
const LINK_MS: i64 = 60 * 60 * 1_000;

/// Who keeps a session from becoming idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionUse {
    /// A person did something.
    Person,
    /// A page that is open brings itself up to date: nobody may be sitting there.
    Page,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who the session's key stands for.
    pub principal: Principal,
    /// What the key is for.
    pub key_name: String,
    /// The tenant.
    pub organization: Organization,
}

impl Store {
    /// Begins a session with an API key; answers the session's secret, or `None` when the key is unknown, expired or revoked.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_open(&self, key: &SecretString) -> Result<Option<SecretString>> {
        let Some((id, _)) = self.right_key(key).await? else { return Ok(None) };
        let tx = self.begin().await?;
        let result = insert(&tx, id).await;
        end(tx, result).await
    }

    /// Makes a secret that begins one session with this key, within an hour; `None` as [`Store::session_open`].
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn sign_in_link_create(&self, key: &SecretString) -> Result<Option<SecretString>> {
        let Some((id, _)) = self.right_key(key).await? else { return Ok(None) };
        let secret = new_secret();
        let sql = "insert into sign_in_link (secret_sha256, api_key_id, created_at_ms) values ($1, $2, {now})";
        execute(&self.writer, sql, [hash(&secret).to_vec().into(), id.0.into()]).await?;
        Ok(Some(secret))
    }

    /// Begins a session with the secret of a link, which is void from then on; `None` when it was used before or is too old, and when its
    /// key has ended.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_open_by_link(&self, link: &SecretString) -> Result<Option<SecretString>> {
        let tx = self.begin().await?;
        let result = open_by_link(&tx, link).await;
        end(tx, result).await
    }

    /// Who is signed in with this secret; `None` when it has ended.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_check(&self, secret: &SecretString, by: SessionUse) -> Result<Option<Session>> {
        let sql = format!(
            "select k.prefix, k.access, k.name as key_name, o.id, o.name, o.time_zone,
                case when s.seen_at_ms < {{now}} - 60000 then 1 else 0 end as note_use
             from console_session s join api_key k on k.id = s.api_key_id join organization o on o.id = k.organization_id
             where s.secret_sha256 = $1 and s.seen_at_ms > {{now}} - {IDLE_MS} and s.created_at_ms > {{now}} - {LONGEST_MS}
                and k.revoked_at_ms is null and (k.expires_at_ms is null or k.expires_at_ms > {{now}})"
        );
        let sha256 = hash(secret).to_vec();
        let Some(found) = one(&self.reader, &sql, [sha256.clone().into()]).await? else { return Ok(None) };
        if by == SessionUse::Person && get::<i32>(&found, "note_use")? == 1 {
            let sql = "update console_session set seen_at_ms = {now} where secret_sha256 = $1";
            // A database that takes no write at the moment must not keep readers out.
            if let Err(error) = execute(&self.writer, sql, [sha256.into()]).await {
                tracing::warn!(%error, "the use of a session could not be noted");
            }
        }
        session(&found).map(Some)
    }

    /// Ends a session; one that has ended is no mistake.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_close(&self, secret: &SecretString) -> Result<()> {
        let sql = "delete from console_session where secret_sha256 = $1";
        execute(&self.writer, sql, [hash(secret).to_vec().into()]).await.map(|_| ())
    }
}

/// Writes a session of a live key and its line of the audit log; clears away what has ended.
async fn insert(tx: &impl ConnectionTrait, key: ApiKeyId) -> Result<Option<SecretString>> {
    let sql = "select organization_id, prefix from api_key
        where id = $1 and revoked_at_ms is null and (expires_at_ms is null or expires_at_ms > {now})";
    let Some(found) = one(tx, sql, [key.0.into()]).await? else { return Ok(None) };
    let ended =
        format!("delete from console_session where created_at_ms <= {{now}} - {LONGEST_MS} or seen_at_ms <= {{now}} - {IDLE_MS}");
    execute(tx, &ended, []).await?;
    execute(tx, &format!("delete from sign_in_link where created_at_ms <= {{now}} - {LINK_MS}"), []).await?;
    let secret = new_secret();
    let sql = "insert into console_session (secret_sha256, api_key_id, created_at_ms, seen_at_ms) values ($1, $2, {now}, {now})";
    execute(tx, sql, [hash(&secret).to_vec().into(), key.0.into()]).await?;
    let actor = format!("key:{}", get::<String>(&found, "prefix")?);
    let organization = OrganizationId(get(&found, "organization_id")?);
    audit::note(tx, organization, &actor, "console.sign_in", "api_key", &key.to_string(), "").await?;
    Ok(Some(secret))
}

async fn open_by_link(tx: &impl ConnectionTrait, link: &SecretString) -> Result<Option<SecretString>> {
    let sql =
        format!("delete from sign_in_link where secret_sha256 = $1 and created_at_ms > {{now}} - {LINK_MS} returning api_key_id");
    match one(tx, &sql, [hash(link).to_vec().into()]).await? {
        Some(found) => insert(tx, ApiKeyId(get(&found, "api_key_id")?)).await,
        None => Ok(None),
    }
}

/// 256 random bits.
fn new_secret() -> SecretString {
    let secret: [u8; 32] = rand::rng().random();
    SecretString::from(URL_SAFE_NO_PAD.encode(secret))
}

fn session(row: &QueryResult) -> Result<Session> {
    let organization =
        Organization { id: OrganizationId(get(row, "id")?), name: get(row, "name")?, time_zone: get(row, "time_zone")? };
    let actor = format!("key:{}", get::<String>(row, "prefix")?);
    let principal = Principal { scope: Scope::new(organization.id, actor), access: word(row, "access", Access::parse)? };
    Ok(Session { principal, key_name: get(row, "key_name")?, organization })
}
