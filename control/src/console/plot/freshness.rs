//! Freshness: how old what is known of each directory is, beside how old it may become.

use super::canvas::{BAD, Beside, GRID, OK, TEXT};
use super::{Key, Plot, Row};
use crate::console::failure::Failure;
use crate::console::registry::Names;
use crate::console::words::number;
use linkyard_store::Fresh;

const HOUR_MS: i64 = 3_600_000;

/// Providers that are drawn; the table has all.
const MOST: usize = 3;

/// When something was last brought in step.
type When = fn(&Fresh) -> Option<i64>;

/// What is brought in step how often: changes every hour, everything every night, compliance every day. An age of twice that is late.
const LISTS: [(&str, i64, When); 3] = [
    ("changes", HOUR_MS, |fresh| fresh.fetched_at_ms),
    ("everything", 24 * HOUR_MS, |fresh| fresh.walked_at_ms),
    ("compliance", 24 * HOUR_MS, |fresh| fresh.pushed_at_ms),
];

/// An age in words: "5 min", "3 h", "2 d".
fn age(ms: i64) -> String {
    match ms / 60_000 {
        minutes @ ..=119 => format!("{} min", minutes.max(0)),
        minutes @ 120..=2_879 => format!("{} h", minutes / 60),
        minutes => format!("{} d", number(minutes / 1_440)),
    }
}

/// The plot at `now_ms`.
pub(crate) fn plot(fresh: &[Fresh], names: &Names, now_ms: i64) -> Result<Plot, Failure> {
    let mut late = 0_u64;
    let mut rows = Vec::new();
    for one in fresh {
        for (what, often_ms, of) in LISTS {
            let told = of(one).map(|at| now_ms - at);
            let is_late = told.is_some_and(|old| old > 2 * often_ms);
            late += u64::from(is_late);
            let state = match (told, is_late) {
                (None, _) => "never",
                (Some(_), true) => "late",
                (Some(_), false) => "in time",
            };
            let provider = names.get(&one.provider).cloned().unwrap_or_default();
            rows.push(Row {
                name: format!("{provider}: {what}"),
                address: format!("/providers/{}", one.provider),
                cells: vec![told.map_or_else(|| "-".to_owned(), age), age(often_ms), state.to_owned()],
            });
        }
    }
    let plot = Plot {
        id: "freshness".to_owned(),
        title: "Freshness".to_owned(),
        summary: match late {
            0 => "Nothing is older than it should be.".to_owned(),
            late => format!("{} of the lists are older than twice their pace.", number(late)),
        },
        legend: vec![
            Key { tone: "ok", text: "In time".to_owned() },
            Key { tone: "bad", text: "Late, beyond the mark".to_owned() },
        ],
        head: vec!["What", "Age", "Pace", "State"],
        rows,
        ..Plot::default()
    };
    if fresh.is_empty() {
        return Ok(plot);
    }
    let lines = i32::try_from(fresh.len().min(MOST) * LISTS.len()).unwrap_or(9);
    plot.drawn(lines * 19 + 6, |canvas| {
        // A bar is full at four times its pace; the mark stands at twice.
        const WIDE: i64 = 200;
        for (row, (one, (what, often_ms, of))) in
            (0_i32..).zip(fresh.iter().take(MOST).flat_map(|one| LISTS.map(|list| (one, list))))
        {
            let top = 6 + row * 19;
            let Some(old) = of(one).map(|at| (now_ms - at).max(0)) else {
                canvas.words(&format!("{what}: never"), (4, top), Beside::Right)?;
                continue;
            };
            let wide = i32::try_from((old * WIDE / (4 * often_ms)).clamp(3, WIDE)).unwrap_or(3);
            canvas.words(&format!("{what}: {}", age(old)), (4, top), Beside::Right)?;
            canvas.bar((136, top), (200, 12), GRID)?;
            canvas.bar((136, top), (wide, 12), if old > 2 * often_ms { BAD } else { OK })?;
            canvas.line([(236, top - 2), (236, top + 14)], TEXT, 2)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::id::ProviderId;

    #[test]
    fn what_is_older_than_twice_its_pace_is_late() {
        let provider = ProviderId(uuid::Uuid::nil());
        let fresh = [Fresh { provider, fetched_at_ms: Some(0), walked_at_ms: Some(0), pushed_at_ms: None }];
        let names = Names::from([(provider, "Main".to_owned())]);
        let plot = plot(&fresh, &names, 3 * HOUR_MS).expect("a plot");
        let states: Vec<_> = plot.rows.iter().map(|row| row.cells[2].as_str()).collect();
        assert_eq!(states, ["late", "in time", "never"]);
        assert_eq!((age(59_000), age(3 * HOUR_MS), age(72 * HOUR_MS)), ("0 min".to_owned(), "3 h".to_owned(), "3 d".to_owned()));
    }
}
