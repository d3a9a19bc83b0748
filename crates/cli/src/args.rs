//! The grammar of the command line. `linkyard --help` is the reference, so every flag says here what it does.

use crate::admin::{
    AuditCommand, CoverageCommand, DuplicateCommand, Group, InsuranceCommand, JobCommand, KeyCommand, MappingGroup,
    OrganizationCommand, PartyCommand, ProjectCommand, ProviderCommand, WorkerCommand,
};
use crate::demo::DemoArgs;
use crate::exit::EXIT_CODES_HELP;
use crate::serve::control::ControlArgs;
use crate::serve::doctor::DoctorArgs;
use crate::serve::health::HealthArgs;
use crate::serve::migrate::MigrateArgs;
use crate::serve::up::UpArgs;
use crate::serve::worker::WorkerCommandArgs;
use clap::{Parser, Subcommand};

/// Where embedded mode keeps its files unless told otherwise, relative to the working directory.
pub const DATA_DIR: &str = ".linkyard";

/// linkyard: from a construction directory to a compliance registry, and back.
#[derive(Clone, Debug, Parser)]
#[command(name = "linkyard", version, max_term_width = 120, propagate_version = true, after_help = EXIT_CODES_HELP)]
pub struct Cli {
    /// How log lines on standard error look. What is logged says `LINKYARD_LOG`, like `info` or `linkyard_worker=debug`.
    #[arg(long, global = true, env = "LINKYARD_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Start everything in one process: API, console, worker and database. Nothing has to be installed.
    #[command(after_help = "\
Examples:
  linkyard up --simulator                 # with a fake Procore, to try it
  linkyard up --simulator --simulator-arg=--vendors=2000 --simulator-arg=--limits=off
  LINKYARD_PROCORE_CLIENT_ID=.. linkyard up --procore-client-secret-file secret.txt

Prints `listening on URL` when the API answers. On the first start it makes an organization and an
API key, which is saved in the data directory; admin commands that run beside it find it there.
`console on URL` names the address of the console, which signs you in once, within an hour.
Ctrl-C or SIGTERM stops orderly (exit code 0), a second one at once.")]
    Up(Box<UpArgs>),

    /// Serve the API and the console over a database and a Redis that are shared with workers. PostgreSQL is meant for this.
    #[command(after_help = "\
Example:
  export LINKYARD_DATABASE_URL=postgres://linkyard@db/linkyard
  export LINKYARD_REDIS_URL=redis://redis
  export LINKYARD_SEALING_KEY_FILE=sealing.key
  linkyard migrate up
  linkyard control --listen 0.0.0.0:50051 --first-key-file operator.key

No sealing key, no start. The port speaks without TLS: put it behind something that does, and name the
address that browsers see with --console-origin; otherwise the console answers at loopback addresses alone.")]
    Control(Box<ControlArgs>),

    /// Run jobs, beside as many other workers as are wanted, from a database and a Redis that all share. PostgreSQL is meant for this.
    #[command(after_help = "\
Example:
  linkyard worker --concurrency 8 --procore-client-id .. --procore-client-secret-file secret.txt

The database and the Redis are those of the control processes, given in the same way. Jobs are rows
of the database; Redis carries their ids and counts the calls of all workers together, and may be
lost at any time. SIGTERM lets running jobs reach a checkpoint; other workers go on with them.")]
    Worker(Box<WorkerCommandArgs>),

    /// Ask whether a control or a worker is healthy: exit code 0 when it is.
    #[command(after_help = "Example:\n  linkyard health http://127.0.0.1:50051")]
    Health(HealthArgs),

    /// Look at the schema of a database or bring it up to this release.
    Migrate(MigrateArgs),

    /// Look at an installation and say what is wrong with it and what to do. Changes nothing.
    #[command(after_help = "\
Looks at the sealing key, the database and its schema, clocks, providers, waiting jobs, and whether Procore lets this
installation in. Run it with the environment of the process that gives trouble. Exit code 5 when something does not work.")]
    Doctor(Box<DoctorArgs>),

    /// Show the main job on one machine: a simulated Procore, fetched, mapped, confirmed, linked and kept in step.
    #[command(after_help = "\
Examples:
  linkyard demo
  linkyard demo --vendors 50000 --projects 800 --exit
  linkyard demo --vendors vendors.csv --projects projects.csv --project-vendors project_vendors.csv --exit --json")]
    Demo(Box<DemoArgs>),

    /// Serve a faithful fake of Procore's API.
    Simulator(Box<linkyard_simulator::Args>),

    /// Integrations: set up, test, fetch the directory.
    Provider(Group<ProviderCommand>),

    /// Which vendor of the directory is which party.
    Parties(Group<MappingGroup>),

    /// Which project of the directory is which project.
    Projects(Group<MappingGroup>),

    /// Records that look like one, in the directory and in the registry.
    Duplicates(Group<DuplicateCommand>),

    /// The registry's parties, their types and compliance profiles.
    Party(Group<PartyCommand>),

    /// The registry's projects and who is on them.
    Project(Group<ProjectCommand>),

    /// What the registry says of parties' insurance.
    Coverage(Group<CoverageCommand>),

    /// What the directory shows of it, and pushing it there.
    Insurance(Group<InsuranceCommand>),

    /// Long work: list, follow, stop, run again.
    Job(Group<JobCommand>),

    /// Worker processes: who runs the jobs, with which release and load. Needs a key with operator access.
    Workers(Group<WorkerCommand>),

    /// The tenant.
    Organization(Group<OrganizationCommand>),

    /// API keys.
    Key(Group<KeyCommand>),

    /// Who did what.
    Audit(Group<AuditCommand>),
}

impl Command {
    /// What is logged unless `LINKYARD_LOG` says otherwise: servers tell what they do, admin commands only what is wrong.
    #[must_use]
    pub fn default_log_filter(&self) -> &'static str {
        match self {
            Self::Up(_) | Self::Control(_) | Self::Worker(_) | Self::Simulator(_) => {
                "info,sea_orm_migration=warn,apalis_core=warn"
            }
            Self::Migrate(_)
            | Self::Doctor(_)
            | Self::Health(_)
            | Self::Workers(_)
            | Self::Demo(_)
            | Self::Provider(_)
            | Self::Parties(_)
            | Self::Projects(_)
            | Self::Party(_)
            | Self::Project(_)
            | Self::Coverage(_)
            | Self::Insurance(_)
            | Self::Job(_)
            | Self::Organization(_)
            | Self::Key(_)
            | Self::Duplicates(_)
            | Self::Audit(_) => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_says_what_it_does() {
        check(&Cli::command(), "linkyard");
    }

    fn check(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some_and(|about| !about.to_string().is_empty()), "{path} has no help");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
        }
        for sub in command.get_subcommands() {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
    }
}
