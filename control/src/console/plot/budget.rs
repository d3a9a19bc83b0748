//! The call budget over time: what was left of the hour's window, and where Procore refused calls.

use super::canvas::{Axes, BAD, HIGH, RUN, WARN, whole};
use super::{Key, Plot, Row};
use crate::console::failure::Failure;
use crate::console::words::{Clock, number};
use linkyard_core::budget::CallMinute;

const MINUTE_MS: i64 = 60_000;

/// The length of the window in minutes.
const WINDOW: i64 = 60;

/// How far the plot looks back, minutes.
pub(crate) const BACK: u32 = 180;

/// What one is drawn of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawing<'a> {
    pub(crate) id: &'a str,
    pub(crate) provider: &'a str,
    /// Calls by the minute, of [`BACK`] minutes and one window before them.
    pub(crate) minutes: &'a [CallMinute],
    /// Calls allowed per window; 0 = not known yet.
    pub(crate) limit: u32,
    /// Of these, kept for people.
    pub(crate) reserve: u32,
    pub(crate) now_ms: i64,
}

/// What was left of the window at the end of each minute.
fn left(minutes: &[CallMinute], limit: u32, now_ms: i64) -> Vec<(i64, u64)> {
    let last = now_ms - now_ms.rem_euclid(MINUTE_MS);
    let first = last - i64::from(BACK) * MINUTE_MS;
    let at = |minute: i64| {
        let within = minutes.iter().filter(|one| one.minute_ms <= minute && one.minute_ms > minute - WINDOW * MINUTE_MS);
        (minute, u64::from(limit).saturating_sub(within.map(|one| one.counts.made).sum()))
    };
    (0..=i64::from(BACK)).map(|step| at(first + step * MINUTE_MS)).collect()
}

/// The plot.
pub(crate) fn plot(of: Drawing<'_>, clock: Clock) -> Result<Plot, Failure> {
    let title = format!("Rate budget: {}", of.provider);
    let plot = Plot { id: of.id.to_owned(), title, ..Plot::default() };
    if of.limit == 0 {
        return Ok(Plot { summary: "No call was made yet, so Procore's limit is not known.".to_owned(), ..plot });
    }
    let left = left(of.minutes, of.limit, of.now_ms);
    let refused: u64 = of.minutes.iter().map(|one| one.counts.rate_limited).sum();
    let now = left.last().map_or(0, |(_, left)| *left);
    let lowest = left.iter().map(|(_, left)| *left).min().unwrap_or(0);
    let plot = Plot {
        summary: format!(
            "{} of {} calls of the hour are left; at least {} were left in the last three hours. Procore refused {} calls (429).",
            number(now),
            number(of.limit),
            number(lowest),
            number(refused)
        ),
        legend: vec![
            Key { tone: "line", text: "Calls left of the hour".to_owned() },
            Key { tone: "dash", text: format!("Kept for people: {}", number(of.reserve)) },
            Key { tone: "refused", text: "Procore refused calls (429)".to_owned() },
        ],
        head: vec!["Minute", "Calls", "Waited", "Refused (429)", "Failed"],
        rows: of.minutes.iter().rev().map(|minute| row(minute, clock)).collect(),
        ..plot
    };
    let (Some((first, _)), Some((last, _))) = (left.first().copied(), left.last().copied()) else { return Ok(plot) };
    plot.drawn(HIGH, |canvas| {
        let axes = Axes::draw(canvas, first..last, u64::from(of.limit), clock)?;
        let mut steps = Vec::new();
        for pair in left.windows(2) {
            steps.extend([axes.place((pair[0].0, whole(pair[0].1))), axes.place((pair[1].0, whole(pair[0].1)))]);
        }
        steps.push(axes.place((last, whole(now))));
        canvas.area(steps.iter().copied().chain([axes.place((last, 0)), axes.place((first, 0))]), RUN, 0.2)?;
        canvas.line(steps, RUN, 2)?;
        let reserve = i64::from(of.reserve);
        axes.dashes(canvas, ((first, reserve), (last, reserve)), 24, WARN)?;
        for minute in of.minutes.iter().filter(|one| one.counts.rate_limited > 0 && one.minute_ms >= first) {
            axes.pointer(canvas, minute.minute_ms, BAD)?;
        }
        Ok(())
    })
}

fn row(minute: &CallMinute, clock: Clock) -> Row {
    let counts = minute.counts;
    let cells = [counts.made, counts.waits, counts.rate_limited, counts.failed];
    Row { name: clock.at(minute.minute_ms).shown, address: String::new(), cells: cells.into_iter().map(number).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::budget::CallCounts;

    #[test]
    fn what_is_left_comes_back_an_hour_after_it_was_used() {
        let now_ms = 300 * MINUTE_MS + 5;
        let counts = CallCounts { made: 40, rate_limited: 1, ..CallCounts::default() };
        let minutes = [CallMinute { minute_ms: 200 * MINUTE_MS, counts }];
        let left = left(&minutes, 100, now_ms);
        let at = |minute: i64| left.iter().find(|(at, _)| *at == minute * MINUTE_MS).map(|(_, left)| *left);
        assert_eq!((at(199), at(200), at(259), at(260)), (Some(100), Some(60), Some(60), Some(100)));
        let of = Drawing { id: "budget", provider: "A & <b>", minutes: &minutes, limit: 100, reserve: 10, now_ms };
        let plot = plot(of, Clock::new("UTC")).expect("a plot");
        assert!(plot.svg.contains("A &amp; &lt;b&gt;") && !plot.svg.contains("<b>"), "{}", plot.svg);
        assert!(plot.summary.contains("refused 1 calls"), "{}", plot.summary);
    }
}
