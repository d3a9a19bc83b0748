//! Who may use whom: the table of ARCHITECTURE.md, checked against `cargo metadata`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Package, and the packages of linkyard that it may depend on.
const EDGES: [(&str, &[&str]); 12] = [
    ("linkyard-core", &[]),
    ("linkyard-matching", &["linkyard-core"]),
    ("linkyard-migrations", &[]),
    ("linkyard-proto", &[]),
    ("linkyard-simulator", &[]),
    ("linkyard-telemetry", &["linkyard-core"]),
    ("linkyard-store", &["linkyard-core", "linkyard-migrations"]),
    ("linkyard-queue", &["linkyard-core"]),
    ("linkyard-procore", &["linkyard-core", "linkyard-telemetry"]),
    (
        "linkyard-control",
        &["linkyard-proto", "linkyard-core", "linkyard-matching", "linkyard-store", "linkyard-queue", "linkyard-telemetry"],
    ),
    (
        "linkyard-worker",
        &["linkyard-core", "linkyard-matching", "linkyard-store", "linkyard-queue", "linkyard-procore", "linkyard-telemetry"],
    ),
    ("linkyard", &["*"]),
];

/// Foreign crates that only these packages may use: each is the only one that knows something.
const WRAPPERS: [(&str, &[&str]); 8] = [
    ("sea-orm", &["linkyard-store"]),
    ("sea-orm-migration", &["linkyard-migrations"]),
    ("redis", &["linkyard-queue"]),
    ("apalis", &["linkyard-queue"]),
    ("apalis-core", &["linkyard-queue"]),
    ("metrics", &["linkyard-telemetry"]),
    ("opentelemetry", &["linkyard-telemetry"]),
    ("reqwest", &["linkyard-procore", "linkyard", "linkyard-simulator"]),
];

#[test]
fn packages_use_only_what_the_table_allows() {
    let mut offences = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a package has a name");
        if name == "linkyard-tests" {
            continue;
        }
        let allowed = EDGES.iter().find(|(from, _)| *from == name).unwrap_or_else(|| panic!("{name} is not in the table")).1;
        for used in dependencies(&package) {
            if used.starts_with("linkyard") && !allowed.contains(&"*") && !allowed.contains(&used.as_str()) {
                offences.push(format!("{name} uses {used}"));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
}

#[test]
fn what_one_package_knows_no_other_uses() {
    let mut offences = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a package has a name");
        for used in dependencies(&package) {
            let wrapper = WRAPPERS.iter().find(|(foreign, _)| *foreign == used);
            if let Some((foreign, only)) = wrapper
                && name != "linkyard-tests"
                && !only.contains(&name)
            {
                offences.push(format!("{name} uses {foreign}"));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
}

fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// Names of what the package itself uses; what only its tests use is free.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let list = package["dependencies"].as_array().expect("dependencies");
    let wanted = list.iter().filter(|dependency| dependency["kind"].as_str() != Some("dev"));
    wanted.filter_map(|dependency| dependency["name"].as_str().map(str::to_owned)).collect()
}
