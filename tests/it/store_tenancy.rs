//! Tenants, on every database: claims on companies, keys, sealed secrets, and that nothing of one tenant is there for another.

use linkyard_core::budget::{BudgetKey, CallCounts, Usage};
use linkyard_core::error::{Attention, ConflictReason};
use linkyard_core::id::{ApiKeyId, JobId, ProviderId};
use linkyard_core::job::{Fence, Finish, JobKind, Lane};
use linkyard_core::page::PageRequest;
use linkyard_core::provider::{Credentials, NewProvider, ProviderState, Visible};
use linkyard_core::scope::{Access, Scope};
use linkyard_core::{Error, Result};
use linkyard_store::{CallsOf, Store};
use linkyard_tests::databases::{PostgresSchema, each_database, each_database_with_sql, open_store};
use linkyard_tests::ground::{active_provider, claim, claim_and_die, fetch, new_job, own_form, platform_form, tenant};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Debug;

const ALL: PageRequest = PageRequest { size: 100, after: None };

fn conflict(result: Result<impl Debug>) -> ConflictReason {
    match result {
        Err(Error::Conflict { reason, .. }) => reason,
        other => panic!("not a conflict: {other:?}"),
    }
}

fn already(result: Result<impl Debug>) -> String {
    match result {
        Err(Error::AlreadyExists { message, .. }) => message,
        other => panic!("not taken: {other:?}"),
    }
}

#[tokio::test]
async fn a_company_is_claimed_with_the_platforms_credentials_once_over_all_organizations() {
    each_database(async |store| {
        let (a, b) = (tenant(&store, "Alpha Builders").await, tenant(&store, "Beta Builders").await);
        let (form_a, form_b) = (platform_form(&store, &a, 42).await, platform_form(&store, &b, 42).await);
        let (first, second) =
            tokio::join!(store.provider_create(&a, &form_a, true, None), store.provider_create(&b, &form_b, true, None));
        assert!(first.is_ok() != second.is_ok(), "one of the two has it");
        let (loser, form, winner) = if first.is_ok() { (&b, &form_b, &a) } else { (&a, &form_a, &b) };
        for refusal in
            [already(store.provider_create(loser, form, true, None).await), already(store.provider_validate(loser, form).await)]
        {
            assert!(!refusal.contains(&winner.organization.to_string()) && !refusal.contains("Builders"), "{refusal}");
        }
        assert!(store.provider_list(loser, &ALL).await.expect("a list").rows.is_empty());

        let own = own_form(&store, loser, 42).await;
        store.provider_validate(loser, &own).await.expect("own credentials claim nothing");
        store.provider_create(loser, &own, false, None).await.expect("own credentials claim nothing");
        assert!(already(store.provider_create(loser, &own, false, None).await).contains("this organization"));
        let environment = linkyard_core::provider::Environment("sandbox".into());
        let elsewhere = NewProvider { environment, ..platform_form(&store, loser, 42).await };
        store.provider_create(loser, &elsewhere, true, None).await.expect("another environment is another company");
    })
    .await;
}

#[tokio::test]
async fn a_first_claim_waits_for_an_operator_and_own_credentials_do_not() {
    each_database(async |store| {
        let (scope, operator) = (tenant(&store, "a").await, tenant(&store, "operator").await);
        let (pending, job) =
            store.provider_create(&scope, &platform_form(&store, &scope, 1).await, false, None).await.expect("made");
        assert_eq!((pending.state, job.is_none()), (ProviderState::PendingApproval, true));
        assert_eq!(conflict(store.provider_set_paused(&scope, pending.id, true, None).await), ConflictReason::State);
        let (approved, test) = store.provider_approve(&operator, pending.id, None).await.expect("approved");
        assert_eq!((approved.state, approved.organization), (ProviderState::Testing, scope.organization));
        assert_eq!((test.organization, test.kind.as_str()), (scope.organization, JobKind::TestConnection.as_str()));
        assert_eq!(conflict(store.provider_approve(&operator, pending.id, None).await), ConflictReason::State);
        let (own, job) = store.provider_create(&scope, &own_form(&store, &scope, 2).await, false, None).await.expect("made");
        assert_eq!((own.state, job.map(|job| job.provider)), (ProviderState::Testing, Some(Some(own.id))));
    })
    .await;
}

#[tokio::test]
async fn a_form_is_checked_as_a_whole_and_validation_changes_nothing() {
    each_database(async |store| {
        let (a, b) = (tenant(&store, "a").await, tenant(&store, "b").await);
        let foreign = platform_form(&store, &b, 1).await;
        let wrong = NewProvider { display_name: " ".into(), company_id: linkyard_core::id::CompanyId(0), ..foreign };
        for error in [
            store.provider_create(&a, &wrong, true, None).await.map(|_| ()).expect_err("wrong"),
            store.provider_validate(&a, &wrong).await.expect_err("wrong"),
        ] {
            let Error::Invalid(violations) = error else { panic!("{error:?}") };
            let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
            assert_eq!(fields, ["display_name", "company_id", "default_party_type", "default_compliance_profile"]);
        }
        store.provider_validate(&a, &platform_form(&store, &a, 1).await).await.expect("right");
        assert!(store.provider_list(&a, &ALL).await.expect("a list").rows.is_empty());
        assert_eq!(store.jobs_live().await.expect("live"), 0);
    })
    .await;
}

#[tokio::test]
async fn a_connection_test_decides_between_active_and_needs_attention_and_leaves_a_pause_alone() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        assert_eq!(provider.state, ProviderState::Active);
        assert_eq!(store.jobs_live().await.expect("live"), 0, "a good test starts nothing else");
        let job = fetch(&store, &scope, provider.id).await;
        let fence = claim(&store, job.id).await.fence;
        let refused = Err((Attention::NotInstalled, "install the app"));
        assert_eq!(store.provider_tested(&fence, provider.id, refused).await.expect("tested"), ProviderState::NeedsAttention);
        let seen = store.provider_get(&scope, provider.id).await.expect("the provider");
        assert_eq!((seen.attention, seen.state_message.as_str()), (Some(Attention::NotInstalled), "install the app"));
        assert!(seen.visible.is_some(), "what was seen before is kept");
        assert!(seen.revision > provider.revision);

        store.provider_set_paused(&scope, provider.id, true, None).await.expect("paused");
        assert_eq!(conflict(store.provider_set_paused(&scope, provider.id, true, None).await), ConflictReason::State);
        assert_eq!(store.provider_tested(&fence, provider.id, refused).await.expect("tested"), ProviderState::Paused);
        store.provider_needs_attention(&fence, provider.id, Attention::Credentials, "no").await.expect("kept");
        assert_eq!(store.provider_get(&scope, provider.id).await.expect("the provider").state, ProviderState::Paused);
        let resumed = store.provider_set_paused(&scope, provider.id, false, None).await.expect("resumed");
        assert_eq!((resumed.state, resumed.attention), (ProviderState::Active, None));
        store.provider_needs_attention(&fence, provider.id, Attention::Credentials, "no").await.expect("marked");
        let visible = Visible { company_name: "Acme".into(), ..Visible::default() };
        assert_eq!(store.provider_tested(&fence, provider.id, Ok(&visible)).await.expect("tested"), ProviderState::Active);
        let seen = store.provider_get(&scope, provider.id).await.expect("the provider");
        assert_eq!((seen.attention, seen.visible), (None, Some(visible)));
    })
    .await;
}

#[tokio::test]
async fn a_kept_budget_comes_back_and_a_block_only_grows() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let fence = claim(&store, fetch(&store, &scope, provider.id).await.id).await.fence;
        assert_eq!(store.provider_budget(&scope, provider.id).await.expect("a budget"), None);
        let key = BudgetKey { client_id: "client-1".to_owned(), company: provider.company_id };
        let late = Usage { spike_limit: 25, blocked_until_ms: 9_000, ..Usage::default() };
        let early = Usage { blocked_until_ms: 5, ..late };
        for usage in [late, early] {
            store.provider_budget_save(&fence, provider.id, &key, &usage).await.expect("kept");
            let kept = store.provider_budget(&scope, provider.id).await.expect("a budget").expect("kept");
            assert_eq!((kept.client_id.as_deref(), kept.usage), (Some("client-1"), usage));
            assert_eq!(store.provider_get(&scope, provider.id).await.expect("the provider").not_before_ms, 9_000);
        }
    })
    .await;
}

#[tokio::test]
async fn a_sealed_secret_opens_only_in_its_own_row() {
    each_database_with_sql(async |store: Store, sql| {
        let scope = tenant(&store, "a").await;
        let mut fences: Vec<(ProviderId, Fence)> = Vec::new();
        for company in [1, 2] {
            let provider = active_provider(&store, &scope, company).await;
            let fence = claim(&store, fetch(&store, &scope, provider.id).await.id).await.fence;
            let Credentials::Own { client_id, client_secret } =
                store.provider_credentials(&fence, provider.id).await.expect("credentials")
            else {
                panic!("not its own credentials")
            };
            assert_eq!((client_id, client_secret.expose_secret()), (format!("client-{company}"), "canary-secret"));
            fences.push((provider.id, fence));
        }
        sql.execute(
            "update provider set client_secret_sealed = (select other.client_secret_sealed from provider other where other.company_id = 1)
             where company_id = 2",
        )
        .await;
        let (id, fence) = &fences[1];
        assert!(matches!(store.provider_credentials(fence, *id).await, Err(Error::Internal { .. })));
        let (id, fence) = &fences[0];
        store.provider_credentials(fence, *id).await.expect("the untouched row opens");
        let stranger = Fence { organization: tenant(&store, "b").await.organization, ..*fence };
        assert!(matches!(store.provider_credentials(&stranger, *id).await, Err(Error::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_key_opens_its_tenant_until_it_is_revoked_or_expired() {
    each_database_with_sql(async |store: Store, sql| {
        let scope = tenant(&store, "a").await;
        let (key, secret) = store.api_key_create(&scope, "ci", Access::Write, None, None).await.expect("a key");
        assert!(secret.expose_secret().starts_with(&format!("{}_", key.prefix)));
        let principal = store.api_key_check(&secret).await.expect("checked").expect("known");
        assert_eq!(principal.scope, Scope::new(scope.organization, format!("key:{}", key.prefix)));
        assert_eq!(principal.access, Access::Write);

        let used = "select last_used_at_ms from api_key";
        let first_use = sql.number(used).await;
        store.api_key_check(&secret).await.expect("checked");
        assert_eq!(sql.number(used).await, first_use, "noted at most once a minute");
        sql.execute("update api_key set last_used_at_ms = 1").await;
        store.api_key_check(&secret).await.expect("checked");
        assert!(sql.number(used).await >= first_use);

        let mut wrong = secret.expose_secret().to_owned();
        let last = wrong.pop().expect("a character");
        wrong.push(if last == 'A' { 'Q' } else { 'A' });
        for hostile in [wrong.as_str(), "", "ly_", "ly_abcdefgh", "ly_abcdefgh_", &key.prefix, "ly_ääääääää_x", "x"] {
            assert_eq!(store.api_key_check(&SecretString::from(hostile)).await.expect("checked"), None, "{hostile}");
        }
        let (_, expired) = store.api_key_create(&scope, "old", Access::Read, Some(1), None).await.expect("a key");
        assert_eq!(store.api_key_check(&expired).await.expect("checked"), None);
        let revoked = store.api_key_revoke(&scope, key.id, None).await.expect("revoked");
        assert!(revoked.revoked_at_ms.is_some());
        assert_eq!(store.api_key_revoke(&scope, key.id, None).await.expect("again").revoked_at_ms, revoked.revoked_at_ms);
        assert_eq!(store.api_key_check(&secret).await.expect("checked"), None);
        let listed = store.api_key_list(&scope, &PageRequest { size: 1, after: None }).await.expect("a page");
        let next = store.api_key_list(&scope, &PageRequest { size: 1, after: listed.next }).await.expect("a page");
        assert_eq!((listed.rows[0].name.as_str(), next.rows[0].name.as_str(), next.next), ("ci", "old", None));
    })
    .await;
}

fn missing<T: Debug>(what: &str, result: Result<T>) {
    assert!(matches!(result, Err(Error::NotFound { .. })), "{what}: {result:?}");
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_there() {
    each_database(async |store| {
        let (a, b) = (tenant(&store, "a").await, tenant(&store, "b").await);
        let provider = active_provider(&store, &a, 1).await;
        let job = fetch(&store, &a, provider.id).await;
        let (key, _) = store.api_key_create(&a, "ci", Access::Read, None, None).await.expect("a key");
        let new = new_job(Some(provider.id), JobKind::FetchDirectory, Lane::Person, "x");
        for (provider, job, key) in
            [(provider.id, job.id, key.id), (ProviderId::generate(), JobId::generate(), ApiKeyId::generate())]
        {
            missing("provider_get", store.provider_get(&b, provider).await);
            missing("provider_set_paused", store.provider_set_paused(&b, provider, true, None).await);
            missing("provider_set_paused", store.provider_set_paused(&b, provider, false, None).await);
            missing("provider_budget", store.provider_budget(&b, provider).await);
            missing("job_get", store.job_get(&b, job).await);
            missing("job_cancel", store.job_cancel(&b, job, None).await);
            missing("job_retry", store.job_retry(&b, job, None).await);
            missing("api_key_revoke", store.api_key_revoke(&b, key, None).await);
        }
        missing("job_enqueue", store.job_enqueue(&b, &new, None).await);
        missing("provider_approve", store.provider_approve(&b, ProviderId::generate(), None).await);
        missing(
            "organization_get",
            store.organization_get(&Scope::new(linkyard_core::id::OrganizationId::generate(), "x")).await,
        );
        assert!(store.provider_list(&b, &ALL).await.expect("a list").rows.is_empty());
        assert!(store.api_key_list(&b, &ALL).await.expect("a list").rows.is_empty());
        assert!(store.job_list(&b, None, &[], true, &ALL).await.expect("a list").rows.is_empty());
        assert!(store.job_list(&b, Some(provider.id), &[], true, &ALL).await.expect("a list").rows.is_empty());

        let own = active_provider(&store, &b, 2).await;
        let fence = claim(&store, fetch(&store, &b, own.id).await.id).await.fence;
        missing("provider_credentials", store.provider_credentials(&fence, provider.id).await.map(|_| ()));
        missing("provider_tested", store.provider_tested(&fence, provider.id, Ok(&Visible::default())).await);
        missing("provider_needs_attention", store.provider_needs_attention(&fence, provider.id, Attention::Permission, "").await);
        missing("job_follow", store.job_follow(&fence, &new).await);
        let budget_key = BudgetKey { client_id: "client-1".to_owned(), company: provider.company_id };
        let blocked = Usage { blocked_until_ms: 7, ..Usage::default() };
        store.provider_budget_save(&fence, provider.id, &budget_key, &blocked).await.expect("no row");
        let counts = CallCounts { made: 1, ..CallCounts::default() };
        let calls = CallsOf { organization: b.organization, provider: provider.id, counts };
        store.calls_note(&[calls]).await.expect("no row");
        assert!(store.calls_by_minute(&a, provider.id, 10).await.expect("a list").is_empty());
        assert_eq!(store.provider_demand(&b, provider.id).await.expect("a demand").jobs, 0);
        let stranger = Fence { organization: a.organization, ..fence };
        assert!(store.job_finish(&stranger, &Finish::Cancelled).await.expect_err("not theirs").is_fenced());
        let after = store.provider_get(&a, provider.id).await.expect("untouched");
        assert_eq!((after.revision, after.not_before_ms, after.state), (provider.revision, 0, provider.state));
    })
    .await;
}

#[tokio::test]
async fn every_change_by_a_person_is_in_the_audit_log_of_its_tenant() {
    each_database_with_sql(async |store: Store, sql| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = fetch(&store, &scope, provider.id).await;
        claim_and_die(&store, job.id).await;
        let other = fetch(&store, &scope, provider.id).await;
        store.job_cancel(&scope, other.id, None).await.expect("cancelled");
        store.job_retry(&scope, other.id, None).await.expect("retried");
        store.provider_set_paused(&scope, provider.id, true, None).await.expect("paused");
        store.provider_set_paused(&scope, provider.id, false, None).await.expect("resumed");
        let (key, _) = store.api_key_create(&scope, "ci", Access::Read, None, None).await.expect("a key");
        store.api_key_revoke(&scope, key.id, None).await.expect("revoked");
        let expected = [
            ("installation", "organization.create", 1),
            ("test:a", "provider.create", 1),
            ("job:test_connection", "provider.test", 1),
            ("test:a", "job.enqueue", 2),
            ("test:a", "job.cancel", 1),
            ("test:a", "job.retry", 1),
            ("test:a", "provider.pause", 1),
            ("test:a", "provider.resume", 1),
            ("test:a", "api_key.create", 1),
            ("test:a", "api_key.revoke", 1),
        ];
        for (actor, action, times) in expected {
            let count = format!("select count(*) from audit_entry where actor = '{actor}' and action = '{action}'");
            assert_eq!(sql.number(&count).await, times, "{actor} {action}");
        }
        let all: i64 = expected.iter().map(|(_, _, times)| times).sum();
        assert_eq!(sql.number("select count(*) from audit_entry").await, all);
    })
    .await;
}

#[tokio::test]
async fn the_schema_is_migrated_once_and_never_below_a_newer_release() {
    each_database_with_sql(async |store: Store, sql| {
        store.migrate().await.expect("nothing to do");
        sql.execute("insert into seaql_migrations (version, applied_at) values ('m20991231_000001_future', 0)").await;
        let refusal = store.migrate().await.expect_err("a newer release was here").to_string();
        assert!(refusal.contains("newer release") && refusal.contains("m20991231_000001_future"), "{refusal}");
        store.ping().await.expect("it still answers");
    })
    .await;
    let schema = PostgresSchema::create().await.expect("a schema");
    let opened = tokio::join!(open_store(schema.url()), open_store(schema.url()), open_store(schema.url()));
    for store in [opened.0, opened.1, opened.2] {
        assert!(store.expect("migrated together").organization_first().await.expect("a table").is_none());
    }
    schema.drop_all().await.expect("dropped");
}

#[tokio::test]
async fn the_oldest_organization_is_the_local_one() {
    each_database(async |store| {
        assert_eq!(store.organization_first().await.expect("none"), None);
        let first = tenant(&store, "first").await;
        tenant(&store, "second").await;
        let found = store.organization_first().await.expect("found").expect("one");
        assert_eq!((found.id, found.name.as_str()), (first.organization, "first"));
        assert_eq!(store.organization_get(&first).await.expect("found"), found);
        assert!(matches!(store.organization_create("", "UTC").await, Err(Error::Invalid(_))));
        assert_eq!(found.time_zone, "America/Los_Angeles");
    })
    .await;
}
