//! The whole main job by admin commands alone, as a script would do it: JSON in hand, exit codes checked.

use crate::cli_kit::{Done, Up};
use linkyard_tests::sheet::Sheet;
use serde_json::Value;
use std::path::Path;

/// A person's terminal: a directory and the server beside it.
struct Desk<'a> {
    up: &'a Up,
    directory: &'a Path,
}

impl Desk<'_> {
    /// Types `line`, split at spaces, with JSON answers.
    fn json(&self, line: &str) -> Done {
        let arguments: Vec<&str> = line.split(' ').chain(["-o", "json"]).collect();
        self.up.admin(self.directory, &arguments)
    }

    /// How many mappings of `side` are in `state`.
    fn count(&self, side: &str, state: &str) -> u64 {
        let counts = self.json(&format!("{side} mapping counts")).json();
        let found = counts["counts"].as_array().and_then(|all| all.iter().find(|one| one["state"] == state).cloned());
        found.map_or(0, |one| number(&one["count"]))
    }

    /// Waits for what the fetch left to do: suggestions and syncing.
    fn settle(&self) {
        for job in self.json("job list --state queued,running,retrying,waiting-for-budget").rows() {
            self.json(&format!("job watch {}", text(&job["name"]))).ended(0);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// 64-bit integers are strings in the JSON of protocol buffers.
fn number(value: &Value) -> u64 {
    text(value).parse().unwrap_or_else(|_| panic!("no number: {value}"))
}

#[test]
fn two_hundred_vendors_are_set_up_mapped_and_linked_by_admin_commands_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let desk = Desk { up: &up, directory: directory.path() };

    let checked = desk.json("provider create --name Main --company-id 4711 --dry-run").json();
    assert_eq!(checked["companyId"], "4711");
    assert!(desk.json("provider list").rows().is_empty(), "a dry run saves nothing");
    let address = "https://us02.procore.com/4711/company/home";
    let provider = desk.json(&format!("provider create --name Main --company-id {address} --wait")).json();
    assert_eq!((&provider["state"], &provider["companyId"]), (&"STATE_ACTIVE".into(), &"4711".into()));
    assert_eq!(provider["clientSecret"], "", "a secret is never answered");

    assert_eq!(desk.json("provider fetch --wait").json()["state"], "STATE_SUCCEEDED");
    desk.settle();
    assert_eq!(desk.count("parties", "MAPPING_STATE_UNMAPPED"), 200);
    link_parties(&desk);
    link_projects(&desk);
    everything_adds_up(&desk);
}

/// One vendor is matched by suggestion, one left out, one created by name, the rest created in bulk; what is held is decided by name.
fn link_parties(desk: &Desk<'_>) {
    let vendors = desk.json("parties mapping list").rows();
    assert_eq!(vendors.len(), 200);
    let record = |index: usize| number(&vendors[index]["recordId"]);
    let name = text(&vendors[0]["displayName"]);
    let party = desk.up.admin(desk.directory, &["party", "create", "--name", &name, "--city", "Chicago", "-o", "json"]).json();
    assert_eq!(desk.json("provider fetch --wait").json()["state"], "STATE_SUCCEEDED");
    desk.settle();
    let suggested = desk.json("parties mapping list --filter suggested").rows();
    assert_eq!(suggested.len(), 1, "{suggested:?}");
    assert_eq!(suggested[0]["suggestions"][0]["target"], party["name"]);

    let links = |band: &str| {
        let plan = desk.json(&format!("parties mapping confirm --filter suggested --accept-suggestions{band} --dry-run")).json();
        assert_eq!(number(&plan["plan"]["creates"]), 0);
        number(&plan["plan"]["links"])
    };
    assert_eq!(
        (links(""), links("=likely")),
        (0, 1),
        "an equal name in another town is LIKELY, and only STRONG is taken unless said"
    );
    assert_eq!(desk.count("parties", "MAPPING_STATE_LINKED"), 0, "a dry run links nothing");
    let confirmed = desk.json("parties mapping confirm --filter suggested --accept-suggestions=likely --yes --wait").json();
    assert_eq!(confirmed["job"]["state"], "STATE_SUCCEEDED");

    desk.json(&format!("parties mapping decide {} --do-not-add", record(1))).ended(0);
    let drafts = desk.json("parties mapping list --filter draft").rows();
    assert_eq!(drafts.iter().map(|row| number(&row["recordId"])).collect::<Vec<_>>(), [record(1)]);
    desk.json(&format!("parties mapping confirm {} {}=create --yes --wait", record(1), record(2))).ended(0);
    assert_eq!(desk.count("parties", "MAPPING_STATE_IGNORED"), 1);
    assert_eq!(desk.count("parties", "MAPPING_STATE_LINKED"), 2);

    desk.json("parties mapping confirm --filter state=unmapped|suggested --create --yes --wait").ended(0);
    let held = desk.json("parties mapping list --filter state=held").rows();
    assert!(!held.is_empty(), "the simulator's directory has vendors of the same name");
    let mut line = "parties mapping confirm".to_owned();
    for row in &held {
        let row = desk.json(&format!("parties mapping get {}", text(&row["name"]))).json();
        let best = row["suggestions"].get(0).map(|best| format!("match:{}", text(&best["target"])));
        line = format!("{line} {}={}", number(&row["recordId"]), best.as_deref().unwrap_or("create"));
    }
    desk.json(&format!("{line} --yes --wait")).ended(0);
    assert_eq!(desk.count("parties", "MAPPING_STATE_LINKED"), 199);
}

fn link_projects(desk: &Desk<'_>) {
    let confirmed = desk.json("projects mapping confirm --filter all --create --on-lookalike create --yes --wait").json();
    assert_eq!(number(&confirmed["job"]["progress"]["succeeded"]), 20);
    assert_eq!(desk.count("projects", "MAPPING_STATE_LINKED"), 20);
}

fn everything_adds_up(desk: &Desk<'_>) {
    let report = desk.json("provider report").json();
    assert_eq!(report["addsUp"], true);
    let vendors = &report["vendors"];
    assert_eq!((number(&vendors["fetched"]), number(&vendors["ignored"]), number(&vendors["unmapped"])), (200, 1, 0));
    assert_eq!(number(&vendors["matched"]) + number(&vendors["created"]), 199);
    let parties = desk.json("party list --linked").rows();
    assert_eq!(parties.len() as u64, number(&vendors["created"]) + 1, "one party was there before");
    let projects = desk.json("project list").rows();
    let on_projects: u64 = projects.iter().map(|project| number(&project["partyCount"])).sum();
    let listed: usize =
        projects.iter().map(|project| desk.json(&format!("project parties {}", text(&project["name"]))).rows().len()).sum();
    assert!(on_projects > 0, "linked vendors are on linked projects");
    assert_eq!(on_projects, listed as u64);
    assert_eq!(desk.json("party list --limit 7").rows().len(), 7);
}

#[test]
fn a_mapping_is_written_to_a_file_decided_there_and_read_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let desk = Desk { up: &up, directory: directory.path() };
    desk.json("provider create --name Main --company-id 4711 --wait").ended(0);
    desk.json("provider fetch --wait").ended(0);
    desk.settle();
    desk.json("parties mapping export --file vendors.csv").ended(0);
    let path = directory.path().join("vendors.csv");
    let exported = std::fs::read(&path).expect("the file");
    assert_eq!(up.admin(directory.path(), &["parties", "mapping", "export"]).ended(0).out.as_bytes(), exported, "both ways");
    let mut sheet = Sheet::open(&exported);
    assert_eq!(sheet.rows.len(), 200);
    sheet.set(0, "decision", "DO_NOT_ADD");
    sheet.set(1, "decision", "CREATE");
    sheet.set(1, "on_lookalike", "CREATE");
    std::fs::write(&path, sheet.save()).expect("written");

    let preview = desk.json("parties mapping import vendors.csv --confirm --dry-run").json();
    assert_eq!((number(&preview["lines"]), number(&preview["creates"]), number(&preview["ignores"])), (200, 1, 1));
    assert_eq!(desk.count("parties", "MAPPING_STATE_IGNORED"), 0, "a dry run decides nothing");
    let unasked = desk.json("parties mapping import vendors.csv --confirm").ended(2);
    assert!(unasked.err.contains("--yes"), "{unasked:?}");
    let imported = desk.json("parties mapping import vendors.csv --confirm --yes").json();
    assert_eq!(imported["job"]["state"], "STATE_SUCCEEDED");
    assert_eq!((&imported["linkJob"]["state"], &imported["refused"]), (&"STATE_SUCCEEDED".into(), &serde_json::json!([])));
    assert_eq!((desk.count("parties", "MAPPING_STATE_LINKED"), desk.count("parties", "MAPPING_STATE_IGNORED")), (1, 1));

    sheet.set(2, "decision", "PERHAPS");
    std::fs::write(&path, sheet.save()).expect("written");
    let refused = up.admin(directory.path(), &["parties", "mapping", "import", "vendors.csv"]).ended(6);
    assert!(refused.out.contains("4 ") && refused.out.contains("DECISION_UNKNOWN"), "line 4 is named: {refused:?}");
    desk.json("parties mapping import missing.csv").ended(2);
}

#[test]
fn what_up_knew_before_a_stop_it_knows_after_a_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = Up::start(directory.path());
    let desk = Desk { up: &first, directory: directory.path() };
    desk.json("provider create --name Main --company-id 4711 --wait").ended(0);
    let before = desk.json("provider list").rows();
    first.signal(15);
    let (status, rest) = first.ended();
    assert_eq!(status.code(), Some(0), "an orderly stop is no failure; it said {rest:?}");

    let second = Up::start(directory.path());
    let desk = Desk { up: &second, directory: directory.path() };
    assert_eq!(desk.json("provider list").rows(), before);
    assert_eq!(desk.json("provider test --wait").json()["state"], "STATE_SUCCEEDED", "on the simulator's new port");
}

#[test]
fn one_data_directory_has_one_process() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let second = crate::cli_kit::run(directory.path(), &["up", "--simulator", "--listen=127.0.0.1:0"]).ended(5);
    assert!(second.err.contains("uses the data directory .linkyard"), "{second:?}");
    assert_eq!(second.out, "", "and nothing was started");
    up.admin(directory.path(), &["organization", "get"]).ended(0);
}
