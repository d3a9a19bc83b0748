//! One walk over one list of a directory, resumable at every page: where it is, what it has counted, and whether what it saw agrees.
//!
//! A live list moves under a walk: rows that are added or removed shift the pages, so a row can come twice or not at all. A walk is
//! therefore followed by one look at what changed since it began, and believed only when the directory's own total agrees with what was
//! seen. A total that shrank means that rows may have slipped past; then, and when the numbers differ, the list is walked once more.

use linkyard_core::mapping::Subject;
use linkyard_core::provider::ContactsMode;
use linkyard_procore::{PersonPage, RecordPage, UpdatedRange};
use linkyard_store::{PageStored, Totals, WalkSummary};
use serde::{Deserialize, Serialize};

/// A look at what changed reaches this far back before the walk and ahead of now: the directory's clock is not ours, and a change may
/// become visible later than it happened.
const MARGIN_MS: i64 = 60_000;

/// Until the directory has told its clock a look at what changed reaches this far ahead of ours: what it leaves out for being later than
/// now would not be looked for again.
const UNKNOWN_CLOCK_MS: i64 = 24 * 3_600_000;

/// How often a list is walked before the fetch ends as PARTIAL.
const MOST_PASSES: u32 = 2;

/// A list that is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Listed {
    Vendor,
    Project,
    Person,
}

impl Listed {
    /// The lists of a fetch in their order. People are fetched only where a mode follows them all: a vendor's own row names its primary
    /// contact.
    pub(crate) fn all(mode: ContactsMode) -> &'static [Self] {
        match mode {
            ContactsMode::SyncAllSetPrimary | ContactsMode::SyncAllNoPrimary => &[Self::Vendor, Self::Project, Self::Person],
            ContactsMode::PrimaryOnly | ContactsMode::None => &[Self::Vendor, Self::Project],
        }
    }

    /// The lists that can be asked for what changed.
    pub(crate) const WITH_CHANGES: &[Self] = &[Self::Vendor, Self::Project];

    /// What is mapped of it, if anything is.
    pub(crate) fn subject(self) -> Option<Subject> {
        match self {
            Self::Vendor => Some(Subject::Vendor),
            Self::Project => Some(Subject::Project),
            Self::Person => None,
        }
    }

    /// What follows its last page. The deactivated vendors are read before the changes of the main list: who is reactivated between the
    /// two is in the changes.
    fn after_pages(self) -> Stage {
        match self {
            Self::Vendor => Stage::Inactive,
            Self::Project => Stage::CatchUp,
            // The list can not be asked for changes.
            Self::Person => Stage::Agree,
        }
    }
}

/// What is done next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Page `next_page` of the list.
    #[default]
    Pages,
    /// Page `next_page` of the list of inactive records beside it.
    Inactive,
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

/// What a pass has read of a list, and how long the list is, call by call. It becomes shorter and longer between any two calls, so the
/// totals of two pages in a row would hide what happened during the calls between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Rows of this pass.
    rows: u64,
    /// The list's own total, from the last call that told it.
    total: Option<u64>,
    /// The total became smaller during this pass: rows may have slipped to a page that was read already.
    shrank: bool,
    /// The total changed at all during this pass.
    moved: bool,
    /// By how much it became smaller since rows that slipped were last read again.
    #[serde(default)]
    fell: u64,
}

impl Reading {
    fn note(&mut self, total: Option<u64>, first_of_pass: bool) {
        if let (Some(before), Some(now), false) = (self.total, total, first_of_pass) {
            self.moved |= before != now;
            self.shrank |= now < before;
            self.fell += before.saturating_sub(now);
        }
        self.total = total.or(self.total);
    }

    fn again(&mut self) {
        *self = Self { total: self.total, ..Self::default() };
    }

    fn first_pass_agrees(&self) -> bool {
        self.total.is_some() && !self.shrank
    }

    fn later_pass_agrees(&self, distinct: u64) -> bool {
        !self.moved && self.total == Some(self.rows) && self.total.is_some_and(|total| distinct >= total)
    }
}

/// One pass over one list, and what all passes over it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Count {
    #[serde(flatten)]
    pass: Reading,
    pub(crate) tally: Tally,
}

/// What a page says of its list, whatever its rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) rows: u64,
    pub(crate) total: Option<u64>,
    pub(crate) next: Option<u32>,
    pub(crate) server_now_ms: Option<i64>,
}

impl From<&RecordPage> for Turned {
    fn from(page: &RecordPage) -> Self {
        let RecordPage { total, next, server_now_ms, .. } = *page;
        Self { rows: as_count(page.records.len()), total, next, server_now_ms }
    }
}

impl From<&PersonPage> for Turned {
    fn from(page: &PersonPage) -> Self {
        let PersonPage { total, next, server_now_ms, .. } = *page;
        Self { rows: as_count(page.people.len()), total, next, server_now_ms }
    }
}

/// Where a walk is: the part of the checkpoint that survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Walk {
    pub(crate) listed: Listed,
    pub(crate) stage: Stage,
    pub(crate) next_page: u32,
    /// Only what changed since this time is looked at, on the directory's clock; `None`: the whole list is walked.
    #[serde(default)]
    since_ms: Option<i64>,
    /// When the walk began, on the directory's clock where it told it, milliseconds since 1970.
    began_ms: Option<i64>,
    /// The last time that the directory told its clock.
    server_now_ms: Option<i64>,
    /// The list itself, and the changes of it.
    pub(crate) main: Count,
    /// The list of inactive records beside it; stays empty where there is none.
    pub(crate) inactive: Count,
    /// The look at the changes.
    #[serde(default)]
    changes: Reading,
    pub(crate) pass: u32,
}

impl Walk {
    pub(crate) fn new(listed: Listed) -> Self {
        let main = Count { tally: Tally { passes: 1, ..Tally::default() }, ..Count::default() };
        Self {
            listed,
            stage: Stage::Pages,
            next_page: 1,
            since_ms: None,
            began_ms: None,
            server_now_ms: None,
            main,
            inactive: main,
            changes: Reading::default(),
            pass: 1,
        }
    }

    /// A look at nothing but what changed since `since_ms`. It proves nothing of what it does not see.
    pub(crate) fn changes(listed: Listed, since_ms: i64) -> Self {
        Self { stage: Stage::CatchUp, since_ms: Some(since_ms), ..Self::new(listed) }
    }

    /// Whether only changes are looked at.
    pub(crate) fn is_partial(&self) -> bool {
        self.since_ms.is_some()
    }

    /// Up to which time the directory is known after this walk, on its own clock; `None` where it does not tell it.
    pub(crate) fn covers_to_ms(&self) -> Option<i64> {
        self.began_ms.filter(|_| self.is_partial() || self.main.tally.complete)
    }

    /// Whether there is a list of inactive records beside this one.
    pub(crate) fn has_inactive(&self) -> bool {
        self.listed.after_pages() == Stage::Inactive
    }

    /// How long the list of the present stage is, as far as is known.
    pub(crate) fn total(&self) -> Option<u64> {
        self.reading().total
    }

    /// What the present stage has read.
    fn reading(&self) -> &Reading {
        match self.stage {
            Stage::Pages => &self.main.pass,
            Stage::Inactive => &self.inactive.pass,
            Stage::CatchUp | Stage::Agree => &self.changes,
        }
    }

    fn reading_mut(&mut self) -> &mut Reading {
        match self.stage {
            Stage::Pages => &mut self.main.pass,
            Stage::Inactive => &mut self.inactive.pass,
            Stage::CatchUp | Stage::Agree => &mut self.changes,
        }
    }

    /// The figures of the list to which a stage belongs; changed rows are some of the main list's.
    pub(crate) fn tally_of(&mut self, stage: Stage) -> &mut Tally {
        match stage {
            Stage::Inactive => &mut self.inactive.tally,
            Stage::Pages | Stage::CatchUp | Stage::Agree => &mut self.main.tally,
        }
    }

    /// Notes what any call of the present stage says of totals and clocks, also one whose page is read again.
    pub(crate) fn note(&mut self, page: Turned) {
        self.began_ms = self.began_ms.or(page.server_now_ms);
        self.server_now_ms = page.server_now_ms.or(self.server_now_ms);
        let first_of_pass = self.next_page == 1;
        self.reading_mut().note(page.total, first_of_pass);
    }

    /// Takes over what `ahead` noted, which is this walk before it passed the same page.
    pub(crate) fn take_notes(&mut self, ahead: &Self) {
        (self.began_ms, self.server_now_ms) = (ahead.began_ms, ahead.server_now_ms);
        *self.reading_mut() = *ahead.reading();
    }

    /// Goes past a page of the present stage, which was noted: its rows count, and the next page comes.
    pub(crate) fn pass_page(&mut self, page: Turned) {
        self.reading_mut().rows += page.rows;
        self.tally_of(self.stage).rows += page.rows;
        match page.next {
            Some(next) => self.next_page = next,
            None => self.enter(match self.stage {
                Stage::Pages => self.listed.after_pages(),
                Stage::Inactive => Stage::CatchUp,
                Stage::CatchUp | Stage::Agree => Stage::Agree,
            }),
        }
    }

    /// The pages to read again before the page that was noted is passed, told once: the list became shorter since the page before it, so
    /// rows moved up to pages that were read already, where nobody would see them in this pass.
    pub(crate) fn take_slipped(&mut self) -> std::ops::Range<u32> {
        let last = self.next_page.max(1);
        let reading = self.reading_mut();
        let fell = std::mem::take(&mut reading.fell);
        if last == 1 {
            return 0..0;
        }
        // Pages of a pass are of one size; the last ones may be shorter.
        let per_page = (reading.rows / u64::from(last - 1)).max(1);
        let pages = u32::try_from(fell.div_ceil(per_page)).unwrap_or(u32::MAX);
        last.saturating_sub(pages).max(1)..last
    }

    /// Whether the list says with an empty `page` that it is longer than what was read of it in this pass.
    pub(crate) fn expects_more(&self, page: Turned) -> bool {
        page.total.is_some_and(|total| total > self.reading().rows)
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.next_page = 1;
        self.changes = Reading::default();
    }

    /// The span in which something may have changed under the walk. `our_began_ms` and `our_now_ms` stand in for a directory that does
    /// not tell its clock.
    pub(crate) fn changed_span(&self, our_began_ms: i64, our_now_ms: i64) -> UpdatedRange {
        UpdatedRange {
            from_ms: self.since_ms.or(self.began_ms).unwrap_or(our_began_ms) - MARGIN_MS,
            to_ms: self.server_now_ms.map_or(our_now_ms + UNKNOWN_CLOCK_MS, |now_ms| now_ms + MARGIN_MS),
        }
    }

    /// What the distinct records of each list are compared with.
    pub(crate) fn totals(&self) -> Totals {
        Totals { main: self.main.pass.total, inactive: self.inactive.pass.total }
    }

    /// What the first pass says of itself, besides its totals: whether the pages agree. Rows that were added are found by the look at the
    /// changes; rows that were removed may have hidden others. Without a total nothing is proven.
    pub(crate) fn first_pass_agrees(&self) -> bool {
        !self.is_partial()
            && self.main.pass.first_pass_agrees()
            && (!self.has_inactive() || self.inactive.pass.first_pass_agrees())
    }

    /// Whether a later pass is proof by itself: nothing moved, it showed as many rows as each list has, and all passes together saw at
    /// least as many different records. (They may have seen more: a record removed between the passes is judged by the next walk.)
    pub(crate) fn later_pass_agrees(&self, seen: &WalkSummary) -> bool {
        self.main.pass.later_pass_agrees(seen.distinct_seen)
            && (!self.has_inactive() || self.inactive.pass.later_pass_agrees(seen.inactive_seen))
    }

    pub(crate) fn note_end(&mut self, summary: WalkSummary) {
        self.inactive.tally.distinct = summary.inactive_seen;
        self.inactive.tally.complete = summary.complete;
        let tally = &mut self.main.tally;
        tally.distinct = summary.distinct_seen;
        tally.gone += summary.gone;
        tally.back += summary.back;
        tally.complete = summary.complete;
    }

    /// Begins the list again where that can still prove something; false when this is the end.
    pub(crate) fn again(&mut self) -> bool {
        let silent = self.main.pass.total.is_none() || (self.has_inactive() && self.inactive.pass.total.is_none());
        if self.main.tally.complete || self.is_partial() || silent || self.pass >= MOST_PASSES {
            return false;
        }
        self.pass += 1;
        for count in [&mut self.main, &mut self.inactive] {
            count.tally.passes = self.pass;
            count.pass.again();
        }
        self.enter(Stage::Pages);
        true
    }
}

impl Tally {
    pub(crate) fn note_stored(&mut self, stored: PageStored) {
        self.inserted += stored.inserted;
        self.changed += stored.changed;
        self.unchanged += stored.unchanged;
    }
}

pub(crate) fn as_count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: u64, total: u64, next: Option<u32>) -> Turned {
        Turned { rows, total: Some(total), next, server_now_ms: Some(1_000_000) }
    }

    fn walked(pages: &[(u64, u64)]) -> Walk {
        let mut walk = Walk::new(Listed::Project);
        walk_over(&mut walk, pages);
        walk
    }

    fn walk_over(walk: &mut Walk, pages: &[(u64, u64)]) {
        for (index, (rows, total)) in pages.iter().enumerate() {
            let next = (index + 1 < pages.len()).then(|| u32::try_from(index + 2).expect("few pages"));
            turn(walk, page(*rows, *total, next));
        }
    }

    fn turn(walk: &mut Walk, page: Turned) {
        walk.note(page);
        walk.pass_page(page);
    }

    fn seen(distinct_seen: u64, inactive_seen: u64) -> WalkSummary {
        WalkSummary { distinct_seen, inactive_seen, ..WalkSummary::default() }
    }

    #[test]
    fn the_last_page_leads_to_the_changes_and_those_to_the_end() {
        let mut walk = walked(&[(2, 3), (1, 3)]);
        assert_eq!((walk.stage, walk.next_page, walk.main.tally.rows), (Stage::CatchUp, 1, 3));
        turn(&mut walk, page(1, 1, Some(2)));
        assert_eq!((walk.stage, walk.next_page), (Stage::CatchUp, 2));
        turn(&mut walk, page(0, 1, None));
        assert_eq!((walk.stage, walk.totals().main), (Stage::Agree, Some(3)), "the total is the list's, not the changes'");
    }

    #[test]
    fn inactive_vendors_are_read_between_the_main_list_and_its_changes_and_counted_apart() {
        let mut walk = Walk::new(Listed::Vendor);
        walk_over(&mut walk, &[(2, 3), (1, 3)]);
        assert_eq!((walk.stage, walk.next_page), (Stage::Inactive, 1));
        assert!(!walk.first_pass_agrees(), "the other list said nothing yet");
        walk_over(&mut walk, &[(2, 4), (2, 4)]);
        assert_eq!((walk.stage, walk.totals()), (Stage::CatchUp, Totals { main: Some(3), inactive: Some(4) }));
        assert_eq!((walk.main.tally.rows, walk.inactive.tally.rows), (3, 4));
        assert!(walk.first_pass_agrees() && walk.later_pass_agrees(&seen(3, 4)) && !walk.later_pass_agrees(&seen(3, 3)));
    }

    #[test]
    fn inactive_vendors_that_became_fewer_prove_nothing() {
        let mut walk = Walk::new(Listed::Vendor);
        walk_over(&mut walk, &[(1, 1)]);
        walk_over(&mut walk, &[(2, 4), (1, 3)]);
        assert!(!walk.first_pass_agrees());
        assert!(walk.again() && walk.stage == Stage::Pages);
    }

    /// A walk that passed three pages of ten rows of a list of so many, of which a call then said that it has so many.
    fn then_told(totals: &[u64]) -> Walk {
        let mut walk = Walk::new(Listed::Project);
        for number in 2..=4 {
            turn(&mut walk, page(10, 45, Some(number)));
        }
        for total in totals {
            walk.note(page(10, *total, Some(5)));
        }
        walk
    }

    #[test]
    fn a_list_that_became_shorter_is_read_again_where_its_rows_slipped_to() {
        assert!(then_told(&[45]).take_slipped().is_empty() && then_told(&[47]).take_slipped().is_empty());
        assert_eq!(then_told(&[44]).take_slipped(), 3..4);
        assert_eq!(then_told(&[34]).take_slipped(), 2..4, "eleven rows reach over two pages");
        assert_eq!(then_told(&[0]).take_slipped(), 1..4);
        let mut walk = Walk::new(Listed::Project);
        walk.note(page(10, 45, Some(2)));
        walk.note(page(10, 35, Some(2)));
        assert_eq!(walk.take_slipped(), 0..0, "nothing was read before");
    }

    #[test]
    fn what_fell_during_one_call_and_grew_during_the_next_slipped_all_the_same() {
        let mut walk = then_told(&[44, 45]);
        assert_eq!(walk.take_slipped(), 3..4);
        assert!(walk.take_slipped().is_empty(), "it is told once");
        walk.note(page(10, 43, Some(4)));
        turn(&mut walk, page(10, 45, Some(5)));
        walk.note(page(10, 45, Some(6)));
        assert_eq!(walk.take_slipped(), 4..5, "what slips while pages are read again is looked for with the next page");
        assert!(!walk.first_pass_agrees());
    }

    #[test]
    fn what_was_noted_ahead_is_taken_over_and_tallies_are_not() {
        let (mut walk, mut ahead) = (then_told(&[]), then_told(&[44]));
        ahead.main.tally.calls = 7;
        walk.take_notes(&ahead);
        assert_eq!((walk.total(), walk.main.tally.calls, walk.take_slipped()), (Some(44), 0, 3..4));
    }

    #[test]
    fn an_empty_page_is_believed_where_the_list_is_at_its_end() {
        let mut walk = Walk::new(Listed::Project);
        assert!(!walk.expects_more(page(0, 0, None)) && walk.expects_more(page(0, 10, None)));
        turn(&mut walk, page(10, 10, Some(2)));
        assert!(!walk.expects_more(page(0, 10, None)) && walk.expects_more(page(0, 11, None)));
    }

    #[test]
    fn people_can_not_be_asked_for_changes() {
        let mut walk = Walk::new(Listed::Person);
        walk_over(&mut walk, &[(2, 3), (1, 3)]);
        assert_eq!(walk.stage, Stage::Agree);
        assert!(walk.first_pass_agrees());
    }

    #[test]
    fn people_are_fetched_only_where_a_mode_follows_them_all() {
        let fetched = ContactsMode::ALL.map(|mode| Listed::all(mode).contains(&Listed::Person));
        assert_eq!(fetched, [true, true, false, false]);
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
        assert!(walk.later_pass_agrees(&seen(3, 0)) && walk.later_pass_agrees(&seen(4, 0)));
        assert!(!walk.later_pass_agrees(&seen(2, 0)), "a row came twice and another not at all");
        assert!(!walk.again(), "two passes are enough");
    }

    #[test]
    fn a_second_pass_over_a_moving_list_proves_nothing() {
        let mut walk = walked(&[(2, 4), (1, 3)]);
        walk.again();
        walk_over(&mut walk, &[(2, 3), (2, 4)]);
        assert!(!walk.later_pass_agrees(&seen(4, 0)));
    }

    #[test]
    fn a_total_that_changed_between_the_passes_is_no_movement_in_the_second() {
        let mut walk = walked(&[(2, 4), (1, 3)]);
        walk.again();
        walk_over(&mut walk, &[(2, 2)]);
        assert!(walk.later_pass_agrees(&seen(2, 0)));
    }

    #[test]
    fn a_look_at_the_changes_is_no_walk_and_covers_the_time_up_to_its_beginning() {
        let mut walk = Walk::changes(Listed::Vendor, 500_000);
        assert_eq!((walk.stage, walk.covers_to_ms()), (Stage::CatchUp, None));
        assert_eq!(walk.changed_span(5, 600_000), UpdatedRange { from_ms: 440_000, to_ms: 600_000 + UNKNOWN_CLOCK_MS });
        walk_over(&mut walk, &[(2, 2)]);
        assert_eq!((walk.stage, walk.covers_to_ms()), (Stage::Agree, Some(1_000_000)));
        assert!(!walk.first_pass_agrees() && !walk.again(), "it is neither proof nor begun again");
    }

    #[test]
    fn a_walk_covers_the_time_up_to_its_beginning_when_it_is_complete() {
        let mut walk = walked(&[(1, 1)]);
        assert_eq!(walk.covers_to_ms(), None);
        walk.note_end(WalkSummary { complete: true, ..WalkSummary::default() });
        assert_eq!(walk.covers_to_ms(), Some(1_000_000));
    }

    #[test]
    fn changes_are_asked_for_with_a_margin_on_the_directorys_clock() {
        let walk = walked(&[(1, 1)]);
        assert_eq!(walk.changed_span(5, 6), UpdatedRange { from_ms: 940_000, to_ms: 1_060_000 });
        let silent = Walk::new(Listed::Vendor);
        assert_eq!(silent.changed_span(100_000, 200_000), UpdatedRange { from_ms: 40_000, to_ms: 200_000 + UNKNOWN_CLOCK_MS });
    }
}
