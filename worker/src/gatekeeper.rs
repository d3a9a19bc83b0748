//! The gate of a link job: what compares its creations with the registry, told everything that is there.
//!
//! When a creation is held is the store's to decide, what is alike `linkyard_matching`'s.

use crate::suggestions::{TARGETS_PAGE, blocking};
use linkyard_core::Result;
use linkyard_core::job::Fence;
use linkyard_core::mapping::Subject;
use linkyard_store::{Gate, Store};
use std::sync::Arc;

/// A gate for the creations of a link job. Where none of them may be held it knows nothing, and costs nothing; otherwise the registry is keyed
/// where it is not, and read once (about 1 KB a record is kept).
///
/// # Errors
/// `Conflict(Fenced)`; `Unavailable`.
pub async fn gatekeeper(store: &Store, fence: &Fence, subject: Subject) -> Result<Gate> {
    let gate: Gate = Arc::new(linkyard_matching::Gatekeeper::new(subject));
    if !store.mapping_link_may_hold(fence).await? {
        return Ok(gate);
    }
    store.gate_prepare(fence, subject, &gate).await?;
    let mut after = None;
    loop {
        let page = store.registry_features(fence, subject, after, TARGETS_PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(gate) };
        after = Some(*last);
        let told = gate.clone();
        blocking(move || page.iter().for_each(|(target, features)| told.know(*target, features))).await?;
    }
}
