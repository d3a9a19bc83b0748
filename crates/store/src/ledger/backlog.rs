//! What is live in the ledger, over all tenants, in numbers: for operators. Answers no ids and nothing of a customer.

use super::LIVE;
use super::claim::runnable;
use crate::Store;
use crate::row::get;
use crate::sql::{all, one};
use linkyard_core::job::Backlog;
use linkyard_core::{Error, Result};

impl Store {
    /// The live jobs, counted.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn backlog(&self) -> Result<Backlog> {
        let sql = format!("select kind, state, count(*) as n from job where {LIVE} group by kind, state order by kind, state");
        let mut backlog = Backlog::default();
        for row in all(&self.reader, &sql, []).await? {
            backlog.jobs.push((get(&row, "kind")?, get(&row, "state")?, get(&row, "n")?));
        }
        let sql = format!(
            "select (select count(*) from job where {LIVE} and {runnable}) as runnable,
                coalesce((select {{now}} - min(job.run_at_ms) from job where {LIVE} and {runnable}), 0) as oldest_ms,
                (select count(*) from job left join provider on provider.id = job.provider_id where job.{LIVE}
                    and (job.state = 'waiting_for_budget' and job.run_at_ms > {{now}} or provider.not_before_ms > {{now}})) as limited",
            runnable = runnable(),
        );
        let found = one(&self.reader, &sql, []).await?.ok_or_else(|| Error::broken("a select of counts has one row"))?;
        backlog.runnable = get(&found, "runnable")?;
        backlog.oldest_runnable_ms = get(&found, "oldest_ms")?;
        backlog.rate_limited = get(&found, "limited")?;
        Ok(backlog)
    }
}
