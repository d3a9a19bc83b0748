//! People who map at a real browser: choosing, confirming, watching it, and what goes wrong on the way.

use crate::console_visit::{hostile_names, until};
use anyhow::{Context, Result};
use linkyard_core::id::RecordId;
use linkyard_core::job::{Job, JobKind};
use linkyard_core::mapping::{Choice, Decision, Mapping, MappingFilter, MappingState, MappingView, OnLookalike, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_tests::browser::{Browser, Screen, Scripts};
use linkyard_tests::databases::Databases;
use linkyard_tests::jobs::{Bench, COMPANY};
use linkyard_tests::site::Site;
use secrecy::ExposeSecret;
use serde_json::json;

const ALL: PageRequest = PageRequest { size: 1_000, after: None };

/// A directory that is fetched, with a party that has the name of its first vendor.
async fn site(databases: &Databases, vendors: u32, projects: u32) -> Result<Site> {
    let bench = Bench::fetched(databases, vendors, projects, 50).await;
    let first = mappings(&bench, Subject::Vendor).await?.remove(0);
    bench.party(&first.name).await;
    bench.run(JobKind::Suggest).await;
    Site::over(bench).await
}

async fn mappings(bench: &Bench, subject: Subject) -> Result<Vec<Mapping>> {
    let filter = MappingFilter::default();
    Ok(bench.store.mapping_list(&bench.scope, bench.provider, subject, &filter, MappingView::BASIC, &ALL).await?.rows)
}

async fn mapping(site: &Site, record: RecordId) -> Result<Mapping> {
    Ok(site.bench.store.mapping_get(&site.bench.scope, site.bench.provider, Subject::Vendor, record).await?)
}

async fn link_jobs(site: &Site) -> Result<Vec<Job>> {
    let jobs = site.bench.store.job_list(&site.bench.scope, None, &[], false, &ALL).await?.rows;
    Ok(jobs.into_iter().filter(|job| job.kind == JobKind::LinkParties.as_str()).collect())
}

fn parties(site: &Site) -> String {
    format!("/mapping/parties/{}", site.bench.provider)
}

/// Opens a row's control and chooses the `button` in it.
pub(crate) async fn choose(browser: &Browser, record: RecordId, button: &str) -> Result<()> {
    browser.click(&format!("#pick-{record} > summary")).await?;
    browser.click(&format!("#pick-{record} {button}")).await
}

const CREATE: &str = "button[value$='.create']";
const IGNORE: &str = "button[value$='.ignore']";
const UNDO: &str = "button[value$='.undo']";

async fn tick(browser: &Browser, record: RecordId) -> Result<()> {
    browser.click(&format!("#row-{record} input[name=pick]")).await
}

/// Matches the first vendor, creates the second, leaves the third out, and confirms these three by their ticks.
pub(crate) async fn map_three(browser: &Browser, scripts: Scripts, rows: &[RecordId]) -> Result<()> {
    let summary = |record| format!("#pick-{record} > summary");
    choose(browser, rows[0], "button.choice").await?;
    browser.says(&summary(rows[0]), "Match with").await?;
    choose(browser, rows[1], CREATE).await?;
    browser.says(&summary(rows[1]), "Create as a new party").await?;
    choose(browser, rows[2], IGNORE).await?;
    browser.says(&summary(rows[2]), "Do not add").await?;
    choose(browser, rows[3], CREATE).await?;
    browser.says(&summary(rows[3]), "Create as a new party").await?;
    choose(browser, rows[3], UNDO).await?;
    browser.find(&format!("#row-{}:not(.drafted)", rows[3])).await?;
    for record in &rows[..3] {
        tick(browser, *record).await?;
    }
    browser.click("button[name=confirm]").await?;
    browser.says("h1", "Plan: Confirm Parties").await?;
    for (count, id) in [("1", "#links"), ("1", "#creates"), ("1", "#ignores")] {
        assert_eq!(browser.text(id).await?, count, "{id}");
    }
    browser.says("main", "None: linking works on what was fetched.").await?;
    browser.click("#confirm").await?;
    browser.says("#alerts", "Confirmed").await?;
    browser.says("#state", "Link parties").await?;
    for (record, words) in [(rows[0], "Linked"), (rows[1], "Linked"), (rows[2], "Not added")] {
        until(browser, scripts, &format!("#row-{record} [data-label=Status]"), words).await?;
    }
    Ok(())
}

#[tokio::test]
async fn vendors_are_matched_created_and_left_out_and_the_page_follows_them_to_linked() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 60, 2).await?, Browser::start(Scripts::On).await?);
    let rows: Vec<RecordId> = mappings(&site.bench, Subject::Vendor).await?.iter().map(|row| row.record).collect();
    site.sign_in(&browser, Access::Write).await?;
    browser.click(".side a[href='/mapping/parties']").await?;
    browser.says("h1", "Parties Mapping").await?;
    browser.says("#tabs", "60").await?;
    map_three(&browser, Scripts::On, &rows).await?;
    assert_eq!(mapping(&site, rows[0]).await?.decision.context("decided")?.decision, Decision::Match);
    assert_eq!(link_jobs(&site).await?.len(), 1);

    browser.client.back().await?;
    browser.client.refresh().await?;
    browser.says("#nothing", "Nothing is left to confirm here").await?;
    browser.click("#nothing a").await?;

    // Sorted and searched, all by the address.
    browser.choose("#sort", "Name, Z to A").await?;
    browser.click(".search button").await?;
    let mut names: Vec<String> = mappings(&site.bench, Subject::Vendor).await?.into_iter().map(|row| row.name).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.to_lowercase()));
    browser.says("#rows tbody .name", &names[0]).await?;
    browser.click("#pages a[rel=next]").await?;
    browser.says("#rows tbody .name", &names[50]).await?;
    browser.fill("#q", &names[7]).await?;
    browser.click(".search button").await?;
    browser.says("#rows tbody .name", &names[7]).await?;
    browser.click("#tabs a").await?;
    browser.fill("#q", " ").await?;
    browser.click(".search button").await?;

    // Everything else, over all pages, by its plan; what is chosen for one row is left alone.
    let all = mappings(&site.bench, Subject::Vendor).await?;
    let on_page = |row: &&Mapping| names[..40].contains(&row.name) && !rows[..3].contains(&row.record);
    let alone = all.iter().find(on_page).context("a row without a choice")?.record;
    choose(&browser, alone, IGNORE).await?;
    browser.says(&format!("#pick-{alone} > summary"), "Do not add").await?;
    browser.click("#with-all > summary").await?;
    browser.click("#with-all a[href*='action=create']").await?;
    browser.says("h1", "Plan").await?;
    browser.says("#kept", "chosen and not confirmed: 1 vendor.").await?;
    browser.click("#confirm").await?;
    browser.says("#state", "Link parties").await?;
    site.bench.settled().await;
    let left = mappings(&site.bench, Subject::Vendor).await?;
    let linked = left.iter().filter(|row| row.state == MappingState::Linked).count();
    browser.says("#tabs a[href*='state=linked']", &linked.to_string()).await?;
    let settled = |state| matches!(state, MappingState::Linked | MappingState::Ignored | MappingState::Held);
    assert!(left.iter().all(|row| settled(row.state) || row.record == alone));
    assert_eq!(mapping(&site, alone).await?.draft.context("a choice")?.decision, Decision::DoNotAdd);

    choose(&browser, rows[0], "button[value$='.unlink']").await?;
    browser.says(&format!("#row-{} [data-label=Status]", rows[0]), "Link taken away").await?;
    assert_eq!(mapping(&site, rows[0]).await?.state, MappingState::Unlinked);
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_row_that_somebody_else_changed_is_shown_and_not_overwritten() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    let row = mappings(&site.bench, Subject::Vendor).await?.remove(3);
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &parties(&site)).await?;
    browser.says("#live", "Live").await?;
    browser.click("#live").await?;
    browser.says("#live", "Paused").await?;
    let theirs = Choice { decision: Decision::DoNotAdd, target: None, on_lookalike: OnLookalike::Hold };
    let drafts = [(row.record, Some(theirs), Some(row.revision))];
    site.bench.store.mapping_drafts_save(&site.bench.scope, site.bench.provider, Subject::Vendor, &drafts, None).await?;
    choose(&browser, row.record, CREATE).await?;
    browser.says("#alerts", "changed since you saw it").await?;
    browser.says(&format!("#pick-{} > summary", row.record), "Do not add").await?;
    assert_eq!(mapping(&site, row.record).await?.draft, Some(theirs));
    choose(&browser, row.record, CREATE).await?;
    browser.says(&format!("#pick-{} > summary", row.record), "Create as a new party").await?;

    // Between the plan and its confirm as well.
    tick(&browser, row.record).await?;
    browser.click("button[name=confirm]").await?;
    browser.says("#creates", "1").await?;
    let drafts = [(row.record, Some(theirs), None)];
    site.bench.store.mapping_drafts_save(&site.bench.scope, site.bench.provider, Subject::Vendor, &drafts, None).await?;
    browser.click("#confirm").await?;
    browser.says("#alerts", "changed since you saw the plan, so nothing was confirmed").await?;
    browser.says("main", "Changed since you ticked them").await?;
    assert_eq!(mapping(&site, row.record).await?.draft, Some(theirs));
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_double_click_on_confirm_is_one_job() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &format!("{}/plan?action=create", parties(&site))).await?;
    browser.find("#confirm").await?;
    let twice = "const form = document.querySelector('form.form-end');
        const send = () => fetch(form.action, { method: 'POST', redirect: 'manual', body: new URLSearchParams(new FormData(form)) });
        return Promise.all([send(), send()]).then(() => { form.requestSubmit(); form.requestSubmit(); });";
    browser.client.execute(twice, vec![]).await?;
    browser.says("h1", "Parties Mapping").await?;
    browser.says("#alerts", "Confirmed").await?;
    site.bench.settled().await;
    assert_eq!(link_jobs(&site).await?.len(), 1);
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_session_that_ends_over_a_choice_keeps_it() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    let row = mappings(&site.bench, Subject::Vendor).await?.remove(2).record;
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &parties(&site)).await?;
    browser.find(&format!("#pick-{row}")).await?;
    browser.client.delete_all_cookies().await?;
    choose(&browser, row, IGNORE).await?;
    browser.says("#alerts", "Your session has ended, so nothing was changed yet").await?;
    browser.fill("#key", site.key(Access::Write).await?.expose_secret()).await?;
    browser.click("main button").await?;
    browser.says("main", "Nothing has been done yet").await?;
    assert_eq!(mapping(&site, row).await?.draft, None);
    browser.click("main button").await?;
    browser.says(&format!("#pick-{row} > summary"), "Do not add").await?;
    assert_eq!(mapping(&site, row).await?.draft.context("a draft")?.decision, Decision::DoNotAdd);
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn automatic_adding_is_switched_on_with_a_warning_and_off_at_once() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    let adds = async || -> Result<bool> {
        let provider = site.bench.store.provider_get(&site.bench.scope, site.bench.provider).await?;
        Ok(provider.auto_add_since_ms(Subject::Vendor).is_some())
    };
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &parties(&site)).await?;
    browser.says("#switch", "Automatically add new Procore parties").await?;
    browser.find("[role=switch][aria-checked=false]").await?.click().await?;
    browser.says("#waiting", "10 vendors").await?;
    browser.says("main", "duplicate records may be created").await?;
    assert!(!adds().await?, "nothing is on before it is confirmed");
    browser.click(".form-end .quiet").await?;
    browser.find("[role=switch][aria-checked=false]").await?.click().await?;
    browser.click(".form-end .danger").await?;
    browser.says("#alerts", "Switched on").await?;
    browser.find("[role=switch][aria-checked=true]").await?;
    assert!(adds().await?);
    browser.click("[role=switch]").await?;
    browser.says("#alerts", "Switched off").await?;
    assert!(!adds().await?);
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_keyboard_ticks_opens_and_searches() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    site.bench.party("Zephyr Glazing Partners").await;
    let rows: Vec<RecordId> = mappings(&site.bench, Subject::Vendor).await?.iter().map(|row| row.record).collect();
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &parties(&site)).await?;
    browser.find(&format!("#row-{}", rows[0])).await?;
    let press = async |keys: &str| -> Result<()> { Ok(browser.client.active_element().await?.send_keys(keys).await?) };
    for keys in ["j", "j", "x", "j", "j", "X"] {
        press(keys).await?;
    }
    browser.says("[data-words]", "3 ticked").await?;
    let ticked = "return [...document.querySelectorAll('input[name=pick]:checked')].map((box) => box.value.split('.')[0])";
    let ticked: Vec<String> = serde_json::from_value(browser.client.execute(ticked, vec![]).await?)?;
    assert_eq!(ticked, rows[1..4].iter().map(ToString::to_string).collect::<Vec<_>>());
    // Shift and a click: from the row before to this one.
    let click = "const box = document.querySelector(arguments[0]);
        box.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, shiftKey: true }))";
    browser.client.execute(click, vec![format!("#row-{} input[name=pick]", rows[6]).into()]).await?;
    browser.says("[data-words]", "6 ticked").await?;

    press("\u{e007}").await?;
    browser.find(&format!("#pick-{}[open]", rows[3])).await?;
    browser.fill(&format!("#pick-{} input[data-find]", rows[3]), "zephyr gl").await?;
    browser.says(&format!("#pick-{} .found", rows[3]), "Zephyr Glazing Partners").await?;
    browser.click(&format!("#pick-{} .found button", rows[3])).await?;
    browser.says(&format!("#pick-{} > summary", rows[3]), "Zephyr Glazing Partners").await?;
    browser.says("[data-words]", "6 ticked").await?;
    browser.click(&format!("#pick-{} > summary", rows[5])).await?;
    press("\u{e00c}").await?;
    browser.find(&format!("#pick-{}:not([open])", rows[5])).await?;
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn vendors_with_names_that_mean_harm_are_mapped_like_others() -> Result<()> {
    let databases = Databases::sqlite();
    let bench = Bench::tested(&databases, 6, 1, 50).await;
    let vendors = format!("/companies/{COMPANY}/vendors");
    let rows: Vec<_> = hostile_names().iter().map(|name| json!({ "name": name })).collect();
    bench.admin("POST", &vendors, json!({ "rows": rows })).await;
    bench.run(JobKind::FetchDirectory).await;
    let [harm, arabic, endless] = hostile_names();
    for name in [&harm, &arabic] {
        bench.party(name).await;
    }
    bench.run(JobKind::Suggest).await;
    let site = Site::over(bench).await?;
    let browser = Browser::start(Scripts::On).await?;
    site.sign_in(&browser, Access::Write).await?;
    let all = mappings(&site.bench, Subject::Vendor).await?;
    let bad: Vec<&Mapping> = all.iter().filter(|row| [&harm, &arabic, &endless].iter().any(|name| ***name == row.name)).collect();
    assert_eq!(bad.len(), 3, "the directory has them");
    let picks: Vec<String> = bad.iter().map(|row| format!("{}.{}", row.record, row.revision + 1)).collect();
    let list = parties(&site);
    site.open(&browser, &list).await?;
    for row in &bad {
        choose(&browser, row.record, CREATE).await?;
        browser.says(&format!("#pick-{} > summary", row.record), "Create as a new party").await?;
        browser.click(&format!("#pick-{} > summary", row.record)).await?;
    }
    let pages = [
        list.clone(),
        format!("{list}?q={}", percent_encoding(&harm)),
        format!("{list}/plan?rows={}", picks.join("_")),
        format!("{list}/targets?record={}&q=%3Cimg", bad[0].record),
        format!("{list}/automatic"),
    ];
    for (screen, size) in Screen::ALL {
        browser.on(size).await?;
        assert_eq!(browser.misplaced().await?, Vec::<String>::new(), "{screen}, with open controls");
        for page in &pages {
            site.open(&browser, page).await?;
            browser.find("main h1").await?;
            let source = browser.client.source().await?;
            assert!(!source.contains("<img src=\"x\""), "{page}");
            assert_eq!(browser.misplaced().await?, Vec::<String>::new(), "{page} on {screen}");
        }
        site.open(&browser, &list).await?;
        for row in &bad {
            browser.click(&format!("#pick-{} > summary", row.record)).await?;
        }
    }
    assert_eq!(browser.complaints().await?, Vec::<String>::new(), "nothing was run and nothing refused");
    browser.close().await?;
    site.stop().await;
    Ok(())
}

fn percent_encoding(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn a_key_that_only_reads_sees_the_mapping_and_is_offered_nothing() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Read).await?;
    site.open(&browser, &parties(&site)).await?;
    browser.says("#rows", "Suggested:").await?;
    for offered in ["#mapping button", "input[name=pick]", "[role=switch]", "details.pick"] {
        assert!(!browser.has(offered).await?, "{offered}");
    }
    browser.close().await?;
    site.stop().await;
    Ok(())
}

/// Drafts a row behind the page's back.
async fn drafted(site: &Site, record: RecordId, decision: Decision) -> Result<()> {
    let choice = Choice { decision, target: None, on_lookalike: OnLookalike::Hold };
    let drafts = [(record, Some(choice), None)];
    site.bench.store.mapping_drafts_save(&site.bench.scope, site.bench.provider, Subject::Vendor, &drafts, None).await?;
    Ok(())
}

#[tokio::test]
async fn a_page_outlives_a_restart_of_the_control_and_says_what_was_not_saved() -> Result<()> {
    let databases = Databases::sqlite();
    let (mut site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    let rows: Vec<RecordId> = mappings(&site.bench, Subject::Vendor).await?.iter().map(|row| row.record).collect();
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &parties(&site)).await?;
    browser.says("#live", "Live").await?;
    site.restarted(async |_| {
        browser.says("#live", "Reconnecting").await?;
        choose(&browser, rows[2], CREATE).await?;
        browser.says("#alerts", "linkyard does not answer at the moment, so this choice is not saved").await
    })
    .await?;
    assert_eq!(mapping(&site, rows[2]).await?.draft, None);
    drafted(&site, rows[4], Decision::DoNotAdd).await?;
    browser.says(&format!("#pick-{} > summary", rows[4]), "Do not add").await?;
    browser.says("#live", "Live").await?;
    choose(&browser, rows[2], CREATE).await?;
    browser.says(&format!("#pick-{} > summary", rows[2]), "Create as a new party").await?;
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn without_a_stream_the_page_asks_again_and_again() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (site(&databases, 10, 1).await?, Browser::start(Scripts::On).await?);
    let row = mappings(&site.bench, Subject::Vendor).await?.remove(2).record;
    site.sign_in(&browser, Access::Write).await?;
    let without = json!({ "source": "delete window.EventSource" });
    browser.tell("Page.addScriptToEvaluateOnNewDocument", without).await?;
    site.open(&browser, &parties(&site)).await?;
    browser.find(&format!("#pick-{row}")).await?;
    drafted(&site, row, Decision::DoNotAdd).await?;
    browser.says(&format!("#pick-{row} > summary"), "Do not add").await?;
    browser.close().await?;
    site.stop().await;
    Ok(())
}
