//! Reading lines: which insurances a party or a vendor has in the directory, and which of them wait or were refused.

use crate::registry::marks::after_pair;
use crate::row::get;
use crate::sql::{all, one};
use crate::{Store, provider};
use linkyard_core::Result;
use linkyard_core::compliance::InsuranceStatus;
use linkyard_core::id::{CoverageId, InsuranceId, LinkId, PartyId, ProviderId, RecordId};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use sea_orm::{QueryResult, Value};

/// Where a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineState {
    /// To be pushed.
    Due,
    /// The directory shows it.
    Pushed,
    /// The directory refused it; it is pushed again when its coverage changes.
    Refused,
}

impl LineState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Due, Self::Pushed, Self::Refused];

    /// The word in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Pushed => "pushed",
            Self::Refused => "refused",
        }
    }

    /// The state named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Due => "i.due > 0",
            Self::Pushed => "i.due = 0 and i.reason is null",
            Self::Refused => "i.due = 0 and i.reason is not null",
        }
    }
}

/// Which lines are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InsuranceFilter {
    /// Only those of this vendor.
    pub vendor: Option<RecordId>,
    /// Only those of this party.
    pub party: Option<PartyId>,
    /// Only those in this state.
    pub state: Option<LineState>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsuranceLine {
    /// The link.
    pub link: LinkId,
    /// The coverage; it may be deleted.
    pub coverage: CoverageId,
    /// The vendor.
    pub vendor: RecordId,
    /// The party, while the coverage is there.
    pub party: Option<PartyId>,
    /// The line's name, while the coverage is there.
    pub insurance_type: Option<String>,
    /// The directory's id of the insurance.
    pub insurance_id: Option<InsuranceId>,
    /// Where it is.
    pub state: LineState,
    /// On its way out.
    pub retiring: bool,
    /// What the directory shows, as far as it confirmed it.
    pub pushed_status: Option<InsuranceStatus>,
    /// When it did, milliseconds since 1970.
    pub pushed_at_ms: Option<i64>,
    /// Why it was refused, in the directory's words.
    pub refusal: String,
}

/// How many lines of a provider are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// To be pushed.
    pub due: u64,
    /// Shown in the directory.
    pub pushed: u64,
    /// Refused.
    pub refused: u64,
}

impl Store {
    /// The lines of a provider, by link and coverage.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a foreign page key.
    pub async fn insurance_list(
        &self,
        scope: &Scope,
        provider: ProviderId,
        filter: &InsuranceFilter,
        page: &PageRequest,
    ) -> Result<Page<InsuranceLine>> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let (link, coverage) = after_pair(page)?;
        let mut sql = "select i.*, c.party_id, c.insurance_type from insurance i left join coverage c on c.id = i.coverage_id
            where i.provider_id = $1 and i.organization_id = $2 and (i.link_id > $3 or i.link_id = $3 and i.coverage_id > $4)"
            .to_owned();
        let mut values: Vec<Value> = vec![provider.0.into(), scope.organization.0.into(), link.into(), coverage.into()];
        values.push((i64::from(page.size) + 1).into());
        if let Some(vendor) = filter.vendor {
            values.push(vendor.0.into());
            sql.push_str(&format!(" and i.vendor_record_id = ${}", values.len()));
        }
        if let Some(party) = filter.party {
            values.push(party.0.into());
            sql.push_str(&format!(" and c.party_id = ${}", values.len()));
        }
        if let Some(state) = filter.state {
            sql.push_str(" and ");
            sql.push_str(state.condition());
        }
        sql.push_str(" order by i.link_id, i.coverage_id limit $5");
        let found = all(&self.reader, &sql, values).await?;
        let found = found.iter().map(line).collect::<Result<Vec<InsuranceLine>>>()?;
        Ok(Page::cut(found, page.size, |line| format!("{}:{}", line.link, line.coverage)))
    }

    /// How many lines of a provider are in each state.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn insurance_counts(&self, scope: &Scope, provider: ProviderId) -> Result<LineCounts> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let counted = |state: LineState| format!("coalesce(sum(case when {} then 1 else 0 end), 0)", state.condition());
        let sql = format!(
            "select {} as due, {} as pushed, {} as refused from insurance i where i.provider_id = $1 and i.organization_id = $2",
            counted(LineState::Due),
            counted(LineState::Pushed),
            counted(LineState::Refused)
        );
        let found = one(&self.reader, &sql, [provider.0.into(), scope.organization.0.into()]).await?;
        let Some(row) = found else { return Ok(LineCounts::default()) };
        let count = |column: &str| crate::row::count(&row, column);
        Ok(LineCounts { due: count("due")?, pushed: count("pushed")?, refused: count("refused")? })
    }
}

fn line(row: &QueryResult) -> Result<InsuranceLine> {
    let (due, reason) = (get::<i64>(row, "due")?, get::<Option<String>>(row, "reason")?);
    let state = match (due, reason) {
        (0, None) => LineState::Pushed,
        (0, Some(_)) => LineState::Refused,
        (_, _) => LineState::Due,
    };
    Ok(InsuranceLine {
        link: LinkId(get(row, "link_id")?),
        coverage: CoverageId(get(row, "coverage_id")?),
        vendor: RecordId(get(row, "vendor_record_id")?),
        party: get::<Option<uuid::Uuid>>(row, "party_id")?.map(PartyId),
        insurance_type: get(row, "insurance_type")?,
        insurance_id: get::<Option<i64>>(row, "insurance_id")?.map(InsuranceId),
        state,
        retiring: get(row, "retire")?,
        pushed_status: crate::row::optional_word(row, "pushed_status", InsuranceStatus::parse)?,
        pushed_at_ms: get(row, "pushed_at_ms")?,
        refusal: get(row, "reason_detail")?,
    })
}
