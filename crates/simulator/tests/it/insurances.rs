//! Insurances one at a time: scopes, asymmetries, checks, and what the admin API sees.

use linkyard_simulator::CompanySpec;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, ids, insurances, projects, vendors};

/// Every field that is read, in alphabetical order.
const FIELDS: &[&str] = &[
    "additional_insured",
    "division_template",
    "effective_date",
    "enable_expired_insurance_notifications",
    "exempt",
    "expiration_date",
    "id",
    "info_received",
    "insurance_provider",
    "insurance_sets",
    "insurance_type",
    "limit",
    "notes",
    "origin_data",
    "origin_id",
    "policy_number",
    "status",
    "vendor_id",
];

async fn first_vendor(yard: &Yard) -> u64 {
    ids(&yard.rows(&vendors("view=compact")).await)[1]
}

async fn create(yard: &Yard, fields: Value) -> Value {
    let answer = yard.send(Method::POST, &insurances(""), json!({"insurance": fields})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn what_is_written_is_read_back_under_its_reading_names() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = first_vendor(&yard).await;
    let row = create(
        &yard,
        json!({
            "vendor_id": vendor_id, "insurance_type": "General Liability", "name": "GL Insurance Inc.", "policy_number": "12345GL",
            "limit": "1000000.00", "effective_date": "2015-03-03", "expiration_date": "2016-03-02", "status": "compliant",
            "notes": "Meets minimum requirements", "origin_id": "ABC123", "insurance_provider": "is not read",
        }),
    )
    .await;
    let keys: Vec<&String> = row.as_object().expect("a row").keys().collect();
    assert_eq!(keys, FIELDS);
    assert_eq!((&row["insurance_provider"], &row["limit"]), (&json!("GL Insurance Inc."), &json!("1000000.0")));
    assert_eq!((&row["enable_expired_insurance_notifications"], &row["exempt"]), (&json!(true), &json!(false)));
    assert_eq!((&row["insurance_sets"], &row["vendor_id"]), (&Value::Null, &json!(vendor_id)));
    let one = insurances(&format!("/{}", row["id"]));
    assert_eq!(yard.get(&one).await.json(), row);
    assert_eq!(yard.rows(&insurances("")).await, std::slice::from_ref(&row));

    let change = json!({"insurance": {"vendor_id": vendor_id, "status": "expired", "notes": null}});
    let changed = yard.send(Method::PATCH, &one, change).await;
    assert_eq!((changed.status, &changed.json()["status"]), (StatusCode::OK, &json!("expired")));
    assert_eq!((&changed.json()["notes"], &changed.json()["policy_number"]), (&Value::Null, &json!("12345GL")));
    let deleted = yard.send(Method::DELETE, &one, Value::Null).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(yard.get(&one).await.status, StatusCode::NOT_FOUND);
    assert_eq!(yard.send(Method::DELETE, &one, Value::Null).await.status, StatusCode::NOT_FOUND);
    assert!(yard.rows(&insurances("")).await.is_empty());
    assert_eq!(yard.truth("insurances").await[0]["gone"], true);
}

#[tokio::test]
async fn wrong_fields_are_a_422_that_names_them_and_change_nothing() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = first_vendor(&yard).await;
    create(&yard, json!({"vendor_id": vendor_id, "origin_id": "taken"})).await;
    let wrong = [
        (json!({"vendor_id": vendor_id, "status": "fine"}), "status", "is not included in the list"),
        (json!({"vendor_id": vendor_id, "limit": "1000000000000000.00"}), "limit", "is too long (maximum is 17 characters)"),
        (json!({"vendor_id": vendor_id, "limit": 1_000_000}), "limit", "is not a string"),
        (json!({"vendor_id": vendor_id, "effective_date": "03/02/2016"}), "effective_date", "is not a date like 2026-01-31"),
        (json!({"vendor_id": vendor_id, "exempt": "yes"}), "exempt", "is not true or false"),
        (json!({"vendor_id": vendor_id, "origin_id": "taken"}), "origin_id", "has already been taken"),
        (json!({"status": "compliant"}), "vendor_id", "is required"),
    ];
    for (fields, field, problem) in wrong {
        let answer = yard.send(Method::POST, &insurances(""), json!({"insurance": fields})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_eq!(answer.json(), json!({"errors": {field: [problem]}}));
    }
    let seventeen = create(&yard, json!({"vendor_id": vendor_id, "limit": "12345678901234.00"})).await;
    assert_eq!(seventeen["limit"], "12345678901234.0");
    for (body, status) in [(json!({"status": "compliant"}), 400), (json!({"insurance": {"vendor_id": 1}}), 404)] {
        assert_eq!(yard.send(Method::POST, &insurances(""), body).await.status.as_u16(), status);
    }
    let not_json = yard.client.post(yard.url(&insurances(""))).bearer_auth(&yard.token);
    let not_json = not_json.header("Procore-Company-Id", COMPANY).body("nothing").send().await.expect("an answer");
    assert_eq!(not_json.status(), StatusCode::BAD_REQUEST);
    assert_eq!(yard.get(&insurances("")).await.number("total"), 2);
    let without_vendor = yard.send(Method::PATCH, &insurances(&format!("/{}", seventeen["id"])), json!({"insurance": {}})).await;
    assert_eq!(without_vendor.json(), json!({"errors": {"vendor_id": ["is required"]}}));
}

#[tokio::test]
async fn each_scope_sees_its_own_rows() {
    let yard = Yard::of(3, 1).await;
    let vendor_ids = ids(&yard.rows(&vendors("view=compact")).await);
    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let of_vendor = |id: u64| format!("/rest/v1.0/companies/{COMPANY}/vendors/{id}/insurances");
    let of_project = format!("/rest/v1.0/projects/{project_id}/insurances");
    let of_both = format!("/rest/v1.0/projects/{project_id}/vendors/{}/insurances", vendor_ids[1]);
    let new = |vendor_id: Option<u64>, origin_id: &str| {
        let vendor = vendor_id.map_or_else(|| json!({}), |id| json!({"vendor_id": id}));
        let mut fields = json!({"insurance_type": "Auto", "origin_id": origin_id});
        fields.as_object_mut().expect("fields").extend(vendor.as_object().expect("a vendor").clone());
        json!({"insurance": fields})
    };
    let mut made = Vec::new();
    for (path, body) in [
        (insurances(""), new(Some(vendor_ids[1]), "a")),
        (of_vendor(vendor_ids[2]), new(None, "b")),
        (of_project.clone(), new(Some(vendor_ids[2]), "c")),
        (of_both.clone(), new(None, "d")),
    ] {
        let answer = yard.send(Method::POST, &path, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}: {}", answer.body);
        made.push(answer.json()["id"].as_u64().expect("an id"));
    }
    let seen = [
        (insurances(""), vec![made[0], made[1]]),
        (of_vendor(vendor_ids[1]), vec![made[0]]),
        (of_vendor(vendor_ids[2]), vec![made[1]]),
        (format!("{of_project}?view=extended"), vec![made[2], made[3]]),
        (of_both.clone(), vec![made[3]]),
    ];
    for (path, expected) in seen {
        let answer = yard.get(&path).await;
        assert_eq!(
            (ids(answer.json().as_array().expect("rows")), answer.number("total")),
            (expected.clone(), expected.len() as i64)
        );
    }
    let strange = [insurances(&format!("/{}", made[2])), format!("{}/{}", of_vendor(vendor_ids[1]), made[1])];
    for path in strange {
        assert_eq!(yard.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        let write = yard.send(Method::PATCH, &path, new(Some(vendor_ids[1]), "e")).await;
        assert_eq!(write.status, StatusCode::NOT_FOUND, "{path}");
    }
    let shared_origin = yard.send(Method::POST, &insurances(""), new(Some(vendor_ids[1]), "d")).await;
    assert_eq!(shared_origin.json(), json!({"errors": {"origin_id": ["has already been taken"]}}));
    for path in [of_vendor(1), "/rest/v1.0/projects/1/insurances".to_owned()] {
        assert_eq!(yard.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_list_is_paged_like_every_other() {
    let yard = Yard::of(20, 0).await;
    yard.set(Method::POST, &format!("/admin/companies/{COMPANY}/insurances"), json!({"count": 25})).await;
    let second = yard.get(&insurances("?page=2&per_page=10")).await;
    assert_eq!((second.number("total"), second.number("per-page")), (25, 10));
    let link = second.header("link").expect("links");
    assert!(link.contains("rel=\"first\"") && link.contains("page=3&per_page=10>; rel=\"next\"") && !link.contains("prev"));
    let mut seen = Vec::new();
    for page in 1..=3 {
        seen.extend(ids(&yard.rows(&insurances(&format!("?page={page}&per_page=10"))).await));
    }
    assert!(seen.len() == 25 && seen.is_sorted());
    let truth: Vec<u64> = ids(&yard.truth("insurances").await);
    assert_eq!(seen, truth);
    let fault = json!({"kind": "drift", "delete": 3});
    yard.fault(json!({"path_contains": "page=1&", "nth": 1}), fault).await;
    yard.rows(&insurances("?page=1&per_page=10")).await;
    assert_eq!(ids(&yard.rows(&insurances("?page=2&per_page=10")).await)[0], seen[13]);
}

#[tokio::test]
async fn people_and_other_systems_write_through_the_admin_api() {
    let yard = Yard::of(3, 1).await;
    let vendor_id = first_vendor(&yard).await;
    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let admin = format!("/admin/companies/{COMPANY}/insurances");
    let rows = json!({"rows": [
        {"vendor_id": vendor_id, "name": "ERP Mutual", "origin_id": "sage-1"},
        {"vendor_id": vendor_id, "project_id": project_id},
    ]});
    let made = yard.set(Method::POST, &admin, rows).await["ids"].as_array().expect("ids").clone();
    let api = insurances(&format!("/{}", made[0]));
    assert_eq!(yard.get(&api).await.json()["insurance_provider"], "ERP Mutual");
    yard.set(Method::PATCH, &format!("{admin}/{}", made[0]), json!({"notes": "edited"})).await;
    let body = json!({"insurance": {"vendor_id": vendor_id, "status": "compliant"}});
    assert_eq!(yard.send(Method::PATCH, &api, body).await.json()["notes"], "edited");
    let truth = yard.truth("insurances").await;
    assert_eq!(
        (&truth[0]["api_writes"], &truth[0]["origin_id"], &truth[0]["gone"]),
        (&json!(1), &json!("sage-1"), &json!(false))
    );
    assert_eq!((&truth[1]["api_writes"], &truth[1]["project_id"]), (&json!(0), &json!(project_id)));
    yard.set(Method::DELETE, &format!("{admin}/{}", made[0]), Value::Null).await;
    assert_eq!(yard.get(&api).await.status, StatusCode::NOT_FOUND);
    for (method, path, body) in [
        (Method::POST, admin.clone(), json!({"rows": [{"vendor_id": vendor_id, "status": "fine"}]})),
        (Method::PATCH, format!("{admin}/{}", made[1]), json!({"limit": "much"})),
    ] {
        assert_eq!(yard.admin(method, &path, body).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(yard.admin(Method::DELETE, &format!("{admin}/7"), Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn insurances_of_a_merged_vendor_vanish_in_every_scope() {
    let yard = Yard::of(4, 1).await;
    let vendor_ids = ids(&yard.rows(&vendors("view=compact")).await);
    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let kept = create(&yard, json!({"vendor_id": vendor_ids[1], "origin_id": "kept"})).await;
    let lost = create(&yard, json!({"vendor_id": vendor_ids[2], "origin_id": "lost"})).await;
    let admin = format!("/admin/companies/{COMPANY}/insurances");
    let row = json!({"rows": [{"vendor_id": vendor_ids[2], "project_id": project_id}]});
    yard.set(Method::POST, &admin, row).await;
    let merge = format!("/admin/companies/{COMPANY}/vendors/{}/merge", vendor_ids[1]);
    yard.set(Method::POST, &merge, json!({"sources": [vendor_ids[2]]})).await;
    assert_eq!(ids(&yard.rows(&insurances("")).await), ids(&[kept]));
    assert!(yard.rows(&format!("/rest/v1.0/projects/{project_id}/insurances")).await.is_empty());
    assert_eq!(yard.get(&insurances(&format!("/{}", lost["id"]))).await.status, StatusCode::NOT_FOUND);
    let of_vendor = format!("/rest/v1.0/companies/{COMPANY}/vendors/{}/insurances", vendor_ids[2]);
    assert_eq!(yard.get(&of_vendor).await.status, StatusCode::NOT_FOUND);
    let again = json!({"insurance": {"vendor_id": vendor_ids[2]}});
    assert_eq!(yard.send(Method::POST, &insurances(""), again).await.status, StatusCode::NOT_FOUND);
    let updates =
        json!({"updates": [{"id": lost["id"], "status": "expired"}, {"vendor_id": vendor_ids[2], "origin_id": "lost"}]});
    let answer = yard.send(Method::PATCH, &insurances("/sync"), updates).await.json();
    assert!(answer["entities"].as_array().is_some_and(Vec::is_empty));
    assert_eq!(answer["errors"][0]["errors"], json!({"id": ["Entity with this ID not found"]}));
    assert_eq!(answer["errors"][1]["errors"], json!({"vendor_id": ["Entity with this ID not found"]}));
}

#[tokio::test]
async fn the_permission_on_insurances_is_taken_away_in_steps() {
    let yard = Yard::with(vec![CompanySpec::generated(COMPANY, 3, 0)]).await;
    let vendor_id = first_vendor(&yard).await;
    let one = insurances(&format!("/{}", create(&yard, json!({"vendor_id": vendor_id})).await["id"]));
    let body = json!({"insurance": {"vendor_id": vendor_id, "status": "expired"}});
    let installation = format!("/admin/companies/{COMPANY}/installation");
    for (access, read, write) in [("read", 200, 403), ("none", 404, 404), ("write", 200, 200)] {
        yard.set(Method::PUT, &installation, json!({"insurances": access})).await;
        assert_eq!(yard.get(&insurances("")).await.status.as_u16(), read, "{access}");
        assert_eq!(yard.get(&one).await.status.as_u16(), read, "{access}");
        assert_eq!(yard.send(Method::PATCH, &one, body.clone()).await.status.as_u16(), write, "{access}");
        let sync = yard.send(Method::PATCH, &insurances("/sync"), json!({"updates": []})).await;
        assert_eq!(sync.status.as_u16(), write, "{access}");
    }
    yard.set(Method::PUT, &installation, json!({"installation": "disconnected"})).await;
    for answer in [yard.get(&insurances("")).await, yard.send(Method::PATCH, &one, body).await] {
        assert_eq!(
            (answer.status, answer.json()),
            (StatusCode::FORBIDDEN, json!({"errors": ["App is not connected to this company."]}))
        );
    }
}
