//! The file's way into SQL and out again: opened, sent in parts, started (which makes its job) or discarded.

use super::{Import, PART_BYTES};
use crate::ledger::{insert_job, read_job};
use crate::row::{count, get, word};
use crate::sql::{commit, execute, one};
use crate::{RequestKey, Store, audit, provider, request};
use linkyard_core::decision_file::ImportOptions;
use linkyard_core::id::{ImportId, JobId, ProviderId};
use linkyard_core::job::{Fence, Job, JobKind, Lane, NewJob};
use linkyard_core::mapping::{OnLookalike, Subject};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;

impl Store {
    /// Begins a file about one list of a provider.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Conflict(State)` while it is `PENDING_APPROVAL` or being deleted.
    pub async fn import_open(&self, scope: &Scope, provider: ProviderId, options: &ImportOptions) -> Result<ImportId> {
        provider::require_approved(&self.reader, scope.organization, provider).await?;
        let id = ImportId::generate();
        let sql = "insert into decision_import (id, organization_id, provider_id, subject, confirm, on_lookalike, created_at_ms)
            values ($1, $2, $3, $4, $5, $6, {now})";
        let values = [
            id.0.into(),
            scope.organization.0.into(),
            provider.0.into(),
            options.subject.as_str().into(),
            options.confirm.into(),
            options.on_lookalike.as_str().into(),
        ];
        execute(&self.writer, sql, values).await?;
        Ok(id)
    }

    /// Stores part `number` (from 0) of a file: [`PART_BYTES`] of it, fewer only in the last one.
    ///
    /// # Errors
    /// `Invalid` for a part that is too large; `NotFound` for a file that is not there or was started already.
    pub async fn import_part_store(&self, scope: &Scope, id: ImportId, number: u64, content: &[u8]) -> Result<()> {
        if content.len() > PART_BYTES {
            return Err(Error::invalid("csv", format!("a part has more than {PART_BYTES} bytes")));
        }
        let sql = "insert into decision_import_part (import_id, number, content)
            select i.id, $3, $4 from decision_import i where i.id = $1 and i.organization_id = $2 and i.job_id is null";
        let values = [id.0.into(), scope.organization.0.into(), signed(number).into(), content.to_vec().into()];
        match execute(&self.writer, sql, values).await? {
            1 => Ok(()),
            _ => Err(Error::not_found("import", id)),
        }
    }

    /// Makes the job that carries out a file of `lines` lines; the same request gets the job that it made before, and this file goes.
    ///
    /// # Errors
    /// `NotFound` for the file; `Conflict(State)` for a provider that is `PENDING_APPROVAL` or being deleted;
    /// `Conflict(RequestIdReused)`.
    pub async fn import_start(&self, scope: &Scope, id: ImportId, lines: u64, request: Option<&RequestKey>) -> Result<Job> {
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            let job =
                uuid::Uuid::from_slice(&answer).map_err(|error| Error::internal("a remembered answer names no job", error))?;
            discard(&tx, scope, id).await?;
            let job = read_job(&tx, scope.organization, JobId(job)).await?;
            commit(tx).await?;
            return Ok(job);
        }
        let sql = "select provider_id from decision_import where id = $1 and organization_id = $2 and job_id is null {lock}";
        let found = one(&tx, sql, [id.0.into(), scope.organization.0.into()]).await?;
        let found = found.ok_or_else(|| Error::not_found("import", id))?;
        let provider = ProviderId(get(&found, "provider_id")?);
        provider::require_approved(&tx, scope.organization, provider).await?;
        let new = NewJob {
            provider: Some(provider),
            parent: None,
            kind: JobKind::ImportDecisions,
            dedupe_key: id.to_string(),
            lane: Lane::Person,
            payload: serde_json::json!({ "import": id }),
            run_at_ms: None,
        };
        let job = insert_job(&tx, scope, &new).await?;
        let sql = "update decision_import set job_id = $2, line_count = $3 where id = $1";
        execute(&tx, sql, [id.0.into(), job.id.0.into(), signed(lines).into()]).await?;
        let detail = format!("{lines} lines");
        audit::note(&tx, scope.organization, &scope.actor, "mapping.import", "provider", &provider.to_string(), &detail).await?;
        request::remember(&tx, scope.organization, request, job.id.0.as_bytes()).await?;
        commit(tx).await?;
        Ok(job)
    }

    /// Forgets a file that was not started; one that is not there is forgotten already.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn import_discard(&self, scope: &Scope, id: ImportId) -> Result<()> {
        let tx = self.begin().await?;
        discard(&tx, scope, id).await?;
        commit(tx).await
    }

    /// The file that this job carries out; `None` when it was purged.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn import_of_job(&self, fence: &Fence) -> Result<Option<Import>> {
        let sql = "select id, provider_id, subject, confirm, on_lookalike, line_count, link_job_id from decision_import
            where job_id = $1 and organization_id = $2";
        let found = one(&self.reader, sql, [fence.job.0.into(), fence.organization.0.into()]).await?;
        let Some(row) = found else { return Ok(None) };
        let options = ImportOptions {
            subject: word(&row, "subject", Subject::parse)?,
            confirm: get(&row, "confirm")?,
            on_lookalike: word(&row, "on_lookalike", OnLookalike::parse)?,
        };
        Ok(Some(Import {
            id: ImportId(get(&row, "id")?),
            provider: ProviderId(get(&row, "provider_id")?),
            options,
            lines: count(&row, "line_count")?,
            link_job: get::<Option<uuid::Uuid>>(&row, "link_job_id")?.map(JobId),
        }))
    }

    /// Part `number` of a file that a job carries out; `None` after the last one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn import_part(&self, fence: &Fence, import: &Import, number: u64) -> Result<Option<Vec<u8>>> {
        let sql = "select p.content from decision_import i cross join decision_import_part p
            where p.import_id = i.id and i.id = $1 and i.organization_id = $2 and i.job_id = $3 and p.number = $4";
        let values = [import.id.0.into(), fence.organization.0.into(), fence.job.0.into(), signed(number).into()];
        one(&self.reader, sql, values).await?.map(|row| get(&row, "content")).transpose()
    }
}

async fn discard(connection: &impl ConnectionTrait, scope: &Scope, id: ImportId) -> Result<()> {
    let own = "select i.id from decision_import i where i.id = $1 and i.organization_id = $2 and i.job_id is null";
    let values = || [id.0.into(), scope.organization.0.into()];
    execute(connection, &format!("delete from decision_import_part where import_id in ({own})"), values()).await?;
    execute(connection, &format!("delete from decision_import where id in ({own})"), values()).await.map(|_| ())
}

/// Numbers of ours as the databases have them.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
