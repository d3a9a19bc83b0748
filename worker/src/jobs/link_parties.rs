//! Links the confirmed vendors of one confirm to parties. Safe to run again: a linked vendor is skipped.

use super::{Job, linking};
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::Result;
use linkyard_core::job::{JobKind, Outcome};
use linkyard_core::mapping::Subject;

pub(crate) struct LinkParties;

impl Job for LinkParties {
    const KIND: JobKind = JobKind::LinkParties;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        linking::link(cx, progress, Subject::Vendor).await
    }
}
