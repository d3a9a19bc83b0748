//! What stands in the address of a mapping's list: tab, search, what is shown, where the page begins, what is ticked, and the job that is
//! watched. The same address shows the same rows to whoever opens it.

use super::super::shell::address;
use super::Place;
use linkyard_core::id::{JobId, RecordId};
use linkyard_core::mapping::{MappingFilter, MappingOrder, MappingState, Subject};
use linkyard_core::suggestion::Band;
use std::collections::{HashMap, HashSet};

/// A tab: its word in addresses, its label, its states.
pub(super) struct Tab {
    pub(super) word: &'static str,
    pub(super) label: &'static str,
    pub(super) states: &'static [MappingState],
}

/// What a person decides.
pub(super) const TO_DECIDE: &[MappingState] =
    &[MappingState::Unmapped, MappingState::Suggested, MappingState::Held, MappingState::Failed, MappingState::Unlinked];

/// Every tab, in its order.
pub(super) const TABS: [Tab; 12] = [
    Tab { word: "", label: "All", states: &[] },
    Tab { word: "decide", label: "To decide", states: TO_DECIDE },
    Tab { word: "unmapped", label: "Unmapped", states: &[MappingState::Unmapped] },
    Tab { word: "suggested", label: "Suggested", states: &[MappingState::Suggested] },
    Tab { word: "held", label: "Held", states: &[MappingState::Held] },
    Tab { word: "failed", label: "Failed", states: &[MappingState::Failed] },
    Tab { word: "queued", label: "Queued", states: &[MappingState::Confirmed] },
    Tab { word: "linking", label: "Linking", states: &[MappingState::Linking] },
    Tab { word: "linked", label: "Linked", states: &[MappingState::Linked] },
    Tab { word: "ignored", label: "Not added", states: &[MappingState::Ignored] },
    Tab { word: "gone", label: "Gone", states: &[MappingState::Orphaned] },
    Tab { word: "unlinked", label: "Link taken away", states: &[MappingState::Unlinked] },
];

/// Narrower choices of rows: word in addresses, label for vendors, label for projects.
pub(super) const SHOWN: [(&str, &str, &str); 7] = [
    ("", "Everything", "Everything"),
    ("draft", "Chosen, not confirmed", "Chosen, not confirmed"),
    ("strong", "Strong suggestion", "Strong suggestion"),
    ("none", "Nothing like it found", "Nothing like it found"),
    ("associated", "On a project", "With a vendor"),
    ("alone", "On no project", "Without a vendor"),
    ("inactive", "Inactive in Procore", "Inactive in Procore"),
];

/// Orders: word in addresses, label, what it is.
pub(super) const SORTED: [(&str, &str, MappingOrder); 4] = [
    ("", "Oldest first", MappingOrder::Record),
    ("new", "Newest first", MappingOrder::RecordDescending),
    ("name", "Name, A to Z", MappingOrder::Name),
    ("name-desc", "Name, Z to A", MappingOrder::NameDescending),
];

/// What is ticked when the page opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ticked {
    /// Nothing.
    #[default]
    Nothing,
    /// These rows.
    Rows(HashSet<RecordId>),
    /// Every row of the page.
    Page,
    /// Every row that matches, on all pages.
    All,
}

/// The longest search, in characters; longer ones are cut.
const LONGEST_SEARCH: usize = 200;

/// The most ticked rows that an address carries.
const MOST_TICKED: usize = 200;

/// What the list shows.
#[derive(Clone, Debug)]
pub(crate) struct View {
    tab: &'static str,
    pub(crate) search: String,
    pub(crate) shown: &'static str,
    pub(crate) sort: &'static str,
    pub(crate) after: String,
    pub(crate) ticked: Ticked,
    pub(crate) job: Option<JobId>,
}

impl View {
    /// Reads the words of an address; what is not known is left out.
    pub(crate) fn read(query: &HashMap<String, String>) -> Self {
        let word = |name: &str| query.get(name).map_or("", String::as_str);
        Self {
            tab: TABS.iter().find(|tab| tab.word == word("state")).map_or("", |tab| tab.word),
            search: word("q").trim().chars().take(LONGEST_SEARCH).collect(),
            shown: SHOWN.iter().find(|(shown, ..)| *shown == word("show")).map_or("", |(shown, ..)| shown),
            sort: SORTED.iter().find(|(sort, ..)| *sort == word("sort")).map_or("", |(sort, ..)| sort),
            after: word("after").to_owned(),
            ticked: ticked(word("tick")),
            job: word("job").parse().ok(),
        }
    }

    /// Reads the address that a form of the list carries as its way back.
    pub(crate) fn back(query: &str) -> Self {
        let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
        Self::read(&pairs.into_iter().collect())
    }

    /// The tab that is chosen.
    pub(super) fn tab(&self) -> &'static Tab {
        TABS.iter().find(|tab| tab.word == self.tab).unwrap_or(&TABS[0])
    }

    /// Which rows are meant.
    pub(crate) fn filter(&self) -> MappingFilter {
        let yes = |word: &str| (self.shown == word).then_some(true);
        MappingFilter {
            states: self.tab().states.to_vec(),
            search: Some(self.search.clone()).filter(|search| !search.is_empty()),
            has_suggestion: (self.shown == "none").then_some(false),
            bands: if self.shown == "strong" { vec![Band::Strong] } else { Vec::new() },
            has_draft: yes("draft"),
            has_association: yes("associated").or_else(|| yes("alone").map(|_| false)),
            active: yes("inactive").map(|_| false),
            name_pattern: None,
        }
    }

    /// In which order.
    pub(crate) fn order(&self) -> MappingOrder {
        SORTED.iter().find(|(sort, ..)| *sort == self.sort).map(|(.., order)| *order).unwrap_or_default()
    }

    /// Whether only the tab says which rows are meant.
    pub(crate) fn is_tab_alone(&self) -> bool {
        self.search.is_empty() && self.shown.is_empty()
    }

    /// The rows that are meant, in words; empty for all.
    pub(crate) fn told(&self, subject: Subject) -> String {
        let tab = Some(self.tab().label).filter(|_| !self.tab.is_empty()).map(|label| format!("state: {label}"));
        let search = Some(&self.search)
            .filter(|search| !search.is_empty())
            .map(|search| format!("name contains \u{201c}{search}\u{201d}"));
        let shown = shown_label(self.shown, subject).map(|label| format!("only: {label}"));
        [tab, search, shown].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The words that say which rows are meant, for an address or a form.
    pub(crate) fn selecting(&self) -> Vec<(&'static str, String)> {
        let words = [("state", self.tab.to_owned()), ("q", self.search.clone()), ("show", self.shown.to_owned())];
        words.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// All words.
    pub(crate) fn words(&self) -> Vec<(&'static str, String)> {
        let mut words = self.selecting();
        words.push(("sort", self.sort.to_owned()));
        words.push(("after", self.after.clone()));
        words.push(("tick", tick_word(&self.ticked)));
        words.push(("job", self.job.map(|job| job.to_string()).unwrap_or_default()));
        words
    }

    /// The address of the list at `path` that shows this.
    pub(crate) fn address(&self, path: &str) -> String {
        with(path, &self.words())
    }

    /// The query of that address alone, as a form carries it.
    pub(crate) fn query(&self) -> String {
        with("", &self.words()).trim_start_matches('?').to_owned()
    }

    /// The same from its first page, with nothing ticked.
    pub(crate) fn first(&self) -> Self {
        Self { after: String::new(), ticked: Ticked::Nothing, ..self.clone() }
    }

    /// The same in this tab.
    pub(super) fn in_tab(&self, tab: &Tab) -> Self {
        Self { tab: tab.word, ..self.first() }
    }

    /// The same without a narrower choice, which what was just confirmed may no longer meet.
    pub(crate) fn widened(&self) -> Self {
        Self { shown: "", ..self.first() }
    }

    /// The same after this key.
    pub(crate) fn after(&self, after: String) -> Self {
        Self { after, ..self.first() }
    }

    /// The same with these rows ticked.
    pub(crate) fn ticking(&self, ticked: Ticked) -> Self {
        Self { ticked, ..self.clone() }
    }

    /// The same, watching this job.
    pub(crate) fn watching(&self, job: Option<JobId>) -> Self {
        Self { job, ..self.clone() }
    }

    /// Whether the row is ticked when the page opens.
    pub(crate) fn ticks(&self, record: RecordId) -> bool {
        match &self.ticked {
            Ticked::Nothing => false,
            Ticked::Rows(rows) => rows.contains(&record),
            Ticked::Page | Ticked::All => true,
        }
    }

    /// The address of its live stream.
    pub(crate) fn live(&self, place: &Place) -> String {
        self.address(&place.page("live"))
    }
}

/// The label of a narrower choice; none for everything.
pub(super) fn shown_label(shown: &str, subject: Subject) -> Option<&'static str> {
    let found = SHOWN.iter().find(|(word, ..)| *word == shown && !word.is_empty());
    found.map(|(_, vendors, projects)| match subject {
        Subject::Vendor => *vendors,
        Subject::Project => *projects,
    })
}

/// An address with these words.
pub(super) fn with(path: &str, words: &[(&'static str, String)]) -> String {
    let pairs: Vec<(&str, &str)> = words.iter().map(|(name, value)| (*name, value.as_str())).collect();
    address(path, &pairs)
}

fn ticked(word: &str) -> Ticked {
    match word {
        "" => Ticked::Nothing,
        "page" => Ticked::Page,
        "all" => Ticked::All,
        rows => Ticked::Rows(rows.split('.').take(MOST_TICKED).filter_map(|record| record.parse().ok()).collect()),
    }
}

fn tick_word(ticked: &Ticked) -> String {
    match ticked {
        Ticked::Nothing => String::new(),
        Ticked::Page => "page".to_owned(),
        Ticked::All => "all".to_owned(),
        Ticked::Rows(rows) => {
            let mut rows: Vec<&RecordId> = rows.iter().collect();
            rows.sort_unstable();
            rows.into_iter().take(MOST_TICKED).map(ToString::to_string).collect::<Vec<_>>().join(".")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_was_written() {
        let query =
            "state=decide&q=a%26b%20%22c&show=strong&sort=name-desc&after=12&tick=-5.7&job=0193a8b2-0000-7000-8000-000000000001";
        let view = View::back(query);
        assert_eq!((view.search.as_str(), view.shown, view.after.as_str()), ("a&b \"c", "strong", "12"));
        assert!(view.ticks(RecordId(-5)) && view.ticks(RecordId(7)) && !view.ticks(RecordId(12)));
        assert_eq!((view.query().as_str(), view.order()), (query, MappingOrder::NameDescending));
        assert_eq!(View::back(&view.query()).filter(), view.filter());
    }

    #[test]
    fn words_that_mean_nothing_are_left_out() {
        let view = View::back("state=%3Cb%3E&show=x&sort=y&tick=a.b&job=7&other=1");
        assert_eq!(view.address("/m"), "/m");
        assert_eq!(view.filter(), MappingFilter::default());
    }

    #[test]
    fn all_states_have_a_tab() {
        for state in MappingState::ALL {
            assert!(TABS.iter().any(|tab| tab.states == [state]), "{state:?}");
        }
    }
}
