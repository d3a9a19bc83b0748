//! `linkyard party`: the firms of the registry, their types and compliance profiles.

use super::address::AddressArgs;
use super::contact::ContactCommand;
use super::mapping::Lookalike;
use super::names;
use super::output::{Row, text, time};
use super::party_change::{self, UpdateArgs};
use super::session::{Session, call, pages, request_id};
use crate::exit::Exit;
use anyhow::Result;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use linkyard_proto::v1::{
    ComplianceProfile, CreateComplianceProfileRequest, CreatePartyRequest, CreatePartyTypeRequest,
    DeleteComplianceProfileRequest, DeletePartyTypeRequest, GetPartyRequest, ListComplianceProfilesRequest, ListPartiesRequest,
    ListPartyTypesRequest, OnLookalike, Party, PartyType, RegistryFilter, UpdateComplianceProfileRequest, UpdatePartyTypeRequest,
};

/// What to do with parties.
#[derive(Clone, Debug, Subcommand)]
pub enum PartyCommand {
    /// Parties, oldest first.
    List(RegistryList),

    /// One party.
    #[command(alias = "show")]
    Get {
        /// `parties/ID` or ID.
        name: String,
    },

    /// Create one party.
    #[command(after_help = "Example:\n  linkyard party create --name 'Acme Concrete' --city Chicago --region IL --country US")]
    Create(Box<CreateArgs>),

    /// Contacts of a party: whom to write to.
    Contact {
        /// What to do.
        #[command(subcommand)]
        command: ContactCommand,
    },

    /// Change one party.
    #[command(
        after_help = "Example:\n  linkyard party update 0195.. --name 'Acme Concrete' --address --city Chicago --country US"
    )]
    Update(Box<UpdateArgs>),

    /// Delete a party that is not linked, with its coverages.
    Delete {
        /// `parties/ID` or ID.
        name: String,
    },

    /// Make two parties one: links, coverages and projects of the source move to the target, and the source is deleted.
    Merge {
        /// The party that stays: `parties/ID` or ID.
        target: String,

        /// The party that goes.
        #[arg(long)]
        source: String,
    },

    /// Party types: what kind of firm a party is.
    Type {
        /// What to do.
        #[command(subcommand)]
        command: NamedCommand,
    },

    /// Compliance profiles: which insurance a party must show.
    Profile {
        /// What to do.
        #[command(subcommand)]
        command: NamedCommand,
    },
}

/// What to do with party types or compliance profiles.
#[derive(Clone, Debug, Subcommand)]
pub enum NamedCommand {
    /// All of them, by name.
    List,

    /// Create one; the one with this name where it exists.
    Create {
        /// Its name.
        name: String,
    },

    /// Rename one.
    Rename {
        /// Its name, full resource name or ID.
        named: String,

        /// Its new name.
        name: String,
    },

    /// Delete one that no party and no provider uses.
    Delete {
        /// Its name, full resource name or ID.
        named: String,
    },
}

/// Which rows of the registry.
#[derive(Clone, Debug, Args)]
pub struct RegistryList {
    /// Only names that contain this text, in any case.
    #[arg(long, default_value = "", hide_default_value = true)]
    search: String,

    /// Only rows linked to this provider: `providers/ID` or ID.
    #[arg(long, short = 'p')]
    provider: Option<String>,

    /// Only rows that an integration follows.
    #[arg(long, conflicts_with = "unlinked")]
    linked: bool,

    /// Only rows that no integration knows.
    #[arg(long)]
    unlinked: bool,

    /// At most so many rows; without it everything is listed.
    #[arg(long)]
    pub(crate) limit: Option<usize>,
}

impl RegistryList {
    /// The API's filter.
    ///
    /// # Errors
    /// Exit code 2 for a provider that is no name.
    pub(crate) fn filter(&self) -> Result<RegistryFilter> {
        let linked = match (self.linked, self.unlinked) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        };
        let provider = names::optional("providers", self.provider.as_deref())?;
        Ok(RegistryFilter { search: self.search.clone(), provider, linked })
    }
}

/// A new party.
#[derive(Clone, Debug, Args)]
pub struct CreateArgs {
    /// Its name.
    #[arg(long)]
    name: String,

    /// Its type: name or `partyTypes/ID`; the only one when left out.
    #[arg(long)]
    party_type: Option<String>,

    /// Its compliance profile: name or `complianceProfiles/ID`; the only one when left out.
    #[arg(long)]
    compliance_profile: Option<String>,

    #[command(flatten)]
    address: AddressArgs,

    /// Telephone.
    #[arg(long, default_value = "", hide_default_value = true)]
    phone: String,

    /// E-mail.
    #[arg(long, default_value = "", hide_default_value = true)]
    email: String,

    /// When a party like it is there: refuse, naming it (hold, unless said), or create it all the same.
    #[arg(long, value_name = "RULE")]
    on_lookalike: Option<Lookalike>,
}

impl Row for Party {
    const HEADER: &'static [&'static str] = &["NAME", "DISPLAY NAME", "PLACE", "LINKED TO", "PROJECTS", "CREATED"];

    fn cells(&self) -> Vec<Cell> {
        let marks: Vec<String> = self.integration_marks.iter().map(super::mark).collect();
        vec![
            Cell::new(&self.name),
            Cell::new(&self.display_name),
            Cell::new(super::address::place(self.address.as_ref())),
            Cell::new(text(&marks.join(", "))),
            Cell::new(self.project_count),
            Cell::new(time(self.create_time.as_ref())),
        ]
    }
}

impl Row for PartyType {
    const HEADER: &'static [&'static str] = &["NAME", "DISPLAY NAME"];

    fn cells(&self) -> Vec<Cell> {
        vec![Cell::new(&self.name), Cell::new(&self.display_name)]
    }
}

impl Row for ComplianceProfile {
    const HEADER: &'static [&'static str] = &["NAME", "DISPLAY NAME"];

    fn cells(&self) -> Vec<Cell> {
        vec![Cell::new(&self.name), Cell::new(&self.display_name)]
    }
}

impl PartyCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List(args) => list(session, args).await,
            Self::Get { name } => {
                let request = GetPartyRequest { name: names::resource("parties", name)? };
                session.output.one(&call!(session, PartyServiceClient, get_party, request).await?)
            }
            Self::Create(args) => create(session, args).await,
            Self::Contact { command } => command.run(session).await,
            Self::Update(args) => args.run(session).await,
            Self::Delete { name } => party_change::delete(session, name).await,
            Self::Merge { target, source } => party_change::merge(session, target, source).await,
            Self::Type { command } => command.run_type(session).await,
            Self::Profile { command } => command.run_profile(session).await,
        }
    }
}

impl NamedCommand {
    async fn run_type(&self, session: &Session) -> Result<()> {
        match self {
            Self::List => session.output.list(&party_types(session).await?),
            Self::Create { name } => {
                let party_type = Some(PartyType { display_name: name.clone(), ..PartyType::default() });
                let request = CreatePartyTypeRequest { party_type, request_id: request_id() };
                session.output.one(&call!(session, PartyServiceClient, create_party_type, request).await?)
            }
            Self::Rename { named, name } => {
                let party_type = PartyType { name: party_type(session, Some(named)).await?, display_name: name.clone() };
                let request = UpdatePartyTypeRequest { party_type: Some(party_type), request_id: request_id() };
                session.output.one(&call!(session, PartyServiceClient, update_party_type, request).await?)
            }
            Self::Delete { named } => {
                let name = party_type(session, Some(named)).await?;
                let request = DeletePartyTypeRequest { name, request_id: request_id() };
                call!(session, PartyServiceClient, delete_party_type, request).await?;
                party_change::deleted(session)
            }
        }
    }

    async fn run_profile(&self, session: &Session) -> Result<()> {
        match self {
            Self::List => session.output.list(&compliance_profiles(session).await?),
            Self::Create { name } => {
                let profile = ComplianceProfile { display_name: name.clone(), ..ComplianceProfile::default() };
                let request = CreateComplianceProfileRequest { compliance_profile: Some(profile), request_id: request_id() };
                session.output.one(&call!(session, PartyServiceClient, create_compliance_profile, request).await?)
            }
            Self::Rename { named, name } => {
                let profile =
                    ComplianceProfile { name: compliance_profile(session, Some(named)).await?, display_name: name.clone() };
                let request = UpdateComplianceProfileRequest { compliance_profile: Some(profile), request_id: request_id() };
                session.output.one(&call!(session, PartyServiceClient, update_compliance_profile, request).await?)
            }
            Self::Delete { named } => {
                let name = compliance_profile(session, Some(named)).await?;
                let request = DeleteComplianceProfileRequest { name, request_id: request_id() };
                call!(session, PartyServiceClient, delete_compliance_profile, request).await?;
                party_change::deleted(session)
            }
        }
    }
}

async fn list(session: &Session, args: &RegistryList) -> Result<()> {
    let filter = args.filter()?;
    let rows = pages(args.limit, async |page_size, page_token| {
        let request = ListPartiesRequest { page_size, page_token, filter: Some(filter.clone()) };
        let page = call!(session, PartyServiceClient, list_parties, request).await?;
        Ok((page.parties, page.next_page_token))
    });
    session.output.list(&rows.await?)
}

async fn create(session: &Session, args: &CreateArgs) -> Result<()> {
    let party = Party {
        display_name: args.name.clone(),
        party_type: party_type(session, args.party_type.as_deref()).await?,
        compliance_profile: compliance_profile(session, args.compliance_profile.as_deref()).await?,
        address: Some(args.address.address()),
        phone: args.phone.clone(),
        email: args.email.clone(),
        ..Party::default()
    };
    let on_lookalike = args.on_lookalike.map_or(OnLookalike::Unspecified, OnLookalike::from).into();
    let request = CreatePartyRequest { party: Some(party), request_id: request_id(), on_lookalike };
    session.output.one(&call!(session, PartyServiceClient, create_party, request).await?)
}

async fn party_types(session: &Session) -> Result<Vec<PartyType>> {
    Ok(call!(session, PartyServiceClient, list_party_types, ListPartyTypesRequest {}).await?.party_types)
}

async fn compliance_profiles(session: &Session) -> Result<Vec<ComplianceProfile>> {
    let request = ListComplianceProfilesRequest {};
    Ok(call!(session, PartyServiceClient, list_compliance_profiles, request).await?.compliance_profiles)
}

/// The resource name of the party type that is meant: named in either way, or the only one.
///
/// # Errors
/// Exit code 2 when it is not there, or none is named and there is not exactly one.
pub(crate) async fn party_type(session: &Session, named: Option<&str>) -> Result<String> {
    let known = party_types(session).await?.into_iter().map(|one| (one.name, one.display_name)).collect();
    choose("party type", "--party-type", named, known)
}

/// The resource name of the compliance profile that is meant, as [`party_type`].
///
/// # Errors
/// As [`party_type`].
pub(crate) async fn compliance_profile(session: &Session, named: Option<&str>) -> Result<String> {
    let known = compliance_profiles(session).await?.into_iter().map(|one| (one.name, one.display_name)).collect();
    choose("compliance profile", "--compliance-profile", named, known)
}

/// One of `known` (resource name, display name).
fn choose(what: &str, flag: &str, named: Option<&str>, known: Vec<(String, String)>) -> Result<String> {
    let choices = known.iter().map(|(_, display_name)| format!("`{display_name}`")).collect::<Vec<_>>().join(", ");
    let mut fitting = known.into_iter().filter(|(name, display_name)| {
        named.is_none_or(|text| name == text || name.rsplit('/').next() == Some(text) || display_name.eq_ignore_ascii_case(text))
    });
    match (fitting.next(), fitting.next()) {
        (Some((name, _)), None) => Ok(name),
        (None, _) => Err(Exit::usage(format!("no such {what}; there are: {choices}"))),
        (Some(_), Some(_)) => Err(Exit::usage(format!("there are several; choose one with {flag}: {choices}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_choice_needs_no_name_and_several_do() {
        let one = vec![("partyTypes/1".to_owned(), "Subcontractor".to_owned())];
        let two = vec![one[0].clone(), ("partyTypes/2".to_owned(), "Supplier".to_owned())];
        assert_eq!(choose("party type", "--x", None, one).expect("the only one"), "partyTypes/1");
        assert!(choose("party type", "--x", None, two.clone()).is_err());
        for text in ["partyTypes/2", "2", "supplier"] {
            assert_eq!(choose("party type", "--x", Some(text), two.clone()).expect(text), "partyTypes/2");
        }
        assert!(choose("party type", "--x", Some("Owner"), two).is_err());
    }
}
