//! What a run gave: hits, precision and recall of each band, wrong STRONGs, time and memory.

use crate::lists::Truth;
use linkyard_matching::{Band, Record, Suggestion};
use serde_json::{Value, json};

/// One list's suggestions, in the list's order, with the time they took.
pub(crate) struct Run {
    pub(crate) suggestions: Vec<Vec<Suggestion>>,
    /// How many candidates several records want.
    pub(crate) conflicts: usize,
    pub(crate) seconds: f64,
    /// What one changed record costs.
    pub(crate) update_microseconds: f64,
    /// What the index grew by, as the system counts it: freed memory that is used again does not show.
    pub(crate) bytes_per_record: f64,
}

/// How a band did.
#[derive(Clone, Copy, Default)]
pub(crate) struct BandFigures {
    pub(crate) made: usize,
    pub(crate) right: usize,
    /// Records with a counterpart that have a right suggestion of this band.
    pub(crate) records: usize,
    /// Records whose first suggestion is of this band, and those of them where it is right.
    pub(crate) first: usize,
    pub(crate) first_right: usize,
}

/// The figures of a run with a known truth.
pub(crate) struct Figures {
    pub(crate) partnered: usize,
    pub(crate) pairs: usize,
    pub(crate) hit1: usize,
    pub(crate) hit5: usize,
    /// STRONG, LIKELY, WEAK.
    pub(crate) bands: [BandFigures; 3],
    /// Records without a counterpart that have a STRONG suggestion.
    pub(crate) strong_without_partner: usize,
    pub(crate) wrong_strong: Vec<String>,
}

const BANDS: [Band; 3] = [Band::Strong, Band::Likely, Band::Weak];

/// Compares suggestions with the truth.
pub(crate) fn figures(records: &[Record], others: &[Record], run: &Run, truth: &Truth) -> Figures {
    let name_of = |id: &str| others.iter().find(|other| other.id == id).map(describe).unwrap_or_default();
    let mut figures = Figures {
        partnered: 0,
        pairs: 0,
        hit1: 0,
        hit5: 0,
        bands: Default::default(),
        strong_without_partner: 0,
        wrong_strong: Vec::new(),
    };
    for (record, suggestions) in records.iter().zip(&run.suggestions) {
        let right = truth.get(&record.id).filter(|right| !right.is_empty());
        let is_right = |suggestion: &Suggestion| right.is_some_and(|right| right.contains(&suggestion.id));
        if let Some(right) = right {
            figures.partnered += 1;
            figures.pairs += right.len();
            figures.hit1 += usize::from(suggestions.first().is_some_and(is_right));
            figures.hit5 += usize::from(suggestions.iter().take(5).any(is_right));
        }
        for (band, of_band) in BANDS.into_iter().zip(&mut figures.bands) {
            let made = suggestions.iter().filter(|suggestion| suggestion.band == band);
            of_band.made += made.clone().count();
            of_band.right += made.clone().filter(|suggestion| is_right(suggestion)).count();
            let first = suggestions.first().filter(|suggestion| suggestion.band == band);
            of_band.first += usize::from(first.is_some());
            of_band.first_right += usize::from(first.is_some_and(is_right));
            of_band.records += usize::from(made.clone().any(is_right));
        }
        for suggestion in suggestions.iter().filter(|suggestion| suggestion.band == Band::Strong && !is_right(suggestion)) {
            figures.strong_without_partner += usize::from(right.is_none());
            let truth = right
                .map_or_else(|| "nobody".to_owned(), |right| right.iter().map(|id| name_of(id)).collect::<Vec<_>>().join(" / "));
            figures.wrong_strong.push(format!(
                "{} -> {} ({:.3}: {}); truth: {truth}",
                describe(record),
                name_of(&suggestion.id),
                suggestion.probability,
                suggestion.sentence()
            ));
        }
    }
    figures
}

fn describe(record: &Record) -> String {
    let fields = [&record.name, &record.address, &record.city, &record.postcode, &record.phone];
    fields.into_iter().filter(|field| !field.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", ")
}

impl Figures {
    /// The figures as one JSON object.
    pub(crate) fn json(&self) -> Value {
        let share = |part: usize, whole: usize| if whole == 0 { Value::Null } else { json!(round(part as f64 / whole as f64)) };
        let band = |figures: BandFigures| {
            json!({
                "precision": share(figures.right, figures.made),
                "recall": share(figures.records, self.partnered),
                "first_precision": share(figures.first_right, figures.first),
                "pair_recall": share(figures.right, self.pairs),
                "made": figures.made,
                "right": figures.right,
            })
        };
        json!({
            "records_with_partner": self.partnered,
            "hit1": share(self.hit1, self.partnered),
            "hit5": share(self.hit5, self.partnered),
            "strong": band(self.bands[0]),
            "likely": band(self.bands[1]),
            "weak": band(self.bands[2]),
            "strong_without_partner": self.strong_without_partner,
            "strong_wrong": self.wrong_strong.len(),
        })
    }
}

/// Four digits are enough for any figure here.
pub(crate) fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// The most memory this process has had, in MiB; 0 where the system does not say.
pub(crate) fn peak_rss_mib() -> f64 {
    status_mib("VmHWM:")
}

/// The memory that this process has now, in MiB; 0 where the system does not say.
pub(crate) fn rss_mib() -> f64 {
    status_mib("VmRSS:")
}

fn status_mib(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or_default() / 1_024.0
}
