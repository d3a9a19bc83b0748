//! One yard of processes for a drill: an installation with links, two tenants at work in it, a watch on what they are told, and at the end
//! the judge.

use super::person::Person;
use super::watch::Watch;
use super::{Outcome, Pace, Settings, judge, postgres_gone};
use crate::databases::Sql;
use crate::dice::Dice;
use crate::harm::{Holder, breakable};
use crate::installation::{Installation, Told};
use crate::proxy::Weather;
use crate::zero::Problems;
use anyhow::{Context, Result, anyhow};
use linkyard_core::id::JobId;
use linkyard_store::Store;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The company of the larger tenant, and that of its neighbour, which has a tenth of the items.
pub const COMPANIES: [i64; 2] = [4_242, 4_243];

/// A lease at the full pace.
pub const LEASE: Duration = Duration::from_secs(30);

/// How long after its lease what a killed worker had is taken up, at most.
pub const RECOVERY: Duration = Duration::from_secs(10);

/// For how long nobody calls a directory that is down, at first, at the full pace.
pub const OUTAGE_WAIT: Duration = Duration::from_secs(5);
/// And in the end.
const LONGEST_OUTAGE_WAIT: Duration = Duration::from_secs(60);

/// What a drill wants otherwise than usual.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Worker processes.
    pub workers: usize,
    /// Jobs that each of them runs at once.
    pub concurrency: usize,
    /// The simulator's delay before every answer, milliseconds.
    pub latency_ms: u32,
    /// Rows of a page of the simulator; it decides how many calls a fetch needs.
    pub page: u32,
    /// More arguments of the simulator.
    pub simulator: Vec<String>,
    /// More arguments of each worker.
    pub worker: Vec<String>,
    /// A lease at the fast pace, which takes a tenth of it.
    pub fast_lease: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            workers: 3,
            concurrency: 2,
            latency_ms: 20,
            page: 25,
            simulator: Vec::new(),
            worker: Vec::new(),
            // Less than at the full pace: what is drilled is what happens when it ends.
            fast_lease: Duration::from_secs(20),
        }
    }
}

/// Everything that a drill stands on.
#[derive(Debug)]
pub struct Yard {
    /// The processes.
    pub installation: Installation,
    /// The tables, past all links.
    pub store: Store,
    /// The tables, for what the store does not offer.
    pub sql: Sql,
    /// The tenants.
    pub people: Vec<Person>,
    settings: Settings,
    watches: Vec<Watch>,
}

/// What the damaging part of a drill has at hand.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The processes.
    pub installation: &'a mut Installation,
    /// The tables, past all links.
    pub store: &'a Store,
    /// The tables, for what the store does not offer.
    pub sql: &'a Sql,
    /// What the drill was told.
    pub settings: Settings,
    /// Its luck.
    pub dice: Dice,
    /// Somebody of the larger tenant who only looks.
    pub observer: Person,
    /// What it finds; the judge adds to it.
    pub outcome: Outcome,
}

impl Yard {
    /// Starts it. Nobody works yet.
    ///
    /// # Errors
    /// When a process does not start.
    pub async fn start(settings: Settings, plan: Plan) -> Result<Self> {
        let mut simulator = vec![
            format!("--vendors={}", settings.items),
            format!("--projects={}", (settings.items / 10).max(5)),
            format!("--seed={}", settings.seed),
            format!("--latency-ms={}", plan.latency_ms),
            format!("--max-page-size={}", plan.page),
            "--limits=off".to_owned(),
            "--people-per-vendor=1".to_owned(),
        ];
        simulator.extend(plan.simulator);
        let mut worker = vec![
            format!("--concurrency={}", plan.concurrency),
            format!("--budget-outage-first-wait-ms={}", settings.time(OUTAGE_WAIT).as_millis()),
            format!("--budget-outage-most-wait-ms={}", settings.time(LONGEST_OUTAGE_WAIT).as_millis()),
            "--budget-initial-spike-limit=3000".to_owned(),
            "--budget-initial-hour-limit=1000000".to_owned(),
            format!("--budget-spike-window-ms={}", settings.time(Duration::from_secs(10)).as_millis()),
            // Nothing begins by itself after all is quiet, while it is judged.
            "--suggest-after-ms=0".to_owned(),
        ];
        worker.extend(match settings.pace {
            Pace::Fast => {
                let lease = format!("--lease-ms={}", plan.fast_lease.as_millis());
                vec!["--pace=fast".to_owned(), lease, "--renew-ms=4000".to_owned()]
            }
            Pace::Full => vec![format!("--lease-ms={}", LEASE.as_millis())],
        });
        worker.extend(plan.worker);
        let told = Told { simulator, worker, links: Some(settings.seed) };
        let installation = Installation::start(plan.workers, told).await?;
        let (store, sql) = (installation.store().await?, installation.sql().await);
        let mut first = Person::new(installation.place()?, installation.api(0), COMPANIES[0], settings.patience())?;
        let spec = json!({ "id": COMPANIES[1], "vendors": settings.items / 10, "projects": 5, "seed": settings.seed + 1 });
        first.admin("POST", "/companies", spec).await?;
        let second = first.neighbour(installation.api(0), COMPANIES[1]).await?;
        let people = vec![first, second];
        let watches = people.iter().map(|person| Watch::begin(&person.place, person.company, &sql)).collect::<Result<_>>()?;
        Ok(Self { installation, store, sql, people, settings, watches })
    }

    /// Lets the tenants work while `damage` is done, and judges when everything is quiet again.
    ///
    /// # Errors
    /// As [`Yard::work`].
    pub async fn run(mut self, damage: impl AsyncFnOnce(&mut Scene<'_>) -> Result<()>) -> Result<Outcome> {
        let outcome = self.work(damage).await?;
        self.judge(outcome).await
    }

    /// Lets the tenants work while `damage` is done. They go on until it is done, so that there is always something that faults can hit.
    ///
    /// # Errors
    /// When the work or the damage can not be done; the error says where the logs are.
    pub async fn work(&mut self, damage: impl AsyncFnOnce(&mut Scene<'_>) -> Result<()>) -> Result<Outcome> {
        self.play(damage, true).await
    }

    /// Lets the damage be done while nobody works.
    ///
    /// # Errors
    /// As [`Yard::work`].
    pub async fn damage(&mut self, damage: impl AsyncFnOnce(&mut Scene<'_>) -> Result<()>) -> Result<Outcome> {
        self.play(damage, false).await
    }

    async fn play(&mut self, damage: impl AsyncFnOnce(&mut Scene<'_>) -> Result<()>, working: bool) -> Result<Outcome> {
        let enough = CancellationToken::new();
        let observer = self.people.first().context("a tenant")?.at(self.installation.api(0))?;
        let mut scene = Scene {
            observer,
            installation: &mut self.installation,
            store: &self.store,
            sql: &self.sql,
            settings: self.settings,
            dice: Dice::of(self.settings.seed, u64::MAX),
            outcome: Outcome::default(),
        };
        let work = futures_util::future::try_join_all(
            self.people.iter_mut().filter(|_| working).map(|person| person.work(enough.clone())),
        );
        let damage = async {
            let done = damage(&mut scene).await;
            enough.cancel();
            done
        };
        let began = Instant::now();
        let ended = tokio::try_join!(work, damage).map(|_| ());
        let mut outcome = scene.outcome;
        if let Err(error) = ended {
            return Err(error.context(format!("log and journal are in {}", self.installation.keep_files().display())));
        }
        outcome.figures.insert("seconds", began.elapsed().as_secs_f64().round());
        for link in self.installation.links().all() {
            link.weather(Weather::default());
        }
        Ok(outcome)
    }

    /// Sends every request that made a job once more: each must be answered with that job, and refused with another body.
    ///
    /// # Errors
    /// When one is not answered.
    pub async fn repeat_requests(&mut self, mut outcome: Outcome) -> Result<Outcome> {
        for person in &mut self.people {
            postgres_gone::repeated(person, &mut outcome).await?;
        }
        Ok(outcome)
    }

    /// Waits until everything is quiet, judges, and ends the processes.
    ///
    /// # Errors
    /// When something that is asked does not answer.
    pub async fn judge(mut self, mut outcome: Outcome) -> Result<Outcome> {
        self.quiet().await;
        outcome.problems.extend(self.watched().await?);
        outcome.problems.extend(judge::judge(&self.people, &self.sql).await?);
        let alive = self.installation.check_alive();
        outcome.require(alive.is_ok(), || format!("{:#}", alive.err().unwrap_or_else(|| anyhow!("all live"))));
        outcome.figures.insert("calls_repeated", self.people.iter().map(|person| person.repeated).sum::<u64>() as f64);
        if !outcome.passes() {
            eprintln!("log and journal are in {}", self.installation.keep_files().display());
        }
        self.installation.stop().await.context("the installation does not end orderly")?;
        Ok(outcome)
    }

    /// Ends the watch; answers the lies that it found.
    ///
    /// # Errors
    /// When it broke.
    pub async fn watched(&mut self) -> Result<Problems> {
        let mut problems = Problems::default();
        for watch in std::mem::take(&mut self.watches) {
            problems.extend(watch.end().await?);
        }
        Ok(problems)
    }

    /// Waits until no job lives and nothing is due, as long as patience lasts; what lives after it is what the judge calls stuck.
    pub async fn quiet(&self) {
        let live = format!(
            "select 'live' from job where state not in {} union all select 'due' from insurance i where i.due > 0
                and not exists (select 1 from mapping m where m.link_id = i.link_id and m.state = 'orphaned') limit 1",
            judge::ENDED
        );
        let began = Instant::now();
        while began.elapsed() < self.settings.patience() {
            if self.sql.texts(&live).await.is_ok_and(|found| found.is_empty()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Scene<'_> {
    /// Waits for a worker that holds a lease, of jobs that another crash does not make poison.
    ///
    /// # Errors
    /// When nobody takes a lease within the patience, or the tables do not answer for as long.
    pub async fn leased(&self) -> Result<Holder> {
        self.breakable(None, |holder| !holder.jobs.is_empty()).await.context("no worker takes a lease")
    }

    /// Waits for a worker of which `is_wanted` holds and that can be killed, as [`crate::harm::breakable`] says.
    ///
    /// # Errors
    /// When there is none within the patience, or the tables do not answer for as long.
    pub async fn breakable(&self, meant: Option<JobId>, is_wanted: impl Fn(&Holder) -> bool) -> Result<Holder> {
        let began = Instant::now();
        loop {
            // A database that was killed breaks our own ways to it as well: a look that fails is one that finds nobody.
            let why = match breakable(self.store, self.installation, meant).await {
                Ok(holders) => match holders.into_iter().find(&is_wanted) {
                    Some(holder) => return Ok(holder),
                    None => anyhow!("there is none that may be killed"),
                },
                Err(error) => error,
            };
            if began.elapsed() >= self.settings.patience() {
                return Err(why);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a worker has a job, so that what is done next hits one; answers how many jobs are under way.
    ///
    /// # Errors
    /// As [`Scene::leased`].
    pub async fn busy(&self) -> Result<u64> {
        self.leased().await?;
        Ok(self.store.leases_running().await?.len() as u64)
    }

    /// What workers did so far, as a number that rises with every claim, checkpoint and end.
    async fn done_so_far(&self) -> Result<i64> {
        let sql = "select cast(coalesce(sum(revision - 1), 0) as text) from job";
        let found = self.sql.texts(sql).await?;
        found.first().context("a sum")?.parse().context("a number")
    }

    /// Waits until workers get something done from now on; answers how long that took, at most the patience.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn goes_on(&self) -> Result<Duration> {
        let began = Instant::now();
        let before = self.done_so_far().await?;
        while began.elapsed() < self.settings.patience() && self.done_so_far().await? <= before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(began.elapsed())
    }

    /// As [`Scene::goes_on`], and requires it within `bound`; the slowest is a figure.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn goes_on_within(&mut self, bound: Duration) -> Result<()> {
        let took = self.goes_on().await?;
        let slowest = self.outcome.figures.entry("slowest_recovery_seconds").or_default();
        *slowest = slowest.max(took.as_secs_f64());
        self.outcome.require(took <= bound, || format!("after a fault work went on after {took:?}, more than {bound:?}"));
        Ok(())
    }

    /// Sleeps for this time at the full pace, or a tenth of it.
    pub async fn pause(&self, full: Duration) {
        tokio::time::sleep(self.settings.time(full)).await;
    }
}
