//! The console's pages without a browser: whose things they show, what a form does that is sent twice, and what is kept of it.

use crate::console_kit::{Visitor, field};
use linkyard_core::job::JobState;
use linkyard_core::page::PageRequest;
use linkyard_tests::control::{Control, Tenant};
use linkyard_tests::databases::open_store;
use linkyard_tests::ground;
use uuid::Uuid;

const ALL: PageRequest = PageRequest { size: 100, after: None };

async fn control() -> Control {
    Control::start(open_store("sqlite::memory:").await.expect("a store")).await
}

/// A form that is right, with the request id of a page.
async fn right(control: &Control, tenant: &Tenant, request_id: &str) -> Vec<(&'static str, String)> {
    let party_type = control.store.party_types(&tenant.scope).await.expect("party types")[0].id;
    let profile = control.store.compliance_profiles(&tenant.scope).await.expect("profiles")[0].id;
    vec![
        ("request_id", request_id.to_owned()),
        ("kind", "procore".to_owned()),
        ("display_name", "Main".to_owned()),
        ("company_id", "https://us02.procore.com/4711/company/home".to_owned()),
        ("client_id", "own-client".to_owned()),
        ("client_secret", "canary-secret".to_owned()),
        ("default_party_type", party_type.to_string()),
        ("default_compliance_profile", profile.to_string()),
        ("contacts_mode", "primary_only".to_owned()),
    ]
}

async fn send(visitor: &Visitor<'_>, path: &str, form: &[(&'static str, String)]) -> crate::console_kit::Answer {
    let fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    visitor.post(path, &fields).await
}

#[tokio::test]
async fn nothing_of_another_organization_is_there() {
    let control = control().await;
    let (ours, theirs) = (control.tenant("Ours").await, control.tenant("Theirs").await);
    let provider = ground::active_provider(&control.store, &theirs.scope, 42).await;
    let job = ground::fetch(&control.store, &theirs.scope, provider.id).await;
    let visitor = Visitor::signed_in(&control, &ours.operator).await;
    for path in [
        format!("/providers/{}", provider.id),
        format!("/providers/{}/edit", provider.id),
        format!("/providers/{}/delete", provider.id),
        format!("/jobs/{}", job.id),
        format!("/jobs?provider={}", provider.id),
        format!("/mapping/parties/{}", provider.id),
        format!("/mapping/projects/{}", provider.id),
        format!("/mapping/parties/{}/plan?action=create", provider.id),
        format!("/mapping/parties/{}/plan?rows=1.1", provider.id),
        format!("/mapping/parties/{}/targets?record=1", provider.id),
        format!("/mapping/parties/{}/automatic", provider.id),
        format!("/mapping/parties/{}/import", provider.id),
        format!("/mapping/parties/{}/export", provider.id),
    ] {
        let answer = visitor.get(&path).await.is(404);
        assert!(!answer.text.contains("company 42"), "{path}: {answer:?}");
    }
    for action in ["test", "fetch", "pause", "resume", "delete", "edit"] {
        visitor.press(&format!("/providers/{}/{action}", provider.id)).await.is(if action == "edit" { 422 } else { 404 });
    }
    for action in ["cancel", "retry"] {
        visitor.press(&format!("/jobs/{}/{action}", job.id)).await.is(404);
    }
    let (id, import) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    for (action, field) in [
        ("act", ("set", "1.1.create")),
        ("act", ("set", "1.1.unlink")),
        ("act", ("pick", "1.1")),
        ("confirm", ("rows", "1.1")),
        ("confirm", ("action", "create")),
        ("automatic", ("on", "yes")),
        ("import/start", ("import", import.as_str())),
    ] {
        let path = format!("/mapping/parties/{}/{action}", provider.id);
        visitor.post(&path, &[("request_id", &id), field]).await.is(404);
    }
    let (provider_after, job_after) = (
        control.store.provider_get(&theirs.scope, provider.id).await.expect("theirs"),
        control.store.job_get(&theirs.scope, job.id).await.expect("theirs"),
    );
    assert_eq!((provider_after.revision, job_after.state), (provider.revision, JobState::Queued));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_provider() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let page = visitor.get("/providers/new").await.is(200);
    let form = right(&control, &tenant, field(&page.text, "request_id")).await;
    let (first, second) = tokio::join!(send(&visitor, "/providers/new", &form), send(&visitor, "/providers/new", &form));
    let (first, second) = (first.is(303), second.is(303));
    assert_eq!(first.header("location"), second.header("location"), "the second click gets the answer of the first");
    let providers = control.store.provider_list(&tenant.scope, &ALL).await.expect("a list").rows;
    assert_eq!(providers.len(), 1);
    assert_eq!((providers[0].display_name.as_str(), providers[0].company_id.0), ("Main", 4711));

    let mut other = form.clone();
    other[2].1 = "Other".to_owned();
    let answer = send(&visitor, "/providers/new", &other).await.is(409);
    assert!(answer.text.contains("used before"), "{answer:?}");
    assert_eq!(control.store.provider_list(&tenant.scope, &ALL).await.expect("a list").rows.len(), 1);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_form_stands_at_its_field_and_what_was_typed_is_kept() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let mut form = right(&control, &tenant, &Uuid::new_v4().to_string()).await;
    for (name, value) in &mut form {
        match *name {
            "display_name" => *value = "x".repeat(201),
            "company_id" => *value = "<b>acme</b>".to_owned(),
            "client_id" => *value = "N/A".to_owned(),
            "default_party_type" => value.clear(),
            "contacts_mode" => *value = "all".to_owned(),
            _ => {}
        }
    }
    let answer = send(&visitor, "/providers/new", &form).await.is(422);
    for field in ["display_name", "company_id", "client_id", "default_party_type", "contacts_mode"] {
        assert!(answer.text.contains(&format!("id=\"{field}-problem\"")), "{field}: {answer:?}");
    }
    assert!(answer.text.contains("5 things are"), "{answer:?}");
    assert!(answer.text.contains("&#60;b&#62;acme&#60;/b&#62;") && !answer.text.contains("<b>acme"), "kept, as text");
    assert!(!answer.text.contains("canary-secret"), "a secret is never sent back");
    assert!(control.store.provider_list(&tenant.scope, &ALL).await.expect("a list").rows.is_empty());
}

#[tokio::test]
async fn a_form_that_came_after_the_end_of_the_session_is_kept_without_its_secret() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let mut visitor = Visitor::signed_in(&control, &tenant.write).await;
    let form = right(&control, &tenant, &Uuid::new_v4().to_string()).await;
    visitor.post("/sign-out", &[]).await.is(303);
    let ended = send(&visitor, "/providers/new", &form).await.is(401);
    assert!(ended.text.contains("what you typed is kept"), "{ended:?}");
    assert_eq!(field(&ended.text, "kept.display_name"), "Main");
    assert!(!ended.text.contains("canary-secret"), "{ended:?}");
    let key = tenant.write.header().trim_start_matches("Bearer ").to_owned();
    let mut again = vec![("key".to_owned(), key), ("next".to_owned(), field(&ended.text, "next").to_owned())];
    for (name, _) in form.iter().filter(|(name, _)| *name != "client_secret") {
        let name = format!("kept.{name}");
        let value = field(&ended.text, &name).to_owned();
        again.push((name, value));
    }
    let fields: Vec<(&str, &str)> = again.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let signed_in = visitor.post("/sign-in", &fields).await.is(200);
    visitor.keep(&signed_in);
    assert!(signed_in.text.contains("action=\"/providers/new\""), "{signed_in:?}");
    assert_eq!(field(&signed_in.text, "display_name"), "Main");
    assert!(control.store.provider_list(&tenant.scope, &ALL).await.expect("a list").rows.is_empty(), "nothing was done yet");
    let kept: Vec<_> = form.into_iter().filter(|(name, _)| *name != "client_secret").collect();
    let answer = send(&visitor, "/providers/new", &kept).await.is(422);
    assert!(answer.text.contains("id=\"client_secret-problem\""), "the secret is asked for again: {answer:?}");
}

#[tokio::test]
async fn a_provider_is_changed_only_as_it_was_seen() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let provider = ground::active_provider(&control.store, &tenant.scope, 42).await;
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let path = format!("/providers/{}/edit", provider.id);
    let page = visitor.get(&path).await.is(200);
    assert!(!page.text.contains("canary-secret"), "{page:?}");
    let mut form = right(&control, &tenant, field(&page.text, "request_id")).await;
    form.retain(|(name, _)| *name != "kind" && *name != "company_id");
    for (name, value) in &mut form {
        match *name {
            "client_id" => *value = "client-42".to_owned(),
            "client_secret" => value.clear(),
            _ => {}
        }
    }
    form.push(("revision", field(&page.text, "revision").to_owned()));
    form.push(("retire_by", "deleted".to_owned()));
    send(&visitor, &path, &form).await.is(303);
    let changed = control.store.provider_get(&tenant.scope, provider.id).await.expect("the provider");
    assert_eq!((changed.display_name.as_str(), changed.pushes, changed.schedules), ("Main", false, false));
    assert_eq!(changed.state, provider.state, "the credentials are the same, so nothing is tested again");

    form[0].1 = Uuid::new_v4().to_string();
    form[1].1 = "Second".to_owned();
    let answer = send(&visitor, &path, &form).await.is(409);
    assert!(answer.text.contains("value=\"Second\""), "what was typed is kept: {answer:?}");
    let same = control.store.provider_get(&tenant.scope, provider.id).await.expect("the provider");
    assert_eq!(same.display_name, "Main");
}

#[tokio::test]
async fn a_provider_is_deleted_by_its_name() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let provider = ground::active_provider(&control.store, &tenant.scope, 42).await;
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let path = format!("/providers/{}/delete", provider.id);
    let page = visitor.get(&path).await.is(200);
    let request_id = field(&page.text, "request_id").to_owned();
    let wrong = visitor.post(&path, &[("request_id", &request_id), ("name", "company 43")]).await.is(422);
    assert!(wrong.text.contains("This is not the provider") && wrong.text.contains("value=\"company 43\""), "{wrong:?}");
    let same = control.store.provider_get(&tenant.scope, provider.id).await.expect("the provider");
    assert_eq!(same.revision, provider.revision);
    let request_id = field(&wrong.text, "request_id").to_owned();
    for click in ["first", "second"] {
        let answer = visitor.post(&path, &[("request_id", &request_id), ("name", " company  42 ")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/providers?notice=provider-deleting"), "{click}");
    }
    assert!(!visitor.get("/providers").await.is(200).text.contains("company 42"));
}

#[tokio::test]
async fn what_can_not_be_done_keeps_the_page_and_says_why() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let provider = ground::active_provider(&control.store, &tenant.scope, 42).await;
    let job = ground::fetch(&control.store, &tenant.scope, provider.id).await;
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let refused = visitor.press(&format!("/jobs/{}/retry", job.id)).await.is(409);
    assert!(refused.text.contains("it is not finished yet") && refused.text.contains("About this job"), "{refused:?}");
    visitor.press(&format!("/jobs/{}/cancel", job.id)).await.is(303);
    assert_eq!(control.store.job_get(&tenant.scope, job.id).await.expect("the job").state, JobState::Cancelled);
    let refused = visitor.press(&format!("/providers/{}/resume", provider.id)).await.is(409);
    assert!(refused.text.contains("Where every record stands"), "{refused:?}");
}
