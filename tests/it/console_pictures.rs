//! Every screen on a desk and on the smallest phone, in light and in dark: nothing scrolls sideways, is cut off, or lies on something else.
//!
//! With `LINKYARD_PICTURES=DIR` the pictures are kept there.

use crate::console_visit::hostile_names;
use anyhow::Result;
use linkyard_core::job::JobKind;
use linkyard_core::mapping::{MappingFilter, MappingView, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_store::RegistryFilter;
use linkyard_tests::browser::{Browser, Screen, Scripts};
use linkyard_tests::databases::Databases;
use linkyard_tests::jobs::Bench;
use linkyard_tests::site::Site;
use std::path::PathBuf;

/// The first row.
const FIRST: PageRequest = PageRequest { size: 1, after: None };

/// Looks at a page on all four screens.
async fn look(site: &Site, browser: &Browser, name: &str, path: &str) -> Result<()> {
    let pictures = std::env::var_os("LINKYARD_PICTURES").map(PathBuf::from);
    if let Some(directory) = &pictures {
        std::fs::create_dir_all(directory)?;
    }
    for (screen, size) in Screen::ALL {
        browser.on(size).await?;
        site.open(browser, path).await?;
        browser.find("main h1").await?;
        if let Some(directory) = &pictures {
            browser.picture(&directory.join(format!("{name}-{screen}.png"))).await?;
        }
        assert_eq!(browser.misplaced().await?, Vec::<String>::new(), "{name} on {screen}");
    }
    Ok(())
}

#[tokio::test]
async fn the_screens_before_the_first_provider_are_laid_out_well() -> Result<()> {
    let databases = Databases::sqlite();
    let site = Site::over(Bench::unconnected(&databases, 5, 1, 5).await).await?;
    let browser = Browser::start(Scripts::On).await?;
    look(&site, &browser, "sign-in", "/sign-in?next=%2Fjobs").await?;
    site.sign_in(&browser, Access::Write).await?;
    look(&site, &browser, "first-steps", "/providers").await?;
    look(&site, &browser, "provider-form", "/providers/new").await?;
    look(&site, &browser, "jobs-empty", "/jobs").await?;
    look(&site, &browser, "mapping-empty", "/mapping/parties").await?;
    look(&site, &browser, "not-found", "/nowhere/at/all").await?;
    assert!(browser.complaints().await?.iter().all(|said| said.contains("404")), "nothing of ours is refused by our own policy");
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_screens_of_a_directory_that_is_mapped_are_laid_out_well() -> Result<()> {
    let databases = Databases::sqlite();
    let bench = Bench::fetched(&databases, 240, 12, 100).await;
    for name in hostile_names().iter().take(2) {
        bench.party(name).await;
    }
    bench.confirm_all(Subject::Vendor).await;
    let (provider, scope) = (bench.provider, bench.scope.clone());
    let site = Site::over(bench).await?;
    site.bench.settled().await;
    site.bench.store.progress_note().await?;
    site.bench.nothing_linked_two_hours_ago().await;
    let browser = Browser::start(Scripts::On).await?;
    site.sign_in(&browser, Access::Operator).await?;
    let jobs = site.bench.store.job_list(&scope, None, &[], false, &PageRequest { size: 50, after: None }).await?.rows;
    let linked = jobs.iter().find(|job| job.kind == JobKind::LinkParties.as_str()).expect("a link job");
    look(&site, &browser, "overview", "/").await?;
    look(&site, &browser, "providers", "/providers").await?;
    look(&site, &browser, "provider", &format!("/providers/{provider}")).await?;
    look(&site, &browser, "provider-edit", &format!("/providers/{provider}/edit")).await?;
    look(&site, &browser, "provider-delete", &format!("/providers/{provider}/delete")).await?;
    look(&site, &browser, "parties-mapping", &format!("/mapping/parties/{provider}")).await?;
    look(&site, &browser, "projects-mapping", &format!("/mapping/projects/{provider}")).await?;
    look(&site, &browser, "mapping-plan", &format!("/mapping/projects/{provider}/plan?action=create")).await?;
    look(&site, &browser, "mapping-import", &format!("/mapping/parties/{provider}/import")).await?;
    look(&site, &browser, "mapping-automatic", &format!("/mapping/projects/{provider}/automatic")).await?;
    look(&site, &browser, "jobs", "/jobs").await?;
    look(&site, &browser, "job", &format!("/jobs/{}", linked.id)).await?;
    let party =
        site.bench.store.party_list(&scope, &RegistryFilter { linked: Some(true), ..RegistryFilter::default() }, &FIRST).await?;
    look(&site, &browser, "party", &format!("/parties/{}", party.rows[0].id)).await?;
    look(&site, &browser, "key-form", "/keys/new").await?;
    for page in ["parties", "projects", "duplicates", "budget", "workers", "keys", "audit"] {
        look(&site, &browser, page, &format!("/{page}")).await?;
    }
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_screens_of_a_mapping_under_way_are_laid_out_well() -> Result<()> {
    let databases = Databases::sqlite();
    let bench = Bench::fetched(&databases, 24, 3, 100).await;
    let (provider, scope, page) = (bench.provider, bench.scope.clone(), PageRequest { size: 3, after: None });
    let filter = MappingFilter::default();
    let rows = bench.store.mapping_list(&scope, provider, Subject::Vendor, &filter, MappingView::BASIC, &page).await?.rows;
    for row in &rows {
        bench.party(&row.name).await;
        bench.party(&format!("{} Holding", row.name)).await;
    }
    bench.run(JobKind::Suggest).await;
    let site = Site::over(bench).await?;
    let browser = Browser::start(Scripts::On).await?;
    site.sign_in(&browser, Access::Write).await?;
    let (list, record) = (format!("/mapping/parties/{provider}"), rows[0].record);
    // A way to a field inside a closed control opens it.
    look(&site, &browser, "mapping-choosing", &format!("{list}#find-q-{record}")).await?;
    look(&site, &browser, "mapping-all-ticked", &format!("{list}?tick=all&show=strong&sort=name")).await?;
    look(&site, &browser, "mapping-nothing-found", &format!("{list}?q=nothing+is+called+this")).await?;
    look(&site, &browser, "mapping-search", &format!("{list}/targets?record={record}")).await?;
    look(&site, &browser, "mapping-accept", &format!("{list}/plan?action=accept")).await?;
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.close().await?;
    site.stop().await;
    Ok(())
}
