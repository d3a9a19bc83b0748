//! `linkyard project`: the projects of the registry and who is on them.

use super::address::AddressArgs;
use super::names;
use super::output::{Row, text, time};
use super::party::RegistryList;
use super::party_change::deleted;
use super::session::{Session, call, pages, request_id};
use anyhow::Result;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::project_service_client::ProjectServiceClient;
use linkyard_proto::v1::{
    CreateProjectRequest, DeleteProjectRequest, GetProjectRequest, ListProjectPartiesRequest, ListProjectsRequest, Party, Project,
};

/// What to do with projects.
#[derive(Clone, Debug, Subcommand)]
pub enum ProjectCommand {
    /// Projects, oldest first.
    List(RegistryList),

    /// One project.
    #[command(alias = "show")]
    Get {
        /// `projects/ID` or ID.
        name: String,
    },

    /// Create one project.
    Create(CreateArgs),

    /// Delete a project that is not linked.
    Delete {
        /// `projects/ID` or ID.
        name: String,
    },

    /// The parties on a project.
    Parties {
        /// `projects/ID` or ID.
        name: String,

        /// At most so many rows; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },
}

/// A new project.
#[derive(Clone, Debug, Args)]
pub struct CreateArgs {
    /// Its name.
    #[arg(long)]
    name: String,

    /// Its number.
    #[arg(long, default_value = "", hide_default_value = true)]
    number: String,

    #[command(flatten)]
    address: AddressArgs,
}

impl Row for Project {
    const HEADER: &'static [&'static str] = &["NAME", "NUMBER", "DISPLAY NAME", "PLACE", "LINKED TO", "PARTIES", "CREATED"];

    fn cells(&self) -> Vec<Cell> {
        let marks: Vec<String> = self.integration_marks.iter().map(super::mark).collect();
        vec![
            Cell::new(&self.name),
            Cell::new(text(&self.number)),
            Cell::new(&self.display_name),
            Cell::new(super::address::place(self.address.as_ref())),
            Cell::new(text(&marks.join(", "))),
            Cell::new(self.party_count),
            Cell::new(time(self.create_time.as_ref())),
        ]
    }
}

impl ProjectCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List(args) => list(session, args).await,
            Self::Get { name } => {
                let request = GetProjectRequest { name: names::resource("projects", name)? };
                session.output.one(&call!(session, ProjectServiceClient, get_project, request).await?)
            }
            Self::Create(args) => {
                let project = Project {
                    display_name: args.name.clone(),
                    number: args.number.clone(),
                    address: Some(args.address.address()),
                    ..Project::default()
                };
                let request = CreateProjectRequest { project: Some(project), request_id: request_id() };
                session.output.one(&call!(session, ProjectServiceClient, create_project, request).await?)
            }
            Self::Delete { name } => {
                let name = names::resource("projects", name)?;
                let request = DeleteProjectRequest { name, etag: String::new(), request_id: request_id() };
                call!(session, ProjectServiceClient, delete_project, request).await?;
                deleted(session)
            }
            Self::Parties { name, limit } => {
                let parties = parties(session, &names::resource("projects", name)?, *limit).await?;
                session.output.list(&parties)
            }
        }
    }
}

async fn list(session: &Session, args: &RegistryList) -> Result<()> {
    let filter = args.filter()?;
    let rows = pages(args.limit, async |page_size, page_token| {
        let request = ListProjectsRequest { page_size, page_token, filter: Some(filter.clone()) };
        let page = call!(session, ProjectServiceClient, list_projects, request).await?;
        Ok((page.projects, page.next_page_token))
    });
    session.output.list(&rows.await?)
}

async fn parties(session: &Session, parent: &str, limit: Option<usize>) -> Result<Vec<Party>> {
    pages(limit, async |page_size, page_token| {
        let request = ListProjectPartiesRequest { parent: parent.to_owned(), page_size, page_token };
        let page = call!(session, ProjectServiceClient, list_project_parties, request).await?;
        Ok((page.parties, page.next_page_token))
    })
    .await
}
