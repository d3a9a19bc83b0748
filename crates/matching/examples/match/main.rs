//! `./run bench match`: how right and how fast suggestions are, on any two lists, on one list against itself, or on lists made here.

mod lists;
mod made;
mod made_projects;
mod measure;

use anyhow::Result;
use clap::Parser;
use linkyard_matching::{Index, Record, Subject, name_key};
use measure::{Figures, Run};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// How many suggestions each record gets.
const SUGGESTIONS: usize = 5;

/// How many records are put in anew to measure an update.
const UPDATES: usize = 1_000;

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

    /// The lists are of projects; without `--a` projects are made.
    #[arg(long)]
    projects: bool,

    /// How many records the made list has that looks for counterparts, without `--a`; the other has twice as many.
    #[arg(long, default_value_t = 5_000)]
    records: usize,

    /// The seed of the made lists.
    #[arg(long, default_value_t = 1)]
    seed: u64,

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

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": "));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let subject = if args.projects { Subject::Project } else { Subject::Vendor };
    let (a, b, truth) = match &args.a {
        Some(path) => {
            let a = lists::read(path, &args.only)?;
            let b = args.b.as_deref().map(|path| lists::read(path, &args.only)).transpose()?;
            let truth = args.truth.as_deref().map(|path| lists::truth(path, &a, b.as_deref())).transpose()?;
            (a, b, truth)
        }
        None => {
            let made = match subject {
                Subject::Vendor => made::lists(args.records, args.seed),
                Subject::Project => made_projects::lists(args.records, args.seed),
            };
            (made.a, Some(made.b), Some(made.truth))
        }
    };
    let mut report = measured(args, &a, b.as_deref(), truth.as_ref(), subject)?;
    if args.a.is_none() {
        let names = |records: &[Record]| -> Vec<Record> {
            records
                .iter()
                .map(|record| Record { id: record.id.clone(), name: record.name.clone(), ..Record::default() })
                .collect()
        };
        let b = b.as_deref().map(names);
        let plain = measured(args, &names(&a), b.as_deref(), truth.as_ref(), subject)?;
        report.figures["names_only"] = plain.figures;
        report.wrong.extend(plain.wrong.into_iter().map(|wrong| format!("names only: {wrong}")));
    }
    report.print(args.json);
    Ok(())
}

/// One run with its figures.
fn measured(args: &Args, a: &[Record], b: Option<&[Record]>, truth: Option<&lists::Truth>, subject: Subject) -> Result<Report> {
    let run = suggest(args, a, b, subject);
    if let Some(path) = &args.out {
        write(path, a, &run)?;
    }
    let figures = truth.map(|truth| measure::figures(a, b.unwrap_or(a), &run, truth));
    let mut values = figures.as_ref().map_or_else(|| json!({}), Figures::json);
    values["records"] = json!(a.len());
    values["suggestions"] = json!(run.suggestions.iter().map(Vec::len).sum::<usize>());
    values["conflicts"] = json!(run.conflicts);
    values["seconds"] = json!(measure::round(run.seconds));
    values["update_microseconds"] = json!(measure::round(run.update_microseconds));
    values["index_bytes_per_record"] = json!(run.bytes_per_record.round());
    values["peak_rss_mib"] = json!(measure::round(measure::peak_rss_mib()));
    let wrong = figures.map(|figures| figures.wrong_strong).unwrap_or_default();
    let start = Instant::now();
    let keys = a.iter().chain(b.unwrap_or_default()).map(|record| name_key(&record.name).len()).sum::<usize>();
    let floor = start.elapsed().as_secs_f64() + if keys == 0 { f64::EPSILON } else { 0.0 };
    Ok(Report { figures: values, floor, wrong })
}

/// Every record of `a` against `b`, or against the rest of `a`, on one core.
fn suggest(args: &Args, a: &[Record], b: Option<&[Record]>, subject: Subject) -> Run {
    let start = Instant::now();
    let mut index = Index::new(subject);
    let candidates = b.unwrap_or(a);
    let before = measure::rss_mib();
    candidates.iter().for_each(|record| index.insert(record));
    let bytes_per_record = (measure::rss_mib() - before) * 1_048_576.0 / candidates.len().max(1) as f64;
    let mut conflicts = 0;
    let suggestions = if b.is_some() {
        if !args.no_learning {
            index.learn(a);
        }
        let batch = index.suggest_all(a, SUGGESTIONS);
        conflicts = batch.conflicts.len();
        batch.suggestions
    } else {
        if !args.no_learning {
            index.learn_among_itself(a);
        }
        let mut searcher = index.searcher();
        a.iter().map(|record| searcher.similar(record, SUGGESTIONS)).collect()
    };
    let seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let changed: Vec<&Record> = candidates.iter().take(UPDATES).collect();
    changed.iter().for_each(|record| index.insert(record));
    let update_microseconds = start.elapsed().as_secs_f64() * 1_000_000.0 / changed.len().max(1) as f64;
    Run { suggestions, conflicts, seconds, update_microseconds, bytes_per_record }
}

/// What is printed.
struct Report {
    figures: Value,
    /// Seconds that it takes to normalise every name once: no suggestion can be made in less.
    floor: f64,
    wrong: Vec<String>,
}

impl Report {
    fn print(&self, as_json: bool) {
        let seconds = self.figures["seconds"].as_f64().unwrap_or_default();
        let ratio = measure::round(seconds / self.floor.max(f64::EPSILON));
        if as_json {
            let floors = json!({ "seconds": measure::round(self.floor) });
            let report = json!({
                "name": "match",
                "figures": self.figures,
                "floors": floors,
                "ratios": { "seconds": ratio },
                "wrong_strong": self.wrong,
            });
            println!("{report}");
            return;
        }
        print(&self.figures);
        if let Some(names_only) = self.figures.get("names_only") {
            println!("\nThe same lists, names only");
            print(names_only);
        }
        println!("\nNormalising every name once takes {:.4} s; everything together took {ratio} times that.", self.floor);
        if !self.wrong.is_empty() {
            println!("\nSTRONG suggestions that are wrong ({}):", self.wrong.len());
            self.wrong.iter().for_each(|wrong| println!("  {wrong}"));
        }
    }
}

/// The figures as a person reads them; without a known truth only what was made and what it cost.
fn print(figures: &Value) {
    let number = |name: &str| figures[name].as_f64().unwrap_or_default();
    println!("{} records, {} suggestions, {} conflicts", figures["records"], figures["suggestions"], figures["conflicts"]);
    if let Some(partnered) = figures.get("records_with_partner") {
        println!("{partnered} of the records have a counterpart:");
        println!("  the first suggestion is right    {:.4}  (hit1)", number("hit1"));
        println!("  one of the first five is right   {:.4}  (hit5)", number("hit5"));
        println!("\n  band     made   right  precision   recall");
        for band in ["strong", "likely", "weak"] {
            let of = &figures[band];
            let share = |name: &str| of[name].as_f64().map_or_else(|| "-".to_owned(), |share| format!("{share:.4}"));
            let (made, right) = (of["made"].to_string(), of["right"].to_string());
            println!("  {:<6} {made:>6}  {right:>6}  {:>9}  {:>7}", band.to_uppercase(), share("precision"), share("recall"));
        }
        println!("\n  STRONG for a record that has no counterpart: {}", figures["strong_without_partner"]);
    }
    println!(
        "{:.2} s on one core, {:.0} MiB at most, {:.0} bytes in the index per record, {:.1} microseconds for one changed record",
        number("seconds"),
        number("peak_rss_mib"),
        number("index_bytes_per_record"),
        number("update_microseconds")
    );
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
