//! People at a real browser: the article from the empty provider list to a fetched directory, and what goes wrong on the way.

use anyhow::Result;
use linkyard_core::job::{JobKind, Lane};
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_tests::browser::{Browser, Scripts};
use linkyard_tests::databases::Databases;
use linkyard_tests::ground;
use linkyard_tests::jobs::{Bench, COMPANY};
use linkyard_tests::site::Site;
use secrecy::ExposeSecret;

const ALL: PageRequest = PageRequest { size: 100, after: None };

/// A name that means harm, one from right to left, and one without an end.
pub(crate) fn hostile_names() -> [String; 3] {
    let harm = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>".to_owned();
    [harm, "\u{202e}شركة البناء الحديثة المحدودة\u{202c}".to_owned(), "Endless ".repeat(625)]
}

pub(crate) async fn empty_site(databases: &Databases) -> Result<Site> {
    Site::over(Bench::unconnected(databases, 60, 6, 20).await).await
}

/// From the sign-in link to a provider whose directory is fetched; pages are loaded again where they do not move by themselves.
pub(crate) async fn connect(site: &Site, browser: &Browser, scripts: Scripts) -> Result<()> {
    let link = site.sign_in_link(&site.key(Access::Write).await?).await?;
    browser.open(&link).await?;
    browser.click("main button").await?;
    browser.says("h1", "Overview").await?;
    browser.says("main", "Connect Procore in three steps").await?;
    browser.click("main a[href='/providers/new']").await?;

    browser.fill("#display_name", " ").await?;
    browser.fill("#company_id", "not a company").await?;
    browser.click(".form-end button").await?;
    browser.says("#problems", "4 things are").await?;
    browser.says("#company_id-problem", "is not a Procore company id".trim_start_matches("is ")).await?;
    for field in ["display_name", "default_party_type", "default_compliance_profile"] {
        browser.find(&format!("#{field}-problem")).await?;
    }
    browser.fill("#display_name", "Main office").await?;
    browser.fill("#company_id", &format!("https://us02.procore.com/{COMPANY}/company/home")).await?;
    browser.choose("#default_party_type", "Subcontractor").await?;
    browser.choose("#default_compliance_profile", "Standard").await?;
    browser.click("input[value=primary_only]").await?;
    browser.click(".form-end button").await?;
    browser.says("h1", "Main office").await?;
    until(browser, scripts, "#provider .head", "Connected").await?;
    browser.says("#provider", "Vendors it can read").await?;

    browser.click("form[action$='/fetch'] button").await?;
    browser.says("h1", "Fetch the directory").await?;
    until(browser, scripts, "#state", "Done").await?;
    browser.click("main .head a").await?;
    until(browser, scripts, "#provider .sum", "60").await
}

/// Waits until the page says something: by itself, or loaded again and again by hand.
pub(crate) async fn until(browser: &Browser, scripts: Scripts, css: &str, words: &str) -> Result<()> {
    if scripts == Scripts::On {
        return browser.says(css, words).await;
    }
    linkyard_tests::jobs::eventually(words, async || {
        browser.client.refresh().await.is_ok() && browser.text(css).await.is_ok_and(|said| said.contains(words))
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_newcomer_signs_in_connects_procore_and_watches_the_fetch_without_a_reload() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    connect(&site, &browser, Scripts::On).await?;
    browser.click(".side a[href='/jobs']").await?;
    browser.says("#jobs", "Test the connection").await?;
    let refused: Vec<String> = browser.complaints().await?.into_iter().filter(|said| !said.contains("422")).collect();
    assert_eq!(refused, Vec::<String>::new());
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_newcomer_without_scripts_gets_as_far() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::Off).await?);
    connect(&site, &browser, Scripts::Off).await?;
    browser.click("#account summary").await?;
    browser.click("button[value=dark]").await?;
    browser.find("html[data-theme=dark]").await?;
    browser.click("#account summary").await?;
    browser.click("form[action='/sign-out'] button").await?;
    browser.says("h1", "Sign in").await?;
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_double_click_makes_one_provider() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, "/providers/new").await?;
    browser.fill("#company_id", &COMPANY.to_string()).await?;
    browser.choose("#default_party_type", "Subcontractor").await?;
    browser.choose("#default_compliance_profile", "Standard").await?;
    let twice = "const form = document.querySelector('form.form'); const copy = form.cloneNode(true); copy.target = '_blank';
        const send = (f) => fetch(f.action, { method: 'POST', redirect: 'manual', body: new URLSearchParams(new FormData(f)) });
        return Promise.all([send(form), send(form)]).then(() => { form.requestSubmit(); form.requestSubmit(); });";
    browser.client.execute(twice, vec![]).await?;
    browser.says("h1", "Procore").await?;
    assert_eq!(site.bench.store.provider_list(&site.bench.scope, &ALL).await?.rows.len(), 1);
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_of_a_form_loses_nothing_that_was_typed() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, "/providers/new").await?;
    browser.fill("#display_name", "Typed for an hour").await?;
    browser.fill("#company_id", &COMPANY.to_string()).await?;
    browser.choose("#default_party_type", "Subcontractor").await?;
    browser.choose("#default_compliance_profile", "Standard").await?;
    browser.client.delete_all_cookies().await?;
    browser.click(".form-end button").await?;
    browser.says("#alerts", "Your session has ended, so nothing was changed yet").await?;
    let key = site.key(Access::Write).await?;
    browser.fill("#key", key.expose_secret()).await?;
    browser.click("main button").await?;
    browser.says("main", "Nothing has been done yet").await?;
    assert!(site.bench.store.provider_list(&site.bench.scope, &ALL).await?.rows.is_empty());
    browser.click("main button").await?;
    browser.says("h1", "Typed for an hour").await?;
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_job_moves_on_its_open_page_and_stands_still_while_that_is_paused() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    let (store, scope) = (site.bench.store.clone(), site.bench.scope.clone());
    // Work that only this test does: the worker finds nothing that it could take.
    let mut new = ground::new_job(None, JobKind::Suggest, Lane::Person, "by hand");
    new.run_at_ms = Some(i64::MAX / 2);
    let job = store.job_enqueue(&scope, &new, None).await?;
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &format!("/jobs/{}", job.id)).await?;
    browser.says("#state", "Waiting for a worker").await?;
    browser.says("#live", "Live").await?;
    browser.click("#live").await?;
    browser.says("#live", "Paused").await?;
    store.job_cancel(&scope, job.id, None).await?;
    // The list is another page with the same choice: it is as it was when it was opened.
    browser.client.execute("window.dispatchEvent(new Event('focus'))", vec![]).await?;
    browser.says("#state", "Waiting for a worker").await?;
    browser.click("#live").await?;
    browser.says("#state", "Cancelled").await?;
    assert!(browser.has("form[action$='/retry']").await?, "what can be done now has changed as well");
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn names_that_mean_harm_are_shown_and_do_nothing() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    let (store, scope) = (site.bench.store.clone(), site.bench.scope.clone());
    site.sign_in(&browser, Access::Operator).await?;
    for (company, name) in (1..).zip(hostile_names()) {
        let shown: String = name.chars().take(200).collect();
        let mut form = ground::own_form(&store, &scope, company).await;
        form.display_name.clone_from(&shown);
        let (provider, test) = store.provider_create(&scope, &form, true, None).await?;
        if let Some(test) = test {
            // The worker asks the simulator, which knows no such company; what it says is shown as well.
            linkyard_tests::jobs::eventually("the test has ended", async || {
                store.job_get(&scope, test.id).await.is_ok_and(|job| job.state.terminal())
            })
            .await;
        }
        let id = provider.id;
        for path in [
            "/".to_owned(),
            "/providers".to_owned(),
            "/jobs".to_owned(),
            format!("/providers/{id}"),
            format!("/providers/{id}/edit"),
            format!("/providers/{id}/delete"),
            format!("/jobs?provider={id}"),
        ] {
            site.open(&browser, &path).await?;
            let page = browser.client.source().await?;
            assert!(!page.contains("<img src=\"x\""), "{path}");
            browser.find("main h1").await?;
            assert_eq!(browser.misplaced().await?, Vec::<String>::new(), "{path} with {shown}");
        }
    }
    assert_eq!(browser.complaints().await?, Vec::<String>::new(), "nothing was run and nothing refused");
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn keys_search_help_and_lead_to_pages_but_not_while_somebody_types() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Read).await?;
    let press = async |keys: &str| -> Result<()> {
        let focused = browser.client.active_element().await?;
        Ok(focused.send_keys(keys).await?)
    };
    press("gj").await?;
    browser.says("h1", "Jobs").await?;
    press("ga").await?;
    browser.says("h1", "All Parties").await?;
    press("/").await?;
    press("gj?p").await?;
    assert_eq!(browser.find("#q").await?.prop("value").await?.as_deref(), Some("gj?p"), "in a field keys are letters");
    assert!(!browser.has("dialog[open]").await?);
    press("\u{e00c}").await?;
    press("?").await?;
    browser.says("dialog[open]", "Search this page").await?;
    press("gj").await?;
    browser.says("dialog[open]", "Integration Providers").await?;
    press("\u{e00c}").await?;
    browser.find("dialog:not([open])").await?;
    press("go").await?;
    browser.says("h1", "Overview").await?;
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_open_page_comes_back_by_itself_when_the_control_was_started_again() -> Result<()> {
    let databases = Databases::sqlite();
    let (mut site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    let (store, scope) = (site.bench.store.clone(), site.bench.scope.clone());
    let mut new = ground::new_job(None, JobKind::Suggest, Lane::Person, "by hand");
    new.run_at_ms = Some(i64::MAX / 2);
    let job = store.job_enqueue(&scope, &new, None).await?;
    site.sign_in(&browser, Access::Write).await?;
    site.open(&browser, &format!("/jobs/{}", job.id)).await?;
    browser.says("#live", "Live").await?;
    site.restarted(async |site| {
        browser.says("#live", "Reconnecting").await?;
        site.bench.store.job_cancel(&site.bench.scope, job.id, None).await?;
        Ok(())
    })
    .await?;
    browser.says("#state", "Cancelled").await?;
    browser.says("#live", "Live").await?;
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_open_page_says_when_its_session_has_ended_and_leads_back_to_itself() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Read).await?;
    site.open(&browser, "/audit?kind=api_key").await?;
    browser.says("#audit", "Console: sign in").await?;
    let (store, scope) = (site.bench.store.clone(), site.bench.scope.clone());
    for key in store.api_key_list(&scope, &ALL).await?.rows {
        store.api_key_revoke(&scope, key.id, None).await?;
    }
    browser.says("#alerts", "Your session has ended").await?;
    browser.click("#alerts a").await?;
    let key = site.key(Access::Read).await?;
    browser.fill("#key", key.expose_secret()).await?;
    browser.click("main button").await?;
    browser.says("h1", "Audit log").await?;
    assert_eq!(browser.here().await?, "/audit?kind=api_key");
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_operator_drains_a_worker_and_sees_its_budget() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (Site::over(Bench::fetched(&databases, 30, 3, 10).await).await?, Browser::start(Scripts::On).await?);
    site.sign_in(&browser, Access::Read).await?;
    assert!(!browser.has(".side a[href='/workers']").await?, "workers are the installation's");
    browser.click(".side a[href='/budget']").await?;
    browser.says("#budget", "Calls of the hour").await?;
    browser.says("#budget", "Of these refused by Procore (429)").await?;
    browser.find("#budget svg[role=img] title").await?;
    site.sign_in(&browser, Access::Operator).await?;
    browser.click(".side a[href='/workers']").await?;
    browser.says("#workers", "Idle").await?;
    browser.click("form[action$='/drain'] button").await?;
    browser.says("#alerts", "asked to end").await?;
    browser.says("#workers", "No worker is there").await?;
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_key_is_made_kept_and_revoked_without_scripts() -> Result<()> {
    let databases = Databases::sqlite();
    let (site, browser) = (empty_site(&databases).await?, Browser::start(Scripts::Off).await?);
    site.sign_in(&browser, Access::Write).await?;
    browser.click(".side a[href='/keys']").await?;
    browser.says("#key-list", "you are signed in with it").await?;
    browser.click("a[href='/keys/new']").await?;
    browser.fill("#name", "Nightly report").await?;
    browser.click(".form-end button").await?;
    browser.says("h1", "Keep this key now").await?;
    let secret = browser.find("#secret").await?.prop("value").await?.unwrap_or_default();
    assert!(secret.starts_with("ly_"), "{secret}");
    assert_eq!(browser.misplaced().await?, Vec::<String>::new());
    browser.click(".form-end a").await?;
    browser.says("#key-list", "Nightly report").await?;
    browser.click("a[aria-label^='Revoke Nightly report']").await?;
    browser.says("h1", "Revoke this key?").await?;
    assert_eq!(browser.misplaced().await?, Vec::<String>::new());
    browser.click(".form-end button").await?;
    browser.says("#alerts", "Revoked").await?;
    assert_eq!(site.bench.store.api_key_check(&secret.into()).await?, None);
    browser.close().await?;
    site.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_overview_draws_four_plots_with_their_tables() -> Result<()> {
    let databases = Databases::sqlite();
    let bench = Bench::fetched(&databases, 60, 4, 100).await;
    bench.store.progress_note().await?;
    bench.confirm_all(linkyard_core::mapping::Subject::Vendor).await;
    let (site, browser) = (Site::over(bench).await?, Browser::start(Scripts::Off).await?);
    site.bench.settled().await;
    site.sign_in(&browser, Access::Read).await?;
    for (plot, words) in [
        ("progress", "vendors and projects are linked"),
        ("failures", "Nothing failed"),
        ("freshness", "Nothing is older than it should be"),
    ] {
        browser.says(&format!("section[aria-labelledby=plot-{plot}]"), words).await?;
    }
    browser.click("#table-freshness summary").await?;
    browser.says("#table-freshness", "in time").await?;
    browser.find("section[aria-labelledby^=plot-budget] svg title").await?;
    site.bench.nothing_linked_two_hours_ago().await;
    site.open(&browser, "/providers").await?;
    browser.says(".day", "within 24 hours").await?;
    browser.find(".day svg title").await?;
    assert_eq!(browser.complaints().await?, Vec::<String>::new(), "no plot has an inline style");
    browser.close().await?;
    site.stop().await;
    Ok(())
}
