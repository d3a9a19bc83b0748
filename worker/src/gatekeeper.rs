//! The gate of a link job: what compares its creations with the registry, told everything that is there.
//!
//! When a creation is held is the store's to decide, what is alike `linkyard_matching`'s.

use linkyard_core::Result;
use linkyard_core::job::Fence;
use linkyard_core::mapping::Subject;
use linkyard_store::{Gate, Store};

/// A gate for the creations of a link job. Where none of them may be held it knows nothing, and costs nothing; otherwise the registry is keyed
/// where it is not, and read once (about 1.2 KB a record are kept).
///
/// # Errors
/// `Conflict(Fenced)`; `Unavailable`.
pub async fn gatekeeper(store: &Store, fence: &Fence, subject: Subject) -> Result<Gate> {
    let gate = Gate::new(linkyard_matching::Gatekeeper::new(subject));
    if store.mapping_link_may_hold(fence).await? {
        store.gate_prepare(fence, subject, &gate).await?;
    }
    Ok(gate)
}
