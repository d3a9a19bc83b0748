//! A pass over the suggestions of one list: both sides are read page by page, compared off the runtime's threads, and saved window by window.
//!
//! What is compared with what, and how, is `linkyard_matching`'s; what is read and written is the store's.

use linkyard_core::id::{ProviderId, RecordId, TargetId};
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::mapping::Subject;
use linkyard_core::suggestion::{Band, Candidate, MOST_CANDIDATES};
use linkyard_core::{Error, Result};
use linkyard_matching::{Index, Record};
use linkyard_store::{Store, SuggestionsSaved, Undecided};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Registry records that are read at once.
const TARGETS_PAGE: u32 = 5_000;
/// Directory records that are read and compared at once: a fraction of a second of work.
const RECORDS_PAGE: u32 = 2_000;
/// Records from which it is learned how far the fields of these two lists can be trusted.
const SAMPLE: u32 = 1_000;
/// Records whose suggestions are saved in one transaction.
const SAVED_AT_ONCE: usize = 5_000;

/// One list of one provider, under a job.
#[derive(Clone, Copy, Debug)]
pub struct Pass<'a> {
    /// Where both sides are.
    pub store: &'a Store,
    /// The job's proof.
    pub fence: &'a Fence,
    /// Whose directory.
    pub provider: ProviderId,
    /// Which list.
    pub subject: Subject,
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Computed {
    /// Undecided records with a suggestion that counts.
    pub with: u64,
    /// Undecided records without one.
    pub without: u64,
    /// Neither side had changed since the last pass: nothing was compared.
    pub skipped: bool,
    /// What was written.
    pub saved: SuggestionsSaved,
}

/// What was found for the undecided records, in their order.
type Found = Vec<(RecordId, Vec<Candidate>)>;

impl Pass<'_> {
    /// Computes the suggestions of every undecided record anew where anything changed since the last pass, and saves the differences; `checkpoint`
    /// is written with the end. `None` when `should_stop` said so in between: what was saved stays, and the next pass begins again.
    ///
    /// Holds the index of the registry (about 1 KB a record), a page of records, and what was found.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn run(&self, checkpoint: &Checkpoint, should_stop: impl Fn() -> bool) -> Result<Option<Computed>> {
        let Self { store, fence, provider, subject } = *self;
        let seen = store.suggestion_pass_begin(fence, provider, subject).await?;
        let mut computed = Computed { skipped: seen.is_none(), ..Computed::default() };
        if seen.is_some() {
            let index = Arc::new(self.index().await?);
            let Some(mut found) = self.compare(&index, &should_stop).await? else { return Ok(None) };
            self.settle_conflicts(&index, &mut found).await?;
            drop(index);
            computed.saved = self.save(&found).await?;
        }
        (computed.with, computed.without) =
            store.suggestion_pass_end(fence, provider, subject, seen.as_ref(), checkpoint).await?;
        Ok(Some(computed))
    }

    /// The registry, ready for questions, and what this directory teaches about it.
    async fn index(&self) -> Result<Index> {
        let mut index = Index::new(self.subject.into());
        let mut after = None;
        loop {
            let page = self.store.registry_features(self.fence, self.subject, after, TARGETS_PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            index = blocking(move || {
                page.iter().for_each(|(id, features)| index.insert(&Record::of(id, features)));
                index
            })
            .await?;
        }
        if index.is_empty() {
            return Ok(index);
        }
        let sample = self.store.undecided_sample(self.fence, self.provider, self.subject, SAMPLE).await?;
        blocking(move || {
            index.learn(&records(&sample));
            index
        })
        .await
    }

    /// Candidates of every undecided record.
    async fn compare(&self, index: &Arc<Index>, should_stop: &impl Fn() -> bool) -> Result<Option<Found>> {
        let mut found = Found::new();
        let mut after = None;
        while !index.is_empty() {
            if should_stop() {
                return Ok(None);
            }
            let page = self.store.undecided_records(self.fence, self.provider, self.subject, after, RECORDS_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.record);
            let index = index.clone();
            let compared = blocking(move || {
                let mut searcher = index.searcher();
                let with_candidates = page.iter().map(|record| {
                    let suggestions =
                        searcher.suggest(&Record::of(record.record, &record.features), MOST_CANDIDATES + record.declined.len());
                    let candidates = suggestions.iter().filter_map(linkyard_matching::Suggestion::candidate);
                    (
                        record.record,
                        candidates.filter(|one| !record.declined.contains(&one.target)).take(MOST_CANDIDATES).collect(),
                    )
                });
                with_candidates.filter(|(_, candidates): &(_, Vec<Candidate>)| !candidates.is_empty()).collect::<Found>()
            });
            found.extend(compared.await?);
        }
        Ok(Some(found))
    }

    /// Marks targets that several records want most, and gives way where another record, which is another firm, fits one better.
    async fn settle_conflicts(&self, index: &Arc<Index>, found: &mut Found) -> Result<()> {
        let mut wanting: HashMap<TargetId, Vec<usize>> = HashMap::new();
        for (at, (_, candidates)) in found.iter().enumerate() {
            if let Some(best) = candidates.first().filter(|best| best.band >= Band::Likely) {
                wanting.entry(best.target).or_default().push(at);
            }
        }
        wanting.retain(|_, wanting| wanting.len() > 1);
        let places: HashSet<usize> = wanting.into_values().flatten().collect();
        let mut ids: Vec<RecordId> = places.iter().map(|at| found[*at].0).collect();
        ids.sort_unstable();
        if ids.is_empty() {
            return Ok(());
        }
        let records_of = self.store.undecided_of(self.fence, self.provider, self.subject, &ids).await?;
        let index = index.clone();
        let (batch, asked) = blocking(move || {
            let asked = records(&records_of);
            (index.suggest_all(&asked, 1), asked)
        })
        .await?;
        let mut best: HashMap<RecordId, Candidate> = HashMap::new();
        for (record, suggestions) in asked.iter().zip(&batch.suggestions) {
            let candidate = suggestions.first().and_then(linkyard_matching::Suggestion::candidate);
            if let (Ok(record), Some(candidate)) = (record.id.parse(), candidate) {
                best.insert(record, candidate);
            }
        }
        for at in places {
            let (record, candidates) = &mut found[at];
            let Some(first) = candidates.first_mut() else { continue };
            first.contested = true;
            // One that was declined does not compete any more; what the engine said of it is not about the candidate that is left.
            if let Some(settled) = best.get(record).filter(|settled| settled.target == first.target) {
                first.band = settled.band;
                first.reasons.clone_from(&settled.reasons);
            }
        }
        Ok(())
    }

    async fn save(&self, found: &Found) -> Result<SuggestionsSaved> {
        let Self { store, fence, provider, subject } = *self;
        let mut sum = SuggestionsSaved::default();
        let mut rest = found.as_slice();
        let mut after = None;
        loop {
            let (window, later) = rest.split_at(SAVED_AT_ONCE.min(rest.len()));
            let through = if later.is_empty() { None } else { window.last().map(|(record, _)| *record) };
            let saved = store.suggestions_save(fence, provider, subject, (after, through), window).await?;
            sum.rewritten += saved.rewritten;
            sum.changed += saved.changed;
            if through.is_none() {
                return Ok(sum);
            }
            (after, rest) = (through, later);
        }
    }
}

fn records(undecided: &[Undecided]) -> Vec<Record> {
    undecided.iter().map(|one| Record::of(one.record, &one.features)).collect()
}

/// Runs `work` where it does not keep the renewals of leases waiting.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal("comparing records", error))
}
