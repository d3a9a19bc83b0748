//! The Procore client's pages: walking lists with and without Procore's headers, what rows mean, and pages that can not be right.

use crate::procore_kit::{COMPANY, Canned, Said, Yard, answer, ids, refusal, walk};
use linkyard_core::directory::Exclusion;
use linkyard_core::mapping::Subject;
use linkyard_procore::UpdatedRange;
use linkyard_simulator::{CompanySpec, Config};
use serde_json::json;
use std::collections::BTreeSet;

fn config(vendors: u32, projects: u32) -> Config {
    let spec = CompanySpec { inactive_projects_percent: 40, ..CompanySpec::generated(COMPANY, vendors, projects) };
    Config { companies: vec![spec], ..Config::default() }
}

/// A list of `total` rows, split by what the request asks but at most `most` to a page; `headers` are made of page, size and total.
fn list(
    total: u64,
    most: u64,
    headers: fn(u64, u64, u64) -> Vec<(&'static str, String)>,
) -> impl Fn(&crate::procore_kit::Asked) -> Said {
    move |asked| {
        let number = |name| asked.parameter(name).and_then(|value| value.parse::<u64>().ok()).expect("page parameters");
        let (page, size) = (number("page"), number("per_page").min(most));
        let rows: Vec<String> =
            ((page - 1) * size..total.min(page * size)).map(|id| format!(r#"{{"id":{},"name":"V"}}"#, id + 1)).collect();
        let headers = headers(page, size, total);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Said::Whole(answer(200, &headers, format!("[{}]", rows.join(","))))
    }
}

#[tokio::test]
async fn a_walk_in_clamped_pages_sees_every_row_once() {
    let mut config = config(100, 0);
    config.settings.max_page_size = Some(7);
    let yard = Yard::start(config, |_| {}).await;
    let pages = walk(&yard.company(), Subject::Vendor).await.expect("vendors");
    let seen = ids(&pages);
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (101, 101));
    assert_eq!(pages.len(), 15);
    assert!(pages.iter().all(|page| page.per_page == 7 && page.total == Some(101) && page.server_now_ms.is_some()));
}

#[tokio::test]
async fn vendors_are_read_as_the_directory_has_them() {
    let yard = Yard::start(config(200, 10), |_| {}).await;
    let pages = walk(&yard.company(), Subject::Vendor).await.expect("vendors");
    let truth = yard.directory("vendors").await;
    let records: Vec<_> = pages.iter().flat_map(|page| &page.records).collect();
    assert_eq!(records.len(), truth.len());
    for (record, truth) in records.iter().zip(&truth) {
        assert_eq!(Some(record.id.0), truth["id"].as_i64());
        assert_eq!(Some(record.name.as_str()), truth["name"].as_str());
        assert_eq!(record.address.street.as_deref(), truth["address"].as_str());
        assert_eq!(record.address.region.as_deref(), truth["state_code"].as_str());
        assert_eq!(record.details.phone.as_deref(), truth["business_phone"].as_str());
        assert_eq!(record.details.email.as_deref(), truth["email_address"].as_str());
        let contact = record.details.primary_contact.as_ref().map(|contact| contact.id);
        assert_eq!(contact, truth["primary_contact"]["id"].as_i64());
        let on: Vec<i64> = record.project_ids.iter().flatten().map(|id| id.0).collect();
        assert_eq!(json!(on), truth["project_ids"]);
        assert!(record.updated_at_ms.is_some());
        assert_eq!(record.exclusion == Some(Exclusion::OwnCompany), truth["company_vendor"] == json!(true));
    }
    assert_eq!(records.iter().filter(|record| record.exclusion.is_some()).count(), 1);
}

#[tokio::test]
async fn projects_of_every_status_are_listed_and_templates_and_demos_marked() {
    let yard = Yard::start(config(0, 40), |args| args.projects_per_page = 9).await;
    let pages = walk(&yard.company(), Subject::Project).await.expect("projects");
    let truth = yard.directory("projects").await;
    let records: Vec<_> = pages.iter().flat_map(|page| &page.records).collect();
    assert_eq!(records.len(), truth.len());
    assert!(records.iter().any(|record| !record.active) && records.iter().any(|record| record.active));
    for exclusion in [Exclusion::Template, Exclusion::Demo] {
        assert_eq!(records.iter().filter(|record| record.exclusion == Some(exclusion)).count(), 1, "{exclusion:?}");
    }
    assert!(records.iter().all(|record| record.details.number.is_some() && record.project_ids.is_none()));
}

#[tokio::test]
async fn only_what_was_updated_in_the_range_is_listed() {
    let yard = Yard::start(config(50, 0), |_| {}).await;
    let company = yard.company();
    let first = company.page(Subject::Vendor, 1, None).await.expect("vendors");
    yard.admin("POST", "/admin/clock", json!({"advance_s": 1_000_000})).await;
    let changed = first.records[7].id;
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/vendors/{changed}"), json!({"name": "Renamed"})).await;
    let from_ms = first.server_now_ms.expect("their clock") + 500_000_000;
    let range = UpdatedRange { from_ms, to_ms: from_ms + 1_000_000_000 };
    let page = company.page(Subject::Vendor, 1, Some(range)).await.expect("changed vendors");
    assert_eq!((page.records.len(), page.total, page.next), (1, Some(1), None));
    assert_eq!((page.records[0].id, page.records[0].name.as_str()), (changed, "Renamed"));
}

#[tokio::test]
async fn a_walk_goes_on_by_total_where_link_is_missing() {
    let headers = |_, size: u64, total: u64| vec![("total", total.to_string()), ("per-page", size.to_string())];
    let server = Canned::start(list(250, 100, headers)).await;
    let pages = walk(&server.company(), Subject::Vendor).await.expect("vendors");
    assert_eq!(ids(&pages), (1..=250).collect::<Vec<i64>>());
    assert_eq!(pages.len(), 3);
    let total_only = |_, _, total: u64| vec![("Total", total.to_string())];
    let server = Canned::start(list(250, 100, total_only)).await;
    assert_eq!(ids(&walk(&server.company(), Subject::Vendor).await.expect("vendors")).len(), 250);
}

#[tokio::test]
async fn a_walk_ends_without_any_header() {
    for (total, most) in [(600, 300), (601, 300), (250, 100), (0, 300)] {
        let server = Canned::start(list(total, most, |_, _, _| Vec::new())).await;
        let pages = walk(&server.company(), Subject::Project).await.expect("projects");
        assert_eq!(ids(&pages).len() as u64, total, "{total} rows in pages of {most}");
        assert!(pages.iter().all(|page| page.total.is_none()));
    }
}

#[tokio::test]
async fn the_next_page_is_asked_with_our_own_parameters_and_host() {
    let headers = |page: u64, _, _| {
        let next = format!("<https://elsewhere.example/rest/v1.0/vendors?page={}&per_page=1>; rel=\"next\"", page + 1);
        if page < 3 {
            vec![("Link", next)]
        } else {
            vec![("Link", "<https://elsewhere.example/?page=1>; rel=\"first\"".to_owned())]
        }
    };
    let server = Canned::start(list(30, 10, headers)).await;
    assert_eq!(ids(&walk(&server.company(), Subject::Vendor).await.expect("vendors")).len(), 30);
    let asked = server.asked("/rest/v1.0/vendors");
    assert_eq!(asked.len(), 3);
    for one in asked {
        assert_eq!((one.parameter("company_id"), one.parameter("per_page")), (Some("598134325812345"), Some("2000")));
        assert_eq!(one.headers.get("procore-company-id").map(String::as_str), Some("598134325812345"));
    }
}

#[tokio::test]
async fn a_last_page_that_became_empty_ends_the_walk() {
    let server = Canned::start(|asked| match asked.parameter("page") {
        Some("1") => Said::Whole(answer(
            200,
            &[("Total", "2"), ("Per-Page", "1"), ("Link", "<x?page=2>; rel=\"next\"")],
            r#"[{"id":1,"name":"A"}]"#,
        )),
        _ => Said::Whole(answer(200, &[("Total", "1"), ("Per-Page", "1"), ("Link", "<x?page=1>; rel=\"last\"")], "[]")),
    })
    .await;
    let pages = walk(&server.company(), Subject::Vendor).await.expect("vendors");
    assert_eq!((pages.len(), pages[1].records.len(), pages[1].total), (2, 0, Some(1)));
}

#[tokio::test]
async fn rows_that_move_while_pages_are_read_are_passed_on_as_they_come() {
    let yard = Yard::start(config(300, 0), |args| args.vendors_per_page = 20).await;
    let before: BTreeSet<i64> = ids(&walk(&yard.company(), Subject::Vendor).await.expect("before")).into_iter().collect();
    yard.fault(json!({"route": "/rest/v1.0/vendors"}), json!({"kind": "drift", "insert": 2, "delete": 0})).await;
    let pages = walk(&yard.company(), Subject::Vendor).await.expect("with drift");
    let seen = ids(&pages);
    assert!(before.is_subset(&seen.iter().copied().collect()), "a row was lost");
    assert!(seen.len() > before.len(), "rows that moved come twice");
    let totals: BTreeSet<_> = pages.iter().map(|page| page.total).collect();
    assert!(totals.len() > 1, "the total moved");
}

#[tokio::test]
async fn a_page_that_can_not_be_right_is_refused_as_a_whole() {
    let yard = Yard::start(config(60, 0), |_| {}).await;
    for kind in ["html_200", "empty_200", "bad_json", "truncated"] {
        yard.fault(json!({}), json!({"kind": kind})).await;
        let (reason, message) = refusal(yard.company().page(Subject::Vendor, 1, None).await);
        assert_eq!(reason, "UNAVAILABLE", "{kind}: {message}");
        yard.no_more_faults().await;
        assert_eq!(yard.company().page(Subject::Vendor, 1, None).await.expect(kind).records.len(), 61);
    }
    let bodies =
        ["{}", r#"{"data":[]}"#, "null", r#"[{"id":1,"name":"A"},{"id":null,"name":"B"}]"#, r#"[{"id":1,"name":"\udfff"}]"#];
    for body in bodies {
        let server = Canned::start(move |_| Said::Whole(answer(200, &[("X-Request-Id", "abc-1")], body))).await;
        let (reason, message) = refusal(server.company().page(Subject::Vendor, 1, None).await);
        assert_eq!(reason, "UNAVAILABLE", "{body}");
        assert!(message.contains("abc-1") && !message.contains("\"A\""), "{message}");
    }
}

#[tokio::test]
async fn a_very_long_name_and_the_largest_id_are_read() {
    let name = "ü".repeat(2_500_000);
    let body = format!(r#"[{{"id":9223372036854775807,"name":"{name}","project_ids":[9223372036854775806]}}]"#);
    let server = Canned::start(move |_| Said::Whole(answer(200, &[], &body))).await;
    let page = server.company().page(Subject::Vendor, 1, None).await.expect("page");
    assert_eq!((page.records[0].id.0, page.records[0].name.len()), (i64::MAX, 5_000_000));
    assert_eq!(page.records[0].project_ids.as_ref().map(|ids| ids[0].0), Some(i64::MAX - 1));
}
