//! Importing a decision file: the file in parts, its lines judged and carried out in chunks, and what became of each.
//!
//! A line has its result in the transaction that carried it out, and a line with a result is not looked at again: so a job that is killed,
//! taken over or run once more ends in the same state. Confirmed rows belong to the import's own job until all lines are done, and then,
//! in one statement, to a link job; when the import is cancelled or fails for good before that, its end gives the rows back as the end of a
//! link job does.

mod apply;
mod file;
mod judge;
mod rows;

pub use rows::{ImportCounts, ImportFilter};
pub(crate) use rows::{begin_again, purge};

use crate::directory::List;
use linkyard_core::decision_file::ImportOptions;
use linkyard_core::id::{ImportId, JobId, OrganizationId, ProviderId};

/// Bytes of every part of a file but its last.
pub const PART_BYTES: usize = 256 * 1024;

/// A file that was sent whole.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// Id.
    pub id: ImportId,
    /// Whose mapping it is about.
    pub provider: ProviderId,
    /// What is done with it.
    pub options: ImportOptions,
    /// Its lines, without the header.
    pub lines: u64,
    /// The job that links what it confirmed; `None` before the end, and where nothing has to be linked.
    pub link_job: Option<JobId>,
}

impl Import {
    fn list(&self, organization: OrganizationId) -> List {
        List { organization, provider: self.provider, subject: self.options.subject }
    }
}
