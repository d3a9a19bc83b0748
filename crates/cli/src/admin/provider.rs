//! `linkyard provider`: set an integration up, test it, fetch its directory, see where every record stands.

use super::budget::BudgetArgs;
use super::job::answer;
use super::output::{Format, Row, say, state_cell, text, time, word};
use super::provider_change::{DeleteArgs, UpdateArgs};
use super::session::{Session, call, request_id};
use super::watch::{check_succeeded, follow, show_for};
use super::{names, party};
use crate::exit::Exit;
use crate::secret;
use anyhow::Result;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::directory_report::Buckets;
use linkyard_proto::v1::provider::State;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use linkyard_proto::v1::{
    ApproveProviderRequest, ContactsMode, CreateProviderRequest, DirectoryReport, FetchDirectoryRequest,
    GetDirectoryReportRequest, GetProviderRequest, PauseProviderRequest, Provider, ResumeProviderRequest, TestProviderRequest,
};

/// What to do with providers.
#[derive(Clone, Debug, Subcommand)]
pub enum ProviderCommand {
    /// Save a provider and start its connection test.
    #[command(after_help = "\
Examples:
  linkyard provider create --name Main --company-id 4711 --wait
  linkyard provider create --name Main --company-id https://us02.procore.com/4711/company/home \\
      --client-id abc --client-secret-file - < secret.txt
  linkyard provider create --name Main --company-id 4711 --dry-run")]
    Create(Box<CreateArgs>),

    /// One provider.
    #[command(alias = "show")]
    Get(Which),

    /// The organization's providers, oldest first.
    List {
        /// At most so many rows; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },

    /// Ask Procore again whether the provider works and what it can see.
    Test(Start),

    /// Fetch the directory: vendors, projects, associations.
    #[command(after_help = "Example:\n  linkyard provider fetch --wait --timeout 10m")]
    Fetch(Fetch),

    /// Change a provider: name, credentials, defaults, contacts, pushing, automatic adding, schedules.
    #[command(after_help = "\
Examples:
  linkyard provider update --auto-add-parties on
  linkyard provider update --client-id abc --client-secret-file - --wait < secret.txt
  linkyard provider update --client-id N/A --retire-by deleted")]
    Update(Box<UpdateArgs>),

    /// Delete a provider: its jobs and links end, our insurances in the directory are retired. Parties and projects stay.
    Delete(DeleteArgs),

    /// Let the first claim on a company id through. Needs a key with operator access.
    Approve(Which),

    /// Stop all work of a provider at its next checkpoint.
    Pause(Which),

    /// Let a paused provider go on.
    Resume(Which),

    /// Where every record of the directory stands. The numbers add up.
    Report(Which),

    /// How many calls the directory still takes, and what the jobs still need.
    #[command(after_help = "Example:\n  linkyard provider budget --history 60")]
    Budget(BudgetArgs),
}

/// Which provider.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// `providers/ID` or ID; may be left out when there is exactly one.
    #[arg(env = "LINKYARD_PROVIDER")]
    name: Option<String>,
}

/// Which provider, and whether to follow the job.
#[derive(Clone, Debug, Args)]
pub struct Start {
    #[command(flatten)]
    which: Which,

    /// Follow the job until it ends.
    #[arg(long)]
    wait: bool,
}

/// A fetch of the directory.
#[derive(Clone, Debug, Args)]
pub struct Fetch {
    /// Read only what changed since the last fetch; what is gone shows only in a fetch of everything.
    #[arg(long)]
    changes: bool,

    #[command(flatten)]
    start: Start,
}

/// A new provider.
#[derive(Clone, Debug, Args)]
pub struct CreateArgs {
    /// Name shown on screens.
    #[arg(long)]
    name: String,

    /// The company: its number, or an address copied from the browser when logged into Procore.
    #[arg(long)]
    company_id: String,

    /// Which of Procore's worlds.
    #[arg(long, default_value = "production")]
    environment: String,

    /// OAuth client id; without it (or as N/A) the platform's own app is used.
    #[arg(long, requires = "client_secret_file")]
    client_id: Option<String>,

    /// File with the OAuth client secret, `-` for standard input. Never given as an argument: those are seen by everybody.
    #[arg(long, requires = "client_id", value_name = "FILE")]
    client_secret_file: Option<String>,

    /// Party type given to every party that the integration creates: name or `partyTypes/ID`; the only one when left out.
    #[arg(long)]
    party_type: Option<String>,

    /// Compliance profile given to every party that the integration creates: name or `complianceProfiles/ID`; the only one when left out.
    #[arg(long)]
    compliance_profile: Option<String>,

    /// How contacts follow the directory.
    #[arg(long, value_enum, default_value_t = Contacts::SyncAllSetPrimary)]
    contacts: Contacts,

    /// Check everything, save nothing.
    #[arg(long)]
    dry_run: bool,

    /// Follow the connection test until it ends.
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

/// How contacts follow the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Contacts {
    /// Sync all contacts and set primary.
    SyncAllSetPrimary,
    /// Sync all contacts, do not set primary.
    SyncAllNoPrimary,
    /// Only sync primary contact.
    PrimaryOnly,
    /// Do not sync contacts.
    None,
}

impl From<Contacts> for ContactsMode {
    fn from(contacts: Contacts) -> Self {
        match contacts {
            Contacts::SyncAllSetPrimary => Self::SyncAllSetPrimary,
            Contacts::SyncAllNoPrimary => Self::SyncAllNoPrimary,
            Contacts::PrimaryOnly => Self::PrimaryOnly,
            Contacts::None => Self::None,
        }
    }
}

impl Row for Provider {
    const HEADER: &'static [&'static str] = &["NAME", "DISPLAY NAME", "COMPANY", "STATE", "LAST FETCH", "REMARK"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(&self.name),
            Cell::new(&self.display_name),
            Cell::new(&self.company_id),
            state_cell(state_word(self)),
            Cell::new(time(self.last_fetch_time.as_ref())),
            Cell::new(text(&self.state_message)),
        ]
    }
}

fn state_word(provider: &Provider) -> &'static str {
    word(provider.state().as_str_name(), "STATE_")
}

impl ProviderCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status, or exit code 6 when a followed job did not succeed.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::Create(args) => create(session, args).await,
            Self::Update(args) => args.run(session).await,
            Self::Delete(args) => args.run(session).await,
            Self::List { limit } => session.output.list(&names::providers(session, *limit).await?),
            Self::Get(which) => {
                let request = GetProviderRequest { name: which.name(session).await? };
                session.output.one(&call!(session, ProviderServiceClient, get_provider, request).await?)
            }
            Self::Test(start) => {
                let request = TestProviderRequest { name: start.which.name(session).await?, request_id: request_id() };
                answer(session, call!(session, ProviderServiceClient, test_provider, request).await?, start.wait).await
            }
            Self::Fetch(Fetch { changes, start }) => {
                let name = start.which.name(session).await?;
                let request = FetchDirectoryRequest { name, request_id: request_id(), changes_only: *changes };
                answer(session, call!(session, ProviderServiceClient, fetch_directory, request).await?, start.wait).await
            }
            Self::Approve(which) => {
                let request = ApproveProviderRequest { name: which.name(session).await?, request_id: request_id() };
                session.output.one(&call!(session, ProviderServiceClient, approve_provider, request).await?)
            }
            Self::Pause(which) => {
                let request = PauseProviderRequest { name: which.name(session).await?, request_id: request_id() };
                session.output.one(&call!(session, ProviderServiceClient, pause_provider, request).await?)
            }
            Self::Resume(which) => {
                let request = ResumeProviderRequest { name: which.name(session).await?, request_id: request_id() };
                session.output.one(&call!(session, ProviderServiceClient, resume_provider, request).await?)
            }
            Self::Budget(args) => args.run(session).await,
            Self::Report(which) => {
                let request = GetDirectoryReportRequest { name: which.name(session).await? };
                report(session, &call!(session, ProviderServiceClient, get_directory_report, request).await?)
            }
        }
    }
}

impl Which {
    /// The resource name of the provider that is meant.
    ///
    /// # Errors
    /// As [`names::provider`].
    pub(crate) async fn name(&self, session: &Session) -> Result<String> {
        names::provider(session, self.name.as_deref()).await
    }
}

async fn create(session: &Session, args: &CreateArgs) -> Result<()> {
    if args.name.trim().is_empty() {
        return Err(Exit::usage("--name is empty"));
    }
    let provider = Provider {
        display_name: args.name.clone(),
        environment: args.environment.clone(),
        company_id: args.company_id.clone(),
        client_id: args.client_id.clone().unwrap_or_default(),
        client_secret: args.client_secret_file.as_deref().map(secret::read).transpose()?.unwrap_or_default(),
        default_party_type: party::party_type(session, args.party_type.as_deref()).await?,
        default_compliance_profile: party::compliance_profile(session, args.compliance_profile.as_deref()).await?,
        contacts_mode: ContactsMode::from(args.contacts).into(),
        ..Provider::default()
    };
    let request = CreateProviderRequest { provider: Some(provider), request_id: request_id(), validate_only: args.dry_run };
    let provider = call!(session, ProviderServiceClient, create_provider, request).await?;
    if args.dry_run {
        say("checked only; nothing was saved");
    }
    if provider.state() == State::PendingApproval && !args.dry_run {
        say("the claim on this company waits for an operator: linkyard provider approve");
    }
    if !args.wait || provider.test_job.is_empty() {
        return session.output.one(&provider);
    }
    let test = follow(session, &provider.test_job, show_for(session.output.format(), false)).await?;
    let request = GetProviderRequest { name: provider.name };
    session.output.one(&call!(session, ProviderServiceClient, get_provider, request).await?)?;
    check_succeeded(&test)
}

/// The buckets by name, the sum first and what is not part of it last.
fn lines(buckets: &Buckets) -> [(&'static str, i64); 9] {
    [
        ("fetched", buckets.fetched),
        ("- matched", buckets.matched),
        ("- created", buckets.created),
        ("- ignored", buckets.ignored),
        ("- held", buckets.held),
        ("- unmapped", buckets.unmapped),
        ("- failed", buckets.failed),
        ("- gone", buckets.gone),
        ("excluded", buckets.excluded),
    ]
}

fn report(session: &Session, report: &DirectoryReport) -> Result<()> {
    let (vendors, projects) = (report.vendors.unwrap_or_default(), report.projects.unwrap_or_default());
    let rows = lines(&vendors).into_iter().zip(lines(&projects));
    let rows = rows.map(|((name, vendors), (_, projects))| vec![Cell::new(name), Cell::new(vendors), Cell::new(projects)]);
    session.output.shaped(report, &["BUCKET", "VENDORS", "PROJECTS"], rows.collect())?;
    if session.output.format() == Format::Table {
        let verdict = if report.adds_up { "the numbers add up" } else { "THE NUMBERS DO NOT ADD UP; please report this" };
        say(verdict);
    }
    Ok(())
}
