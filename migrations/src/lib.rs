//! The schema of linkyard, one change per file, applied in order and never edited after landing.
//!
//! Expand/contract: a release only adds; what it no longer uses is dropped by a later release, so that an older and a newer
//! process can work on one database. The SQL is written once for SQLite and PostgreSQL; `dialect` fills in the few type names that
//! differ. Times are milliseconds since 1970 (`_ms`), ids of ours are UUIDs, ids of a directory are 64-bit integers.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261122_000001_ledger;
mod m20261122_000002_tenancy;
mod m20261122_000003_registry;
mod m20261122_000004_directory;
mod m20261122_000005_compliance;
mod m20261122_000006_contacts;
mod m20261122_000007_lifecycle;
mod m20261122_000008_traces;
mod m20261122_000009_changes;
mod m20261123_000001_decision_imports;
mod m20261123_000002_workers;
mod m20261127_000001_candidates;
mod m20261127_000002_keys;
mod m20261127_000010_duplicates;
mod m20261127_000011_verdicts;
mod m20261127_000020_calls;
mod m20261127_000021_outages;
mod m20261127_000030_console_sessions;
mod m20261127_000040_mapping_lists;
mod m20261127_000060_drafts;
mod m20261127_000070_duplicates_of_target;
mod m20261127_000071_progress;
mod m20261127_000080_changed_targets;
mod m20261127_000081_suggestions_follow;

/// All changes, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_ledger::Migration),
            Box::new(m20261122_000002_tenancy::Migration),
            Box::new(m20261122_000003_registry::Migration),
            Box::new(m20261122_000004_directory::Migration),
            Box::new(m20261122_000005_compliance::Migration),
            Box::new(m20261122_000006_contacts::Migration),
            Box::new(m20261122_000007_lifecycle::Migration),
            Box::new(m20261122_000008_traces::Migration),
            Box::new(m20261122_000009_changes::Migration),
            Box::new(m20261123_000001_decision_imports::Migration),
            Box::new(m20261123_000002_workers::Migration),
            Box::new(m20261127_000001_candidates::Migration),
            Box::new(m20261127_000002_keys::Migration),
            Box::new(m20261127_000010_duplicates::Migration),
            Box::new(m20261127_000011_verdicts::Migration),
            Box::new(m20261127_000020_calls::Migration),
            Box::new(m20261127_000021_outages::Migration),
            Box::new(m20261127_000030_console_sessions::Migration),
            Box::new(m20261127_000040_mapping_lists::Migration),
            Box::new(m20261127_000060_drafts::Migration),
            Box::new(m20261127_000070_duplicates_of_target::Migration),
            Box::new(m20261127_000071_progress::Migration),
            Box::new(m20261127_000080_changed_targets::Migration),
            Box::new(m20261127_000081_suggestions_follow::Migration),
        ]
    }
}

/// Runs `sql`, written with `{uuid}` and `{bytes}`, in the dialect of the connected database.
async fn dialect(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let postgres = manager.get_database_backend() == sea_orm::DatabaseBackend::Postgres;
    let (uuid, bytes) = if postgres { ("uuid", "bytea") } else { ("blob", "blob") };
    let sql = sql.replace("{uuid}", uuid).replace("{bytes}", bytes);
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}
