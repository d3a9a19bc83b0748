//! A person in the `extended` view of a company's people. Procore documents the `normal` view at this level and the extended one for a
//! project's people only; fields are taken where either has them.

use super::{Flag, Id, Number, Object, Text};
use linkyard_core::contact::Person;
use linkyard_core::id::RecordId;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct PersonRow<'a> {
    id: Id,
    #[serde(default)]
    contact_id: Number,
    #[serde(borrow, default)]
    first_name: Text<'a>,
    #[serde(borrow, default)]
    last_name: Text<'a>,
    #[serde(borrow, default)]
    email_address: Text<'a>,
    #[serde(borrow, default)]
    email: Text<'a>,
    #[serde(borrow, default)]
    business_phone: Text<'a>,
    #[serde(borrow, default)]
    mobile_phone: Text<'a>,
    #[serde(borrow, default)]
    job_title: Text<'a>,
    #[serde(default)]
    is_active: Flag,
    #[serde(borrow, default)]
    contact: Object<Contact<'a>>,
    #[serde(default)]
    vendor: Object<Employer>,
    #[serde(default)]
    vendor_id: Number,
}

#[derive(Debug, Default, Deserialize)]
struct Contact<'a> {
    #[serde(default)]
    is_active: Flag,
    #[serde(borrow, default)]
    email: Text<'a>,
}

#[derive(Debug, Deserialize)]
struct Employer {
    #[serde(default)]
    id: Number,
}

impl PersonRow<'_> {
    /// The row in our words.
    pub(crate) fn person(self) -> Person {
        let contact = self.contact.0.unwrap_or_default();
        let says_inactive = |flag: Flag| flag.0 == Some(false);
        Person {
            id: self.contact_id.id().unwrap_or(self.id.0),
            vendor: self.vendor.0.and_then(|vendor| vendor.id.id()).or_else(|| self.vendor_id.id()),
            first_name: self.first_name.not_blank(),
            last_name: self.last_name.not_blank(),
            email: self.email_address.not_blank().or_else(|| self.email.not_blank()).or_else(|| contact.email.not_blank()),
            phone: self.business_phone.not_blank().or_else(|| self.mobile_phone.not_blank()),
            job_title: self.job_title.not_blank(),
            active: !says_inactive(self.is_active) && !says_inactive(contact.is_active),
        }
    }
}

impl Number {
    /// The number as the id of a record, if it can be one.
    pub(super) fn id(self) -> Option<RecordId> {
        self.positive().and_then(|id| i64::try_from(id).ok()).map(RecordId)
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::people;
    use linkyard_core::contact::Person;
    use linkyard_core::id::RecordId;

    fn one(json: &str) -> Person {
        people(format!("[{json}]").as_bytes()).expect(json).remove(0)
    }

    #[test]
    fn an_extended_row_is_read_whole() {
        let person = one(
            r#"{"id":598134325000009,"contact":{"is_active":true,"email":"old@b.c"},"first_name":"Jo","last_name":" ","user_id":77,
            "vendor":{"id":598134325000001,"name":"V"},"email_address":"jo@b.c","business_phone":null,"mobile_phone":"777",
            "job_title":"Foreman","reference_user":false,"updated_at":"2026-01-31T12:00:00Z"}"#,
        );
        let expected = Person {
            id: RecordId(598_134_325_000_009),
            vendor: Some(RecordId(598_134_325_000_001)),
            first_name: Some("Jo".to_owned()),
            last_name: None,
            email: Some("jo@b.c".to_owned()),
            phone: Some("777".to_owned()),
            job_title: Some("Foreman".to_owned()),
            active: true,
        };
        assert_eq!(person, expected);
    }

    #[test]
    fn the_normal_view_says_less_and_nothing_wrong() {
        let person = one(
            r#"{"id":9,"contact":{"is_active":false,"email":"jo@b.c"},"first_name":null,"is_employee":false,"user_id":null}"#,
        );
        assert_eq!((person.vendor, person.email.as_deref(), person.active), (None, Some("jo@b.c"), false));
        assert_eq!((person.first_name, person.job_title, person.phone), (None, None, None));
        assert!(one(r#"{"id":9}"#).active, "of whom nothing is said");
    }

    #[test]
    fn vendor_mail_and_activity_are_found_in_either_place() {
        assert_eq!(one(r#"{"id":9,"vendor_id":5}"#).vendor, Some(RecordId(5)));
        assert_eq!(one(r#"{"id":9,"vendor_id":5,"vendor":{"id":6}}"#).vendor, Some(RecordId(6)));
        assert_eq!(one(r#"{"id":9,"vendor":null,"vendor_id":0}"#).vendor, None);
        assert_eq!(one(r#"{"id":9,"email":"a@b.c","contact":{"email":"x@y.z"}}"#).email.as_deref(), Some("a@b.c"));
        assert!(!one(r#"{"id":9,"is_active":false,"contact":{"is_active":true}}"#).active);
        assert!(one(r#"{"id":9,"is_active":null,"contact":[1]}"#).active);
    }

    #[test]
    fn the_id_is_the_contacts_and_not_the_users() {
        assert_eq!(one(r#"{"id":9,"user_id":4}"#).id, RecordId(9));
        assert_eq!(one(r#"{"id":4,"contact_id":9}"#).id, RecordId(9));
        assert_eq!(one(r#"{"id":9,"contact_id":null}"#).id, RecordId(9));
    }

    #[test]
    fn a_row_without_an_id_refuses_the_page() {
        for row in [r#"{"first_name":"Jo"}"#, r#"{"id":"9"}"#, r#"{"id":0}"#, "7"] {
            assert!(people(format!(r#"[{{"id":1}},{row}]"#).as_bytes()).is_err(), "{row}");
        }
    }
}
