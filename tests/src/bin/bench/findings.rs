//! What a benchmark found, and how it is printed.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a benchmark found. Names say their units.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// How much was measured on.
    pub(crate) size: BTreeMap<&'static str, u64>,
    /// Measured on linkyard.
    pub(crate) figures: BTreeMap<String, f64>,
    /// Measured in the same run on the least that would do.
    pub(crate) floors: BTreeMap<String, f64>,
    /// Figures beside floors; each name says which over which.
    pub(crate) ratios: BTreeMap<String, f64>,
}

impl Findings {
    /// Prints them: one JSON object, or a table.
    pub(crate) fn print(&self, name: &str, runs: u32, as_json: bool) {
        let Self { size, figures, floors, ratios } = self;
        if as_json {
            let of = |figures: &BTreeMap<String, f64>| {
                figures.iter().map(|(name, figure)| (name.clone(), rounded(*figure))).collect::<Map<String, Value>>()
            };
            let (figures, floors, ratios) = (of(figures), of(floors), of(ratios));
            println!(
                "{}",
                json!({ "name": name, "runs": runs, "size": size, "figures": figures, "floors": floors, "ratios": ratios })
            );
            return;
        }
        let size: Vec<String> = size.iter().map(|(what, count)| format!("{count} {what}")).collect();
        println!("{name}: {}, the middle one of {runs} runs", size.join(", "));
        for (title, figures) in [("figures", figures), ("floors", floors), ("ratios", ratios)] {
            if !figures.is_empty() {
                println!("{title}");
            }
            for (name, figure) in figures {
                println!("  {name:<56}{:>12}", rounded(*figure));
            }
        }
    }
}

/// Large figures whole, small ones to two places.
fn rounded(figure: f64) -> Value {
    if figure.abs() >= 100.0 { json!(figure.round()) } else { json!((figure * 100.0).round() / 100.0) }
}

/// Measurements of several runs by name.
#[derive(Debug, Default)]
pub(crate) struct Series(BTreeMap<String, Vec<f64>>);

impl Series {
    /// Adds one measurement, and says it while the benchmark goes on.
    pub(crate) fn note(&mut self, name: impl Into<String>, figure: f64) {
        let name = name.into();
        eprintln!("  {name}: {}", rounded(figure));
        self.0.entry(name).or_default().push(figure);
    }

    /// The middle one of each.
    pub(crate) fn medians(self) -> BTreeMap<String, f64> {
        self.0.into_iter().map(|(name, runs)| (name, median(runs))).collect()
    }
}

/// The middle one of several measurements.
pub(crate) fn median(runs: Vec<f64>) -> f64 {
    percentile(runs, 50)
}

/// The measurement that so many percent of them do not exceed.
pub(crate) fn percentile(mut measured: Vec<f64>, percent: usize) -> f64 {
    measured.sort_by(f64::total_cmp);
    let at = (measured.len() * percent / 100).min(measured.len().saturating_sub(1));
    measured.get(at).copied().unwrap_or_default()
}
