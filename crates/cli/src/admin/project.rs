//! `linkyard project`: the projects of the registry and who is on them.

use super::address::AddressArgs;
use super::mapping::Lookalike;
use super::names;
use super::output::{Row, text, time};
use super::party::RegistryList;
use super::party_change::deleted;
use super::session::{Session, call, pages, request_id};
use crate::exit::Exit;
use anyhow::Result;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::project_service_client::ProjectServiceClient;
use linkyard_proto::v1::{
    AddProjectPartiesRequest, CreateProjectRequest, DeleteProjectRequest, GetProjectRequest, ListProjectPartiesRequest,
    ListProjectsRequest, OnLookalike, Party, Project, RemoveProjectPartiesRequest, UpdateProjectRequest,
};
use prost_types::FieldMask;

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

    /// Change one project.
    Update(Box<UpdateArgs>),

    /// Put parties on a project.
    AddParties(MembersArgs),

    /// Take parties off a project; who is on it in a linked directory is taken off there.
    RemoveParties(MembersArgs),

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

/// A project and parties.
#[derive(Clone, Debug, Args)]
pub struct MembersArgs {
    /// The project: `projects/ID` or ID.
    project: String,

    /// The parties: `parties/ID` or ID, at most 1,000.
    #[arg(required = true)]
    parties: Vec<String>,
}

impl MembersArgs {
    fn names(&self) -> Result<(String, Vec<String>)> {
        let parties = self.parties.iter().map(|party| names::resource("parties", party)).collect::<Result<_>>()?;
        Ok((names::resource("projects", &self.project)?, parties))
    }
}

/// What changes about a project.
#[derive(Clone, Debug, Args)]
pub struct UpdateArgs {
    /// `projects/ID` or ID.
    project: String,

    /// Its name.
    #[arg(long)]
    name: Option<String>,

    /// Its number; empty takes it away.
    #[arg(long)]
    number: Option<String>,

    /// Replace the whole address by the parts given.
    #[arg(long)]
    address: bool,

    #[command(flatten)]
    parts: AddressArgs,

    /// Only if the project still has this etag.
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
}

impl UpdateArgs {
    async fn run(&self, session: &Session) -> Result<()> {
        let name = names::resource("projects", &self.project)?;
        let mut project = Project { name, etag: self.etag.clone(), ..Project::default() };
        let mut paths = Vec::new();
        if let Some(name) = &self.name {
            paths.push("display_name");
            project.display_name.clone_from(name);
        }
        if let Some(number) = &self.number {
            paths.push("number");
            project.number.clone_from(number);
        }
        if self.address {
            paths.push("address");
            project.address = Some(self.parts.address());
        }
        if paths.is_empty() {
            return Err(Exit::usage("say what changes (`linkyard project update --help`)"));
        }
        let update_mask = Some(FieldMask { paths: paths.into_iter().map(str::to_owned).collect() });
        let request = UpdateProjectRequest { project: Some(project), update_mask, request_id: request_id() };
        session.output.one(&call!(session, ProjectServiceClient, update_project, request).await?)
    }
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

    /// When a project like it is there: refuse, naming it (hold, unless said), or create it all the same.
    #[arg(long, value_name = "RULE")]
    on_lookalike: Option<Lookalike>,
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
                let on_lookalike = args.on_lookalike.map_or(OnLookalike::Unspecified, OnLookalike::from).into();
                let request = CreateProjectRequest { project: Some(project), request_id: request_id(), on_lookalike };
                session.output.one(&call!(session, ProjectServiceClient, create_project, request).await?)
            }
            Self::Update(args) => args.run(session).await,
            Self::AddParties(args) => {
                let (name, parties) = args.names()?;
                let request = AddProjectPartiesRequest { name, parties, request_id: request_id() };
                session.output.one(&call!(session, ProjectServiceClient, add_project_parties, request).await?)
            }
            Self::RemoveParties(args) => {
                let (name, parties) = args.names()?;
                let request = RemoveProjectPartiesRequest { name, parties, request_id: request_id() };
                session.output.one(&call!(session, ProjectServiceClient, remove_project_parties, request).await?)
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
