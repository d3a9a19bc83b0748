//! Rows as they are written: which keys, which nulls, which filters.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, ids, projects, vendors};

/// Every key of the extended view, with null where there is nothing.
const EXTENDED: &[&str] = &[
    "id",
    "name",
    "abbreviated_name",
    "address",
    "attachments",
    "authorized_bidder",
    "business_id",
    "business_phone",
    "business_register",
    "city",
    "company",
    "connected_to_company_id",
    "contact_count",
    "country_code",
    "created_at",
    "email_address",
    "fax_number",
    "is_active",
    "is_connected",
    "labor_union",
    "license_number",
    "logo",
    "mobile_phone",
    "non_union_prevailing_wage",
    "notes",
    "origin_code",
    "origin_data",
    "origin_id",
    "prequalified",
    "primary_contact",
    "state_code",
    "synced_to_erp",
    "trade_name",
    "union_member",
    "updated_at",
    "vendor_group",
    "website",
    "zip",
    "bidding",
    "bidding_distribution",
    "children_count",
    "company_vendor",
    "legal_name",
    "parent",
    "project_ids",
    "standard_cost_codes",
    "trades",
];

fn keys(row: &Value) -> Vec<&str> {
    row.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn extended_is_the_default_and_has_every_key() {
    let yard = Yard::of(200, 20).await;
    let rows = yard.rows(&vendors("per_page=1000")).await;
    let mut expected = EXTENDED.to_vec();
    expected.sort_unstable();
    for row in &rows {
        let mut keys = keys(row);
        keys.sort_unstable();
        assert_eq!(keys, expected);
    }
    assert_eq!(rows.iter().filter(|row| row["company_vendor"] == true).count(), 1);
    let share = |is: fn(&Value) -> bool| rows.iter().filter(|row| is(row)).count();
    assert!((10..60).contains(&share(|row| row["primary_contact"].is_null())));
    assert!((2..30).contains(&share(|row| row["address"].is_null())));
    assert!(share(|row| row["project_ids"].as_array().is_some_and(|ids| !ids.is_empty())) > 40);
    assert!(rows.iter().all(|row| row["updated_at"].as_str().is_some_and(|at| at.len() == 20 && at.ends_with('Z'))));
    assert_eq!(rows[0]["bidding"].as_object().map(serde_json::Map::len), Some(13));
}

#[tokio::test]
async fn views_leave_keys_out() {
    let yard = Yard::of(3, 1).await;
    let row = async |path: &str| yard.rows(path).await.remove(0);
    assert_eq!(keys(&row(&vendors("view=compact")).await), ["id", "is_active", "name"]);
    assert!(row(&vendors("view=normal")).await.get("project_ids").is_none());
    assert!(row(&vendors("view=erp")).await.get("erp_custom_fields").is_some());
    assert!(row(&vendors("view=directory")).await.get("invoice_contacts").is_some());
    assert_eq!(yard.get(&vendors("view=minimal")).await.status, StatusCode::BAD_REQUEST);
    let newer = format!("/rest/v1.1/vendors?company_id={COMPANY}&view=minimal");
    assert_eq!(keys(&row(&newer).await), ["id", "is_active", "logo", "name"]);

    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let of_project = format!("/rest/v1.1/projects/{project_id}/vendors");
    assert!(row(&format!("{of_project}?view=ids_only")).await.is_u64());
    assert_eq!(keys(&row(&format!("{of_project}?view=name")).await), ["id", "name"]);
    assert!(row(&of_project).await.get("business_phone").is_some());
}

#[tokio::test]
async fn vendor_filters_and_sorting_select_what_they_say() {
    let yard = Yard::of(120, 10).await;
    let all = yard.rows(&vendors("per_page=1000")).await;
    let two = [all[3]["id"].as_u64().expect("id"), all[7]["id"].as_u64().expect("id")];
    assert_eq!(ids(&yard.rows(&vendors(&format!("filters[id][]={}&filters[id][]={}", two[0], two[1]))).await), two);

    let child = all.iter().find(|row| !row["parent"].is_null()).expect("a branch");
    let found = ids(&yard.rows(&vendors(&format!("filters[parent_id][]={}", child["parent"]["id"]))).await);
    assert!(found.contains(&child["id"].as_u64().expect("id")));

    let trade = all.iter().find_map(|row| row["trades"][0]["id"].as_u64()).expect("a trade");
    let rows = yard.rows(&vendors(&format!("filters[trade_id][]={trade}&per_page=1000"))).await;
    let has = |row: &Value| row["trades"].as_array().is_some_and(|list| list.iter().any(|one| one["id"] == trade));
    assert_eq!((rows.len(), rows.iter().all(has)), (all.iter().filter(|row| has(row)).count(), true));

    let word = all[5]["name"].as_str().expect("name").to_uppercase();
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filters[search]", &word).finish();
    assert!(ids(&yard.rows(&vendors(&query)).await).contains(&all[5]["id"].as_u64().expect("id")));

    let name = |row: &Value| row["name"].as_str().expect("name").to_lowercase();
    let up: Vec<String> = yard.rows(&vendors("sort=name&per_page=1000")).await.iter().map(name).collect();
    let down: Vec<String> = yard.rows(&vendors("sort=-name&per_page=1000")).await.iter().map(name).collect();
    assert!(up.is_sorted() && up.iter().eq(down.iter().rev()));
}

#[tokio::test]
async fn updated_at_finds_changed_rows_and_refuses_half_ranges() {
    let yard = Yard::of(20, 3).await;
    let id = ids(&yard.rows(&vendors("")).await)[4];
    let now = yard.set(Method::GET, "/admin/clock", Value::Null).await["now"].as_str().expect("now").to_owned();
    let since = format!("filters[updated_at]={now}...2099-01-01T00:00:00Z");
    assert!(yard.rows(&vendors(&since)).await.is_empty());
    let path = format!("/admin/companies/{COMPANY}/vendors/{id}");
    yard.set(Method::PATCH, &path, json!({"name": "Renamed", "business_phone": null})).await;
    let changed = yard.rows(&vendors(&since)).await;
    assert_eq!((ids(&changed), &changed[0]["name"], &changed[0]["business_phone"]), (vec![id], &json!("Renamed"), &Value::Null));
    assert_eq!(yard.get(&vendors("filters[updated_at]=2026-01-01")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn people_and_users_belong_to_their_vendors() {
    let yard = Yard::of(30, 0).await;
    let vendor = yard.rows(&vendors("")).await.into_iter().find(|row| !row["primary_contact"].is_null()).expect("a vendor");
    let base = format!("/rest/v1.0/companies/{COMPANY}/people");
    assert_eq!(yard.get(&base).await.number("total"), 62);
    let filter = format!("filters[vendor_id][]={}", vendor["id"]);
    let people = yard.rows(&format!("{base}?view=extended&{filter}")).await;
    assert_eq!((people.len(), people.iter().all(|one| one["vendor"]["id"] == vendor["id"])), (2, true));
    assert_eq!(people[0]["id"], vendor["primary_contact"]["id"]);
    assert_eq!(people[0]["contact"]["email"], vendor["primary_contact"]["email_address"]);
    assert!(yard.rows(&format!("{base}?{filter}")).await[0].get("vendor").is_none());

    let users = yard.rows(&format!("/rest/v1.3/companies/{COMPANY}/users?per_page=100")).await;
    let with_login = yard.rows(&format!("{base}?per_page=100&filters[without_reference_users]=true")).await;
    assert!(!users.is_empty() && users.len() < 62);
    let contacts: Vec<&Value> = users.iter().map(|user| &user["contact_id"]).collect();
    assert_eq!(contacts, with_login.iter().map(|one| &one["id"]).collect::<Vec<_>>());
    assert_eq!(users[0]["id"], with_login[0]["user_id"]);
}

#[tokio::test]
async fn projects_show_templates_demos_and_their_vendors() {
    let yard = Yard::of(30, 5).await;
    let rows = yard.rows(&projects("view=extended")).await;
    let count = |key: &str| rows.iter().filter(|row| row[key] == true).count();
    assert_eq!((rows.len(), count("template"), count("is_demo")), (7, 1, 1));
    assert_eq!(yard.rows(&projects("filters[is_demo]=true")).await.len(), 1);
    assert_eq!(yard.rows(&projects("filters[template]=false")).await.len(), 6);
    let project_id = rows[0]["id"].as_u64().expect("id");
    let members = ids(&yard.rows(&format!("/rest/v1.0/projects/{project_id}/vendors")).await);
    assert!(!members.is_empty());
    let of_vendor = ids(&yard.rows(&projects(&format!("filters[vendor_id]={}", members[0]))).await);
    assert!(of_vendor.contains(&project_id));
    let one = yard.get(&format!("/rest/v1.0/projects/{project_id}?company_id={COMPANY}")).await.json();
    assert_eq!((&one["name"], &one["company"]["id"]), (&rows[0]["name"], &json!(COMPANY)));
    let older = yard.rows(&format!("/rest/v1.0/projects?company_id={COMPANY}")).await;
    assert_eq!((older.len(), older[0]["stage"].is_string(), older[0].get("description")), (7, true, None));
    assert_eq!(yard.rows(&projects("")).await[0].get("stage"), None);
    assert!(yard.rows(&projects("view=ids")).await.iter().all(Value::is_u64));
}
