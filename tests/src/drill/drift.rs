//! A directory that does not hold still: between one page and the next of its lists rows come, go, change their names and their state, a
//! page comes twice, and another one is empty. It is the simulator that moves, by scripts; any drill can set a company adrift.
//!
//! One thing happens between two pages. (A row that goes at the front while another one comes at the end hides from every total: nothing
//! in the pages tells of the row that slipped past.)

use super::person::Person;
use crate::dice::Dice;
use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

/// What happens after the answer to a page of vendors, or to it; what stands twice is likelier.
fn motions() -> [Value; 9] {
    [
        json!({ "kind": "drift", "delete": 1 }),
        json!({ "kind": "drift", "delete": 3 }),
        json!({ "kind": "drift", "insert": 2 }),
        json!({ "kind": "drift", "append": 2 }),
        json!({ "kind": "drift", "rename": 3 }),
        json!({ "kind": "drift", "deactivate": 2 }),
        json!({ "kind": "drift", "reactivate": 2 }),
        json!({ "kind": "page_before" }),
        json!({ "kind": "empty_page" }),
    ]
}

/// The lists that move.
fn lists() -> [&'static str; 2] {
    ["/rest/v1.0/vendors", "/rest/v1.0/companies/{company_id}/vendors/inactive"]
}

/// Lets something happen in three of four calls for vendors of this person's company, for the next `calls` calls of each list.
///
/// # Errors
/// When the simulator does not answer.
pub async fn set_adrift(person: &Person, dice: &mut Dice, calls: u64) -> Result<()> {
    let motions = motions();
    let mut scripts = Vec::new();
    for list in lists() {
        for call in 1..=calls {
            let chance = usize::try_from(dice.below(motions.len() as u64 * 4 / 3)).unwrap_or_default();
            if let Some(motion) = motions.get(chance) {
                let matching = json!({ "route": list, "company_id": person.company, "nth": call });
                scripts.push(json!({ "match": matching, "action": motion }));
            }
        }
    }
    person.admin("POST", "/faults", scripts.into()).await.map(|_| ())
}

/// Lets every script of the simulator end; answers how many calls they hit.
///
/// # Errors
/// When the simulator does not answer.
pub async fn calm(person: &Person) -> Result<u64> {
    #[derive(Deserialize)]
    struct Script {
        landed: u64,
    }
    let scripts: Vec<Script> = serde_json::from_str(&person.admin("GET", "/faults", Value::Null).await?)?;
    person.admin("DELETE", "/faults", Value::Null).await?;
    Ok(scripts.iter().map(|script| script.landed).sum())
}
