//! Contacts: the people of a vendor in the directory, and what a party takes over of them (the article's four modes).
//!
//! People of the directory are kept apart from the registry's contacts, because which of them a party shows depends on the provider's
//! mode, which may change; contacts typed in by a person belong to nobody's mode and are never touched. What follows whom is decided in
//! [`follow`].

pub mod follow;

use crate::id::{ContactId, PartyId, ProviderId, RecordId};
use serde::{Deserialize, Serialize};

/// A person of a directory, as one page of people showed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// The directory's id of the person (a contact id; a person that can log in has a user id besides).
    pub id: RecordId,
    /// The vendor it works for; `None` when the view did not say or it works for the customer itself.
    pub vendor: Option<RecordId>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// E-mail address; not unique, not always there.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// What the person does.
    pub job_title: Option<String>,
    /// Whether the directory calls the person active.
    pub active: bool,
}

impl Person {
    /// The name as it is shown: given and family name, or the e-mail address where both are missing.
    #[must_use]
    pub fn display_name(&self) -> String {
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        let names: Vec<&str> = names.into_iter().flatten().map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.is_empty() { self.email.as_deref().unwrap_or_default().trim().to_owned() } else { names.join(" ") }
    }
}

/// A contact of a party in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Id.
    pub id: ContactId,
    /// Whose.
    pub party: PartyId,
    /// Name, `1..=1000` characters.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// What the person does.
    pub job_title: Option<String>,
    /// Whom to write to; a party has at most one.
    pub primary: bool,
    /// False when the person left: gone from the directory in two complete walks, inactive there, or with another vendor now.
    pub active: bool,
    /// The person of a directory that it follows; `None` when it was typed in by hand.
    pub follows: Option<(ProviderId, RecordId)>,
    /// Changes with every write; the etag.
    pub revision: i64,
    /// Created, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last changed, milliseconds since 1970.
    pub updated_at_ms: i64,
}

impl Contact {
    /// Whether a person typed it in: such a contact belongs to nobody's mode.
    #[must_use]
    pub fn by_hand(&self) -> bool {
        self.follows.is_none()
    }
}

/// What a new contact is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// Name, `1..=1000` characters.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// What the person does.
    pub job_title: Option<String>,
    /// Whom to write to; the one before is no longer.
    pub primary: bool,
}

/// What a person changes of a contact; `None` leaves a part as it is, `Some("")` empties it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactChange {
    /// Name, `1..=1000` characters.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// What the person does.
    pub job_title: Option<String>,
    /// Whether it is whom to write to.
    pub primary: Option<bool>,
}

impl ContactChange {
    /// Whether it changes nothing that a directory owns: then a contact that follows a person takes it as well.
    #[must_use]
    pub fn only_primary(&self) -> bool {
        self.name.is_none() && self.email.is_none() && self.phone.is_none() && self.job_title.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_without_a_name_is_called_by_the_mail_address() {
        let mut person = Person {
            id: RecordId(1),
            vendor: None,
            first_name: Some(" Ann ".to_owned()),
            last_name: Some(String::new()),
            email: Some("ann@example.com".to_owned()),
            phone: None,
            job_title: None,
            active: true,
        };
        assert_eq!(person.display_name(), "Ann");
        person.first_name = None;
        assert_eq!(person.display_name(), "ann@example.com");
        person.email = None;
        assert_eq!(person.display_name(), "");
    }
}
