//! The sync of insurances: which row is meant, what is answered, and that it stays quick.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Answer, COMPANY, Yard, ids, insurances, projects, vendors};

async fn sync(yard: &Yard, updates: Value) -> Value {
    let answer = yard.send(Method::PATCH, &insurances("/sync"), json!({"updates": updates})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

async fn vendor_ids(yard: &Yard) -> Vec<u64> {
    ids(&yard.rows(&vendors("view=compact")).await)
}

#[tokio::test]
async fn id_and_origin_id_decide_between_create_update_and_error() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = vendor_ids(&yard).await[1];
    let first = sync(&yard, json!([{"vendor_id": vendor_id, "origin_id": "A", "name": "One"}, {"vendor_id": vendor_id}])).await;
    let made = ids(first["entities"].as_array().expect("entities"));
    assert_eq!((made.len(), &first["errors"]), (2, &json!([])));

    let second = sync(
        &yard,
        json!([
            {"origin_id": "A", "status": "expired"},
            {"vendor_id": vendor_id},
            {"id": 1, "status": "compliant"},
            {"id": made[1], "origin_id": "B"},
            {"id": made[1], "origin_id": "A"},
            {"id": made[0], "status": "fine"},
            {"origin_id": "new"},
        ]),
    )
    .await;
    let entities = second["entities"].as_array().expect("entities");
    assert_eq!(ids(entities)[0], made[0]);
    assert_eq!((&entities[0]["status"], &entities[0]["insurance_provider"]), (&json!("expired"), &json!("One")));
    assert!(!made.contains(&ids(entities)[1]), "neither id nor origin_id makes a new row");
    assert_eq!((ids(entities)[2], &entities[2]["origin_id"]), (made[1], &json!("B")));
    assert_eq!(
        second["errors"],
        json!([
            {"id": 1, "status": "compliant", "errors": {"id": ["Entity with this ID not found"]}},
            {"id": made[1], "origin_id": "A", "errors": {"origin_id": ["has already been taken"]}},
            {"id": made[0], "status": "fine", "errors": {"status": ["is not included in the list"]}},
            {"origin_id": "new", "errors": {"vendor_id": ["is required"]}},
        ])
    );
    assert_eq!(yard.get(&insurances("")).await.number("total"), 3);
}

#[tokio::test]
async fn later_rows_of_a_call_see_the_earlier_ones() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = vendor_ids(&yard).await[1];
    let row = |origin_id: &str, notes: &str| json!({"vendor_id": vendor_id, "origin_id": origin_id, "notes": notes});
    let answer = sync(&yard, json!([row("A", "1"), row("A", "2"), row("B", "3")])).await;
    let made = ids(answer["entities"].as_array().expect("entities"));
    assert_eq!((made[0], yard.rows(&insurances("")).await.len()), (made[1], 2));
    let swapped = json!([{"id": made[0], "origin_id": "C"}, {"id": made[2], "origin_id": "A"}, {"origin_id": "A", "notes": "4"}]);
    assert_eq!(ids(sync(&yard, swapped).await["entities"].as_array().expect("entities")), [made[0], made[2], made[2]]);
    let rows = yard.rows(&insurances("")).await;
    let seen: Vec<(&Value, &Value)> = rows.iter().map(|row| (&row["origin_id"], &row["notes"])).collect();
    assert_eq!(seen, [(&json!("C"), &json!("2")), (&json!("A"), &json!("4"))]);
}

#[tokio::test]
async fn a_thousand_updates_are_taken_and_one_more_is_a_400() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = vendor_ids(&yard).await[1];
    let updates = |count: u32| -> Vec<Value> {
        (0..count).map(|number| json!({"vendor_id": vendor_id, "origin_id": format!("row-{number}")})).collect()
    };
    let refused = yard.send(Method::PATCH, &insurances("/sync"), json!({"updates": updates(1_001)})).await;
    assert_eq!((refused.status, yard.get(&insurances("")).await.number("total")), (StatusCode::BAD_REQUEST, 0));
    for _ in 0..2 {
        assert_eq!(sync(&yard, json!(updates(1_000))).await["entities"].as_array().map(Vec::len), Some(1_000));
    }
    assert_eq!(yard.get(&insurances("")).await.number("total"), 1_000);
    assert_eq!(yard.send(Method::PATCH, &insurances("/sync"), json!({"rows": []})).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_path_without_company_takes_it_from_the_updates() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = vendor_ids(&yard).await[1];
    let path = "/rest/v1.0/insurances/sync";
    let rows = json!({"updates": [
        {"company_id": COMPANY, "vendor_id": vendor_id, "origin_id": "A"},
        {"company_id": 9, "vendor_id": vendor_id, "origin_id": "B"},
    ]});
    let answer = yard.send(Method::PATCH, path, rows).await.json();
    assert_eq!((&answer["entities"][0]["origin_id"], &answer["errors"][0]["company_id"]), (&json!("A"), &json!(9)));
    let in_body = json!({"company_id": COMPANY, "updates": [{"origin_id": "A", "notes": "seen"}]});
    assert_eq!(yard.send(Method::PATCH, path, in_body).await.json()["entities"][0]["notes"], "seen");
    let foreign = json!({"company_id": 9, "updates": []});
    assert_eq!(yard.send(Method::PATCH, path, foreign).await.status, StatusCode::NOT_FOUND);
    assert_eq!(yard.send(Method::PATCH, path, json!({"updates": []})).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn narrower_scopes_sync_their_own_rows_only() {
    let yard = Yard::of(3, 1).await;
    let vendors = vendor_ids(&yard).await;
    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let made = sync(&yard, json!([{"vendor_id": vendors[1], "origin_id": "A"}])).await["entities"][0]["id"].clone();
    let paths = [
        format!("/rest/v1.0/companies/{COMPANY}/vendors/{}/insurances", vendors[2]),
        format!("/rest/v1.0/projects/{project_id}/insurances"),
        format!("/rest/v1.0/projects/{project_id}/vendors/{}/insurances", vendors[1]),
    ];
    for (number, path) in paths.iter().enumerate() {
        let own = json!({"vendor_id": vendors[1], "origin_id": format!("own-{number}")});
        let updates = json!({"updates": [own, {"id": made, "notes": "x"}, {"vendor_id": vendors[1], "origin_id": "A"}]});
        let answer = yard.send(Method::PATCH, &format!("{path}/sync"), updates).await.json();
        assert_eq!(answer["entities"][0]["origin_id"], json!(format!("own-{number}")), "{path}");
        assert_eq!(answer["errors"][0]["errors"], json!({"id": ["Entity with this ID not found"]}), "{path}");
        assert_eq!(answer["errors"][1]["errors"], json!({"origin_id": ["has already been taken"]}), "{path}");
        assert_eq!(yard.rows(path).await.last().expect("a row")["origin_id"], json!(format!("own-{number}")), "{path}");
    }
    let of_path = yard.rows(&paths[0]).await;
    assert_eq!(of_path[0]["vendor_id"], json!(vendors[2]), "the path's vendor wins over the one sent");
}

#[tokio::test]
async fn entities_can_come_shuffled_twice_or_not_at_all() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = vendor_ids(&yard).await[1];
    let updates: Vec<Value> =
        (0..20).map(|number| json!({"vendor_id": vendor_id, "origin_id": format!("{number:02}")})).collect();
    let origins = async |changes: Value| -> Vec<String> {
        yard.configure(changes).await;
        let answer = sync(&yard, json!(updates)).await;
        let entities = answer["entities"].as_array().expect("entities").clone();
        entities.iter().map(|row| row["origin_id"].as_str().expect("an origin_id").to_owned()).collect()
    };
    let in_order: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(origins(json!({})).await, in_order);
    let mut shuffled = origins(json!({"shuffle_entities": true})).await;
    assert_ne!(shuffled, in_order);
    shuffled.sort();
    assert_eq!(shuffled, in_order);
    let repeated = origins(json!({"shuffle_entities": false, "sync_repeats_rows": true})).await;
    assert_eq!((repeated.len(), &repeated[..3]), (22, &["00".to_owned(), "00".to_owned(), "01".to_owned()][..]));
    let omitted = origins(json!({"sync_repeats_rows": false, "sync_omits_rows": true})).await;
    assert_eq!(omitted.len(), 18);
    assert_eq!(yard.get(&insurances("")).await.number("total"), 20, "what is left out of the answer was applied");
}

#[tokio::test]
async fn two_calls_with_the_same_new_origin_id_make_one_row() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = vendor_ids(&yard).await[1];
    let body = json!({"updates": [{"vendor_id": vendor_id, "origin_id": "A"}]});
    let path = insurances("/sync");
    let calls = (0..8).map(|_| yard.send(Method::PATCH, &path, body.clone()));
    let answers: Vec<Answer> = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.json()["entities"].as_array().map(Vec::len) == Some(1)));
    assert_eq!(yard.rows(&insurances("")).await.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_was_applied_and_a_blind_retry_duplicates() {
    let yard = Yard::of(3, 0).await;
    let vendor_id = vendor_ids(&yard).await[1];
    let route = "/rest/v1.0/companies/{company_id}/insurances/sync";
    yard.fault(json!({"route": route, "times": 1}), json!({"kind": "lose_reply"})).await;
    let body = json!({"updates": [{"vendor_id": vendor_id}, {"vendor_id": vendor_id, "origin_id": "A"}]});
    let request =
        yard.client.patch(yard.url(&insurances("/sync"))).bearer_auth(&yard.token).header("Procore-Company-Id", COMPANY);
    assert!(request.json(&body).send().await.is_err());
    assert_eq!(yard.rows(&insurances("")).await.len(), 2);
    sync(&yard, body["updates"].clone()).await;
    assert_eq!(yard.rows(&insurances("")).await.len(), 3);
}
