//! What stands on standard output: tables for people, one JSON document for programs, and nothing else.

use crate::cli_kit::Up;
use serde_json::Value;

#[test]
fn tables_have_headers_whole_lines_and_no_colours_in_a_pipe() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let admin = |arguments: &[&str]| up.admin(directory.path(), arguments);
    admin(&["provider", "create", "--name", "Main", "--company-id", "4711", "--wait"]).ended(0);
    admin(&["provider", "fetch", "--wait"]).ended(0);

    let cases: [(&[&str], &[&str]); 6] = [
        (&["provider", "list"], &["NAME", "DISPLAY NAME", "COMPANY", "STATE", "LAST FETCH", "REMARK"]),
        (&["parties", "mapping", "list", "--limit", "9"], &["RECORD", "STATE", "DECISION", "TARGET", "SUGGESTION", "REASON"]),
        (&["job", "list"], &["NAME", "KIND", "STATE", "DONE", "TOTAL", "FAILED", "CALLS"]),
        (&["key", "list"], &["PREFIX", "ACCESS", "EXPIRES", "REVOKED"]),
        (&["party", "type", "list"], &["NAME", "DISPLAY NAME"]),
        (&["provider", "report"], &["BUCKET", "VENDORS", "PROJECTS"]),
    ];
    for (arguments, columns) in cases {
        let done = admin(arguments).ended(0);
        let header = done.out.lines().next().unwrap_or_default();
        for column in columns {
            assert!(header.contains(column), "{column} is missing in `{header}`");
        }
        assert!(done.out.lines().count() > 1, "{done:?}");
        assert!(!done.out.contains('\u{1b}'), "no colours in a pipe: {done:?}");
    }
    let rows = admin(&["parties", "mapping", "list", "--limit", "9"]);
    assert_eq!(rows.out.lines().count(), 10, "a row is a line: {rows:?}");
    let provider = admin(&["provider", "get"]).ended(0).out;
    assert!(provider.contains("STATE_ACTIVE") && provider.contains("companyId"), "{provider}");
}

#[test]
fn json_is_one_document_and_a_watched_job_is_one_line_per_change() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let admin = |arguments: &[&str]| up.admin(directory.path(), &[arguments, &["-o", "json"]].concat());
    admin(&["provider", "create", "--name", "Main", "--company-id", "4711", "--wait"]).ended(0);
    let fetch = admin(&["provider", "fetch"]).json();
    assert_eq!(fetch["kind"], "fetch_directory");

    let watched = admin(&["job", "watch", fetch["name"].as_str().expect("a name")]).ended(0);
    let changes: Vec<Value> =
        watched.out.lines().map(|line| serde_json::from_str(line).expect("each line is a document")).collect();
    let revisions: Vec<i64> =
        changes.iter().map(|job| job["revision"].as_str().and_then(|text| text.parse().ok()).expect("a number")).collect();
    assert!(revisions.is_sorted_by(|a, b| a < b), "only changes, in order: {revisions:?}");
    assert_eq!(changes.last().expect("a change")["state"], "STATE_SUCCEEDED");
    assert_eq!(watched.err, "", "nothing but data for a program");

    assert!(admin(&["project", "list"]).rows().is_empty(), "an empty list is an empty array");
    let vendors = admin(&["parties", "mapping", "list"]).rows();
    assert_eq!(vendors.len(), 200, "a list without limit is read to its end");
    let full = admin(&["parties", "mapping", "get", vendors[0]["recordId"].as_str().expect("64 bits are a string")]).json();
    assert_eq!(full["name"], vendors[0]["name"]);
    let organization = admin(&["organization", "get"]).json();
    assert_eq!(organization["access"], "ACCESS_OPERATOR");
    let result = admin(&["job", "get", fetch["name"].as_str().expect("a name")]).json()["result"].clone();
    assert_eq!(result["complete"], true, "{result}");
}
