//! `./run bench match`: how right and how fast suggestions are, on any two lists, on one list against itself, or on lists made here.

mod lists;
mod measure;

use anyhow::{Context, Result};
use clap::Parser;
use linkyard_matching::{Index, Record, Subject};
use measure::Run;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// How many suggestions each record gets.
const SUGGESTIONS: usize = 5;

/// Measures suggestions.
#[derive(Debug, Parser)]
#[command(name = "match")]
struct Args {
    /// The list whose records look for a counterpart: CSV with `id` and any of name, address, city, state, zip, phone, email, website,
    /// owner, `tax_id`, number, `start_date`, `end_date`. Alone, it is compared with itself.
    #[arg(long)]
    a: Option<PathBuf>,

    /// The list in which the counterparts are.
    #[arg(long, requires = "a")]
    b: Option<PathBuf>,

    /// CSV with `a_id` and `b_id`.
    #[arg(long, requires = "a")]
    truth: Option<PathBuf>,

    /// Use these columns only, `,` between them.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// The lists are of projects.
    #[arg(long)]
    projects: bool,

    /// Write every suggestion to this CSV file.
    #[arg(long)]
    out: Option<PathBuf>,

    /// Suggest with what is known beforehand only.
    #[arg(long)]
    no_learning: bool,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let subject = if args.projects { Subject::Project } else { Subject::Vendor };
    let a = lists::read(args.a.as_deref().context("made lists come later")?, &args.only)?;
    let b = args.b.as_deref().map(|path| lists::read(path, &args.only)).transpose()?;
    let run = suggest(&args, &a, b.as_deref(), subject);
    if let Some(path) = &args.out {
        write(path, &a, &run)?;
    }
    let truth = args.truth.as_deref().map(lists::truth).transpose()?;
    let figures = truth.as_ref().map(|truth| measure::figures(&a, b.as_deref().unwrap_or(&a), &run, truth));
    let values = match &figures {
        Some(figures) => figures.json(run.seconds),
        None => {
            json!({ "records": a.len(), "suggestions": run.suggestions.iter().map(Vec::len).sum::<usize>(), "seconds": measure::round(run.seconds), "peak_rss_mib": measure::round(measure::peak_rss_mib()) })
        }
    };
    println!("{values}");
    for wrong in figures.iter().flat_map(|figures| &figures.wrong_strong) {
        println!("wrong: {wrong}");
    }
    Ok(())
}

/// Every record of `a` against `b`, or against the rest of `a`, on one core.
fn suggest(args: &Args, a: &[Record], b: Option<&[Record]>, subject: Subject) -> Run {
    let start = Instant::now();
    let mut index = Index::new(subject);
    b.unwrap_or(a).iter().for_each(|record| index.insert(record));
    if !args.no_learning {
        if b.is_some() {
            index.learn(a);
        } else {
            index.learn_among_itself(a);
        }
    }
    let mut searcher = index.searcher();
    let suggestions = a
        .iter()
        .map(|record| if b.is_some() { searcher.suggest(record, SUGGESTIONS) } else { searcher.similar(record, SUGGESTIONS) })
        .collect();
    Run { suggestions, seconds: start.elapsed().as_secs_f64() }
}

fn write(path: &std::path::Path, records: &[Record], run: &Run) -> Result<()> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(["a_id", "rank", "b_id", "probability", "band", "reasons"])?;
    for (record, suggestions) in records.iter().zip(&run.suggestions) {
        for (rank, suggestion) in suggestions.iter().enumerate() {
            let probability = format!("{:.4}", suggestion.probability);
            writer.write_record([
                &record.id,
                &(rank + 1).to_string(),
                &suggestion.id,
                &probability,
                suggestion.band.as_str(),
                &suggestion.sentence(),
            ])?;
        }
    }
    writer.flush()?;
    std::io::stdout().flush()?;
    Ok(())
}
