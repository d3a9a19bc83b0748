//! A real browser for the console's tests: Debian's chromium behind its chromedriver, on a free port, with a profile of its own.
//!
//! Nothing here knows the console's pages, except how it is found whether one of them is laid out as it should be.

use anyhow::{Context, Result, bail};
use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// What a page is given to come to the state that a test waits for; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(50);

/// The switches without which it does not run as root and without a network, or does more than it is asked. Told through a pipe it ends
/// with its chromedriver, also when a case that failed kills that.
const SWITCHES: [&str; 14] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
    // A desk's screen; the cases of a narrow one say so.
    "--window-size=1280,900",
];

/// Whether pages may run their scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// They may.
    On,
    /// They may not, as for a visitor who switched them off.
    Off,
}

/// The screen a page is looked at on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Width in CSS pixels.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
    /// Whether the visitor's system prefers dark colours.
    pub dark: bool,
}

impl Screen {
    /// A desk and the smallest phone, in light and in dark, with the words for their pictures.
    pub const ALL: [(&'static str, Self); 4] = [
        ("1280-light", Self { width: 1280, height: 860, dark: false }),
        ("1280-dark", Self { width: 1280, height: 860, dark: true }),
        ("320-light", Self { width: 320, height: 640, dark: false }),
        ("320-dark", Self { width: 320, height: 640, dark: true }),
    ];
}

/// A running browser. Dropping it kills it.
#[derive(Debug)]
pub struct Browser {
    /// For what the kit has no word for.
    pub client: Client,
    // Its pages go before their profile does.
    _driver: Child,
    _lines: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

/// So often a chromedriver is started until one has found a port.
const MOST_STARTS: u32 = 10;

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// When chromium or chromedriver is missing, with the command that installs them.
    pub async fn start(scripts: Scripts) -> Result<Self> {
        crate::cryptography();
        let profile = tempfile::tempdir()?;
        let (driver, lines, port) = driver(profile.path()).await?;
        let capabilities = capabilities(profile.path(), scripts)?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let address = format!("http://127.0.0.1:{port}");
        let connecting = builder.capabilities(capabilities).connect(&address);
        let client =
            Box::pin(connecting).await.context("chromium does not start: apt-get install -y chromium chromium-driver")?;
        Ok(Self { client, _driver: driver, _lines: lines, _profile: profile })
    }

    /// Opens a page.
    ///
    /// # Errors
    /// When it can not be reached.
    pub async fn open(&self, url: &str) -> Result<()> {
        Ok(self.client.goto(url).await?)
    }

    /// Path and query of the page that is open.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn here(&self) -> Result<String> {
        let url = self.client.current_url().await?;
        Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
    }

    /// Waits for an element.
    ///
    /// # Errors
    /// When it does not come, with what the page says instead.
    pub async fn find(&self, css: &str) -> Result<Element> {
        match self.client.wait().at_most(PATIENCE).every(EVERY).for_element(Locator::Css(css)).await {
            Ok(element) => Ok(element),
            Err(error) => bail!("{css} did not come ({error}); the page says: {}", self.page().await),
        }
    }

    /// Whether an element is there now.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn has(&self, css: &str) -> Result<bool> {
        Ok(!self.client.find_all(Locator::Css(css)).await?.is_empty())
    }

    /// The words of an element that is waited for.
    ///
    /// # Errors
    /// As [`Browser::find`].
    pub async fn text(&self, css: &str) -> Result<String> {
        Ok(self.find(css).await?.text().await?)
    }

    /// Waits until an element says something with `words` in it. The element may be replaced meanwhile.
    ///
    /// # Errors
    /// When it does not, with what the page says instead.
    pub async fn says(&self, css: &str, words: &str) -> Result<()> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let script = "const e = document.querySelector(arguments[0]); return e ? e.innerText : ''";
        let mut ticks = tokio::time::interval(EVERY);
        while tokio::time::Instant::now() < until {
            ticks.tick().await;
            let said = self.client.execute(script, vec![css.into()]).await?;
            if said.as_str().is_some_and(|said| said.contains(words)) {
                return Ok(());
            }
        }
        bail!("{css} did not say {words:?}; the page says: {}", self.page().await)
    }

    /// Clicks on an element that is waited for.
    ///
    /// # Errors
    /// As [`Browser::find`].
    pub async fn click(&self, css: &str) -> Result<()> {
        let mut scrolled = false;
        loop {
            let element = self.find(css).await?;
            match element.click().await {
                // A live page has put another one in its place meanwhile.
                Err(error) if error.is_stale_element_reference() => {}
                // It is under something that stays in its place: a person scrolls then.
                Err(CmdError::Standard(error)) if error.error == ErrorStatus::ElementClickIntercepted && !scrolled => {
                    scrolled = true;
                    let to_it = "arguments[0].scrollIntoView({ block: 'center' })";
                    self.client.execute(to_it, vec![serde_json::to_value(&element)?]).await?;
                }
                clicked => return Ok(clicked?),
            }
        }
    }

    /// Writes into a field in place of what stands there.
    ///
    /// # Errors
    /// As [`Browser::find`].
    pub async fn fill(&self, css: &str, words: &str) -> Result<()> {
        let field = self.find(css).await?;
        field.clear().await?;
        Ok(field.send_keys(words).await?)
    }

    /// Chooses an option by what it says.
    ///
    /// # Errors
    /// As [`Browser::find`].
    pub async fn choose(&self, css: &str, label: &str) -> Result<()> {
        Ok(self.find(css).await?.select_by_label(label).await?)
    }

    /// Everything that the page says, for messages.
    pub async fn page(&self) -> String {
        let url = self.client.current_url().await.map(String::from).unwrap_or_default();
        let said = self.client.execute("return document.body.innerText", vec![]).await.unwrap_or_default();
        format!("{url}: {}", said.as_str().unwrap_or_default())
    }

    /// Looks at the page on another screen.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn on(&self, screen: Screen) -> Result<()> {
        let metrics =
            json!({ "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": screen.width < 500 });
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await?;
        let colours = if screen.dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        self.tell("Emulation.setEmulatedMedia", features).await?;
        Ok(())
    }

    /// A picture of the whole page, at `path` (a PNG).
    ///
    /// # Errors
    /// When it can not be made or written.
    pub async fn picture(&self, path: &Path) -> Result<()> {
        let asked = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = self.tell("Page.captureScreenshot", asked).await?;
        let picture = base64_of(answer["data"].as_str().unwrap_or_default()).context("a picture")?;
        Ok(std::fs::write(path, picture)?)
    }

    /// What is wrong with the layout: sideways scrolling, words that are cut off, controls that lie on each other or are too small to
    /// hit. Empty when nothing is.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn misplaced(&self) -> Result<Vec<String>> {
        let found = self.client.execute(LAYOUT, vec![]).await?;
        Ok(serde_json::from_value(found)?)
    }

    /// What the browser complained about since it was asked last: refused by the content security policy, errors of scripts.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let log = self.client.issue_cmd(Log).await?;
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad = entries.iter().filter(|entry| entry["level"] == "SEVERE" || entry["source"] == "security");
        Ok(bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Tells the browser something of its own protocol.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn tell(&self, method: &'static str, parameters: Value) -> Result<Value> {
        Ok(self.client.issue_cmd(DevTools { method, parameters }).await?)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }
}

/// Starts a chromedriver; answers it, what it says, and its port. It takes a free port for one kind of addresses and then the same for the
/// other kind, which somebody may have by then: it ends, and another one is started.
async fn driver(home: &Path) -> Result<(Child, Lines<BufReader<ChildStdout>>, u16)> {
    for _ in 0..MOST_STARTS {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut driver = driver.context("chromedriver is missing: apt-get install -y chromium chromium-driver")?;
        let mut lines = BufReader::new(driver.stdout.take().context("stdout")?).lines();
        if let Some(port) = port(&mut lines).await? {
            return Ok((driver, lines, port));
        }
    }
    bail!("chromedriver ended {MOST_STARTS} times before it listened")
}

async fn port(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Option<u16>> {
    while let Some(line) = lines.next_line().await? {
        if let Some((_, rest)) = line.split_once("started successfully on port ") {
            return Ok(Some(rest.trim_end_matches('.').trim().parse()?));
        }
    }
    Ok(None)
}

fn capabilities(profile: &Path, scripts: Scripts) -> Result<Capabilities> {
    let mut switches: Vec<String> = SWITCHES.iter().map(|switch| (*switch).to_owned()).collect();
    switches.push(format!("--user-data-dir={}", profile.display()));
    let mut options = json!({ "args": switches });
    if scripts == Scripts::Off {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    match capabilities.as_object() {
        Some(map) => Ok(map.clone()),
        None => bail!("capabilities are an object"),
    }
}

fn base64_of(text: &str) -> Result<Vec<u8>> {
    use base64::Engine;
    Ok(base64::engine::general_purpose::STANDARD.decode(text)?)
}

/// A command of the browser's own protocol.
#[derive(Debug)]
struct DevTools {
    method: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> std::result::Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

/// Asks for the browser's log.
#[derive(Debug)]
struct Log;

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> std::result::Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// Looks at every box of the page. A box that scrolls by itself may hold more than it shows, and words that are shortened with a visible
/// end are meant to be; both say so by their style.
const LAYOUT: &str = r#"
const wrong = [];
const wide = document.documentElement.clientWidth;
const name = (e) => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + (e.classList.length ? '.' + [...e.classList].join('.') : '')
    + ' "' + (e.innerText || e.value || '').trim().slice(0, 40) + '"';
if (document.documentElement.scrollWidth > wide) wrong.push(`the page is ${document.documentElement.scrollWidth} wide on ${wide}`);
const shown = (e) => { const b = e.getBoundingClientRect(); const s = getComputedStyle(e);
    return b.width > 1 && b.height > 1 && s.visibility !== 'hidden' && s.clipPath === 'none' && e.checkVisibility(); };
const hidden = (e) => { for (let p = e; p; p = p.parentElement) { const s = getComputedStyle(p);
    if (s.clipPath !== 'none' || (s.position === 'absolute' && p.getBoundingClientRect().bottom <= 0)) return true; } return false; };
for (const e of document.body.querySelectorAll('*')) {
  if (!shown(e) || hidden(e) || e.closest('svg, select')) continue;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  if (box.right > wide + 1 || box.left < -1) wrong.push(`${name(e)} leaves the page: ${Math.round(box.left)}..${Math.round(box.right)} of ${wide}`);
  const scrolls = ['auto', 'scroll'].includes(style.overflowX) || ['auto', 'scroll'].includes(style.overflowY);
  const shortened = style.webkitLineClamp !== 'none' || style.textOverflow === 'ellipsis';
  if (e.matches('input, textarea, select, progress') || scrolls || shortened) continue;
  if (style.overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1) wrong.push(`${name(e)} is cut off sideways`);
  if (style.overflowY !== 'visible' && e.scrollHeight > e.clientHeight + 1) wrong.push(`${name(e)} is cut off below`);
}
const controls = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')].filter((e) => shown(e) && !hidden(e));
for (const a of controls) {
  const one = a.getBoundingClientRect();
  const alone = !a.closest('p, dd, li > span, label, .crumbs');
  if (alone && a.matches('button, .button, select, summary, input') && (one.width < 24 || one.height < 24) && !a.closest('label'))
    wrong.push(`${name(a)} is too small to hit: ${Math.round(one.width)}x${Math.round(one.height)}`);
  for (const b of controls) {
    if (a === b || a.contains(b) || b.contains(a) || a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_PRECEDING) continue;
    // What stays in its place while the page goes by under it.
    if (a.closest('.top, .bar') !== b.closest('.top, .bar')) continue;
    const two = b.getBoundingClientRect();
    const over = Math.min(one.right, two.right) - Math.max(one.left, two.left) > 1 && Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top) > 1;
    if (over) wrong.push(`${name(a)} lies on ${name(b)}`);
  }
}
return [...new Set(wrong)].slice(0, 20);
"#;
