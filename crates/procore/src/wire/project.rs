//! A project in the `extended` view: the only one that shows `template`; it contains the `normal` view.

use super::vendor::time_ms;
use super::{Flag, Id, Name, Text};
use linkyard_core::directory::{Address, Details, Exclusion, Record};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Project<'a> {
    id: Id,
    #[serde(borrow)]
    name: Name<'a>,
    #[serde(borrow, default)]
    address: Text<'a>,
    #[serde(borrow, default)]
    city: Text<'a>,
    #[serde(borrow, default)]
    state_code: Text<'a>,
    #[serde(borrow, default)]
    zip: Text<'a>,
    #[serde(borrow, default)]
    country_code: Text<'a>,
    #[serde(borrow, default)]
    phone: Text<'a>,
    #[serde(borrow, default)]
    project_number: Text<'a>,
    #[serde(borrow, default)]
    start_date: Text<'a>,
    #[serde(borrow, default)]
    completion_date: Text<'a>,
    #[serde(default)]
    active: Flag,
    #[serde(default)]
    template: Flag,
    #[serde(default)]
    is_demo: Flag,
    #[serde(borrow, default)]
    updated_at: Text<'a>,
}

impl Project<'_> {
    /// The row in our words.
    pub(crate) fn record(self) -> Record {
        let exclusion =
            if self.template.is_set() { Some(Exclusion::Template) } else { self.is_demo.is_set().then_some(Exclusion::Demo) };
        Record {
            id: self.id.0,
            name: self.name.owned(),
            address: Address {
                street: self.address.not_blank(),
                city: self.city.not_blank(),
                region: self.state_code.not_blank(),
                postal_code: self.zip.not_blank(),
                country: self.country_code.not_blank(),
            },
            details: Details {
                phone: self.phone.owned(),
                number: self.project_number.owned(),
                start_date: self.start_date.owned(),
                completion_date: self.completion_date.owned(),
                ..Details::default()
            },
            active: self.active.0.unwrap_or(true),
            exclusion,
            project_ids: None,
            updated_at_ms: time_ms(&self.updated_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::records;
    use linkyard_core::directory::{Exclusion, Record};
    use linkyard_core::mapping::Subject;

    fn one(json: &str) -> Record {
        records(Subject::Project, format!("[{json}]").as_bytes()).expect(json).remove(0)
    }

    #[test]
    fn templates_and_demo_projects_are_excluded() {
        let exclusion = |json: &str| one(json).exclusion;
        assert_eq!(exclusion(r#"{"id":1,"name":"A","template":true,"is_demo":false}"#), Some(Exclusion::Template));
        assert_eq!(exclusion(r#"{"id":1,"name":"A","template":false,"is_demo":true}"#), Some(Exclusion::Demo));
        assert_eq!(exclusion(r#"{"id":1,"name":"A","template":null}"#), None);
    }

    #[test]
    fn a_project_is_read_with_its_number_and_dates() {
        let project = one(
            r#"{"id":598134326177405,"name":"Tower","project_number":"P-7","active":false,"address":"1 St","city":"X","zip":"1",
            "state_code":"TX","country_code":"US","start_date":"2026-01-01","completion_date":null,"updated_at":"2026-01-31T12:00:00Z"}"#,
        );
        assert_eq!(project.details.number.as_deref(), Some("P-7"));
        assert_eq!(project.details.start_date.as_deref(), Some("2026-01-01"));
        assert_eq!(project.details.completion_date, None);
        assert!(!project.active);
        assert_eq!(project.project_ids, None);
    }
}
