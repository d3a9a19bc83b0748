//! `linkyard duplicates`: records that look like one, in the directory and in the registry, and what to do with them.

use super::confirm::{Caution, carry_out};
use super::mapping::ProviderArg;
use super::output::{Format, Row, say, text};
use super::session::{Session, call, pages, request_id};
use super::side::{Selection, Side};
use super::{address, names};
use crate::exit::Exit;
use anyhow::Result;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::duplicate_service_client::DuplicateServiceClient;
use linkyard_proto::v1::{
    ConfirmGroup, DismissDuplicateGroupRequest, DuplicateGroup, GetDuplicateGroupRequest, ListDuplicateGroupsRequest,
    RestoreDuplicateGroupRequest, SearchedList,
};

/// What to do with suspected duplicates.
#[derive(Clone, Debug, Subcommand)]
pub enum DuplicateCommand {
    /// The groups that were found, each with its first records.
    #[command(after_help = "\
Examples:
  linkyard duplicates list                        # vendors of the directory
  linkyard duplicates list --side registry        # parties
  linkyard duplicates list --projects --dismissed

Lists that changed are searched in the background after each fetch. Two parties of the registry are
made one by `linkyard party merge`.")]
    List(ListArgs),

    /// One group with its records.
    #[command(alias = "show")]
    Get {
        /// `duplicateGroups/ID` or ID.
        group: String,
    },

    /// Match all vendors of a group to one party (or projects to one project), and follow the linking.
    #[command(after_help = "\
Examples:
  linkyard duplicates map GROUP                    # to the party that one of them is linked to
  linkyard duplicates map GROUP --to parties/0195.. --yes --wait

Without --yes the plan is shown and a person is asked. Records that were left out, or that go to
another party already, stay as they are.")]
    Map(MapArgs),

    /// Say that the records of a group are different: it is not shown again until a record joins it.
    Dismiss {
        /// `duplicateGroups/ID` or ID.
        group: String,
    },

    /// Take a dismissal back.
    Restore {
        /// `duplicateGroups/ID` or ID.
        group: String,
    },
}

/// Where duplicates are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Where {
    /// In the directory of a provider.
    Directory,
    /// In the registry.
    Registry,
}

/// Which groups.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Where they were found.
    #[arg(long, value_enum, default_value = "directory")]
    side: Where,

    /// Projects instead of vendors and parties.
    #[arg(long)]
    projects: bool,

    #[command(flatten)]
    provider: ProviderArg,

    /// Those that a person called different, instead of the open ones.
    #[arg(long)]
    dismissed: bool,

    /// At most so many; without it everything is listed.
    #[arg(long)]
    limit: Option<usize>,
}

/// Which group and what it is mapped to.
#[derive(Clone, Debug, Args)]
pub struct MapArgs {
    /// `duplicateGroups/ID` or ID.
    group: String,

    /// The party (or project); may be left out when exactly one record of the group is linked or confirmed already.
    #[arg(long, value_name = "TARGET")]
    to: Option<String>,

    #[command(flatten)]
    caution: Caution,
}

impl Row for DuplicateGroup {
    const HEADER: &'static [&'static str] = &["GROUP", "RECORDS", "SURE", "NAMES", "REASONS"];

    fn cells(&self) -> Vec<Cell> {
        let mut names: Vec<&str> = self.members.iter().take(4).map(|member| text(&member.display_name)).collect();
        if self.member_count > 4 {
            names.push("..");
        }
        let id = self.name.rsplit('/').next().unwrap_or_default();
        vec![
            Cell::new(id),
            Cell::new(self.member_count),
            Cell::new(format!("{:.2}", self.probability)),
            Cell::new(names.join(" | ")),
            Cell::new(text(&self.reasons.join("; "))),
        ]
    }
}

impl DuplicateCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status; what confirming ends with.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List(args) => list(session, args).await,
            Self::Get { group } => show(session, &get(session, group).await?),
            Self::Map(args) => map(session, args).await,
            Self::Dismiss { group } => {
                let request = DismissDuplicateGroupRequest { name: name(group)?, request_id: request_id() };
                show(session, &call!(session, DuplicateServiceClient, dismiss_duplicate_group, request).await?)
            }
            Self::Restore { group } => {
                let request = RestoreDuplicateGroupRequest { name: name(group)?, request_id: request_id() };
                show(session, &call!(session, DuplicateServiceClient, restore_duplicate_group, request).await?)
            }
        }
    }
}

fn name(group: &str) -> Result<String> {
    names::resource("duplicateGroups", group)
}

async fn get(session: &Session, group: &str) -> Result<DuplicateGroup> {
    let request = GetDuplicateGroupRequest { name: name(group)? };
    call!(session, DuplicateServiceClient, get_duplicate_group, request).await
}

async fn list(session: &Session, args: &ListArgs) -> Result<()> {
    let (list, provider) = match (args.side, args.projects) {
        (Where::Directory, projects) => {
            let list = if projects { SearchedList::DirectoryProjects } else { SearchedList::Vendors };
            (list, names::provider(session, args.provider.named()).await?)
        }
        (Where::Registry, true) => (SearchedList::Projects, String::new()),
        (Where::Registry, false) => (SearchedList::Parties, String::new()),
    };
    let groups = pages(args.limit, async |page_size, page_token| {
        let (provider, dismissed) = (provider.clone(), args.dismissed);
        let request = ListDuplicateGroupsRequest { list: list.into(), provider, page_size, page_token, dismissed };
        let page = call!(session, DuplicateServiceClient, list_duplicate_groups, request).await?;
        Ok((page.duplicate_groups, page.next_page_token))
    });
    let groups = groups.await?;
    session.output.list(&groups)?;
    if list == SearchedList::Parties && !groups.is_empty() && session.output.format() == Format::Table {
        say("`linkyard party merge` makes two of them one; `linkyard duplicates dismiss` says that they are different");
    }
    Ok(())
}

/// The records of a group as rows.
fn show(session: &Session, group: &DuplicateGroup) -> Result<()> {
    let rows = group.members.iter().map(|member| {
        vec![
            Cell::new(&member.name),
            Cell::new(text(&member.display_name)),
            Cell::new(address::place(member.address.as_ref())),
            Cell::new(text(&member.phone)),
            Cell::new(&member.target),
        ]
    });
    session.output.shaped(group, &["RECORD", "NAME", "PLACE", "PHONE", "LINKED TO"], rows.collect())?;
    if session.output.format() == Format::Table {
        say(&format!("{}{}", group.reasons.join("; "), if group.dismissed { " (dismissed)" } else { "" }));
    }
    Ok(())
}

async fn map(session: &Session, args: &MapArgs) -> Result<()> {
    args.caution.can_be_asked()?;
    let group = get(session, &args.group).await?;
    let side = match group.list() {
        SearchedList::Vendors => Side::Parties,
        SearchedList::DirectoryProjects => Side::Projects,
        SearchedList::Parties | SearchedList::Projects | SearchedList::Unspecified => {
            return Err(Exit::usage("this group is of the registry: `linkyard party merge` makes two parties one"));
        }
    };
    let target = names::optional(side.targets(), args.to.as_deref())?;
    let selection = Selection::Group(ConfirmGroup { duplicate_group: group.name, target, plan_token: String::new() });
    carry_out(session, side, &group.provider, vec![selection], &args.caution).await
}
