//! Changing, unlinking, merging and deleting by admin commands, as a person types them.

use crate::cli_kit::{Done, Up};

#[test]
fn a_provider_is_changed_its_links_are_taken_away_and_it_is_deleted_by_admin_commands() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let json = |line: &str| -> Done {
        let arguments: Vec<&str> = line.split(' ').chain(["-o", "json"]).collect();
        up.admin(directory.path(), &arguments)
    };
    json("provider create --name Main --company-id 4711 --wait").ended(0);
    json("provider update").ended(2);
    let changed = json("provider update --name Other --retire-by deleted --auto-add-parties on").json();
    assert_eq!((&changed["displayName"], &changed["retireBy"]), (&"Other".into(), &"RETIRE_BY_DELETED".into()));
    assert_eq!((&changed["autoAddParties"], &changed["schedules"]), (&true.into(), &true.into()));
    json("provider update --auto-add-parties off").ended(0);
    json("provider fetch --wait").ended(0);
    let refused = json("provider update --auto-add-parties on").ended(5);
    assert!(refused.err.contains("200 vendors"), "{refused:?}");

    let record = json("parties mapping list --limit 1").rows()[0]["recordId"].as_str().expect("a number").to_owned();
    json(&format!("parties mapping confirm {record}=create --yes --wait")).ended(0);
    let party = json("party list --linked").rows()[0]["name"].as_str().expect("a name").to_owned();
    json(&format!("party delete {party}")).ended(5);
    let unlinked = json(&format!("parties mapping unlink {record}")).rows();
    assert_eq!(unlinked[0]["state"], "MAPPING_STATE_UNLINKED");
    let renamed = json(&format!("party update {party} --name Zephyr --phone 1")).json();
    assert_eq!((&renamed["displayName"], &renamed["phone"]), (&"Zephyr".into(), &"1".into()));
    let twin = json("party create --name Zephyr-Twin --on-lookalike create").json()["name"].as_str().expect("a name").to_owned();
    assert_eq!(json(&format!("party merge {party} --source {twin}")).json()["name"], party.as_str());
    json(&format!("party get {twin}")).ended(3);
    assert_eq!(json(&format!("party delete {party}")).ended(0).out.trim(), "{}");

    json("provider delete").ended(0);
    let log = json("audit list --limit 30").rows();
    let actions: Vec<&str> = log.iter().filter_map(|entry| entry["action"].as_str()).collect();
    for action in ["provider.delete", "party.delete", "party.merge", "party.update", "mapping.unlink", "provider.update"] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
}
