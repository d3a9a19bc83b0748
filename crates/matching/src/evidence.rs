//! What the fields beside the name say: each field at one of a few levels, each level with its worth.
//!
//! Agreement is worth the more the fewer records share the value (a phone of one firm, or of 800). Disagreement costs according to how often
//! two records of one firm disagree in that field.

use crate::address::Nearness;
use crate::name::Subject;
use crate::record::{Fields, Key};
use crate::weights::{self, Rates};

/// How many records have a value, and how many records there are.
pub(crate) trait Frequencies {
    /// Records that have the key.
    fn sharing(&self, key: Key) -> usize;
    /// How many of the records that have the key bear a name of the same words as the one at `slot`, itself among them: one firm entered more
    /// than once, as far as can be told at a glance. Looks at all of them.
    fn namesakes(&self, key: Key, slot: u32) -> usize;
    /// All records.
    fn records(&self) -> usize;
}

/// A field at which two records were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    TaxId,
    Phone,
    Email,
    Domain,
    Address,
    Postcode,
    City,
    State,
    Number,
    Owner,
    Dates,
    Vendors,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) field: Field,
    pub(crate) level: Level,
    /// In nats; positive speaks for a match.
    pub(crate) weight: f32,
}

/// How far a field agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// It agrees; so many records share the value.
    Same(usize),
    /// One house, another unit.
    OtherUnit,
    /// One street, a few numbers apart.
    Near,
    /// One street.
    SameStreet,
    /// It differs.
    Different,
}

/// Everything that was compared: at most one finding for each field.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: [Option<Finding>; 12],
    count: usize,
}

impl Findings {
    fn add(&mut self, field: Field, level: Level, weight: f32) {
        self.list[self.count] = Some(Finding { field, level, weight });
        self.count += 1;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Finding> + '_ {
        self.list.iter().flatten().copied()
    }

    /// The level of a field, if it was compared.
    pub(crate) fn level(&self, field: Field) -> Option<Level> {
        self.iter().find(|finding| finding.field == field).map(|finding| finding.level)
    }

    /// All of it together: what is not independent counts less the more of it there is.
    pub(crate) fn total(&self) -> f32 {
        let mut gains = [0.0_f32; 12];
        let mut count = 0;
        let mut against = 0.0;
        for finding in self.iter() {
            if finding.weight > 0.0 {
                gains[count] = finding.weight;
                count += 1;
            } else {
                against += finding.weight;
            }
        }
        crate::name_score::weighted(&mut gains[..count], &weights::FIELD_SHARES) + against
    }
}

/// Whether two towns are one, misspelt.
fn one_town(left: &str, right: &str) -> bool {
    left.len().min(right.len()) > 4 && crate::similarity::is_slip(left, right)
}

/// Two records, field by field.
pub(crate) struct Comparison<'a, F> {
    pub(crate) left: &'a Fields,
    pub(crate) right: &'a Fields,
    /// Where the right one stands in the index.
    pub(crate) slot: u32,
    pub(crate) rates: &'a Rates,
    pub(crate) frequencies: &'a F,
    /// Records of the left one's own that are in the index too and say nothing about how common a value is.
    pub(crate) own: usize,
    pub(crate) subject: Subject,
}

impl<F: Frequencies> Comparison<'_, F> {
    pub(crate) fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        self.tax_ids(&mut findings);
        self.phones(&mut findings);
        self.web(&mut findings);
        self.place(&mut findings);
        self.project(&mut findings);
        findings
    }

    /// What agreement in a value is worth, and how many share it.
    fn agreement(&self, key: Key, rate: f32) -> (Level, f32) {
        let sharing = self.frequencies.sharing(key);
        let few = (2..=weights::FEW_SHARING as usize).contains(&sharing);
        let one_firm = if few { self.frequencies.namesakes(key, self.slot) } else { 1 };
        // A record of the left one's own is taken for one of that firm: if it is not, one stranger too many is counted, which is careful.
        let others = sharing.saturating_sub(one_firm.max(1 + self.own)) as f32;
        let strangers = others * (others / weights::FEW_SHARING).min(1.0);
        let shared = match key {
            Key::State(_) => weights::STATE_SHARED,
            Key::City(_) => weights::CITY_SHARED,
            Key::Postcode(_) => weights::POSTCODE_SHARED,
            Key::Phone(_) | Key::Email(_) | Key::Domain(_) | Key::TaxId(_) | Key::Number(_) => 0.0,
            Key::Address(_) | Key::House(_) | Key::Owner(_) | Key::Vendor(_) => 0.0,
        };
        let known = 0.3 + shared * weights::PRIOR_RECORDS;
        let weight = (rate * (self.frequencies.records() as f32 + weights::PRIOR_RECORDS) / (strangers + known)).ln();
        (Level::Same(sharing), weight.max(0.0))
    }

    fn equal_or(
        &self,
        findings: &mut Findings,
        field: Field,
        values: (Option<u64>, Option<u64>),
        key: fn(u64) -> Key,
        rate: f32,
        other: f32,
    ) {
        let (Some(left), Some(right)) = values else { return };
        if left == right {
            let (level, weight) = self.agreement(key(left), rate);
            findings.add(field, level, weight);
        } else {
            findings.add(field, Level::Different, other);
        }
    }

    fn tax_ids(&self, findings: &mut Findings) {
        let (Some(left), Some(right)) = (self.left.tax_id, self.right.tax_id) else { return };
        if left == right {
            let (level, weight) = self.agreement(Key::TaxId(left.hash), 0.95);
            findings.add(Field::TaxId, level, weight);
        } else if left.length == right.length {
            findings.add(Field::TaxId, Level::Different, weights::OTHER_TAX_ID);
        }
    }

    fn phones(&self, findings: &mut Findings) {
        if self.left.phones.is_empty() || self.right.phones.is_empty() {
            return;
        }
        let shared = self.left.phones.iter().find(|phone| self.right.phones.iter().any(|other| phone.same(*other)));
        match shared {
            Some(phone) => {
                let (level, weight) = self.agreement(Key::Phone(phone.key()), self.rates.phone);
                findings.add(Field::Phone, level, weight);
            }
            None => findings.add(Field::Phone, Level::Different, (1.0 - self.rates.phone).ln()),
        }
    }

    fn web(&self, findings: &mut Findings) {
        let (left, right) = (self.left, self.right);
        if left.email.is_some() && left.email == right.email {
            self.equal_or(findings, Field::Email, (left.email, right.email), Key::Email, self.rates.email, 0.0);
        }
        let other = weights::OTHER_DOMAIN;
        self.equal_or(findings, Field::Domain, (left.domain, right.domain), Key::Domain, self.rates.domain, other);
    }

    /// The house decides where it is known; postcode, town and state speak where it is not, and against where they differ.
    fn place(&self, findings: &mut Findings) {
        let nearness = self.left.address.as_ref().zip(self.right.address.as_ref()).and_then(|(left, right)| left.compare(right));
        let differs = |rate: f32| (1.0 - rate).ln();
        let house = nearness.map(|nearness| self.house(nearness, findings)).unwrap_or_default();
        let mut worst = 0.0_f32;
        let fields = [
            (Field::Postcode, self.left.postcode, self.right.postcode, Key::Postcode as fn(u64) -> Key, self.rates.postcode),
            (Field::City, self.left.city, self.right.city, Key::City, self.rates.city),
            (Field::State, self.left.state, self.right.state, Key::State, self.rates.state),
        ];
        for (field, left, right, key, rate) in fields {
            let (Some(left), Some(right)) = (left, right) else { continue };
            let alike = field == Field::City && one_town(&self.left.city_letters, &self.right.city_letters);
            if left == right || alike {
                let (level, weight) = self.agreement(key(right), rate);
                // Of one place the house says it all; a town shared beside another house hardly says anything.
                findings.add(field, level, if nearness.is_some() { weight * 0.15 } else { weight * 0.7 });
            } else {
                let cost = if house { differs(rate) * 0.5 } else { differs(rate) };
                findings.add(field, Level::Different, (cost - worst).min(0.0));
                worst = worst.min(cost);
            }
        }
    }

    /// Whether it is one house.
    fn house(&self, nearness: Nearness, findings: &mut Findings) -> bool {
        let key = self.right.address_key().map(Key::Address);
        let worth = key.map_or((Level::Same(1), 2.0), |key| self.agreement(key, self.rates.address));
        let (level, weight) = match nearness {
            Nearness::Same => worth,
            Nearness::OtherUnit => (Level::OtherUnit, worth.1 * weights::OTHER_UNIT),
            Nearness::Near => (Level::Near, worth.1 * weights::NEAR),
            Nearness::SameStreet => (Level::SameStreet, (1.0 - self.rates.address).ln() * weights::SAME_STREET),
            Nearness::Different => (Level::Different, (1.0 - self.rates.address).ln()),
        };
        findings.add(Field::Address, level, weight);
        matches!(nearness, Nearness::Same | Nearness::OtherUnit)
    }

    fn project(&self, findings: &mut Findings) {
        let (left, right) = (self.left, self.right);
        let other_number = match self.subject {
            Subject::Vendor => weights::OTHER_VENDOR_NUMBER,
            Subject::Project => weights::OTHER_PROJECT_NUMBER,
        };
        self.equal_or(findings, Field::Number, (left.number, right.number), Key::Number, 0.8, other_number);
        if !left.owner.is_empty() && !right.owner.is_empty() {
            let shared = left.owner.iter().filter(|word| right.owner.contains(word));
            let best = shared
                .map(|word| self.agreement(Key::Owner(*word), 0.7).1)
                .fold(None, |best: Option<f32>, weight| Some(best.map_or(weight, |best| best.max(weight))));
            match best {
                Some(weight) => findings.add(Field::Owner, Level::Same(0), weight * 0.8),
                None => findings.add(Field::Owner, Level::Different, weights::OTHER_OWNER),
            }
        }
        self.dates(findings);
        self.vendors(findings);
    }

    fn dates(&self, findings: &mut Findings) {
        let apart = |one: Option<i32>, other: Option<i32>| one.zip(other).map(|(one, other)| one.abs_diff(other));
        let (starts, finishes) = (apart(self.left.starts, self.right.starts), apart(self.left.finishes, self.right.finishes));
        match starts.into_iter().chain(finishes).min() {
            Some(0..=31) => findings.add(Field::Dates, Level::Same(0), weights::SAME_DATES),
            Some(days) if days > 2 * 12 * 31 => findings.add(Field::Dates, Level::Different, weights::OTHER_DATES),
            Some(_) | None => {}
        }
    }

    fn vendors(&self, findings: &mut Findings) {
        let (left, right) = (&self.left.vendors, &self.right.vendors);
        if left.is_empty() || right.is_empty() {
            return;
        }
        let mut shared: Vec<f32> = left
            .iter()
            .filter(|vendor| right.binary_search(vendor).is_ok())
            .map(|vendor| self.agreement(Key::Vendor(*vendor), 0.5).1)
            .collect();
        if shared.is_empty() {
            let weight = if left.len() >= 3 && right.len() >= 3 { weights::NO_SHARED_VENDOR } else { 0.0 };
            findings.add(Field::Vendors, Level::Different, weight);
            return;
        }
        let weight = crate::name_score::weighted(&mut shared, &weights::FIELD_SHARES);
        findings.add(Field::Vendors, Level::Same(shared.len()), weight);
    }
}
