//! Projects, who is on them, party types and compliance profiles: changed and deleted over the API.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_proto::v1;
use linkyard_tests::build::{Side, match_to, record, vendor};
use linkyard_tests::control::{Control, Tenant};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::active_provider;
use prost_types::FieldMask;
use tonic::Code;

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

async fn project(clients: &mut Clients, name: &str) -> v1::Project {
    let project = v1::Project { display_name: name.to_owned(), number: "N-1".to_owned(), ..Default::default() };
    let request = v1::CreateProjectRequest { project: Some(project), request_id: id(), ..Default::default() };
    clients.projects.create_project(request).await.expect("a project").into_inner()
}

async fn party(clients: &mut Clients, name: &str) -> v1::Party {
    let party = v1::Party { display_name: name.to_owned(), ..Default::default() };
    let request = v1::CreatePartyRequest { party: Some(party), request_id: id(), ..Default::default() };
    clients.parties.create_party(request).await.expect("a party").into_inner()
}

async fn desk(control: &Control) -> (Tenant, Clients) {
    let tenant = control.tenant("Alpha").await;
    let clients = Clients::of(control, &tenant.write);
    (tenant, clients)
}

#[tokio::test]
async fn a_project_is_changed_by_its_mask_and_an_old_etag_is_refused() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let (_, mut clients) = desk(&control).await;
        let made = project(&mut clients, "Tower").await;
        let change = |form: v1::Project, paths: &[&str]| v1::UpdateProjectRequest {
            project: Some(v1::Project { name: made.name.clone(), ..form }),
            update_mask: mask(paths),
            request_id: id(),
        };
        let renamed = v1::Project { display_name: "Bridge".to_owned(), etag: made.etag.clone(), ..Default::default() };
        let request = change(renamed.clone(), &["display_name"]);
        let answer = clients.projects.update_project(request.clone()).await.expect("changed").into_inner();
        assert_eq!((answer.display_name.as_str(), answer.number.as_str()), ("Bridge", "N-1"));
        assert_ne!(answer.etag, made.etag);
        let again = clients.projects.update_project(request).await.expect("the same call").into_inner();
        assert_eq!(again, answer, "it is done once");
        let stale = clients.projects.update_project(change(renamed, &["display_name"])).await.expect_err("an old etag");
        assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "CHANGED_MEANWHILE"));
        let wrong = change(v1::Project { etag: "x".to_owned(), ..Default::default() }, &["display_name", "party_count"]);
        let refusal = clients.projects.update_project(wrong).await.expect_err("wrong");
        assert_eq!(fields(&refusal), ["update_mask.paths[1]", "project.display_name", "project.etag"]);
        let address = v1::Address { city: "Chicago".to_owned(), ..Default::default() };
        let moved = change(v1::Project { address: Some(address.clone()), ..Default::default() }, &["number", "address"]);
        let moved = clients.projects.update_project(moved).await.expect("changed").into_inner();
        assert_eq!((moved.number.as_str(), moved.address), ("", Some(address)));
        let filter = Some(v1::RegistryFilter { search: "bridge".to_owned(), ..Default::default() });
        let listed = v1::ListProjectsRequest { filter, ..Default::default() };
        let listed = clients.projects.list_projects(listed).await.expect("a list").into_inner();
        assert_eq!(listed.projects.len(), 1, "found by its new name");
    })
    .await;
}

#[tokio::test]
async fn parties_are_put_on_a_project_and_taken_off_all_or_none() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let (tenant, mut clients) = desk(&control).await;
        let made = project(&mut clients, "Tower").await;
        let (acme, bolt) = (party(&mut clients, "Acme").await.name, party(&mut clients, "Bolt").await.name);
        let add = |parties: Vec<String>| v1::AddProjectPartiesRequest { name: made.name.clone(), parties, request_id: id() };
        let remove =
            |parties: Vec<String>| v1::RemoveProjectPartiesRequest { name: made.name.clone(), parties, request_id: id() };
        let stranger = format!("parties/{}", linkyard_core::id::PartyId::generate());
        let wrong = add(vec![acme.clone(), stranger, acme.clone()]);
        let refusal = clients.projects.add_project_parties(wrong).await.expect_err("a stranger, and one twice");
        assert_eq!(fields(&refusal), ["parties[1]", "parties[2]"]);
        let refusal = clients.projects.add_project_parties(add(vec![])).await.expect_err("nobody");
        assert_eq!(fields(&refusal), ["parties"]);
        let added = clients.projects.add_project_parties(add(vec![acme.clone(), bolt.clone()])).await.expect("added");
        assert_eq!(added.into_inner().party_count, 2);
        let again = clients.projects.add_project_parties(add(vec![bolt.clone()])).await.expect("there already").into_inner();
        assert_eq!(again.party_count, 2);
        let removed = clients.projects.remove_project_parties(remove(vec![bolt.clone()])).await.expect("removed").into_inner();
        assert_eq!(removed.party_count, 1);
        let again = clients.projects.remove_project_parties(remove(vec![bolt])).await.expect("gone already").into_inner();
        assert_eq!(again.party_count, 1);

        let provider = active_provider(&control.store, &tenant.scope, 1).await.id;
        let side = Side { store: control.store.clone(), scope: tenant.scope.clone(), provider };
        let project_id: linkyard_core::id::ProjectId =
            made.name.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id");
        side.walk(linkyard_core::mapping::Subject::Project, &[record(7, "Tower")]).await;
        side.walk(linkyard_core::mapping::Subject::Vendor, &[vendor(1, "Volt", &[7])]).await;
        let volt = party(&mut clients, "Volt").await.name;
        let volt_id: linkyard_core::id::PartyId = volt.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id");
        side.link(linkyard_core::mapping::Subject::Project, &[7], match_to(project_id)).await;
        side.link(linkyard_core::mapping::Subject::Vendor, &[1], match_to(volt_id)).await;
        let refusal =
            clients.projects.remove_project_parties(remove(vec![acme.clone(), volt])).await.expect_err("the directory's");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "STATE_REFUSES"));
        assert!(refusal.message().contains("Volt"), "{}", refusal.message());
        let parent = v1::ListProjectPartiesRequest { parent: made.name.clone(), ..Default::default() };
        let on_it = clients.projects.list_project_parties(parent).await.expect("a list").into_inner().parties;
        assert_eq!(on_it.len(), 2, "all or none");
    })
    .await;
}

#[tokio::test]
async fn a_choice_is_renamed_to_a_free_name_and_deleted_when_nobody_uses_it() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let (tenant, mut clients) = desk(&control).await;
        let made = v1::PartyType { display_name: "Supplier".to_owned(), ..Default::default() };
        let made = v1::CreatePartyTypeRequest { party_type: Some(made), request_id: id() };
        let supplier = clients.parties.create_party_type(made).await.expect("a type").into_inner();
        let rename = |display_name: &str| v1::UpdatePartyTypeRequest {
            party_type: Some(v1::PartyType { name: supplier.name.clone(), display_name: display_name.to_owned() }),
            request_id: id(),
        };
        let taken = clients.parties.update_party_type(rename("Subcontractor")).await.expect_err("taken");
        assert_eq!(taken.code(), Code::AlreadyExists);
        let refusal = clients.parties.update_party_type(rename(" ")).await.expect_err("empty");
        assert_eq!(fields(&refusal), ["party_type.display_name"]);
        let request = rename("Vendor");
        let renamed = clients.parties.update_party_type(request.clone()).await.expect("renamed").into_inner();
        assert_eq!((renamed.name.as_str(), renamed.display_name.as_str()), (supplier.name.as_str(), "Vendor"));
        assert_eq!(clients.parties.update_party_type(request).await.expect("the same call").into_inner(), renamed);
        clients.parties.update_party_type(rename("Vendor")).await.expect("its own name is free for it");

        let form = v1::Party { display_name: "Acme".to_owned(), party_type: supplier.name.clone(), ..Default::default() };
        let acme = v1::CreatePartyRequest { party: Some(form), request_id: id(), ..Default::default() };
        let acme = clients.parties.create_party(acme).await.expect("a party").into_inner();
        let delete = || v1::DeletePartyTypeRequest { name: supplier.name.clone(), request_id: id() };
        let used = clients.parties.delete_party_type(delete()).await.expect_err("in use");
        assert_eq!((used.code(), reason(&used).as_str()), (Code::FailedPrecondition, "STATE_REFUSES"));
        assert!(used.message().contains("1 parties (Acme)"), "{}", used.message());
        let gone = v1::DeletePartyRequest { name: acme.name, etag: String::new(), request_id: id() };
        clients.parties.delete_party(gone).await.expect("deleted");
        let request = delete();
        clients.parties.delete_party_type(request.clone()).await.expect("deleted");
        clients.parties.delete_party_type(request).await.expect("the same call");
        let missing = clients.parties.delete_party_type(delete()).await.expect_err("another call");
        assert_eq!(missing.code(), Code::NotFound);

        active_provider(&control.store, &tenant.scope, 1).await;
        let listed = clients.parties.list_compliance_profiles(v1::ListComplianceProfilesRequest {}).await.expect("a list");
        let standard = listed.into_inner().compliance_profiles.remove(0);
        let delete = v1::DeleteComplianceProfileRequest { name: standard.name.clone(), request_id: id() };
        let used = clients.parties.delete_compliance_profile(delete).await.expect_err("a provider's default");
        assert!(used.message().contains("1 providers (company 1)"), "{}", used.message());
        let renamed = v1::ComplianceProfile { display_name: "Basic".to_owned(), ..standard };
        let renamed = v1::UpdateComplianceProfileRequest { compliance_profile: Some(renamed), request_id: id() };
        let renamed = clients.parties.update_compliance_profile(renamed).await.expect("renamed").into_inner();
        assert_eq!(renamed.display_name, "Basic");
    })
    .await;
}
