//! Contacts of parties.

use super::Service;
use linkyard_core::Result;
use linkyard_core::contact::{Contact, ContactChange, NewContact};
use linkyard_core::id::{ContactId, PartyId};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_store::RequestKey;

impl Service {
    /// The contacts of a party, oldest first.
    ///
    /// # Errors
    /// `NotFound` for the party; `Invalid` for a foreign page key.
    pub async fn contact_list(&self, scope: &Scope, party: PartyId, page: &PageRequest) -> Result<Page<Contact>> {
        self.store.contact_list(scope, party, page).await
    }

    /// Types a contact in.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::contact_create`].
    pub async fn contact_create(
        &self,
        scope: &Scope,
        party: PartyId,
        new: &NewContact,
        request: Option<&RequestKey>,
    ) -> Result<Contact> {
        self.store.contact_create(scope, party, new, request).await
    }

    /// Changes a contact; one that follows a directory can only become, or no longer be, the primary one.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::contact_update`].
    pub async fn contact_update(
        &self,
        scope: &Scope,
        (party, id): (PartyId, ContactId),
        change: &ContactChange,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<Contact> {
        self.store.contact_update(scope, party, id, change, expected_revision, request).await
    }

    /// Deletes a contact that was typed in by hand.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::contact_delete`].
    pub async fn contact_delete(
        &self,
        scope: &Scope,
        (party, id): (PartyId, ContactId),
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        self.store.contact_delete(scope, party, id, expected_revision, request).await
    }
}
