//! Jobs through the API: polling, watching, stopping, running again.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_core::job::{Checkpoint, Finish, Job, RowCounts};
use linkyard_proto::v1;
use linkyard_tests::control::{Control, Tenant, settings};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::{active_provider, claim, fetch};
use std::time::Duration;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

async fn job(control: &Control, tenant: &Tenant) -> Job {
    let provider = active_provider(&control.store, &tenant.scope, 7).await;
    fetch(&control.store, &tenant.scope, provider.id).await
}

fn watch(job: &Job, since_revision: i64) -> v1::WatchJobRequest {
    v1::WatchJobRequest { name: format!("jobs/{}", job.id), since_revision }
}

/// The next message with a job in it; `None` at the end.
async fn next(stream: &mut Streaming<v1::WatchJobResponse>) -> Result<Option<v1::Job>, Status> {
    loop {
        match stream.message().await? {
            None => return Ok(None),
            Some(v1::WatchJobResponse { job: Some(job) }) => return Ok(Some(job)),
            Some(v1::WatchJobResponse { job: None }) => {}
        }
    }
}

/// The first job in the stream that is in `state`.
async fn until(stream: &mut Streaming<v1::WatchJobResponse>, state: v1::job::State) -> v1::Job {
    loop {
        let job = next(stream).await.expect("the stream goes on").expect("the stream goes on");
        if job.state() == state {
            return job;
        }
    }
}

#[tokio::test]
async fn a_watcher_sees_the_job_its_changes_and_its_end() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let job = job(&control, &tenant).await;
        let mut jobs = Clients::of(&control, &tenant.read).jobs;
        let mut stream = jobs.watch_job(watch(&job, 0)).await.expect("a stream").into_inner();
        let first = next(&mut stream).await.expect("a snapshot").expect("a snapshot");
        assert_eq!((first.state(), first.revision), (v1::job::State::Queued, job.revision));
        assert_eq!(first.name, format!("jobs/{}", job.id));

        let claimed = claim(&control.store, job.id).await;
        until(&mut stream, v1::job::State::Running).await;
        let done = RowCounts { total: 10, succeeded: 4, calls: 1, ..Default::default() };
        let checkpoint = Checkpoint { phase: "vendors".to_owned(), done, ..Default::default() };
        control.store.job_checkpoint(&claimed.fence, &checkpoint).await.expect("progress");
        let progress = loop {
            let job = next(&mut stream).await.expect("a change").expect("a change");
            if job.phase == "vendors" {
                break job.progress.expect("progress");
            }
        };
        assert_eq!((progress.total, progress.succeeded, progress.calls), (10, 4, 1));

        control.store.job_finish(&claimed.fence, &Finish::Done(serde_json::json!({"vendors": 10}))).await.expect("done");
        let last = until(&mut stream, v1::job::State::Succeeded).await;
        assert!(last.end_time.is_some() && last.result.expect("a result").fields.contains_key("vendors"));
        assert_eq!(next(&mut stream).await.expect("an orderly end"), None);
    })
    .await;
}

#[tokio::test]
async fn a_watch_is_resumed_at_the_revision_that_was_seen() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let job = job(&control, &tenant).await;
        let mut jobs = Clients::of(&control, &tenant.read).jobs;
        let mut stream = jobs.watch_job(watch(&job, job.revision)).await.expect("a stream").into_inner();
        let claimed = claim(&control.store, job.id).await;
        let changed = next(&mut stream).await.expect("a change").expect("a change");
        assert!(changed.revision > job.revision, "what was seen is not sent again");
        drop(stream);

        let failed = Finish::Fail { reason: "PROVIDER_CREDENTIALS".to_owned(), message: "refused".to_owned() };
        control.store.job_finish(&claimed.fence, &failed).await.expect("failed");
        let mut stream = jobs.watch_job(watch(&job, changed.revision)).await.expect("a stream").into_inner();
        let last = next(&mut stream).await.expect("what was missed").expect("what was missed");
        let error = last.error.clone().expect("an error");
        assert_eq!(
            (last.state(), error.code, error.message.as_str()),
            (v1::job::State::Failed, Code::FailedPrecondition as i32, "refused")
        );
        assert_eq!(error.details[0].type_url, "type.googleapis.com/google.rpc.ErrorInfo");
        assert_eq!(next(&mut stream).await.expect("the end"), None);

        let mut stream = jobs.watch_job(watch(&job, last.revision)).await.expect("a stream").into_inner();
        assert_eq!(next(&mut stream).await.expect("nothing new, and it has ended"), None);
        assert_eq!(fields(&jobs.watch_job(watch(&job, -1)).await.expect_err("negative")), ["since_revision"]);
    })
    .await;
}

#[tokio::test]
async fn many_watchers_of_one_job_all_see_its_end() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let job = job(&control, &tenant).await;
        let mut watchers = Vec::new();
        for _ in 0..20 {
            let mut jobs = Clients::of(&control, &tenant.read).jobs;
            let mut stream = jobs.watch_job(watch(&job, 0)).await.expect("a stream").into_inner();
            watchers.push(tokio::spawn(async move {
                until(&mut stream, v1::job::State::Cancelled).await;
                next(&mut stream).await.expect("an orderly end")
            }));
        }
        let cancel = v1::CancelJobRequest { name: format!("jobs/{}", job.id), request_id: String::new() };
        Clients::of(&control, &tenant.write).jobs.cancel_job(cancel).await.expect("cancelled");
        for watcher in watchers {
            assert_eq!(watcher.await.expect("a watcher"), None);
        }
    })
    .await;
}

#[tokio::test]
async fn silence_is_filled_with_heartbeats() {
    each_database(async |store| {
        let mut settings = settings();
        settings.watch.heartbeat = Duration::from_millis(20);
        let control = Control::start_with(store, settings).await;
        let tenant = control.tenant("Alpha").await;
        let job = job(&control, &tenant).await;
        let mut stream =
            Clients::of(&control, &tenant.read).jobs.watch_job(watch(&job, job.revision)).await.expect("a stream").into_inner();
        for _ in 0..3 {
            assert_eq!(stream.message().await.expect("a message").expect("a message").job, None);
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stops_sends_watchers_away_to_go_on_elsewhere() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let job = job(&control, &tenant).await;
        let mut jobs = Clients::of(&control, &tenant.read).jobs;
        let mut stream = jobs.watch_job(watch(&job, 0)).await.expect("a stream").into_inner();
        next(&mut stream).await.expect("a snapshot");
        control.shutdown.cancel();
        let end = next(&mut stream).await.expect_err("sent away");
        assert_eq!((end.code(), reason(&end).as_str()), (Code::Unavailable, "DRAINING"));
        assert!(end.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()));
        assert!(end.get_details_request_info().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_job_is_stopped_and_run_again() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let job = job(&control, &tenant).await;
        let mut jobs = Clients::of(&control, &tenant.write).jobs;
        let name = format!("jobs/{}", job.id);
        let retry = v1::RetryJobRequest { name: name.clone(), request_id: String::new() };
        let refusal = jobs.retry_job(retry.clone()).await.expect_err("it has not ended");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "STATE_REFUSES"));
        let cancel = v1::CancelJobRequest { name, request_id: id() };
        let cancelled = jobs.cancel_job(cancel.clone()).await.expect("cancelled").into_inner();
        assert_eq!(cancelled.state(), v1::job::State::Cancelled);
        assert_eq!(jobs.cancel_job(cancel.clone()).await.expect("the same").into_inner(), cancelled);
        let refusal = jobs.cancel_job(v1::CancelJobRequest { request_id: id(), ..cancel }).await.expect_err("it has ended");
        assert_eq!(reason(&refusal), "STATE_REFUSES");
        let rung = control.rings();
        let again = jobs.retry_job(retry).await.expect("again").into_inner();
        assert_eq!(again.state(), v1::job::State::Queued);
        assert!(control.rings() > rung, "the feeder is woken");
    })
    .await;
}

#[tokio::test]
async fn jobs_are_listed_newest_first_by_provider_and_state() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let (one, two) =
            (active_provider(&control.store, &tenant.scope, 1).await, active_provider(&control.store, &tenant.scope, 2).await);
        let mut names = Vec::new();
        for provider in [&one, &two, &one] {
            names.push(format!("jobs/{}", fetch(&control.store, &tenant.scope, provider.id).await.id));
        }
        let mut jobs = Clients::of(&control, &tenant.read).jobs;
        let list = |provider: String, states: Vec<i32>| v1::ListJobsRequest { provider, states, ..Default::default() };
        let queued = vec![v1::job::State::Queued.into()];
        let listed = jobs.list_jobs(list(String::new(), queued.clone())).await.expect("a list").into_inner().jobs;
        let listed: Vec<&str> = listed.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(listed, [names[2].as_str(), names[1].as_str(), names[0].as_str()]);
        let listed = jobs.list_jobs(list(format!("providers/{}", two.id), queued)).await.expect("a list").into_inner().jobs;
        assert_eq!(listed.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), [names[1].as_str()]);
        let done = vec![v1::job::State::Succeeded.into()];
        let listed = jobs.list_jobs(list(String::new(), done)).await.expect("a list").into_inner().jobs;
        assert!(listed.len() == 2 && listed.iter().all(|job| job.kind == "test_connection"));
        assert_eq!(fields(&jobs.list_jobs(list(String::new(), vec![1, 99])).await.expect_err("no state")), ["states[1]"]);
    })
    .await;
}
