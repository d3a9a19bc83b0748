//! What a command answers on standard output: a table for people, or the API's own JSON for programs.
//!
//! JSON is the canonical mapping of protocol buffers, made from the API's descriptors by reflection, with numbers, words and
//! lists present even when they are empty, so that scripts need no defaults. Which columns a list has is said beside the command that lists it ([`Row`]). Words for people that are
//! not data go to standard error ([`say`]).

use super::wire::{Wire, json};
pub(crate) use crate::output_line as print_line;
use anyhow::Result;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table for people.
    Table,
    /// One JSON document; lists are one array of resources.
    Json,
}

/// Writes answers in one form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    colors: bool,
    terminal: bool,
}

/// A message that can stand in a table.
pub(crate) trait Row {
    /// The columns.
    const HEADER: &'static [&'static str];

    /// Its cells, one per column.
    fn cells(&self) -> Vec<Cell>;
}

impl Output {
    /// The form, with colours only on a terminal and unless `NO_COLOR` is set to something.
    pub(crate) fn new(format: Format) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { format, colors: terminal && !refused, terminal }
    }

    /// The form asked for.
    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// Answers one message: JSON, or its fields line by line.
    ///
    /// # Errors
    /// When standard output can not be written.
    pub(crate) fn one<T: Wire>(self, message: &T) -> Result<()> {
        let document = json(message)?;
        match self.format {
            Format::Json => print_json(&document),
            Format::Table => {
                let mut rows = Vec::new();
                fields(&mut rows, String::new(), &document);
                // What a person looks for stands first; the rest is by name.
                rows.sort_by_key(|(path, _)| !matches!(path.as_str(), "name" | "displayName" | "state"));
                self.grid(&["FIELD", "VALUE"], rows.into_iter().map(|(name, value)| vec![Cell::new(name), Cell::new(value)]))
            }
        }
    }

    /// Answers a list: one JSON array, or a table.
    ///
    /// # Errors
    /// When standard output can not be written.
    pub(crate) fn list<T: Wire + Row>(self, messages: &[T]) -> Result<()> {
        match self.format {
            Format::Json => print_json(&Value::Array(messages.iter().map(json).collect::<Result<_>>()?)),
            Format::Table => self.grid(T::HEADER, messages.iter().map(Row::cells)),
        }
    }

    /// Answers one message as JSON, or as a table of the caller's making.
    ///
    /// # Errors
    /// When standard output can not be written.
    pub(crate) fn shaped<T: Wire>(self, message: &T, header: &[&str], rows: Vec<Vec<Cell>>) -> Result<()> {
        match self.format {
            Format::Json => print_json(&json(message)?),
            Format::Table => self.grid(header, rows),
        }
    }

    fn grid(self, header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<()> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.colors {
            table.enforce_styling();
        } else if !self.terminal {
            table.force_no_tty();
        }
        // Only a terminal has a width to respect; a pipe gets whole lines.
        let arrangement = if self.terminal { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
        table.set_content_arrangement(arrangement);
        table.set_header(header.iter().copied());
        for row in rows {
            table.add_row(if self.colors { row } else { row.into_iter().map(|cell| Cell::new(cell.content())).collect() });
        }
        print_line(&table.trim_fmt())
    }
}

/// Prints one JSON document.
///
/// # Errors
/// When standard output can not be written.
pub(crate) fn print_json(document: &Value) -> Result<()> {
    print_line(&format!("{document:#}"))
}

/// Says something to a person, on standard error. If nobody listens there, nothing is lost.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A state as a cell: the word, coloured by whether it is good, waiting or bad. Never the colour alone.
pub(crate) fn state_cell(word: &str) -> Cell {
    let color = match word {
        "ACTIVE" | "SUCCEEDED" | "LINKED" => Some(Color::Green),
        "FAILED" | "NEEDS_ATTENTION" | "ORPHANED" | "CANCELLED" => Some(Color::Red),
        "HELD" | "PARTIAL" | "RETRYING" | "WAITING_FOR_BUDGET" | "PAUSED" | "PENDING_APPROVAL" => Some(Color::Yellow),
        "RUNNING" | "LINKING" | "CONFIRMED" | "TESTING" | "SUGGESTED" => Some(Color::Cyan),
        _ => None,
    };
    let cell = Cell::new(word);
    color.map_or_else(|| cell.clone(), |color| cell.clone().fg(color))
}

/// The word of an enum value without the prefix that the protocol gives it; the unspecified value is a dash.
pub(crate) fn word(name: &'static str, prefix: &str) -> &'static str {
    match name.strip_prefix(prefix).unwrap_or(name) {
        "UNSPECIFIED" => "-",
        word => word,
    }
}

/// A time as RFC 3339 in UTC to the second, or a dash.
pub(crate) fn time(time: Option<&prost_types::Timestamp>) -> String {
    let whole = time.map(|time| prost_types::Timestamp { seconds: time.seconds, nanos: 0 });
    whole.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

/// Text, or a dash where there is none.
pub(crate) fn text(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// Flattens a document to `path value` lines; what is empty is left out.
fn fields(rows: &mut Vec<(String, String)>, path: String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                fields(rows, path, value);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                fields(rows, format!("{path}[{index}]"), item);
            }
        }
        Value::String(text) if text.is_empty() || text.ends_with("_UNSPECIFIED") => {}
        Value::String(text) => rows.push((path, text.clone())),
        Value::Bool(_) | Value::Number(_) => rows.push((path, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_becomes_lines_without_what_is_empty() {
        let document = json!({"name": "jobs/1", "phase": "", "state": "STATE_UNSPECIFIED", "progress": {"total": "3"}, "list": [{"a": 1}], "x": null});
        let mut rows = Vec::new();
        fields(&mut rows, String::new(), &document);
        rows.sort();
        let expected = [("list[0].a", "1"), ("name", "jobs/1"), ("progress.total", "3")];
        assert_eq!(rows, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn enum_words_lose_their_prefix() {
        assert_eq!(word("MAPPING_STATE_LINKED", "MAPPING_STATE_"), "LINKED");
        assert_eq!(word("STATE_UNSPECIFIED", "STATE_"), "-");
    }
}
