//! The engine in the product's own words: features become records, suggestions become candidates, and what holds a creation is said once.

use crate::name::Subject;
use crate::record::Record;
use crate::suggestion::{self, Suggestion};
use linkyard_core::id::TargetId;
use linkyard_core::suggestion::{Band, Candidate, Features};

/// From this alikeness on a creation is held, whichever of several alike it is. Lower than for STRONG, because a person only has to look;
/// not as low as LIKELY, because an index over a market's names finds something LIKELY for every tenth firm.
const HOLDS_FROM: f32 = 0.9;

/// From this alikeness on two records of one directory are held to be one: somebody keeps them apart, so that much more has to speak for it.
pub(crate) const SURELY_FROM: f32 = 0.995;

/// The least alikeness of a candidate that is kept for a person who looks.
const KEPT_FROM: f32 = 0.02;

impl From<linkyard_core::mapping::Subject> for Subject {
    fn from(subject: linkyard_core::mapping::Subject) -> Self {
        match subject {
            linkyard_core::mapping::Subject::Vendor => Self::Vendor,
            linkyard_core::mapping::Subject::Project => Self::Project,
        }
    }
}

impl From<suggestion::Band> for Band {
    fn from(band: suggestion::Band) -> Self {
        match band {
            suggestion::Band::Weak => Self::Weak,
            suggestion::Band::Likely => Self::Likely,
            suggestion::Band::Strong => Self::Strong,
        }
    }
}

impl Record {
    /// A record with these features; `id` is what it is called in the index.
    #[must_use]
    pub fn of(id: impl ToString, features: &Features) -> Self {
        Self {
            id: id.to_string(),
            name: features.name.clone(),
            other_names: features.other_names.clone(),
            address: features.street.clone(),
            city: features.city.clone(),
            state: features.region.clone(),
            postcode: features.postal_code.clone(),
            phone: features.phone.clone(),
            email: features.email.clone(),
            website: features.website.clone(),
            number: features.number.clone(),
            starts: features.starts.clone(),
            finishes: features.finishes.clone(),
            vendors: features.parties.clone(),
            ..Self::default()
        }
    }
}

impl Suggestion {
    /// Whether creating a record that has this suggestion would probably make a duplicate.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.alike >= HOLDS_FROM
    }

    /// The candidate that is kept of this suggestion; `None` where it says too little, or where its id is not one of the registry's.
    #[must_use]
    pub fn candidate(&self) -> Option<Candidate> {
        if self.alike < KEPT_FROM {
            return None;
        }
        let target: TargetId = self.id.parse().ok()?;
        Some(Candidate {
            target,
            probability: f64::from(self.probability),
            band: self.band.into(),
            reasons: self.reasons.iter().map(ToString::to_string).collect(),
            contested: false,
            holds: self.holds(),
        })
    }
}
