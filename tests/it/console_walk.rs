//! A walk over every page of the console, under names that mean harm: nothing runs, scrolls sideways, is cut off or lies on something
//! else, on a desk and on the smallest phone, in light and in dark; and who may only read changes nothing.

use anyhow::Result;
use linkyard_core::scope::Access;
use linkyard_tests::browser::{Browser, Screen, Scripts};
use linkyard_tests::databases::Databases;
use linkyard_tests::furnished::Furnished;

#[tokio::test]
async fn names_that_mean_harm_do_nothing_and_fit_on_every_page() -> Result<()> {
    let databases = Databases::sqlite();
    let (furnished, browser) = (Furnished::over(&databases).await?, Browser::start(Scripts::On).await?);
    let site = &furnished.site;
    site.sign_in(&browser, Access::Operator).await?;
    let mut wrong = Vec::new();
    for look in furnished.looks() {
        for (screen, size) in Screen::ALL {
            browser.on(size).await?;
            site.open(&browser, &look.path).await?;
            browser.find("main h1").await?;
            wrong.extend(browser.misplaced().await?.into_iter().map(|what| format!("{} on {screen}: {what}", look.path)));
        }
        let page = browser.client.source().await?;
        assert!(!page.contains("<img src=\"x\"") && !page.contains("<script>"), "{}", look.path);
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(browser.complaints().await?, Vec::<String>::new(), "nothing was run and nothing refused");
    browser.close().await?;
    furnished.site.stop().await;
    Ok(())
}

#[tokio::test]
async fn who_may_only_read_sees_every_page_and_is_offered_no_change() -> Result<()> {
    let databases = Databases::sqlite();
    let (furnished, browser) = (Furnished::over(&databases).await?, Browser::start(Scripts::Off).await?);
    let site = &furnished.site;
    site.sign_in(&browser, Access::Read).await?;
    for look in furnished.looks() {
        site.open(&browser, &look.path).await?;
        let heading = browser.text("main h1").await?;
        let closed = heading == "Your key may not do this";
        assert_eq!(closed, furnished.needs_more(&look), "{}: {heading}", look.path);
        if look.path != "/sign-in" {
            let change = "main form[method=post] button:not(:disabled)";
            assert!(!browser.has(change).await?, "{} offers a change", look.path);
        }
    }
    browser.close().await?;
    furnished.site.stop().await;
    Ok(())
}
