//! People's creations go through the gate too: what is like something that is there is refused, unless they say otherwise.

use crate::control_kit::{Clients, id, reason};
use linkyard_proto::v1;
use linkyard_tests::control::Control;
use linkyard_tests::databases::each_database;
use tonic::Code;

fn named(name: &str, phone: &str) -> v1::Party {
    v1::Party { display_name: name.to_owned(), phone: phone.to_owned(), ..Default::default() }
}

fn one(name: &str, phone: &str) -> v1::CreatePartyRequest {
    v1::CreatePartyRequest { party: Some(named(name, phone)), ..Default::default() }
}

#[tokio::test]
async fn a_party_like_one_that_is_there_is_refused_unless_it_is_wanted() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let there = clients.parties.create_party(one("Kowalczyk Brothers Masonry LLC", "312 555 0142")).await.expect("created");
        let there = there.into_inner().name;
        for (name, phone) in
            [("KOWALCZYK BROS MASONRY", ""), ("Kowalczik Brothers Masonry", ""), ("Kowalczyk Masonry", "(312) 555-0142")]
        {
            let refusal = clients.parties.create_party(one(name, phone)).await.expect_err("like it");
            assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::AlreadyExists, "ALREADY_EXISTS"), "{refusal}");
            let id = there.strip_prefix("parties/").expect("a party's name");
            for part in [name, "Kowalczyk Brothers Masonry LLC", id, "on_lookalike: CREATE"] {
                assert!(refusal.message().contains(part), "{part} in {}", refusal.message());
            }
        }
        clients.parties.create_party(one("Zimmerli Glass", "312 555 0111")).await.expect("nothing is like it");
        let wanted = v1::CreatePartyRequest {
            on_lookalike: v1::OnLookalike::Create.into(),
            request_id: id(),
            ..one("KOWALCZYK BROS MASONRY", "")
        };
        let created = clients.parties.create_party(wanted.clone()).await.expect("a person looked").into_inner();
        let again = clients.parties.create_party(wanted).await.expect("the same request").into_inner();
        assert_eq!(created.name, again.name);
        let list = clients.parties.list_parties(v1::ListPartiesRequest::default()).await.expect("a list").into_inner();
        assert_eq!(list.parties.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_was_renamed_merged_or_deleted_is_compared_as_it_is_now() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let there = clients.parties.create_party(one("Kowalczyk Masonry", "")).await.expect("created").into_inner();
        clients.parties.create_party(one("KOWALCZIK MASONRY", "")).await.expect_err("like it");
        let renamed = v1::UpdatePartyRequest {
            party: Some(v1::Party { display_name: "Quincy Flooring".to_owned(), etag: String::new(), ..there.clone() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
            request_id: String::new(),
        };
        clients.parties.update_party(renamed).await.expect("renamed");
        clients.parties.create_party(one("KOWALCZIK MASONRY", "")).await.expect("it is called otherwise now");
        clients.parties.create_party(one("QUINZY FLOORING", "")).await.expect_err("like what it is called now");
        let gone = v1::DeletePartyRequest { name: there.name, etag: String::new(), request_id: String::new() };
        clients.parties.delete_party(gone).await.expect("deleted");
        clients.parties.create_party(one("QUINZY FLOORING", "")).await.expect("it is gone");
    })
    .await;
}

#[tokio::test]
async fn of_one_request_the_second_look_alike_is_refused_with_all_of_it() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let parties = vec![named("Kowalczyk Masonry", ""), named("Zimmerli Glass", ""), named("Kowalczik Masonry", "")];
        let request = v1::BatchCreatePartiesRequest { parties, ..Default::default() };
        let refusal = clients.parties.batch_create_parties(request.clone()).await.expect_err("two are alike");
        assert_eq!(refusal.code(), Code::AlreadyExists);
        let list = clients.parties.list_parties(v1::ListPartiesRequest::default()).await.expect("a list").into_inner();
        assert!(list.parties.is_empty());
        let wanted = v1::BatchCreatePartiesRequest { on_lookalike: v1::OnLookalike::Create.into(), ..request };
        assert_eq!(clients.parties.batch_create_parties(wanted).await.expect("wanted").into_inner().parties.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_project_like_one_that_is_there_is_refused_unless_it_is_wanted() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let project = |name: &str, number: &str| v1::CreateProjectRequest {
            project: Some(v1::Project { display_name: name.to_owned(), number: number.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        clients.projects.create_project(project("Kowalczyk Tower", "A-17")).await.expect("created");
        let refusal = clients.projects.create_project(project("KOWALCZYK  TOWER", "")).await.expect_err("the same name");
        assert_eq!(refusal.code(), Code::AlreadyExists, "{refusal}");
        clients.projects.create_project(project("Zimmerli Bridge", "B-2")).await.expect("nothing is like it");
        let wanted = v1::CreateProjectRequest { on_lookalike: v1::OnLookalike::Create.into(), ..project("KOWALCZYK TOWER", "") };
        clients.projects.create_project(wanted).await.expect("a person looked");
        let wrong = v1::CreateProjectRequest { on_lookalike: 7, ..project("Other", "") };
        assert_eq!(clients.projects.create_project(wrong).await.expect_err("no such rule").code(), Code::InvalidArgument);
    })
    .await;
}
