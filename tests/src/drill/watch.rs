//! Looks for lies while the drill runs: polls the status API, and when that says done looks at once whether the effect is there. What it
//! checks can only come, not go, while a drill runs, so an effect that is missing a moment after the word is a lie however slow we look.

use super::person::Person;
use crate::checker::Where;
use crate::databases::Sql;
use crate::zero::{Problems, Zero};
use anyhow::{Context, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A watch that goes on until it is ended.
#[derive(Debug)]
pub struct Watch {
    end: CancellationToken,
    task: JoinHandle<Problems>,
}

impl Watch {
    /// Begins to watch the jobs of a tenant, which need not have a provider yet.
    ///
    /// # Errors
    /// When an address is none.
    pub fn begin(place: &Where, company: i64, sql: &Sql) -> Result<Self> {
        let api = Person::new(place.clone(), place.server.clone(), company, Duration::ZERO)?;
        let end = CancellationToken::new();
        let watcher = Watcher { api, sql: sql.clone(), seen: HashSet::new(), problems: Problems::default() };
        Ok(Self { task: tokio::spawn(watcher.watch(end.clone())), end })
    }

    /// Ends it; answers what it found.
    ///
    /// # Errors
    /// When it broke.
    pub async fn end(self) -> Result<Problems> {
        self.end.cancel();
        self.task.await.context("the watch broke")
    }
}

struct Watcher {
    api: Person,
    sql: Sql,
    /// Jobs whose end was looked at.
    seen: HashSet<String>,
    problems: Problems,
}

impl Watcher {
    async fn watch(mut self, end: CancellationToken) -> Problems {
        loop {
            let last = end.is_cancelled();
            // While something is down there is no status that could lie; the next look finds what this one missed.
            let _ = self.look().await;
            if last {
                return self.problems;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look(&mut self) -> Result<()> {
        let states = vec![State::Succeeded.into(), State::Partial.into()];
        let request = v1::ListJobsRequest { page_size: 1_000, states, include_children: true, ..Default::default() };
        let listed = self.api.try_once(request, async |channel, request| JobServiceClient::new(channel).list_jobs(request).await);
        for job in listed.await?.jobs {
            if !self.seen.contains(&job.name) {
                let lies = self.lies(&job).await?;
                for lie in lies {
                    self.problems.note(Zero::Lying, format!("{} ({}) was done, but {lie}", job.name, job.kind));
                }
                self.seen.insert(job.name);
            }
        }
        Ok(())
    }

    /// What is not there although `job` is said to be done.
    async fn lies(&self, job: &v1::Job) -> Result<Vec<String>> {
        let id = job.name.trim_start_matches("jobs/");
        let provider = job.provider.trim_start_matches("providers/");
        match job.kind.as_str() {
            "test_connection" => {
                let sql =
                    format!("select 'the provider is still testing' from provider where id = '{provider}' and state = 'testing'");
                self.sql.texts(&sql).await
            }
            "fetch_directory" => {
                let rows = stated_rows(job);
                let sql = format!(
                    "select 'of {rows} vendors ' || count(*) || ' were there' from directory_record
                     where provider_id = '{provider}' and subject = 'vendor' having count(*) < {rows}"
                );
                self.sql.texts(&sql).await
            }
            "link_parties" | "link_projects" => {
                let stated = job.progress.unwrap_or_default().succeeded;
                let unlinked = format!(
                    "select 'record ' || record_id || ' was ' || state from mapping
                     where job_id = '{id}' and state in ('confirmed', 'linking')
                     union all select 'of {stated} links ' || count(*) || ' were there' from mapping
                     where job_id = '{id}' and state in ('linked', 'ignored') having count(*) < {stated}"
                );
                self.sql.texts(&unlinked).await
            }
            "push_compliance" => self.unseen_insurances(provider).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Insurances that are called pushed and that the directory does not show, or shows as they were before.
    async fn unseen_insurances(&self, provider: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Shown {
            origin_id: Option<String>,
            limit: Option<String>,
            gone: bool,
        }
        let sql = format!(
            "select 'linkyard:' || i.link_id || ':' || i.coverage_id || ' ' || coalesce(c.limit_amount, '0')
             from insurance i join coverage c on c.id = i.coverage_id
             where i.provider_id = '{provider}' and i.due = 0 and i.reason is null and not i.retire"
        );
        let stated = self.sql.texts(&sql).await?;
        let path = format!("/companies/{}/directory?resource=insurances", self.api.company);
        let text = self.api.admin("GET", &path, serde_json::Value::Null).await?;
        let mut shown = HashMap::new();
        for line in text.lines() {
            let row: Shown = serde_json::from_str(line).context("an insurance of the simulator")?;
            if let (Some(mark), false) = (row.origin_id, row.gone) {
                shown.insert(mark, row.limit);
            }
        }
        let amount = |text: &str| text.parse::<f64>().unwrap_or_default();
        Ok(stated
            .iter()
            .filter_map(|line| {
                let (mark, limit) = line.split_once(' ')?;
                match shown.get(mark) {
                    None => Some(format!("the directory did not show {mark}")),
                    // Limits only rise in a drill.
                    Some(seen) if amount(seen.as_deref().unwrap_or_default()) < amount(limit) => {
                        Some(format!("the directory showed {mark} with {seen:?} instead of {limit}"))
                    }
                    Some(_) => None,
                }
            })
            .collect())
    }
}

/// How many different vendors a fetch says that it read; 0 where it read changes only.
fn stated_rows(job: &v1::Job) -> u64 {
    use prost_types::value::Kind;
    let field = |fields: &prost_types::Struct, name: &str| fields.fields.get(name).and_then(|value| value.kind.clone());
    let Some(Kind::StructValue(vendors)) = job.result.as_ref().and_then(|result| field(result, "vendor")) else { return 0 };
    match field(&vendors, "distinct") {
        Some(Kind::NumberValue(rows)) => rows as u64,
        Some(_) | None => 0,
    }
}
