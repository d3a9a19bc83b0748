//! Where rows come from and how they change: seeds, CSV files, the admin API.

use std::path::{Path, PathBuf};

use linkyard_simulator::{CompanySpec, Config, Error, Simulator, Source};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, ids, projects, vendors};

pub(crate) fn csv_spec(directory: &Path) -> CompanySpec {
    let write = |name: &str, text: &str| -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let vendors = "vendor_id,name,phone,permits\nV1,\"\"\"E\"\" MISSIONS, INC.\",3125550100,4\nV2,,,0\nV3,Müller Bau,,1\n";
    let projects = "project_id,address,issue_date,permit_type,status,reported_cost,description\n\
                    P1,1013 N CLEVELAND AVE,2015-01-05,PERMIT - NEW CONSTRUCTION,COMPLETE,1500000,\"SIX, ROWHOMES\"\n\
                    P2,,,,,,\n";
    CompanySpec {
        id: COMPANY,
        vendors: Source::Csv(write("vendors.csv", vendors)),
        projects: Source::Csv(write("projects.csv", projects)),
        project_vendors: Some(write("pv.csv", "project_id,vendor_id,role\nP1,V1,gc\nP1,V3,other\nP2,V3,gc\nP1,V1,again\n")),
        ..CompanySpec::default()
    }
}

#[tokio::test]
async fn csv_rows_keep_their_order_names_and_associations() {
    let directory = tempfile::tempdir().expect("a directory");
    let yard = Yard::with(vec![csv_spec(directory.path())]).await;
    let rows = yard.rows(&vendors("")).await;
    let names: Vec<&Value> = rows[1..].iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["\"E\" MISSIONS, INC.", "", "Müller Bau"]);
    assert_eq!(rows[0]["company_vendor"], true);
    assert_eq!((&rows[1]["business_phone"], &rows[2]["business_phone"]), (&json!("3125550100"), &Value::Null));

    let list = yard.rows(&projects("view=extended")).await;
    assert_eq!(list[0]["name"], "1013 N Cleveland Ave - New Construction");
    assert_eq!((&list[0]["project_number"], &list[0]["description"]), (&json!("P1"), &json!("SIX, ROWHOMES")));
    assert_eq!((&list[0]["start_date"], &list[0]["total_value"]), (&json!("2015-01-05"), &json!("1500000.0")));
    assert_eq!(rows[3]["project_ids"], json!([list[0]["id"], list[1]["id"]]));
    assert_eq!(yard.truth("associations").await.len(), 3);
    assert_eq!(yard.truth("vendors").await[1]["source"], "V1");
}

#[tokio::test]
async fn a_csv_without_its_columns_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("vendors.csv");
    std::fs::write(&path, "id,title\n1,A\n").expect("a file");
    let spec = CompanySpec { vendors: Source::Csv(path), ..CompanySpec::default() };
    let refused = Simulator::start(Config { companies: vec![spec], ..Config::default() }).await;
    assert!(matches!(refused, Err(Error::Invalid(problem)) if problem.ends_with("has no column vendor_id")));
}

#[tokio::test]
async fn equal_seeds_give_equal_directories_and_other_seeds_others() {
    let spec = |seed| vec![CompanySpec { seed, ..CompanySpec::generated(COMPANY, 300, 30) }];
    let mut truths = Vec::new();
    for seed in [5, 5, 6] {
        let yard = Yard::with(spec(seed)).await;
        truths.push((yard.truth("vendors").await, yard.truth("associations").await, yard.truth("people").await));
    }
    assert_eq!(truths[0], truths[1]);
    assert_ne!(truths[0].0, truths[2].0);
    let average = truths[0].1.len() as f64 / 30.0;
    assert!((3.0..9.0).contains(&average), "{average}");
}

#[tokio::test]
async fn vendors_are_added_renamed_deactivated_and_merged_away() {
    let yard = Yard::of(5, 2).await;
    let admin = format!("/admin/companies/{COMPANY}/vendors");
    let new = json!({"rows": [{"name": "Fresh Co", "city": "Gary", "project_ids": []}], "count": 2});
    let added = yard.set(Method::POST, &admin, new).await["ids"].as_array().expect("ids").clone();
    assert_eq!(added.len(), 3);
    let rows = yard.rows(&vendors("")).await;
    assert_eq!((rows.len(), &rows[6]["name"], &rows[6]["city"]), (9, &json!("Fresh Co"), &json!("Gary")));

    let (asleep, merged) = (ids(&rows)[2], ids(&rows)[3]);
    yard.set(Method::PATCH, &format!("{admin}/{asleep}"), json!({"is_active": false})).await;
    yard.set(Method::DELETE, &format!("{admin}/{merged}"), Value::Null).await;
    let left = ids(&yard.rows(&vendors("")).await);
    assert!(left.len() == 7 && !left.contains(&asleep) && !left.contains(&merged));
    let inactive = format!("/rest/v1.0/companies/{COMPANY}/vendors/inactive");
    assert_eq!(ids(&yard.rows(&inactive).await), [asleep]);
    let show = |id: u64| format!("/rest/v1.0/vendors/{id}?company_id={COMPANY}");
    assert_eq!(yard.get(&show(asleep)).await.status, StatusCode::OK);
    assert_eq!(yard.get(&show(merged)).await.status, StatusCode::NOT_FOUND);
    let truth = yard.truth("vendors").await;
    assert_eq!(truth.iter().filter(|row| row["gone"] == true).count(), 1);
    assert_eq!(yard.admin(Method::PATCH, &format!("{admin}/1"), json!({"name": "x"})).await.status, StatusCode::NOT_FOUND);
    let refused = yard.admin(Method::PATCH, &format!("{admin}/{asleep}"), json!({"name": 7})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn associations_and_people_change_on_both_sides() {
    let yard = Yard::of(5, 2).await;
    let (vendor, project) = (ids(&yard.rows(&vendors("")).await)[1], ids(&yard.rows(&projects("")).await)[1]);
    let path = format!("/admin/companies/{COMPANY}/associations");
    let members = format!("/rest/v1.1/projects/{project}/vendors?view=ids_only");
    let is_member = async || {
        let of_project = yard.rows(&members).await.contains(&json!(vendor));
        let of_vendor = yard.rows(&vendors(&format!("filters[id][]={vendor}"))).await[0]["project_ids"].clone();
        assert_eq!(of_project, of_vendor.as_array().is_some_and(|ids| ids.contains(&json!(project))));
        of_project
    };
    for (method, expected) in [(Method::POST, true), (Method::DELETE, false), (Method::POST, true)] {
        yard.set(method, &path, json!({"pairs": [[project, vendor]]})).await;
        assert_eq!(is_member().await, expected);
    }
    let people = format!("/admin/companies/{COMPANY}/people");
    let row = json!({"vendor_id": vendor, "first_name": "Ada", "email_address": "ada@x.example"});
    let id = yard.set(Method::POST, &people, json!({"rows": [row]})).await["ids"][0].as_u64().expect("id");
    let list = format!("/rest/v1.0/companies/{COMPANY}/people?filters[vendor_id][]={vendor}");
    let last = yard.rows(&list).await.pop().expect("people");
    assert_eq!(
        (&last["id"], &last["first_name"], &last["contact"]["email"]),
        (&json!(id), &json!("Ada"), &json!("ada@x.example"))
    );
    yard.set(Method::DELETE, &format!("{people}/{id}"), Value::Null).await;
    assert!(!ids(&yard.rows(&list).await).contains(&id));
}
