//! Where a benchmark works: a fresh database of one kind, a tenant and a provider in it, and jobs by the thousand.

use anyhow::{Context, Result, ensure};
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{JobKind, Lane, NewJob};
use linkyard_core::scope::Scope;
use linkyard_store::Store;
use linkyard_tests::databases::{Databases, Sql, open_sql, open_store};
use linkyard_tests::ground;
use std::time::Duration;

/// Rows that one statement writes.
const ROWS_PER_STATEMENT: usize = 5_000;

/// How often a benchmark looks whether the work is done. Times come from the rows, so this only decides how soon it goes on.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Longer than any benchmark, milliseconds.
const LATER_MS: i64 = 3_600_000;

fn new_job(provider: ProviderId) -> NewJob {
    ground::new_job(Some(provider), JobKind::SyncLinked, Lane::Background, JobId::generate().to_string())
}

/// A database of its own, migrated, with one tenant and one working provider.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) store: Store,
    pub(crate) scope: Scope,
    pub(crate) provider: ProviderId,
    sql: Sql,
    databases: Databases,
}

/// The two kinds of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// How figures of it are called.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Place {
    pub(crate) async fn new(kind: Kind) -> Result<Self> {
        let databases = match kind {
            Kind::Sqlite => Databases::sqlite(),
            Kind::Postgres => Databases::postgres().await,
        };
        let url = databases.fresh_url().await;
        let store = open_store(&url).await?;
        let scope = ground::tenant(&store, "bench").await;
        let provider = ground::active_provider(&store, &scope, 1).await.id;
        let sql = open_sql(&url).await;
        Ok(Self { url, store, scope, provider, sql, databases })
    }

    /// One more provider of the same tenant.
    pub(crate) async fn provider(&self, company: i64) -> ProviderId {
        ground::active_provider(&self.store, &self.scope, company).await.id
    }

    /// Drops the database.
    pub(crate) async fn leave(self) {
        let Self { store, sql, databases, .. } = self;
        drop((store, sql));
        databases.drop_all().await;
    }

    /// Runs a statement without parameters.
    pub(crate) async fn execute(&self, sql: &str) {
        self.sql.execute(sql).await;
    }

    /// Reads one number.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.sql.number(sql).await
    }

    /// Reads one text of each row.
    pub(crate) async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        self.sql.texts(sql).await
    }

    /// The database's clock, milliseconds since 1970.
    pub(crate) async fn now_ms(&self) -> Result<i64> {
        Ok(self.store.now_ms().await?)
    }

    /// Takes the latest state of the tables into account, as the database does by itself after a while.
    pub(crate) async fn analyze(&self) {
        self.sql.execute("analyze").await;
    }

    /// Writes a job for `provider` as the product does.
    pub(crate) async fn enqueue(&self, provider: ProviderId) -> Result<JobId> {
        Ok(self.store.job_enqueue(&self.scope, &new_job(provider), None).await?.id)
    }

    /// Writes so many runnable jobs for each of these providers, in one transaction: copies of a row that the product wrote, with ids and
    /// keys of their own. Answers the time of the commit on the database's clock.
    pub(crate) async fn enqueue_many(&self, jobs: &[(ProviderId, usize)]) -> Result<i64> {
        let template = self.template().await?;
        self.sql.execute("begin").await;
        for (provider, count) in jobs {
            let mut left = *count;
            while left > 0 {
                let rows = left.min(ROWS_PER_STATEMENT);
                self.sql.execute(&self.copies(template, *provider, rows)).await;
                left -= rows;
            }
        }
        self.sql.execute("commit").await;
        self.now_ms().await
    }

    /// A job that the product wrote and nobody will run.
    async fn template(&self) -> Result<JobId> {
        let later = NewJob { run_at_ms: Some(self.now_ms().await? + LATER_MS), ..new_job(self.provider) };
        let job = self.store.job_enqueue(&self.scope, &later, None).await?.id;
        self.store.job_cancel(&self.scope, job, None).await?;
        Ok(job)
    }

    fn copies(&self, template: JobId, provider: ProviderId, rows: usize) -> String {
        let values: Vec<String> = (0..rows)
            .map(|_| {
                let id = JobId::generate();
                format!("({}, '{id}')", self.id(id.0))
            })
            .collect();
        format!(
            "insert into job (id, organization_id, provider_id, kind, dedupe_key, lane, payload_version, payload, state, run_at_ms,
                actor, created_at_ms)
             select v.column1, organization_id, {provider}, kind, v.column2, lane, payload_version, payload, 'queued', {now}, actor, {now}
             from job cross join (values {}) as v where id = {}",
            values.join(", "),
            self.id(template.0),
            provider = self.id(provider.0),
            now = self.now(),
        )
    }

    /// An id of ours as a word of SQL.
    pub(crate) fn id(&self, id: uuid::Uuid) -> String {
        if self.is_sqlite() { format!("x'{}'", id.simple()) } else { format!("'{id}'::uuid") }
    }

    /// The database's clock as a word of SQL.
    pub(crate) fn now(&self) -> &'static str {
        if self.is_sqlite() {
            "cast(unixepoch('subsec') * 1000 as integer)"
        } else {
            "(extract(epoch from clock_timestamp()) * 1000)::bigint"
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.store.backend_name() == "sqlite"
    }

    /// Waits until no job is left.
    pub(crate) async fn until_idle(&self) -> Result<()> {
        self.until_idle_looking(LOOK_EVERY).await
    }

    /// The same with a look every so often.
    pub(crate) async fn until_idle_looking(&self, every: Duration) -> Result<()> {
        let left = "select count(*) from (
            select 1 from job where state not in ('succeeded', 'partial', 'failed', 'cancelled') limit 1) as first";
        while self.number(left).await > 0 {
            tokio::time::sleep(every).await;
        }
        Ok(())
    }

    /// Waits until so many workers take jobs.
    pub(crate) async fn until_workers(&self, workers: usize) -> Result<()> {
        while self.store.workers_alive(60_000).await?.len() < workers {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until a job of `provider` has started that is one of many.
    pub(crate) async fn until_started(&self, provider: ProviderId) {
        let started = format!(
            "select count(*) from (select 1 from job where provider_id = {} and lane = 'background' and state = 'running' limit 2) as two",
            self.id(provider.0)
        );
        self.until(&started, 2).await;
    }

    /// Waits until `sql` answers at least `number`.
    pub(crate) async fn until(&self, sql: &str, number: i64) {
        while self.number(sql).await < number {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// When the last job ended, on the database's clock; after a look whether each job of these many ended well after one start.
    pub(crate) async fn last_end_ms(&self, jobs: usize, since_ms: i64) -> Result<i64> {
        let condition =
            format!("state = 'succeeded' and epoch = 1 and created_at_ms <= {since_ms} and finished_at_ms >= {since_ms}");
        let ended = self.number(&format!("select count(*) from job where {condition}")).await;
        let jobs = i64::try_from(jobs).context("a number of jobs")?;
        ensure!(ended >= jobs, "of {jobs} jobs {ended} succeeded at their first start");
        Ok(self.number(&format!("select max(finished_at_ms) from job where {condition}")).await)
    }
}
