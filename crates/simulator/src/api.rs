//! From an admitted call to its endpoint: company header, company, installation, then the endpoint. The order is
//! Procore's as far as it shows: header first, then what the caller may see (404), then the app's connection (403).

use hyper::StatusCode;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::change::World;
use crate::config::{CompanyHeader, Installation, Settings};
use crate::directory::Company;
use crate::page::{LinkBase, Page, Sizes};
use crate::reply::{self, Reply, Shape};
use crate::route::{CompanyIn, Read, Route};
use crate::{companies, insurances, people, projects, vendors};

/// Who calls what, without the state that it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) call: &'a Call,
    pub(crate) route: Route,
    pub(crate) client_id: &'a str,
    pub(crate) platform_client_id: &'a str,
    pub(crate) now_ms: i64,
}

impl<'a> Caller<'a> {
    /// The call over a state.
    pub(crate) fn over<'w>(&self, world: &'w World) -> Request<'w>
    where
        'a: 'w,
    {
        let Caller { settings, call, route, client_id, platform_client_id, now_ms } = *self;
        Request { world, settings, call, route, client_id, platform_client_id, now_ms }
    }
}

/// Everything an endpoint needs to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) world: &'a World,
    pub(crate) settings: &'a Settings,
    pub(crate) call: &'a Call,
    pub(crate) route: Route,
    pub(crate) client_id: &'a str,
    pub(crate) platform_client_id: &'a str,
    /// The simulator's time.
    pub(crate) now_ms: i64,
}

impl<'a> Request<'a> {
    /// The page that the call asks for.
    pub(crate) fn page(&self, sizes: Sizes) -> Page {
        let of_route = self.settings.max_page_sizes.get(self.route.normalized).copied();
        let ceiling = [self.settings.max_page_size, of_route].into_iter().flatten().min();
        Page::asked(&self.call.query, sizes, ceiling)
    }

    /// The body, which must be a JSON object.
    pub(crate) fn body(&self) -> Result<&'a Map<String, Value>, Reply> {
        let text = "The request body is not a JSON object.";
        self.call.json().ok_or_else(|| Reply::shaped(StatusCode::BAD_REQUEST, Shape::ErrorsArray, text))
    }

    /// A whole list without pages, or a 408 where that took too long.
    pub(crate) fn unpaged(&self, total: usize, body: impl FnOnce() -> bytes::Bytes) -> Reply {
        let most = self.settings.largest_unpaged_list.and_then(|most| usize::try_from(most).ok());
        if most.is_some_and(|most| total > most) {
            return Reply::shaped(StatusCode::REQUEST_TIMEOUT, Shape::ErrorString, "Request Timeout");
        }
        Reply::json(StatusCode::OK, body())
    }

    /// A 200 with rows of one page and the paging headers.
    pub(crate) fn paged(&self, page: Page, total: usize, body: bytes::Bytes) -> Reply {
        let link = LinkBase {
            origin: &self.call.origin,
            path: &self.call.path,
            repeat: self.settings.link_keeps_query.then_some(&self.call.query),
        };
        let mut reply = Reply::json(StatusCode::OK, body);
        reply.headers = page.headers(total, link);
        reply
    }

    /// Answers a read.
    pub(crate) fn answer(&self, read: Read) -> Reply {
        match self.try_answer(read) {
            Ok(reply) | Err(reply) => reply,
        }
    }

    fn try_answer(&self, read: Read) -> Result<Reply, Reply> {
        let header = self.header()?;
        match read {
            Read::Companies => Ok(companies::list(self)),
            Read::Me => Ok(companies::me(self)),
            Read::AppInstallations => Ok(companies::installations(self, self.visible(self.named().or(header))?)),
            Read::CompanyBaseUrl => companies::base_url(self, header.or_else(|| self.named())),
            Read::Vendors => Ok(vendors::list(self, self.connected(header)?)),
            Read::Vendor => Ok(vendors::show(self, self.connected(header)?)),
            Read::InactiveVendors => Ok(vendors::inactive(self, self.connected(header)?)),
            Read::VendorComments => vendors::comments(self, self.connected(header)?),
            Read::Projects => Ok(projects::list(self, self.connected(header)?)),
            Read::Project => Ok(projects::show(self, self.connected(header)?)),
            Read::CompanyProjects => Ok(projects::of_company(self, self.connected(header)?)),
            Read::ProjectVendors => Ok(vendors::of_project(self, self.connected(header)?, true)),
            Read::InactiveProjectVendors => Ok(vendors::of_project(self, self.connected(header)?, false)),
            Read::ProjectVendor => Ok(vendors::show_in_project(self, self.connected(header)?)),
            Read::ProjectPeople => people::of_project(self, self.connected(header)?),
            Read::ProjectRoles => people::roles(self, self.connected(header)?),
            Read::People => Ok(people::list(self, self.connected(header)?)),
            Read::Users => Ok(people::users(self, self.connected(header)?, true)),
            Read::InactiveUsers => Ok(people::users(self, self.connected(header)?, false)),
            Read::User => Ok(people::user(self, self.connected(header)?)),
            Read::ProjectAssignments => Ok(projects::assignments(self, self.connected(header)?)),
            Read::Insurances(scope) => insurances::list(self, self.connected(header)?, scope),
            Read::Insurance(scope) => insurances::show(self, self.connected(header)?, scope),
        }
    }

    /// The company that a write is about.
    pub(crate) fn company(&self) -> Result<&'a Company, Reply> {
        self.connected(self.header()?)
    }

    /// The company of the header. A header that names no company of this client is a 404, like any foreign id.
    fn header(&self) -> Result<Option<u64>, Reply> {
        match (self.call.company_header(), self.settings.company_header) {
            (_, CompanyHeader::Off) | (None, CompanyHeader::Warn) => Ok(None),
            (None, CompanyHeader::Strict) => Err(Reply::text(StatusCode::BAD_REQUEST, reply::MISSING_HEADER)),
            (Some(text), CompanyHeader::Warn | CompanyHeader::Strict) => {
                let id = text.trim().parse().map_err(|_| Reply::not_found())?;
                self.visible(Some(id)).map(|company| Some(company.id))
            }
        }
    }

    /// The company that path or query name.
    fn named(&self) -> Option<u64> {
        named_company(self.world, self.call, self.route)
    }

    /// A company that the client's credentials open, installed or not.
    pub(crate) fn visible(&self, id: Option<u64>) -> Result<&'a Company, Reply> {
        let company = id.and_then(|id| self.world.company(id)).ok_or_else(Reply::not_found)?;
        let open = company.is_open_to(self.client_id, self.platform_client_id);
        if open { Ok(company) } else { Err(Reply::not_found()) }
    }

    /// The company of a company-scoped call: named, equal to the header's, visible and connected.
    fn connected(&self, header: Option<u64>) -> Result<&'a Company, Reply> {
        let named = self.named();
        match self.route.company {
            CompanyIn::Query | CompanyIn::Body if named.is_none() => {
                return Err(Reply::bad_field("company_id", "is required"));
            }
            CompanyIn::ProjectQuery if self.call.query.number("project_id").is_none() => {
                return Err(Reply::bad_field("project_id", "is required"));
            }
            CompanyIn::Nowhere
            | CompanyIn::Query
            | CompanyIn::Body
            | CompanyIn::Path
            | CompanyIn::ProjectPath
            | CompanyIn::ProjectQuery => {}
        }
        if header.is_some() && header != named {
            let text = "The company of the header is not the company of the call.";
            let forbidden = || Reply::shaped(StatusCode::FORBIDDEN, Shape::ErrorsArray, text);
            return Err(if self.settings.foreign_header_is_403 { forbidden() } else { Reply::not_found() });
        }
        let company = self.visible(named)?;
        match company.installation {
            Installation::Installed => Ok(company),
            Installation::Uninstalled | Installation::Disconnected => {
                Err(Reply::shaped(StatusCode::FORBIDDEN, Shape::ErrorsArray, reply::NOT_CONNECTED))
            }
        }
    }
}

/// The company that a call's path or query names, whether it exists or not.
pub(crate) fn named_company(world: &World, call: &Call, route: Route) -> Option<u64> {
    match route.company {
        CompanyIn::Nowhere => None,
        CompanyIn::Query => call.query.number("company_id"),
        CompanyIn::Body => call.query.number("company_id").or_else(|| company_of_body(call)),
        CompanyIn::Path => Some(route.ids[0]),
        CompanyIn::ProjectQuery => world.company_of_project(call.query.number("project_id")?).map(|company| company.id),
        CompanyIn::ProjectPath => world.company_of_project(route.ids[0]).map(|company| company.id),
    }
}

/// `company_id` of the body, else of its first update.
fn company_of_body(call: &Call) -> Option<u64> {
    let body = call.json()?;
    let first = || body.get("updates")?.as_array()?.first()?.get("company_id");
    body.get("company_id").or_else(first)?.as_u64()
}
