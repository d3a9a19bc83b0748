//! The Procore client's people and inactive vendors: the lists beside the main one.

use crate::procore_kit::{COMPANY, Canned, Said, Yard, answer, every_page, everybody, ids, inactive, refusal, walk};
use linkyard_core::mapping::Subject;
use linkyard_simulator::{CompanySpec, Config};
use serde_json::json;
use std::collections::BTreeSet;

fn config(spec: CompanySpec) -> Config {
    Config { companies: vec![spec], ..Config::default() }
}

fn people() -> CompanySpec {
    CompanySpec { people_per_vendor: 3, inactive_vendors_percent: 20, ..CompanySpec::generated(COMPANY, 60, 4) }
}

#[tokio::test]
async fn people_are_read_as_the_directory_has_them() {
    let yard = Yard::start(config(people()), |args| args.people_per_page = 50).await;
    let first = yard.directory("people").await[4].clone();
    let left = json!({"is_active": false, "business_phone": null, "job_title": ""});
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/people/{}", first["id"]), left).await;
    let company = yard.company();
    let pages = every_page(async |number| company.people(number).await, |page| page.next).await.expect("people");
    let truth = yard.directory("people").await;
    assert_eq!(pages.len(), truth.len().div_ceil(50));
    assert!(pages.iter().all(|page| page.total == Some(truth.len() as u64) && page.server_now_ms.is_some()));
    let people: Vec<_> = pages.iter().flat_map(|page| &page.people).collect();
    assert_eq!(people.len(), truth.len());
    for (person, truth) in people.iter().zip(&truth) {
        assert_eq!(Some(person.id.0), truth["id"].as_i64());
        assert_eq!(person.vendor.map(|vendor| vendor.0), truth["vendor_id"].as_i64());
        assert_eq!(person.first_name.as_deref(), truth["first_name"].as_str());
        assert_eq!(person.last_name.as_deref(), truth["last_name"].as_str());
        assert_eq!(person.email.as_deref(), truth["email_address"].as_str());
        assert_eq!(person.phone.as_deref(), truth["business_phone"].as_str().or_else(|| truth["mobile_phone"].as_str()));
        assert_eq!(person.job_title.as_deref(), truth["job_title"].as_str().filter(|title| !title.is_empty()));
        assert_eq!(Some(person.active), truth["is_active"].as_bool());
    }
    assert_eq!(people.iter().filter(|person| !person.active).count(), 1);
    assert!(truth.iter().any(|person| person["user_id"].is_null()) && truth.iter().any(|person| person["user_id"].is_u64()));
}

#[tokio::test]
async fn a_vendors_primary_contact_is_found_among_its_people_by_id() {
    let yard = Yard::start(config(people()), |_| {}).await;
    let people = everybody(&yard.company()).await;
    let mut primary = 0;
    for vendor in walk(&yard.company(), Subject::Vendor).await.expect("vendors").iter().flat_map(|page| &page.records) {
        let Some(contact) = &vendor.details.primary_contact else { continue };
        let person = people.iter().find(|person| person.id.0 == contact.id).expect("a person of that id");
        assert_eq!(person.vendor, Some(vendor.id));
        assert_eq!((&person.first_name, &person.email, &person.phone), (&contact.first_name, &contact.email, &contact.phone));
        primary += 1;
    }
    assert!(primary > 20, "{primary}");
}

#[tokio::test]
async fn the_normal_view_of_people_is_read_as_far_as_it_goes() {
    let row = r#"[{"id":5,"contact":{"is_active":false,"email":"jo@b.c"},"first_name":"Jo","last_name":null,"user_id":null}]"#;
    let server = Canned::start(move |_| Said::Whole(answer(200, &[], row))).await;
    let page = server.company().people(1).await.expect("people");
    assert_eq!((page.people[0].vendor, page.people[0].email.as_deref(), page.people[0].active), (None, Some("jo@b.c"), false));
    let asked = server.asked("/rest").remove(0);
    assert!(asked.path.starts_with(&format!("/rest/v1.0/companies/{COMPANY}/people?")), "{}", asked.path);
    assert_eq!(
        (asked.parameter("view"), asked.parameter("page"), asked.parameter("per_page")),
        (Some("extended"), Some("1"), Some("2000"))
    );
}

#[tokio::test]
async fn inactive_vendors_are_inactive_whatever_they_say_of_themselves() {
    let yard = Yard::start(config(people()), |args| args.vendors_per_page = 5).await;
    let pages = inactive(&yard.company()).await;
    let truth = yard.directory("vendors").await;
    let expected: Vec<i64> =
        truth.iter().filter(|vendor| vendor["is_active"] == false).filter_map(|vendor| vendor["id"].as_i64()).collect();
    assert_eq!(ids(&pages), expected);
    assert!(pages.len() > 1 && pages.iter().all(|page| page.per_page == 5));
    assert!(pages.iter().flat_map(|page| &page.records).all(|vendor| !vendor.active && vendor.project_ids.is_some()));
    let server =
        Canned::start(|_| Said::Whole(answer(200, &[], r#"[{"id":1,"name":"A","is_active":true},{"id":2,"name":"B"}]"#))).await;
    let page = server.company().inactive_vendors(1).await.expect("inactive vendors");
    assert!(page.records.iter().all(|vendor| !vendor.active));
}

#[tokio::test]
async fn a_page_of_people_or_inactive_vendors_is_refused_as_a_whole() {
    let yard = Yard::start(config(people()), |_| {}).await;
    for kind in ["html_200", "empty_200", "bad_json", "truncated", "reset", "hang"] {
        yard.fault(json!({}), json!({"kind": kind})).await;
        assert_eq!(refusal(yard.company().people(1).await).0, "UNAVAILABLE", "{kind}");
        assert_eq!(refusal(yard.company().inactive_vendors(1).await).0, "UNAVAILABLE", "{kind}");
        yard.no_more_faults().await;
    }
    let everybody: BTreeSet<i64> = everybody(&yard.company()).await.iter().map(|person| person.id.0).collect();
    assert_eq!(everybody.len(), yard.directory("people").await.len());
}
