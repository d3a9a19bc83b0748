//! Which endpoint a method and a path name, and the route's normalized spelling for the journal. An endpoint is one line in
//! the table below, one variant, and one arm in `api.rs` (reads) or `writes.rs`.

use hyper::Method;

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Read(Read),
    Write(Write),
}

/// The API's reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Companies,
    Me,
    AppInstallations,
    CompanyBaseUrl,
    Vendors,
    Vendor,
    InactiveVendors,
    VendorComments,
    Projects,
    Project,
    CompanyProjects,
    ProjectVendors,
    InactiveProjectVendors,
    ProjectVendor,
    ProjectPeople,
    ProjectRoles,
    People,
    Users,
    InactiveUsers,
    User,
    ProjectAssignments,
    Insurances(Scope),
    Insurance(Scope),
}

/// The API's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Insurance(Scope, Change),
    VendorCreate,
    VendorUpdate,
    VendorSync,
    VendorReactivate,
    RegisterCreate,
    RegisterUpdate,
    ProjectVendorCreate,
    ProjectVendorUpdate,
    ProjectVendorAdd,
    ProjectVendorRemove,
}

/// Whose insurances a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of the company: `vendor_id` is in the body.
    Company,
    /// One vendor's.
    Vendor,
    /// All of a project: `vendor_id` is in the body.
    Project,
    /// One vendor's in a project.
    ProjectVendor,
}

/// What is done to insurances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    Update,
    Delete,
    Sync,
}

/// Where a call names its company, besides the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompanyIn {
    /// Nowhere: `/me` and `/companies`.
    Nowhere,
    /// `?company_id=`.
    Query,
    /// `company_id` of the JSON body or of its first update, or `?company_id=`.
    Body,
    /// The first id of the path.
    Path,
    /// The first id of the path is a project's.
    ProjectPath,
    /// `?project_id=`.
    ProjectQuery,
}

/// A matched route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    pub(crate) company: CompanyIn,
    pub(crate) normalized: &'static str,
    /// The ids of the path, in order; 0 where there is none.
    pub(crate) ids: [u64; 3],
}

const READS: &[(Read, CompanyIn, &str)] = &[
    (Read::Companies, CompanyIn::Nowhere, "/rest/v1.0/companies"),
    (Read::Me, CompanyIn::Nowhere, "/rest/v1.0/me"),
    (Read::AppInstallations, CompanyIn::Query, "/rest/v1.0/app_installations"),
    (Read::CompanyBaseUrl, CompanyIn::Query, "/rest/v1.0/company_base_url"),
    (Read::Vendors, CompanyIn::Query, "/rest/v1.0/vendors"),
    (Read::Vendors, CompanyIn::Query, "/rest/v1.1/vendors"),
    (Read::Vendor, CompanyIn::Query, "/rest/v1.0/vendors/{id}"),
    (Read::InactiveVendors, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/vendors/inactive"),
    (Read::VendorComments, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/vendors/{vendor_id}/comments"),
    (Read::Projects, CompanyIn::Query, "/rest/v1.0/projects"),
    (Read::Projects, CompanyIn::Query, "/rest/v1.1/projects"),
    (Read::Project, CompanyIn::Query, "/rest/v1.0/projects/{id}"),
    (Read::CompanyProjects, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/projects"),
    (Read::ProjectVendors, CompanyIn::ProjectPath, "/rest/v1.0/projects/{project_id}/vendors"),
    (Read::ProjectVendors, CompanyIn::ProjectPath, "/rest/v1.1/projects/{project_id}/vendors"),
    (Read::InactiveProjectVendors, CompanyIn::ProjectPath, "/rest/v1.0/projects/{project_id}/vendors/inactive"),
    (Read::ProjectVendor, CompanyIn::ProjectPath, "/rest/v1.1/projects/{project_id}/vendors/{id}"),
    (Read::ProjectPeople, CompanyIn::ProjectPath, "/rest/v1.0/projects/{project_id}/people"),
    (Read::ProjectRoles, CompanyIn::ProjectQuery, "/rest/v1.0/project_roles"),
    (Read::People, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/people"),
    (Read::Users, CompanyIn::Path, "/rest/v1.3/companies/{company_id}/users"),
    (Read::InactiveUsers, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/users/inactive"),
    (Read::User, CompanyIn::Path, "/rest/v1.3/companies/{company_id}/users/{id}"),
    (Read::ProjectAssignments, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/users/{user_id}/project_assignments"),
];

const WRITES: &[(Write, Method, CompanyIn, &str)] = &[
    (Write::VendorCreate, Method::POST, CompanyIn::Body, "/rest/v1.0/vendors"),
    (Write::VendorUpdate, Method::PATCH, CompanyIn::Body, "/rest/v1.0/vendors/{id}"),
    (Write::VendorSync, Method::PATCH, CompanyIn::Body, "/rest/v1.0/vendors/sync"),
    (Write::VendorReactivate, Method::PATCH, CompanyIn::Path, "/rest/v1.0/companies/{company_id}/vendors/inactive/{id}"),
    (Write::VendorReactivate, Method::PATCH, CompanyIn::ProjectPath, "/rest/v1.0/projects/{project_id}/vendors/inactive/{id}"),
    (Write::RegisterCreate, Method::POST, CompanyIn::Query, "/rest/v1.0/vendors/{id}/business_register"),
    (Write::RegisterUpdate, Method::PATCH, CompanyIn::Query, "/rest/v1.0/vendors/{id}/business_register"),
    (Write::ProjectVendorCreate, Method::POST, CompanyIn::ProjectPath, "/rest/v1.1/projects/{project_id}/vendors"),
    (Write::ProjectVendorUpdate, Method::PATCH, CompanyIn::ProjectPath, "/rest/v1.1/projects/{project_id}/vendors/{id}"),
    (Write::ProjectVendorAdd, Method::POST, CompanyIn::ProjectPath, "/rest/v1.1/projects/{project_id}/vendors/{id}/actions/add"),
    (
        Write::ProjectVendorRemove,
        Method::DELETE,
        CompanyIn::ProjectPath,
        "/rest/v1.1/projects/{project_id}/vendors/{id}/actions/remove",
    ),
    (Write::Insurance(Scope::Company, Change::Sync), Method::PATCH, CompanyIn::Body, "/rest/v1.0/insurances/sync"),
];

/// The insurances of a scope: collection, one of them, and the sync.
const INSURANCES: &[(Scope, CompanyIn, [&str; 3])] = &[
    (
        Scope::Company,
        CompanyIn::Path,
        [
            "/rest/v1.0/companies/{company_id}/insurances",
            "/rest/v1.0/companies/{company_id}/insurances/{id}",
            "/rest/v1.0/companies/{company_id}/insurances/sync",
        ],
    ),
    (
        Scope::Vendor,
        CompanyIn::Path,
        [
            "/rest/v1.0/companies/{company_id}/vendors/{vendor_id}/insurances",
            "/rest/v1.0/companies/{company_id}/vendors/{vendor_id}/insurances/{id}",
            "/rest/v1.0/companies/{company_id}/vendors/{vendor_id}/insurances/sync",
        ],
    ),
    (
        Scope::Project,
        CompanyIn::ProjectPath,
        [
            "/rest/v1.0/projects/{project_id}/insurances",
            "/rest/v1.0/projects/{project_id}/insurances/{id}",
            "/rest/v1.0/projects/{project_id}/insurances/sync",
        ],
    ),
    (
        Scope::ProjectVendor,
        CompanyIn::ProjectPath,
        [
            "/rest/v1.0/projects/{project_id}/vendors/{vendor_id}/insurances",
            "/rest/v1.0/projects/{project_id}/vendors/{vendor_id}/insurances/{id}",
            "/rest/v1.0/projects/{project_id}/vendors/{vendor_id}/insurances/sync",
        ],
    ),
];

/// Finds the route of a call.
pub(crate) fn find(method: &Method, path: &str) -> Option<Route> {
    let found = |endpoint, company, normalized, ids| Some(Route { endpoint, company, normalized, ids });
    if method == Method::GET
        && let Some((read, company, normalized, ids)) =
            READS.iter().find_map(|(read, company, normalized)| Some((read, company, normalized, matches(normalized, path)?)))
    {
        return found(Endpoint::Read(*read), *company, normalized, ids);
    }
    for (write, its_method, company, normalized) in WRITES {
        if let Some(ids) = matches(normalized, path).filter(|_| method == its_method) {
            return found(Endpoint::Write(*write), *company, normalized, ids);
        }
    }
    for (scope, company, [all, one, sync]) in INSURANCES {
        let change = |change| Endpoint::Write(Write::Insurance(*scope, change));
        let candidates = [
            (Method::GET, all, Endpoint::Read(Read::Insurances(*scope))),
            (Method::POST, all, change(Change::Create)),
            (Method::GET, one, Endpoint::Read(Read::Insurance(*scope))),
            (Method::PATCH, one, change(Change::Update)),
            (Method::DELETE, one, change(Change::Delete)),
            (Method::PATCH, sync, change(Change::Sync)),
        ];
        for (its_method, normalized, endpoint) in candidates {
            if let Some(ids) = matches(normalized, path).filter(|_| method == its_method) {
                return found(endpoint, *company, normalized, ids);
            }
        }
    }
    None
}

/// The ids of a path that has the pattern's form.
fn matches(pattern: &str, path: &str) -> Option<[u64; 3]> {
    let mut ids = [0; 3];
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
        assert_eq!(route, Some((Endpoint::Read(Read::ProjectVendor), [598_134_725_000_000, 9, 0])));
        assert!(find(&Method::GET, "/rest/v1.0/companies/7/vendors").is_none());
        assert!(find(&Method::DELETE, "/rest/v1.0/vendors/7").is_none());
    }

    #[test]
    fn insurances_are_found_in_every_scope() {
        let route = |method, path: &str| find(&method, path).map(|route| (route.endpoint, route.ids));
        let write = |scope, change| Endpoint::Write(Write::Insurance(scope, change));
        assert_eq!(
            route(Method::DELETE, "/rest/v1.0/projects/1/vendors/2/insurances/3"),
            Some((write(Scope::ProjectVendor, Change::Delete), [1, 2, 3]))
        );
        assert_eq!(
            route(Method::PATCH, "/rest/v1.0/companies/7/insurances/sync"),
            Some((write(Scope::Company, Change::Sync), [7, 0, 0]))
        );
        assert_eq!(route(Method::POST, "/rest/v1.0/companies/7/insurances/sync"), None);
    }
}
