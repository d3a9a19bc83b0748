//! The Procore client against everything that can go wrong: error bodies, refusals to wait for, deadlines, bodies without end.

use crate::procore_kit::{COMPANY, Canned, Listening, Said, Yard, answer, company, refusal, short};
use linkyard_core::Error;
use linkyard_core::mapping::Subject;
use linkyard_procore::{Args, Procore};
use linkyard_simulator::{CompanySpec, Config};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;

async fn yard() -> Yard {
    let config = Config { companies: vec![CompanySpec::generated(COMPANY, 40, 2)], ..Config::default() };
    Yard::start(config, |_| {}).await
}

#[tokio::test]
async fn every_error_shape_and_status_becomes_what_a_caller_can_act_on() {
    let yard = yard().await;
    let statuses = [
        (400, "INVALID_INPUT"),
        (403, "PROVIDER_PERMISSION"),
        (404, "NOT_FOUND"),
        (408, "UNAVAILABLE"),
        (409, "INVALID_INPUT"),
        (422, "INVALID_INPUT"),
        (500, "UNAVAILABLE"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "UNAVAILABLE"),
    ];
    let shapes = [
        "errors_array",
        "errors_string",
        "errors_fields",
        "error_string",
        "error_object",
        "message",
        "model",
        "v2",
        "text",
        "html",
        "empty",
    ];
    for (status, expected) in statuses {
        for shape in shapes {
            yard.no_more_faults().await;
            let action = json!({"kind": "status", "status": status, "shape": shape, "message": "Something is odd."});
            yard.fault(json!({}), action).await;
            let (reason, message) = refusal(yard.company().page(Subject::Vendor, 1, None).await);
            assert_eq!(reason, expected, "{status} {shape}");
            let told = message.contains("Something is odd.");
            assert_eq!(told, !matches!(shape, "html" | "empty"), "{status} {shape}: {message}");
            assert!(message.contains(&status.to_string()) && message.contains("request "), "{message}");
        }
    }
}

#[tokio::test]
async fn what_a_403_says_decides_what_a_person_has_to_mend() {
    let yard = yard().await;
    let said = [
        ("App is not connected to this company.", "PROVIDER_NOT_CONNECTED"),
        ("The app has not been installed in this company", "PROVIDER_NOT_INSTALLED"),
        ("You do not have permission to do this", "PROVIDER_PERMISSION"),
    ];
    for (message, expected) in said {
        yard.no_more_faults().await;
        yard.fault(json!({}), json!({"kind": "status", "status": 403, "message": message})).await;
        assert_eq!(refusal(yard.company().page(Subject::Vendor, 1, None).await).0, expected);
    }
    assert_eq!(yard.counted("oauth_calls").await, 1, "none of this is about the token");
}

#[tokio::test]
async fn a_wait_is_read_in_every_form_and_bounded() {
    let wait = async |status: u16, headers: &'static [(&'static str, &'static str)]| {
        let server = Canned::start(move |_| {
            Said::Whole(answer(status, headers, "You have surpassed the max number of requests for an hour."))
        })
        .await;
        let error = server.company().page(Subject::Vendor, 1, None).await.expect_err("a wait");
        assert!(matches!(error, Error::Throttled { .. }), "{error}");
        assert_eq!(server.asked("/rest").len(), 1, "not tried again at once");
        error.retry_after().expect("a wait").as_secs()
    };
    // Up to a quarter of a second of jitter is added; whole seconds are compared.
    assert_eq!(wait(429, &[("Retry-After", "7")]).await, 7);
    assert_eq!(wait(503, &[("Retry-After", "7")]).await, 7);
    assert_eq!(wait(429, &[]).await, 10);
    assert_eq!(wait(429, &[("Retry-After", "-3")]).await, 10);
    assert_eq!(wait(429, &[("Retry-After", "whenever")]).await, 10);
    assert_eq!(wait(429, &[("Retry-After", "86400")]).await, 900);
    assert_eq!(wait(429, &[("Retry-After", "99999999999999999999999")]).await, 900);
    let date = [("Date", "Tue, 14 Nov 2023 22:13:20 GMT"), ("Retry-After", "Tue, 14 Nov 2023 22:13:45 GMT")];
    assert_eq!(wait(429, Box::leak(Box::new(date))).await, 25);
    let reset = [("Date", "Tue, 14 Nov 2023 22:13:20 GMT"), ("Retry-After", "3"), ("X-Rate-Limit-Reset", "1700000012")];
    assert_eq!(wait(429, Box::leak(Box::new(reset))).await, 12);
}

#[tokio::test]
async fn a_503_without_a_time_is_an_outage() {
    let yard = yard().await;
    yard.fault(json!({}), json!({"kind": "status", "status": 503})).await;
    assert_eq!(refusal(yard.company().page(Subject::Vendor, 1, None).await).0, "UNAVAILABLE");
    yard.no_more_faults().await;
    yard.fault(json!({}), json!({"kind": "status", "status": 503, "retry_after_s": 5})).await;
    assert_eq!(refusal(yard.company().page(Subject::Vendor, 1, None).await).0, "RATE_LIMITED");
}

#[tokio::test]
async fn a_login_that_fails_is_an_outage_or_a_wait_but_not_wrong_credentials() {
    let yard = yard().await;
    for (action, expected) in [
        (json!({"kind": "status", "status": 502}), "UNAVAILABLE"),
        (json!({"kind": "status", "status": 404, "shape": "html"}), "UNAVAILABLE"),
        (json!({"kind": "html_200"}), "UNAVAILABLE"),
        (json!({"kind": "reset"}), "UNAVAILABLE"),
        (json!({"kind": "status", "status": 429, "retry_after_s": 4}), "RATE_LIMITED"),
    ] {
        yard.no_more_faults().await;
        yard.fault(json!({"route": "/oauth/token"}), action.clone()).await;
        assert_eq!(refusal(yard.company().page(Subject::Vendor, 1, None).await).0, expected, "{action}");
    }
    yard.no_more_faults().await;
    yard.company().page(Subject::Vendor, 1, None).await.expect("a failure is not kept");
}

#[tokio::test]
async fn cut_and_silent_connections_end_in_time() {
    let yard = yard().await;
    for action in [json!({"kind": "reset"}), json!({"kind": "lose_reply"}), json!({"kind": "hang"}), json!({"kind": "truncated"})]
    {
        yard.no_more_faults().await;
        yard.fault(json!({}), action.clone()).await;
        let (reason, message) = refusal(yard.company().page(Subject::Vendor, 1, None).await);
        assert_eq!(reason, "UNAVAILABLE", "{action}");
        assert!(!message.contains("127.0.0.1"), "{message}");
    }
    yard.no_more_faults().await;
    yard.company().page(Subject::Vendor, 1, None).await.expect("afterwards all is well");
}

#[tokio::test]
async fn headers_followed_by_silence_and_a_trickling_body_end_in_time() {
    let head = answer(200, &[("Total", "1")], "x".repeat(100_000));
    let half = head[..200].to_vec();
    let server = Canned::start(move |_| Said::ThenSilence(half.clone())).await;
    let (reason, message) = refusal(server.company().page(Subject::Vendor, 1, None).await);
    assert_eq!((reason, message.contains("took too long")), ("UNAVAILABLE", true), "{message}");
    let server = Canned::start(move |_| Said::Drip(head.clone())).await;
    let (reason, message) = refusal(server.company().page(Subject::Vendor, 1, None).await);
    assert_eq!((reason, message.contains("took too long")), ("UNAVAILABLE", true), "{message}");
}

#[tokio::test]
async fn nobody_listening_is_an_outage() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address");
    crate::procore_kit::cryptography();
    let args = Args::simulator(&format!("http://{unused}"), "id", "s3cret");
    let procore = Procore::with_settings(&args, Arc::new(Listening::default()), short()).expect("client");
    let (reason, message) = refusal(company(&procore).page(Subject::Vendor, 1, None).await);
    assert_eq!((reason, message.contains("could not connect")), ("UNAVAILABLE", true), "{message}");
}

#[tokio::test]
async fn a_body_is_counted_after_decompression() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        gzip.write_all(&[b' '; 1 << 20]).expect("compression in memory");
    }
    let bomb = gzip.finish().expect("compression in memory");
    assert!(bomb.len() < 1 << 20);
    let server = Canned::start(move |_| Said::Whole(answer(200, &[("Content-Encoding", "gzip")], &bomb))).await;
    let (reason, message) = refusal(server.company().page(Subject::Vendor, 1, None).await);
    assert_eq!((reason, message.contains("more than 16777216 bytes")), ("UNAVAILABLE", true), "{message}");

    let endless = answer(200, &[], " ".repeat((16 << 20) + 1));
    let server = Canned::start(move |_| Said::Whole(endless.clone())).await;
    assert!(refusal(server.company().page(Subject::Vendor, 1, None).await).1.contains("more than 16777216 bytes"));
}

#[tokio::test]
async fn a_compressed_page_is_read() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(br#"[{"id":1,"name":"A"}]"#).expect("compression in memory");
    let body = gzip.finish().expect("compression in memory");
    let server = Canned::start(move |_| Said::Whole(answer(200, &[("Content-Encoding", "gzip")], &body))).await;
    let page = server.company().page(Subject::Vendor, 1, None).await.expect("page");
    assert_eq!(page.records[0].name, "A");
    assert!(server.asked("/rest")[0].headers["accept-encoding"].contains("gzip"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Canned::start(|_| Said::Whole(answer(200, &[], "[]"))).await;
    let location = format!("{}/rest/v1.0/vendors", other.url);
    let server = Canned::start(move |_| Said::Whole(answer(302, &[("Location", &location)], ""))).await;
    assert_eq!(refusal(server.company().page(Subject::Vendor, 1, None).await).0, "UNAVAILABLE");
    assert_eq!(other.asked("/").len(), 0);
}

#[tokio::test]
async fn an_error_never_repeats_what_is_secret() {
    let server = Canned::start(|asked| {
        let body = format!(
            "{{\"error\":\"bad header {} for jo@example.com, client secret s3cret {}\"}}",
            asked.headers["authorization"],
            "x".repeat(5_000)
        );
        Said::Whole(answer(422, &[("X-Request-Id", "req-77")], body))
    })
    .await;
    let error = server.company().page(Subject::Vendor, 1, None).await.expect_err("an error");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("req-77"), "{shown}");
    for secret in ["t0ken", "s3cret", "jo@example.com", "xxxxxxxx"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let procore = server.procore(Arc::new(Listening::default()));
    assert!(!format!("{procore:?}{:?}", company(&procore)).contains("s3cret"));
    assert!(!format!("{:?}", Args::simulator("http://x", "id", "s3cret")).contains("s3cret"));
}
