//! Suspected duplicates through the API: lists, dismissing, and mapping a group to one party.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_core::duplicate::{MemberId, Searched};
use linkyard_core::id::{PartyId, ProviderId, RecordId};
use linkyard_core::mapping::Subject;
use linkyard_proto::v1;
use linkyard_tests::control::{Control, Tenant};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::{active_provider, duplicates};
use tonic::Code;
use v1::confirm_party_mappings_request::Selection;

/// A provider with three vendors, of which a search found two to be one.
async fn searched(control: &Control, tenant: &Tenant) -> ProviderId {
    let provider = active_provider(&control.store, &tenant.scope, 7).await.id;
    let records = [(1, "Acme"), (2, "Acme Steel"), (3, "Bolt")];
    control.fetched(&tenant.scope, provider, Subject::Vendor, &records).await;
    let group = [MemberId::Record(RecordId(1)), MemberId::Record(RecordId(2))];
    let list = Searched { provider: Some(provider), subject: Subject::Vendor };
    duplicates(&control.store, &tenant.scope, provider, list, &group).await;
    provider
}

fn vendors(provider: ProviderId) -> v1::ListDuplicateGroupsRequest {
    let (list, provider) = (v1::SearchedList::Vendors.into(), format!("providers/{provider}"));
    v1::ListDuplicateGroupsRequest { list, provider, ..Default::default() }
}

#[tokio::test]
async fn groups_are_listed_with_their_records_and_reasons() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let provider = searched(&control, &tenant).await;
        let mut client = Clients::of(&control, &tenant.read).duplicates;
        let listed = client.list_duplicate_groups(vendors(provider)).await.expect("a list").into_inner();
        let [group] = listed.duplicate_groups.as_slice() else { panic!("{listed:?}") };
        assert_eq!((group.list(), group.provider.clone()), (v1::SearchedList::Vendors, format!("providers/{provider}")));
        assert_eq!((group.member_count, group.dismissed, group.reasons.len()), (2, false, 1));
        let member = &group.members[1];
        assert_eq!(member.name, format!("providers/{provider}/partyMappings/2"));
        assert_eq!((member.display_name.as_str(), member.phone.as_str()), ("Acme Steel", "805 555 0100"));
        let got = client.get_duplicate_group(v1::GetDuplicateGroupRequest { name: group.name.clone() }).await;
        assert_eq!(got.expect("the group").into_inner(), *group);

        let wrong = v1::ListDuplicateGroupsRequest { list: 0, ..vendors(provider) };
        assert_eq!(fields(&client.list_duplicate_groups(wrong).await.expect_err("no list")), ["list"]);
        let parties = v1::SearchedList::Parties.into();
        let wrong = v1::ListDuplicateGroupsRequest { list: parties, ..vendors(provider) };
        assert_eq!(fields(&client.list_duplicate_groups(wrong).await.expect_err("a provider of the registry")), ["provider"]);
        let registry = v1::ListDuplicateGroupsRequest { list: parties, ..Default::default() };
        assert!(client.list_duplicate_groups(registry).await.expect("a list").into_inner().duplicate_groups.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_group_is_dismissed_and_restored() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let provider = searched(&control, &tenant).await;
        let mut client = Clients::of(&control, &tenant.write).duplicates;
        let listed = client.list_duplicate_groups(vendors(provider)).await.expect("a list").into_inner();
        let name = listed.duplicate_groups[0].name.clone();
        let dismiss = v1::DismissDuplicateGroupRequest { name: name.clone(), request_id: id() };
        let dismissed = client.dismiss_duplicate_group(dismiss.clone()).await.expect("dismissed").into_inner();
        assert!(dismissed.dismissed);
        let open = client.list_duplicate_groups(vendors(provider)).await.expect("a list").into_inner();
        assert!(open.duplicate_groups.is_empty());
        let restore = v1::RestoreDuplicateGroupRequest { name, request_id: id() };
        assert!(!client.restore_duplicate_group(restore).await.expect("restored").into_inner().dismissed);
        let again = client.dismiss_duplicate_group(dismiss).await.expect("the same request").into_inner();
        assert!(!again.dismissed, "a request that was carried out is not carried out again");
        let mut reader = Clients::of(&control, &tenant.read).duplicates;
        let refused = reader.dismiss_duplicate_group(v1::DismissDuplicateGroupRequest::default()).await;
        assert_eq!(refused.expect_err("a key that reads").code(), Code::PermissionDenied);
        let listed = client.list_duplicate_groups(v1::ListDuplicateGroupsRequest { dismissed: true, ..vendors(provider) }).await;
        assert!(listed.expect("a list").into_inner().duplicate_groups.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_group_is_planned_and_mapped_to_one_party() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let provider = searched(&control, &tenant).await;
        let mut clients = Clients::of(&control, &tenant.write);
        let listed = clients.duplicates.list_duplicate_groups(vendors(provider)).await.expect("a list").into_inner();
        let duplicate_group = listed.duplicate_groups[0].name.clone();
        let party = v1::Party { display_name: "Acme Works".to_owned(), ..Default::default() };
        let party = v1::CreatePartyRequest {
            party: Some(party),
            request_id: String::new(),
            on_lookalike: v1::OnLookalike::Create.into(),
        };
        let party = clients.parties.create_party(party).await.expect("a party").into_inner().name;
        let confirm = |target: &str, validate_only, request_id: String| v1::ConfirmPartyMappingsRequest {
            parent: format!("providers/{provider}"),
            selection: Some(Selection::Group(v1::ConfirmGroup {
                duplicate_group: duplicate_group.clone(),
                target: target.to_owned(),
                plan_token: String::new(),
            })),
            request_id,
            validate_only,
        };
        let refused = clients.party_mappings.confirm_party_mappings(confirm("", true, String::new())).await;
        assert_eq!(fields(&refused.expect_err("no target")), ["group.target"]);
        let refused = clients.party_mappings.confirm_party_mappings(confirm("projects/x", true, String::new())).await;
        assert_eq!(fields(&refused.expect_err("a project")), ["group.target"]);
        let stranger = format!("parties/{}", PartyId::generate());
        let refused = clients.party_mappings.confirm_party_mappings(confirm(&stranger, false, id())).await;
        assert_eq!(fields(&refused.expect_err("no such party")), ["group.target"]);

        let planned = clients.party_mappings.confirm_party_mappings(confirm(&party, true, String::new())).await;
        let planned = planned.expect("a plan").into_inner();
        assert_eq!((planned.plan.expect("a plan").links, planned.job), (2, None));
        let request = confirm(&party, false, id());
        let done = clients.party_mappings.confirm_party_mappings(request.clone()).await.expect("confirmed").into_inner();
        let again = clients.party_mappings.confirm_party_mappings(request).await.expect("the same").into_inner();
        assert_eq!(done.job.expect("a job").name, again.job.expect("the same job").name);
        let shown = v1::ListPartyMappingsRequest { parent: format!("providers/{provider}"), ..Default::default() };
        let shown = clients.party_mappings.list_party_mappings(shown).await.expect("a list").into_inner().mappings;
        let targets: Vec<_> = shown.iter().map(|one| one.decision.as_ref().map(|choice| choice.target.clone())).collect();
        assert_eq!(targets, [Some(party.clone()), Some(party), None]);

        let gone = v1::GetDuplicateGroupRequest { name: format!("duplicateGroups/{}", PartyId::generate()) };
        let refused = clients.duplicates.get_duplicate_group(gone).await.expect_err("no group");
        assert_eq!((refused.code(), reason(&refused).is_empty()), (Code::NotFound, false));
    })
    .await;
}
