//! Asks Procore whether a provider works and what it can see, and writes the answer on the provider. Safe to run again: the last
//! answer counts.

use super::Job;
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::error::Attention;
use linkyard_core::job::{JobKind, Outcome};
use linkyard_core::{Error, Result};

/// A Procore that did not answer so many times is shown to people as down; fewer may be a hiccup, and the provider keeps its state.
const SILENT_ATTEMPTS: i32 = 3;

pub(crate) struct TestConnection;

impl Job for TestConnection {
    const KIND: JobKind = JobKind::TestConnection;

    async fn run(&self, cx: &Context, _: &mut Progress) -> Result<Outcome> {
        let provider = cx.provider()?.id;
        let company = cx.company().await?;
        let error = match company.test_connection().await {
            Ok(visible) => {
                let state = cx.store.provider_tested(&cx.fence, provider, Ok(&visible)).await?;
                return Ok(Outcome::Done(serde_json::json!({ "state": state.as_str(), "visible": visible })));
            }
            Err(error) => error,
        };
        let found = match &error {
            Error::Unauthorized { attention, message } => Some((*attention, message.clone())),
            Error::Unavailable { .. } if cx.attempts + 1 >= SILENT_ATTEMPTS => Some((Attention::UpstreamDown, error.to_string())),
            Error::Unavailable { .. }
            | Error::NotFound { .. }
            | Error::AlreadyExists { .. }
            | Error::Invalid(_)
            | Error::Conflict { .. }
            | Error::Forbidden(_)
            | Error::Throttled { .. }
            | Error::Internal { .. } => None,
        };
        if let Some((attention, message)) = found {
            cx.store.provider_tested(&cx.fence, provider, Err((attention, &message))).await?;
        }
        Err(error)
    }
}
