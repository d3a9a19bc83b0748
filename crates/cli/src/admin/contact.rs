//! `linkyard party contact`: whom to write to at a party.

use super::names;
use super::output::{Format, Row, print_line, say, text};
use super::session::{Session, call, pages, request_id};
use crate::exit::Exit;
use anyhow::Result;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use linkyard_proto::v1::{Contact, CreateContactRequest, DeleteContactRequest, ListContactsRequest, UpdateContactRequest};
use prost_types::FieldMask;

/// What to do with contacts.
#[derive(Clone, Debug, Subcommand)]
pub enum ContactCommand {
    /// The contacts of a party, oldest first.
    List {
        /// `parties/ID` or ID.
        party: String,

        /// At most so many; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },

    /// Type a contact in.
    #[command(
        after_help = "Example:\n  linkyard party contact create PARTY --name 'Ann Smith' --email ann@acme.example --primary"
    )]
    Create {
        /// `parties/ID` or ID.
        party: String,

        /// The person's name.
        #[arg(long)]
        name: String,

        #[command(flatten)]
        parts: Parts,

        /// Write to this one first; whoever was the primary contact is no longer.
        #[arg(long)]
        primary: bool,
    },

    /// Change a contact. One that follows Procore is changed there; here it can only become the primary one, or no longer be it.
    Update {
        /// `parties/ID/contacts/ID`.
        contact: String,

        /// The person's name.
        #[arg(long)]
        name: Option<String>,

        #[command(flatten)]
        parts: Parts,

        /// Whether to write to this one first: true or false.
        #[arg(long)]
        primary: Option<bool>,

        /// The etag of the contact as it was read; a contact that changed since is refused.
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
    },

    /// Delete a contact that was typed in by hand.
    Delete {
        /// `parties/ID/contacts/ID`.
        contact: String,

        /// The etag of the contact as it was read; a contact that changed since is refused.
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
    },
}

/// What may be said of a contact besides its name; an empty text says that there is none.
#[derive(Clone, Debug, Args)]
pub struct Parts {
    /// E-mail.
    #[arg(long)]
    email: Option<String>,

    /// Telephone.
    #[arg(long)]
    phone: Option<String>,

    /// What the person does.
    #[arg(long)]
    job_title: Option<String>,
}

impl Row for Contact {
    const HEADER: &'static [&'static str] = &["NAME", "DISPLAY NAME", "EMAIL", "PHONE", "JOB TITLE", "IS", "FOLLOWS"];

    fn cells(&self) -> Vec<Cell> {
        let state = match (self.primary, self.active) {
            (true, true) => "primary",
            (true, false) => "primary, inactive",
            (false, true) => "active",
            (false, false) => "inactive",
        };
        let follows = if self.provider.is_empty() { String::new() } else { format!("{} {}", self.provider, self.external_id) };
        [&self.name, &self.display_name, &self.email, &self.phone, &self.job_title, state, &follows]
            .into_iter()
            .map(|cell| Cell::new(text(cell)))
            .collect()
    }
}

impl ContactCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List { party, limit } => list(session, party, *limit).await,
            Self::Create { party, name, parts, primary } => {
                let contact =
                    Some(parts.contact(Contact { display_name: name.clone(), primary: *primary, ..Contact::default() }));
                let parent = names::resource("parties", party)?;
                let request = CreateContactRequest { parent, contact, request_id: request_id() };
                session.output.one(&call!(session, PartyServiceClient, create_contact, request).await?)
            }
            Self::Update { contact, name, parts, primary, etag } => {
                let request = change(contact, name.as_deref(), parts, *primary, etag)?;
                session.output.one(&call!(session, PartyServiceClient, update_contact, request).await?)
            }
            Self::Delete { contact, etag } => {
                let request = DeleteContactRequest { name: contact.clone(), etag: etag.clone(), request_id: request_id() };
                call!(session, PartyServiceClient, delete_contact, request).await?;
                // The API answers with an empty message.
                match session.output.format() {
                    Format::Json => print_line("{}"),
                    Format::Table => {
                        say("deleted");
                        Ok(())
                    }
                }
            }
        }
    }
}

impl Parts {
    /// `contact` with these parts.
    fn contact(&self, contact: Contact) -> Contact {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        Contact { email: part(&self.email), phone: part(&self.phone), job_title: part(&self.job_title), ..contact }
    }
}

async fn list(session: &Session, party: &str, limit: Option<usize>) -> Result<()> {
    let parent = names::resource("parties", party)?;
    let rows = pages(limit, async |page_size, page_token| {
        let request = ListContactsRequest { parent: parent.clone(), page_size, page_token };
        let page = call!(session, PartyServiceClient, list_contacts, request).await?;
        Ok((page.contacts, page.next_page_token))
    });
    session.output.list(&rows.await?)
}

/// Changes what was said, and only that.
fn change(contact: &str, name: Option<&str>, parts: &Parts, primary: Option<bool>, etag: &str) -> Result<UpdateContactRequest> {
    let said = [
        ("display_name", name.is_some()),
        ("email", parts.email.is_some()),
        ("phone", parts.phone.is_some()),
        ("job_title", parts.job_title.is_some()),
        ("primary", primary.is_some()),
    ];
    let paths: Vec<String> = said.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect();
    if paths.is_empty() {
        return Err(Exit::usage("nothing to change; give --name, --email, --phone, --job-title or --primary"));
    }
    let contact = parts.contact(Contact {
        name: contact.to_owned(),
        display_name: name.unwrap_or_default().to_owned(),
        primary: primary.unwrap_or_default(),
        etag: etag.to_owned(),
        ..Contact::default()
    });
    Ok(UpdateContactRequest { contact: Some(contact), update_mask: Some(FieldMask { paths }), request_id: request_id() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_is_changed() {
        let parts = Parts { email: Some(String::new()), phone: None, job_title: None };
        let request = change("parties/1/contacts/2", None, &parts, Some(false), "").expect("a change");
        assert_eq!(request.update_mask.expect("a mask").paths, ["email", "primary"]);
        let nothing = Parts { email: None, phone: None, job_title: None };
        assert!(change("parties/1/contacts/2", None, &nothing, None, "").is_err());
    }
}
