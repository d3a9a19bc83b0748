//! Contacts of parties through the API.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_core::id::RecordId;
use linkyard_core::mapping::Subject;
use linkyard_proto::v1;
use linkyard_tests::build::{Side, create_anyway, mark, record};
use linkyard_tests::control::Control;
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::active_provider;
use tonic::Code;

async fn party(clients: &mut Clients) -> String {
    let party = v1::Party { display_name: "Acme".to_owned(), ..Default::default() };
    // A case may want two of them.
    let on_lookalike = v1::OnLookalike::Create.into();
    let request = v1::CreatePartyRequest { party: Some(party), on_lookalike, ..Default::default() };
    clients.parties.create_party(request).await.expect("a party").into_inner().name
}

fn named(parent: &str, name: &str, primary: bool) -> v1::CreateContactRequest {
    let contact = v1::Contact { display_name: name.to_owned(), primary, active: false, external_id: 7, ..Default::default() };
    v1::CreateContactRequest { parent: parent.to_owned(), contact: Some(contact), request_id: id() }
}

fn update(contact: v1::Contact, paths: &[&str]) -> v1::UpdateContactRequest {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let update_mask = (!paths.is_empty()).then_some(prost_types::FieldMask { paths });
    v1::UpdateContactRequest { contact: Some(contact), update_mask, request_id: id() }
}

async fn listed(clients: &mut Clients, parent: &str) -> Vec<v1::Contact> {
    let request = v1::ListContactsRequest { parent: parent.to_owned(), ..Default::default() };
    clients.parties.list_contacts(request).await.expect("a list").into_inner().contacts
}

#[tokio::test]
async fn contacts_are_typed_in_changed_and_deleted() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let parent = party(&mut clients).await;
        let request = named(&parent, "Ann", true);
        let ann = clients.parties.create_contact(request.clone()).await.expect("made").into_inner();
        assert!(ann.name.starts_with(&format!("{parent}/contacts/")) && ann.primary && ann.active);
        assert_eq!((ann.provider.as_str(), ann.external_id), ("", 0), "output fields are ignored");
        assert_eq!(clients.parties.create_contact(request).await.expect("the same").into_inner(), ann);
        let bob = clients.parties.create_contact(named(&parent, "Bob", true)).await.expect("made").into_inner();
        let names = |contacts: &[v1::Contact]| -> Vec<(String, bool)> {
            contacts.iter().map(|contact| (contact.display_name.clone(), contact.primary)).collect()
        };
        assert_eq!(names(&listed(&mut clients, &parent).await), [("Ann".to_owned(), false), ("Bob".to_owned(), true)]);

        let form = v1::Contact { email: "ann@acme.example".to_owned(), primary: true, ..ann.clone() };
        let refusal = clients.parties.update_contact(update(form.clone(), &["email"])).await.expect_err("an old etag");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Aborted, "CHANGED_MEANWHILE"));
        let form = v1::Contact { etag: String::new(), ..form };
        let changed = clients.parties.update_contact(update(form.clone(), &["email"])).await.expect("changed").into_inner();
        assert_eq!((changed.email.as_str(), changed.primary), ("ann@acme.example", false), "only what the mask names");
        let changed = clients.parties.update_contact(update(form, &[])).await.expect("changed").into_inner();
        assert!(changed.primary, "without a mask, what is not empty");
        let emptied = v1::Contact { email: String::new(), etag: changed.etag.clone(), ..changed };
        let changed = clients.parties.update_contact(update(emptied, &["email"])).await.expect("changed").into_inner();
        assert_eq!(changed.email, "");

        let delete = v1::DeleteContactRequest { name: bob.name.clone(), etag: bob.etag, request_id: id() };
        let refusal = clients.parties.delete_contact(delete.clone()).await.expect_err("an old etag");
        assert_eq!(refusal.code(), Code::Aborted);
        let delete = v1::DeleteContactRequest { etag: String::new(), ..delete };
        clients.parties.delete_contact(delete.clone()).await.expect("deleted");
        clients.parties.delete_contact(delete).await.expect("answered again");
        assert_eq!(names(&listed(&mut clients, &parent).await), [("Ann".to_owned(), true)]);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_contact_is_said_field_by_field() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let parent = party(&mut clients).await;
        let mut request = named(&parent, " ", false);
        request.contact.as_mut().expect("a form").email = "x".repeat(1_001);
        let refusal = clients.parties.create_contact(request).await.expect_err("nameless");
        assert_eq!(fields(&refusal), ["contact.display_name", "contact.email"]);
        assert_eq!(
            fields(&clients.parties.create_contact(named("parties/x", "Ann", false)).await.expect_err("no party")),
            ["parent"]
        );
        let nobody = named(&format!("parties/{}", id()), "Ann", false);
        assert_eq!(clients.parties.create_contact(nobody).await.expect_err("nobody's").code(), Code::NotFound);
        let ann = clients.parties.create_contact(named(&parent, "Ann", false)).await.expect("made").into_inner();
        let wrong = v1::Contact { etag: "1".to_owned(), ..ann.clone() };
        let refusal = clients.parties.update_contact(update(wrong, &["active", "etag"])).await.expect_err("wrong");
        assert_eq!(fields(&refusal), ["contact.etag", "update_mask", "update_mask"]);
        let wrong = v1::Contact { name: parent.clone(), ..ann.clone() };
        assert_eq!(fields(&clients.parties.update_contact(update(wrong, &[])).await.expect_err("no contact")), ["contact.name"]);
        let elsewhere = ann.name.replace(&parent, &party(&mut clients).await);
        let elsewhere = v1::DeleteContactRequest { name: elsewhere, ..Default::default() };
        assert_eq!(clients.parties.delete_contact(elsewhere).await.expect_err("another party's").code(), Code::NotFound);
    })
    .await;
}

#[tokio::test]
async fn pages_show_every_contact_once() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let (parent, other) = (party(&mut clients).await, party(&mut clients).await);
        for number in 0..5 {
            clients.parties.create_contact(named(&parent, &format!("Person {number}"), false)).await.expect("made");
        }
        let all = listed(&mut clients, &parent).await;
        let mut request = v1::ListContactsRequest { parent: parent.clone(), page_size: 2, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let page = clients.parties.list_contacts(request.clone()).await.expect("a page").into_inner();
            assert!(page.contacts.len() <= 2);
            seen.extend(page.contacts);
            if page.next_page_token.is_empty() {
                break;
            }
            let foreign =
                v1::ListContactsRequest { parent: other.clone(), page_token: page.next_page_token.clone(), ..Default::default() };
            assert_eq!(fields(&clients.parties.list_contacts(foreign).await.expect_err("another party's")), ["page_token"]);
            request.page_token = page.next_page_token;
        }
        assert_eq!((seen.len(), seen), (5, all));
    })
    .await;
}

#[tokio::test]
async fn a_contact_that_follows_says_whom_and_is_not_renamed_or_deleted_here() {
    each_database(async |store| {
        let control = Control::start(store.clone()).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let provider = active_provider(&store, &tenant.scope, 1).await.id;
        let side = Side { store, scope: tenant.scope.clone(), provider };
        side.walk(Subject::Vendor, &[record(1, "Acme")]).await;
        let person = linkyard_core::contact::Person {
            id: RecordId(598_134_325_000_009),
            vendor: Some(RecordId(1)),
            first_name: Some("Ann".to_owned()),
            last_name: None,
            email: None,
            phone: None,
            job_title: None,
            active: true,
        };
        let fence = side.fetch().await;
        side.store.person_page_store(&fence, provider, &[person], &mark()).await.expect("stored");
        side.link(Subject::Vendor, &[1], create_anyway()).await;
        let parent = format!("parties/{}", side.party_of(1).await);
        let ann = listed(&mut clients, &parent).await.remove(0);
        assert_eq!((ann.provider.clone(), ann.external_id), (format!("providers/{provider}"), 598_134_325_000_009));
        let renamed = v1::Contact { display_name: "Anna".to_owned(), ..ann.clone() };
        let refusal = clients.parties.update_contact(update(renamed, &["display_name"])).await.expect_err("the directory's");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "STATE_REFUSES"));
        assert!(refusal.message().contains("change them in Procore"), "{refusal:?}");
        let delete = v1::DeleteContactRequest { name: ann.name.clone(), ..Default::default() };
        let refusal = clients.parties.delete_contact(delete).await.expect_err("the directory's");
        assert_eq!(refusal.code(), Code::FailedPrecondition);
        assert!(refusal.message().contains("in Procore"), "{refusal:?}");
        let primary = v1::Contact { primary: true, ..ann };
        assert!(clients.parties.update_contact(update(primary, &["primary"])).await.expect("ours").into_inner().primary);
    })
    .await;
}
