//! People, users and primary contacts, rendered. They are a function of their vendor's seed plus what was set by hand.
//!
//! Procore documents the normal view of `people` only; the extended one here carries the fields of the project people's
//! extended view (vendor, e-mail, phones, job title, `updated_at`, `reference_user`).

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::clock::timestamp;
use crate::directory::{Company, Fields, Vendor};
use crate::generate::{self, Pick, Purpose, mix};
use crate::ids;
use crate::names;
use crate::render::{Named, Row};

/// Which object of a person is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PersonShape {
    /// `vendor.primary_contact`.
    PrimaryContact,
    /// Row of `people`, documented.
    Normal,
    /// Row of `people` with what `view=extended` is taken to add.
    Extended,
    /// Row of `users`.
    User,
    /// Row of `users` with `view=extended`.
    UserExtended,
    /// One user, asked for by its id.
    OneUser,
    /// What a checker wants to know.
    Truth,
}

/// One person of one vendor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person<'a> {
    pub(crate) company: &'a Company,
    pub(crate) vendor: u32,
    /// The vendor's row, as it is or as lists still show it.
    pub(crate) row: &'a Vendor,
    pub(crate) number: u8,
}

/// A person in one shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PersonView<'a> {
    pub(crate) person: Person<'a>,
    pub(crate) shape: PersonShape,
}

impl<'a> Person<'a> {
    /// A person of a vendor as it is.
    pub(crate) fn now(company: &'a Company, vendor: u32, number: u8) -> Self {
        Self { company, vendor, row: company.vendor(vendor), number }
    }

    /// The contact id: what `primary_contact.id` and `people[].id` show.
    pub(crate) fn id(&self) -> u64 {
        ids::person(self.company.ordinal, self.vendor, self.number)
    }

    /// The user id, for the three of five who can log in.
    pub(crate) fn user_id(&self) -> Option<u64> {
        Pick::new(self.seed(), Purpose::Flags).percent(60).then(|| ids::user(self.company.ordinal, self.vendor, self.number))
    }

    /// Whether it is shown as active.
    pub(crate) fn is_active(&self) -> bool {
        self.field("is_active").and_then(serde_json::Value::as_bool).unwrap_or(true)
    }

    /// Seconds of the last change.
    pub(crate) fn updated_s(&self) -> i64 {
        let set = self.field("updated_at").and_then(serde_json::Value::as_str);
        set.and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok())
            .map_or_else(|| self.row().updated_s, |at| at.timestamp())
    }

    /// A text that was set by hand.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.field(key).and_then(serde_json::Value::as_str)
    }

    /// First and last name.
    pub(crate) fn name(&self) -> String {
        let first = self.text("first_name").unwrap_or_else(|| self.first_name());
        format!("{first} {}", self.text("last_name").unwrap_or_else(|| self.last_name()))
    }

    /// Whether a search word is part of name or e-mail.
    pub(crate) fn matches(&self, needle: &str) -> bool {
        let text = |key: &str, made_up: String| match self.field(key) {
            Some(set) => set.as_str().unwrap_or_default().to_owned(),
            None => made_up,
        };
        let name =
            format!("{} {}", text("first_name", self.first_name().to_owned()), text("last_name", self.last_name().to_owned()));
        name.to_lowercase().contains(needle) || text("email_address", self.email()).to_lowercase().contains(needle)
    }

    fn row(&self) -> &'a Vendor {
        self.row
    }

    fn fields(&self) -> Option<&'a Fields> {
        self.company.person_fields.get(&self.id())
    }

    fn field(&self, key: &str) -> Option<&'a serde_json::Value> {
        self.fields()?.get(key)
    }

    fn seed(&self) -> u64 {
        mix(self.row().seed ^ mix(1_000 + u64::from(self.number)))
    }

    fn first_name(&self) -> &'static str {
        Pick::new(self.seed(), Purpose::Person).one(names::FIRST_NAMES)
    }

    fn last_name(&self) -> &'static str {
        Pick::new(mix(self.seed()), Purpose::Person).one(names::SURNAMES)
    }

    fn email(&self) -> String {
        let letters = |name: &str| name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
        let domain = generate::domain(&self.row().name);
        format!("{}.{}@{domain}", letters(self.first_name()), letters(self.last_name()))
    }

    fn mobile(&self) -> Option<String> {
        Pick::new(self.seed(), Purpose::Fax).percent(50).then(|| generate::phone(self.seed(), Purpose::Fax))
    }

    fn extension(&self) -> Option<u16> {
        let mut pick = Pick::new(self.seed(), Purpose::Texts);
        pick.percent(30).then(|| 100 + pick.below(900) as u16)
    }

    fn job_title(&self) -> &'static str {
        Pick::new(self.seed(), Purpose::Times).one(names::JOB_TITLES)
    }
}

impl Serialize for PersonView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = Row::new(serializer.serialize_map(None)?, self.person.fields());
        match self.shape {
            PersonShape::PrimaryContact => self.primary_contact(&mut row)?,
            PersonShape::Normal => self.normal(&mut row)?,
            PersonShape::Extended => {
                self.normal(&mut row)?;
                self.extended(&mut row)?;
            }
            PersonShape::User => self.user(&mut row)?,
            PersonShape::UserExtended => {
                self.user(&mut row)?;
                row.put("role", self.person.job_title())?;
                row.put("verified_employee", false)?;
            }
            PersonShape::OneUser => {
                self.user(&mut row)?;
                row.put("role", self.person.job_title())?;
                row.put("verified_employee", false)?;
                row.put("is_insurance_manager", false)?;
                row.nulls(&["company_permission_template_id", "default_permission_template_id"])?;
            }
            PersonShape::Truth => self.truth(&mut row)?,
        }
        row.end()
    }
}

impl PersonView<'_> {
    fn primary_contact<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let person = self.person;
        row.put("id", person.id())?;
        row.put("first_name", person.first_name())?;
        row.put("last_name", person.last_name())?;
        row.put("business_phone", generate::phone(person.row().seed, Purpose::Phone))?;
        row.put("business_phone_extension", person.extension())?;
        row.nulls(&["fax_number"])?;
        row.put("mobile_phone", person.mobile())?;
        row.put("email_address", person.email())?;
        row.put("created_at", timestamp(person.row().created_s))?;
        row.put("updated_at", timestamp(person.updated_s()))
    }

    fn normal<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let person = self.person;
        let user_id = person.user_id();
        let email = person.field("email_address").cloned().unwrap_or_else(|| person.email().into());
        row.put("id", person.id())?;
        row.put("contact", Contact { is_active: person.is_active(), email })?;
        row.nulls(&["employee_id"])?;
        row.put("first_name", person.first_name())?;
        row.put("last_name", person.last_name())?;
        row.put("is_employee", person.row().own)?;
        row.put("user_id", user_id)?;
        row.put("user_uuid", user_id.map(uuid))?;
        row.nulls(&["work_classification_id", "origin_id"])
    }

    fn extended<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let person = self.person;
        row.put("vendor", Named { id: person.row().id, name: &person.row().name })?;
        row.put("email_address", person.email())?;
        row.put("business_phone", generate::phone(person.row().seed, Purpose::Phone))?;
        row.put("business_phone_extension", person.extension())?;
        row.put("mobile_phone", person.mobile())?;
        row.nulls(&["fax_number"])?;
        row.put("job_title", person.job_title())?;
        row.put("reference_user", person.user_id().is_none())?;
        row.put("created_at", timestamp(person.row().created_s))?;
        row.put("updated_at", timestamp(person.updated_s()))
    }

    fn user<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let person = self.person;
        let (first, last) = (person.first_name(), person.last_name());
        row.nulls(&["address", "avatar"])?;
        row.put("business_id", person.user_id().map(uuid))?;
        row.put("business_phone", generate::phone(person.row().seed, Purpose::Phone))?;
        row.put("business_phone_extension", person.extension())?;
        row.nulls(&["city"])?;
        row.put("contact_id", person.id())?;
        row.nulls(&["country_code"])?;
        row.put("created_at", timestamp(person.row().created_s))?;
        row.put("email_address", person.email())?;
        row.nulls(&["email_signature", "employee_id"])?;
        row.put("erp_integrated_accountant", false)?;
        row.nulls(&["fax_number"])?;
        row.put("first_name", first)?;
        row.put("id", person.user_id())?;
        row.put("initials", [first, last].iter().filter_map(|name| name.chars().next()).collect::<String>())?;
        row.put("is_active", person.is_active())?;
        row.put("is_employee", person.row().own)?;
        row.put("job_title", person.job_title())?;
        row.nulls(&["last_login_at"])?;
        row.put("last_name", last)?;
        row.put("mobile_phone", person.mobile())?;
        row.put("name", person.name())?;
        row.nulls(&["notes", "origin_id", "origin_data", "state_code"])?;
        row.put("updated_at", timestamp(person.updated_s()))?;
        row.nulls(&["welcome_email_sent_at", "zip", "work_classification_id"])?;
        row.nulls(&["permission_template", "company_permission_template"])?;
        row.put("vendor", Named { id: person.row().id, name: &person.row().name })
    }

    fn truth<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let person = self.person;
        row.put("id", person.id())?;
        row.put("vendor_id", person.row().id)?;
        row.put(
            "primary",
            primary_contact(person.company, person.vendor, person.row).is_some_and(|one| one.number == person.number),
        )?;
        row.put("first_name", person.first_name())?;
        row.put("last_name", person.last_name())?;
        row.put("email_address", person.email())?;
        row.put("business_phone", generate::phone(person.row().seed, Purpose::Phone))?;
        row.put("mobile_phone", person.mobile())?;
        row.put("job_title", person.job_title())?;
        row.put("is_active", person.is_active())?;
        row.put("user_id", person.user_id())?;
        row.put("updated_at", timestamp(person.updated_s()))
    }
}

#[derive(Debug, Serialize)]
struct Contact {
    is_active: bool,
    email: serde_json::Value,
}

/// The vendor's primary contact: the first of its people, or nobody for 15 % of the vendors.
pub(crate) fn primary_contact<'a>(company: &'a Company, vendor: u32, row: &'a Vendor) -> Option<Person<'a>> {
    let mut pick = Pick::new(row.seed, Purpose::Person);
    if pick.percent(15) {
        return None;
    }
    company.people_of(vendor).next().map(|number| Person { company, vendor, row, number })
}

/// A stable UUID-shaped string.
pub(crate) fn uuid(number: u64) -> String {
    let (high, low) = (mix(number), mix(!number));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
