//! Providers through the API: the form, request ids, the claim on a company, and the jobs that a person starts.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_proto::v1;
use linkyard_tests::control::{Control, Tenant};
use linkyard_tests::databases::each_database;
use tonic::Code;

/// A form with the platform's credentials.
async fn form(control: &Control, tenant: &Tenant, company_id: &str) -> v1::Provider {
    let party_type = control.store.party_types(&tenant.scope).await.expect("party types")[0].id;
    let profile = control.store.compliance_profiles(&tenant.scope).await.expect("profiles")[0].id;
    v1::Provider {
        display_name: " Main office ".to_owned(),
        company_id: company_id.to_owned(),
        client_id: "N/A".to_owned(),
        client_secret: "n/a".to_owned(),
        default_party_type: format!("partyTypes/{party_type}"),
        default_compliance_profile: format!("complianceProfiles/{profile}"),
        ..Default::default()
    }
}

/// A form with credentials of its own.
async fn own_form(control: &Control, tenant: &Tenant, company_id: &str) -> v1::Provider {
    let secrets =
        v1::Provider { client_id: "an-app".to_owned(), client_secret: "canary-secret".to_owned(), ..Default::default() };
    let form = form(control, tenant, company_id).await;
    v1::Provider { client_id: secrets.client_id, client_secret: secrets.client_secret, ..form }
}

fn create(provider: v1::Provider, request_id: &str) -> v1::CreateProviderRequest {
    v1::CreateProviderRequest { provider: Some(provider), request_id: request_id.to_owned(), validate_only: false }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_form_is_said_at_once() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let wrong = v1::Provider {
            kind: 9,
            display_name: "x".repeat(201),
            company_id: "acme".to_owned(),
            client_id: "only-half".to_owned(),
            default_party_type: "nonsense".to_owned(),
            contacts_mode: 77,
            ..Default::default()
        };
        let refusal = Clients::of(&control, &tenant.write).providers.create_provider(create(wrong, "")).await.expect_err("wrong");
        assert_eq!(reason(&refusal), "INVALID_INPUT");
        let expected = [
            "provider.kind",
            "provider.contacts_mode",
            "provider.display_name",
            "provider.company_id",
            "provider.client_secret",
            "provider.default_party_type",
            "provider.default_compliance_profile",
        ];
        assert_eq!(fields(&refusal), expected);
        assert_eq!(control.store.jobs_live().await.expect("jobs"), 0);
    })
    .await;
}

#[tokio::test]
async fn validate_only_answers_the_normal_spelling_and_changes_nothing() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut providers = Clients::of(&control, &tenant.write).providers;
        let form = form(&control, &tenant, "https://us02.procore.com/598134325812345/company/home").await;
        let request_id = id();
        let request =
            v1::CreateProviderRequest { provider: Some(form.clone()), request_id: request_id.clone(), validate_only: true };
        let answer = providers.create_provider(request).await.expect("valid").into_inner();
        assert_eq!(answer.name, "");
        assert_eq!((answer.company_id.as_str(), answer.display_name.as_str()), ("598134325812345", "Main office"));
        assert_eq!((answer.environment.as_str(), answer.client_id.as_str()), ("production", ""));
        assert_eq!(answer.contacts_mode(), v1::ContactsMode::SyncAllSetPrimary);
        let listed = providers.list_providers(v1::ListProvidersRequest::default()).await.expect("a list").into_inner();
        assert!(listed.providers.is_empty() && control.store.jobs_live().await.expect("jobs") == 0);
        assert_eq!(control.rings(), 0);

        let saved = providers.create_provider(create(form, &request_id)).await.expect("the same id is still free").into_inner();
        assert_eq!(saved.state(), v1::provider::State::PendingApproval);
    })
    .await;
}

#[tokio::test]
async fn a_request_id_makes_a_call_repeatable_and_is_good_for_one_body() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut providers = Clients::of(&control, &tenant.write).providers;
        let form = own_form(&control, &tenant, "7").await;
        let request_id = id();
        let first = providers.create_provider(create(form.clone(), &request_id)).await.expect("created").into_inner();
        let again = providers.create_provider(create(form.clone(), &request_id)).await.expect("the same").into_inner();
        assert_eq!(first, again);
        assert!(first.test_job.starts_with("jobs/"));
        assert_eq!(first.client_secret, "", "a secret is never answered");

        let other = v1::Provider { company_id: "8".to_owned(), ..form.clone() };
        let refusal = providers.create_provider(create(other, &request_id)).await.expect_err("another body");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
        let refusal = providers.create_provider(create(form.clone(), "not-a-uuid")).await.expect_err("no UUID");
        assert_eq!(fields(&refusal), ["request_id"]);
        let refusal = providers.create_provider(create(form, "")).await.expect_err("twice");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::AlreadyExists, "ALREADY_EXISTS"));
        assert_eq!(
            providers.list_providers(v1::ListProvidersRequest::default()).await.expect("a list").into_inner().providers.len(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn the_same_request_id_of_two_tenants_is_two_requests() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let request_id = id();
        let mut names = Vec::new();
        for name in ["Alpha", "Beta"] {
            let tenant = control.tenant(name).await;
            let form = own_form(&control, &tenant, "7").await;
            let created = Clients::of(&control, &tenant.write).providers.create_provider(create(form, &request_id)).await;
            names.push(created.expect("created").into_inner().name);
        }
        assert_ne!(names[0], names[1]);
    })
    .await;
}

#[tokio::test]
async fn a_claim_waits_for_an_operator_of_any_organization() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let (alpha, beta) = (control.tenant("Alpha").await, control.tenant("Beta").await);
        let mut owner = Clients::of(&control, &alpha.write);
        let form = form(&control, &alpha, "7").await;
        let claimed = owner.providers.create_provider(create(form, "")).await.expect("claimed").into_inner();
        assert_eq!((claimed.state(), claimed.test_job.as_str()), (v1::provider::State::PendingApproval, ""));
        let fetch = v1::FetchDirectoryRequest { name: claimed.name.clone(), ..Default::default() };
        let refusal = owner.providers.fetch_directory(fetch).await.expect_err("not approved");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "STATE_REFUSES"));

        let approve = v1::ApproveProviderRequest { name: claimed.name.clone(), ..Default::default() };
        let refusal = owner.providers.approve_provider(approve.clone()).await.expect_err("not an operator");
        assert_eq!(refusal.code(), Code::PermissionDenied);
        let mut operator = Clients::of(&control, &beta.operator).providers;
        let approved = operator.approve_provider(approve.clone()).await.expect("approved").into_inner();
        assert_eq!(approved.state(), v1::provider::State::Testing);
        let test = owner.jobs.get_job(v1::GetJobRequest { name: approved.test_job }).await.expect("its test").into_inner();
        assert_eq!((test.kind.as_str(), test.state()), ("test_connection", v1::job::State::Queued));
        let refusal = operator.approve_provider(approve).await.expect_err("approved before");
        assert_eq!(reason(&refusal), "STATE_REFUSES");
    })
    .await;
}

#[tokio::test]
async fn where_claims_approve_themselves_the_test_starts_at_once() {
    each_database(async |store| {
        let mut settings = linkyard_tests::control::settings();
        settings.approve_claims = true;
        let control = Control::start_with(store, settings).await;
        let tenant = control.tenant("Alpha").await;
        let form = form(&control, &tenant, "7").await;
        let created = Clients::of(&control, &tenant.write).providers.create_provider(create(form, "")).await.expect("created");
        let created = created.into_inner();
        assert_eq!(created.state(), v1::provider::State::Testing);
        assert!(!created.test_job.is_empty() && control.rings() > 0, "the feeder is woken");
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_a_fetch_while_one_is_under_way_gets_that_one() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let provider = linkyard_tests::ground::active_provider(&control.store, &tenant.scope, 7).await;
        let mut providers = Clients::of(&control, &tenant.write).providers;
        let name = format!("providers/{}", provider.id);
        let fetch = |request_id: String| v1::FetchDirectoryRequest { name: name.clone(), request_id, changes_only: false };
        let first = providers.fetch_directory(fetch(id())).await.expect("a job").into_inner();
        let second = providers.fetch_directory(fetch(id())).await.expect("a job").into_inner();
        assert_eq!((first.name.as_str(), first.kind.as_str()), (second.name.as_str(), "fetch_directory"));
        assert_eq!(first.provider, name);
        let test = v1::TestProviderRequest { name: name.clone(), request_id: id() };
        let test = providers.test_provider(test).await.expect("a job").into_inner();
        assert_eq!(test.kind, "test_connection");
        assert_ne!(test.name, first.name);

        let paused = providers
            .pause_provider(v1::PauseProviderRequest { name: name.clone(), ..Default::default() })
            .await
            .expect("paused")
            .into_inner();
        assert_eq!(paused.state(), v1::provider::State::Paused);
        let resumed = providers
            .resume_provider(v1::ResumeProviderRequest { name: name.clone(), ..Default::default() })
            .await
            .expect("resumed");
        assert_eq!(resumed.into_inner().state(), v1::provider::State::Active);
        let refusal =
            providers.resume_provider(v1::ResumeProviderRequest { name, ..Default::default() }).await.expect_err("it runs");
        assert_eq!(reason(&refusal), "STATE_REFUSES");
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_none_is_a_violation_and_one_of_nobody_is_not_found() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut providers = Clients::of(&control, &tenant.read).providers;
        for name in ["", "providers/", "providers/7", "parties/0190163d-8694-739b-aea5-966c26f8ad91"] {
            let refusal = providers.get_provider(v1::GetProviderRequest { name: name.to_owned() }).await.expect_err(name);
            assert_eq!(fields(&refusal), ["name"], "{name}");
        }
        let name = format!("providers/{}", id());
        let refusal = providers.get_provider(v1::GetProviderRequest { name }).await.expect_err("nobody's");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::NotFound, "NOT_FOUND"));
        let resource = tonic_types::StatusExt::get_details_resource_info(&refusal).expect("ResourceInfo");
        assert_eq!(resource.resource_type, "provider");
    })
    .await;
}
