//! What all requests share: the state with its store, settings, limiter, journal, faults and clock. Locks are held for one
//! synchronous step, never across an await.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

use sha2::{Digest, Sha256};

use crate::change::World;
use crate::clock::Clock;
use crate::config::{Config, Credentials, Settings};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::limiter::{Key, Limiter};
use crate::locks::{lock, read, write};
use crate::persist::{self, Store};

/// The running simulator's parts.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: RwLock<World>,
    pub(crate) store: Mutex<Option<Store>>,
    pub(crate) settings: RwLock<Settings>,
    pub(crate) limiter: Mutex<Limiter>,
    pub(crate) journal: Journal,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) clock: Clock,
    pub(crate) platform: Credentials,
    pub(crate) token_ttl_s: u64,
    /// Signs tokens.
    pub(crate) secret: String,
    requests: AtomicU64,
}

impl Shared {
    /// Rebuilds the state from the data directory, then creates the configured companies that are not there yet.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let clock = Clock::default();
        let mut world = World::default();
        let fresh = persist::hex(&Sha256::digest(format!("{}-{}", clock.now_us(), std::process::id())));
        // Another start of the same history loses other answers.
        let mut history = 0;
        let (store, secret, journal) = match &config.data_dir {
            None => (None, fresh, Journal::in_memory()),
            Some(data_dir) => {
                let (store, events) = Store::open(data_dir)?;
                history = events.len() as u64;
                world.inputs = store.directory().to_owned();
                for event in &events {
                    replay(&mut world, &clock, event)?;
                }
                let secret = store.secret(&fresh)?;
                (Some(store), secret, Journal::open(&data_dir.join("journal.jsonl"))?)
            }
        };
        let shared = Self {
            world: RwLock::new(world),
            store: Mutex::new(store),
            settings: RwLock::new(config.settings.clone()),
            limiter: Mutex::default(),
            journal,
            faults: Mutex::new(Faults::from_the_start(config.lost_replies_percent, history)),
            clock,
            platform: config.credentials.clone(),
            token_ttl_s: config.token_ttl_s,
            secret,
            requests: AtomicU64::new(0),
        };
        for spec in &config.companies {
            if read(&shared.world).company(spec.id).is_none() {
                shared.commit(Event::CompanyCreated { spec: Box::new(spec.clone()) })?;
            }
        }
        shared.remember_calls();
        Ok(shared)
    }

    /// Applies a change and stores it. Once this returned, the change survives the process.
    pub(crate) fn commit(&self, event: Event) -> Result<Vec<u64>> {
        let mut world = write(&self.world);
        let mut store = lock(&self.store);
        let event = match (event, &*store) {
            (Event::CompanyCreated { spec }, Some(store)) => Event::CompanyCreated { spec: Box::new(store.adopt(*spec)?) },
            (event, _) => event,
        };
        let made = replay(&mut world, &self.clock, &event)?;
        if let Some(store) = store.as_mut() {
            store.append(&event)?;
        }
        Ok(made)
    }

    /// Applies and stores the change that is right for the state, both under one lock.
    pub(crate) fn commit_decided(&self, decide: impl FnOnce(&World) -> Result<Event>) -> Result<Vec<u64>> {
        let mut world = write(&self.world);
        let mut store = lock(&self.store);
        let event = decide(&world)?;
        let made = replay(&mut world, &self.clock, &event)?;
        if let Some(store) = store.as_mut() {
            store.append(&event)?;
        }
        Ok(made)
    }

    /// The next `X-Request-Id`.
    pub(crate) fn request_id(&self) -> String {
        crate::people_view::uuid(self.requests.fetch_add(1, Ordering::Relaxed) ^ self.clock.now_us().unsigned_abs() << 16)
    }

    /// Counts the calls of an earlier run that are still inside a rate window: a restart gives nobody a fresh budget.
    fn remember_calls(&self) {
        let limits = read(&self.settings).limits.clone();
        let window_ms = i64::try_from(limits.hourly_window_ms.max(limits.spike_window_ms)).unwrap_or(i64::MAX);
        let since_ms = self.clock.now_ms().saturating_sub(window_ms);
        let mut limiter = lock(&self.limiter);
        self.journal.read(|entries| {
            for entry in entries.iter().filter(|entry| entry.counted && entry.started_ms >= since_ms) {
                let company_id = rate_company(entry.company_header.as_deref(), entry.company_id);
                let client_id = entry.client_id.as_deref().unwrap_or_default().to_owned();
                limiter.remember(&limits, &Key { client_id, company_id }, entry.started_ms);
            }
        });
    }
}

/// The company whose budget a call spends: the header's, else the one that path or query name, else 0.
pub(crate) fn rate_company(header: Option<&str>, named: Option<u64>) -> u64 {
    header.and_then(|header| header.trim().parse().ok()).or(named).unwrap_or(0)
}

/// Applies an event, stored or new.
pub(crate) fn replay(world: &mut World, clock: &Clock, event: &Event) -> Result<Vec<u64>, Error> {
    let made = world.apply(event)?;
    if let Event::ClockAdvanced { by_ms } = event {
        clock.advance_ms(*by_ms);
    }
    Ok(made)
}
