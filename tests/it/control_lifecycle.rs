//! Changing, unlinking and deleting through the API: masks, etags, refusals, and the audit log.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_core::mapping::Subject;
use linkyard_proto::v1;
use linkyard_tests::control::Control;
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::active_provider;
use prost_types::FieldMask;
use tonic::Code;

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

fn update(provider: v1::Provider, paths: &[&str]) -> v1::UpdateProviderRequest {
    v1::UpdateProviderRequest { provider: Some(provider), update_mask: mask(paths), request_id: id(), ..Default::default() }
}

#[tokio::test]
async fn a_provider_is_changed_by_its_mask_and_never_answers_its_secret() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let made = active_provider(&control.store, &tenant.scope, 1).await;
        let mut providers = Clients::of(&control, &tenant.write).providers;
        let named = |form: v1::Provider| v1::Provider { name: format!("providers/{}", made.id), ..form };

        let form = named(v1::Provider { display_name: "Renamed".to_owned(), ..Default::default() });
        let refusal = providers.update_provider(update(form.clone(), &[])).await.expect_err("no mask");
        assert_eq!(fields(&refusal), ["update_mask"]);
        let refusal = providers.update_provider(update(form.clone(), &["state", "retire_by"])).await.expect_err("unknown");
        assert_eq!(fields(&refusal), ["update_mask.paths[0]", "provider.retire_by"]);
        let request = update(form, &["display_name", "push_compliance"]);
        let renamed = providers.update_provider(request.clone()).await.expect("changed").into_inner();
        assert_eq!((renamed.display_name.as_str(), renamed.push_compliance, renamed.schedules), ("Renamed", false, true));
        assert_eq!(renamed.test_job, "", "the credentials are as they were");
        let again = providers.update_provider(request).await.expect("the same call").into_inner();
        assert_eq!(again, renamed, "it is done once");

        let half = named(v1::Provider { client_id: "new-app".to_owned(), ..Default::default() });
        let refusal = providers.update_provider(update(half, &["client_id"])).await.expect_err("no secret");
        assert_eq!(fields(&refusal), ["provider.client_secret"]);
        let secret =
            v1::Provider { client_secret: "canary-renewed".to_owned(), etag: renamed.etag.clone(), ..Default::default() };
        let rotated = providers.update_provider(update(named(secret.clone()), &["client_secret"])).await.expect("changed");
        let rotated = rotated.into_inner();
        assert_eq!((rotated.client_id.as_str(), rotated.client_secret.as_str()), ("client-1", ""));
        assert!(!rotated.test_job.is_empty() && rotated.state() == v1::provider::State::Testing);
        let refusal = providers.update_provider(update(named(secret), &["client_secret"])).await.expect_err("an old etag");
        assert_eq!(refusal.code(), Code::Aborted);
    })
    .await;
}

#[tokio::test]
async fn automatic_adding_is_switched_on_over_waiting_records_only_when_acknowledged() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let made = active_provider(&control.store, &tenant.scope, 1).await;
        control.fetched(&tenant.scope, made.id, Subject::Vendor, &[(1, "Acme"), (2, "Bolt")]).await;
        let mut providers = Clients::of(&control, &tenant.write).providers;
        let form = v1::Provider { name: format!("providers/{}", made.id), auto_add_parties: true, ..Default::default() };
        let request = update(form, &["auto_add_parties"]);
        let refusal = providers.update_provider(request.clone()).await.expect_err("two wait");
        assert_eq!(refusal.code(), Code::FailedPrecondition);
        assert!(refusal.message().starts_with("2 vendors"), "{}", refusal.message());
        let acknowledged = v1::UpdateProviderRequest { acknowledge_unmapped: true, request_id: id(), ..request };
        let switched = providers.update_provider(acknowledged).await.expect("acknowledged").into_inner();
        assert!(switched.auto_add_parties && switched.auto_add_parties_time.is_some() && !switched.auto_add_projects);
    })
    .await;
}

#[tokio::test]
async fn rows_that_are_not_linked_are_refused_by_name_and_a_deleted_provider_is_gone() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let made = active_provider(&control.store, &tenant.scope, 1).await;
        control.fetched(&tenant.scope, made.id, Subject::Vendor, &[(1, "Acme")]).await;
        let mut clients = Clients::of(&control, &tenant.write);
        let parent = format!("providers/{}", made.id);
        let row = |record: i64| v1::UnlinkRow { name: format!("{parent}/partyMappings/{record}"), ..Default::default() };
        let unlink = |rows| v1::BatchUnlinkPartyMappingsRequest { parent: parent.clone(), rows, request_id: id() };
        let refusal = clients.party_mappings.batch_unlink_party_mappings(unlink(vec![row(1)])).await.expect_err("not linked");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "STATE_REFUSES"));
        let refusal = clients.party_mappings.batch_unlink_party_mappings(unlink(vec![row(1), row(9)])).await.expect_err("none");
        assert_eq!(fields(&refusal), ["rows[1].name"]);

        let delete = v1::DeleteProviderRequest { name: parent.clone(), etag: String::new(), request_id: id() };
        let deleted = clients.providers.delete_provider(delete.clone()).await.expect("deleted").into_inner();
        assert_eq!(deleted.state(), v1::provider::State::Deleted);
        assert_eq!(clients.providers.delete_provider(delete).await.expect("the same call").into_inner(), deleted);
        let refusal = clients.providers.get_provider(v1::GetProviderRequest { name: parent }).await.expect_err("gone");
        assert_eq!(refusal.code(), Code::NotFound);
        let listed = v1::ListAuditEntriesRequest { resource: "provider".to_owned(), page_size: 2, ..Default::default() };
        let log = clients.organizations.list_audit_entries(listed.clone()).await.expect("the log").into_inner();
        let actions: Vec<&str> = log.entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["provider.deleted", "provider.delete"]);
        assert!(log.entries[1].actor.starts_with("key:"), "{}", log.entries[1].actor);
        let next = v1::ListAuditEntriesRequest { page_token: log.next_page_token, ..listed };
        let older = clients.organizations.list_audit_entries(next).await.expect("the next page").into_inner();
        assert!(older.entries.iter().any(|entry| entry.action == "provider.create"));
    })
    .await;
}
