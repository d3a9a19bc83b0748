//! Linking progress: how many records are linked, failed or held, not added and open, over time; and when what is being linked is done.

use super::canvas::{Axes, BAD, HIGH, Ink, OFF, OK, RUN, WARN, whole};
use super::{Key, Plot, Row};
use crate::console::failure::Failure;
use crate::console::words::{Clock, number};
use linkyard_store::ProgressSample;
use std::collections::HashMap;

/// Rows of the table at most, evenly chosen.
const MOST_ROWS: usize = 30;

/// Every directory at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Total {
    at_ms: i64,
    linked: u64,
    failed: u64,
    ignored: u64,
    linking: u64,
    open: u64,
}

/// A count of a moment.
type Of = fn(&Total) -> u64;

impl Total {
    fn all(&self) -> u64 {
        self.linked + self.failed + self.ignored + self.linking + self.open
    }
}

/// Sums what each list said last, at every moment at which one of them said something.
fn totals(samples: &[ProgressSample]) -> Vec<Total> {
    let mut last = HashMap::new();
    let mut totals: Vec<Total> = Vec::new();
    for sample in samples {
        last.insert((sample.provider, sample.subject), *sample);
        let mut total = Total { at_ms: sample.at_ms, ..Total::default() };
        for one in last.values() {
            total.linked += one.linked;
            total.failed += one.failed;
            total.ignored += one.ignored;
            total.linking += one.linking;
            total.open += one.open;
        }
        match totals.last_mut().filter(|before| before.at_ms == total.at_ms) {
            Some(before) => *before = total,
            None => totals.push(total),
        }
    }
    totals
}

/// When everything that is being linked is through, at the pace since the linking began; `None` while nothing is linked or no pace is
/// known.
fn done_at_ms(totals: &[Total]) -> Option<i64> {
    let last = totals.last().filter(|last| last.linking > 0)?;
    let begun = totals.iter().rev().take_while(|total| total.linking > 0).last()?;
    let through = |total: &Total| total.linked + total.failed;
    let (ended, took_ms) = (through(last).saturating_sub(through(begun)), last.at_ms - begun.at_ms);
    if ended == 0 || took_ms <= 0 {
        return None;
    }
    let left_ms = i128::from(last.linking) * i128::from(took_ms) / i128::from(ended);
    Some(last.at_ms.saturating_add(i64::try_from(left_ms).unwrap_or(i64::MAX)))
}

/// The plot; `samples` in the order of their times.
pub(crate) fn plot(samples: &[ProgressSample], clock: Clock) -> Result<Plot, Failure> {
    let totals = totals(samples);
    let done = done_at_ms(&totals);
    let plot = Plot { id: "progress".to_owned(), title: "Linking progress".to_owned(), ..Plot::default() };
    let Some(last) = totals.last().copied() else {
        return Ok(Plot { summary: "Nothing has been fetched yet, so there is nothing to link.".to_owned(), ..plot });
    };
    let step = totals.len().div_ceil(MOST_ROWS).max(1);
    let plot = Plot {
        summary: summary(&last, done, clock),
        legend: legend(&last),
        head: vec!["Time", "Linked", "Failed or held", "Not added", "Being linked", "Open"],
        rows: totals.iter().rev().step_by(step).map(|total| row(total, clock)).collect(),
        ..plot
    };
    let (Some(first), true) = (totals.first(), totals.len() > 1) else { return Ok(plot) };
    let times = first.at_ms..done.unwrap_or(last.at_ms).max(last.at_ms);
    let most = totals.iter().map(Total::all).max().unwrap_or(1);
    plot.drawn(HIGH, |canvas| {
        let axes = Axes::draw(canvas, times, most, clock)?;
        let layers: [(Ink, Of); 4] = [
            (OK, |total| total.linked),
            (BAD, |total| total.linked + total.failed),
            (OFF, |total| total.linked + total.failed + total.ignored),
            (RUN, |total| total.linked + total.failed + total.ignored + total.linking),
        ];
        let mut below: Of = |_| 0;
        for (ink, top) in layers {
            let upper: Vec<_> = totals.iter().map(|total| axes.place((total.at_ms, whole(top(total))))).collect();
            let lower = totals.iter().rev().map(|total| axes.place((total.at_ms, whole(below(total)))));
            canvas.area(upper.iter().copied().chain(lower), ink, 0.35)?;
            canvas.line(upper, ink, 2)?;
            below = top;
        }
        match done {
            Some(done) => {
                let to = (done, whole(last.linked + last.linking));
                axes.dashes(canvas, ((last.at_ms, whole(last.linked)), to), 8, WARN)
            }
            None => Ok(()),
        }
    })
}

fn summary(last: &Total, done: Option<i64>, clock: Clock) -> String {
    let finish = match (done, last.linking) {
        (Some(at), _) => {
            format!("At this pace the {} that are being linked are done at {}.", number(last.linking), clock.at(at).time)
        }
        (None, 0) => "Nothing is being linked at the moment.".to_owned(),
        (None, linking) => format!("{} are being linked; how fast is not known yet.", number(linking)),
    };
    format!("{} of {} vendors and projects are linked. {finish}", number(last.linked), number(last.all()))
}

fn legend(last: &Total) -> Vec<Key> {
    let key = |tone, what: &str, count: u64| Key { tone, text: format!("{what}: {}", number(count)) };
    vec![
        key("ok", "Linked", last.linked),
        key("bad", "Failed or held", last.failed),
        key("off", "Not added", last.ignored),
        key("run", "Being linked", last.linking),
        key("none", "Open", last.open),
    ]
}

fn row(total: &Total, clock: Clock) -> Row {
    let counts = [total.linked, total.failed, total.ignored, total.linking, total.open];
    Row { name: clock.at(total.at_ms).shown, address: String::new(), cells: counts.into_iter().map(number).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::id::ProviderId;
    use linkyard_core::mapping::Subject;

    fn sample(at_ms: i64, subject: Subject, linked: u64, linking: u64) -> ProgressSample {
        let provider = ProviderId(uuid::Uuid::nil());
        ProgressSample { provider, subject, at_ms, linked, failed: 0, ignored: 0, linking, open: 5 }
    }

    #[test]
    fn lists_are_summed_by_what_each_said_last_and_the_pace_is_that_of_the_present_run() {
        let samples = [
            sample(1_000, Subject::Vendor, 10, 0),
            sample(1_000, Subject::Project, 1, 0),
            sample(61_000, Subject::Vendor, 10, 90),
            sample(71_000, Subject::Vendor, 40, 60),
        ];
        let totals = totals(&samples);
        assert_eq!(totals.iter().map(|total| total.linked).collect::<Vec<_>>(), [11, 11, 41]);
        assert_eq!(totals[2].all(), 41 + 60 + 10);
        assert_eq!(done_at_ms(&totals), Some(91_000), "60 are left at 30 in ten seconds");
        assert_eq!(done_at_ms(&totals[..2]), None, "one moment is no pace");
    }

    #[test]
    fn a_plot_has_its_words_and_its_table() {
        let clock = Clock::new("UTC");
        let samples = [sample(0, Subject::Vendor, 0, 100), sample(10_000, Subject::Vendor, 50, 50)];
        let plot = plot(&samples, clock).expect("a plot");
        assert!(plot.svg.contains("<title id=\"progress-title\">Linking progress</title>"), "{}", plot.svg);
        assert!(plot.summary.contains("50 of 105") && plot.summary.contains("done at 00:00:20"), "{}", plot.summary);
        assert_eq!(plot.rows.len(), 2);
        assert!(!plot.svg.contains("style="), "the policy of the pages refuses inline styles");
    }
}
