//! From an admitted call to its endpoint: company header, company, installation, then the endpoint. The order is
//! Procore's as far as it shows: header first, then what the caller may see (404), then the app's connection (403).

use hyper::StatusCode;

use crate::call::Call;
use crate::change::World;
use crate::config::{CompanyHeader, Installation, Settings};
use crate::directory::Company;
use crate::page::{LinkBase, Page, Sizes};
use crate::reply::{self, Reply, Shape};
use crate::route::{CompanyIn, Endpoint, Route};
use crate::{companies, people, projects, vendors};

/// Everything an endpoint needs to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) world: &'a World,
    pub(crate) settings: &'a Settings,
    pub(crate) call: &'a Call,
    pub(crate) route: Route,
    pub(crate) client_id: &'a str,
    pub(crate) platform_client_id: &'a str,
}

impl<'a> Request<'a> {
    /// The page that the call asks for.
    pub(crate) fn page(&self, sizes: Sizes) -> Page {
        Page::asked(&self.call.query, sizes, self.settings.max_page_size)
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

    /// Answers the call.
    pub(crate) fn answer(&self) -> Reply {
        match self.try_answer() {
            Ok(reply) | Err(reply) => reply,
        }
    }

    fn try_answer(&self) -> Result<Reply, Reply> {
        let header = self.header()?;
        match self.route.endpoint {
            Endpoint::Companies => Ok(companies::list(self)),
            Endpoint::Me => Ok(companies::me(self)),
            Endpoint::AppInstallations => Ok(companies::installations(self, self.visible(self.named().or(header))?)),
            Endpoint::CompanyBaseUrl => Ok(companies::base_url(self, self.visible(header)?)),
            Endpoint::Vendors => Ok(vendors::list(self, self.connected(header)?)),
            Endpoint::Vendor => Ok(vendors::show(self, self.connected(header)?)),
            Endpoint::InactiveVendors => Ok(vendors::inactive(self, self.connected(header)?)),
            Endpoint::Projects => Ok(projects::list(self, self.connected(header)?)),
            Endpoint::Project => Ok(projects::show(self, self.connected(header)?)),
            Endpoint::CompanyProjects => Ok(projects::of_company(self, self.connected(header)?)),
            Endpoint::ProjectVendors => Ok(vendors::of_project(self, self.connected(header)?)),
            Endpoint::ProjectVendor => Ok(vendors::show_in_project(self, self.connected(header)?)),
            Endpoint::People => Ok(people::list(self, self.connected(header)?)),
            Endpoint::Users => Ok(people::users(self, self.connected(header)?)),
            Endpoint::User => Ok(people::user(self, self.connected(header)?)),
            Endpoint::ProjectAssignments => Ok(projects::assignments(self, self.connected(header)?)),
        }
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
    fn visible(&self, id: Option<u64>) -> Result<&'a Company, Reply> {
        let company = id.and_then(|id| self.world.company(id)).ok_or_else(Reply::not_found)?;
        let open = company.is_open_to(self.client_id, self.platform_client_id);
        if open { Ok(company) } else { Err(Reply::not_found()) }
    }

    /// The company of a company-scoped call: named, equal to the header's, visible and connected.
    fn connected(&self, header: Option<u64>) -> Result<&'a Company, Reply> {
        let named = self.named();
        if named.is_none() && self.route.company == CompanyIn::Query {
            return Err(Reply::bad_field("company_id", "is required"));
        }
        if header.is_some() && header != named {
            return Err(Reply::not_found());
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
        CompanyIn::Path => Some(route.ids[0]),
        CompanyIn::ProjectPath => world.company_of_project(route.ids[0]).map(|company| company.id),
    }
}
