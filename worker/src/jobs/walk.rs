//! One walk over one list of a directory, resumable at every page: where it is, what it has counted, and whether what it saw agrees.
//!
//! A live list moves under a walk: rows that are added or removed shift the pages, so a row can come twice or not at all. A walk is
//! therefore followed by one look at what changed since it began, and believed only when the directory's own total agrees with what was
//! seen. A total that shrank means that rows may have slipped past; then, and when the numbers differ, the list is walked once more.

use linkyard_core::mapping::Subject;
use linkyard_procore::{RecordPage, UpdatedRange};
use linkyard_store::{PageStored, WalkSummary};
use serde::{Deserialize, Serialize};

/// A look at what changed reaches this far back before the walk and ahead of now: the directory's clock is not ours, and a change may
/// become visible later than it happened.
const MARGIN_MS: i64 = 60_000;

/// How often a list is walked before the fetch ends as PARTIAL.
const MOST_PASSES: u32 = 2;

/// What is done next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Page `next_page` of the list.
    #[default]
    Pages,
    /// Page `next_page` of what changed since the walk began.
    CatchUp,
    /// The end: does it agree?
    Agree,
}

/// What a walk did, for the job's result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Rows of all pages, a row that came twice counted twice.
    pub(crate) rows: u64,
    pub(crate) inserted: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) calls: i64,
    pub(crate) elapsed_ms: u64,
    pub(crate) passes: u32,
    /// Different records that were seen.
    pub(crate) distinct: u64,
    pub(crate) gone: u64,
    pub(crate) back: u64,
    pub(crate) complete: bool,
}

/// Where a walk is: the part of the checkpoint that survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Walk {
    pub(crate) subject: Subject,
    pub(crate) stage: Stage,
    pub(crate) next_page: u32,
    /// When the walk began, on the directory's clock where it told it, milliseconds since 1970.
    began_ms: Option<i64>,
    /// The last time that the directory told its clock.
    server_now_ms: Option<i64>,
    /// The list's own total, from the last page that told it.
    pub(crate) total: Option<u64>,
    /// The total became smaller during this pass: rows may have slipped to a page that was read already.
    shrank: bool,
    /// The total changed at all during this pass.
    moved: bool,
    /// Rows of this pass.
    pass_rows: u64,
    pub(crate) pass: u32,
    pub(crate) tally: Tally,
}

impl Walk {
    pub(crate) fn new(subject: Subject) -> Self {
        Self {
            subject,
            stage: Stage::Pages,
            next_page: 1,
            began_ms: None,
            server_now_ms: None,
            total: None,
            shrank: false,
            moved: false,
            pass_rows: 0,
            pass: 1,
            tally: Tally { passes: 1, ..Tally::default() },
        }
    }

    /// Goes past a page of the list: what it says of totals and clocks, and which page is next.
    pub(crate) fn pass_page(&mut self, page: &RecordPage) {
        self.note_clock(page);
        let rows = as_count(page.records.len());
        self.pass_rows += rows;
        self.tally.rows += rows;
        if let (Some(before), Some(now)) = (self.total, page.total) {
            let first_of_pass = self.next_page == 1;
            self.moved |= before != now && !first_of_pass;
            self.shrank |= now < before && !first_of_pass;
        }
        self.total = page.total.or(self.total);
        match page.next {
            Some(next) => self.next_page = next,
            None => self.enter(Stage::CatchUp),
        }
    }

    /// Goes past a page of what changed meanwhile. Its total counts only the changed rows and says nothing about the list.
    pub(crate) fn pass_changes(&mut self, page: &RecordPage) {
        self.note_clock(page);
        self.tally.rows += as_count(page.records.len());
        match page.next {
            Some(next) => self.next_page = next,
            None => self.enter(Stage::Agree),
        }
    }

    fn note_clock(&mut self, page: &RecordPage) {
        self.began_ms = self.began_ms.or(page.server_now_ms);
        self.server_now_ms = page.server_now_ms.or(self.server_now_ms);
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.next_page = 1;
    }

    pub(crate) fn note_stored(&mut self, stored: PageStored) {
        self.tally.inserted += stored.inserted;
        self.tally.changed += stored.changed;
        self.tally.unchanged += stored.unchanged;
    }

    /// The span in which something may have changed under the walk. `our_began_ms` and `our_now_ms` stand in for a directory that does
    /// not tell its clock.
    pub(crate) fn changed_span(&self, our_began_ms: i64, our_now_ms: i64) -> UpdatedRange {
        UpdatedRange {
            from_ms: self.began_ms.unwrap_or(our_began_ms) - MARGIN_MS,
            to_ms: self.server_now_ms.unwrap_or(our_now_ms) + MARGIN_MS,
        }
    }

    /// What the first pass says of itself: the total to compare the distinct records with, and whether the pages agree. Rows that were
    /// added are found by the look at the changes; rows that were removed may have hidden others. Without a total nothing is proven.
    pub(crate) fn first_pass_agrees(&self) -> bool {
        self.total.is_some() && !self.shrank
    }

    /// Whether a later pass is proof by itself: nothing moved, it showed as many rows as the list has, and all passes together saw at
    /// least as many different records. (They may have seen more: a record removed between the passes is judged by the next walk.)
    pub(crate) fn later_pass_agrees(&self, distinct: u64) -> bool {
        !self.moved && self.total == Some(self.pass_rows) && self.total.is_some_and(|total| distinct >= total)
    }

    pub(crate) fn note_end(&mut self, summary: WalkSummary) {
        self.tally.distinct = summary.distinct_seen;
        self.tally.gone += summary.gone;
        self.tally.back += summary.back;
        self.tally.complete = summary.complete;
    }

    /// Begins the list again where that can still prove something; false when this is the end.
    pub(crate) fn again(&mut self) -> bool {
        if self.tally.complete || self.total.is_none() || self.pass >= MOST_PASSES {
            return false;
        }
        self.pass += 1;
        self.tally.passes = self.pass;
        (self.shrank, self.moved, self.pass_rows) = (false, false, 0);
        self.enter(Stage::Pages);
        true
    }
}

pub(crate) fn as_count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::directory::{Address, Details, Record};
    use linkyard_core::id::RecordId;

    fn page(rows: usize, total: u64, next: Option<u32>) -> RecordPage {
        let record = Record {
            id: RecordId(1),
            name: "a".to_owned(),
            address: Address::default(),
            details: Details::default(),
            active: true,
            exclusion: None,
            project_ids: None,
            updated_at_ms: None,
        };
        let records = vec![record; rows];
        RecordPage { records, total: Some(total), next, per_page: 2, server_now_ms: Some(1_000_000) }
    }

    fn walked(pages: &[(usize, u64)]) -> Walk {
        let mut walk = Walk::new(Subject::Vendor);
        walk_over(&mut walk, pages);
        walk
    }

    fn walk_over(walk: &mut Walk, pages: &[(usize, u64)]) {
        for (index, (rows, total)) in pages.iter().enumerate() {
            let next = (index + 1 < pages.len()).then(|| u32::try_from(index + 2).expect("few pages"));
            walk.pass_page(&page(*rows, *total, next));
        }
    }

    #[test]
    fn the_last_page_leads_to_the_changes_and_those_to_the_end() {
        let mut walk = walked(&[(2, 3), (1, 3)]);
        assert_eq!((walk.stage, walk.next_page, walk.tally.rows), (Stage::CatchUp, 1, 3));
        walk.pass_changes(&page(1, 1, Some(2)));
        assert_eq!((walk.stage, walk.next_page), (Stage::CatchUp, 2));
        walk.pass_changes(&page(0, 1, None));
        assert_eq!((walk.stage, walk.total), (Stage::Agree, Some(3)), "the total is the list's, not the changes'");
    }

    #[test]
    fn a_list_that_grew_may_agree_and_one_that_shrank_does_not() {
        assert!(walked(&[(2, 3), (1, 3)]).first_pass_agrees());
        assert!(walked(&[(2, 3), (2, 4)]).first_pass_agrees());
        assert!(!walked(&[(2, 4), (1, 3)]).first_pass_agrees());
        assert!(!walked(&[(2, 4), (1, 3), (1, 4)]).first_pass_agrees(), "also when it grew again");
    }

    #[test]
    fn a_second_pass_is_proof_only_when_nothing_moved() {
        let mut walk = walked(&[(2, 4), (1, 3)]);
        assert!(walk.again());
        walk_over(&mut walk, &[(2, 3), (1, 3)]);
        assert!(walk.later_pass_agrees(3) && walk.later_pass_agrees(4));
        assert!(!walk.later_pass_agrees(2), "a row came twice and another not at all");
        assert!(!walk.again(), "two passes are enough");
    }

    #[test]
    fn a_second_pass_over_a_moving_list_proves_nothing() {
        let mut walk = walked(&[(2, 4), (1, 3)]);
        walk.again();
        walk_over(&mut walk, &[(2, 3), (2, 4)]);
        assert!(!walk.later_pass_agrees(4));
    }

    #[test]
    fn a_total_that_changed_between_the_passes_is_no_movement_in_the_second() {
        let mut walk = walked(&[(2, 4), (1, 3)]);
        walk.again();
        walk_over(&mut walk, &[(2, 2)]);
        assert!(walk.later_pass_agrees(2));
    }

    #[test]
    fn changes_are_asked_for_with_a_margin_on_the_directorys_clock() {
        let walk = walked(&[(1, 1)]);
        assert_eq!(walk.changed_span(5, 6), UpdatedRange { from_ms: 940_000, to_ms: 1_060_000 });
        let silent = Walk::new(Subject::Vendor);
        assert_eq!(silent.changed_span(100_000, 200_000), UpdatedRange { from_ms: 40_000, to_ms: 260_000 });
    }
}
