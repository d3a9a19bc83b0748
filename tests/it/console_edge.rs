//! The console's edge: what every page carries, who is let in to which, and what is refused before anybody looks at it.

use crate::console_kit::{OURS, Visitor};
use http::Method;
use linkyard_control::{Need, Origin, PAGES};
use linkyard_core::scope::Access;
use linkyard_tests::control::{Control, Key, settings};
use linkyard_tests::databases::open_store;
use linkyard_tests::ground;
use uuid::Uuid;

async fn control() -> Control {
    Control::start(open_store("sqlite::memory:").await.expect("a store")).await
}

/// The page's address with something in place of its parts.
fn address(path: &str, id: &str) -> String {
    path.replace("{id}", id).replace("{file}", "app.css").replace("{list}", "parties")
}

fn method(word: &str) -> Method {
    if word == "get" { Method::GET } else { Method::POST }
}

#[tokio::test]
async fn every_page_carries_the_headers_that_keep_others_out() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let provider = ground::active_provider(&control.store, &tenant.scope, 42).await;
    let (stranger, insider) = (Visitor::new(&control), Visitor::signed_in(&control, &tenant.operator).await);
    for (word, path, _) in PAGES.iter().copied().chain([("get", "/no/such/page", Need::Nothing), ("get", "/x", Need::Nothing)]) {
        for visitor in [&stranger, &insider] {
            if path == "/sign-out" && !visitor.cookie.is_empty() {
                continue;
            }
            let answer = visitor.ask(method(word), &address(path, &provider.id.to_string()), OURS, "").await;
            let policy = answer.header("content-security-policy").to_owned();
            for part in
                ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
            {
                assert!(policy.contains(part), "{word} {path}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{word} {path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{word} {path}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{word} {path}");
            assert!(!answer.header("x-request-id").is_empty(), "{word} {path}");
            let kept = if path.starts_with("/assets") { "public" } else { "no-" };
            assert!(answer.header("cache-control").starts_with(kept), "{word} {path}: {}", answer.header("cache-control"));
            assert!(!answer.text.contains("<script>") && !answer.text.contains(" style="), "{word} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_page_is_open_to_those_whose_key_reaches_it() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let stranger = Visitor::new(&control);
    for (word, path, need) in PAGES.iter().copied() {
        let Need::Key(needed) = need else { continue };
        let path = address(path, &Uuid::new_v4().to_string());
        let answer = stranger.ask(method(word), &path, OURS, "").await;
        match (word, path.ends_with("/live")) {
            (_, true) => assert_eq!(answer.status, 401, "{path}"),
            ("get", _) => assert!(answer.is(303).header("location").starts_with("/sign-in"), "{path}"),
            _ => assert!(answer.is(401).text.contains("Your session has ended"), "{path}"),
        }
        for (access, key) in [(Access::Read, &tenant.read), (Access::Write, &tenant.write)] {
            let visitor = Visitor::signed_in(&control, key).await;
            let answer = visitor.ask(method(word), &path, OURS, "request_id=x").await;
            assert_eq!(answer.status == 403, access < needed, "{word} {path} with {access:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_change_that_no_page_of_ours_asked_for_is_refused() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let provider = ground::active_provider(&control.store, &tenant.scope, 42).await;
    let visitor = Visitor::signed_in(&control, &tenant.operator).await;
    let foreign: [&[(&str, &str)]; 5] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ];
    let body = format!("request_id={}&name=company+42", Uuid::new_v4());
    for (_, path, _) in PAGES.iter().filter(|(word, ..)| *word == "post") {
        for headers in foreign {
            let answer = visitor.ask(Method::POST, &address(path, &provider.id.to_string()), headers, &body).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
        }
    }
    let same = control.store.provider_get(&tenant.scope, provider.id).await.expect("the provider");
    assert_eq!(same.revision, provider.revision, "nothing was done");
    visitor.get("/jobs").await.is(200);
}

#[tokio::test]
async fn other_addresses_are_not_served() {
    let control = control().await;
    let mut visitor = Visitor::new(&control);
    for host in ["evil.example", "10.0.0.1:50051", "linkyard.example.com"] {
        visitor.host = host;
        visitor.get("/sign-in").await.is(421);
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_is_this_hosts_alone_and_never_in_the_clear() {
    let store = open_store("sqlite::memory:").await.expect("a store");
    let mut config = settings();
    config.console_origin = Some(Origin::parse("https://linkyard.example.com").expect("an origin"));
    let control = Control::start_with(store, config).await;
    let tenant = control.tenant("Alpha").await;
    let mut visitor = Visitor::new(&control);
    visitor.host = "linkyard.example.com";
    let answer = visitor.sign_in(&tenant.read).await.is(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-linkyard_session="), "{cookie}");
    for flag in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let page = visitor.get("/jobs").await.is(200);
    assert!(page.header("strict-transport-security").starts_with("max-age="), "{page:?}");
}

#[tokio::test]
async fn on_the_loopback_the_cookie_is_plain_and_closed_to_scripts_and_others() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let answer = Visitor::new(&control).sign_in(&tenant.read).await.is(303).leads_to("/");
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("linkyard_session="), "{cookie}");
    for flag in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "a browser would not take it: {cookie}");
}

#[tokio::test]
async fn a_wrong_key_opens_nothing_and_is_not_shown_again() {
    let control = control().await;
    for wrong in ["", "ly_abcdefgh_wrong", "x", "'; drop table api_key; --"] {
        let answer = Visitor::new(&control).sign_in(&Key::new(wrong)).await.is(401);
        assert!(answer.header("set-cookie").is_empty(), "{answer:?}");
        assert!(answer.text.contains("unknown, expired or revoked"), "{answer:?}");
        assert!(wrong.len() < 3 || !answer.text.contains(wrong), "{answer:?}");
    }
}

#[tokio::test]
async fn a_session_is_another_one_after_each_sign_in_and_ends_when_its_key_does() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let mut visitor = Visitor::new(&control);
    visitor.cookie = "linkyard_session=chosen-by-somebody-else".to_owned();
    visitor.sign_in(&tenant.write).await.is(303);
    assert!(!visitor.cookie.contains("chosen"), "{}", visitor.cookie);
    let before = visitor.cookie.clone();
    visitor.sign_in(&tenant.write).await.is(303);
    let old = Visitor { cookie: before, ..Visitor::new(&control) };
    old.get("/jobs").await.is(303).leads_to("/sign-in?next=%2Fjobs");
    visitor.get("/jobs").await.is(200);

    let keys = control.store.api_key_list(&tenant.scope, &linkyard_core::page::PageRequest { size: 100, after: None }).await;
    let key = keys.expect("keys").rows.into_iter().find(|key| key.access == Access::Write).expect("the key");
    control.store.api_key_revoke(&tenant.scope, key.id, None).await.expect("revoked");
    visitor.get("/jobs").await.is(303).leads_to("/sign-in?next=%2Fjobs");
}

#[tokio::test]
async fn after_signing_out_the_cookie_opens_nothing() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let visitor = Visitor::signed_in(&control, &tenant.read).await;
    let answer = visitor.post("/sign-out", &[]).await.is(303).leads_to("/sign-in");
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{answer:?}");
    visitor.get("/jobs").await.is(303);
}

#[tokio::test]
async fn a_sign_in_link_is_opened_by_a_button_and_works_once() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let key = tenant.operator.header().trim_start_matches("Bearer ").to_owned();
    let link = control.store.sign_in_link_create(&key.into()).await.expect("made").expect("a link");
    let link = secrecy::ExposeSecret::expose_secret(&link).to_owned();
    let mut visitor = Visitor::new(&control);
    let looked = visitor.get(&format!("/sign-in?link={link}")).await.is(200);
    assert!(looked.header("set-cookie").is_empty(), "a program that only looks at it does not use it up");
    let answer = visitor.post("/sign-in/link", &[("link", &link)]).await.is(303).leads_to("/");
    visitor.keep(&answer);
    visitor.get("/").await.is(200);
    let again = Visitor::new(&control).post("/sign-in/link", &[("link", &link)]).await.is(401);
    assert!(again.text.contains("used already"), "{again:?}");
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let control = control().await;
    let tenant = control.tenant("Alpha").await;
    let key = tenant.read.header().trim_start_matches("Bearer ").to_owned();
    for (next, led) in [("/jobs?state=failed", "/jobs?state=failed"), ("//evil.example", "/"), ("https://evil.example/", "/")] {
        Visitor::new(&control).post("/sign-in", &[("key", &key), ("next", next)]).await.is(303).leads_to(led);
    }
}

#[tokio::test]
async fn the_api_alone_is_served_where_no_console_is_wanted() {
    let store = open_store("sqlite::memory:").await.expect("a store");
    let mut config = settings();
    config.console = false;
    let control = Control::start_with(store, config).await;
    let answer = Visitor::new(&control).get("/sign-in").await;
    assert!(answer.text.is_empty() && answer.header("content-type").starts_with("application/grpc"), "{answer:?}");
}
