//! When scheduled work is due: one row per owner (a provider or an organization) and schedule. What the schedules are is the worker's.
//!
//! Works across tenants, like the feeder. Starting is one conditional update together with the job's row, so any number of processes may
//! try at once and one of them does it. What came due while its provider could not work is done once when it can, not once per period.

use crate::row::get;
use crate::sql::{all, commit, execute};
use crate::{Store, ledger};
use linkyard_core::Result;
use linkyard_core::id::{OrganizationId, ProviderId};
use linkyard_core::job::{JobKind, Lane, NewJob};
use linkyard_core::scope::Scope;
use uuid::Uuid;

/// Who has a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleOwner {
    /// Every provider that works and whose schedules are not switched off.
    Provider,
    /// As [`ScheduleOwner::Provider`], where compliance is pushed.
    PushingProvider,
    /// Every provider that needs attention, where asking again can tell that it was mended, and whose schedules are not switched off. A
    /// connection test only reads, so it can not tell of a missing permission to write.
    FailingProvider,
    /// Every organization.
    Organization,
}

/// Work that is done again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name, unique among schedules.
    pub name: &'static str,
    /// Whose it is.
    pub owner: ScheduleOwner,
    /// What is done.
    pub kind: JobKind,
    /// Who waits.
    pub lane: Lane,
    /// The job's payload.
    pub payload: serde_json::Value,
    /// What the job's dedupe key has behind its owner's id; empty where a job that anybody asked for is as good.
    pub key: &'static str,
    /// Waits while a job of this kind under the owner's plain id lives: it would swallow the payload, or does more.
    pub alone: bool,
}

/// A schedule of one owner whose time has come, or that has no time yet.
#[derive(Clone, Debug)]
pub struct ScheduleDue {
    owner: Uuid,
    organization: OrganizationId,
    /// IANA time zone of the organization.
    pub time_zone: String,
    /// The database's clock, milliseconds since 1970.
    pub now_ms: i64,
    /// When it was due; `None` when it is seen for the first time.
    pub next_at_ms: Option<i64>,
}

impl Store {
    /// The owners of `schedule` for which it is due.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn schedule_due(&self, schedule: &Schedule) -> Result<Vec<ScheduleDue>> {
        let works = "p.state = 'active' and p.schedules";
        let owners = match schedule.owner {
            ScheduleOwner::Provider => format!("select p.id, p.organization_id from provider p where {works}"),
            ScheduleOwner::PushingProvider => {
                format!("select p.id, p.organization_id from provider p where {works} and p.pushes")
            }
            ScheduleOwner::FailingProvider => "select p.id, p.organization_id from provider p
                where p.state = 'needs_attention' and p.attention <> 'permission' and p.schedules"
                .to_owned(),
            ScheduleOwner::Organization => "select o.id, o.id as organization_id from organization o".to_owned(),
        };
        let sql = format!(
            "select owner.id, owner.organization_id, o.time_zone, clock.now_ms, s.next_at_ms
             from ({owners}) as owner cross join (select {{now}} as now_ms) as clock join organization o on o.id = owner.organization_id
             left join schedule s on s.owner_id = owner.id and s.name = $1
             where s.next_at_ms is null or s.next_at_ms <= clock.now_ms"
        );
        let found = all(&self.reader, &sql, [schedule.name.into()]).await?;
        let due = found.iter().map(|row| {
            Ok(ScheduleDue {
                owner: get(row, "id")?,
                organization: OrganizationId(get(row, "organization_id")?),
                time_zone: get(row, "time_zone")?,
                now_ms: get(row, "now_ms")?,
                next_at_ms: get(row, "next_at_ms")?,
            })
        });
        due.collect()
    }

    /// Starts `schedule` for an owner and sets its next time; one that is seen for the first time only gets its time. Answers whether a
    /// job was written (or joined) by this call.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn schedule_start(&self, schedule: &Schedule, due: &ScheduleDue, next_at_ms: i64) -> Result<bool> {
        let Some(was_ms) = due.next_at_ms else {
            let sql =
                "insert into schedule (owner_id, name, next_at_ms) values ($1, $2, $3) on conflict (owner_id, name) do nothing";
            execute(&self.writer, sql, [due.owner.into(), schedule.name.into(), next_at_ms.into()]).await?;
            return Ok(false);
        };
        let tx = self.begin().await?;
        let sql = "update schedule set next_at_ms = $4 where owner_id = $1 and name = $2 and next_at_ms = $3";
        let values = [due.owner.into(), schedule.name.into(), was_ms.into(), next_at_ms.into()];
        if execute(&tx, sql, values).await? == 0 {
            return Ok(false);
        }
        let provider = match schedule.owner {
            ScheduleOwner::Provider | ScheduleOwner::PushingProvider | ScheduleOwner::FailingProvider => {
                Some(ProviderId(due.owner))
            }
            ScheduleOwner::Organization => None,
        };
        let new = NewJob {
            provider,
            parent: None,
            kind: schedule.kind,
            dedupe_key: format!("{}{}", due.owner, schedule.key),
            lane: schedule.lane,
            payload: schedule.payload.clone(),
            run_at_ms: None,
        };
        if schedule.alone && ledger::is_live(&tx, schedule.kind, &due.owner.to_string()).await? {
            return Ok(false);
        }
        ledger::insert_job(&tx, &Scope::new(due.organization, "schedule"), &new).await?;
        commit(tx).await?;
        Ok(true)
    }
}
