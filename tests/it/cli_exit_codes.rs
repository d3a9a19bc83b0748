//! The documented exit codes, each by a command that ends with it, and the words that go with an error.

use crate::cli_kit::{Up, command, run, signal};
use std::net::TcpListener;
use std::process::Stdio;

/// An address at which nothing listens.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn a_wrong_command_line_is_2_and_asks_no_server() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("key"), "ly_x").expect("a key");
    let cases: [&[&str]; 7] = [
        &["parties", "mapping", "decide", "1"],
        &["parties", "mapping", "confirm", "--filter", "suggested", "--yes"],
        &["parties", "mapping", "list", "--filter", "state=gone"],
        &["parties", "mapping", "confirm", "--filter", "all", "--create"],
        &["job", "get", "parties/1"],
        &["provider", "list", "--timeout", "soon"],
        &["provider", "list", "--server", "not an address"],
    ];
    for arguments in cases {
        let arguments = [arguments, &["--api-key-file", "key"]].concat();
        let done = run(directory.path(), &arguments).ended(2);
        assert_eq!(done.out, "", "{arguments:?}");
        assert!(done.err.starts_with("error: "), "{done:?}");
    }
}

#[test]
fn no_key_is_4_and_nobody_listening_is_8() {
    let directory = tempfile::tempdir().expect("a directory");
    let done = run(directory.path(), &["provider", "list", "--server", NOBODY]).ended(4);
    assert!(done.err.contains("LINKYARD_API_KEY"), "{done:?}");
    std::fs::write(directory.path().join("key"), "ly_x").expect("a key");
    let done = run(directory.path(), &["provider", "list", "--server", NOBODY, "--api-key-file", "key"]).ended(8);
    assert!(done.err.contains("no linkyard server answers at http://127.0.0.1:1 (`linkyard up` starts one)"), "{done:?}");
}

#[test]
fn a_server_that_never_answers_is_7_when_the_time_is_up() {
    let directory = tempfile::tempdir().expect("a directory");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("http://{}", silent.local_addr().expect("an address"));
    std::fs::write(directory.path().join("key"), "ly_x").expect("a key");
    for arguments in [["provider", "list"].as_slice(), &["job", "watch", "1"]] {
        let arguments = [arguments, &["--server", &server, "--api-key-file", "key", "--timeout", "200ms"]].concat();
        run(directory.path(), &arguments).ended(7);
    }
}

#[test]
fn an_interruption_is_130_and_says_that_the_job_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("http://{}", silent.local_addr().expect("an address"));
    let child = command(directory.path())
        .args(["job", "watch", "jobs/1", "--server", &server])
        .env("LINKYARD_API_KEY", "ly_x")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("linkyard can be started");
    let _connection = silent.accept().expect("it connects");
    signal(&child, 2);
    let done = crate::cli_kit::Done::from(child.wait_with_output().expect("it ends")).ended(130);
    assert!(done.err.contains("the job goes on: linkyard job watch jobs/1"), "{done:?}");
}

#[test]
fn what_the_server_refuses_has_the_documented_code_and_full_words() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let admin = |arguments: &[&str]| up.admin(directory.path(), arguments);

    let missing = admin(&["job", "get", "0195b2c3-0000-7000-8000-000000000000"]).ended(3);
    for part in ["NOT_FOUND", "reason: NOT_FOUND", "request id: "] {
        assert!(missing.err.contains(part), "{part}: {missing:?}");
    }
    let invalid = admin(&["provider", "create", "--name", &"n".repeat(300), "--company-id", "abc"]).ended(5);
    for part in ["INVALID_ARGUMENT", "\n  provider.company_id: ", "\n  provider.display_name: ", "reason: INVALID_INPUT"] {
        assert!(invalid.err.contains(part), "every violation is shown: {part}: {invalid:?}");
    }

    let created = admin(&["key", "create", "--name", "reader", "--access", "read", "--save-key", "reader", "-o", "json"]).json();
    assert_eq!(created["secret"], "", "a saved secret is not shown");
    let reader = ["--api-key-file", "reader"];
    admin(&[["party", "list"].as_slice(), &reader].concat()).ended(0);
    admin(&[["party", "create", "--name", "x"].as_slice(), &reader].concat()).ended(4);
    let key = created["apiKey"]["name"].as_str().expect("a name");
    admin(&["key", "revoke", key]).ended(0);
    let refused = admin(&[["party", "list"].as_slice(), &reader].concat()).ended(4);
    assert!(refused.err.contains("UNAUTHENTICATED"), "{refused:?}");

    let failed = admin(&["provider", "create", "--name", "Nowhere", "--company-id", "9999", "--wait", "-o", "json"]).ended(6);
    assert!(failed.err.contains("ended FAILED: ") && failed.err.contains("(PROVIDER_UNKNOWN_COMPANY)"), "{failed:?}");
    let provider: serde_json::Value = serde_json::from_str(&failed.out).expect("the provider all the same");
    assert_eq!((&provider["state"], &provider["attention"]), (&"STATE_NEEDS_ATTENTION".into(), &"unknown_company".into()));
    admin(&["provider", "approve"]).ended(5);
}

#[test]
fn help_documents_every_exit_code_and_examples_come_with_the_important_commands() {
    let directory = tempfile::tempdir().expect("a directory");
    let help = run(directory.path(), &["--help"]).ended(0);
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 130] {
        assert!(help.out.contains(&format!("\n  {code} ")), "{code} is not in --help");
    }
    for line in ["up", "control", "provider create", "provider fetch", "parties mapping decide", "parties mapping confirm"] {
        let arguments: Vec<&str> = line.split(' ').chain(["--help"]).collect();
        assert!(run(directory.path(), &arguments).ended(0).out.contains("Example"), "{line}");
    }
}

#[test]
fn a_secret_is_taken_from_a_file_or_standard_input_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let with_flag = ["provider", "create", "--name", "x", "--company-id", "1", "--client-id", "a", "--client-secret", "b"];
    run(directory.path(), &with_flag).ended(2);
    std::fs::write(directory.path().join("empty"), "\n").expect("a file");
    std::fs::write(directory.path().join("key"), "ly_x").expect("a key");
    let empty = ["provider", "create", "--name", "x", "--company-id", "1", "--client-id", "a", "--client-secret-file", "empty"];
    let done = run(directory.path(), &[empty.as_slice(), &["--api-key-file", "key"]].concat()).ended(2);
    assert!(done.err.contains("is empty"), "{done:?}");
}

#[test]
fn processes_of_an_installation_refuse_to_start_without_a_key_or_on_an_old_schema() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = ["--database-url", "sqlite:shared.db"];
    let shared = [database.as_slice(), &["--redis-url", "redis://127.0.0.1:1"]].concat();
    for process in ["control", "worker"] {
        run(directory.path(), &[[process].as_slice(), &database].concat()).ended(2);
    }
    for process in ["control", "worker"] {
        let done = run(directory.path(), &[[process].as_slice(), &shared].concat()).ended(5);
        assert!(done.err.contains("no sealing key"), "{done:?}");
    }
    std::fs::write(directory.path().join("key"), "0123456789abcdef".repeat(4)).expect("a key");
    for process in ["control", "worker"] {
        let done = run(directory.path(), &[[process, "--sealing-key-file", "key"].as_slice(), &shared].concat()).ended(5);
        assert!(done.err.contains("linkyard migrate up"), "{done:?}");
    }
    run(directory.path(), &[["migrate", "status"].as_slice(), &database].concat()).ended(5);
    run(directory.path(), &[["migrate", "up"].as_slice(), &database].concat()).ended(0);
    assert_eq!(run(directory.path(), &[["migrate", "status"].as_slice(), &database].concat()).ended(0).out, "up to date\n");
}
