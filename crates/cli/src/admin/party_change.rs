//! `linkyard party update`, `delete` and `merge`.

use super::address::AddressArgs;
use super::output::{Format, print_line, say};
use super::session::{Session, call, request_id};
use super::{names, party};
use crate::exit::Exit;
use anyhow::Result;
use clap::Args;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use linkyard_proto::v1::{DeletePartyRequest, MergePartiesRequest, Party, UpdatePartyRequest};
use prost_types::FieldMask;

/// What changes about a party.
#[derive(Clone, Debug, Args)]
pub struct UpdateArgs {
    /// `parties/ID` or ID.
    party: String,

    /// Its name.
    #[arg(long)]
    name: Option<String>,

    /// Its type: name or `partyTypes/ID`.
    #[arg(long)]
    party_type: Option<String>,

    /// Its compliance profile: name or `complianceProfiles/ID`.
    #[arg(long)]
    compliance_profile: Option<String>,

    /// Replace the whole address by the parts given.
    #[arg(long)]
    address: bool,

    #[command(flatten)]
    parts: AddressArgs,

    /// Telephone; empty takes it away.
    #[arg(long)]
    phone: Option<String>,

    /// E-mail; empty takes it away.
    #[arg(long)]
    email: Option<String>,

    /// Only if the party still has this etag.
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
}

impl UpdateArgs {
    /// Carries the update out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        let mut party = Party { name: names::resource("parties", &self.party)?, etag: self.etag.clone(), ..Party::default() };
        let mut paths = Vec::new();
        for (path, given, field) in [
            ("display_name", &self.name, &mut party.display_name),
            ("phone", &self.phone, &mut party.phone),
            ("email", &self.email, &mut party.email),
        ] {
            if let Some(given) = given {
                paths.push(path);
                *field = given.clone();
            }
        }
        if let Some(named) = &self.party_type {
            paths.push("party_type");
            party.party_type = party::party_type(session, Some(named)).await?;
        }
        if let Some(named) = &self.compliance_profile {
            paths.push("compliance_profile");
            party.compliance_profile = party::compliance_profile(session, Some(named)).await?;
        }
        if self.address {
            paths.push("address");
            party.address = Some(self.parts.address());
        }
        if paths.is_empty() {
            return Err(Exit::usage("say what changes (`linkyard party update --help`)"));
        }
        let update_mask = Some(FieldMask { paths: paths.into_iter().map(str::to_owned).collect() });
        let request = UpdatePartyRequest { party: Some(party), update_mask, request_id: request_id() };
        session.output.one(&call!(session, PartyServiceClient, update_party, request).await?)
    }
}

/// Deletes a party.
///
/// # Errors
/// The server's status.
pub(crate) async fn delete(session: &Session, name: &str) -> Result<()> {
    let name = names::resource("parties", name)?;
    let request = DeletePartyRequest { name, etag: String::new(), request_id: request_id() };
    call!(session, PartyServiceClient, delete_party, request).await?;
    deleted(session)
}

/// Makes two parties one.
///
/// # Errors
/// The server's status.
pub(crate) async fn merge(session: &Session, target: &str, source: &str) -> Result<()> {
    let (name, source) = (names::resource("parties", target)?, names::resource("parties", source)?);
    let request = MergePartiesRequest { name, source, request_id: request_id(), ..MergePartiesRequest::default() };
    session.output.one(&call!(session, PartyServiceClient, merge_parties, request).await?)
}

/// The answer to a deletion, which the API answers with an empty message.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn deleted(session: &Session) -> Result<()> {
    match session.output.format() {
        Format::Json => print_line("{}"),
        Format::Table => {
            say("deleted");
            Ok(())
        }
    }
}
