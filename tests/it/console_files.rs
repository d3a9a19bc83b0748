//! The mapping in a spreadsheet and back, and the whole article without scripts, at a real browser.

use crate::console_mapping::{choose, map_three};
use crate::console_visit::{connect, empty_site, until};
use anyhow::{Context, Result};
use linkyard_core::id::RecordId;
use linkyard_core::job::JobKind;
use linkyard_core::mapping::{Decision, Mapping, MappingFilter, MappingState, MappingView, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_tests::browser::{Browser, Scripts};
use linkyard_tests::databases::Databases;
use linkyard_tests::jobs::{Bench, COMPANY};
use linkyard_tests::sheet::Sheet;
use linkyard_tests::site::Site;
use secrecy::ExposeSecret;
use serde_json::json;
use std::path::Path;

const ALL: PageRequest = PageRequest { size: 1_000, after: None };

async fn mappings(site: &Site, subject: Subject) -> Result<Vec<Mapping>> {
    let (bench, filter) = (&site.bench, MappingFilter::default());
    Ok(bench.store.mapping_list(&bench.scope, bench.provider, subject, &filter, MappingView::BASIC, &ALL).await?.rows)
}

/// What the console gives as a file.
async fn exported(browser: &Browser, path: &str) -> Result<Vec<u8>> {
    let script = "return fetch(arguments[0]).then((answer) => answer.text())";
    let text = browser.client.execute(script, vec![path.into()]).await?;
    Ok(text.as_str().context("a file")?.as_bytes().to_vec())
}

async fn send(browser: &Browser, site: &Site, file: &Path, confirm: bool) -> Result<()> {
    site.open(browser, &format!("/mapping/parties/{}/import", site.bench.provider)).await?;
    if confirm {
        browser.click("input[name=confirm][value=yes]").await?;
    }
    browser.find("#csv").await?.send_keys(&file.display().to_string()).await?;
    browser.click(".form-end .primary").await?;
    Ok(())
}

#[tokio::test]
async fn a_mapping_is_decided_in_a_spreadsheet_and_comes_back_with_a_preview() -> Result<()> {
    let databases = Databases::sqlite();
    let bench = Bench::tested(&databases, 12, 1, 50).await;
    let formula = "=cmd|' /C calc'!A0";
    bench.admin("POST", &format!("/companies/{COMPANY}/vendors"), json!({ "rows": [{ "name": formula }] })).await;
    bench.run(JobKind::FetchDirectory).await;
    let site = Site::over(bench).await?;
    let (browser, directory) = (Browser::start(Scripts::On).await?, tempfile::tempdir()?);
    site.sign_in(&browser, Access::Write).await?;
    let list = format!("/mapping/parties/{}", site.bench.provider);
    site.open(&browser, &list).await?;
    browser.click("#spreadsheet").await?;
    browser.says("h1", "Import choices").await?;
    let file = exported(&browser, &format!("{list}/export")).await?;
    let mut sheet = Sheet::open(&file);
    let rows = mappings(&site, Subject::Vendor).await?;
    let at = rows.iter().position(|row| row.name == formula).context("the formula is a vendor")?;
    assert_eq!(sheet.cell(at, "name"), format!("'{formula}"), "a spreadsheet takes it for text");
    sheet.set(0, "decision", "create");
    sheet.set(1, "decision", "do not add");
    sheet.set(2, "decision", "destroy");
    sheet.set(at, "decision", "CREATE");
    let path = directory.path().join("vendors.csv");
    std::fs::write(&path, sheet.save())?;

    send(&browser, &site, &path, false).await?;
    browser.says("h1", "What the file changes").await?;
    for (count, id) in [("0", "#matches"), ("2", "#creates"), ("1", "#ignores"), ("1", "#refused")] {
        assert_eq!(browser.text(id).await?, count, "{id}");
    }
    browser.says("main", "The decision must be MATCH, CREATE, DO_NOT_ADD, or empty.").await?;
    assert!(mappings(&site, Subject::Vendor).await?.iter().all(|row| row.draft.is_none()), "nothing was changed yet");
    browser.click("#import").await?;
    browser.says("#state", "Import decisions").await?;
    browser.says("#bar", "3 chosen, not confirmed").await?;
    let after = mappings(&site, Subject::Vendor).await?;
    assert_eq!(after[1].draft.context("a draft")?.decision, Decision::DoNotAdd);
    assert_eq!(after[2].draft, None);

    // The same file again is stale where it was carried out, and changes nothing else.
    send(&browser, &site, &path, false).await?;
    browser.says("#nothing", "The file changes nothing").await?;
    let mut sheet = Sheet::open(&exported(&browser, &format!("{list}/export")).await?);
    sheet.set(3, "decision", "CREATE");
    std::fs::write(&path, sheet.save())?;
    send(&browser, &site, &path, true).await?;
    browser.says("#import", "Import and confirm").await?;
    browser.click("#import").await?;
    browser.says("#state", "Import decisions").await?;
    site.bench.settled().await;
    let after = mappings(&site, Subject::Vendor).await?;
    assert_eq!((after[1].state, after[3].state), (MappingState::Ignored, MappingState::Linked));

    std::fs::write(&path, "a,b\n1,2\n")?;
    send(&browser, &site, &path, false).await?;
    browser.says("#alerts", "has no column decision").await?;
    send_after_the_session(&browser, &site, &path, sheet).await?;
    browser.close().await?;
    site.stop().await;
    Ok(())
}

/// A file that comes after the end of the session is not taken in, however large; its sender is told so before and after signing in.
async fn send_after_the_session(browser: &Browser, site: &Site, path: &Path, mut sheet: Sheet) -> Result<()> {
    sheet.set(5, "decision", "CREATE");
    let mut large = sheet.save();
    // More than lies on the way between a browser and a server that does not read.
    large.resize(16 * 1024 * 1024, b'\n');
    std::fs::write(path, large)?;
    site.open(browser, &format!("/mapping/parties/{}/import", site.bench.provider)).await?;
    browser.client.delete_all_cookies().await?;
    browser.find("#csv").await?.send_keys(&path.display().to_string()).await?;
    browser.click(".form-end .primary").await?;
    browser.says("#alerts", "so the file was not taken in and nothing was changed. Sign in again").await?;
    let key = site.key(Access::Write).await?;
    browser.fill("#key", key.expose_secret()).await?;
    browser.click("main button").await?;
    browser.says("h1", "Import choices").await?;
    browser.says("#alerts", "Choose it once more").await?;
    assert_eq!(mappings(site, Subject::Vendor).await?[5].draft, None);
    std::fs::write(path, sheet.save())?;
    browser.find("#csv").await?.send_keys(&path.display().to_string()).await?;
    browser.click(".form-end .primary").await?;
    browser.says("h1", "What the file changes").await?;
    assert_eq!(browser.text("#creates").await?, "1");
    Ok(())
}

#[tokio::test]
async fn the_whole_article_is_done_without_scripts() -> Result<()> {
    // On PostgreSQL, because every other case of the pages is on SQLite.
    let databases = Databases::postgres().await;
    let scripts = Scripts::Off;
    let (mut site, browser) = (empty_site(&databases).await?, Browser::start(scripts).await?);
    connect(&site, &browser, scripts).await?;
    site.bench.provider = site.bench.store.provider_list(&site.bench.scope, &ALL).await?.rows[0].id;
    let vendors = mappings(&site, Subject::Vendor).await?;
    site.bench.party(&vendors[0].name).await;
    site.bench.enqueue(JobKind::Suggest).await;
    site.bench.settled().await;

    browser.click(".side a[href='/mapping/parties']").await?;
    browser.says("h1", "Parties Mapping").await?;
    let rows: Vec<RecordId> = vendors.iter().map(|row| row.record).collect();
    map_three(&browser, scripts, &rows).await?;

    // A party that no suggestion names, by the search page.
    browser.click(&format!("#pick-{} > summary", rows[3])).await?;
    browser.fill(&format!("#find-q-{}", rows[3]), &vendors[0].name).await?;
    browser.click(&format!("#pick-{} .find button", rows[3])).await?;
    browser.says("#found", "linked to another record of this directory already").await?;
    browser.click("#found button").await?;
    browser.says(&format!("#pick-{} > summary", rows[3]), "Match with").await?;
    choose(&browser, rows[3], "button[value$='.undo']").await?;

    browser.click("#with-all > summary").await?;
    browser.click("#with-all a[href*='action=create']").await?;
    browser.click("#confirm").await?;
    site.bench.settled().await;
    let now = mappings(&site, Subject::Vendor).await?;
    let linked = now.iter().filter(|row| row.state == MappingState::Linked).count();
    let settled = |row: &&Mapping| matches!(row.state, MappingState::Linked | MappingState::Held | MappingState::Ignored);
    assert_eq!(now.iter().filter(settled).count(), now.len(), "what looks alike is held, everything else is linked or left out");
    assert!(linked > 2, "more than what was chosen row by row");
    until(&browser, scripts, "#tabs a[href*='state=linked']", &linked.to_string()).await?;

    browser.click(".side a[href='/mapping/projects']").await?;
    browser.says("h1", "Projects Mapping").await?;
    browser.says("#rows", "Brings").await?;
    let projects: Vec<RecordId> = mappings(&site, Subject::Project).await?.iter().map(|row| row.record).collect();
    choose(&browser, projects[0], "button[value$='.ignore']").await?;
    choose(&browser, projects[1], "button[value$='.create']").await?;
    browser.click("button[name=confirm]").await?;
    browser.says("h1", "Plan: Confirm All Projects").await?;
    browser.click("#confirm").await?;
    until(&browser, scripts, &format!("#row-{} [data-label=Status]", projects[1]), "Linked").await?;
    until(&browser, scripts, &format!("#row-{} [data-label=Status]", projects[0]), "Not added").await?;

    browser.click("[role=switch]").await?;
    browser.says("#waiting", "projects").await?;
    browser.click(".form-end .danger").await?;
    browser.find("[role=switch][aria-checked=true]").await?;
    browser.close().await?;
    site.stop().await;
    databases.drop_all().await;
    Ok(())
}
