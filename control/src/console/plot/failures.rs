//! Failures by reason: how many rows were not linked, and why. A bar leads to where they are.

use super::canvas::{BAD, Beside, WARN};
use super::{Plot, Row};
use crate::console::failure::Failure;
use crate::console::words::number;
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_store::ledger::JobReason;

/// Bars that are drawn; the table has all.
const MOST: usize = 6;

/// Where the rows of a reason are; empty where that is not known.
pub(crate) type Where<'a> = dyn Fn(&JobReason) -> String + 'a;

/// A reason as words: "alike in registry".
fn words_of(reason: &JobReason) -> String {
    let state = if reason.state == MappingState::Held { "Held" } else { "Failed" };
    let what = if reason.subject == Subject::Vendor { "vendors" } else { "projects" };
    let word = reason.reason.to_lowercase().replace('_', " ");
    format!("{state} {what}: {}", if word.is_empty() { "no reason" } else { word.as_str() })
}

/// The plot; `reasons` with most rows first.
pub(crate) fn plot(reasons: &[JobReason], address: &Where<'_>) -> Result<Plot, Failure> {
    let rows: u64 = reasons.iter().map(|reason| reason.rows).sum();
    let plot = Plot {
        id: "failures".to_owned(),
        title: "Failures by reason".to_owned(),
        summary: match reasons.first() {
            None => "Nothing failed and nothing is held.".to_owned(),
            Some(first) => {
                format!("{} rows failed or are held; {} of them: {}", number(rows), number(first.rows), first.sentence())
            }
        },
        head: vec!["Reason", "Rows", "What to do"],
        rows: reasons
            .iter()
            .map(|reason| Row {
                name: words_of(reason),
                address: address(reason),
                cells: vec![number(reason.rows), reason.sentence().to_owned()],
            })
            .collect(),
        ..Plot::default()
    };
    let shown: Vec<&JobReason> = reasons.iter().take(MOST).collect();
    let Some(most) = shown.first().map(|first| first.rows.max(1)) else { return Ok(plot) };
    let mut places = Vec::new();
    let mut plot = plot.drawn(i32::try_from(shown.len()).unwrap_or(6) * 29 + 4, |canvas| {
        for (row, reason) in (0_i32..).zip(&shown) {
            let top = 2 + row * 29;
            let wide = i32::try_from(u128::from(reason.rows) * 260 / u128::from(most)).unwrap_or(260).max(3);
            canvas.words(&words_of(reason), (4, top), Beside::Right)?;
            canvas.bar((4, top + 15), (wide, 9), if reason.state == MappingState::Held { WARN } else { BAD })?;
            canvas.words(&number(reason.rows), (10 + wide, top + 14), Beside::Right)?;
            places.push((top, address(reason), words_of(reason)));
        }
        Ok(())
    })?;
    let links = places.into_iter().filter(|(_, address, _)| !address.is_empty()).map(|(top, address, name)| {
        let (address, name) = (super::escaped(&address), super::escaped(&name));
        format!("<a href=\"{address}\" aria-label=\"{name}\"><rect class=\"hit\" x=\"0\" y=\"{top}\" width=\"340\" height=\"28\"/></a>")
    });
    let links: String = links.collect();
    // Links inside an image are nobody's to find: with them it is a group.
    plot.svg = plot.svg.replacen("role=\"img\"", "role=\"group\"", 1).replacen("</svg>", &format!("{links}</svg>"), 1);
    Ok(plot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_leads_to_its_rows() {
        let reason = |reason: &str, rows| JobReason {
            subject: Subject::Vendor,
            state: MappingState::Held,
            reason: reason.to_owned(),
            rows,
            example: "<b>".to_owned(),
        };
        let reasons = [reason("LOOKALIKE", 12), reason("SOMETHING_NEW", 1)];
        let plot = plot(&reasons, &|reason| format!("/rows?a=1&reason={}", reason.reason)).expect("a plot");
        assert!(plot.svg.contains("href=\"/rows?a=1&amp;reason=LOOKALIKE\""), "{}", plot.svg);
        assert!(plot.summary.starts_with("13 rows failed or are held; 12 of them"), "{}", plot.summary);
        assert_eq!(plot.rows[1].name, "Held vendors: something new");
    }
}
