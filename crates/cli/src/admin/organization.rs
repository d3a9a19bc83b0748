//! `linkyard organization` and `linkyard key`: the tenant and the keys that open it.

use super::names;
use super::output::{Format, Row, print_line, say, text, time, word};
use super::session::{Session, call, pages, request_id};
use crate::secret;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::organization_service_client::OrganizationServiceClient;
use linkyard_proto::v1::{
    Access, ApiKey, CreateApiKeyRequest, CreateOrganizationRequest, GetOrganizationRequest, ListApiKeysRequest, Organization,
    RevokeApiKeyRequest,
};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What to do with organizations.
#[derive(Clone, Debug, Subcommand)]
pub enum OrganizationCommand {
    /// The organization that the key opens, and what the key may do.
    #[command(alias = "show")]
    Get,

    /// Make another organization. Needs a key with operator access; the answer holds a write key for the new organization.
    Create {
        /// Its name.
        #[arg(long)]
        name: String,

        /// IANA time zone in which its days begin and end.
        #[arg(long, default_value = "UTC")]
        time_zone: String,

        /// Where the new key goes.
        #[command(flatten)]
        save: SaveKey,
    },
}

/// What to do with API keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; its secret is shown this once.
    #[command(after_help = "Example:\n  linkyard key create --name reports --access read --expires 90d --save-key reports.key")]
    Create {
        /// What it is for.
        #[arg(long)]
        name: String,

        /// What it may do; each includes the ones before it. At most what your own key may do.
        #[arg(long, value_enum, default_value_t = KeyAccess::Write)]
        access: KeyAccess,

        /// Refuse it after this time, like 90d. Without it the key never expires.
        #[arg(long, value_parser = crate::duration::parse, value_name = "DURATION")]
        expires: Option<Duration>,

        /// Where the new key goes.
        #[command(flatten)]
        save: SaveKey,
    },

    /// The keys, oldest first, without secrets.
    List {
        /// At most so many rows; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },

    /// Revoke a key at once.
    Revoke {
        /// `apiKeys/ID` or ID.
        name: String,
    },
}

/// Where a new secret goes.
#[derive(Clone, Debug, Args)]
pub struct SaveKey {
    /// Save the secret in this file (mode 0600) instead of showing it.
    #[arg(long, value_name = "FILE")]
    save_key: Option<PathBuf>,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyAccess {
    /// See everything.
    Read,
    /// Change things.
    Write,
    /// Approve claims on company ids, create organizations.
    Operator,
}

impl From<KeyAccess> for Access {
    fn from(access: KeyAccess) -> Self {
        match access {
            KeyAccess::Read => Self::Read,
            KeyAccess::Write => Self::Write,
            KeyAccess::Operator => Self::Operator,
        }
    }
}

impl Row for ApiKey {
    const HEADER: &'static [&'static str] = &["NAME", "DISPLAY NAME", "PREFIX", "ACCESS", "CREATED", "EXPIRES", "REVOKED"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(&self.name),
            Cell::new(text(&self.display_name)),
            Cell::new(&self.prefix),
            Cell::new(word(self.access().as_str_name(), "ACCESS_")),
            Cell::new(time(self.create_time.as_ref())),
            Cell::new(time(self.expire_time.as_ref())),
            Cell::new(time(self.revoke_time.as_ref())),
        ]
    }
}

impl OrganizationCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::Get => {
                let request = GetOrganizationRequest {};
                session.output.one(&call!(session, OrganizationServiceClient, get_organization, request).await?)
            }
            Self::Create { name, time_zone, save } => {
                let organization =
                    Organization { display_name: name.clone(), time_zone: time_zone.clone(), ..Organization::default() };
                let request = CreateOrganizationRequest { organization: Some(organization), request_id: request_id() };
                let mut made = call!(session, OrganizationServiceClient, create_organization, request).await?;
                save.keep(&mut made.api_key_secret)?;
                session.output.one(&made)
            }
        }
    }
}

impl KeyCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::Create { name, access, expires, save } => {
                let api_key = ApiKey {
                    display_name: name.clone(),
                    access: Access::from(*access).into(),
                    expire_time: expires.map(expiry).transpose()?,
                    ..ApiKey::default()
                };
                let request = CreateApiKeyRequest { api_key: Some(api_key), request_id: request_id() };
                let mut made = call!(session, OrganizationServiceClient, create_api_key, request).await?;
                save.keep(&mut made.secret)?;
                session.output.one(&made)
            }
            Self::List { limit } => {
                let keys = pages(*limit, async |page_size, page_token| {
                    let request = ListApiKeysRequest { page_size, page_token };
                    let page = call!(session, OrganizationServiceClient, list_api_keys, request).await?;
                    Ok((page.api_keys, page.next_page_token))
                });
                session.output.list(&keys.await?)
            }
            Self::Revoke { name } => {
                let request = RevokeApiKeyRequest { name: names::resource("apiKeys", name)?, request_id: request_id() };
                call!(session, OrganizationServiceClient, revoke_api_key, request).await?;
                // The API answers with an empty message.
                match session.output.format() {
                    Format::Json => print_line("{}"),
                    Format::Table => {
                        say("revoked");
                        Ok(())
                    }
                }
            }
        }
    }
}

impl SaveKey {
    /// Saves `secret` in the file asked for and takes it out of the answer.
    fn keep(&self, secret: &mut String) -> Result<()> {
        let Some(path) = &self.save_key else {
            say("the key is shown this once; keep it");
            return Ok(());
        };
        secret::write(path, secret).context("the key was made but could not be saved; revoke it and make another")?;
        say(&format!("the key is in {}", path.display()));
        secret.clear();
        Ok(())
    }
}

fn expiry(after: Duration) -> Result<prost_types::Timestamp> {
    let at = SystemTime::now().checked_add(after).context("--expires is too long")?;
    Ok(at.into())
}
