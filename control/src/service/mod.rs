//! What can be asked of linkyard, in domain values: one file per area. gRPC handlers and pages are adapters over this.
//!
//! A service checks what can be checked without the store, makes one call of the store, and rings when work may have come to be. Who may
//! call what is decided before (see the access table).

mod budget;
mod compliance;
mod contact;
mod decision_file;
mod duplicate;
mod gates;
mod job;
mod mapping;
mod organization;
mod progress;
mod provider;
mod registry;
mod session;
mod worker;

pub use budget::{Block, ProviderBudget};
pub use decision_file::{ImportPreview, Imported, Upload};
pub use provider::ProviderForm;

use crate::server::Ring;
use gates::Gates;
use linkyard_core::Result;
use linkyard_core::budget::Budget;
use linkyard_core::id::{JobId, OrganizationId};
use linkyard_core::job::Job;
use linkyard_store::Store;
use linkyard_store::grouped::{self, Grouped};
use std::fmt;
use std::sync::Arc;

/// The services. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    store: Store,
    ring: Ring,
    budget: Option<Arc<dyn Budget>>,
    approve_claims: bool,
    gates: Arc<Gates>,
    jobs: Arc<Grouped<(OrganizationId, JobId), Result<Job>>>,
}

impl Service {
    /// Services over `store`; `ring` wakes the feeder and may be called often. `budget` is only read; without it budgets are told as jobs
    /// kept them. With `approve_claims` the first claim on a company id needs no operator.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(store: Store, ring: Ring, budget: Option<Arc<dyn Budget>>, approve_claims: bool) -> Self {
        let jobs = Arc::new(grouped::jobs(store.clone()));
        Self { store, ring, budget, approve_claims, gates: Arc::default(), jobs }
    }

    /// Wakes the feeder. Best effort: it would find the work anyway, a moment later.
    fn ring(&self) {
        (self.ring)();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("approve_claims", &self.approve_claims).finish_non_exhaustive()
    }
}
