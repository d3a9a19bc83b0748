//! A directory company in the `extended` view. A caller without directory permission is silently given the `minimal` view: then nearly
//! everything is absent, and absent means "not said", never "empty".

use super::{Flag, Id, Ids, List, Name, Number, Object, Text};
use chrono::DateTime;
use linkyard_core::directory::{Address, Details, Exclusion, PrimaryContact, Record};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Vendor<'a> {
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
    business_phone: Text<'a>,
    #[serde(borrow, default)]
    email_address: Text<'a>,
    #[serde(borrow, default)]
    website: Text<'a>,
    #[serde(borrow, default)]
    legal_name: Text<'a>,
    #[serde(borrow, default)]
    trade_name: Text<'a>,
    #[serde(borrow, default)]
    trades: List<Object<Trade<'a>>>,
    #[serde(borrow, default)]
    primary_contact: Object<Contact<'a>>,
    #[serde(default)]
    is_active: Flag,
    #[serde(default)]
    company_vendor: Flag,
    #[serde(default)]
    project_ids: Ids,
    #[serde(borrow, default)]
    updated_at: Text<'a>,
}

#[derive(Debug, Deserialize)]
struct Trade<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

#[derive(Debug, Deserialize)]
struct Contact<'a> {
    #[serde(default)]
    id: Number,
    #[serde(borrow, default)]
    first_name: Text<'a>,
    #[serde(borrow, default)]
    last_name: Text<'a>,
    #[serde(borrow, default)]
    email_address: Text<'a>,
    #[serde(borrow, default)]
    business_phone: Text<'a>,
    #[serde(borrow, default)]
    mobile_phone: Text<'a>,
}

impl Vendor<'_> {
    /// The row in our words.
    pub(crate) fn record(self) -> Record {
        let trades = self.trades.0.into_iter().filter_map(|trade| trade.0?.name.not_blank()).collect();
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
                phone: self.business_phone.owned(),
                email: self.email_address.owned(),
                website: self.website.owned(),
                legal_name: self.legal_name.owned(),
                trade_name: self.trade_name.owned(),
                trades,
                primary_contact: self.primary_contact.0.and_then(Contact::person),
                ..Details::default()
            },
            // The list shows active vendors only; a view without the flag says nothing else.
            active: self.is_active.0.unwrap_or(true),
            exclusion: self.company_vendor.is_set().then_some(Exclusion::OwnCompany),
            project_ids: self.project_ids.0,
            updated_at_ms: time_ms(&self.updated_at),
        }
    }
}

impl Contact<'_> {
    /// A contact without an id can not be told from another, so it is none.
    fn person(self) -> Option<PrimaryContact> {
        let id = i64::try_from(self.id.positive()?).ok()?;
        Some(PrimaryContact {
            id,
            first_name: self.first_name.not_blank(),
            last_name: self.last_name.not_blank(),
            email: self.email_address.not_blank(),
            phone: self.business_phone.not_blank().or_else(|| self.mobile_phone.not_blank()),
        })
    }
}

/// A timestamp of v1 (`2026-01-31T12:00:00Z`) in milliseconds since 1970.
pub(super) fn time_ms(text: &Text<'_>) -> Option<i64> {
    DateTime::parse_from_rfc3339(text.0.as_deref()?.trim()).ok().map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use crate::wire::records;
    use linkyard_core::directory::{Address, Exclusion, Record};
    use linkyard_core::id::RecordId;
    use linkyard_core::mapping::Subject;

    fn read(json: &str) -> Result<Vec<Record>, String> {
        records(Subject::Vendor, json.as_bytes())
    }

    fn one(json: &str) -> Record {
        read(&format!("[{json}]")).expect(json).remove(0)
    }

    #[test]
    fn an_extended_row_is_read_whole() {
        let vendor = one(
            r#"{"id":598134325000001,"name":" Żuraw \"Sons\" ","address":"1 Main St","city":"Austin","state_code":"TX","zip":"78701",
            "country_code":"US","business_phone":"555","email_address":"a@b.c","website":"","legal_name":null,"trade_name":"Zuraw",
            "trades":[{"id":1,"name":"Concrete"},{"id":2,"name":null},3],"primary_contact":{"id":9,"first_name":"Jo","last_name":"",
            "mobile_phone":"777","email_address":"jo@b.c","business_phone":null},"is_active":false,"company_vendor":true,
            "project_ids":[598134325000009,7],"updated_at":"2026-01-31T12:00:00Z","unknown":{"deep":[1,{"x":null}]}}"#,
        );
        assert_eq!(vendor.id, RecordId(598_134_325_000_001));
        assert_eq!(vendor.name, " Żuraw \"Sons\" ");
        assert_eq!(vendor.address.region.as_deref(), Some("TX"));
        assert_eq!(vendor.details.website.as_deref(), Some(""));
        assert_eq!(vendor.details.legal_name, None);
        assert_eq!(vendor.details.trades, ["Concrete"]);
        let contact = vendor.details.primary_contact.expect("contact");
        assert_eq!((contact.id, contact.phone.as_deref(), contact.last_name), (9, Some("777"), None));
        assert!(!vendor.active);
        assert_eq!(vendor.exclusion, Some(Exclusion::OwnCompany));
        assert_eq!(vendor.project_ids, Some(vec![RecordId(598_134_325_000_009), RecordId(7)]));
        assert_eq!(vendor.updated_at_ms, Some(1_769_860_800_000));
    }

    #[test]
    fn absent_null_and_empty_are_told_apart() {
        let minimal = one(r#"{"id":1,"name":"A","is_active":true,"logo":null}"#);
        assert_eq!((minimal.project_ids, minimal.address), (None, Address::default()));
        assert_eq!(one(r#"{"id":1,"name":"A","project_ids":null}"#).project_ids, None);
        assert_eq!(one(r#"{"id":1,"name":"A","project_ids":[]}"#).project_ids, Some(Vec::new()));
        assert_eq!(one(r#"{"id":1,"name":"A","business_phone":""}"#).details.phone.as_deref(), Some(""));
        assert_eq!(one(r#"{"id":1,"name":"A","business_phone":null}"#).details.phone, None);
        assert!(one(r#"{"id":1,"name":"A","address":" ","city":"","zip":"\t"}"#).address.is_blank());
        assert_eq!(one(r#"{"id":1,"name":null}"#).name, "");
    }

    #[test]
    fn a_wrong_type_of_an_unimportant_field_is_not_said() {
        let vendor = one(
            r#"{"id":1,"name":"A","address":{"street":"x"},"city":["a"],"zip":60601,"state_code":true,"trades":"none","is_active":"yes",
            "primary_contact":[1],"project_ids":[1,"2"],"updated_at":17,"company_vendor":1,"website":1.5}"#,
        );
        assert_eq!(vendor.address, Address { postal_code: Some("60601".to_owned()), ..Address::default() });
        assert!(vendor.active && vendor.exclusion.is_none());
        assert_eq!((vendor.project_ids, vendor.updated_at_ms, vendor.details.primary_contact), (None, None, None));
    }

    #[test]
    fn ids_have_64_bits_and_anything_else_refuses_the_page() {
        assert_eq!(one(r#"{"id":9223372036854775807,"name":"A"}"#).id, RecordId(i64::MAX));
        for id in ["0", "-1", "9223372036854775808", "1.5", "1e3", "\"1\"", "null", "[1]", "true"] {
            let page = format!(r#"[{{"id":1,"name":"good"}},{{"id":{id},"name":"A"}}]"#);
            assert!(read(&page).is_err(), "{id}");
        }
        assert!(read(r#"[{"name":"A"}]"#).is_err());
    }

    #[test]
    fn a_page_that_is_not_a_list_of_rows_is_refused() {
        let pages = [
            "",
            "  \n",
            "<html></html>",
            "{}",
            "null",
            "\"x\"",
            r#"{"data":[]}"#,
            r#"[{"id":1,"name":"A"}"#,
            r#"[{"id":1,"name":"A"},"#,
            r#"[{"id":1,"name":"A"}] trailing"#,
            r#"[{"id":1,"name":"\ud800"}]"#,
            r#"[{"id":1}]"#,
            r#"[{"id":1,"name":["A"]}]"#,
            r#"[{"id":1,"name":{}}]"#,
            "[1]",
            "[null]",
            r#"[[1,"A"]]"#,
            "[{\"id\":1,\"name\":\"A\u{1}\"}]",
        ];
        for page in pages {
            assert!(read(page).is_err(), "{page}");
        }
        assert!(records(Subject::Vendor, b"[{\"id\":1,\"name\":\"\xff\"}]").is_err());
        assert_eq!(read("[]").expect("an empty page"), []);
    }

    #[test]
    fn duplicates_are_kept_and_nul_is_made_storable() {
        let rows = read(r#"[{"id":1,"name":"A"},{"id":1,"name":"a\u0000b"}]"#).expect("page");
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["A", "a\u{fffd}b"]);
    }
}
