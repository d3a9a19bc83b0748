//! What a fault does to a call. Which calls are hit is `faults.rs`; how an outcome becomes bytes is `ticket.rs`.

use bytes::Bytes;
use hyper::StatusCode;

use crate::event::{Event, RowKind};
use crate::faults::{Action, StatusFault};
use crate::insurance::Holder;
use crate::limiter::Standing;
use crate::locks::read;
use crate::reply::{self, Reply, Shape};
use crate::route::{Endpoint, Read, Route};
use crate::shared::Shared;

/// What becomes of a call.
#[derive(Debug)]
pub(crate) enum Fate {
    /// The answer, with the limiter's headers.
    Answer(Reply),
    /// The answer with its own headers only.
    AnswerAsIs(Reply),
    /// The answer in small pieces.
    Pieces { reply: Reply, delay_ms: u64, size: usize },
    /// Half of the answer, then the end of the connection.
    Half(Reply),
    /// The work was done; the connection ends without an answer.
    Lost(Reply),
    /// The connection ends before the work.
    Cut,
    /// Nothing until the caller gives up.
    Silence,
}

/// The call that is hit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) route: Option<Route>,
    pub(crate) company_id: Option<u64>,
    pub(crate) standing: Option<Standing>,
}

impl Hit<'_> {
    /// Lets an action happen; `work` is what the call would have done.
    pub(crate) fn suffer(self, action: Action, work: impl FnOnce() -> Reply) -> Fate {
        match action {
            Action::Status(fault) => Fate::AnswerAsIs(self.status(&fault)),
            Action::Hang => Fate::Silence,
            Action::Reset => Fate::Cut,
            Action::Html200 => Fate::Answer(Reply::html(StatusCode::OK, "Sign in to continue")),
            Action::Empty200 => Fate::Answer(Reply::json(StatusCode::OK, Bytes::new())),
            Action::Slow { delay_ms, chunk_bytes } => Fate::Pieces { reply: work(), delay_ms, size: chunk_bytes.max(1) },
            Action::Truncated => Fate::Half(work()),
            Action::LoseReply => Fate::Lost(work()),
            Action::BadJson => {
                let body = "[{\"id\": 598134325000000, \"name\": \"Abern".into();
                Fate::Answer(Reply { body, ..work() })
            }
            Action::Drift { insert, delete } => {
                let reply = work();
                self.drift(insert, delete as usize);
                Fate::Answer(reply)
            }
            Action::StopTokens => {
                let reply = work();
                let before_us = self.shared.clock.now_us() + 1;
                self.commit(Event::TokensStopped { before_us });
                Fate::Answer(reply)
            }
        }
    }

    fn status(&self, fault: &StatusFault) -> Reply {
        let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (shape, text) = match status {
            StatusCode::TOO_MANY_REQUESTS => (Shape::Text, reply::TOO_MANY),
            StatusCode::FORBIDDEN => (Shape::ErrorsArray, reply::NOT_CONNECTED),
            StatusCode::UNAUTHORIZED => (Shape::Model, "The access token is invalid"),
            StatusCode::NOT_FOUND => (Shape::ErrorString, "Not Found"),
            _ if status.is_server_error() => (Shape::Html, "nginx"),
            _ => (Shape::ErrorsArray, status.canonical_reason().unwrap_or("error")),
        };
        let mut reply = Reply::shaped(status, fault.shape.unwrap_or(shape), fault.message.as_deref().unwrap_or(text));
        if let Some(seconds) = fault.retry_after_s {
            reply = reply.with("Retry-After", seconds.to_string());
        }
        let mut standing = self.standing.filter(|_| fault.rate_limit_headers.unwrap_or(true));
        if let (StatusCode::TOO_MANY_REQUESTS, Some(standing)) = (status, &mut standing) {
            let reset_in_s = fault.reset_in_s.or(fault.retry_after_s).unwrap_or(1);
            standing.remaining = 0;
            standing.reset_s = self.shared.clock.now_s() + i64::try_from(reset_in_s).unwrap_or_default();
        }
        reply.with_standing(standing)
    }

    /// Moves the rows under a reader of pages: new rows come before all others, and the first old ones end.
    fn drift(&self, insert: u32, delete: usize) {
        let (Some(route), Some(company)) = (self.route, self.company_id) else { return };
        let Endpoint::Read(read) = route.endpoint else { return };
        let kind = match read {
            Read::Projects | Read::CompanyProjects | Read::ProjectAssignments => RowKind::Project,
            Read::Insurances(_) | Read::Insurance(_) => return self.drift_insurances(company, insert, delete),
            Read::Companies
            | Read::Me
            | Read::AppInstallations
            | Read::CompanyBaseUrl
            | Read::Vendors
            | Read::Vendor
            | Read::InactiveVendors
            | Read::VendorComments
            | Read::Project
            | Read::ProjectVendors
            | Read::InactiveProjectVendors
            | Read::ProjectVendor
            | Read::ProjectPeople
            | Read::ProjectRoles
            | Read::People
            | Read::Users
            | Read::InactiveUsers
            | Read::User => RowKind::Vendor,
        };
        let at_s = self.shared.clock.now_s();
        for id in self.first_rows(company, kind, delete) {
            self.commit(Event::RowRemoved { company, kind, id, at_s });
        }
        if insert > 0 {
            self.commit(Event::RowsMadeUp { company, kind, count: insert, early: true, at_s });
        }
    }

    /// New insurances come last, as their ids do; only ended ones move the pages.
    fn drift_insurances(&self, company: u64, insert: u32, delete: usize) {
        let at_ms = self.shared.clock.now_ms();
        let first = |total: usize| 0..delete.min(total);
        let ids: Vec<u64> = read(&self.shared.world).company(company).map_or_else(Vec::new, |company| {
            company.insurances.listed(Holder::Company, at_ms, first).1.iter().map(|row| row.id).collect()
        });
        self.commit(Event::InsurancesRemoved { company, ids, at_ms, listed_from_ms: None });
        if insert > 0 {
            self.commit(Event::InsurancesMadeUp { company, count: insert });
        }
    }

    fn first_rows(&self, company: u64, kind: RowKind, count: usize) -> Vec<u64> {
        let world = read(&self.shared.world);
        let Some(company) = world.company(company) else { return Vec::new() };
        if kind == RowKind::Project {
            let projects = company.projects_in_order(false).iter().map(|position| company.project(*position));
            projects.filter(|project| project.active && project.permitted).take(count).map(|project| project.id).collect()
        } else {
            let vendors = company.vendors_in_order(false).iter().map(|position| company.vendor(*position));
            vendors.filter(|vendor| !vendor.own).take(count).map(|vendor| vendor.id).collect()
        }
    }

    fn commit(&self, event: Event) {
        if let Err(error) = self.shared.commit(event) {
            tracing::warn!(%error, "a fault's change was not stored");
        }
    }
}
