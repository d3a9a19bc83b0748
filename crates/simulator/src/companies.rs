//! `/companies`, `/me`, `/app_installations` and `/company_base_url`: what tells a client where its app is installed.

use hyper::StatusCode;
use serde_json::json;

use crate::api::Request;
use crate::clock::timestamp;
use crate::config::Installation;
use crate::directory::Company;
use crate::ids;
use crate::page;
use crate::people_view::uuid;
use crate::render;
use crate::reply::{Reply, Shape};

/// The companies in which the app is installed, connected or not.
pub(crate) fn list(request: &Request<'_>) -> Reply {
    let listed = request.world.companies.iter().filter(|company| {
        company.installation != Installation::Uninstalled && company.is_open_to(request.client_id, request.platform_client_id)
    });
    let listed: Vec<&Company> = listed.collect();
    let page = request.page(page::DIRECTORY);
    let rows = listed[page.rows(listed.len())].iter().map(|company| {
        json!({
            "id": company.id, "name": company.name, "is_active": true, "logo_url": null,
            "pcn_business_experience": false, "my_company": false,
        })
    });
    request.paged(page, listed.len(), render::array(rows))
}

/// The service user; its name is shown only when a company or project is named.
pub(crate) fn me(request: &Request<'_>) -> Reply {
    let mut body = json!({"id": ids::service_user(), "login": "linkyard@simulator.example"});
    let query = &request.call.query;
    if query.get("company_id").is_some() || query.get("project_id").is_some() {
        body["name"] = "Linkyard Service".into();
    }
    Reply::value(StatusCode::OK, &body)
}

/// One installation: the calling app's. It stays visible after the app was removed.
pub(crate) fn installations(request: &Request<'_>, company: &Company) -> Reply {
    let uninstalled = company.installation == Installation::Uninstalled;
    let row = json!({
        "id": 7_000_000 + u64::from(company.ordinal),
        "app_uid": uuid(company.seed),
        "components": [],
        "developer_app": false,
        "installed_at": timestamp(1_735_732_800),
        "installer": {"id": ids::service_user(), "name": "Linkyard Service"},
        "semantic_version": "1.0.0",
        "status": if uninstalled { "uninstalled" } else { "installed" },
        "uninstalled_at": uninstalled.then(|| timestamp(1_748_736_000)),
        "uninstaller": null,
        "updatable_app_version_id": null,
    });
    let page = request.page(page::DIRECTORY);
    let rows = page.rows(1).map(|_| &row);
    request.paged(page, 1, render::array(rows))
}

/// The zone of a company; the simulator has one.
pub(crate) fn base_url(request: &Request<'_>, company_id: Option<u64>) -> Result<Reply, Reply> {
    let text = "Procore-Company-Id is required.";
    let id = company_id.ok_or_else(|| Reply::shaped(StatusCode::BAD_REQUEST, Shape::ErrorObject, text))?;
    request.visible(Some(id))?;
    Ok(Reply::value(StatusCode::OK, &json!({"zone": "us01", "web_base_url": request.call.origin})))
}
