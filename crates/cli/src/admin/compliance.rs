//! `linkyard coverage` and `linkyard insurance`: what the registry says of parties' insurance, and what the directory shows of it.

use super::job::answer;
use super::names;
use super::output::{Row, text, time};
use super::session::{Session, call, pages, request_id};
use crate::exit::Exit;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::compliance_service_client::ComplianceServiceClient;
use linkyard_proto::v1::{
    BatchCreateCoveragesRequest, BatchUpdateCoveragesRequest, CountInsurancesRequest, Coverage, DeleteCoverageRequest,
    GetCoverageRequest, Insurance, InsuranceCounts, ListCoveragesRequest, ListInsurancesRequest, PushComplianceRequest, coverage,
    insurance,
};

/// What to do with coverages.
#[derive(Clone, Debug, Subcommand)]
pub enum CoverageCommand {
    /// Coverages, oldest first.
    List {
        /// Only those of this party: `parties/ID` or ID.
        #[arg(long)]
        party: Option<String>,

        /// Only those that end on this day or before, `YYYY-MM-DD`.
        #[arg(long, default_value = "", hide_default_value = true)]
        expires_by: String,

        /// At most so many rows; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },

    /// One coverage.
    #[command(alias = "show")]
    Get {
        /// `coverages/ID` or ID.
        name: String,
    },

    /// State one coverage of a party.
    #[command(
        after_help = "Example:\n  linkyard coverage create --party ID --type 'General Liability' --insurer 'Acme Insurance' \\\n      \
                            --limit 1000000 --from 2026-01-01 --until 2026-12-31 --status compliant"
    )]
    Create {
        /// Whose: `parties/ID` or ID.
        #[arg(long)]
        party: String,

        /// What it says.
        #[command(flatten)]
        stated: StatedArgs,
    },

    /// Restate a coverage; what is not named stays as it is.
    Update {
        /// `coverages/ID` or ID.
        name: String,

        /// What changes.
        #[command(flatten)]
        changes: ChangeArgs,
    },

    /// Delete a coverage; its insurances are retired in the directory.
    Delete {
        /// `coverages/ID` or ID.
        name: String,
    },
}

/// What a new coverage says.
#[derive(Clone, Debug, Args)]
pub struct StatedArgs {
    /// The line, for example General Liability.
    #[arg(long = "type")]
    insurance_type: String,

    /// What the registry says of it: compliant, `non_compliant`, `under_review`, missing or `not_tracked`.
    #[arg(long, value_parser = status)]
    status: coverage::Status,

    #[command(flatten)]
    more: MoreArgs,
}

/// What changes about a coverage.
#[derive(Clone, Debug, Args)]
pub struct ChangeArgs {
    /// The line, for example General Liability.
    #[arg(long = "type")]
    insurance_type: Option<String>,

    /// What the registry says of it: compliant, `non_compliant`, `under_review`, missing or `not_tracked`.
    #[arg(long, value_parser = status)]
    status: Option<coverage::Status>,

    #[command(flatten)]
    more: MoreArgs,
}

/// What a coverage may say besides.
#[derive(Clone, Debug, Args)]
pub(super) struct MoreArgs {
    /// The insurer's name.
    #[arg(long)]
    insurer: Option<String>,

    /// The policy's number.
    #[arg(long)]
    policy_number: Option<String>,

    /// The sum insured: a decimal number.
    #[arg(long = "limit")]
    amount: Option<String>,

    /// First day, `YYYY-MM-DD`.
    #[arg(long)]
    from: Option<String>,

    /// Last day, `YYYY-MM-DD`; from it on the coverage counts as expired.
    #[arg(long)]
    until: Option<String>,

    /// Whether a person let it pass whatever it lacks.
    #[arg(long)]
    waived: Option<bool>,

    /// Short reasons, shown in the directory.
    #[arg(long)]
    notes: Option<String>,
}

/// What to do with insurances.
#[derive(Clone, Debug, Subcommand)]
pub enum InsuranceCommand {
    /// What the directory shows: one row for each link and coverage.
    List {
        /// Whose: `providers/ID` or ID; the only one when left out.
        #[arg(long, short = 'p')]
        provider: Option<String>,

        /// Only those of this vendor: the directory's number.
        #[arg(long, default_value_t = 0, hide_default_value = true)]
        vendor: i64,

        /// Only those of this party: `parties/ID` or ID.
        #[arg(long)]
        party: Option<String>,

        /// Only those in this state: due, pushed or refused.
        #[arg(long, value_parser = state)]
        state: Option<insurance::State>,

        /// At most so many rows; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },

    /// How many are in each state.
    Count {
        /// Whose: `providers/ID` or ID; the only one when left out.
        #[arg(long, short = 'p')]
        provider: Option<String>,
    },

    /// Push what is due now.
    Push {
        /// Whose: `providers/ID` or ID; the only one when left out.
        #[arg(long, short = 'p')]
        provider: Option<String>,

        /// Also read every insurance of the company, and push again what differs from what was pushed.
        #[arg(long)]
        compare: bool,

        /// Follow the push until it ends.
        #[arg(long)]
        wait: bool,
    },
}

const STATUSES: [coverage::Status; 5] = [
    coverage::Status::Compliant,
    coverage::Status::NonCompliant,
    coverage::Status::UnderReview,
    coverage::Status::Missing,
    coverage::Status::NotTracked,
];

fn status(text: &str) -> std::result::Result<coverage::Status, String> {
    super::parse_word(text, &STATUSES, |status| status.as_str_name().trim_start_matches("STATUS_"))
}

fn state(text: &str) -> std::result::Result<insurance::State, String> {
    let states = [insurance::State::Due, insurance::State::Pushed, insurance::State::Refused];
    super::parse_word(text, &states, |state| state.as_str_name().trim_start_matches("STATE_"))
}

impl Row for Coverage {
    const HEADER: &'static [&'static str] = &["NAME", "PARTY", "TYPE", "STATUS", "LIMIT", "UNTIL", "CHANGED"];

    fn cells(&self) -> Vec<Cell> {
        let status = self.status().as_str_name().trim_start_matches("STATUS_");
        let status = if self.waived { format!("{status} (waived)") } else { status.to_owned() };
        vec![
            Cell::new(&self.name),
            Cell::new(&self.party),
            Cell::new(&self.insurance_type),
            Cell::new(status),
            Cell::new(text(&self.limit)),
            Cell::new(text(&self.expiration_date)),
            Cell::new(time(self.update_time.as_ref())),
        ]
    }
}

impl Row for Insurance {
    const HEADER: &'static [&'static str] = &["VENDOR", "TYPE", "STATE", "SHOWN", "PUSHED", "REFUSAL", "INSURANCE"];

    fn cells(&self) -> Vec<Cell> {
        let state = self.state().as_str_name().trim_start_matches("STATE_");
        let state = if self.retiring { format!("{state} (retiring)") } else { state.to_owned() };
        let id = if self.external_id == 0 { String::new() } else { self.external_id.to_string() };
        vec![
            Cell::new(self.vendor_id),
            Cell::new(text(&self.insurance_type)),
            Cell::new(state),
            Cell::new(text(&self.pushed_status)),
            Cell::new(time(self.push_time.as_ref())),
            Cell::new(text(&self.refusal)),
            Cell::new(text(&id)),
        ]
    }
}

impl Row for InsuranceCounts {
    const HEADER: &'static [&'static str] = &["DUE", "PUSHED", "REFUSED"];

    fn cells(&self) -> Vec<Cell> {
        vec![Cell::new(self.due), Cell::new(self.pushed), Cell::new(self.refused)]
    }
}

impl MoreArgs {
    fn put(&self, coverage: &mut Coverage) {
        let fields = [
            (&self.insurer, &mut coverage.insurer),
            (&self.policy_number, &mut coverage.policy_number),
            (&self.amount, &mut coverage.limit),
            (&self.from, &mut coverage.effective_date),
            (&self.until, &mut coverage.expiration_date),
            (&self.notes, &mut coverage.notes),
        ];
        for (given, field) in fields {
            if let Some(given) = given {
                field.clone_from(given);
            }
        }
        coverage.waived = self.waived.unwrap_or(coverage.waived);
    }
}

impl CoverageCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List { party, expires_by, limit } => {
                let party = names::optional("parties", party.as_deref())?;
                let rows = pages(*limit, async |page_size, page_token| {
                    let request =
                        ListCoveragesRequest { party: party.clone(), expires_by: expires_by.clone(), page_size, page_token };
                    let page = call!(session, ComplianceServiceClient, list_coverages, request).await?;
                    Ok((page.coverages, page.next_page_token))
                });
                session.output.list(&rows.await?)
            }
            Self::Get { name } => session.output.one(&get(session, name).await?),
            Self::Create { party, stated } => {
                let mut coverage = Coverage {
                    party: names::resource("parties", party)?,
                    insurance_type: stated.insurance_type.clone(),
                    status: stated.status.into(),
                    ..Coverage::default()
                };
                stated.more.put(&mut coverage);
                let request = BatchCreateCoveragesRequest { coverages: vec![coverage], request_id: request_id() };
                let created = call!(session, ComplianceServiceClient, batch_create_coverages, request).await?.coverages;
                session.output.one(created.first().context("the server created none")?)
            }
            Self::Update { name, changes } => {
                let mut coverage = get(session, name).await?;
                if let Some(insurance_type) = &changes.insurance_type {
                    coverage.insurance_type.clone_from(insurance_type);
                }
                if let Some(status) = changes.status {
                    coverage.status = status.into();
                }
                changes.more.put(&mut coverage);
                let request = BatchUpdateCoveragesRequest { coverages: vec![coverage], request_id: request_id() };
                let changed = call!(session, ComplianceServiceClient, batch_update_coverages, request).await?.coverages;
                session.output.one(changed.first().context("the server changed none")?)
            }
            Self::Delete { name } => {
                let name = names::resource("coverages", name)?;
                let request = DeleteCoverageRequest { name, etag: String::new(), request_id: request_id() };
                call!(session, ComplianceServiceClient, delete_coverage, request).await?;
                Ok(())
            }
        }
    }
}

async fn get(session: &Session, name: &str) -> Result<Coverage> {
    let request = GetCoverageRequest { name: names::resource("coverages", name)? };
    call!(session, ComplianceServiceClient, get_coverage, request).await
}

impl InsuranceCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status, or exit code 6 when a followed push did not succeed.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List { provider, vendor, party, state, limit } => {
                if *vendor < 0 {
                    return Err(Exit::usage("--vendor is the directory's number of a vendor"));
                }
                let parent = names::provider(session, provider.as_deref()).await?;
                let party = names::optional("parties", party.as_deref())?;
                let rows = pages(*limit, async |page_size, page_token| {
                    let request = ListInsurancesRequest {
                        parent: parent.clone(),
                        vendor_id: *vendor,
                        party: party.clone(),
                        state: state.map(Into::into).unwrap_or_default(),
                        page_size,
                        page_token,
                    };
                    let page = call!(session, ComplianceServiceClient, list_insurances, request).await?;
                    Ok((page.insurances, page.next_page_token))
                });
                session.output.list(&rows.await?)
            }
            Self::Count { provider } => {
                let request = CountInsurancesRequest { parent: names::provider(session, provider.as_deref()).await? };
                session.output.one(&call!(session, ComplianceServiceClient, count_insurances, request).await?)
            }
            Self::Push { provider, compare, wait } => {
                let name = names::provider(session, provider.as_deref()).await?;
                let request = PushComplianceRequest { name, compare: *compare, request_id: request_id() };
                let job = call!(session, ComplianceServiceClient, push_compliance, request).await?;
                answer(session, job, *wait).await
            }
        }
    }
}
