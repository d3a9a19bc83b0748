//! Pages and their headers.

use linkyard_simulator::{CompanySpec, Config};
use serde_json::Value;

use crate::{Answer, COMPANY, Yard, ids, projects, vendors};

fn relations(answer: &Answer) -> Vec<(String, String)> {
    let link = answer.header("link").unwrap_or_default();
    let entries = link.split(", ").filter_map(|entry| entry.split_once(">; rel=\""));
    entries.map(|(url, name)| (name.trim_end_matches('"').to_owned(), url.trim_start_matches('<').to_owned())).collect()
}

#[tokio::test]
async fn following_next_sees_every_vendor_once_in_id_order() {
    let yard = Yard::of(44, 0).await;
    let (mut seen, mut page) = (Vec::new(), 1);
    loop {
        let answer = yard.get(&vendors(&format!("view=compact&page={page}&per_page=10"))).await;
        assert_eq!((answer.number("total"), answer.number("per-page")), (45, 10));
        seen.extend(ids(answer.json().as_array().expect("rows")));
        let names: Vec<String> = relations(&answer).into_iter().map(|(name, _)| name).collect();
        let expected: &[&str] = match page {
            1 => &["last", "next"],
            2 => &["first", "last", "next"],
            3 | 4 => &["first", "prev", "last", "next"],
            _ => &["first", "prev", "last"],
        };
        assert_eq!(names, expected);
        if !names.iter().any(|name| name == "next") {
            break;
        }
        page += 1;
    }
    assert_eq!((page, seen.len()), (5, 45));
    assert!(seen.is_sorted() && seen[0] > 598_134_325_000_000);
}

#[tokio::test]
async fn links_carry_only_page_and_size_unless_switched() {
    let yard = Yard::of(30, 0).await;
    let path = vendors("view=compact&per_page=10");
    let (_, url) = relations(&yard.get(&path).await).pop().expect("next");
    assert_eq!(url, yard.url("/rest/v1.0/vendors?page=2&per_page=10"));

    let mut config = Config { companies: vec![CompanySpec::generated(COMPANY, 30, 0)], ..Config::default() };
    config.settings.link_keeps_query = true;
    let yard = Yard::start(config).await;
    let (_, url) = relations(&yard.get(&path).await).pop().expect("next");
    assert_eq!(url, yard.url(&format!("/rest/v1.0/vendors?company_id={COMPANY}&view=compact&page=2&per_page=10")));
}

#[tokio::test]
async fn sizes_have_defaults_and_are_clamped() {
    let yard = Yard::of(150, 310).await;
    let size = async |path: String| (yard.get(&path).await.number("per-page"), yard.rows(&path).await.len());
    assert_eq!(size(vendors("view=compact")).await, (100, 100));
    assert_eq!(size(vendors("view=compact&per_page=2000")).await, (2000, 151));
    assert_eq!(size(projects("view=compact&per_page=2000")).await, (300, 300));
    assert_eq!(size(projects("view=compact&per_page=-1")).await, (100, 100));
    assert_eq!(size(projects("view=ids&per_page=5")).await, (200_000, 312));
    assert_eq!(size(vendors("view=compact&page=9")).await, (100, 0));
}

#[tokio::test]
async fn a_ceiling_makes_every_list_short() {
    let mut config = Config { companies: vec![CompanySpec::generated(COMPANY, 20, 20)], ..Config::default() };
    config.settings.max_page_size = Some(7);
    let yard = Yard::start(config).await;
    for path in [vendors("per_page=100"), projects(""), format!("/rest/v1.0/companies/{COMPANY}/people")] {
        assert_eq!((yard.get(&path).await.number("per-page"), yard.rows(&path).await.len()), (7, 7), "{path}");
    }
}

#[tokio::test]
async fn company_projects_are_not_paged() {
    let yard = Yard::of(1, 150).await;
    let answer = yard.get(&format!("/rest/v1.0/companies/{COMPANY}/projects?page=2&per_page=5")).await;
    assert_eq!(answer.json().as_array().map(Vec::len), Some(152));
    assert!(answer.header("total").is_none() && answer.header("link").is_none());
    assert!(answer.json()[0]["address"]["street"].is_string());
    assert_eq!(answer.json()[0]["type_name"], Value::Null);
}
