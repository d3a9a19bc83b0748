//! `linkyard doctor`: looks at an installation from where it is called, and says of everything that is not as it should be what to do.
//!
//! It reads and asks, and changes nothing: neither the database nor anything in Procore. What it finds is a list of findings, so that a
//! person and a script see the same. Run it with the environment of the process that gives trouble.

use super::data_dir::DataDir;
use super::sealing::SealingArgs;
use crate::args::DATA_DIR;
use crate::exit::{Exit, ExitCode};
use crate::output_line;
use anyhow::Result;
use linkyard_core::error::Attention;
use linkyard_core::provider::ProviderState;
use linkyard_procore::Procore;
use linkyard_queue::{BudgetArgs, MemoryBudget, Redis, RedisArgs};
use linkyard_store::{SealingKey, Store};
use secrecy::SecretString;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Clocks further apart than this confuse whoever compares log lines with what the database says.
const MOST_SKEW: Duration = Duration::from_secs(2);

/// A job that nobody took for so long says that no worker runs, or that all of them are busy.
const LONG_WAIT: Duration = Duration::from_secs(60);

/// Less free space than this beside an SQLite database is worth a word.
const LITTLE_SPACE: u64 = 1 << 30;

/// Look at an installation and say what is wrong with it and what to do.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct DoctorArgs {
    /// The database of an installation; without it that of the data directory is looked at.
    #[arg(long, env = "LINKYARD_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// The Redis of an installation with processes; embedded mode has none.
    #[arg(long, env = "LINKYARD_REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<String>,

    /// The data directory of embedded mode.
    #[arg(long, env = "LINKYARD_DATA_DIR", default_value = DATA_DIR, value_name = "DIR")]
    pub data_dir: PathBuf,

    /// The key that seals secrets.
    #[command(flatten)]
    pub sealing: SealingArgs,

    /// Where Procore is.
    #[command(flatten)]
    pub procore: linkyard_procore::Args,

    /// Print one JSON object: the findings, and whether all is well.
    #[arg(long)]
    pub json: bool,
}

/// How a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Ok,
    /// Works, and somebody should know.
    Warn,
    /// Does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What is there.
    found: String,
    /// What to do; empty when nothing is to be done.
    advice: String,
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.0.push(Finding { check, verdict: Verdict::Ok, found: found.into(), advice: String::new() });
    }

    fn warn(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { check, verdict: Verdict::Warn, found: found.into(), advice: advice.into() });
    }

    fn fail(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { check, verdict: Verdict::Fail, found: found.into(), advice: advice.into() });
    }

    fn failures(&self) -> usize {
        self.0.iter().filter(|finding| finding.verdict == Verdict::Fail).count()
    }
}

/// Looks, and prints what was found.
///
/// # Errors
/// Exit code 5 when something does not work.
pub async fn run(args: DoctorArgs) -> Result<()> {
    let mut findings = Findings::default();
    let key = sealing_key(&args, &mut findings);
    database(&args, key, &mut findings).await;
    redis(&args, &mut findings).await;
    procore(&args, &mut findings).await;
    print(&findings, args.json)?;
    match findings.failures() {
        0 => Ok(()),
        1 => Err(Exit::error(ExitCode::Precondition, "one thing does not work")),
        count => Err(Exit::error(ExitCode::Precondition, format!("{count} things do not work"))),
    }
}

fn print(findings: &Findings, json: bool) -> Result<()> {
    if json {
        let all = serde_json::json!({ "well": findings.failures() == 0, "findings": findings.0 });
        return output_line(&serde_json::to_string_pretty(&all)?);
    }
    for finding in &findings.0 {
        let word = match finding.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        output_line(&format!("{word} {}: {}", finding.check, finding.found))?;
        if !finding.advice.is_empty() {
            output_line(&format!("       -> {}", finding.advice))?;
        }
    }
    Ok(())
}

/// The key as a server would load it. `None` when there is none that can be used.
fn sealing_key(args: &DoctorArgs, findings: &mut Findings) -> Option<SealingKey> {
    const CHECK: &str = "sealing key";
    if args.database_url.is_some() {
        return match args.sealing.load() {
            Ok(sealing) => {
                findings.ok(CHECK, "given");
                Some(sealing.key)
            }
            Err(error) => {
                findings.fail(CHECK, format!("{error:#}"), "give every process of the installation the same key");
                None
            }
        };
    }
    let file = DataDir::sealing_key_in(&args.data_dir);
    let read = std::fs::read_to_string(&file).map_err(|error| error.to_string());
    match read.and_then(|text| SealingKey::from_hex(&SecretString::from(text.trim())).map_err(|error| error.to_string())) {
        Ok(key) => {
            findings.ok(CHECK, format!("in {}", file.display()));
            Some(key)
        }
        Err(error) => {
            let advice =
                "linkyard up makes it on its first start; a lost key can not be replaced: enter the providers' secrets again";
            findings.fail(CHECK, format!("{}: {error}", file.display()), advice);
            None
        }
    }
}

async fn database(args: &DoctorArgs, key: Option<SealingKey>, findings: &mut Findings) {
    const CHECK: &str = "database";
    let url = match &args.database_url {
        Some(url) => url.clone(),
        None => {
            let file = DataDir::database_in(&args.data_dir);
            if !file.is_file() {
                let advice = "run linkyard up, or name the place with --data-dir or --database-url";
                return findings.fail(CHECK, format!("{} is not there", file.display()), advice);
            }
            free_space(&args.data_dir, findings);
            format!("sqlite:{}", file.display())
        }
    };
    let (known, database) = (key.is_some(), linkyard_store::Args { database_url: url, connections: 2 });
    let store = match Store::connect(&database, key.unwrap_or_else(SealingKey::generate)).await {
        Ok(store) => store,
        Err(error) => return findings.fail(CHECK, error.to_string(), "start the database, or correct --database-url"),
    };
    match store.now_ms().await {
        Ok(now_ms) => {
            findings.ok(CHECK, format!("{} answers", store.backend_name()));
            clock(now_ms, findings);
        }
        Err(error) => return findings.fail(CHECK, error.to_string(), "start the database, or correct --database-url"),
    }
    match store.migrations_missing().await {
        Ok(missing) if missing.is_empty() => findings.ok("schema", "of this release"),
        Ok(missing) => {
            return findings.fail("schema", format!("{} changes are missing", missing.len()), "run linkyard migrate up");
        }
        Err(error) => {
            return findings.fail("schema", error.to_string(), "run the release that migrated this database, or a later one");
        }
    }
    providers(&store, known, findings).await;
    jobs(&store, findings).await;
}

fn free_space(data_dir: &std::path::Path, findings: &mut Findings) {
    if let Ok(free) = fs4::available_space(data_dir) {
        let found = format!("{} MiB free beside the database", free >> 20);
        if free < LITTLE_SPACE {
            return findings.warn("disk", found, "make room: a full disk stops every write");
        }
        findings.ok("disk", found);
    }
}

fn clock(database_ms: i64, findings: &mut Findings) {
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let database = Duration::from_millis(u64::try_from(database_ms).unwrap_or_default());
    let skew = ours.abs_diff(database);
    if skew > MOST_SKEW {
        let found = format!("this machine and the database are {} seconds apart", skew.as_secs());
        return findings.warn(
            "clock",
            found,
            "leases use the database's clock and are safe; set both by NTP, so that logs can be read",
        );
    }
    findings.ok("clock", "this machine and the database agree");
}

async fn providers(store: &Store, key_is_known: bool, findings: &mut Findings) {
    const CHECK: &str = "provider";
    let providers = match store.providers_health().await {
        Ok(providers) => providers,
        Err(error) => return findings.fail(CHECK, error.to_string(), "see the database"),
    };
    if providers.is_empty() {
        findings.ok(CHECK, "none is set up yet");
    }
    for provider in providers {
        let name = provider.id;
        if key_is_known && !provider.secret_opens {
            let advice = "start every process with the key that sealed it, or enter the provider's secret again";
            findings.fail(CHECK, format!("{name}: its secret can not be opened with this sealing key"), advice);
            continue;
        }
        match provider.state {
            ProviderState::Active => findings.ok(CHECK, format!("{name} is active")),
            ProviderState::NeedsAttention => {
                let advice = provider.attention.map_or("see linkyard provider get", advice_of);
                findings.fail(CHECK, format!("{name} needs attention"), advice);
            }
            ProviderState::Paused => {
                findings.warn(CHECK, format!("{name} is paused"), "linkyard provider resume lets it work again")
            }
            ProviderState::PendingApproval => {
                findings.warn(CHECK, format!("{name} waits for approval"), "an operator approves it: linkyard provider approve");
            }
            ProviderState::Testing | ProviderState::Deleting | ProviderState::Deleted => {
                findings.ok(CHECK, format!("{name} is {}", provider.state.as_str()));
            }
        }
    }
}

fn advice_of(attention: Attention) -> &'static str {
    match attention {
        Attention::Credentials => "correct the client id and secret",
        Attention::NotInstalled => "install the app in the Procore company",
        Attention::NotConnected => "connect the app to the Procore company again",
        Attention::Permission => "give the app's service account the permissions that the message names",
        Attention::UnknownCompany => "correct the company id",
        Attention::UpstreamDown => "see whether this machine reaches Procore, then linkyard provider test",
        Attention::TestUnfinished => "see the job of the connection test, then linkyard provider test",
    }
}

async fn jobs(store: &Store, findings: &mut Findings) {
    match store.backlog().await {
        Ok(backlog) => {
            let live: i64 = backlog.jobs.iter().map(|(_, _, count)| count).sum();
            let found = format!("{live} live, {} runnable, {} wait for the rate limit", backlog.runnable, backlog.rate_limited);
            let waited = Duration::from_millis(u64::try_from(backlog.oldest_runnable_ms).unwrap_or_default());
            if waited > LONG_WAIT {
                let found = format!("{found}; the oldest runnable one has waited {} seconds", waited.as_secs());
                return findings.warn("jobs", found, "start a worker, or another one");
            }
            findings.ok("jobs", found);
        }
        Err(error) => findings.fail("jobs", error.to_string(), "see the database"),
    }
}

async fn redis(args: &DoctorArgs, findings: &mut Findings) {
    const CHECK: &str = "redis";
    let Some(redis_url) = args.redis_url.clone() else { return };
    let opened = Redis::new(&RedisArgs { redis_url, redis_tag: "ly".to_owned() });
    let inspected = match opened {
        Ok(redis) => redis.inspect().await,
        Err(error) => Err(error),
    };
    match inspected {
        Ok(found) if found.is_empty() => findings.ok(CHECK, "answers, keeps what it has and evicts nothing"),
        Ok(found) => {
            for one in found {
                findings.warn(
                    CHECK,
                    one.to_string(),
                    "set appendonly yes and maxmemory-policy noeviction, on release 7 or later",
                );
            }
        }
        Err(error) => findings.fail(CHECK, error.to_string(), "start Redis, or correct --redis-url; jobs wait in SQL meanwhile"),
    }
}

async fn procore(args: &DoctorArgs, findings: &mut Findings) {
    const CHECK: &str = "procore";
    let client = match Procore::new(&args.procore, Arc::new(MemoryBudget::new(&BudgetArgs::default()))) {
        Ok(client) => client,
        Err(error) => {
            return findings.fail(CHECK, error.to_string(), "correct the --procore flags or LINKYARD_PROCORE variables");
        }
    };
    match client.sign_in().await {
        Ok(true) => findings.ok(CHECK, format!("{} gives a token to this installation's app", args.procore.login_url)),
        Ok(false) => {
            let advice =
                "fine when every provider has credentials of its own; otherwise set LINKYARD_PROCORE_CLIENT_ID and its secret";
            findings.warn(CHECK, "this installation has no Procore app of its own", advice);
        }
        Err(error) if error.retryable() => {
            findings.fail(CHECK, error.to_string(), "see whether this machine reaches Procore, and Procore's status page");
        }
        Err(error) => findings.fail(CHECK, error.to_string(), "correct the app's client id and secret"),
    }
}
