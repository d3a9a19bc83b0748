//! The decision file: one provider's mapping as a CSV, to be decided in a spreadsheet and read back.
//!
//! Lives here: the columns, how a row is written, what a line that comes back asks for, why one is refused, and the bounds. Does not live
//! here: where the bytes come from or go to, and what becomes of a line (the store's).
//!
//! The file is UTF-8; every cell is quoted, lines end with CR LF. A cell that a spreadsheet would take for a formula gets an apostrophe in
//! front ([`neutralised`]), and reading takes exactly that one away again.

mod ask;
mod lines;
mod reason;
mod write;

pub use ask::{Ask, AskedLine, Columns, ImportedRow, RowOutcome};
pub use lines::{Broken, Line, MOST_CELL_BYTES, MOST_LINE_BYTES, Place, Scanner};
pub use reason::{LineReason, Refusal};
pub use write::{BYTE_ORDER_MARK, write_header, write_row};

use crate::mapping::{OnLookalike, Subject};
use std::borrow::Cow;

/// The most lines of one file, without its header.
pub const MOST_FILE_ROWS: u64 = 200_000;

/// The most bytes of one file.
pub const MOST_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The most lines that an import carries out in one transaction; few enough that nobody waits long for the gate.
pub const CHUNK_LINES: usize = 1_000;

/// What is done with the lines of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// Which list of the directory the file is about.
    pub subject: Subject,
    /// Whether decisions are confirmed; otherwise they become drafts.
    pub confirm: bool,
    /// What a CREATE does that does not say itself what it does about look-alikes.
    pub on_lookalike: OnLookalike,
}

/// The column with the name of the mapping: `providers/{provider}/partyMappings/{record}`.
pub const MAPPING: &str = "mapping";
/// The column with the directory's id of the record; read where `mapping` is empty.
pub const RECORD_ID: &str = "record_id";
/// The column with what to do: MATCH, CREATE, `DO_NOT_ADD`, or empty to leave the row as it is.
pub const DECISION: &str = "decision";
/// The column with the party or project of a MATCH: its name or its id.
pub const TARGET: &str = "target";
/// The column with what a CREATE does about look-alikes: HOLD or CREATE.
pub const ON_LOOKALIKE: &str = "on_lookalike";
/// The column with the version that the person saw; where it is empty, the row is decided whatever it is now.
pub const VERSION: &str = "version";

/// `cell`, so that no spreadsheet runs it: one apostrophe in front of what begins with `=`, `+`, `-`, `@`, a tab or a carriage return,
/// and in front of what looks as if it had one already. [`restored`] is its exact inverse.
#[must_use]
pub fn neutralised(cell: &str) -> Cow<'_, str> {
    if dangerous(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell that [`neutralised`] made `cell` from; a cell that it did not make is itself.
#[must_use]
pub fn restored(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| dangerous(rest)).unwrap_or(cell)
}

fn dangerous(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_neutralised_and_comes_back_as_it_was() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''@x", "'t Hooft", "'", "", "Acme", "a=b", "'x'=1"] {
            let neutral = neutralised(cell);
            assert!(!neutral.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
            assert_eq!(restored(&neutral), cell);
        }
        assert_eq!(neutralised("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(neutralised("'t Hooft"), "'t Hooft", "an apostrophe alone is none of our business");
    }
}
