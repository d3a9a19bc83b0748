//! Links the confirmed projects of one confirm to projects of the registry. Safe to run again: a linked project is skipped.

use super::{Job, linking};
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::Result;
use linkyard_core::job::{JobKind, Outcome};
use linkyard_core::mapping::Subject;

pub(crate) struct LinkProjects;

impl Job for LinkProjects {
    const KIND: JobKind = JobKind::LinkProjects;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        linking::link(cx, progress, Subject::Project).await
    }
}
