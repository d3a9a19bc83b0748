//! Who may see what: the company header, unknown companies, disconnected apps, permitted projects.

use linkyard_simulator::{CompanyHeader, CompanySpec, Config};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Answer, COMPANY, Yard, ids, projects, vendors};

async fn with_header(yard: &Yard, path: &str, header: Option<&str>) -> Answer {
    let request = yard.client.get(yard.url(path)).bearer_auth(&yard.token);
    let request = match header {
        Some(header) => request.header("Procore-Company-Id", header),
        None => request,
    };
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn a_missing_header_is_a_400_and_a_contradicting_one_a_404() {
    let yard = Yard::with(vec![CompanySpec::generated(COMPANY, 3, 1), CompanySpec::generated(9, 3, 1)]).await;
    for path in [vendors(""), "/rest/v1.0/companies".to_owned(), "/rest/v1.0/me".to_owned()] {
        let missing = with_header(&yard, &path, None).await;
        assert_eq!(missing.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(missing.body.starts_with("Missing Procore-Company-Id header!"));
    }
    for header in ["9", "12345", "not-a-number"] {
        assert_eq!(with_header(&yard, &vendors(""), Some(header)).await.status, StatusCode::NOT_FOUND, "{header}");
    }
    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let foreign = with_header(&yard, &format!("/rest/v1.1/projects/{project_id}/vendors"), Some("9")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert_eq!(yard.get("/rest/v1.0/vendors").await.json(), json!({"errors": {"company_id": ["is required"]}}));
    assert_eq!(yard.get("/rest/v1.0/vendors?company_id=5").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_header_can_be_left_out_where_it_is_not_enforced() {
    for policy in [CompanyHeader::Warn, CompanyHeader::Off] {
        let mut config = Config { companies: vec![CompanySpec::generated(COMPANY, 3, 0)], ..Config::default() };
        config.settings.company_header = policy;
        let yard = Yard::start(config).await;
        assert_eq!(with_header(&yard, &vendors(""), None).await.status, StatusCode::OK, "{policy:?}");
    }
}

#[tokio::test]
async fn a_disconnected_app_is_a_403_while_companies_still_answers() {
    let yard = Yard::of(3, 1).await;
    let path = format!("/admin/companies/{COMPANY}/installation");
    let installations = format!("/rest/v1.0/app_installations?company_id={COMPANY}");
    for (state, listed, status) in [("disconnected", 1, "installed"), ("uninstalled", 0, "uninstalled")] {
        yard.set(Method::PUT, &path, json!({"installation": state})).await;
        let refused = yard.get(&vendors("")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(refused.json(), json!({"errors": ["App is not connected to this company."]}));
        assert_eq!(yard.rows("/rest/v1.0/companies").await.len(), listed);
        assert_eq!(yard.rows(&installations).await[0]["status"], status);
    }
    yard.set(Method::PUT, &path, json!({"installation": "installed"})).await;
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn projects_are_listed_only_while_active_and_permitted() {
    let yard = Yard::of(10, 4).await;
    let all = ids(&yard.rows(&projects("")).await);
    assert_eq!(all.len(), 6);
    let (hidden, closed) = (all[0], all[1]);
    let admin = |id: u64| format!("/admin/companies/{COMPANY}/projects/{id}");
    yard.set(Method::PATCH, &admin(hidden), json!({"permitted": false})).await;
    yard.set(Method::PATCH, &admin(closed), json!({"active": false})).await;
    assert_eq!(ids(&yard.rows(&projects("")).await), all[2..]);
    assert_eq!(ids(&yard.rows(&projects("filters[by_status]=Inactive")).await), [closed]);
    assert_eq!(ids(&yard.rows(&projects("filters[by_status]=All")).await), all[1..]);
    for path in ["/rest/v1.0/projects/{}?company_id=4711", "/rest/v1.1/projects/{}/vendors"] {
        assert_eq!(yard.get(&path.replace("{}", &hidden.to_string())).await.status, StatusCode::NOT_FOUND);
        assert_eq!(yard.get(&path.replace("{}", &closed.to_string())).await.status, StatusCode::OK);
    }
    let named: Vec<Value> = yard.rows(&vendors("per_page=100")).await;
    let still_named = named.iter().any(|row| row["project_ids"].as_array().is_some_and(|ids| ids.contains(&json!(hidden))));
    assert!(still_named, "project_ids may name projects that cannot be seen");
}

#[tokio::test]
async fn without_the_permission_every_view_is_minimal() {
    let spec = CompanySpec { view_vendors: false, ..CompanySpec::generated(COMPANY, 5, 2) };
    let yard = Yard::with(vec![spec]).await;
    let project_id = ids(&yard.rows(&projects("")).await)[0];
    let of_project = format!("/rest/v1.1/projects/{project_id}/vendors?view=normal");
    for path in [vendors("view=extended"), of_project] {
        let keys: Vec<String> = yard.rows(&path).await[0].as_object().expect("a row").keys().cloned().collect();
        assert_eq!(keys, ["id", "is_active", "logo", "name"]);
    }
}
