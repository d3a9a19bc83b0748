//! `linkyard provider update` and `linkyard provider delete`.

use super::output::say;
use super::party;
use super::provider::{Contacts, Which};
use super::session::{Session, call, request_id};
use super::watch::{check_succeeded, follow, show_for};
use crate::exit::Exit;
use crate::secret;
use anyhow::Result;
use clap::Args;
use linkyard_proto::v1::provider::{RetireBy, State};
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use linkyard_proto::v1::{ContactsMode, DeleteProviderRequest, GetProviderRequest, Provider, UpdateProviderRequest};
use prost_types::FieldMask;

/// What changes about a provider.
#[derive(Clone, Debug, Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    which: Which,

    /// Name shown on screens.
    #[arg(long = "name", value_name = "NAME")]
    display_name: Option<String>,

    /// OAuth client id; N/A = the platform's own app. Goes with a secret, unless it is N/A.
    #[arg(long)]
    client_id: Option<String>,

    /// File with the OAuth client secret, `-` for standard input; alone it renews the secret of the present client id.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<String>,

    /// Party type given to every party that the integration creates from now on: name or `partyTypes/ID`.
    #[arg(long)]
    party_type: Option<String>,

    /// Compliance profile given to every party that the integration creates from now on: name or `complianceProfiles/ID`.
    #[arg(long)]
    compliance_profile: Option<String>,

    /// How contacts follow the directory.
    #[arg(long, value_enum)]
    contacts: Option<Contacts>,

    /// Whether compliance is pushed into the directory's insurances.
    #[arg(long, value_enum)]
    push_compliance: Option<Switch>,

    /// What becomes of our insurances that end.
    #[arg(long, value_enum)]
    retire_by: Option<Retire>,

    /// Whether vendors that are first seen from now on are added as parties by themselves.
    #[arg(long, value_enum)]
    auto_add_parties: Option<Switch>,

    /// Whether projects that are first seen from now on are added by themselves.
    #[arg(long, value_enum)]
    auto_add_projects: Option<Switch>,

    /// Switch automatic adding on although records wait that nobody has decided about.
    #[arg(long)]
    acknowledge_unmapped: bool,

    /// Whether hourly, nightly and daily work is done.
    #[arg(long, value_enum)]
    schedules: Option<Switch>,

    /// Only if the provider still has this etag.
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,

    /// Follow the connection test that new credentials start until it ends.
    #[arg(long)]
    wait: bool,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Switch {
    /// It is done.
    On,
    /// It is not done.
    Off,
}

/// What becomes of our insurances that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Retire {
    /// They stay, with the status `undecided` and a note.
    Undecided,
    /// They are deleted.
    Deleted,
}

/// Which provider is deleted.
#[derive(Clone, Debug, Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    which: Which,

    /// Only if the provider still has this etag.
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,

    /// Follow the job that retires our insurances until it ends, where there is one at once.
    #[arg(long)]
    wait: bool,
}

impl UpdateArgs {
    /// Carries the update out.
    ///
    /// # Errors
    /// The server's status, or exit code 6 when a followed test did not succeed.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        let mut provider = Provider { name: self.which.name(session).await?, etag: self.etag.clone(), ..Provider::default() };
        let paths = self.fill(session, &mut provider).await?;
        if paths.is_empty() {
            return Err(Exit::usage("say what changes (`linkyard provider update --help`)"));
        }
        let request = UpdateProviderRequest {
            provider: Some(provider),
            update_mask: Some(FieldMask { paths: paths.into_iter().map(str::to_owned).collect() }),
            request_id: request_id(),
            acknowledge_unmapped: self.acknowledge_unmapped,
        };
        let provider = call!(session, ProviderServiceClient, update_provider, request).await?;
        if provider.state() == State::PendingApproval {
            say("the claim on this company waits for an operator: linkyard provider approve");
        }
        if !self.wait || provider.test_job.is_empty() {
            return session.output.one(&provider);
        }
        let test = follow(session, &provider.test_job, show_for(session.output.format(), false)).await?;
        let request = GetProviderRequest { name: provider.name };
        session.output.one(&call!(session, ProviderServiceClient, get_provider, request).await?)?;
        check_succeeded(&test)
    }

    /// Fills the form with what was given, and answers its fields.
    async fn fill(&self, session: &Session, provider: &mut Provider) -> Result<Vec<&'static str>> {
        let mut paths = Vec::new();
        if let Some(name) = &self.display_name {
            paths.push("display_name");
            provider.display_name = name.clone();
        }
        if let Some(id) = &self.client_id {
            paths.push("client_id");
            provider.client_id = id.clone();
        }
        if let Some(file) = &self.client_secret_file {
            paths.push("client_secret");
            provider.client_secret = secret::read(file)?;
        }
        if let Some(named) = &self.party_type {
            paths.push("default_party_type");
            provider.default_party_type = party::party_type(session, Some(named)).await?;
        }
        if let Some(named) = &self.compliance_profile {
            paths.push("default_compliance_profile");
            provider.default_compliance_profile = party::compliance_profile(session, Some(named)).await?;
        }
        if let Some(contacts) = self.contacts {
            paths.push("contacts_mode");
            provider.contacts_mode = ContactsMode::from(contacts).into();
        }
        if let Some(way) = self.retire_by {
            paths.push("retire_by");
            let way = match way {
                Retire::Undecided => RetireBy::Undecided,
                Retire::Deleted => RetireBy::Deleted,
            };
            provider.retire_by = way.into();
        }
        let mut switched = |path: &'static str, switch: Option<Switch>, field: &mut bool| {
            if let Some(switch) = switch {
                paths.push(path);
                *field = switch == Switch::On;
            }
        };
        switched("push_compliance", self.push_compliance, &mut provider.push_compliance);
        switched("auto_add_parties", self.auto_add_parties, &mut provider.auto_add_parties);
        switched("auto_add_projects", self.auto_add_projects, &mut provider.auto_add_projects);
        switched("schedules", self.schedules, &mut provider.schedules);
        Ok(paths)
    }
}

impl DeleteArgs {
    /// Deletes the provider.
    ///
    /// # Errors
    /// The server's status, or exit code 6 when a followed job did not succeed.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        let request =
            DeleteProviderRequest { name: self.which.name(session).await?, etag: self.etag.clone(), request_id: request_id() };
        let provider = call!(session, ProviderServiceClient, delete_provider, request).await?;
        if provider.state() == State::Deleting {
            say("its insurances in the directory are retired first; then the provider is gone");
        }
        session.output.one(&provider)?;
        if self.wait && !provider.last_push_job.is_empty() {
            return check_succeeded(&follow(session, &provider.last_push_job, show_for(session.output.format(), false)).await?);
        }
        Ok(())
    }
}
