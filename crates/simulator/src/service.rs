//! The way of one call: journal, limiter, latency, fault, endpoint. `/oauth` is journalled but not limited; `/admin` is
//! neither.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use crate::api::Caller;
use crate::call::Call;
use crate::effects::{Fate, Hit};
use crate::faults::{Action, Facts};
use crate::limiter::{Key, Standing, Verdict};
use crate::locks::{lock, read};
use crate::reply::{self, Reply};
use crate::route::{Endpoint, Route};
use crate::shared::{Shared, rate_company};
use crate::ticket::{Body, Cut, Ticket};
use crate::{admin, api, oauth, route, writes};

/// Answers one request; `Err` cuts the connection.
pub(crate) async fn serve(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let call = Call::read(request).await.ok_or(Cut)?;
    if call.path.starts_with("/admin/") {
        return Ok(admin::answer(&shared, &call));
    }
    let known = Known::of(&shared, &call);
    let mut ticket = known.ticket(&shared, &call);
    let standing = match known.limit(&shared, &mut ticket) {
        Ok(standing) => standing,
        Err(Some(refusal)) => return Ok(ticket.deliver(refusal)),
        Err(None) => return Err(Cut),
    };
    let latency_ms = read(&shared.settings).latency_ms;
    if latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
    }
    match known.fate(&shared, &call, &mut ticket, standing) {
        Fate::Answer(reply) => Ok(ticket.deliver(reply.with_standing(standing))),
        Fate::AnswerAsIs(reply) => Ok(ticket.deliver(reply)),
        Fate::Pieces { reply, delay_ms, size } => Ok(ticket.in_pieces(reply.with_standing(standing), delay_ms, size)),
        Fate::Half(reply) => Ok(ticket.half(reply.with_standing(standing))),
        Fate::Lost(reply) => {
            ticket.lose(&reply);
            Err(Cut)
        }
        Fate::Cut => Err(Cut),
        Fate::Silence => {
            let _under_way = ticket;
            std::future::pending().await
        }
    }
}

/// What is known of a call before it is worked on.
#[derive(Debug)]
struct Known {
    oauth: bool,
    client_id: Option<String>,
    route: Option<Route>,
    company_id: Option<u64>,
}

impl Known {
    fn of(shared: &Shared, call: &Call) -> Self {
        let route = route::find(&call.method, &call.path);
        let named = route.and_then(|route| api::named_company(&read(&shared.world), call, route));
        let header = call.company_header().and_then(|header| header.trim().parse().ok());
        Self {
            oauth: call.path.starts_with("/oauth/"),
            client_id: oauth::bearer(shared, call).map(|token| token.client_id),
            route,
            company_id: named.or(header),
        }
    }

    fn ticket(&self, shared: &Arc<Shared>, call: &Call) -> Ticket {
        let route = match (self.oauth, self.route) {
            (true, _) => call.path.as_str(),
            (false, Some(route)) => route.normalized,
            (false, None) => "unknown",
        };
        let key = Key {
            client_id: self.client_id.clone().unwrap_or_default(),
            company_id: rate_company(call.company_header(), self.company_id),
        };
        Ticket::begin(shared, call, key, route, self.company_id)
    }

    /// Spends one call of the budget, or answers with the 429; `None` is a cut for whoever goes on in spite of many of them.
    fn limit(&self, shared: &Shared, ticket: &mut Ticket) -> Result<Option<Standing>, Option<Reply>> {
        if self.oauth || self.client_id.is_none() {
            return Ok(None);
        }
        let settings = read(&shared.settings).clone();
        let now_ms = shared.clock.now_ms();
        let verdict = lock(&shared.limiter).ask(&settings.limits, &ticket.key, now_ms);
        match verdict {
            Verdict::Admitted(standing) => {
                ticket.entry.counted = true;
                Ok(standing)
            }
            Verdict::Refused { in_a_row, .. } if settings.cut_after_refusals.is_some_and(|most| in_a_row > most) => Err(None),
            Verdict::Refused { standing, .. } => {
                let wait_s = (standing.reset_s - now_ms.div_euclid(1000)).max(1);
                let refusal = Reply::text(StatusCode::TOO_MANY_REQUESTS, reply::TOO_MANY).with_standing(Some(standing));
                Err(Some(if settings.retry_after_on_429 { refusal.with("Retry-After", wait_s.to_string()) } else { refusal }))
            }
        }
    }

    /// Lets a fault hit the call, else works. Calls without a valid token meet no fault.
    fn fate(&self, shared: &Shared, call: &Call, ticket: &mut Ticket, standing: Option<Standing>) -> Fate {
        let facts = Facts {
            method: &ticket.entry.method,
            route: &ticket.entry.route,
            path: &ticket.entry.path,
            company_id: self.company_id,
        };
        let let_in = self.oauth || self.client_id.is_some();
        let fault = if let_in { lock(&shared.faults).hit(facts) } else { None };
        match fault {
            None => Fate::Answer(self.work(shared, call)),
            Some((number, action)) => {
                ticket.entry.fault = Some(number);
                let hit = Hit { shared, route: self.route, company_id: self.company_id, standing };
                let before = matches!(action, Action::PageBefore).then(|| call.page_before());
                hit.suffer(action, || self.work(shared, before.as_ref().unwrap_or(call)))
            }
        }
    }

    fn work(&self, shared: &Shared, call: &Call) -> Reply {
        if self.oauth {
            return oauth::answer(shared, call);
        }
        let Some(client_id) = &self.client_id else { return Reply::unauthorized() };
        let Some(route) = self.route else { return Reply::not_found() };
        let settings = read(&shared.settings).clone();
        let (platform_client_id, now_ms) = (&*shared.platform.client_id, shared.clock.now_ms());
        let caller = Caller { settings: &settings, call, route, client_id, platform_client_id, now_ms };
        match route.endpoint {
            Endpoint::Read(endpoint) => caller.over(&read(&shared.world)).answer(endpoint),
            Endpoint::Write(endpoint) => shared.transact(|transaction| writes::answer(transaction, caller, endpoint)),
        }
    }
}
