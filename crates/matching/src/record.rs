//! What is known of one vendor, party or project, and the same thing prepared for comparing.
//!
//! A [`Record`] is filled from whatever the caller has; [`Prepared`] holds each field in its one spelling, most of them as a 64-bit hash,
//! because they are only ever compared for equality. What agreement is worth is decided in `evidence.rs`.

use crate::address::Address;
use crate::name::{self, Form, Subject};
use crate::phone::Phone;
use crate::{fold, ids, web};

/// A vendor, a party or a project, as it is written. Every field but the id may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What the caller calls it; two records of one index never share it.
    pub id: String,
    /// The name.
    pub name: String,
    /// Other names: trade name, legal name, former names.
    pub other_names: Vec<String>,
    /// House number, street and unit; a whole address in one line is understood.
    pub address: String,
    /// The town.
    pub city: String,
    /// State or province.
    pub state: String,
    /// The postcode.
    pub postcode: String,
    /// One phone number, or several with `/`, `;` or `,` between them.
    pub phone: String,
    /// An e-mail address.
    pub email: String,
    /// A web site.
    pub website: String,
    /// EIN, ABN or another number that the state gave out.
    pub tax_id: String,
    /// A project's number.
    pub number: String,
    /// Who owns the project, or the person behind the firm.
    pub owner: String,
    /// A project's first day, `YYYY-MM-DD`.
    pub starts: String,
    /// A project's last day, `YYYY-MM-DD`.
    pub finishes: String,
    /// Names or ids of the vendors on the project, in one numbering on both sides.
    pub vendors: Vec<String>,
}

/// A record, read.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) id: Box<str>,
    pub(crate) forms: Vec<Form>,
    pub(crate) fields: Fields,
}

/// Everything but the names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// The name as it is written, but for case and spaces.
    pub(crate) written: u64,
    /// The name's letters and digits without its legal form.
    pub(crate) spelled: u64,
    /// The address as it is written, but for case and spaces; 0 when there is none.
    pub(crate) address_written: u64,
    pub(crate) phones: Box<[Phone]>,
    pub(crate) email: Option<u64>,
    pub(crate) domain: Option<u64>,
    pub(crate) tax_id: Option<TaxId>,
    pub(crate) number: Option<u64>,
    pub(crate) address: Option<Box<Address>>,
    pub(crate) postcode: Option<u64>,
    pub(crate) city: Option<u64>,
    /// The town's letters, to tell a slip of the pen from another town.
    pub(crate) city_letters: Box<str>,
    pub(crate) state: Option<u64>,
    pub(crate) owner: Box<[u64]>,
    pub(crate) starts: Option<i32>,
    pub(crate) finishes: Option<i32>,
    pub(crate) vendors: Box<[u64]>,
}

/// A tax id: equal ones are equal, and only ids of one length can contradict each other (an EIN says nothing about an ABN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaxId {
    pub(crate) hash: u64,
    pub(crate) length: u8,
}

/// The fields by which a candidate is found and whose frequency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Phone(u64),
    Email(u64),
    Domain(u64),
    TaxId(u64),
    Number(u64),
    Address(u64),
    /// House number and postcode: finds the house whose street is misspelt.
    House(u64),
    Postcode(u64),
    City(u64),
    State(u64),
    Owner(u64),
    Vendor(u64),
}

impl Key {
    /// Whether records that share it are candidates of each other; a town or a state is too common for that.
    pub(crate) fn finds(self) -> bool {
        match self {
            Self::Phone(_) | Self::Email(_) | Self::Domain(_) | Self::TaxId(_) | Self::Number(_) | Self::Address(_) => true,
            Self::House(_) => true,
            Self::Postcode(_) | Self::City(_) | Self::State(_) | Self::Owner(_) | Self::Vendor(_) => false,
        }
    }
}

impl Prepared {
    /// Reads a record.
    pub(crate) fn of(record: &Record, subject: Subject) -> Self {
        let address = Address::read(&record.address);
        let in_address = address.as_ref().map(|address| address.postcode.clone()).unwrap_or_default();
        let postcode = postcode(&record.postcode).or_else(|| postcode(&in_address));
        let mut vendors: Vec<u64> = record.vendors.iter().filter_map(|vendor| word(vendor)).collect();
        vendors.sort_unstable();
        vendors.dedup();
        let owner = name::forms(&record.owner, &[], Subject::Vendor).into_iter().next();
        let tax_id =
            ids::tax_id(&record.tax_id).map(|id| TaxId { hash: hash(&id), length: u8::try_from(id.len()).unwrap_or(u8::MAX) });
        let site =
            web::domain(&record.website).or_else(|| record.email.contains('@').then(|| web::domain(&record.email)).flatten());
        let town = town(&record.city);
        let fields = Fields {
            written: hash(&written(&record.name)),
            spelled: hash(&letters(&record.name)),
            address_written: if address.is_some() { hash(&written(&record.address)) } else { 0 },
            phones: Phone::read(&record.phone).into(),
            email: web::email(&record.email).map(|email| hash(&email)),
            domain: site.map(|domain| hash(&domain)),
            tax_id,
            number: ids::number(&record.number).map(|number| hash(&number)),
            address: address.map(Box::new),
            postcode,
            city: (!town.is_empty()).then(|| hash(&town)),
            city_letters: town.into(),
            state: word(&record.state),
            owner: owner.map(|form| form.words.iter().map(|word| hash(word)).collect()).unwrap_or_default(),
            starts: day(&record.starts),
            finishes: day(&record.finishes),
            vendors: vendors.into(),
        };
        let mut forms = name::forms(&record.name, &record.other_names, subject);
        if subject == Subject::Vendor {
            name::add_without_town(&record.name, &record.city, &mut forms);
        }
        Self { id: record.id.as_str().into(), forms, fields }
    }
}

impl Fields {
    /// Every key of the record, each once.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.phones.iter().map(|phone| Key::Phone(phone.key())).collect();
        keys.extend(self.email.map(Key::Email));
        keys.extend(self.domain.map(Key::Domain));
        keys.extend(self.tax_id.map(|id| Key::TaxId(id.hash)));
        keys.extend(self.number.map(Key::Number));
        keys.extend(self.address_key().map(Key::Address));
        keys.extend(self.house_key().map(Key::House));
        keys.extend(self.postcode.map(Key::Postcode));
        keys.extend(self.city.map(Key::City));
        keys.extend(self.state.map(Key::State));
        keys.extend(self.owner.iter().map(|word| Key::Owner(*word)));
        keys.extend(self.vendors.iter().map(|vendor| Key::Vendor(*vendor)));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The key of house number and postcode, when both are there.
    fn house_key(&self) -> Option<u64> {
        let number = self.address.as_ref().map(|address| address.number).filter(|number| *number > 0)?;
        self.postcode.map(|postcode| postcode ^ u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The key of the address, when it names a house.
    pub(crate) fn address_key(&self) -> Option<u64> {
        self.address.as_ref().and_then(|address| address.key()).map(|key| hash(&key))
    }
}

/// A name as it is written, but for case and the number of spaces.
fn written(name: &str) -> String {
    crate::clip(name).split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The letters and digits of a name, without its legal form, article and spaces: "The Plan North, LLC" and "PLANNORTH" are one.
fn letters(name: &str) -> String {
    let letters = crate::name_key(name).replace(' ', "");
    letters.strip_prefix("the").filter(|rest| rest.len() > 3).unwrap_or(&letters).to_owned()
}

/// The letters of a town's name; "New York City" is "New York".
fn town(text: &str) -> String {
    let mut words: Vec<String> =
        fold::Words::of(crate::clip(text)).into_words().iter().map(|word| crate::words::canonical(word)).collect();
    if words.len() > 2 && words.last().is_some_and(|word| word == "city") {
        words.pop();
    }
    words.concat()
}

/// The folded words of a short field as one value.
fn word(text: &str) -> Option<u64> {
    let words = fold::Words::of(crate::clip(text)).into_words();
    (!words.is_empty()).then(|| hash(&words.iter().map(|word| crate::words::canonical(word)).collect::<Vec<_>>().join(" ")))
}

/// A postcode without its extension.
fn postcode(text: &str) -> Option<u64> {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).take(10).collect::<String>().to_ascii_uppercase();
    let digits = plain.bytes().all(|byte| byte.is_ascii_digit());
    let short = if digits && plain.len() == 9 { &plain[..5] } else { plain.as_str() };
    let filler = short.bytes().all(|byte| byte == b'0');
    (short.len() >= 3 && !filler).then(|| hash(short))
}

/// A date as a number of days; months count as 31 of them, which is exact enough for "about the same time".
fn day(text: &str) -> Option<i32> {
    let mut parts = text.trim().get(..10)?.split('-').map(|part| part.parse::<i32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year * 12 + month) * 31 + day)
}

/// FNV-1a, 64 bits: the same value on every machine and in every build.
pub(crate) fn hash(text: &str) -> u64 {
    hash_of(text.bytes())
}

/// As [`hash`], of single bytes.
pub(crate) fn hash_of(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_into_one_spelling() {
        let left = Record {
            postcode: "60640-1234".into(),
            city: "St. Paul".into(),
            starts: "2024-03-01T00:00".into(),
            ..Record::default()
        };
        let right =
            Record { postcode: "60640".into(), city: "saint paul".into(), starts: "2024-03-01".into(), ..Record::default() };
        let (left, right) = (Prepared::of(&left, Subject::Vendor).fields, Prepared::of(&right, Subject::Vendor).fields);
        assert_eq!((left.postcode, left.city, left.starts), (right.postcode, right.city, right.starts));
        assert!(left.starts.is_some() && left.city.is_some());
    }

    #[test]
    fn an_empty_record_has_nothing_to_compare() {
        let prepared = Prepared::of(&Record { id: "1".into(), ..Record::default() }, Subject::Vendor);
        assert!(prepared.forms.is_empty());
        assert_eq!(prepared.fields.keys(), Vec::new());
    }

    #[test]
    fn a_date_that_is_none_is_no_date() {
        for text in ["", "soon", "2024-13-01", "2024-1-1", "٢٠٢٤-٠١-٠١"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
