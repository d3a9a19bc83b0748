//! Directory companies, rendered in every view that Procore lists. Absent is not null: a view without a field leaves the
//! key out, a view with it always writes it.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::clock::timestamp;
use crate::directory::{Company, Phone, Vendor, VendorState};
use crate::generate::{self, Address, Pick, Purpose};
use crate::ids;
use crate::names;
use crate::people_view::{PersonShape, PersonView, primary_contact, uuid};
use crate::render::{Named, Row};

/// The views of vendors at company and project level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VendorShape {
    /// `id, name`.
    Name,
    /// `id, name, is_active, logo`: needs no directory permission.
    Minimal,
    /// `id, name, is_active`: Procore does not document the fields of `compact` and `list`.
    Compact,
    /// Everything that a vendor itself has.
    Normal,
    /// Normal plus the two ERP lists.
    Erp,
    /// Normal plus relations: bidding, parent, projects, trades.
    Extended,
    /// Extended plus what the directory pages show; `summary` is taken to be the same.
    Directory,
    /// What a checker wants to know.
    Truth,
}

/// One vendor in one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VendorView<'a> {
    pub(crate) company: &'a Company,
    pub(crate) position: u32,
    /// The row at that position, as it is or as lists still show it.
    pub(crate) vendor: &'a Vendor,
    pub(crate) shape: VendorShape,
}

impl<'a> VendorView<'a> {
    /// A vendor as it is.
    pub(crate) fn now(company: &'a Company, position: u32, shape: VendorShape) -> Self {
        Self { company, position, vendor: company.vendor(position), shape }
    }
}

impl Serialize for VendorView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let vendor = self.vendor();
        let mut row = Row::new(serializer.serialize_map(None)?, vendor.fields.as_deref());
        row.put("id", vendor.id)?;
        row.put("name", &*vendor.name)?;
        match self.shape {
            VendorShape::Name => {}
            VendorShape::Minimal => {
                row.put("is_active", vendor.state == VendorState::Active)?;
                row.nulls(&["logo"])?;
            }
            VendorShape::Compact => row.put("is_active", vendor.state == VendorState::Active)?,
            VendorShape::Normal => self.normal(&mut row)?,
            VendorShape::Erp => {
                self.normal(&mut row)?;
                row.put("origin_custom_fields", [(); 0])?;
                row.put("erp_custom_fields", [(); 0])?;
            }
            VendorShape::Extended => {
                self.normal(&mut row)?;
                self.relations(&mut row)?;
            }
            VendorShape::Directory => {
                self.normal(&mut row)?;
                self.relations(&mut row)?;
                row.nulls(&["contract_signer"])?;
                row.put("invoice_contacts", [(); 0])?;
                row.put("country_name", self.address().map(|_| "United States"))?;
                row.put("state_name", self.address().map(|address| address.state_code))?;
                row.nulls(&["business"])?;
            }
            VendorShape::Truth => self.truth(&mut row)?,
        }
        row.end()
    }
}

impl VendorView<'_> {
    fn vendor(&self) -> &Vendor {
        self.vendor
    }

    /// 6 % of the vendors have no address at all.
    fn address(&self) -> Option<Address> {
        let mut pick = Pick::new(self.vendor().seed, Purpose::Flags);
        (!pick.percent(6)).then(|| generate::address(self.vendor().seed))
    }

    fn phone(&self) -> Option<String> {
        match &self.vendor().phone {
            Phone::MadeUp => Some(generate::phone(self.vendor().seed, Purpose::Phone)),
            Phone::Absent => None,
            Phone::Given(phone) => Some(phone.to_string()),
        }
    }

    fn email(&self) -> Option<String> {
        let mut pick = Pick::new(self.vendor().seed, Purpose::Texts);
        let mailbox = pick.one(&["info", "office", "bids", "contact"]);
        pick.percent(70).then(|| format!("{mailbox}@{}", generate::domain(&self.vendor().name)))
    }

    fn normal<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let vendor = self.vendor();
        let address = self.address();
        let mut pick = Pick::new(vendor.seed, Purpose::Trades);
        row.nulls(&["abbreviated_name"])?;
        row.put("address", address.as_ref().map(|address| &address.street))?;
        row.put("attachments", [(); 0])?;
        row.put("authorized_bidder", pick.percent(40))?;
        row.put("business_id", pick.percent(30).then(|| uuid(vendor.id)))?;
        row.put("business_phone", self.phone())?;
        row.nulls(&["business_register"])?;
        row.put("city", address.as_ref().map(|address| address.city))?;
        row.put("company", &*vendor.name)?;
        row.nulls(&["connected_to_company_id"])?;
        row.put("contact_count", self.company.people_of(self.position).count())?;
        row.put("country_code", address.as_ref().map(|_| "US"))?;
        row.put("created_at", timestamp(vendor.created_s))?;
        row.put("email_address", self.email())?;
        row.put("fax_number", pick.percent(25).then(|| generate::phone(vendor.seed, Purpose::Fax)))?;
        row.put("is_active", vendor.state == VendorState::Active)?;
        row.put("is_connected", false)?;
        row.nulls(&["labor_union"])?;
        row.put("license_number", pick.percent(35).then(|| format!("{:06}", pick.below(1_000_000))))?;
        row.nulls(&["logo", "mobile_phone"])?;
        row.put("non_union_prevailing_wage", pick.percent(10))?;
        row.nulls(&["notes", "origin_code", "origin_data", "origin_id"])?;
        row.put("prequalified", pick.percent(30))?;
        let contact = primary_contact(self.company, self.position, self.vendor);
        row.put("primary_contact", contact.map(|person| PersonView { person, shape: PersonShape::PrimaryContact }))?;
        row.put("state_code", address.as_ref().map(|address| address.state_code))?;
        row.put("synced_to_erp", false)?;
        row.nulls(&["trade_name"])?;
        row.put("union_member", pick.percent(30))?;
        row.put("updated_at", timestamp(vendor.updated_s))?;
        row.nulls(&["vendor_group"])?;
        row.put("website", pick.percent(40).then(|| format!("https://www.{}", generate::domain(&vendor.name))))?;
        row.put("zip", address.map(|address| address.zip))
    }

    fn relations<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let vendor = self.vendor();
        row.put("bidding", Bidding::of(vendor))?;
        row.put("bidding_distribution", [(); 0])?;
        row.put("children_count", vendor.children)?;
        row.put("company_vendor", vendor.own)?;
        row.nulls(&["legal_name"])?;
        let parent = vendor.parent.map(|parent| self.company.vendor(parent));
        row.put("parent", parent.map(|parent| Named { id: parent.id, name: &parent.name }))?;
        row.put("project_ids", self.company.project_ids_of(vendor))?;
        row.put("standard_cost_codes", [(); 0])?;
        let trades = trades_of(vendor).map(|number| Trade {
            id: ids::trade(self.company.ordinal, number),
            name: names::TRADES[number],
            active: true,
            updated_at: "2024-01-15T09:30:00Z",
        });
        row.put("trades", trades.collect::<Vec<Trade>>())
    }

    fn truth<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let vendor = self.vendor();
        let address = self.address();
        row.put("source", vendor.source.as_deref())?;
        row.put("is_active", vendor.state == VendorState::Active)?;
        row.put("gone", !vendor.exists())?;
        row.put("company_vendor", vendor.own)?;
        row.put("address", address.as_ref().map(|address| &address.street))?;
        row.put("city", address.as_ref().map(|address| address.city))?;
        row.put("state_code", address.as_ref().map(|address| address.state_code))?;
        row.put("zip", address.as_ref().map(|address| &address.zip))?;
        row.put("country_code", address.as_ref().map(|_| "US"))?;
        row.put("business_phone", self.phone())?;
        row.put("email_address", self.email())?;
        row.put("updated_at", timestamp(vendor.updated_s))?;
        let contact = primary_contact(self.company, self.position, self.vendor);
        row.put("primary_contact", contact.map(|person| PersonView { person, shape: PersonShape::PrimaryContact }))?;
        row.put("project_ids", self.company.project_ids_of(vendor))
    }
}

/// Numbers of the vendor's trades: none to two, ascending.
pub(crate) fn trades_of(vendor: &Vendor) -> impl Iterator<Item = usize> {
    let mut pick = Pick::new(vendor.seed, Purpose::Trades);
    let (count, first) = (pick.below(3), pick.below(names::TRADES.len() - 2));
    first..first + count
}

#[derive(Debug, Serialize)]
struct Trade {
    id: u64,
    name: &'static str,
    active: bool,
    updated_at: &'static str,
}

#[derive(Debug, Default, Serialize)]
struct Bidding {
    affirmative_action: bool,
    small_business: bool,
    african_american_business: bool,
    hispanic_business: bool,
    womens_business: bool,
    historically_underutilized_business: bool,
    sdvo_business: bool,
    certified_business_enterprise: bool,
    asian_american_business: bool,
    native_american_business: bool,
    disadvantaged_business: bool,
    minority_business_enterprise: bool,
    eight_a_business: bool,
}

impl Bidding {
    fn of(vendor: &Vendor) -> Self {
        let mut pick = Pick::new(vendor.seed, Purpose::Activity);
        Self { small_business: pick.percent(40), womens_business: pick.percent(15), ..Self::default() }
    }
}
