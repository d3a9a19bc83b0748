//! What a list of mappings shows: which rows, in what order, how much of each.

use super::MappingState;
use crate::suggestion::Band;

/// Which rows of a mapping screen are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingFilter {
    /// Only these states; empty = all.
    pub states: Vec<MappingState>,
    /// Only names that contain this text (case does not matter); `None` = all.
    pub search: Option<String>,
    /// Only names that this pattern describes from their first to their last character (case does not matter): `*` stands for any text,
    /// `?` for one character. `None` = all.
    pub name_pattern: Option<String>,
    /// Only rows with (`Some(true)`) or without (`Some(false)`) a suggestion worth a look: LIKELY or better, or so alike that a creation
    /// would be held.
    pub has_suggestion: Option<bool>,
    /// Only rows whose best suggestion is in one of these bands; empty = all.
    pub bands: Vec<Band>,
    /// Only rows with or without a draft.
    pub has_draft: Option<bool>,
    /// Only vendors that are on some project (`Some(true)`) or on none (`Some(false)`); of projects those with or without a vendor.
    pub has_association: Option<bool>,
    /// Only records that the directory calls active, or inactive.
    pub active: Option<bool>,
}

/// The order of a list of mappings. Rows that are equal in it follow each other by the directory's number, so a list has one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MappingOrder {
    /// The directory's number, smallest first: about the order in which the directory got the records.
    #[default]
    Record,
    /// The directory's number, largest first: what is new in the directory comes first.
    RecordDescending,
    /// The name in lower case, character by character.
    Name,
    /// The name, backwards.
    NameDescending,
}

impl MappingOrder {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Record, Self::RecordDescending, Self::Name, Self::NameDescending];

    /// As callers write it (the form of AIP-132): `record`, `record desc`, `name`, `name desc`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::RecordDescending => "record desc",
            Self::Name => "name",
            Self::NameDescending => "name desc",
        }
    }

    /// Reads [`MappingOrder::as_str`]; an empty text is [`MappingOrder::Record`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(Self::default()) } else { Self::ALL.into_iter().find(|order| order.as_str() == text) }
    }
}

/// How a list of mappings is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MappingView {
    /// With details and all suggestions; otherwise without details and with the best suggestion only.
    pub full: bool,
    /// The order of the rows.
    pub order: MappingOrder,
}

impl MappingView {
    /// The best suggestion only, in the order of the directory's numbers.
    pub const BASIC: Self = Self { full: false, order: MappingOrder::Record };
    /// Everything, in the order of the directory's numbers.
    pub const FULL: Self = Self { full: true, order: MappingOrder::Record };
}
