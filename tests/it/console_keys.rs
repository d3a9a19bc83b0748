//! The console's API keys: a new one is shown once and opens what it says, a revoked one opens nothing, and nobody makes more than they are.

use crate::console_kit::{Answer, Visitor, field};
use crate::control_kit::call;
use linkyard_core::id::ApiKeyId;
use linkyard_core::page::PageRequest;
use linkyard_core::scope::{Access, Scope};
use linkyard_store::ApiKey;
use linkyard_tests::control::{Control, Key};
use linkyard_tests::databases::{each_database, open_store};
use uuid::Uuid;

const ALL: PageRequest = PageRequest { size: 100, after: None };
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const LIST: &str = "linkyard.v1.JobService/ListJobs";

async fn control() -> Control {
    Control::start(open_store("sqlite::memory:").await.expect("a store")).await
}

async fn keys(control: &Control, scope: &Scope) -> Vec<ApiKey> {
    control.store.api_key_list(scope, &ALL).await.expect("keys").rows
}

async fn own(control: &Control, scope: &Scope, access: Access) -> ApiKeyId {
    keys(control, scope).await.into_iter().find(|key| key.access == access).expect("a key").id
}

async fn make(visitor: &Visitor<'_>, name: &str, access: &str, term: &str) -> Answer {
    let id = Uuid::new_v4().to_string();
    visitor.post("/keys/new", &[("request_id", &id), ("name", name), ("access", access), ("term", term)]).await
}

/// The key on the page that shows it.
fn shown(answer: &Answer) -> String {
    let rest = answer.text.split_once("id=\"secret\" value=\"").map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split_once('"')).map_or_else(|| panic!("no key: {answer:?}"), |(secret, _)| secret.to_owned())
}

#[tokio::test]
async fn a_new_key_is_shown_once_opens_what_it_says_and_nothing_once_it_is_revoked() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let visitor = Visitor::signed_in(&control, &tenant.write).await;
        let page = visitor.get("/keys/new").await.is(200);
        let form =
            [("request_id", field(&page.text, "request_id")), ("name", "Nightly report"), ("access", "read"), ("term", "30")];
        let secret = shown(&visitor.post("/keys/new", &form).await.is(200));
        let again = shown(&visitor.post("/keys/new", &form).await.is(200));
        assert_eq!(secret, again, "a second click shows the key of the first");

        let made: Vec<ApiKey> =
            keys(&control, &tenant.scope).await.into_iter().filter(|key| key.name == "Nightly report").collect();
        assert_eq!(made.len(), 1);
        let made = &made[0];
        let early_ms = made.created_at_ms + 30 * DAY_MS - made.expires_at_ms.expect("an end");
        assert!(
            (0..60_000).contains(&early_ms),
            "30 days from when it was asked for, {early_ms} ms before it was made: {made:?}"
        );
        assert_eq!(made.access, Access::Read);
        let list = visitor.get("/keys").await.is(200);
        assert!(list.text.contains("Nightly report") && list.text.contains(&made.prefix), "{list:?}");
        assert!(!list.text.contains(&secret), "the secret is not shown again");

        let channel = control.keyed(&Key::new(&secret));
        call(channel.clone(), LIST, Vec::new()).await.expect("the key opens the API");
        let owner = Visitor::signed_in(&control, &Key::new(&secret)).await;
        owner.get("/keys").await.is(200);
        owner.get("/keys/new").await.is(403);

        let page = visitor.get(&format!("/keys/{}/revoke", made.id)).await.is(200);
        assert!(page.text.contains("Nightly report"), "{page:?}");
        visitor.press(&format!("/keys/{}/revoke", made.id)).await.is(303).leads_to("/keys?notice=key-revoked");
        call(channel, LIST, Vec::new()).await.expect_err("here it is refused at once");
        owner.get("/keys").await.is(303).leads_to("/sign-in?next=%2Fkeys");
        Visitor::new(&control).sign_in(&Key::new(&secret)).await.is(401);
        assert!(visitor.get("/keys").await.is(200).text.contains("Revoked"));
        visitor.press(&format!("/keys/{}/revoke", made.id)).await.is(303);
    })
    .await;
}

#[tokio::test]
async fn nobody_makes_a_key_that_may_do_more() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let before = keys(&control, &tenant.scope).await.len();
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let page = visitor.get("/keys/new").await.is(200);
    assert!(page.text.contains("value=\"write\"") && !page.text.contains("value=\"operator\""), "{page:?}");
    make(&visitor, "More", "operator", "30").await.is(403);
    assert_eq!(keys(&control, &tenant.scope).await.len(), before);
    let operator = Visitor::signed_in(&control, &tenant.operator).await;
    make(&operator, "More", "operator", "never").await.is(200);
    let made = keys(&control, &tenant.scope).await.into_iter().find(|key| key.name == "More").expect("the key");
    assert_eq!((made.access, made.expires_at_ms), (Access::Operator, None));
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_key_stands_at_its_field() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let before = keys(&control, &tenant.scope).await.len();
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let answer = make(&visitor, "  ", "everything", "forever").await.is(422);
    for said in ["Say what it is for", "Choose what it may do", "Choose how long it is valid", "3 things are to be put right"] {
        assert!(answer.text.contains(said), "{said}: {answer:?}");
    }
    let long = "x".repeat(201);
    let answer = make(&visitor, &long, "read", "30").await.is(422);
    assert!(answer.text.contains("1 to 200 characters") && answer.text.contains(&long), "{answer:?}");
    assert_eq!(keys(&control, &tenant.scope).await.len(), before);
}

#[tokio::test]
async fn whoever_revokes_the_own_key_is_told_and_signed_out() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let visitor = Visitor::signed_in(&control, &tenant.write).await;
    let id = own(&control, &tenant.scope, Access::Write).await;
    assert!(visitor.get("/keys").await.is(200).text.contains("you are signed in with it"));
    assert!(visitor.get(&format!("/keys/{id}/revoke")).await.is(200).text.contains("you will be signed out"));
    visitor.press(&format!("/keys/{id}/revoke")).await.is(303);
    visitor.get("/keys").await.is(303).leads_to("/sign-in?next=%2Fkeys");
}

#[tokio::test]
async fn keys_of_another_organization_are_not_there() {
    let control = control().await;
    let (ours, theirs) = (control.tenant("Ours").await, control.tenant("Theirs").await);
    let visitor = Visitor::signed_in(&control, &ours.operator).await;
    let id = own(&control, &theirs.scope, Access::Write).await;
    visitor.get(&format!("/keys/{id}/revoke")).await.is(404);
    visitor.press(&format!("/keys/{id}/revoke")).await.is(404);
    let key = keys(&control, &theirs.scope).await.into_iter().find(|key| key.id == id).expect("the key");
    assert_eq!(key.revoked_at_ms, None);
    let list = visitor.get("/keys").await.is(200);
    assert!(!list.text.contains(&key.prefix), "{list:?}");
}
