//! The ledger as workers and the feeder use it, on every database: claims, fences, leases, outcomes, what runs next.

use linkyard_core::error::Attention;
use linkyard_core::id::JobId;
use linkyard_core::job::{
    Checkpoint, Fence, Finish, JobKind, JobState, Lane, MOST_STARTS_WITHOUT_PROGRESS, POISON, RequestedState, RowCounts,
    UNREADABLE,
};
use linkyard_core::provider::{ProviderState, Visible};
use linkyard_store::Store;
use linkyard_store::ledger::PlainEnd;
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground::{LONG_MS, OVER_MS, active_provider, claim, claim_and_die, fetch, new_job, own_form, tenant};
use serde_json::json;
use std::collections::HashSet;

#[tokio::test]
async fn a_job_is_claimed_by_one_of_many() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let mut ids = Vec::new();
        for _ in 0..120 {
            ids.push(fetch(&store, &scope, provider.id).await.id);
        }
        let mut claimers = Vec::new();
        for worker in 0..4 {
            let (store, mut ids) = (store.clone(), ids.clone());
            ids.rotate_left(worker * 30);
            claimers.push(tokio::spawn(async move {
                let mut won = Vec::new();
                for some in ids.chunks(7) {
                    won.extend(store.jobs_claim(some, &format!("worker {worker}"), LONG_MS).await.expect("a claim"));
                }
                won
            }));
        }
        let mut won = Vec::new();
        for claimer in claimers {
            won.extend(claimer.await.expect("a claimer").into_iter().map(|job| (job.fence.job, job.fence.epoch)));
        }
        assert_eq!(won.len(), ids.len());
        assert_eq!(won.iter().map(|(id, _)| *id).collect::<HashSet<JobId>>().len(), ids.len());
        assert!(won.iter().all(|(_, epoch)| *epoch == 1));
    })
    .await;
}

#[tokio::test]
async fn after_a_takeover_every_write_of_the_old_worker_is_refused() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = fetch(&store, &scope, provider.id).await;
        let old = claim_and_die(&store, job.id).await;
        let new = claim(&store, job.id).await.fence;
        assert_eq!(new.epoch, old.epoch + 1);
        let before = store.job_get(&scope, job.id).await.expect("the job");

        let follow = new_job(Some(provider.id), JobKind::Suggest, Lane::Background, "after");
        let finishes = [
            Finish::Done(json!({})),
            Finish::Partial(json!({})),
            Finish::Continue,
            Finish::Snooze { until_ms: i64::MAX },
            Finish::WaitForChildren,
            Finish::Retry { attempts: 1, delay_ms: 0, reason: "X".into(), message: "x".into() },
            Finish::Fail { reason: "X".into(), message: "x".into() },
            Finish::Cancelled,
            Finish::Paused,
            Finish::Release,
        ];
        for finish in &finishes {
            assert!(store.job_finish(&old, finish).await.expect_err("fenced").is_fenced(), "{finish:?}");
        }
        assert!(store.job_checkpoint(&old, &Checkpoint::default()).await.expect_err("fenced").is_fenced());
        assert!(store.job_follow(&old, &follow).await.expect_err("fenced").is_fenced());
        let tested = store.provider_tested(&old, provider.id, Ok(&Visible::default())).await;
        assert!(tested.expect_err("fenced").is_fenced());
        let attention = linkyard_core::error::Attention::Credentials;
        let marked = store.provider_needs_attention(&old, provider.id, attention, "no").await;
        assert!(marked.expect_err("fenced").is_fenced());

        let after = store.job_get(&scope, job.id).await.expect("the job");
        assert_eq!((after.state, after.revision, after.counts), (JobState::Running, before.revision, before.counts));
        assert_eq!(store.provider_get(&scope, provider.id).await.expect("the provider").revision, provider.revision);
        store.job_checkpoint(&new, &Checkpoint::default()).await.expect("the new worker writes");
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_renewed_by_its_holder_only_and_says_what_was_asked() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let (kept, lost, asked) = (
            fetch(&store, &scope, provider.id).await,
            fetch(&store, &scope, provider.id).await,
            fetch(&store, &scope, provider.id).await,
        );
        let kept_fence = claim_and_die(&store, kept.id).await;
        let lost_fence = claim_and_die(&store, lost.id).await;
        let asked_fence = claim(&store, asked.id).await.fence;
        claim(&store, lost.id).await;
        store.job_cancel(&scope, asked.id, None).await.expect("cancelled");

        let renewals = store.leases_renew(&[kept_fence, lost_fence, asked_fence], LONG_MS).await.expect("renewals");
        let requested: Vec<Option<RequestedState>> = renewals.iter().map(|renewal| renewal.requested).collect();
        assert_eq!(requested, [Some(RequestedState::None), None, Some(RequestedState::Cancel)]);
        let taken = store.jobs_claim(&[kept.id], "other", LONG_MS).await.expect("a claim");
        assert!(taken.is_empty(), "a renewed lease is not over");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_dies_three_times_without_progress_is_poison() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = fetch(&store, &scope, provider.id).await;
        for _ in 0..MOST_STARTS_WITHOUT_PROGRESS {
            assert_eq!(store.jobs_settle().await.expect("settled").poisoned, 0);
            claim_and_die(&store, job.id).await;
        }
        assert!(store.jobs_claim(&[job.id], "worker", LONG_MS).await.expect("a claim").is_empty());
        assert!(store.jobs_runnable(10, None).await.expect("runnable").is_empty());
        assert_eq!(store.jobs_settle().await.expect("settled").poisoned, 1);
        let failed = store.job_get(&scope, job.id).await.expect("the job");
        assert_eq!((failed.state, failed.error_reason.as_deref()), (JobState::Failed, Some(POISON)));
        assert!(failed.finished_at_ms.is_some());
        assert_eq!(store.jobs_live().await.expect("live"), 0);

        store.job_retry(&scope, job.id, None).await.expect("retried");
        let again = claim(&store, job.id).await;
        assert!(again.fence.epoch > i64::from(MOST_STARTS_WITHOUT_PROGRESS));
    })
    .await;
}

#[tokio::test]
async fn a_connection_test_without_an_answer_leaves_no_provider_testing() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let form = own_form(&store, &scope, 1).await;
        let (provider, test) = store.provider_create(&scope, &form, true, None).await.expect("a provider");
        let test = test.expect("a connection test").id;
        for _ in 0..MOST_STARTS_WITHOUT_PROGRESS {
            claim_and_die(&store, test).await;
        }
        assert_eq!(store.jobs_settle().await.expect("settled").poisoned, 1);
        let poisoned = store.provider_get(&scope, provider.id).await.expect("the provider");
        assert_eq!((poisoned.state, poisoned.attention), (ProviderState::NeedsAttention, Some(Attention::TestUnfinished)));
        assert!(!poisoned.state_message.is_empty());

        let works = active_provider(&store, &scope, 2).await;
        let again = new_job(Some(works.id), JobKind::TestConnection, Lane::Person, works.id.to_string());
        let again = store.job_enqueue(&scope, &again, None).await.expect("a connection test");
        let fail = Finish::Fail { reason: "INTERNAL".into(), message: "x".into() };
        store.job_finish(&claim(&store, again.id).await.fence, &fail).await.expect("finished");
        let still = store.provider_get(&scope, works.id).await.expect("the provider");
        assert_eq!(still.state, ProviderState::Active, "what worked is not doubted because a test failed");
    })
    .await;
}

#[tokio::test]
async fn progress_and_orderly_ends_clear_the_count_of_starts_and_a_release_does_not_add_to_it() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = fetch(&store, &scope, provider.id).await;
        for round in 0..5 {
            let fence = claim_and_die(&store, job.id).await;
            let checkpoint = Checkpoint { position: json!(round), ..Checkpoint::default() };
            store.job_checkpoint(&fence, &checkpoint).await.expect("progress");
        }
        for _ in 0..5 {
            let run = claim(&store, job.id).await;
            assert_eq!(run.checkpoint, Some(json!(4)));
            store.job_finish(&run.fence, &Finish::Continue).await.expect("orderly");
        }
        claim_and_die(&store, job.id).await;
        for _ in 0..5 {
            let run = claim(&store, job.id).await;
            assert_eq!(store.job_finish(&run.fence, &Finish::Release).await.expect("released"), JobState::Queued);
        }
        let runnable = store.jobs_runnable(10, None).await.expect("runnable");
        assert!(runnable.iter().any(|found| found.job == job.id && found.unclean), "the one unclean start is still known");
    })
    .await;
}

#[tokio::test]
async fn ends_of_many_runs_are_written_together_as_each_alone_and_a_lost_lease_is_left_out() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let mut fences = Vec::new();
        for _ in 0..4 {
            let job = fetch(&store, &scope, provider.id).await;
            fences.push(claim(&store, job.id).await.fence);
        }
        let failed = RowCounts { failed: 1, ..RowCounts::default() };
        store.job_checkpoint(&fences[1], &Checkpoint { done: failed, ..Checkpoint::default() }).await.expect("progress");
        let lost = Fence { epoch: fences[3].epoch - 1, ..fences[3] };
        let ends = [
            (fences[2], PlainEnd::Continue),
            (fences[0], PlainEnd::Done(json!({ "found": 1 }))),
            (fences[1], PlainEnd::Done(json!(null))),
            (lost, PlainEnd::Done(json!(null))),
        ];
        let states = store.jobs_end(&ends).await.expect("written");
        let expected = [(0, JobState::Succeeded), (1, JobState::Partial), (2, JobState::Queued)];
        assert_eq!(states, expected.map(|(number, state)| (fences[number].job, state)).into_iter().collect());
        let done = store.job_get(&scope, fences[0].job).await.expect("the job");
        assert_eq!((done.result, done.finished_at_ms.is_some()), (Some(json!({ "found": 1 })), true));
        let again = store.job_get(&scope, fences[2].job).await.expect("the job");
        assert_eq!((again.result, again.finished_at_ms), (None, None));
        claim(&store, again.id).await;
        let running = store.job_get(&scope, lost.job).await.expect("the job");
        assert_eq!((running.state, running.epoch), (JobState::Running, fences[3].epoch), "another one has it");
        assert!(store.jobs_end(&ends[1..2]).await.expect("written").is_empty(), "once is enough");
    })
    .await;
}

#[tokio::test]
async fn a_job_after_an_unclean_start_is_claimed_alone() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let (suspect, healthy) = (fetch(&store, &scope, provider.id).await, fetch(&store, &scope, provider.id).await);
        claim_and_die(&store, suspect.id).await;
        let both = store.jobs_claim(&[suspect.id, healthy.id], "worker", LONG_MS).await.expect("a claim");
        assert_eq!(both.iter().map(|job| job.fence.job).collect::<Vec<JobId>>(), [healthy.id]);
        claim(&store, suspect.id).await;
    })
    .await;
}

#[tokio::test]
async fn a_job_that_nobody_can_read_fails_alone() {
    each_database_with_sql(async |store, sql| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let healthy = fetch(&store, &scope, provider.id).await;
        let new = new_job(Some(provider.id), JobKind::Suggest, Lane::Background, "garbage");
        let garbage = store.job_enqueue(&scope, &new, None).await.expect("a job");
        sql.execute("update job set payload = 'no json' where kind = 'suggest'").await;
        let taken = store.jobs_claim(&[garbage.id, healthy.id], "worker", LONG_MS).await.expect("a claim");
        assert_eq!(taken.iter().map(|job| job.fence.job).collect::<Vec<JobId>>(), [healthy.id]);
        sql.execute("update job set payload = '{}' where payload = 'no json'").await;
        let failed = store.job_get(&scope, garbage.id).await.expect("the job");
        assert_eq!((failed.state, failed.error_reason.as_deref()), (JobState::Failed, Some(UNREADABLE)));
    })
    .await;
}

#[tokio::test]
async fn a_snooze_is_no_attempt_and_blocks_its_provider() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let (provider, other) = (active_provider(&store, &scope, 1).await, active_provider(&store, &scope, 2).await);
        let (job, waits, runs) = (
            fetch(&store, &scope, provider.id).await,
            fetch(&store, &scope, provider.id).await,
            fetch(&store, &scope, other.id).await,
        );
        let until_ms = store.now_ms().await.expect("the clock") + LONG_MS;
        let fence = claim(&store, job.id).await.fence;
        let state = store.job_finish(&fence, &Finish::Snooze { until_ms }).await.expect("snoozed");
        assert_eq!(state, JobState::WaitingForBudget);
        let snoozed = store.job_get(&scope, job.id).await.expect("the job");
        assert_eq!((snoozed.attempts, snoozed.run_at_ms), (0, until_ms));
        let derived = store.job_get(&scope, waits.id).await.expect("the job");
        assert_eq!((derived.state, derived.run_at_ms), (JobState::WaitingForBudget, until_ms));
        assert_eq!(store.provider_get(&scope, provider.id).await.expect("the provider").not_before_ms, until_ms);
        let runnable: Vec<JobId> = store.jobs_runnable(10, None).await.expect("runnable").iter().map(|found| found.job).collect();
        assert_eq!(runnable, [runs.id]);
        assert!(store.jobs_claim(&[waits.id], "worker", LONG_MS).await.expect("a claim").is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_retry_is_counted_and_waits_on_the_databases_clock() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = fetch(&store, &scope, provider.id).await;
        let retry =
            |attempts, delay_ms| Finish::Retry { attempts, delay_ms, reason: "UNAVAILABLE".into(), message: "no answer".into() };
        let fence = claim(&store, job.id).await.fence;
        assert_eq!(store.job_finish(&fence, &retry(1, 0)).await.expect("retried"), JobState::Retrying);
        let second = claim(&store, job.id).await;
        assert_eq!(second.attempts, 1);
        store.job_finish(&second.fence, &retry(second.attempts + 1, LONG_MS)).await.expect("retried");
        assert!(store.jobs_claim(&[job.id], "worker", LONG_MS).await.expect("a claim").is_empty());
        let seen = store.job_get(&scope, job.id).await.expect("the job");
        assert_eq!((seen.state, seen.attempts, seen.error_reason.as_deref()), (JobState::Retrying, 2, Some("UNAVAILABLE")));
        let wait_ms = store.next_runnable_in_ms().await.expect("a wait").expect("something is scheduled");
        assert!(wait_ms > 0 && wait_ms <= LONG_MS, "{wait_ms}");
    })
    .await;
}

#[tokio::test]
async fn counts_add_up_over_checkpoints_and_failed_rows_make_the_end_partial() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        for (failed, state) in [(0, JobState::Succeeded), (1, JobState::Partial)] {
            let job = fetch(&store, &scope, provider.id).await;
            let fence = claim(&store, job.id).await.fence;
            for _ in 0..2 {
                let done = RowCounts { total: 5, succeeded: 4, failed, calls: 1, ..RowCounts::default() };
                store
                    .job_checkpoint(&fence, &Checkpoint { position: json!(1), phase: "walking".into(), done })
                    .await
                    .expect("progress");
            }
            assert_eq!(store.job_finish(&fence, &Finish::Done(json!({"rows": 10}))).await.expect("done"), state);
            let seen = store.job_get(&scope, job.id).await.expect("the job");
            let counts = RowCounts { total: 10, succeeded: 8, failed: 2 * failed, calls: 2, ..RowCounts::default() };
            assert_eq!((seen.counts, seen.phase.as_str(), seen.result), (counts, "walking", Some(json!({"rows": 10}))));
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_for_the_same_work_gets_the_job_that_is_not_finished() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let new = new_job(Some(provider.id), JobKind::FetchDirectory, Lane::Person, provider.id.to_string());
        let mut askers = Vec::new();
        for _ in 0..12 {
            let (store, scope, new) = (store.clone(), scope.clone(), new.clone());
            askers.push(tokio::spawn(async move { store.job_enqueue(&scope, &new, None).await.expect("a job").id }));
        }
        let mut ids = HashSet::new();
        for asker in askers {
            ids.insert(asker.await.expect("an asker"));
        }
        assert_eq!(ids.len(), 1);
        let first = *ids.iter().next().expect("one job");
        let fence = claim(&store, first).await.fence;
        assert_eq!(store.job_enqueue(&scope, &new, None).await.expect("the running job").id, first);
        store.job_finish(&fence, &Finish::Done(json!({}))).await.expect("done");
        assert_ne!(store.job_enqueue(&scope, &new, None).await.expect("a new job").id, first);
    })
    .await;
}

#[tokio::test]
async fn lanes_come_first_and_providers_take_turns() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let (big, small) = (active_provider(&store, &scope, 1).await, active_provider(&store, &scope, 2).await);
        let mut of_big = Vec::new();
        for _ in 0..4 {
            of_big.push(fetch(&store, &scope, big.id).await.id);
        }
        let of_small = fetch(&store, &scope, small.id).await.id;
        let person = new_job(Some(big.id), JobKind::LinkParties, Lane::Person, "link");
        let person = store.job_enqueue(&scope, &person, None).await.expect("a job").id;
        let runnable: Vec<JobId> = store.jobs_runnable(10, None).await.expect("runnable").iter().map(|found| found.job).collect();
        assert_eq!(runnable, [person, of_big[0], of_small, of_big[1], of_big[2], of_big[3]]);
        let few = store.jobs_runnable(2, None).await.expect("runnable");
        assert_eq!(few.len(), 2);
        assert_eq!(store.next_runnable_in_ms().await.expect("a wait"), Some(0));
    })
    .await;
}

#[tokio::test]
async fn what_a_newer_release_wrote_is_left_untouched() {
    each_database_with_sql(async |store: Store, sql| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let (kind, payload) = (fetch(&store, &scope, provider.id).await, fetch(&store, &scope, provider.id).await);
        let all = [kind.id, payload.id];
        let newest = "select max(run_at_ms) from job where state = 'queued'";
        sql.execute(&format!("update job set kind = 'from_the_future' where state = 'queued' and run_at_ms < ({newest})")).await;
        sql.execute("update job set payload_version = 999 where state = 'queued' and kind <> 'from_the_future'").await;
        assert_eq!(
            sql.number("select count(*) from job where state = 'queued' and (kind = 'from_the_future' or payload_version = 999)")
                .await,
            2
        );
        assert!(store.jobs_runnable(10, None).await.expect("runnable").is_empty());
        assert!(store.jobs_claim(&all, "worker", LONG_MS).await.expect("a claim").is_empty());
        assert!(store.jobs_claim(&all[..1], "worker", LONG_MS).await.expect("a claim").is_empty());
        store.jobs_settle().await.expect("settled");
        assert_eq!(store.next_runnable_in_ms().await.expect("a wait"), None);
        for id in all {
            let seen = store.job_get(&scope, id).await.expect("people see it");
            assert_eq!((seen.state, seen.epoch, seen.attempts), (JobState::Queued, 0, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn the_boot_of_the_only_process_ends_all_leases_and_forgets_no_start() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = fetch(&store, &scope, provider.id).await;
        for boot in 0..MOST_STARTS_WITHOUT_PROGRESS {
            assert_eq!(store.jobs_settle().await.expect("settled").poisoned, 0, "boot {boot}");
            claim(&store, job.id).await;
            assert_eq!(store.leases_release_all().await.expect("released"), 1);
        }
        assert_eq!(store.jobs_settle().await.expect("settled").poisoned, 1);
    })
    .await;
}

#[tokio::test]
async fn a_role_has_one_owner_until_its_time_is_over() {
    each_database(async |store| {
        assert!(store.role_take("feeder", "a", LONG_MS).await.expect("a role"));
        assert!(!store.role_take("feeder", "b", LONG_MS).await.expect("a role"));
        assert!(store.role_take("other", "b", LONG_MS).await.expect("a role"));
        assert!(store.role_take("feeder", "a", OVER_MS).await.expect("its owner keeps it"));
        assert!(store.role_take("feeder", "b", LONG_MS).await.expect("a role"));
        assert!(!store.role_take("feeder", "a", LONG_MS).await.expect("a role"));
    })
    .await;
}
