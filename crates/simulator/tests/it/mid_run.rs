//! What changes under a client that is at work: lag, merges, permissions, limits and headers.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, ids, insurances, projects, vendors};

async fn advance(yard: &Yard, advance_ms: u64) {
    yard.set(Method::POST, "/admin/clock", json!({"advance_ms": advance_ms})).await;
}

#[tokio::test]
async fn lists_show_a_write_later_than_the_row_itself_does() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = ids(&yard.rows(&vendors("view=compact")).await)[1];
    let body = |status: &str| json!({"insurance": {"vendor_id": vendor_id, "status": status}});
    let old = yard.send(Method::POST, &insurances(""), body("compliant")).await.json();
    yard.configure(json!({"read_lag_ms": 600_000})).await;
    let new = yard.send(Method::POST, &insurances(""), body("undecided")).await.json();
    let path = |row: &Value| insurances(&format!("/{}", row["id"]));
    yard.send(Method::PATCH, &path(&old), body("expired")).await;
    let of_vendor = format!("/rest/v1.0/companies/{COMPANY}/vendors/{vendor_id}/insurances");
    for list in [insurances(""), of_vendor.clone()] {
        assert_eq!(yard.rows(&list).await, std::slice::from_ref(&old), "{list}");
        assert_eq!(yard.get(&list).await.number("total"), 1);
    }
    assert_eq!(yard.get(&path(&old)).await.json()["status"], "expired");
    assert_eq!(yard.get(&path(&new)).await.status, StatusCode::OK);
    advance(&yard, 600_000).await;
    assert_eq!(yard.rows(&of_vendor).await.len(), 2);
    assert_eq!(yard.rows(&insurances("")).await[0]["status"], "expired");

    yard.send(Method::DELETE, &path(&old), Value::Null).await;
    assert_eq!(yard.get(&path(&old)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(yard.rows(&insurances("")).await.len(), 2, "the deleted row is still listed");
    advance(&yard, 600_000).await;
    assert_eq!(yard.rows(&insurances("")).await, [new]);
}

#[tokio::test]
async fn vendors_written_through_the_api_lag_too() {
    let yard = Yard::of(3, 1).await;
    let before = yard.rows(&vendors("")).await;
    let id = before[1]["id"].as_u64().expect("an id");
    let project_id = ids(&yard.rows(&projects("")).await)[1];
    yard.configure(json!({"read_lag_ms": 600_000})).await;
    let body = json!({"company_id": COMPANY, "vendor": {"name": "Renamed", "is_active": false}});
    yard.send(Method::PATCH, &format!("/rest/v1.0/vendors/{id}"), body).await;
    yard.send(Method::POST, "/rest/v1.0/vendors", json!({"company_id": COMPANY, "vendor": {"name": "New"}})).await;
    yard.send(Method::POST, &format!("/rest/v1.1/projects/{project_id}/vendors/{id}/actions/add"), Value::Null).await;
    assert_eq!(yard.rows(&vendors("")).await, before);
    assert!(yard.rows(&format!("/rest/v1.1/projects/{project_id}/vendors")).await.is_empty());
    let shown = yard.get(&format!("/rest/v1.0/vendors/{id}?company_id={COMPANY}")).await.json();
    assert_eq!((&shown["name"], &shown["is_active"]), (&json!("Renamed"), &json!(false)));
    advance(&yard, 600_000).await;
    let after = yard.rows(&vendors("")).await;
    assert_eq!((after.len(), after.last().map(|row| row["name"].clone())), (before.len(), Some(json!("New"))));
    assert!(!ids(&after).contains(&id));
    assert_eq!(ids(&yard.rows(&format!("/rest/v1.0/projects/{project_id}/vendors/inactive")).await), [id]);
}

#[tokio::test]
async fn merged_vendors_are_gone_and_their_master_keeps_their_projects() {
    let yard = Yard::of(30, 3).await;
    let rows = yard.rows(&vendors("")).await;
    let busy = rows[1..].iter().find(|row| row["project_ids"].as_array().is_some_and(|ids| !ids.is_empty())).expect("a vendor");
    let master = rows[1..].iter().find(|row| row["id"] != busy["id"]).expect("another");
    let merge = |id: &Value| format!("/admin/companies/{COMPANY}/vendors/{id}/merge");
    yard.set(Method::POST, &merge(&master["id"]), json!({"sources": [busy["id"]]})).await;
    let gone = yard.get(&format!("/rest/v1.0/vendors/{}?company_id={COMPANY}", busy["id"])).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(!ids(&yard.rows(&vendors("per_page=1000")).await).contains(&busy["id"].as_u64().expect("an id")));
    let left = yard.get(&format!("/rest/v1.0/vendors/{}?company_id={COMPANY}", master["id"])).await.json();
    let kept = |id: &Value| left["project_ids"].as_array().is_some_and(|ids| ids.contains(id));
    assert!(busy["project_ids"].as_array().expect("ids").iter().all(kept));
    let truth = yard.truth("vendors").await;
    assert!(truth.iter().any(|row| row["id"] == busy["id"] && row["gone"] == true));
    for sources in [json!([busy["id"]]), json!([master["id"]]), json!([rows[0]["id"]])] {
        let refused = yard.admin(Method::POST, &merge(&master["id"]), json!({"sources": sources})).await;
        assert!(refused.status.is_client_error(), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_project_that_leaves_the_permitted_list_takes_its_insurances_out_of_sight() {
    let yard = Yard::of(3, 1).await;
    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let path = format!("/rest/v1.0/projects/{project_id}/insurances");
    let vendor_id = ids(&yard.rows(&vendors("view=compact")).await)[1];
    yard.send(Method::POST, &path, json!({"insurance": {"vendor_id": vendor_id}})).await;
    let admin = format!("/admin/companies/{COMPANY}/projects/{project_id}");
    for (permitted, status) in [(false, 404), (true, 200)] {
        yard.set(Method::PATCH, &admin, json!({"permitted": permitted})).await;
        assert_eq!(yard.get(&path).await.status.as_u16(), status);
    }
    assert_eq!(yard.rows(&path).await.len(), 1);
}

#[tokio::test]
async fn a_client_that_hammers_on_while_limited_is_cut_off() {
    let yard = Yard::of(3, 0).await;
    yard.configure(json!({"cut_after_refusals": 2})).await;
    let limits = json!({"hourly": 1, "spike": null, "hourly_window_ms": 3_600_000, "spike_window_ms": 10_000});
    yard.set(Method::PUT, "/admin/limits", limits).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = yard.request(&vendors("")).send().await;
        statuses.push(answer.map_or(0, |response| response.status().as_u16()));
    }
    assert_eq!(statuses, [200, 429, 429, 0]);
    advance(&yard, 3_600_000).await;
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK);
    let counts = yard.report().await["by_status"].clone();
    assert_eq!((&counts["0"], &counts["429"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn huge_lists_without_pages_can_time_out() {
    let yard = Yard::of(1, 10).await;
    yard.configure(json!({"largest_unpaged_list": 11})).await;
    let all = format!("/rest/v1.0/companies/{COMPANY}/projects");
    assert_eq!(yard.get(&all).await.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(yard.get(&projects("")).await.status, StatusCode::OK);
    yard.configure(json!({"largest_unpaged_list": 12})).await;
    assert_eq!(yard.rows(&all).await.len(), 12);
}

#[tokio::test]
async fn single_routes_can_have_smaller_pages() {
    let yard = Yard::of(20, 20).await;
    yard.configure(json!({"max_page_sizes": {"/rest/v1.0/vendors": 7}})).await;
    assert_eq!(yard.get(&vendors("per_page=100")).await.number("per-page"), 7);
    assert_eq!(yard.get(&projects("per_page=15")).await.number("per-page"), 15);
}

#[tokio::test]
async fn a_foreign_header_can_be_a_403() {
    let yard = Yard::of(3, 0).await;
    yard.set(Method::POST, "/admin/companies", json!({"id": 9, "vendors": 1})).await;
    for (setting, status) in [(true, 403), (false, 404)] {
        yard.configure(json!({"foreign_header_is_403": setting})).await;
        let answer = yard.get("/rest/v1.0/vendors?company_id=9").await;
        assert_eq!(answer.status.as_u16(), status);
    }
}

/// Header names as they are on the wire; HTTP libraries hide them.
async fn raw_head(yard: &Yard) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = yard.simulator.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("a connection");
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nProcore-Company-Id: {COMPANY}\r\nConnection: close\r\n\r\n",
        vendors("view=compact"),
        yard.token
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn header_names_come_in_both_cases() {
    let yard = Yard::of(3, 0).await;
    assert!(raw_head(&yard).await.contains("\r\nper-page: 100\r\n"));
    yard.configure(json!({"header_case": "title"})).await;
    assert!(raw_head(&yard).await.contains("\r\nPer-Page: 100\r\n"));
}
