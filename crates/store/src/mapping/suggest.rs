//! Suggestions in SQL: when a pass over a provider's undecided records is due, what it reads, when there is nothing to do, and its end.
//!
//! A pass reads both sides page by page, outside of any transaction, has them compared (not here), and saves window by window (`save.rs`).
//! What changes meanwhile makes the next pass look again: it compares what both sides were like when the last one began.

mod declined;
mod save;

pub(super) use declined::between as declined_between;
pub(super) use declined::decline;
pub(super) use declined::decline_others;
pub use save::SuggestionsSaved;

use crate::directory::{ID, List, ids};
use crate::features::{self, OF_RECORD, of_record};
use crate::ledger::{self, LIVE, fence_and_checkpoint};
use crate::row::{count, get};
use crate::sql::{all, batch, commit, execute, one, rows};
use crate::{Store, provider};
use linkyard_core::id::{OrganizationId, ProviderId, RecordId, TargetId};
use linkyard_core::job::{Checkpoint, Fence, JobKind, Lane, NewJob};
use linkyard_core::mapping::Subject;
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, Value};
use std::collections::HashMap;

/// Records that take a decision and may want a candidate; a person looks at held and failed rows too.
const UNDECIDED: &str = "('unmapped', 'suggested', 'held', 'failed')";

/// How many times as old as the quiet that is waited for a pass may become while the registry changes all the time.
const NEVER_QUIET: i64 = 20;

/// Changes with the rules by which records are compared, so that a new release computes everything anew.
const RULES: &str = env!("CARGO_PKG_VERSION");

/// A directory record without a decision.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// The record.
    pub record: RecordId,
    /// What of it is compared.
    pub features: Features,
    /// What a person refused for it.
    pub declined: Vec<TargetId>,
}

/// What both sides are like, in a form that is only compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidesSeen {
    text: String,
    /// The newest change of the registry, milliseconds; 0 for an empty one.
    registry_changed_at_ms: i64,
}

impl Store {
    /// What a provider's records and the registry are like now; `None` when they are as they were when the last complete pass began,
    /// and another one would find what is stored.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not the job's tenant's.
    pub async fn suggestion_pass_begin(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
    ) -> Result<Option<SidesSeen>> {
        provider::require(&self.reader, fence.organization, provider).await?;
        let list = List { organization: fence.organization, provider, subject };
        let seen = sides(&self.reader, &list).await?;
        let sql = "select seen from suggestion_pass where provider_id = $1 and subject = $2 and organization_id = $3";
        let last: Option<String> = one(&self.reader, sql, list.values([])).await?.map(|row| get(&row, "seen")).transpose()?;
        Ok(if last.as_deref() == Some(seen.text.as_str()) { None } else { Some(seen) })
    }

    /// Writes a suggest job for every provider that works and whose last pass is older than a change of its organization's registry: once
    /// the registry has been quiet for `quiet_ms` milliseconds, or the pass is twenty times as old. What is fetched or linked
    /// meanwhile is waited for. For the schedule; answers how many there are now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn suggest_jobs_ask(&self, quiet_ms: i64) -> Result<u64> {
        let changed =
            |target: &str| format!("(select max(t.updated_at_ms) from {target} t where t.organization_id = p.organization_id)");
        let (parties, projects) = (changed("party"), changed("project"));
        let sql = format!(
            "select p.id, p.organization_id from provider p cross join (select {{now}} as now_ms) clock
             where p.state = 'active' and exists (select 1 from suggestion_pass s where s.provider_id = p.id
                and s.registry_changed_at_ms < case s.subject when 'vendor' then {parties} else {projects} end
                and (s.finished_at_ms <= clock.now_ms - $2
                    or case s.subject when 'vendor' then {parties} else {projects} end <= clock.now_ms - $1))
             and not exists (select 1 from job j where j.provider_id = p.id and j.{LIVE}
                and j.kind in ('suggest', 'fetch_directory', 'sync_linked', 'link_parties', 'link_projects', 'import_decisions'))"
        );
        let found = all(&self.reader, &sql, [quiet_ms.into(), (quiet_ms * NEVER_QUIET).into()]).await?;
        for row in &found {
            let (provider, organization) = (ProviderId(get(row, "id")?), OrganizationId(get(row, "organization_id")?));
            let job = NewJob {
                provider: Some(provider),
                parent: None,
                kind: JobKind::Suggest,
                dedupe_key: provider.to_string(),
                lane: Lane::Background,
                payload: serde_json::json!({}),
                run_at_ms: None,
            };
            ledger::insert_job(&self.writer, &Scope::new(organization, "schedule"), &job).await?;
        }
        Ok(found.len() as u64)
    }

    /// Ends a pass that began with `seen`: suggestions of decided records go. Answers how many undecided records have a suggestion that
    /// counts, and how many have none.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn suggestion_pass_end(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        seen: Option<&SidesSeen>,
        checkpoint: &Checkpoint,
    ) -> Result<(u64, u64)> {
        let list = List { organization: fence.organization, provider, subject };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        provider::require(&tx, fence.organization, provider).await?;
        if let Some(seen) = seen {
            forget_decided(&tx, &list).await?;
            let sql = "insert into suggestion_pass
                    (provider_id, subject, organization_id, seen, registry_changed_at_ms, finished_at_ms)
                values ($1, $2, $3, $4, $5, {now})
                on conflict (provider_id, subject) do update set seen = excluded.seen,
                    registry_changed_at_ms = excluded.registry_changed_at_ms, finished_at_ms = excluded.finished_at_ms";
            execute(&tx, sql, list.values([seen.text.as_str().into(), seen.registry_changed_at_ms.into()])).await?;
        }
        let counts = counts(&tx, &list).await?;
        commit(tx).await?;
        Ok(counts)
    }

    /// The next registry records after `after`, at most `limit`, in the order of their ids.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn registry_features(
        &self,
        fence: &Fence,
        subject: Subject,
        after: Option<TargetId>,
        limit: u32,
    ) -> Result<Vec<(TargetId, Features)>> {
        let after = after.map_or(uuid::Uuid::nil(), |id| id.0);
        let rest = "and t.id > $2 order by t.id limit $3";
        features::of_registry(&self.reader, fence.organization, subject, rest, [after.into(), i64::from(limit).into()]).await
    }

    /// The next undecided records that the directory still has, after `after`, at most `limit`, in the order of their ids.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn undecided_records(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        after: Option<RecordId>,
        limit: u32,
    ) -> Result<Vec<Undecided>> {
        let list = List { organization: fence.organization, provider, subject };
        let after = after.map_or(i64::MIN, |record| record.0);
        let rest = "and m.record_id > $4 order by m.record_id limit $5";
        undecided(&self.reader, &list, rest, [after.into(), i64::from(limit).into()]).await
    }

    /// These records, as [`Store::undecided_records`]; those that were decided or left the directory meanwhile are left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn undecided_of(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        records: &[RecordId],
    ) -> Result<Vec<Undecided>> {
        let list = List { organization: fence.organization, provider, subject };
        let wanted = rows(&self.reader, "b", "$4", &ID);
        let rest = format!("and m.record_id in (select b.record_id from {wanted}) order by m.record_id");
        undecided(&self.reader, &list, &rest, [batch(&ids(records.iter().copied()))?]).await
    }

    /// About `most` undecided records, spread evenly over the list.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn undecided_sample(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        most: u32,
    ) -> Result<Vec<Undecided>> {
        let list = List { organization: fence.organization, provider, subject };
        let sql = format!(
            "select s.record_id from (
                select m.record_id, row_number() over (order by m.record_id) as place, count(*) over () as n from mapping m
                where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state in {UNDECIDED}
             ) s where s.place % (1 + s.n / $4) = 0 order by s.record_id"
        );
        let found = all(&self.reader, &sql, list.values([i64::from(most).into()])).await?;
        let records = found.iter().map(|row| get(row, "record_id").map(RecordId)).collect::<Result<Vec<RecordId>>>()?;
        self.undecided_of(fence, provider, subject, &records).await
    }
}

/// Which part of [`sides`] is the registry.
const REGISTRY_PART: i32 = 2;

/// Everything that a pass reads, as counts and checksums: content of the directory, which records are decided and how, the registry's
/// revisions, who is on which project, what was declined. What a pass writes itself is not in it.
async fn sides(connection: &impl ConnectionTrait, list: &List) -> Result<SidesSeen> {
    const OF_LIST: &str = "x.provider_id = $1 and x.subject = $2 and x.organization_id = $3";
    let sum = |expression: &str| format!("cast(coalesce(sum({expression}), 0) as bigint)");
    let parts = [
        format!(
            "select count(*) as a, {} as b, count(x.gone_at_ms) as c from directory_record x where {OF_LIST}",
            sum("x.content_hash % 1000003")
        ),
        format!(
            "select count(*) as a, {} as b, {} as c from mapping x where {OF_LIST}",
            sum(&format!("case when x.state in {UNDECIDED} then 1 + x.record_id % 1000003 else 0 end")),
            sum(
                "case when x.state in ('confirmed', 'linked', 'orphaned') then x.revision + (x.record_id % 1000003) * 31 else 0 end"
            ),
        ),
        format!(
            "select count(*) as a, {} as b, coalesce(max(x.updated_at_ms), 0) as c from {} x where x.organization_id = $3",
            sum("x.revision"),
            list.subject.target()
        ),
        "select count(*) as a, cast(0 as bigint) as b, coalesce(max(x.created_at_ms), 0) as c from association x
            where x.organization_id = $3 and $2 = 'project'"
            .to_owned(),
        format!(
            "select count(*) as a, cast(0 as bigint) as b, coalesce(max(x.declined_at_ms), 0) as c from declined_candidate x where {OF_LIST}"
        ),
    ];
    let all_parts: Vec<String> =
        parts.iter().enumerate().map(|(at, part)| format!("select {at} as part, p.a, p.b, p.c from ({part}) p")).collect();
    // Every database wants every parameter used with a type it can tell.
    let sql = format!("{} order by part", all_parts.join(" union all "));
    let mut seen = SidesSeen { text: RULES.to_owned(), registry_changed_at_ms: 0 };
    for row in all(connection, &sql, list.values([])).await? {
        let (a, b, c): (i64, i64, i64) = (get(&row, "a")?, get(&row, "b")?, get(&row, "c")?);
        seen.text.push_str(&format!("; {a} {b} {c}"));
        if get::<i32>(&row, "part")? == REGISTRY_PART {
            seen.registry_changed_at_ms = c;
        }
    }
    Ok(seen)
}

/// How many undecided records have a suggestion that counts, and how many have none.
async fn counts(connection: &impl ConnectionTrait, list: &List) -> Result<(u64, u64)> {
    let sql = format!(
        "select count(*) as n, count(case when exists (select 1 from suggestion s where s.provider_id = m.provider_id
                and s.subject = m.subject and s.record_id = m.record_id and {COUNTS}) then 1 end) as found
         from mapping m where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state in {UNDECIDED}"
    );
    let row = one(connection, &sql, list.values([])).await?.ok_or_else(|| Error::broken("counting gave no row"))?;
    let (all, found) = (count(&row, "n")?, count(&row, "found")?);
    Ok((found, all - found))
}

/// Whether a suggestion `s` counts, as [`Candidate::counts`](linkyard_core::suggestion::Candidate::counts) says.
pub(crate) const COUNTS: &str = "(s.holds or s.band <> 'weak')";

async fn forget_decided(connection: &impl ConnectionTrait, list: &List) -> Result<()> {
    let sql = format!(
        "delete from suggestion where provider_id = $1 and subject = $2 and organization_id = $3 and coalesce((
            select m.state from mapping m where m.provider_id = $1 and m.subject = $2 and m.record_id = suggestion.record_id
         ), '') not in {UNDECIDED}"
    );
    execute(connection, &sql, list.values([])).await.map(|_| ())
}

async fn undecided(
    connection: &impl ConnectionTrait,
    list: &List,
    rest: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Undecided>> {
    let sql = format!(
        "select {OF_RECORD} from mapping m
         join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state in {UNDECIDED} and r.gone_at_ms is null
            {rest}"
    );
    let found = all(connection, &sql, list.values(values)).await?;
    let mut records = found.iter().map(of_record).collect::<Result<Vec<_>>>()?;
    features::add_parties_of_records(connection, list, &mut records).await?;
    let mut declined: HashMap<RecordId, Vec<TargetId>> = HashMap::new();
    if let (Some((first, _)), Some((last, _))) = (records.first(), records.last()) {
        declined = declined::between(connection, list, *first, *last).await?;
    }
    let with_declined = records.into_iter().map(|(record, features)| Undecided {
        record,
        features,
        declined: declined.remove(&record).unwrap_or_default(),
    });
    Ok(with_declined.collect())
}
