//! The jobs: one file each, named by the word of its kind, and the one place that lists them.
//!
//! Rules for all of them: the payload holds ids only; each step is saved before the next one; every job may run again from its beginning
//! or from any checkpoint and ends in the same state; no job sleeps, retries or schedules itself; a follow-up is a row.

mod fetch_directory;
mod find_duplicates;
mod import_decisions;
mod link_parties;
mod link_projects;
mod linking;
mod push_compliance;
mod retention;
mod suggest;
mod sync_linked;
mod test_connection;
mod walk;

use crate::context::Context;
use crate::progress::Progress;
use crate::runner::Perform;
use futures_util::future::BoxFuture;
use linkyard_core::Result;
use linkyard_core::job::{JobKind, NewJob, Outcome};
use linkyard_core::mapping::Subject;
use linkyard_store::NameKey;
use std::future::Future;
use std::sync::Arc;

/// The work behind one kind.
pub(crate) trait Job {
    /// The kind, whose word is the file's name.
    const KIND: JobKind;

    /// Does the work, or goes on with it where `progress` says.
    fn run(&self, cx: &Context, progress: &mut Progress) -> impl Future<Output = Result<Outcome>> + Send;
}

/// Every job of this release.
#[must_use]
pub fn registry() -> Perform {
    Arc::new(perform)
}

fn perform<'a>(kind: JobKind, cx: &'a Context, progress: &'a mut Progress) -> BoxFuture<'a, Result<Outcome>> {
    match kind {
        JobKind::TestConnection => start(test_connection::TestConnection, cx, progress),
        JobKind::FetchDirectory => start(fetch_directory::FetchDirectory, cx, progress),
        JobKind::Suggest => start(suggest::Suggest, cx, progress),
        JobKind::FindDuplicates => start(find_duplicates::FindDuplicates, cx, progress),
        JobKind::LinkParties => start(link_parties::LinkParties, cx, progress),
        JobKind::LinkProjects => start(link_projects::LinkProjects, cx, progress),
        JobKind::SyncLinked => start(sync_linked::SyncLinked, cx, progress),
        JobKind::PushCompliance => start(push_compliance::PushCompliance, cx, progress),
        JobKind::ImportDecisions => start(import_decisions::ImportDecisions, cx, progress),
        JobKind::Retention => start(retention::Retention, cx, progress),
    }
}

fn start<'a, J: Job + Send + Sync + 'a>(job: J, cx: &'a Context, progress: &'a mut Progress) -> BoxFuture<'a, Result<Outcome>> {
    tracing::debug!(job = %cx.fence.job, kind = J::KIND.as_str(), epoch = cx.fence.epoch, "job {} starts", cx.fence.job);
    Box::pin(async move { job.run(cx, progress).await })
}

/// How the names of `subject` become keys.
fn name_key(subject: Subject) -> NameKey {
    match subject {
        Subject::Vendor => linkyard_matching::name_key,
        Subject::Project => linkyard_matching::project_key,
    }
}

/// A job of `kind` that follows the present one for the same provider and the same people.
fn follow_up(cx: &Context, kind: JobKind) -> Result<NewJob> {
    let provider = cx.provider()?.id;
    Ok(NewJob {
        provider: Some(provider),
        parent: None,
        kind,
        dedupe_key: provider.to_string(),
        lane: cx.lane,
        payload: serde_json::json!({}),
        run_at_ms: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_file_named_by_its_word() {
        for kind in JobKind::ALL {
            let file = format!("{}/src/jobs/{}.rs", env!("CARGO_MANIFEST_DIR"), kind.as_str());
            assert!(std::path::Path::new(&file).is_file(), "{file}");
        }
        let kinds = [
            test_connection::TestConnection::KIND,
            fetch_directory::FetchDirectory::KIND,
            suggest::Suggest::KIND,
            find_duplicates::FindDuplicates::KIND,
            link_parties::LinkParties::KIND,
            link_projects::LinkProjects::KIND,
            sync_linked::SyncLinked::KIND,
            push_compliance::PushCompliance::KIND,
            import_decisions::ImportDecisions::KIND,
            retention::Retention::KIND,
        ];
        assert_eq!(kinds, JobKind::ALL);
    }
}
