//! Which endpoint a method and a path name, and the route's normalized spelling for the journal. An endpoint is one line in
//! the table below, one variant, and one arm in `api.rs`.

use hyper::Method;

/// The API's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Companies,
    Me,
    AppInstallations,
    CompanyBaseUrl,
    Vendors,
    Vendor,
    InactiveVendors,
    Projects,
    Project,
    CompanyProjects,
    ProjectVendors,
    ProjectVendor,
    People,
    Users,
    User,
    ProjectAssignments,
}

/// Where a call names its company, besides the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompanyIn {
    /// Nowhere: `/me` and `/companies`.
    Nowhere,
    /// `?company_id=`.
    Query,
    /// The first id of the path.
    Path,
    /// The first id of the path is a project's.
    ProjectPath,
}

/// A matched route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    pub(crate) company: CompanyIn,
    pub(crate) normalized: &'static str,
    /// The ids of the path, in order; 0 where there is none.
    pub(crate) ids: [u64; 2],
}

const ROUTES: &[(Endpoint, CompanyIn, &str)] = &[
    (Endpoint::Companies, CompanyIn::Nowhere, "/rest/v1.0/companies"),
    (Endpoint::Me, CompanyIn::Nowhere, "/rest/v1.0/me"),
    (Endpoint::AppInstallations, CompanyIn::Query, "/rest/v1.0/app_installations"),
    (Endpoint::CompanyBaseUrl, CompanyIn::Query, "/rest/v1.0/company_base_url"),
    (Endpoint::Vendors, CompanyIn::Query, "/rest/v1.0/vendors"),
    (Endpoint::Vendors, CompanyIn::Query, "/rest/v1.1/vendors"),
    (Endpoint::Vendor, CompanyIn::Query, "/rest/v1.0/vendors/{id}"),
    (Endpoint::InactiveVendors, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/vendors/inactive"),
    (Endpoint::Projects, CompanyIn::Query, "/rest/v1.0/projects"),
    (Endpoint::Projects, CompanyIn::Query, "/rest/v1.1/projects"),
    (Endpoint::Project, CompanyIn::Query, "/rest/v1.0/projects/{id}"),
    (Endpoint::CompanyProjects, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/projects"),
    (Endpoint::ProjectVendors, CompanyIn::ProjectPath, "/rest/v1.0/projects/{project_id}/vendors"),
    (Endpoint::ProjectVendors, CompanyIn::ProjectPath, "/rest/v1.1/projects/{project_id}/vendors"),
    (Endpoint::ProjectVendor, CompanyIn::ProjectPath, "/rest/v1.1/projects/{project_id}/vendors/{id}"),
    (Endpoint::People, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/people"),
    (Endpoint::Users, CompanyIn::Path, "/rest/v1.3/companies/{company_id}/users"),
    (Endpoint::User, CompanyIn::Path, "/rest/v1.3/companies/{company_id}/users/{id}"),
    (Endpoint::ProjectAssignments, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/users/{user_id}/project_assignments"),
];

/// Finds the route of a call; every endpoint so far is a `GET`.
pub(crate) fn find(method: &Method, path: &str) -> Option<Route> {
    if method != Method::GET {
        return None;
    }
    ROUTES.iter().find_map(|(endpoint, company, normalized)| {
        let ids = matches(normalized, path)?;
        Some(Route { endpoint: *endpoint, company: *company, normalized, ids })
    })
}

/// The ids of a path that has the pattern's form.
fn matches(pattern: &str, path: &str) -> Option<[u64; 2]> {
    let mut ids = [0; 2];
    let mut found = 0;
    let mut given = path.trim_end_matches('/').split('/');
    for wanted in pattern.split('/') {
        let given = given.next()?;
        if wanted.starts_with('{') {
            *ids.get_mut(found)? = given.parse().ok()?;
            found += 1;
        } else if wanted != given {
            return None;
        }
    }
    given.next().is_none().then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_endpoint_and_ids() {
        let route = find(&Method::GET, "/rest/v1.1/projects/598134725000000/vendors/9").map(|route| (route.endpoint, route.ids));
        assert_eq!(route, Some((Endpoint::ProjectVendor, [598_134_725_000_000, 9])));
        assert!(find(&Method::GET, "/rest/v1.0/companies/7/vendors").is_none());
        assert!(find(&Method::DELETE, "/rest/v1.0/vendors/7").is_none());
    }
}
