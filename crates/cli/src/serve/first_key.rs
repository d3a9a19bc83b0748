//! The first organization and the first API key of an installation: without them nobody could ask for more.

use crate::secret;
use anyhow::{Context, Result};
use linkyard_core::scope::{Access, Scope};
use linkyard_store::{Organization, Store};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// The name of the organization that is made when there is none.
const LOCAL: &str = "Local";

/// The key that opens the oldest organization.
#[derive(Debug)]
pub(crate) struct FirstKey {
    /// The secret.
    pub(crate) secret: SecretString,
    /// It was made now, so a person has not seen it yet.
    pub(crate) new: bool,
}

/// Makes the first organization where there is none.
///
/// # Errors
/// The store's.
pub(crate) async fn first_organization(store: &Store) -> Result<Organization> {
    match store.organization_first().await? {
        Some(organization) => Ok(organization),
        None => Ok(store.organization_create(LOCAL, "UTC").await?),
    }
}

/// The operator key in `path`; a new one, saved there with mode 0600, where the file is missing or its key opens nothing any more.
///
/// # Errors
/// The store's, or when the file can not be written.
pub(crate) async fn ensure(store: &Store, path: &Path) -> Result<FirstKey> {
    let organization = first_organization(store).await?;
    if let Some(secret) = read(path)?
        && store.api_key_check(&secret).await?.is_some()
    {
        return Ok(FirstKey { secret, new: false });
    }
    let scope = Scope::new(organization.id, "local");
    let (_, secret) = store.api_key_create(&scope, "first key", Access::Operator, None, None).await?;
    secret::write(path, secret.expose_secret()).context("the first API key could not be saved")?;
    Ok(FirstKey { secret, new: true })
}

fn read(path: &Path) -> Result<Option<SecretString>> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(SecretString::from(text.trim().to_owned()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can not be read", path.display())),
    }
}
