//! The registry and its pages through the API.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_proto::v1;
use linkyard_tests::control::Control;
use linkyard_tests::databases::each_database;
use tonic::Code;

fn parties(names: &[&str]) -> v1::BatchCreatePartiesRequest {
    let party = |name: &&str| v1::Party { display_name: (*name).to_owned(), ..Default::default() };
    v1::BatchCreatePartiesRequest {
        parties: names.iter().map(party).collect(),
        request_id: String::new(),
        on_lookalike: v1::OnLookalike::Create.into(),
    }
}

#[tokio::test]
async fn a_batch_is_created_whole_or_not_at_all() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let long = "x".repeat(1_001);
        let refusal = clients.parties.batch_create_parties(parties(&["Acme", " ", &long])).await.expect_err("two are wrong");
        assert_eq!(fields(&refusal), ["parties[1].display_name", "parties[2].display_name"]);
        let list = v1::ListPartiesRequest::default();
        assert!(clients.parties.list_parties(list.clone()).await.expect("a list").into_inner().parties.is_empty());

        let address = v1::Address { city: "Carpinteria".to_owned(), ..Default::default() };
        let mut request = parties(&[" Acme ", "Bolt"]);
        request.parties[0].address = Some(address.clone());
        request.request_id = id();
        let created = clients.parties.batch_create_parties(request.clone()).await.expect("created").into_inner().parties;
        assert_eq!(created.iter().map(|one| one.display_name.as_str()).collect::<Vec<_>>(), ["Acme", "Bolt"]);
        assert_eq!(created[0].address, Some(address));
        assert!(!created[0].party_type.is_empty() && !created[0].compliance_profile.is_empty(), "the organization's first");
        let again = clients.parties.batch_create_parties(request.clone()).await.expect("the same").into_inner().parties;
        assert_eq!(again, created);
        assert_eq!(clients.parties.list_parties(list).await.expect("a list").into_inner().parties, created);
        let one =
            clients.parties.get_party(v1::GetPartyRequest { name: created[1].name.clone() }).await.expect("one").into_inner();
        assert_eq!(one, created[1]);

        request.parties.pop();
        let refusal = clients.parties.batch_create_parties(request).await.expect_err("another body");
        assert_eq!(reason(&refusal), "REQUEST_ID_REUSED");
        assert_eq!(fields(&clients.parties.batch_create_parties(parties(&[])).await.expect_err("none")), ["parties"]);
        let many = vec!["x"; 1_001];
        assert_eq!(fields(&clients.parties.batch_create_parties(parties(&many)).await.expect_err("too many")), ["parties"]);
    })
    .await;
}

#[tokio::test]
async fn a_thousand_violations_fit_into_one_refusal() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let nameless = vec![""; 1_000];
        let refusal =
            Clients::of(&control, &tenant.write).parties.batch_create_parties(parties(&nameless)).await.expect_err("nameless");
        let shown = fields(&refusal);
        assert_eq!((shown[0].as_str(), shown.last().map(String::as_str)), ("parties[0].display_name", Some("")));
        assert!(shown.len() > 20);
    })
    .await;
}

#[tokio::test]
async fn types_and_profiles_are_made_once_per_name() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let party_type = |name: &str| v1::CreatePartyTypeRequest {
            party_type: Some(v1::PartyType { display_name: name.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let first = clients.parties.create_party_type(party_type("Supplier")).await.expect("made").into_inner();
        let again = clients.parties.create_party_type(party_type(" Supplier ")).await.expect("the same").into_inner();
        assert_eq!(first, again);
        let listed =
            clients.parties.list_party_types(v1::ListPartyTypesRequest {}).await.expect("a list").into_inner().party_types;
        assert_eq!(listed.iter().map(|one| one.display_name.as_str()).collect::<Vec<_>>(), ["Subcontractor", "Supplier"]);
        assert_eq!(
            fields(&clients.parties.create_party_type(party_type(" ")).await.expect_err("nameless")),
            ["party_type.display_name"]
        );

        let profile = v1::ComplianceProfile { display_name: "Large jobs".to_owned(), ..Default::default() };
        let request = v1::CreateComplianceProfileRequest { compliance_profile: Some(profile), ..Default::default() };
        let profile = clients.parties.create_compliance_profile(request).await.expect("made").into_inner();
        let listed =
            clients.parties.list_compliance_profiles(v1::ListComplianceProfilesRequest {}).await.expect("a list").into_inner();
        assert!(listed.compliance_profiles.contains(&profile) && listed.compliance_profiles.len() == 2);
    })
    .await;
}

#[tokio::test]
async fn pages_show_every_row_once() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let names: Vec<String> = (0..25).map(|number| format!("Party {number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let created = clients.parties.batch_create_parties(parties(&names)).await.expect("created").into_inner().parties;
        let mut seen = Vec::new();
        let mut request = v1::ListPartiesRequest { page_size: 10, ..Default::default() };
        loop {
            let page = clients.parties.list_parties(request.clone()).await.expect("a page").into_inner();
            assert!(page.parties.len() <= 10);
            seen.extend(page.parties);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(seen, created);
    })
    .await;
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_list_only() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let (alpha, beta) = (control.tenant("Alpha").await, control.tenant("Beta").await);
        let (mut ours, mut theirs) = (Clients::of(&control, &alpha.write), Clients::of(&control, &beta.write));
        for clients in [&mut ours, &mut theirs] {
            clients.parties.batch_create_parties(parties(&["Acme", "Bolt", "Crane"])).await.expect("created");
        }
        let list = v1::ListPartiesRequest { page_size: 1, ..Default::default() };
        let token = ours.parties.list_parties(list.clone()).await.expect("a page").into_inner().next_page_token;
        let with = |page_token: &str| v1::ListPartiesRequest { page_token: page_token.to_owned(), ..list.clone() };

        let other_size = v1::ListPartiesRequest { page_size: 2, ..with(&token) };
        assert_eq!(ours.parties.list_parties(other_size).await.expect("another size").into_inner().parties.len(), 2);
        let filter = v1::RegistryFilter { search: "a".to_owned(), ..Default::default() };
        let other_filter = v1::ListPartiesRequest { filter: Some(filter), ..with(&token) };
        assert_eq!(fields(&ours.parties.list_parties(other_filter).await.expect_err("another filter")), ["page_token"]);
        assert_eq!(fields(&theirs.parties.list_parties(with(&token)).await.expect_err("another tenant")), ["page_token"]);
        assert_eq!(fields(&ours.parties.list_parties(with("AAAA")).await.expect_err("made up")), ["page_token"]);
        let elsewhere = v1::ListProjectsRequest { page_size: 1, page_token: token.clone(), filter: None };
        assert_eq!(fields(&ours.projects.list_projects(elsewhere).await.expect_err("another list")), ["page_token"]);
        let negative = v1::ListPartiesRequest { page_size: -1, ..Default::default() };
        assert_eq!(fields(&ours.parties.list_parties(negative).await.expect_err("negative")), ["page_size"]);
        let large = v1::ListPartiesRequest { page_size: i32::MAX, ..Default::default() };
        assert_eq!(ours.parties.list_parties(large).await.expect("clamped").into_inner().parties.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn projects_are_created_listed_and_read() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut projects = Clients::of(&control, &tenant.write).projects;
        let named = |name: &str| v1::Project { display_name: name.to_owned(), number: "17".to_owned(), ..Default::default() };
        let request = v1::BatchCreateProjectsRequest {
            projects: vec![named("Tower"), named("")],
            request_id: String::new(),
            ..Default::default()
        };
        assert_eq!(fields(&projects.batch_create_projects(request).await.expect_err("nameless")), ["projects[1].display_name"]);
        let request = v1::CreateProjectRequest { project: Some(named("Tower")), request_id: id(), ..Default::default() };
        let made = projects.create_project(request.clone()).await.expect("made").into_inner();
        assert_eq!(projects.create_project(request).await.expect("the same").into_inner(), made);
        assert_eq!((made.display_name.as_str(), made.number.as_str()), ("Tower", "17"));
        let filter = v1::RegistryFilter { search: "tow".to_owned(), linked: Some(false), ..Default::default() };
        let list = v1::ListProjectsRequest { filter: Some(filter), ..Default::default() };
        assert_eq!(projects.list_projects(list).await.expect("a list").into_inner().projects, std::slice::from_ref(&made));
        let on_it = v1::ListProjectPartiesRequest { parent: made.name, ..Default::default() };
        assert!(projects.list_project_parties(on_it).await.expect("nobody yet").into_inner().parties.is_empty());
        let missing = v1::GetProjectRequest { name: format!("projects/{}", id()) };
        assert_eq!(projects.get_project(missing).await.expect_err("nobody's").code(), Code::NotFound);
    })
    .await;
}
