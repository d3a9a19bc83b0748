//! Jobs: rows of the ledger, how a run of one ends, and what it leaves behind.

use crate::id::{JobId, OrganizationId, ProviderId};
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in SQL and logs.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one named by `word`.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What a job does. The word is also the name of the file that does it.
    JobKind {
        /// Asks Procore whether a provider works and what it can see.
        TestConnection = "test_connection",
        /// Walks the directory and stores it.
        FetchDirectory = "fetch_directory",
        /// Computes the candidates of records without a decision.
        Suggest = "suggest",
        /// Looks for records of one list that are one, in the directory and in the registry.
        FindDuplicates = "find_duplicates",
        /// Carries out the confirmed decisions of one confirm on vendors.
        LinkParties = "link_parties",
        /// Carries out the confirmed decisions of one confirm on projects.
        LinkProjects = "link_projects",
        /// Brings addresses and associations of linked records in step.
        SyncLinked = "sync_linked",
        /// Brings the insurances of linked vendors to what their parties' coverages say.
        PushCompliance = "push_compliance",
        /// Carries the lines of a decision file into the mapping.
        ImportDecisions = "import_decisions",
        /// Purges what an organization no longer needs of its history.
        Retention = "retention",
    }
}

words! {
    /// Who waits for a job; also its priority inside the call budget.
    Lane {
        /// A person is watching.
        Person = "person",
        /// Compliance on its way to Procore.
        Push = "push",
        /// Nightly and hourly work.
        Background = "background",
    }
}

words! {
    /// Where a job is. `WAITING_FOR_BUDGET` and PAUSED may also be derived from its provider when it is read.
    JobState {
        /// Waits for a worker.
        Queued = "queued",
        /// A worker has it.
        Running = "running",
        /// Goes on when the rate limit allows; holds no slot, costs no attempt.
        WaitingForBudget = "waiting_for_budget",
        /// Its children run.
        WaitingForChildren = "waiting_for_children",
        /// Failed and will be tried again.
        Retrying = "retrying",
        /// Stopped by a person until resumed.
        Paused = "paused",
        /// Done, every row.
        Succeeded = "succeeded",
        /// Done, some rows failed with a reason.
        Partial = "partial",
        /// Not done; the row says why.
        Failed = "failed",
        /// Stopped by a person for good.
        Cancelled = "cancelled",
    }
}

impl JobKind {
    /// Whether all its calls only read, so that one may be given up at any moment without a doubt about what it did.
    #[must_use]
    pub fn only_reads(self) -> bool {
        match self {
            Self::TestConnection | Self::FetchDirectory => true,
            Self::Suggest
            | Self::LinkParties
            | Self::LinkProjects
            | Self::SyncLinked
            | Self::PushCompliance
            | Self::ImportDecisions
            | Self::Retention
            | Self::FindDuplicates => false,
        }
    }
}

impl JobState {
    /// Whether nothing will happen to it any more unless a person asks.
    #[must_use]
    pub fn terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Partial | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Running | Self::WaitingForBudget | Self::WaitingForChildren | Self::Retrying | Self::Paused => {
                false
            }
        }
    }
}

words! {
    /// What a person wants of a job that may be running; read with the lease renewal.
    RequestedState {
        /// Nothing.
        None = "none",
        /// Stop at the next checkpoint and wait.
        Pause = "pause",
        /// Stop at the next checkpoint for good.
        Cancel = "cancel",
    }
}

/// The reason on a job that killed its process too often.
pub const POISON: &str = "POISON";

/// The reason on a job of which nobody can read what it is to do.
pub const UNREADABLE: &str = "UNREADABLE";

/// How many consecutive starts without progress make a job poison.
pub const MOST_STARTS_WITHOUT_PROGRESS: i32 = 3;

/// What happened to a job's rows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows that the job is about, as far as known.
    pub total: i64,
    /// Rows that are as they should be.
    pub succeeded: i64,
    /// Rows kept back by the gate.
    pub held: i64,
    /// Rows that failed, with a reason on the row.
    pub failed: i64,
    /// Rows that needed nothing.
    pub skipped: i64,
    /// Calls made to Procore.
    pub calls: i64,
}

impl RowCounts {
    /// Adds `other`, field by field.
    pub fn add(&mut self, other: Self) {
        self.total += other.total;
        self.succeeded += other.succeeded;
        self.held += other.held;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.calls += other.calls;
    }
}

/// A job to be written, in the transaction of the change that needs it.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The provider it works for.
    pub provider: Option<ProviderId>,
    /// The job that fans out into it.
    pub parent: Option<JobId>,
    /// What it does.
    pub kind: JobKind,
    /// Among jobs of this kind that are not finished only one has this key; asking again gets that one.
    pub dedupe_key: String,
    /// Who waits.
    pub lane: Lane,
    /// Ids only, as a JSON object; see [`PAYLOAD_VERSION`].
    pub payload: serde_json::Value,
    /// Not before this time, milliseconds since 1970; `None` = now.
    pub run_at_ms: Option<i64>,
}

/// What the dedupe key of a fetch of changes ends with, so that it never stands in for a fetch of everything.
pub const CHANGES: &str = ":changes";

/// The version of the payloads that this release writes and the newest that it reads; a newer one is left untouched.
pub const PAYLOAD_VERSION: i32 = 1;

/// A job as people see it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Id.
    pub id: JobId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The provider it works for.
    pub provider: Option<ProviderId>,
    /// Its parent.
    pub parent: Option<JobId>,
    /// What it does, as the word in the row (it may be newer than this program).
    pub kind: String,
    /// Who waits.
    pub lane: Lane,
    /// Where it is; derived from its provider where that stops it.
    pub state: JobState,
    /// What a person asked for.
    pub requested: RequestedState,
    /// When it may run (again), milliseconds since 1970.
    pub run_at_ms: i64,
    /// Starts so far: the fencing token.
    pub epoch: i64,
    /// Attempts in a row that failed without getting further.
    pub attempts: i32,
    /// What happened to its rows, children included.
    pub counts: RowCounts,
    /// Where it is inside its work, for a person: the phase's name.
    pub phase: String,
    /// Why it failed or is tried again.
    pub error_reason: Option<String>,
    /// The same as a sentence.
    pub error_message: Option<String>,
    /// What it found, once finished (kind-specific JSON, e.g. the fetch report).
    pub result: Option<serde_json::Value>,
    /// Changes with every write; for watching.
    pub revision: i64,
    /// Created, milliseconds since 1970.
    pub created_at_ms: i64,
    /// First start.
    pub started_at_ms: Option<i64>,
    /// End.
    pub finished_at_ms: Option<i64>,
}

/// What is live in the ledger, over all tenants: for operators, who scale by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many live jobs of each kind are in each state, by their words: kind, state, count.
    pub jobs: Vec<(String, String, i64)>,
    /// Jobs that a worker could take now.
    pub runnable: i64,
    /// For how many milliseconds the oldest of them could have been taken; 0 without one.
    pub oldest_runnable_ms: i64,
    /// Jobs that wait for a platform's rate limit: more workers do not help them.
    pub rate_limited: i64,
}

/// Proof that we hold a job: every effect is written under it and checked against the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The tenant (from the row).
    pub organization: OrganizationId,
    /// The job.
    pub job: JobId,
    /// The start we are.
    pub epoch: i64,
}

/// A job in a worker's hands.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The proof.
    pub fence: Fence,
    /// What it does.
    pub kind: JobKind,
    /// The provider it works for.
    pub provider: Option<ProviderId>,
    /// Who waits.
    pub lane: Lane,
    /// Ids only.
    pub payload: serde_json::Value,
    /// Where an earlier run stopped; `None` on the first.
    pub checkpoint: Option<serde_json::Value>,
    /// Attempts in a row that failed without getting further.
    pub attempts: i32,
    /// What happened so far.
    pub counts: RowCounts,
    /// Asked for before it started.
    pub requested: RequestedState,
    /// Whether a worker lost it once by its lease, now or earlier: that worker may have had a call under way that no fence stops.
    pub taken_over: bool,
    /// Created, milliseconds since 1970 on the database's clock.
    pub created_at_ms: i64,
    /// For how many milliseconds it could have run before it was taken.
    pub waited_ms: i64,
    /// The trace of whoever wrote it; see [`Scope::trace_parent`](crate::scope::Scope).
    pub trace_parent: Option<String>,
}

/// Progress that is written together with an effect: where to go on, and what was done since the last one.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// Where to go on.
    pub position: serde_json::Value,
    /// The phase's name, for a person.
    pub phase: String,
    /// What was done since the last checkpoint (added to the row).
    pub done: RowCounts,
}

/// How a run ends, in a job's words.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Finished; PARTIAL when rows failed. With what it found.
    Done(serde_json::Value),
    /// Finished, but not everything could be had (a walk that drifted): PARTIAL, whatever the rows say. With what it found.
    Partial(serde_json::Value),
    /// The checkpoint is saved; go on later, after others had their turn.
    Continue,
    /// Go on at this time (milliseconds since 1970); not an attempt.
    SnoozeUntil(i64),
    /// Children were written; finished when they are.
    WaitForChildren,
}

/// How a run ends, in the ledger's words: an [`Outcome`], or what the runner made of an error or of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// SUCCEEDED, or PARTIAL when rows failed.
    Done(serde_json::Value),
    /// PARTIAL, whatever the rows say: not everything could be had.
    Partial(serde_json::Value),
    /// QUEUED again at once, behind others.
    Continue,
    /// `WAITING_FOR_BUDGET` until this time; the provider is blocked until then as well.
    Snooze {
        /// Milliseconds since 1970.
        until_ms: i64,
    },
    /// `WAITING_FOR_BUDGET` until this time, because the platform is down; the provider is blocked until then as well. Not an attempt.
    Outage {
        /// Milliseconds since 1970.
        until_ms: i64,
        /// What was seen of it, as a sentence.
        message: String,
    },
    /// QUEUED again: it waits until the provider, which needs attention, works again. Not an attempt.
    Hold {
        /// The error's reason.
        reason: String,
        /// The error's sentence.
        message: String,
    },
    /// `WAITING_FOR_CHILDREN`.
    WaitForChildren,
    /// RETRYING, counted.
    Retry {
        /// Attempts in a row that failed without getting further, this one included.
        attempts: i32,
        /// Wait this long, milliseconds, on the database's clock.
        delay_ms: i64,
        /// The error's reason.
        reason: String,
        /// The error's sentence.
        message: String,
    },
    /// FAILED.
    Fail {
        /// The error's reason.
        reason: String,
        /// The error's sentence.
        message: String,
    },
    /// CANCELLED, as asked.
    Cancelled,
    /// PAUSED, as asked.
    Paused,
    /// QUEUED again at once, nothing counted: this worker stops.
    Release,
}
