//! What the two mapping services have in common: everything. They differ in the types of their messages and in the subject.

use super::Api;
use super::decision::{self, Wanted};
use crate::names::{self, PROVIDERS};
use crate::page::Listing;
use crate::request::Caller;
use crate::status::respelled;
use crate::wire;
use linkyard_core::id::{ProviderId, RecordId};
use linkyard_core::mapping::{MappingOrder, MappingView, Subject};
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_store::RequestKey;
use std::collections::HashMap;

/// A confirm, whichever service it came to.
pub(crate) struct Confirm {
    pub(crate) parent: String,
    pub(crate) wanted: Option<Wanted>,
    pub(crate) plan_only: bool,
    /// Only for a confirm that changes something: a plan may be asked for under the id of the confirm that follows it.
    pub(crate) request: Option<RequestKey>,
}

impl Api {
    pub(crate) async fn mapping_get(&self, caller: &Caller, subject: Subject, name: &str) -> Result<v1::Mapping> {
        let (provider, record) = names::parse_mapping(subject, "name", name)?;
        let mapping = self.service.mapping_get(&caller.scope, provider, subject, record).await?;
        Ok(wire::mapping(&mapping))
    }

    /// One page and the token of the next.
    pub(crate) async fn mapping_list(
        &self,
        caller: &Caller,
        subject: Subject,
        parent: &str,
        filter: Option<&v1::MappingFilter>,
        (view, order_by): (i32, &str),
        listing: &Listing<'_>,
    ) -> Result<(Vec<v1::Mapping>, String)> {
        let provider: ProviderId = PROVIDERS.parse("parent", parent)?;
        let filter = decision::filter(filter)?;
        let order = MappingOrder::parse(order_by).ok_or_else(|| {
            let known = MappingOrder::ALL.map(MappingOrder::as_str).join("`, `");
            Error::invalid("order_by", format!("is none of `{known}`"))
        })?;
        let view = MappingView { full: view == i32::from(v1::MappingView::Full), order };
        let page = self.service.mapping_list(&caller.scope, provider, subject, &filter, view, &listing.page).await?;
        Ok((page.rows.iter().map(wire::mapping).collect(), listing.token(page.next.as_deref())))
    }

    pub(crate) async fn mapping_counts(
        &self,
        caller: &Caller,
        subject: Subject,
        parent: &str,
    ) -> Result<(Vec<v1::MappingStateCount>, Vec<v1::BandPrecision>)> {
        let provider = PROVIDERS.parse("parent", parent)?;
        let counts = self.service.mapping_counts(&caller.scope, provider, subject).await?;
        let bands = self.service.band_precision(&caller.scope, provider, subject).await?;
        let counts = counts.into_iter().map(|(state, count)| wire::mapping_count(state, count)).collect();
        Ok((counts, bands.iter().map(wire::band_precision).collect()))
    }

    pub(crate) async fn mapping_drafts(
        &self,
        caller: &Caller,
        subject: Subject,
        parent: &str,
        updates: &[v1::DraftUpdate],
        request: Option<&RequestKey>,
    ) -> Result<Vec<v1::Mapping>> {
        let provider = PROVIDERS.parse("parent", parent)?;
        let drafts = decision::drafts(provider, subject, updates)?;
        let saved = self.service.mapping_drafts_save(&caller.scope, provider, subject, &drafts, request).await;
        let mut mappings = saved.map_err(|error| respelled(error, |field| decision::spelled(field, "updates", "draft")))?;
        let place: HashMap<RecordId, usize> = drafts.iter().enumerate().map(|(place, draft)| (draft.0, place)).collect();
        mappings.sort_by_key(|mapping| place.get(&mapping.record));
        Ok(mappings.iter().map(wire::mapping).collect())
    }

    pub(crate) async fn mapping_decline(
        &self,
        caller: &Caller,
        subject: Subject,
        parent: &str,
        rows: &[v1::DeclineRow],
        request: Option<&RequestKey>,
    ) -> Result<Vec<v1::Mapping>> {
        let provider = PROVIDERS.parse("parent", parent)?;
        let rows = decision::declines(provider, subject, rows)?;
        let declined = self.service.mapping_decline(&caller.scope, provider, subject, &rows, request).await;
        let mut mappings = declined.map_err(|error| respelled(error, |field| decision::spelled(field, "rows", "")))?;
        let place: HashMap<RecordId, usize> = rows.iter().enumerate().map(|(place, row)| (row.0, place)).collect();
        mappings.sort_by_key(|mapping| place.get(&mapping.record));
        Ok(mappings.iter().map(wire::mapping).collect())
    }

    pub(crate) async fn mapping_unlink(
        &self,
        caller: &Caller,
        subject: Subject,
        parent: &str,
        rows: &[v1::UnlinkRow],
        request: Option<&RequestKey>,
    ) -> Result<Vec<v1::Mapping>> {
        let provider = PROVIDERS.parse("parent", parent)?;
        let rows = decision::unlinks(provider, subject, rows)?;
        let unlinked = self.service.mapping_unlink(&caller.scope, provider, subject, &rows, request).await;
        let mut mappings = unlinked.map_err(|error| respelled(error, |field| decision::spelled(field, "rows", "")))?;
        let place: HashMap<RecordId, usize> = rows.iter().enumerate().map(|(place, row)| (row.0, place)).collect();
        mappings.sort_by_key(|mapping| place.get(&mapping.record));
        Ok(mappings.iter().map(wire::mapping).collect())
    }

    /// The plan and, where something has to be linked, the job.
    pub(crate) async fn mapping_confirm(
        &self,
        caller: &Caller,
        subject: Subject,
        confirm: Confirm,
    ) -> Result<(v1::ConfirmPlan, Option<v1::Job>)> {
        let provider = PROVIDERS.parse("parent", &confirm.parent)?;
        let selection = decision::selection(provider, subject, confirm.wanted, confirm.plan_only)?;
        let request = confirm.request.as_ref();
        let confirmed =
            self.service.mapping_confirm(&caller.scope, provider, subject, &selection, confirm.plan_only, request).await;
        let confirmed = confirmed.map_err(|error| respelled(error, |field| decision::spelled(field, "rows.rows", "choice")))?;
        Ok((wire::plan(provider, subject, &confirmed.plan), confirmed.job.as_ref().map(wire::job)))
    }
}
