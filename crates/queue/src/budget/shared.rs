//! The call budget of several workers, in Redis: one state per app credential and company, on Redis' clock.
//!
//! The rules are those of `windows.rs`, once for both budgets. A step reads the state and Redis' time in one script, takes the rules'
//! step here, and swaps the state in another script that refuses when somebody else was faster; then the step is taken again. So each
//! call is counted by exactly one winner, whatever the number of workers.
//!
//! Redis may lose it all, or its last second. Whoever finds no state where there was one, or an older one, puts back what this process (or the provider's row) knew and takes
//! the rolling window as used up; the other workers add what they knew when they see that the state was born again. While Redis does not
//! answer nobody calls, and answers that could not be reported are reported later, which only makes their waits longer. Where only the answer
//! of a swap was lost, the next step finds its version in Redis: what it reported is not reported again, and a call that it let go, of which
//! nobody was told, is given back.

use super::BudgetArgs;
use super::windows::{Rules, Windows};
use crate::redis::Redis;
use async_trait::async_trait;
use linkyard_core::budget::{Budget, BudgetKey, CallAnswer, Grant, Usage};
use linkyard_core::job::Lane;
use linkyard_core::{Error, Result};
use redis::Script;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// How soon to ask again when Redis does not answer: as long as a caller waits in place.
const ASK_REDIS_AGAIN: Duration = Duration::from_secs(1);
/// A step that others were faster at so often is given up. Somebody wins each time, so this many others must have called meanwhile.
const MOST_TRIES: u32 = 200;
/// Unreported answers that are kept per key; the oldest are dropped, which at worst is seen in the next answer.
const MOST_OWED: usize = 256;

/// Answers the time in milliseconds, the version of the state and the state; empty where there is none.
static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local kept = redis.call('HMGET', KEYS[1], 'version', 'state')
        return {time[1] * 1000 + math.floor(time[2] / 1000), kept[1] or '', kept[2] or ''}",
    )
});

/// Puts a state in the place of the version that was read. Arguments: that version, the new one, the state, how long to keep it.
static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end
        redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3])
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        return 1",
    )
});

/// What is in Redis.
#[derive(Serialize, Deserialize)]
struct State {
    /// Differs between two states that know nothing of each other.
    born: Uuid,
    /// How often it was written.
    steps: u64,
    windows: Windows,
}

/// What this process knows of a key beside Redis.
#[derive(Debug, Default)]
struct Known {
    /// The state that it was learned from.
    born: Option<Uuid>,
    /// And how often that was written by then.
    steps: u64,
    usage: Option<Usage>,
    owed: Vec<CallAnswer>,
    /// A swap of which nobody knows whether Redis made it.
    unsure: Option<Swap>,
    /// How often somebody of this process had to wait.
    waits: u64,
}

/// A swap that was sent.
#[derive(Debug)]
struct Swap {
    /// The version that it puts there.
    version: String,
    /// How many owed answers are in it.
    owed: usize,
    /// Whether it lets a call go.
    lets_go: bool,
}

/// A budget that is counted in Redis.
#[derive(Debug)]
pub struct SharedBudget {
    rules: Rules,
    redis: Redis,
    /// One step per key and process at a time: the rest of the contest is between processes.
    keys: Mutex<HashMap<BudgetKey, Arc<tokio::sync::Mutex<Known>>>>,
}

impl SharedBudget {
    /// The budget in `redis`, for everybody who uses the same one.
    #[must_use]
    pub fn new(args: &BudgetArgs, redis: Redis) -> Self {
        Self { rules: Rules::from(args), redis, keys: Mutex::default() }
    }

    fn known(&self, key: &BudgetKey) -> Arc<tokio::sync::Mutex<Known>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.entry(key.clone()).or_default().clone()
    }

    fn name(&self, key: &BudgetKey) -> String {
        self.redis.key(&format!("budget:{}:{}", key.client_id, key.company))
    }

    /// Takes one step on the state of `key`. A step that changed nothing says so and is not written.
    async fn step<T>(
        &self,
        key: &BudgetKey,
        known: &mut Known,
        step: impl Fn(&mut Windows, &Rules, u64) -> (T, Written),
    ) -> Result<T> {
        let (name, rules) = (self.name(key), self.rules.of(key));
        for _ in 0..MOST_TRIES {
            let (now_ms, version, state) = self.read(&name).await?;
            known.find_out(&version);
            let (mut state, reborn) = revive(&rules, state.as_deref(), known, now_ms);
            for answer in &known.owed {
                state.windows.report(&rules, *answer, now_ms, wall(now_ms));
            }
            let (outcome, written) = step(&mut state.windows, &rules, now_ms);
            if written == Written::No && !reborn && known.owed.is_empty() {
                known.learn(&mut state, &rules, now_ms);
                return Ok(outcome);
            }
            state.steps += 1;
            let new = Uuid::new_v4().simple().to_string();
            known.unsure = Some(Swap { version: new.clone(), owed: known.owed.len(), lets_go: written == Written::LetGo });
            let swapped = self.swap(&name, &version, new, &state).await?;
            known.unsure = None;
            if swapped {
                known.owed.clear();
                known.learn(&mut state, &rules, now_ms);
                return Ok(outcome);
            }
        }
        Err(Error::Unavailable { service: "redis", message: "too many others count at the same time".to_owned(), source: None })
    }

    async fn read(&self, name: &str) -> Result<(u64, String, Option<String>)> {
        let mut lent = self.redis.lend().await?;
        let read = READ.key(name).invoke_async::<(u64, String, String)>(&mut lent.connection).await;
        let (now_ms, version, state) = self.redis.heard(&lent, read).await?;
        Ok((now_ms, version, Some(state).filter(|state| !state.is_empty())))
    }

    async fn swap(&self, name: &str, version: &str, new: String, state: &State) -> Result<bool> {
        let text = serde_json::to_string(state).map_err(|error| Error::internal("a budget could not be written", error))?;
        let mut lent = self.redis.lend().await?;
        let mut swap = SWAP.key(name);
        swap.arg(version).arg(new).arg(text).arg(Windows::memory_ms(&self.rules));
        let swapped = swap.invoke_async::<i64>(&mut lent.connection).await;
        self.redis.heard(&lent, swapped).await.map(|swapped| swapped == 1)
    }
}

/// The state to step on, and whether it has to be written for the others' sake.
fn revive(rules: &Rules, state: Option<&str>, known: &Known, now_ms: u64) -> (State, bool) {
    let found = state.and_then(|text| serde_json::from_str::<State>(text).ok());
    let older = found.as_ref().is_some_and(|found| known.born == Some(found.born) && found.steps < known.steps);
    let lost = found.is_none() || older;
    let mut state = found.unwrap_or_else(|| State { born: Uuid::new_v4(), steps: 0, windows: Windows::new(rules) });
    if older {
        // So that the others see it as well.
        state.born = Uuid::new_v4();
    }
    state.windows.keep_behind(rules, now_ms);
    let Some(usage) = known.usage.filter(|_| lost || known.born != Some(state.born)) else {
        return (state, false);
    };
    state.windows.restore(rules, usage, now_ms, wall(now_ms));
    // A state is kept for longer than an hour window lasts: one that is missing within it was lost.
    if lost && usage.hour_resets_at_ms > wall(now_ms) {
        tracing::warn!("what Redis knew of a call budget is lost; a whole window is taken as used");
        state.windows.fill(now_ms);
    }
    (state, true)
}

/// Whether a step has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Yes,
    /// And it lets a call go.
    LetGo,
    No,
}

impl Known {
    fn learn(&mut self, state: &mut State, rules: &Rules, now_ms: u64) {
        (self.born, self.steps) = (Some(state.born), state.steps);
        self.usage = Some(state.windows.usage(rules, now_ms, wall(now_ms)));
    }

    /// Looks whether a swap whose answer was lost was made: then its version is there, unless somebody else was faster since.
    fn find_out(&mut self, version: &str) {
        let Some(made) = self.unsure.take().filter(|swap| swap.version == version) else { return };
        self.owed.drain(..made.owed.min(self.owed.len()));
        if made.lets_go {
            self.owe(CallAnswer::default());
        }
    }

    /// Keeps an answer for later.
    fn owe(&mut self, answer: CallAnswer) {
        if self.owed.len() >= MOST_OWED {
            self.owed.remove(0);
        }
        self.owed.push(answer);
    }
}

fn wall(now_ms: u64) -> i64 {
    i64::try_from(now_ms).unwrap_or(i64::MAX)
}

#[async_trait]
impl Budget for SharedBudget {
    async fn ask(&self, key: &BudgetKey, lane: Lane) -> Grant {
        let known = self.known(key);
        let mut known = known.lock().await;
        let asked = self.step(key, &mut known, |windows, rules, now_ms| match windows.ask(rules, lane, now_ms) {
            None => (Grant::Go, Written::LetGo),
            Some(wait_ms) => (Grant::Wait(Duration::from_millis(wait_ms)), Written::No),
        });
        let grant = asked.await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the shared budget can not be asked; calls wait");
            Grant::Wait(ASK_REDIS_AGAIN)
        });
        known.waits += u64::from(grant != Grant::Go);
        grant
    }

    async fn report(&self, key: &BudgetKey, answer: CallAnswer) {
        let known = self.known(key);
        let mut known = known.lock().await;
        known.owe(answer);
        // What is owed is reported by any step.
        if let Err(error) = self.step(key, &mut known, |_, _, _| ((), Written::Yes)).await {
            tracing::debug!(%error, "an answer is reported to the shared budget later");
        }
    }

    async fn usage(&self, key: &BudgetKey) -> Result<Option<Usage>> {
        let known = self.known(key);
        let mut known = known.lock().await;
        if known.born.is_none() && self.read(&self.name(key)).await?.2.is_none() {
            return Ok(known.usage);
        }
        // The step brings what is known up to date.
        self.step(key, &mut known, |_, _, _| ((), Written::No)).await?;
        Ok(known.usage.map(|usage| Usage { waits: known.waits, ..usage }))
    }

    async fn restore(&self, key: &BudgetKey, usage: Usage) {
        let known = self.known(key);
        let mut known = known.lock().await;
        if known.born.is_none() {
            known.usage = Some(usage);
        }
        let restored = self.step(key, &mut known, |windows, rules, now_ms| {
            windows.restore(rules, usage, now_ms, wall(now_ms));
            ((), Written::Yes)
        });
        if let Err(error) = restored.await {
            tracing::debug!(%error, "what was kept of a budget is put back later");
        }
    }
}
