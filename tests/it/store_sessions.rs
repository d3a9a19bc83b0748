//! Sessions of the console, on every database: what begins one, what ends it, and that a stolen database opens none.

use linkyard_core::scope::Access;
use linkyard_store::SessionUse::{Page, Person};
use linkyard_tests::databases::each_database_with_sql;
use linkyard_tests::ground::tenant;
use secrecy::{ExposeSecret, SecretString};

#[tokio::test]
async fn a_session_ends_by_idleness_by_age_by_signing_out_and_with_its_key() {
    each_database_with_sql(async |store, sql| {
        let scope = tenant(&store, "Alpha").await;
        let (key, secret) = store.api_key_create(&scope, "Ann", Access::Write, None, None).await.expect("a key");
        let begin = async || store.session_open(&secret).await.expect("asked").expect("begun");
        let is_there = async |session: &SecretString| store.session_check(session, Person).await.expect("asked").is_some();

        let session = begin().await;
        let seen = store.session_check(&session, Person).await.expect("asked").expect("signed in");
        assert_eq!((seen.principal.scope.organization, seen.principal.access), (scope.organization, Access::Write));
        assert_eq!((seen.key_name.as_str(), seen.organization.name.as_str()), ("Ann", "Alpha"));

        // A page that brings itself up to date does not keep a session from becoming idle, a person does.
        sql.execute("update console_session set seen_at_ms = seen_at_ms - 29 * 60000").await;
        store.session_check(&session, Page).await.expect("asked").expect("not idle yet");
        sql.execute("update console_session set seen_at_ms = seen_at_ms - 2 * 60000").await;
        assert!(!is_there(&session).await, "idle");
        let session = begin().await;
        sql.execute("update console_session set seen_at_ms = seen_at_ms - 29 * 60000").await;
        assert!(is_there(&session).await);
        sql.execute("update console_session set seen_at_ms = seen_at_ms - 2 * 60000").await;
        assert!(is_there(&session).await, "it was used two minutes ago");
        sql.execute("update console_session set created_at_ms = created_at_ms - 12 * 3600000").await;
        assert!(!is_there(&session).await, "too old");

        let (one, other) = (begin().await, begin().await);
        store.session_close(&one).await.expect("closed");
        assert!(!is_there(&one).await && is_there(&other).await);
        store.api_key_revoke(&scope, key.id, None).await.expect("revoked");
        assert!(!is_there(&other).await, "with its key");
        assert!(store.session_open(&secret).await.expect("asked").is_none(), "a revoked key begins none");
    })
    .await;
}

#[tokio::test]
async fn a_link_begins_one_session_and_the_database_holds_no_secret() {
    each_database_with_sql(async |store, sql| {
        let scope = tenant(&store, "Alpha").await;
        let (_, secret) = store.api_key_create(&scope, "Ann", Access::Read, None, None).await.expect("a key");
        let link = async || store.sign_in_link_create(&secret).await.expect("asked").expect("made");
        let first = link().await;
        let (one, other) = tokio::join!(store.session_open_by_link(&first), store.session_open_by_link(&first));
        let sessions: Vec<SecretString> = [one, other].into_iter().filter_map(|opened| opened.expect("asked")).collect();
        assert_eq!(sessions.len(), 1, "of two who come with it at the same time one is let in");
        store.session_check(&sessions[0], Person).await.expect("asked").expect("signed in");

        let late = link().await;
        sql.execute("update sign_in_link set created_at_ms = created_at_ms - 3600001").await;
        assert!(store.session_open_by_link(&late).await.expect("asked").is_none(), "older than an hour");
        for hostile in ["", "x", "' or 1=1 --", first.expose_secret()] {
            let hostile = SecretString::from(hostile);
            assert!(store.session_open_by_link(&hostile).await.expect("asked").is_none());
            assert!(store.session_check(&hostile, Person).await.expect("asked").is_none());
        }
        let stored = sql.number("select count(*) from console_session where length(secret_sha256) = 32").await;
        assert_eq!(stored, 1);
    })
    .await;
}
