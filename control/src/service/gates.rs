//! The gates of people's creations: what compares a new party or project with the registry, kept between two requests.
//!
//! A gate is told what changed since the last request while the organization's gate is locked, so keeping it only saves reading the whole
//! registry again. When a creation is refused is the store's to decide, what is alike `linkyard_matching`'s.

use linkyard_core::id::OrganizationId;
use linkyard_core::mapping::Subject;
use linkyard_store::Gate;
use std::sync::{Mutex, PoisonError};

/// How many gates are kept; each holds about 1.2 KB for a registry record.
const KEPT: usize = 4;

/// The gates that were used last, the latest first.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<Vec<(OrganizationId, Subject, Gate)>>);

impl Gates {
    /// The gate of one subject of an organization.
    pub(super) fn of(&self, organization: OrganizationId, subject: Subject) -> Gate {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = gates.iter().position(|(owner, of, _)| (*owner, *of) == (organization, subject));
        let gate = match known {
            Some(at) => gates.remove(at).2,
            None => Gate::new(linkyard_matching::Gatekeeper::new(subject)),
        };
        gates.insert(0, (organization, subject, gate.clone()));
        gates.truncate(KEPT);
        gate
    }
}
