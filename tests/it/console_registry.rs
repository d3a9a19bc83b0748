//! The registry's pages at a real browser: lists, one party, one project, and the clean-up of what is there twice.

use anyhow::{Context, Result};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_store::RegistryFilter;
use linkyard_tests::browser::{Browser, Scripts};
use linkyard_tests::databases::Databases;
use linkyard_tests::furnished::Furnished;
use linkyard_tests::jobs::Bench;
use linkyard_tests::site::Site;

const ALL: PageRequest = PageRequest { size: 100, after: None };

async fn names(site: &Site, filter: &RegistryFilter) -> Result<Vec<String>> {
    let parties = site.bench.store.party_list(&site.bench.scope, filter, &ALL).await?.rows;
    Ok(parties.into_iter().map(|party| party.name).collect())
}

#[tokio::test]
async fn parties_are_found_filtered_and_opened_with_their_integration() -> Result<()> {
    let databases = Databases::sqlite();
    let bench = Bench::fetched(&databases, 60, 4, 100).await;
    bench.party("Never Linked Ltd").await;
    bench.confirm_all(Subject::Vendor).await;
    let (site, browser) = (Site::over(bench).await?, Browser::start(Scripts::On).await?);
    site.bench.settled().await;
    site.sign_in(&browser, Access::Read).await?;
    browser.click(".side a[href='/parties']").await?;
    browser.says("h1", "All Parties").await?;
    browser.click("a[rel=next]").await?;
    browser.find("a[rel=first]").await?;
    assert!(browser.here().await?.contains("after="), "the page stands in the address");

    browser.fill("#q", "never linked").await?;
    browser.click("form[role=search] button").await?;
    browser.says("#registry", "Never Linked Ltd").await?;
    browser.says("#registry", "not linked").await?;
    assert_eq!(browser.here().await?.split_once("q=").map(|(_, rest)| rest.starts_with("never")), Some(true));
    browser.click(".tabs a:nth-child(2)").await?;
    browser.says("#registry", "None is like this").await?;
    assert!(browser.here().await?.contains("show=linked"), "the filter and the search stand in the address");

    let linked = names(&site, &RegistryFilter { linked: Some(true), ..RegistryFilter::default() }).await?;
    site.open(&browser, "/parties?show=linked").await?;
    browser.says("#registry", &linked[0]).await?;
    browser.click("#registry tbody th a").await?;
    browser.says("#party h1", &linked[0]).await?;
    browser.says("#party", "Procore id").await?;
    browser.says("#party", "Came to be").await?;
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_there_twice_is_mapped_merged_or_called_different_without_scripts() -> Result<()> {
    let databases = Databases::sqlite();
    let furnished = Furnished::over(&databases).await?;
    let (site, browser) = (&furnished.site, Browser::start(Scripts::Off).await?);
    site.sign_in(&browser, Access::Write).await?;
    let looks = furnished.looks();
    let page = |word: &str| looks.iter().find(|look| look.name == word).map(|look| look.path.clone()).context("a page");

    // The directory's two vendors become one party.
    site.open(&browser, &page("duplicates-one-1")?).await?;
    browser.click("input[name=target]").await?;
    browser.click(".form-end button").await?;
    browser.says("main", "2 records are linked to it").await?;
    browser.click("form[action$='/map'] button").await?;
    browser.says("h1", "Link parties").await?;

    // The registry's two parties are merged.
    let before = names(site, &RegistryFilter::default()).await?.len();
    site.open(&browser, &page("duplicates-one")?).await?;
    browser.says("main", "1 other parties are merged into this one").await?;
    browser.click("form[action$='/merge'] button").await?;
    browser.says("#alerts", "Merged").await?;
    assert_eq!(names(site, &RegistryFilter::default()).await?.len(), before - 1);
    browser.close().await?;
    furnished.site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_group_that_is_called_different_is_listed_as_such_and_can_be_suspected_again() -> Result<()> {
    let databases = Databases::sqlite();
    let furnished = Furnished::over(&databases).await?;
    let (site, browser) = (&furnished.site, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, "/parties?show=duplicates").await?;
    assert_eq!(browser.client.find_all(fantoccini::Locator::Css("#registry tbody tr")).await?.len(), 2);
    site.open(&browser, "/duplicates?list=parties").await?;
    browser.click("#duplicates h3 a").await?;
    browser.click("form[action$='/dismiss'] button").await?;
    browser.says("#alerts", "called different").await?;
    site.open(&browser, "/parties?show=duplicates").await?;
    browser.says("#registry", "None is like this").await?;
    site.open(&browser, "/duplicates?list=parties&show=dismissed").await?;
    browser.click("#duplicates h3 a").await?;
    browser.click("form[action$='/restore'] button").await?;
    browser.says("#alerts", "suspected again").await?;
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.close().await?;
    furnished.site.stop().await;
    Ok(())
}
