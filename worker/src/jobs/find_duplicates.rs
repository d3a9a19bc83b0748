//! Looks for records of one list that are one: among the vendors and projects of a provider's directory, then among the parties and
//! projects of the registry. A list that is as it was when it was searched last costs one query. Safe to run again: what was found is
//! compared with what is stored, and only differences are written.
//!
//! A search holds one list and its index in memory (the index takes about 1 KiB for each record) and keeps one core busy for some seconds,
//! so it runs off the async threads, which also renew leases, and one at a time in a process.

use super::Job;
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::duplicate::{FoundGroup, Searched, SearchedRecord};
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};
use linkyard_matching::{DuplicateGroup, Index, Record, duplicates};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

/// The searches of this process.
static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

pub(crate) struct FindDuplicates;

/// What was searched so far; its length says which list is next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    /// How many groups are open in each list; `None` where nothing had changed.
    open: Vec<Option<u64>>,
}

impl Job for FindDuplicates {
    const KIND: JobKind = JobKind::FindDuplicates;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let provider = cx.provider()?.id;
        let lists = [Some(provider), None].into_iter().flat_map(|provider| {
            let list = move |subject| Searched { provider, subject };
            Subject::ALL.into_iter().map(list)
        });
        let mut position: Position = progress.position().unwrap_or_default();
        for searched in lists.skip(position.open.len()) {
            if cx.should_stop() {
                return Ok(Outcome::Continue);
            }
            let open = search(cx, progress, &position, searched).await?;
            position.open.push(open);
            progress.save(cx, &position, "searching", RowCounts::default()).await?;
        }
        let open: u64 = position.open.iter().flatten().sum();
        let searched = position.open.iter().flatten().count();
        Ok(Outcome::Done(serde_json::json!({ "lists_searched": searched, "groups_found": open })))
    }
}

/// Searches a list that changed; answers how many of its groups are open.
async fn search(cx: &Context, progress: &mut Progress, position: &Position, searched: Searched) -> Result<Option<u64>> {
    let Some(fingerprint) = cx.store.duplicates_due(&cx.fence, searched).await? else { return Ok(None) };
    let (found, rows) = {
        let _turn = ONE_AT_A_TIME.acquire().await.map_err(|error| Error::internal("the turn to search was closed", error))?;
        let records = cx.store.duplicates_records(&cx.fence, searched).await?;
        let rows = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let subject = searched.subject;
        let found = tokio::task::spawn_blocking(move || groups(subject, &records)).await;
        (found.map_err(|error| Error::internal("a search for duplicates broke off", error))?, rows)
    };
    let done = RowCounts { total: rows, succeeded: rows, ..RowCounts::default() };
    let checkpoint = progress.checkpoint(cx, position, "searching", done)?;
    let open = cx.store.duplicates_write(&cx.fence, searched, &fingerprint, &found, &checkpoint).await?;
    progress.saved(cx, checkpoint);
    Ok(Some(open))
}

/// The groups among `records`, which matching calls by their places.
fn groups(subject: Subject, records: &[SearchedRecord]) -> Vec<FoundGroup> {
    let described: Vec<Record> = records.iter().enumerate().map(|(place, record)| Record::of(place, &record.features)).collect();

    let mut index = Index::new(subject.into());
    described.iter().for_each(|record| index.insert(record));
    index.learn_among_itself(&described);
    let found = duplicates(&index, &described);
    let mut found: Vec<FoundGroup> = found.into_iter().map(|group| of_records(&group, records)).collect();
    found.retain(|group| group.members.len() > 1);
    found
}

fn of_records(group: &DuplicateGroup, records: &[SearchedRecord]) -> FoundGroup {
    let places = group.ids.iter().filter_map(|id| id.parse::<usize>().ok());
    let mut members: Vec<_> = places.filter_map(|place| records.get(place)).map(|record| record.id).collect();
    members.sort_unstable();
    FoundGroup {
        members,
        probability: f64::from(group.probability),
        reasons: group.reasons.iter().map(ToString::to_string).collect(),
    }
}
