//! `linkyard audit`: who did what.

use super::output::{Row, text, time};
use super::session::{Session, call, pages};
use anyhow::Result;
use clap::Subcommand;
use comfy_table::Cell;
use linkyard_proto::v1::organization_service_client::OrganizationServiceClient;
use linkyard_proto::v1::{AuditEntry, ListAuditEntriesRequest};

/// What to do with the audit log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// The entries, newest first.
    #[command(after_help = "Examples:\n  linkyard audit list --limit 20\n  linkyard audit list --resource provider --id 0195..")]
    List {
        /// Only things of this kind: provider, party, project, job, `api_key`, organization.
        #[arg(long, default_value = "", hide_default_value = true)]
        resource: String,

        /// Only the thing with this id.
        #[arg(long, default_value = "", hide_default_value = true, requires = "resource")]
        id: String,

        /// At most so many rows; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },
}

impl Row for AuditEntry {
    const HEADER: &'static [&'static str] = &["TIME", "ACTOR", "ACTION", "RESOURCE", "ID", "DETAIL"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(time(self.create_time.as_ref())),
            Cell::new(&self.actor),
            Cell::new(&self.action),
            Cell::new(&self.resource),
            Cell::new(&self.resource_id),
            Cell::new(text(&self.detail)),
        ]
    }
}

impl AuditCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        let Self::List { resource, id, limit } = self;
        let entries = pages(*limit, async |page_size, page_token| {
            let request = ListAuditEntriesRequest { page_size, page_token, resource: resource.clone(), resource_id: id.clone() };
            let page = call!(session, OrganizationServiceClient, list_audit_entries, request).await?;
            Ok((page.entries, page.next_page_token))
        });
        session.output.list(&entries.await?)
    }
}
