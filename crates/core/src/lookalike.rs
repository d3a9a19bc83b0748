//! The port of the gate: what it asks of whoever compares records, before one is created.
//!
//! The store looks up who shares a key and holds or creates; how keys come about and what is alike is `linkyard_matching`'s business.

use crate::id::TargetId;
use crate::suggestion::Features;
use std::fmt::Debug;

/// A registry record that a new one is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Alike {
    /// The party or project.
    pub target: TargetId,
    /// Why, in one line.
    pub reasons: String,
    /// So surely the same that two records of one directory, which somebody keeps apart, may not both be created.
    pub surely: bool,
}

/// Compares records of one list with those of the registry. It may be asked from several threads.
pub trait Gatekeeper: Debug + Send + Sync {
    /// The keys of a record: two that may be one share at least one of them. Short, and a few dozen at most.
    fn keys(&self, features: &Features) -> Vec<String>;

    /// Takes a record of the registry in, or its newer version.
    fn know(&self, target: TargetId, features: &Features);

    /// Whether it was told of a record, in whatever version.
    fn knows(&self, target: TargetId) -> bool;

    /// Takes a record out: it is gone, or never came to be.
    fn forget(&self, target: TargetId);

    /// Those of the known records that are so alike that creating a record with these features would probably make a duplicate; the
    /// likeliest first. What it was told may be gone meanwhile.
    fn alike(&self, features: &Features) -> Vec<Alike>;

    /// As [`alike`](Self::alike), but looks at nothing beside `among`: quicker, where a key has led to a few already.
    fn alike_among(&self, features: &Features, among: &[TargetId]) -> Vec<Alike>;
}
