//! The judge: compares SQL, the simulator's journal and state, and what persons were told, when everything is quiet.
//!
//! It trusts no counter of linkyard's. The comparison of the API with the simulator is the checker's; what can be asked of the tables
//! alone is a statement here whose rows are the problems, in words.

use super::person::Person;
use crate::checker::check;
use crate::databases::Sql;
use crate::zero::{Problems, Zero};
use anyhow::Result;
use std::collections::{BTreeMap, HashSet};

/// States in which nothing happens to a job any more, as words of SQL.
pub const ENDED: &str = "('succeeded', 'partial', 'failed', 'cancelled')";

/// A job that a drill means to fail has a dedupe key that begins with this.
pub const MEANT_TO_FAIL: &str = "drill:";

/// What is wrong wherever a row is found.
fn statements() -> Vec<(Zero, String)> {
    let mut statements = of_the_work();
    statements.extend(of_the_registry());
    statements.extend(of_tenants());
    statements
}

/// Confirmed rows, jobs and insurances.
fn of_the_work() -> Vec<(Zero, String)> {
    vec![
        (
            Zero::Lost,
            "select subject || ' ' || record_id || ' was confirmed and is ' || state || ' ' || coalesce(reason, '') from mapping
             where state in ('confirmed', 'linking', 'failed')"
                .to_owned(),
        ),
        (
            Zero::Lost,
            format!(
                "select 'job ' || id || ' (' || kind || ') failed: ' || coalesce(error_reason, '') || ' ' || coalesce(error_message, '')
                 from job where state = 'failed' and dedupe_key not like '{MEANT_TO_FAIL}%'"
            ),
        ),
        (
            Zero::Lost,
            // Of a vendor that the directory lost nothing can be shown there, and the row says so.
            "select 'insurance of link ' || i.link_id || ' is due, or refused: ' || coalesce(i.reason_detail, '') from insurance i
             where (i.due > 0 or i.reason is not null) and not exists (
                select 1 from mapping m where m.link_id = i.link_id and m.state = 'orphaned')"
                .to_owned(),
        ),
        (
            Zero::Stale,
            "select 'party ' || p.id || ' is at ' || coalesce(p.street, 'no street') || ', its vendor ' || r.record_id || ' at ' || r.street
             from mapping m join party p on p.id = m.target_id
             join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
             where m.subject = 'vendor' and m.state = 'linked' and m.is_leading and r.street is not null and p.street is distinct from r.street"
                .to_owned(),
        ),
        (
            Zero::Leak,
            "select 'insurance of link ' || i.link_id || ' shows a coverage of another organization' from insurance i
             join coverage c on c.id = i.coverage_id where c.organization_id <> i.organization_id"
                .to_owned(),
        ),
        (
            Zero::Stuck,
            format!(
                "select 'job ' || id || ' (' || kind || ') is ' || state || coalesce(' with ' || lease_owner, '') || ': '
                    || coalesce(error_message, '') from job where state not in {ENDED}"
            ),
        ),
    ]
}

/// Parties and projects.
fn of_the_registry() -> Vec<(Zero, String)> {
    let mut statements = Vec::new();
    for (table, subject) in [("party", "vendor"), ("project", "project")] {
        statements.push((
            Zero::Dup,
            format!(
                "select '{table} ' || t.id || ' (' || t.name || ') was created by an integration and is linked to nothing' from {table} t
                 where t.created_by_provider_id is not null and not exists (
                    select 1 from mapping m where m.target_id = t.id and m.subject = '{subject}' and m.state in ('linked', 'orphaned'))"
            ),
        ));
        statements.push((
            Zero::Dup,
            format!(
                "select '{table} ' || name_search || ' is there ' || count(*) || ' times' from {table}
                 group by organization_id, name_search having count(*) > 1 and count(created_by_provider_id) > 0"
            ),
        ));
        statements.push((
            Zero::Leak,
            format!(
                "select '{subject} ' || m.record_id || ' is linked to a {table} of another organization' from mapping m
                 join {table} t on t.id = m.target_id where m.subject = '{subject}' and t.organization_id <> m.organization_id"
            ),
        ));
    }
    statements
}

/// Rows of one provider under two organizations.
fn of_tenants() -> Vec<(Zero, String)> {
    const TABLES: [&str; 7] =
        ["job", "mapping", "directory_record", "directory_association", "insurance", "suggestion", "contact"];
    let of = |table: &str| {
        format!(
            "select 'a row of {table} of provider ' || p.id || ' belongs to another organization' from {table} t
             join provider p on p.id = t.provider_id where t.organization_id <> p.organization_id"
        )
    };
    TABLES.map(|table| (Zero::Leak, of(table))).into()
}

/// Everything that is wrong now.
///
/// # Errors
/// When something that is asked does not answer.
pub async fn judge(people: &[Person], sql: &Sql) -> Result<Problems> {
    let mut problems = Problems::default();
    for person in people {
        problems.extend(check(&person.place).await?.problems);
        acknowledged(person, sql, &mut problems).await?;
        foreign_insurances(person, sql, &mut problems).await?;
    }
    for (zero, statement) in statements() {
        for sentence in sql.texts(&statement).await? {
            problems.note(zero, sentence);
        }
    }
    Ok(problems)
}

/// What was acknowledged is so: neither gone nor older than it was.
async fn acknowledged(person: &Person, sql: &Sql, problems: &mut Problems) -> Result<()> {
    let pairs = async |statement: &str| {
        let rows = sql.texts(statement).await?;
        let pairs = rows.iter().filter_map(|row| row.split_once(' ')).map(|(id, value)| (id.to_owned(), value.to_owned()));
        anyhow::Ok(pairs.collect::<BTreeMap<String, String>>())
    };
    let limits = pairs("select 'coverages/' || id || ' ' || coalesce(limit_amount, '') from coverage").await?;
    for (coverage, limit) in &person.acknowledged.limits {
        match limits.get(coverage) {
            None => problems.note(Zero::Lost, format!("{coverage} was acknowledged and is not there")),
            Some(found) if found != limit => {
                problems.note(Zero::Stale, format!("{coverage}: its limit {limit} was acknowledged, it has {found}"));
            }
            Some(_) => {}
        }
    }
    let provider = person.provider.trim_start_matches("providers/");
    let streets = format!(
        "select record_id || ' ' || coalesce(street, '') from directory_record where provider_id = '{provider}' and subject = 'vendor'"
    );
    let streets = pairs(&streets).await?;
    // Of a vendor that the directory lost meanwhile the last move may never have been seen.
    let there: HashSet<i64> = person.true_vendors().await?.into_iter().map(|vendor| vendor.id).collect();
    for (vendor, street) in person.acknowledged.streets.iter().filter(|(vendor, _)| there.contains(vendor)) {
        let found = streets.get(&vendor.to_string());
        if found != Some(street) {
            problems.note(Zero::Stale, format!("vendor {vendor} moved to {street}, but {found:?} was fetched"));
        }
    }
    let jobs = sql.texts("select 'jobs/' || id from job").await?;
    let jobs: HashSet<&str> = jobs.iter().map(String::as_str).collect();
    for (_, job) in person.acknowledged.jobs.iter().filter(|(_, job)| !jobs.contains(job.as_str())) {
        problems.note(Zero::Lost, format!("{job} was acknowledged and is not there"));
    }
    Ok(())
}

/// Insurances of ours in the company of another tenant.
async fn foreign_insurances(person: &Person, sql: &Sql, problems: &mut Problems) -> Result<()> {
    let sql_of_links = format!(
        "select 'linkyard:' || m.link_id || ':' from mapping m join provider p on p.id = m.provider_id
         where p.company_id = {} and m.link_id is not null",
        person.company
    );
    let ours: HashSet<String> = sql.texts(&sql_of_links).await?.into_iter().collect();
    let path = format!("/companies/{}/directory?resource=insurances", person.company);
    for line in person.admin("GET", &path, serde_json::Value::Null).await?.lines() {
        let row: serde_json::Value = serde_json::from_str(line)?;
        let link = row["origin_id"].as_str().and_then(|mark| mark.rfind(':').map(|end| &mark[..=end]));
        if link.is_some_and(|link| link.starts_with("linkyard:") && !ours.contains(link)) {
            problems.note(Zero::Leak, format!("company {} shows {}, which is not of it", person.company, row["origin_id"]));
        }
    }
    Ok(())
}
