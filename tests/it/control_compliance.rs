//! Coverages and insurances over the API: what is refused and how, what a repeated call answers, pages.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_proto::v1;
use linkyard_tests::control::Control;
use linkyard_tests::databases::each_database;
use tonic::Code;

fn coverage(party: &str, insurance_type: &str) -> v1::Coverage {
    v1::Coverage {
        party: party.to_owned(),
        insurance_type: insurance_type.to_owned(),
        limit: "1000000.00".to_owned(),
        expiration_date: "2031-05-06".to_owned(),
        status: v1::coverage::Status::Compliant.into(),
        ..Default::default()
    }
}

async fn party(clients: &mut Clients) -> String {
    let party = Some(v1::Party { display_name: "Acme".to_owned(), ..Default::default() });
    let request = v1::CreatePartyRequest { party, request_id: String::new(), ..Default::default() };
    clients.parties.create_party(request).await.expect("a party").into_inner().name
}

async fn create(clients: &mut Clients, coverages: Vec<v1::Coverage>, request_id: &str) -> Vec<v1::Coverage> {
    let request = v1::BatchCreateCoveragesRequest { coverages, request_id: request_id.to_owned() };
    clients.compliance.batch_create_coverages(request).await.expect("coverages").into_inner().coverages
}

#[tokio::test]
async fn everything_wrong_with_coverages_is_said_at_once_and_nothing_is_kept() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let party = party(&mut clients).await;
        let wrong = v1::Coverage {
            effective_date: "2031-02-30".to_owned(),
            expiration_date: "6 May".to_owned(),
            limit: "lots".to_owned(),
            status: 0,
            ..coverage("parties/1", "")
        };
        let coverages = vec![coverage(&party, "Auto"), wrong];
        let request = v1::BatchCreateCoveragesRequest { coverages, request_id: id() };
        let refused = clients.compliance.batch_create_coverages(request).await.expect_err("refused");
        let mut wrong = fields(&refused);
        wrong.sort();
        let expected = ["effective_date", "expiration_date", "insurance_type", "limit", "party", "status"]
            .map(|field| format!("coverages[1].{field}"));
        assert_eq!(wrong, expected);
        let listed = clients.compliance.list_coverages(v1::ListCoveragesRequest::default()).await.expect("a list").into_inner();
        assert_eq!(listed.coverages, []);
    })
    .await;
}

#[tokio::test]
async fn the_same_request_states_the_same_coverages_once() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let party = party(&mut clients).await;
        let (request_id, forms) = (id(), vec![coverage(&party, "Auto"), coverage(&party, "Umbrella")]);
        let created = create(&mut clients, forms.clone(), &request_id).await;
        assert_eq!(create(&mut clients, forms, &request_id).await, created);
        assert_eq!((created[0].limit.as_str(), created[0].insurance_type.as_str()), ("1000000", "Auto"));
        let other = v1::BatchCreateCoveragesRequest { coverages: vec![coverage(&party, "Auto")], request_id };
        let reused = clients.compliance.batch_create_coverages(other).await.expect_err("another body");
        assert_eq!((reused.code(), reason(&reused).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));

        let first = v1::ListCoveragesRequest { party: party.clone(), page_size: 1, ..Default::default() };
        let page = clients.compliance.list_coverages(first.clone()).await.expect("a page").into_inner();
        let second = v1::ListCoveragesRequest { page_token: page.next_page_token, ..first };
        let rest = clients.compliance.list_coverages(second).await.expect("a page").into_inner();
        assert_eq!([page.coverages, rest.coverages].concat(), created);
        assert_eq!(rest.next_page_token, "");
    })
    .await;
}

#[tokio::test]
async fn a_coverage_that_changed_meanwhile_is_not_overwritten() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let party = party(&mut clients).await;
        let seen = create(&mut clients, vec![coverage(&party, "Auto")], "").await.remove(0);
        let mut update = async |coverage: v1::Coverage| {
            let request = v1::BatchUpdateCoveragesRequest { coverages: vec![coverage], request_id: String::new() };
            clients.compliance.batch_update_coverages(request).await.map(|answer| answer.into_inner().coverages.remove(0))
        };
        let same = update(v1::Coverage { limit: "1000000".to_owned(), ..seen.clone() }).await.expect("the same");
        assert_eq!(same.etag, seen.etag, "what says the same keeps its etag");
        let waived = update(v1::Coverage { waived: true, ..seen.clone() }).await.expect("changed");
        assert_ne!(waived.etag, seen.etag);
        let late = update(v1::Coverage { notes: "late".to_owned(), ..seen.clone() }).await.expect_err("changed meanwhile");
        assert_eq!((late.code(), reason(&late).as_str()), (Code::Aborted, "CHANGED_MEANWHILE"));
        let delete = v1::DeleteCoverageRequest { name: seen.name.clone(), etag: seen.etag, request_id: String::new() };
        let late = clients.compliance.delete_coverage(delete.clone()).await.expect_err("changed meanwhile");
        assert_eq!(late.code(), Code::Aborted);
        let delete = v1::DeleteCoverageRequest { etag: waived.etag, ..delete };
        clients.compliance.delete_coverage(delete).await.expect("deleted");
        let gone = clients.compliance.get_coverage(v1::GetCoverageRequest { name: seen.name }).await.expect_err("gone");
        assert_eq!(gone.code(), Code::NotFound);
    })
    .await;
}
