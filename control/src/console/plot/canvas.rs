//! What plots are drawn on: an SVG in units of its own, the colours that the stylesheet knows, and axes over time and a count.

use crate::console::words::{Clock, number};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontFamily,
};
use plotters_svg::SVGBackend;
use std::convert::Infallible;
use std::ops::Range;

/// Width and height in its own units. Small, so that its words can be read on a phone as well, where it fills the screen.
pub(super) const SIZE: (u32, u32) = (340, 180);

/// The height of a plot over time.
pub(super) const HIGH: i32 = 180;

/// Where the lines of a plot over time are, in its own units.
const LEFT: i32 = 48;
const RIGHT: i32 = 326;
const TOP: i32 = 10;
const BOTTOM: i32 = 154;

/// Over less than this, milliseconds, times are told with their seconds.
const SECONDS_MATTER_MS: i64 = 20 * 60_000;

/// Words on both axes.
const STEPS: i64 = 3;

/// What drawing can come to.
pub(super) type Drawn = Result<(), DrawingErrorKind<std::io::Error>>;

/// A colour of the light palette; the stylesheet knows each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ink(u8, u8, u8);

pub(super) const TEXT: Ink = Ink(0x50, 0x5c, 0x70);
pub(super) const GRID: Ink = Ink(0xdd, 0xe2, 0xea);
pub(super) const OK: Ink = Ink(0x15, 0x69, 0x3a);
pub(super) const RUN: Ink = Ink(0x1f, 0x55, 0xb8);
pub(super) const WARN: Ink = Ink(0x85, 0x53, 0x00);
pub(super) const BAD: Ink = Ink(0xad, 0x23, 0x23);
pub(super) const OFF: Ink = Ink(0x78, 0x84, 0x9a);

/// How strongly and how wide something is drawn.
#[derive(Clone, Copy)]
struct Style {
    ink: Ink,
    alpha: f64,
    width: u32,
}

impl BackendStyle for Style {
    fn color(&self) -> BackendColor {
        BackendColor { alpha: self.alpha, rgb: (self.ink.0, self.ink.1, self.ink.2) }
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// Where words stand beside their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// They begin there, below it.
    Right,
    /// They end there, in the middle of it.
    Left,
    /// They have it in their middle, below it.
    Under,
}

/// Words. Never measured: the browser sets them.
struct Words(Beside);

impl BackendTextStyle for Words {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: (TEXT.0, TEXT.1, TEXT.2) }
    }

    fn size(&self) -> f64 {
        14.0
    }

    fn anchor(&self) -> Pos {
        match self.0 {
            Beside::Right => Pos::new(HPos::Left, VPos::Top),
            Beside::Left => Pos::new(HPos::Right, VPos::Center),
            Beside::Under => Pos::new(HPos::Center, VPos::Top),
        }
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::SansSerif
    }

    fn layout_box(&self, _: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        Ok(((0, 0), (0, 0)))
    }

    fn draw<E, F: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _: &str,
        _: BackendCoord,
        _: F,
    ) -> Result<Result<(), E>, Infallible> {
        Ok(Ok(()))
    }
}

/// What is drawn on.
pub(super) struct Canvas<'a>(SVGBackend<'a>);

/// What `draw` draws, as a document.
pub(super) fn svg(draw: impl FnOnce(&mut Canvas<'_>) -> Drawn) -> Result<String, DrawingErrorKind<std::io::Error>> {
    let mut svg = String::new();
    let mut canvas = Canvas(SVGBackend::with_string(&mut svg, SIZE));
    draw(&mut canvas)?;
    canvas.0.present()?;
    drop(canvas);
    Ok(svg)
}

impl Canvas<'_> {
    /// A line through these points.
    pub(super) fn line(&mut self, points: impl IntoIterator<Item = (i32, i32)>, ink: Ink, width: u32) -> Drawn {
        self.0.draw_path(points, &Style { ink, alpha: 1.0, width })
    }

    /// The area between these points, `alpha` of its colour.
    pub(super) fn area(&mut self, points: impl IntoIterator<Item = (i32, i32)>, ink: Ink, alpha: f64) -> Drawn {
        self.0.fill_polygon(points, &Style { ink, alpha, width: 1 })
    }

    /// A bar that is `wide`, with its upper left corner there.
    pub(super) fn bar(&mut self, (x, y): (i32, i32), (wide, high): (i32, i32), ink: Ink) -> Drawn {
        self.0.draw_rect((x, y), (x + wide, y + high), &Style { ink, alpha: 1.0, width: 1 }, true)
    }

    /// Words at a place.
    pub(super) fn words(&mut self, words: &str, place: (i32, i32), beside: Beside) -> Drawn {
        self.0.draw_text(words, &Words(beside), place)
    }
}

/// Axes: time to the right, a count upwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    from_ms: i64,
    to_ms: i64,
    most: i64,
}

impl Axes {
    /// Draws axes over `times` (milliseconds since 1970) and `0..=most`.
    pub(super) fn draw(
        canvas: &mut Canvas<'_>,
        times: Range<i64>,
        most: u64,
        clock: Clock,
    ) -> Result<Self, DrawingErrorKind<std::io::Error>> {
        let axes = Self { from_ms: times.start, to_ms: times.end.max(times.start + 1), most: whole(most).max(1) };
        for step in 0..=STEPS {
            let count = axes.most * step / STEPS;
            let (_, y) = axes.place((axes.from_ms, count));
            canvas.line([(LEFT, y), (RIGHT, y)], GRID, 1)?;
            canvas.words(&short(count), (LEFT - 6, y), Beside::Left)?;
            let at_ms = axes.from_ms + (axes.to_ms - axes.from_ms) * step / STEPS;
            let (x, _) = axes.place((at_ms, 0));
            let letters = if axes.to_ms - axes.from_ms < SECONDS_MATTER_MS { 8 } else { 5 };
            let time: String = clock.at(at_ms).time.chars().take(letters).collect();
            canvas.words(&time, (x.min(RIGHT - 12), BOTTOM + 6), Beside::Under)?;
        }
        Ok(axes)
    }

    /// Where a count at a time is.
    pub(super) fn place(&self, (at_ms, count): (i64, i64)) -> (i32, i32) {
        let share = |value: i64, of: i64, length: i32| {
            let place = i128::from(value.clamp(0, of)) * i128::from(length) / i128::from(of.max(1));
            i32::try_from(place).unwrap_or(length)
        };
        let x = LEFT + share(at_ms - self.from_ms, self.to_ms - self.from_ms, RIGHT - LEFT);
        (x, BOTTOM - share(count, self.most, BOTTOM - TOP))
    }

    /// A straight line in so many dashes.
    pub(super) fn dashes(&self, canvas: &mut Canvas<'_>, (from, to): ((i64, i64), (i64, i64)), parts: i64, ink: Ink) -> Drawn {
        let at = |step: i64| {
            let between = |from: i64, to: i64| from + (to - from) * step / (2 * parts);
            self.place((between(from.0, to.0), between(from.1, to.1)))
        };
        for part in 0..parts {
            canvas.line([at(2 * part), at(2 * part + 1)], ink, 2)?;
        }
        Ok(())
    }

    /// A mark that points upwards from the time's axis.
    pub(super) fn pointer(&self, canvas: &mut Canvas<'_>, at_ms: i64, ink: Ink) -> Drawn {
        let (x, y) = self.place((at_ms, 0));
        canvas.area([(x - 5, y), (x + 5, y), (x, y - 10)], ink, 1.0)
    }
}

/// A count that fits beside an axis: 5,000, 120 k, 1.5 M.
fn short(count: i64) -> String {
    match count {
        ..=99_999 => number(count),
        100_000..=999_999 => format!("{} k", count / 1_000),
        1_000_000.. => format!("{}.{} M", number(count / 1_000_000), count / 100_000 % 10),
    }
}

/// Counts as places are reckoned from.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_within_the_axes_whatever_they_are_of() {
        let axes = Axes { from_ms: 1_000, to_ms: 2_000, most: i64::MAX };
        assert_eq!(axes.place((1_000, 0)), (LEFT, BOTTOM));
        assert_eq!(axes.place((2_000, i64::MAX)), (RIGHT, TOP));
        assert_eq!(axes.place((9_000, -5)), (RIGHT, BOTTOM));
    }

    #[test]
    fn counts_beside_an_axis_are_short() {
        for (count, shown) in [(0, "0"), (99_999, "99,999"), (333_333, "333 k"), (1_000_000, "1.0 M"), (2_560_000, "2.5 M")] {
            assert_eq!(short(count), shown);
        }
    }

    #[test]
    fn words_are_text_whatever_they_say() {
        let svg = svg(|canvas| canvas.words("<b>&", (1, 1), Beside::Right)).expect("drawn");
        assert!(svg.contains("&lt;b&gt;&amp;") && !svg.contains("style="), "{svg}");
    }
}
