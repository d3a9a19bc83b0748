//! Plots: drawn on the server as SVG, each with the same figures as a table; a line as small as a word (`day.rs`) has its words alone.
//!
//! Colours are those of the light palette as plain attributes; the stylesheet puts the palette of the page in their place, so dark pages
//! have dark plots. What a plot says it also says in words, and no two things on it differ by colour alone: they are labelled, dashed, or
//! of another shape.

pub(crate) mod budget;
mod canvas;
pub(crate) mod day;
pub(crate) mod failures;
pub(crate) mod freshness;
pub(crate) mod progress;

use super::failure::Failure;
use canvas::{Canvas, Drawn, SIZE};
use linkyard_core::Error;

/// A plot as a page shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plot {
    pub(crate) id: String,
    pub(crate) title: String,
    /// What it says, in words.
    pub(crate) summary: String,
    /// The drawing; empty where there is nothing to draw yet.
    pub(crate) svg: String,
    pub(crate) legend: Vec<Key>,
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

/// What a colour (and a form) stands for.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The word of its style.
    pub(crate) tone: &'static str,
    pub(crate) text: String,
}

/// A row of the table beside a plot.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What it is about, with where more of it is; empty where nowhere.
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) cells: Vec<String>,
}

impl Plot {
    /// Draws it, `high` of its own units, with its title and its summary for those who do not see it.
    fn drawn(mut self, high: i32, draw: impl FnOnce(&mut Canvas<'_>) -> Drawn) -> Result<Self, Failure> {
        let svg = canvas::svg(draw).map_err(|error| Error::broken(format!("a plot could not be drawn: {error}")))?;
        let inner = svg.split_once('>').map_or("", |(_, inner)| inner);
        let (id, (wide, _)) = (&self.id, SIZE);
        self.svg = format!(
            "<svg class=\"drawing\" viewBox=\"0 0 {wide} {high}\" role=\"img\" aria-labelledby=\"{id}-title {id}-words\">\
             <title id=\"{id}-title\">{}</title><desc id=\"{id}-words\">{}</desc>{inner}",
            escaped(&self.title),
            escaped(&self.summary)
        );
        Ok(self)
    }
}

/// Text inside markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
