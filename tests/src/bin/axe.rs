//! Looks at every page of the console with axe-core, on a desk in both palettes and on the smallest phone, and ends with another number
//! than 0 when it finds a violation. `./run check --all` installs axe-core into the target directory and calls this with where it is.

use anyhow::{Context, Result, bail};
use clap::Parser;
use linkyard_core::scope::Access;
use linkyard_tests::browser::{Browser, Screen, Scripts};
use linkyard_tests::databases::Databases;
use linkyard_tests::furnished::Furnished;
use serde_json::Value;
use std::path::PathBuf;

/// Looks for what keeps people out.
#[derive(Debug, Parser)]
struct Args {
    /// `axe.min.js` of the package axe-core.
    axe: PathBuf,
}

/// Runs all of its rules on the page that is open; what it finds is one line per place.
const RUN: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations.flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary} ${node.html.slice(0, 200)}`))),
        (error) => done([`axe did not run: ${error}`]));";

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let axe = std::fs::read_to_string(&args.axe).with_context(|| format!("{} can not be read", args.axe.display()))?;
    let databases = Databases::sqlite();
    let (furnished, browser) = (Furnished::over(&databases).await?, Browser::start(Scripts::On).await?);
    let site = &furnished.site;
    let (mut looks, mut wrong) = (0, Vec::new());
    site.sign_in(&browser, Access::Operator).await?;
    for look in furnished.looks() {
        for (screen, size) in Screen::ALL {
            browser.on(size).await?;
            site.open(&browser, &look.path).await?;
            browser.find("main h1").await?;
            browser
                .client
                .execute("for (const one of document.querySelectorAll('main details')) one.open = true", vec![])
                .await?;
            wrong.extend(violations(&browser, &axe).await?.into_iter().map(|what| format!("{} on {screen}: {what}", look.path)));
            looks += 1;
        }
    }
    browser.client.execute("document.getElementById('keys').showModal()", vec![]).await?;
    wrong.extend(violations(&browser, &axe).await?.into_iter().map(|what| format!("the keyboard's help: {what}")));
    browser.close().await?;
    furnished.site.stop().await;
    for what in &wrong {
        eprintln!("{what}");
    }
    if !wrong.is_empty() {
        bail!("axe-core found {} violations on {looks} looks at pages", wrong.len());
    }
    println!("axe-core found nothing on {looks} looks at pages");
    Ok(())
}

async fn violations(browser: &Browser, axe: &str) -> Result<Vec<String>> {
    browser.client.execute(axe, vec![]).await?;
    let found: Value = browser.client.execute_async(RUN, vec![]).await?;
    Ok(serde_json::from_value(found)?)
}
