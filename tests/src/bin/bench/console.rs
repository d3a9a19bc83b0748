//! `console`: how long a person waits for the mapping page: its first page, a search, another tab, its last page; of a small and a large
//! directory, on SQLite and PostgreSQL. One person at a time asks the real server over HTTP. The ratios say how much longer the large
//! directory takes.

use crate::findings::{Findings, Series, percentile};
use crate::place::{Kind, Place};
use anyhow::{Context, Result, ensure};
use http::header;
use linkyard_core::directory::{Address, Record};
use linkyard_core::mapping::Subject;
use linkyard_core::scope::Access;
use linkyard_tests::build::{Side, keys, mark, record};
use linkyard_tests::control::settings;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Records that are stored at once.
const AT_ONCE: i64 = 2_000;
/// Of so many records one is in each of the states after the first.
const STATES: i64 = 10;
/// Rows of the last page; a full one, so that it is as much work as any other.
const LAST_ROWS: i64 = 50;
/// Parties that suggestions name.
const PARTIES: usize = 500;
/// What people look for: text that many names have, that few have, and that none has.
const SEARCHES: [&str; 5] = ["masonry", "north", "hollow 7", "quartz 1", "no such name"];
/// Tabs that people open.
const TABS: [&str; 5] = ["unmapped", "suggested", "held", "linked", "ignored"];

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Vendors of the small directory.
    #[arg(long, default_value_t = 1_000)]
    small: i64,

    /// Vendors of the large directory.
    #[arg(long, default_value_t = 100_000)]
    large: i64,

    /// How often each page is opened.
    #[arg(long, default_value_t = 200)]
    opened: usize,
}

/// What a person does on the page.
#[derive(Clone, Copy, Debug)]
enum Page {
    First,
    Search,
    Tab,
    Last,
}

impl Page {
    const ALL: [Self; 4] = [Self::First, Self::Search, Self::Tab, Self::Last];

    fn word(self) -> &'static str {
        match self {
            Self::First => "first_page",
            Self::Search => "search",
            Self::Tab => "tab",
            Self::Last => "last_page",
        }
    }

    /// The words of its address, when it is opened for the `turn`th time.
    fn query(self, turn: usize, vendors: i64) -> String {
        match self {
            Self::First => String::new(),
            Self::Search => format!("?q={}", SEARCHES[turn % SEARCHES.len()].replace(' ', "+")),
            Self::Tab => format!("?state={}", TABS[turn % TABS.len()]),
            // The last rows by number, and the last ones by name.
            Self::Last if turn.is_multiple_of(2) => format!("?after={}", vendors - LAST_ROWS),
            Self::Last => "?sort=name-desc".to_owned(),
        }
    }
}

pub(crate) async fn run(size: &Size, runs: u32) -> Result<Findings> {
    let mut figures = Series::default();
    for kind in Kind::ALL {
        for vendors in [size.small, size.large] {
            let place = filled(kind, vendors).await?;
            for run in 1..=runs {
                eprintln!("{} with {vendors} vendors, run {run} of {runs}", kind.word());
                opened(&place, size, vendors, kind, &mut figures).await?;
            }
            place.leave().await;
        }
    }
    let figures = figures.medians();
    let mut ratios = BTreeMap::new();
    for kind in Kind::ALL {
        for page in Page::ALL {
            let figure = |vendors: i64| figures[&name(kind, page, vendors, 50)];
            let ratio = figure(size.large) / figure(size.small);
            ratios.insert(format!("{}_{}_large_over_small", kind.word(), page.word()), ratio);
        }
    }
    let count = |vendors: i64| u64::try_from(vendors).unwrap_or_default();
    let size = BTreeMap::from([
        ("vendors of the small directory", count(size.small)),
        ("vendors of the large directory", count(size.large)),
        ("times each page is opened", size.opened as u64),
    ]);
    Ok(Findings { size, figures, floors: BTreeMap::new(), ratios })
}

fn name(kind: Kind, page: Page, vendors: i64, percent: usize) -> String {
    format!("{}_{}_of_{vendors}_p{percent}_ms", kind.word(), page.word())
}

/// Opens every kind of page so often, as a person who has signed in.
async fn opened(place: &Place, size: &Size, vendors: i64, kind: Kind, figures: &mut Series) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let shutdown = CancellationToken::new();
    let _stop = shutdown.clone().drop_guard();
    tokio::spawn(linkyard_control::serve(place.store.clone(), Arc::new(|| ()), settings(), listener, shutdown));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let key = place.store.api_key_create(&place.scope, "bench", Access::Write, None, None).await?.1;
    let form = client.post(format!("{address}/sign-in")).header(header::ORIGIN, &address).form(&[("key", key.expose_secret())]);
    let answer = form.send().await?;
    let cookie = answer.headers().get(header::SET_COOKIE).context("a session")?.to_str()?;
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let path = format!("{address}/mapping/parties/{}", place.provider);
    for page in Page::ALL {
        let mut took_ms = Vec::with_capacity(size.opened);
        for turn in 0..size.opened + SEARCHES.len() {
            let started = Instant::now();
            let answer =
                client.get(format!("{path}{}", page.query(turn, vendors))).header(header::COOKIE, &cookie).send().await?;
            let (status, text) = (answer.status(), answer.text().await?);
            ensure!(status.is_success(), "{status}: {text}");
            // The first ones fill caches.
            if turn >= SEARCHES.len() {
                took_ms.push(started.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        for percent in [50, 99] {
            figures.note(name(kind, page, vendors, percent), percentile(took_ms.clone(), percent));
        }
    }
    Ok(())
}

/// A database with so many vendors in all states, some with suggestions.
async fn filled(kind: Kind, vendors: i64) -> Result<Place> {
    let place = Place::new(kind).await?;
    let side = Side { store: place.store.clone(), scope: place.scope.clone(), provider: place.provider };
    let fence = side.fetch().await;
    place.store.walk_begin(&fence, place.provider, Subject::Vendor).await?;
    let mut first = 1;
    while first <= vendors {
        let page: Vec<Record> = (first..=vendors.min(first + AT_ONCE - 1)).map(a_vendor).collect();
        side.page(&fence, Subject::Vendor, &page).await;
        first += AT_ONCE;
    }
    let total = u64::try_from(vendors).ok();
    place.store.walk_finish(&fence, place.provider, Subject::Vendor, total, true, &mark()).await?;
    side.finish(&fence).await;
    let mut parties = Vec::with_capacity(PARTIES);
    for number in 0..PARTIES {
        parties.push(side.new_party(&format!("Party {number}")).await);
    }
    let parties = place.store.parties_create(&place.scope, &parties, keys(Subject::Vendor), None).await?;
    let provider = place.id(place.provider.0);
    let state = "case record_id % 10 when 1 then 'suggested' when 2 then 'held' when 3 then 'ignored' when 4 then 'failed'
        when 5 then 'linked' when 6 then 'linked' else state end";
    place.execute(&format!("update mapping set state = {state} where provider_id = {provider}")).await;
    for (number, party) in parties.iter().enumerate() {
        place
            .execute(&format!(
                "insert into suggestion (organization_id, provider_id, subject, record_id, rank, target_id, score, reasons, contested, band)
                 select organization_id, provider_id, subject, record_id, 1, {}, 0.97, '[]', {}, 'strong' from mapping
                 where provider_id = {provider} and record_id % {STATES} in (1, 2) and record_id / {STATES} % {PARTIES} = {number}",
                place.id(party.id.0),
                if place.is_sqlite() { "0" } else { "false" }
            ))
            .await;
    }
    place.analyze().await;
    Ok(place)
}

fn a_vendor(id: i64) -> Record {
    const PLACES: [&str; 7] = ["North", "Hollow", "Quartz", "Lake", "Prairie", "Canal", "Summit"];
    const TRADES: [&str; 5] = ["Masonry", "Electric", "Roofing", "Interiors", "Concrete"];
    let of = |words: &[&'static str], every: i64| words[usize::try_from(id / every).unwrap_or_default() % words.len()];
    let street = Some(format!("{} Example Street", id % 900 + 100));
    let address = Address { street, city: Some("Chicago".to_owned()), region: Some("IL".to_owned()), ..Address::default() };
    Record { address, ..record(id, &format!("{} {} {} LLC", of(&PLACES, 1), id % 10_007, of(&TRADES, 3))) }
}
