//! The tenant scope: without one no query of the store compiles.
//!
//! A scope is made from a credential (an API key, a job row), never from a message: what a caller writes can not widen it.

use crate::id::OrganizationId;

/// Whose rows a query may see, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The tenant.
    pub organization: OrganizationId,
    /// Who acts, for the audit log: `key:<prefix>`, `job:<kind>`, `local`.
    pub actor: String,
    /// The trace of which the work is a part, as a W3C `traceparent`; jobs that are written under this scope carry it on.
    pub trace_parent: Option<String>,
}

impl Scope {
    /// The scope of `actor` inside `organization`.
    #[must_use]
    pub fn new(organization: OrganizationId, actor: impl Into<String>) -> Self {
        Self { organization, actor: actor.into(), trace_parent: None }
    }

    /// The same as a part of the trace `parent`.
    #[must_use]
    pub fn traced(self, parent: Option<String>) -> Self {
        Self { trace_parent: parent, ..self }
    }
}

/// What an API key may do. Each includes the ones before it, except that `Operator` alone approves claims on a company id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// See everything of the organization.
    Read,
    /// Change things of the organization.
    Write,
    /// Also approve claims on company ids and create organizations and keys.
    Operator,
}

impl Access {
    /// All of them, each including the ones before it.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Operator];

    /// The word in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Operator => "operator",
        }
    }

    /// The access named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| access.as_str() == word)
    }
}
