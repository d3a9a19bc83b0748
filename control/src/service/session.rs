//! Signing in to the console and out of it.

use super::Service;
use linkyard_core::Result;
use linkyard_store::{Session, SessionUse};
use secrecy::SecretString;

impl Service {
    /// Begins a session with an API key; its secret, or `None` for a key that opens nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_open(&self, key: &SecretString) -> Result<Option<SecretString>> {
        self.store.session_open(key).await
    }

    /// Begins a session with the secret of a sign-in link; `None` for one that was used or is too old.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_open_by_link(&self, link: &SecretString) -> Result<Option<SecretString>> {
        self.store.session_open_by_link(link).await
    }

    /// Who is signed in; `None` when the session has ended.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_check(&self, secret: &SecretString, by: SessionUse) -> Result<Option<Session>> {
        self.store.session_check(secret, by).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn session_close(&self, secret: &SecretString) -> Result<()> {
        self.store.session_close(secret).await
    }
}
