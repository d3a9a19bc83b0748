//! A day in a line as small as a word: how much of one directory was linked, hour by hour. It has no axes; its words say what changed.

use super::Plot;
use super::canvas::{OK, SIZE};
use crate::console::failure::Failure;
use crate::console::words::number;
use linkyard_core::id::ProviderId;
use linkyard_store::HourLinked;
use std::cmp::Ordering;

/// Its height, in its own units.
const HIGH: i32 = 36;

/// Room around the line, so that its ends are not cut off.
const EDGE: i32 = 4;

/// The line of `provider`; `hours` are its own, oldest first.
pub(crate) fn plot(provider: ProviderId, hours: &[HourLinked]) -> Result<Plot, Failure> {
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Ok(Plot::default()) };
    let (least, most) = hours.iter().fold((u64::MAX, 0), |(least, most), hour| (least.min(hour.linked), most.max(hour.linked)));
    let summary = match last.linked.cmp(&first.linked) {
        Ordering::Greater => format!("{} more linked within 24 hours", number(last.linked - first.linked)),
        Ordering::Less => format!("{} fewer linked within 24 hours", number(first.linked - last.linked)),
        Ordering::Equal if most == least => "No change within 24 hours".to_owned(),
        Ordering::Equal => "As many linked as before, with changes between".to_owned(),
    };
    let plot =
        Plot { id: format!("day-{provider}"), title: "Linked in the last 24 hours".to_owned(), summary, ..Plot::default() };
    if hours.len() < 2 {
        return Ok(Plot { summary: String::new(), ..plot });
    }
    let took_ms = (last.hour_ms - first.hour_ms).max(1);
    let wide = i64::from(SIZE.0) - 2 * i64::from(EDGE);
    let place = |hour: &HourLinked| {
        let x = (hour.hour_ms - first.hour_ms) * wide / took_ms;
        // Where nothing changed the line is in the middle.
        let above = if most == least { 0.5 } else { (hour.linked - least) as f64 / (most - least) as f64 };
        let y = f64::from(HIGH - EDGE) - above * f64::from(HIGH - 2 * EDGE);
        (EDGE + i32::try_from(x).unwrap_or(i32::MAX), y.round() as i32)
    };
    let points: Vec<(i32, i32)> = hours.iter().map(place).collect();
    plot.drawn(HIGH, |canvas| {
        canvas.line(points.iter().copied(), OK, 2)?;
        points.last().map_or(Ok(()), |(x, y)| canvas.bar((x - 2, y - 2), (4, 4), OK))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(linked: &[u64]) -> Vec<HourLinked> {
        let provider = ProviderId(uuid::Uuid::nil());
        let hour = |(at, linked): (usize, &u64)| HourLinked { provider, hour_ms: at as i64 * 3_600_000, linked: *linked };
        linked.iter().enumerate().map(hour).collect()
    }

    #[test]
    fn its_words_say_what_changed_and_one_moment_is_no_day() {
        let of = |linked: &[u64]| plot(ProviderId(uuid::Uuid::nil()), &hours(linked)).expect("a plot");
        assert_eq!(of(&[10, 10, 1_310]).summary, "1,300 more linked within 24 hours");
        assert_eq!(of(&[10, 3]).summary, "7 fewer linked within 24 hours");
        assert_eq!(of(&[10, 10]).summary, "No change within 24 hours");
        assert_eq!(of(&[10, 30, 10]).summary, "As many linked as before, with changes between");
        for few in [&[][..], &[10]] {
            let plot = of(few);
            assert!(plot.svg.is_empty() && plot.summary.is_empty(), "{plot:?}");
        }
        assert!(of(&[10, 10]).svg.contains("<polyline"), "{}", of(&[10, 10]).svg);
    }
}
