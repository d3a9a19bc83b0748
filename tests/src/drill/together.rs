//! Several drills at once: they mostly wait, for leases, outages and windows, and each has servers and processes of its own. Every drill runs
//! on a thread and a runtime of its own, so that one which breaks takes no other with it.

use super::{Drill, Outcome, Settings};
use anyhow::{Result, anyhow};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How a drill of several ended.
#[derive(Debug)]
pub struct Finished {
    /// What came of it.
    pub outcome: Result<Outcome>,
    /// How long it took, beside the others.
    pub took: Duration,
}

type Queue = Mutex<VecDeque<(&'static Drill, Sender<Finished>)>>;

/// Drills that run or will.
#[derive(Debug)]
pub struct Together(Mutex<HashMap<&'static str, Receiver<Finished>>>);

impl Together {
    /// Begins these drills, `at_once` of them at the same time, those with the largest budget of time first.
    #[must_use]
    pub fn begin(drills: impl IntoIterator<Item = &'static Drill>, settings: Settings, at_once: usize) -> Self {
        let mut drills: Vec<&'static Drill> = drills.into_iter().collect();
        drills.sort_by_key(|drill| std::cmp::Reverse(drill.budget_s));
        let (mut queue, mut ends) = (VecDeque::new(), HashMap::new());
        for drill in drills {
            let (sender, receiver) = channel();
            queue.push_back((drill, sender));
            ends.insert(drill.name, receiver);
        }
        let queue: Arc<Queue> = Arc::new(Mutex::new(queue));
        for _ in 0..at_once.max(1) {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || work(&queue, settings));
        }
        Self(Mutex::new(ends))
    }

    /// Waits for the end of a drill; nothing for one that is not among these, or was taken already.
    #[must_use]
    pub fn finished(&self, name: &str) -> Option<Finished> {
        let receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name)?;
        receiver.recv().ok()
    }
}

/// Runs one drill after the other while there are any.
fn work(queue: &Queue, settings: Settings) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((drill, sender)) = next else { return };
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| alone(drill, settings)));
        let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("{} panicked; what it said is above", drill.name)));
        // Whoever asked may be gone.
        let _ = sender.send(Finished { outcome, took: began.elapsed() });
    }
}

fn alone(drill: &Drill, settings: Settings) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(drill.run(settings))
}
