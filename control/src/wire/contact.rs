//! Contacts on the wire.

use super::timestamp;
use crate::etag;
use crate::names::{self, PROVIDERS};
use linkyard_core::contact::Contact;
use linkyard_proto::v1;

/// A contact.
pub(crate) fn contact(contact: &Contact) -> v1::Contact {
    v1::Contact {
        name: names::contact(contact.party, contact.id),
        display_name: contact.name.clone(),
        email: contact.email.clone().unwrap_or_default(),
        phone: contact.phone.clone().unwrap_or_default(),
        job_title: contact.job_title.clone().unwrap_or_default(),
        primary: contact.primary,
        active: contact.active,
        provider: contact.follows.map(|(provider, _)| PROVIDERS.name(provider)).unwrap_or_default(),
        external_id: contact.follows.map(|(_, record)| record.0).unwrap_or_default(),
        etag: etag::of(contact.revision),
        create_time: Some(timestamp(contact.created_at_ms)),
        update_time: Some(timestamp(contact.updated_at_ms)),
    }
}
