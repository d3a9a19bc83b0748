//! Writes of directory companies, and the reads that go with them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, ids, projects, vendors};

fn one(id: &Value) -> String {
    format!("/rest/v1.0/vendors/{id}?company_id={COMPANY}")
}

async fn create(yard: &Yard, vendor: Value) -> Value {
    let answer = yard.send(Method::POST, "/rest/v1.0/vendors", json!({"company_id": COMPANY, "vendor": vendor})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_new_vendor_has_what_was_sent_and_nothing_else() {
    let yard = Yard::of(3, 0).await;
    let row = create(&yard, json!({"name": "Fresh Co", "city": "Gary", "state_code": "IN", "origin_id": "E1"})).await;
    assert_eq!((&row["name"], &row["city"], &row["origin_id"]), (&json!("Fresh Co"), &json!("Gary"), &json!("E1")));
    for key in ["address", "business_phone", "primary_contact", "parent", "email_address", "website"] {
        assert_eq!(row[key], Value::Null, "{key}");
    }
    assert_eq!((&row["trades"], &row["prequalified"], &row["contact_count"]), (&json!([]), &json!(false), &json!(0)));
    assert_eq!(yard.get(&one(&row["id"])).await.json(), row);
    assert_eq!(yard.rows(&vendors("filters[origin_id]=E1")).await, std::slice::from_ref(&row));

    let path = format!("/rest/v1.0/vendors/{}", row["id"]);
    let update = |vendor: Value| json!({"company_id": COMPANY, "vendor": vendor});
    let changed = yard.send(Method::PATCH, &path, update(json!({"name": "Fresh Company", "zip": "46402"}))).await;
    assert_eq!(
        (changed.status, &changed.json()["zip"], &changed.json()["city"]),
        (StatusCode::OK, &json!("46402"), &json!("Gary"))
    );
    let wrong = [
        (json!({"zip": "1"}), "name"),
        (json!({"name": " "}), "name"),
        (json!({"name": "A", "state_code": "Indiana"}), "state_code"),
        (json!({"name": "A", "is_active": "no"}), "is_active"),
        (json!({"name": "A", "parent_id": 1}), "parent_id"),
    ];
    for (vendor, field) in wrong {
        let answer = yard.send(Method::PATCH, &path, update(vendor)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(answer.json()["errors"][field].is_array(), "{}", answer.body);
    }
    let twice = json!({"company_id": COMPANY, "vendor": {"name": "Other", "origin_id": "E1"}});
    let twice = yard.send(Method::POST, "/rest/v1.0/vendors", twice).await;
    assert_eq!(twice.json(), json!({"errors": {"origin_id": ["has already been taken"]}}));
    let nameless = yard.send(Method::POST, "/rest/v1.0/vendors", json!({"vendor": {"name": "A"}})).await;
    assert_eq!(nameless.json(), json!({"errors": {"company_id": ["is required"]}}));
}

#[tokio::test]
async fn a_vendor_sync_follows_the_same_table() {
    let yard = Yard::of(3, 0).await;
    let known = ids(&yard.rows(&vendors("view=compact")).await)[1];
    let updates = json!([
        {"id": known, "name": "Renamed"},
        {"origin_id": "N", "name": "New"},
        {"origin_id": "N", "city": "Gary"},
        {"id": known, "origin_id": "N"},
        {"id": 5, "name": "Nobody"},
        {"origin_id": "M"},
        {"name": "Also new"},
    ]);
    let answer = yard.send(Method::PATCH, "/rest/v1.0/vendors/sync", json!({"company_id": COMPANY, "updates": updates})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let names: Vec<Value> =
        answer.json()["entities"].as_array().expect("entities").iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["Renamed", "New", "New", "Also new"]);
    assert_eq!(answer.json()["entities"][1]["city"], "Gary");
    assert_eq!(
        answer.json()["errors"],
        json!([
            {"id": known, "origin_id": "N", "errors": {"origin_id": ["has already been taken"]}},
            {"id": 5, "name": "Nobody", "errors": {"id": ["Entity with this ID not found"]}},
            {"origin_id": "M", "errors": {"name": ["can't be blank"]}},
        ])
    );
    assert_eq!(yard.get(&vendors("view=compact")).await.number("total"), 6);
}

#[tokio::test]
async fn an_inactive_vendor_is_in_its_own_list_until_it_is_reactivated() {
    let yard = Yard::of(4, 0).await;
    let id = ids(&yard.rows(&vendors("view=compact")).await)[2];
    let body = json!({"company_id": COMPANY, "vendor": {"name": "Asleep", "is_active": false}});
    yard.send(Method::PATCH, &format!("/rest/v1.0/vendors/{id}"), body).await;
    let inactive = format!("/rest/v1.0/companies/{COMPANY}/vendors/inactive");
    assert_eq!(ids(&yard.rows(&inactive).await), [id]);
    assert!(!ids(&yard.rows(&vendors("view=compact")).await).contains(&id));
    let back = yard.send(Method::PATCH, &format!("{inactive}/{id}?view=normal"), Value::Null).await;
    assert_eq!((back.status, &back.json()["is_active"]), (StatusCode::OK, &json!(true)));
    assert!(back.json().get("project_ids").is_none(), "the view that was asked for");
    assert!(yard.rows(&inactive).await.is_empty());
    assert_eq!(yard.send(Method::PATCH, &format!("{inactive}/{id}"), Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_business_register_is_made_once_and_then_changed() {
    let yard = Yard::of(3, 0).await;
    let id = ids(&yard.rows(&vendors("view=compact")).await)[1];
    let path = format!("/rest/v1.0/vendors/{id}/business_register?company_id={COMPANY}");
    let body = |identifier: &str| json!({"business_register": {"type": "ein", "identifier": identifier}});
    assert_eq!(yard.send(Method::PATCH, &path, body("12-3456789")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(yard.send(Method::POST, &path, body("12-34")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(yard.send(Method::POST, &path, body("12-3456789")).await.status, StatusCode::CREATED);
    let second = yard.send(Method::POST, &path, body("98-7654321")).await;
    assert_eq!((second.status, second.json()["message"].is_string()), (StatusCode::CONFLICT, true));
    assert_eq!(yard.send(Method::PATCH, &path, body("98-7654321")).await.status, StatusCode::OK);
    let found = yard.rows(&vendors("filters[search]=98-7654321")).await;
    assert_eq!((ids(&found), &found[0]["business_register"]["type"]), (vec![id], &json!("ein")));
}

#[tokio::test]
async fn vendors_join_leave_and_are_made_in_projects() {
    let yard = Yard::of(6, 1).await;
    let project_id = ids(&yard.rows(&projects("")).await)[1];
    let id = ids(&yard.rows(&vendors("view=compact")).await)[1];
    let base = format!("/rest/v1.1/projects/{project_id}/vendors");
    let updated_at = yard.get(&one(&json!(id))).await.json()["updated_at"].clone();
    let added = yard.send(Method::POST, &format!("{base}/{id}/actions/add"), Value::Null).await;
    assert_eq!((added.status, &added.json()["id"]), (StatusCode::CREATED, &json!(id)));
    let row = yard.get(&one(&json!(id))).await.json();
    assert_eq!(
        (&row["updated_at"], row["project_ids"].as_array().is_some_and(|ids| ids.contains(&json!(project_id)))),
        (&updated_at, true)
    );
    assert_eq!(ids(&yard.rows(&base).await), [id]);
    let renamed = yard.send(Method::PATCH, &format!("{base}/{id}"), json!({"vendor": {"name": "Renamed"}})).await;
    assert_eq!((renamed.status, &renamed.json()["name"]), (StatusCode::OK, &json!("Renamed")));
    let removed = yard.send(Method::DELETE, &format!("{base}/{id}/actions/remove"), Value::Null).await;
    assert_eq!((removed.status, removed.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(
        yard.send(Method::DELETE, &format!("{base}/{id}/actions/remove"), Value::Null).await.status,
        StatusCode::NOT_FOUND
    );
    let made = yard.send(Method::POST, &base, json!({"vendor": {"name": "On site", "is_active": false}})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let inactive = format!("/rest/v1.0/projects/{project_id}/vendors/inactive");
    assert_eq!(ids(&yard.rows(&inactive).await), [made.json()["id"].as_u64().expect("an id")]);
    assert!(yard.rows(&base).await.is_empty());
    let back = yard.send(Method::PATCH, &format!("{inactive}/{}", made.json()["id"]), Value::Null).await;
    assert_eq!((back.status, yard.rows(&base).await.len()), (StatusCode::OK, 1));
    assert_eq!(yard.send(Method::PATCH, &format!("{inactive}/{id}"), Value::Null).await.status, StatusCode::NOT_FOUND);
    let comments = format!("/rest/v1.0/companies/{COMPANY}/vendors/{id}/comments");
    assert!(yard.rows(&comments).await.is_empty());
}

#[tokio::test]
async fn users_inactive_ones_project_people_and_roles_are_read_apart() {
    let yard = Yard::of(12, 1).await;
    let users = format!("/rest/v1.3/companies/{COMPANY}/users");
    let all = yard.rows(&format!("{users}?view=extended")).await;
    let person = all[0]["contact_id"].as_u64().expect("a contact");
    yard.set(
        Method::PATCH,
        &format!("/admin/companies/{COMPANY}/people/{person}"),
        json!({"is_active": false, "origin_id": "U1"}),
    )
    .await;
    let inactive = format!("/rest/v1.0/companies/{COMPANY}/users/inactive");
    let asleep = yard.rows(&inactive).await;
    assert_eq!((asleep.len(), &asleep[0]["contact_id"], &asleep[0]["is_active"]), (1, &json!(person), &json!(false)));
    assert_eq!(yard.rows(&users).await.len(), all.len() - 1);
    assert_eq!(yard.rows(&format!("{inactive}?filters[origin_id]=U1")).await.len(), 1);
    assert!(yard.rows(&format!("{inactive}?filters[origin_id]=U2")).await.is_empty());
    assert!(yard.rows(&format!("{users}?view=ids_only")).await.iter().all(Value::is_u64));

    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let vendor_ids = ids(&yard.rows(&format!("/rest/v1.1/projects/{project_id}/vendors")).await);
    let people = yard.rows(&format!("/rest/v1.0/projects/{project_id}/people?view=extended")).await;
    assert!(!people.is_empty());
    assert!(people.iter().all(|one| vendor_ids.contains(&one["vendor"]["id"].as_u64().expect("a vendor"))));
    let roles = yard.rows(&format!("/rest/v1.0/project_roles?project_id={project_id}")).await;
    assert!(roles.iter().all(|role| role["role"].is_string() && role["user_id"].is_u64()) && !roles.is_empty());
    assert_eq!(yard.get("/rest/v1.0/project_roles").await.status, StatusCode::BAD_REQUEST);
    let minimal = yard.get(&format!("/rest/v1.0/projects/{project_id}?company_id={COMPANY}&view=minimal")).await.json();
    assert_eq!((&minimal["id"], minimal.get("address")), (&json!(project_id), None));
}
