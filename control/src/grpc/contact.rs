//! The part of `PartyService` that is about contacts.

use super::{Api, Reply};
use crate::names::{self, PARTIES};
use crate::request::open;
use crate::status::{respelled, to_status};
use crate::{etag, wire};
use linkyard_core::Error;
use linkyard_core::contact::{ContactChange, NewContact};
use linkyard_core::error::Violations;
use linkyard_proto::v1;
use tonic::{Request, Response, Status};

/// What a caller may change of a contact.
const CHANGEABLE: [&str; 5] = ["display_name", "email", "phone", "job_title", "primary"];

pub(super) async fn list(api: &Api, request: Request<v1::ListContactsRequest>) -> Reply<v1::ListContactsResponse> {
    let (caller, mut message) = open(request)?;
    let listing = api.pages.open(&caller, &mut message).map_err(to_status)?;
    let party = PARTIES.parse("parent", &message.parent).map_err(to_status)?;
    let page = api.service.contact_list(&caller.scope, party, &listing.page).await.map_err(to_status)?;
    let next_page_token = listing.token(page.next.as_deref());
    Ok(Response::new(v1::ListContactsResponse { contacts: page.rows.iter().map(wire::contact).collect(), next_page_token }))
}

pub(super) async fn create(api: &Api, request: Request<v1::CreateContactRequest>) -> Reply<v1::Contact> {
    let (caller, message) = open(request)?;
    let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
    let party = PARTIES.parse("parent", &message.parent).map_err(to_status)?;
    let form = message.contact.unwrap_or_default();
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let new = NewContact {
        name: form.display_name,
        email: given(form.email),
        phone: given(form.phone),
        job_title: given(form.job_title),
        primary: form.primary,
    };
    let created = api.service.contact_create(&caller.scope, party, &new, key.as_ref()).await.map_err(refusal)?;
    Ok(Response::new(wire::contact(&created)))
}

pub(super) async fn update(api: &Api, request: Request<v1::UpdateContactRequest>) -> Reply<v1::Contact> {
    let (caller, message) = open(request)?;
    let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
    let form = message.contact.unwrap_or_default();
    let name = names::parse_contact("contact.name", &form.name).map_err(to_status)?;
    let mut violations = Violations::default();
    let expected = etag::parse("contact.etag", &form.etag, &mut violations);
    let change = change(form, message.update_mask, &mut violations);
    let change = violations.finish(change).map_err(to_status)?;
    let updated = api.service.contact_update(&caller.scope, name, &change, expected, key.as_ref()).await.map_err(refusal)?;
    Ok(Response::new(wire::contact(&updated)))
}

pub(super) async fn delete(api: &Api, request: Request<v1::DeleteContactRequest>) -> Reply<()> {
    let (caller, message) = open(request)?;
    let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
    let name = names::parse_contact("name", &message.name).map_err(to_status)?;
    let mut violations = Violations::default();
    let expected = etag::parse("etag", &message.etag, &mut violations);
    let expected = violations.finish(expected).map_err(to_status)?;
    api.service.contact_delete(&caller.scope, name, expected, key.as_ref()).await.map_err(to_status)?;
    Ok(Response::new(()))
}

/// What a form changes: what the mask names, or what is not empty where there is none.
fn change(form: v1::Contact, mask: Option<prost_types::FieldMask>, violations: &mut Violations) -> ContactChange {
    let paths = mask.map(|mask| mask.paths).filter(|paths| !paths.is_empty());
    for path in paths.iter().flatten().filter(|path| !CHANGEABLE.contains(&path.as_str())) {
        violations.add("update_mask", format!("{path} can not be changed; {} can", CHANGEABLE.join(", ")));
    }
    let wanted = |path: &str, there: bool| match &paths {
        Some(paths) => paths.iter().any(|wanted| wanted == path),
        None => there,
    };
    let part = |path: &str, text: String| wanted(path, !text.is_empty()).then_some(text);
    ContactChange {
        name: part("display_name", form.display_name),
        email: part("email", form.email),
        phone: part("phone", form.phone),
        job_title: part("job_title", form.job_title),
        primary: wanted("primary", form.primary).then_some(form.primary),
    }
}

/// A refusal with the fields as the API spells them.
fn refusal(error: Error) -> Status {
    to_status(respelled(error, |field| match field {
        "name" => "contact.display_name".to_owned(),
        field => format!("contact.{field}"),
    }))
}
