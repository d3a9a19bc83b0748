//! The ledger: job rows and the leases of what only one process may do.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect(manager, DOWN).await
    }
}

const UP: &str = "
create table job (
    id {uuid} primary key,
    organization_id {uuid} not null,
    provider_id {uuid},
    parent_id {uuid},
    kind text not null,
    dedupe_key text not null,
    lane text not null,
    payload_version integer not null,
    payload text not null,
    state text not null,
    requested_state text not null default 'none',
    run_at_ms bigint not null,
    epoch bigint not null default 0,
    lease_owner text,
    lease_until_ms bigint,
    starts_without_progress integer not null default 0,
    attempts integer not null default 0,
    checkpoint text,
    phase text not null default '',
    rows_total bigint not null default 0,
    rows_succeeded bigint not null default 0,
    rows_held bigint not null default 0,
    rows_failed bigint not null default 0,
    rows_skipped bigint not null default 0,
    calls bigint not null default 0,
    error_reason text,
    error_message text,
    result text,
    actor text not null,
    revision bigint not null default 1,
    created_at_ms bigint not null,
    started_at_ms bigint,
    finished_at_ms bigint
);
create unique index job_one_live on job (kind, dedupe_key)
    where state not in ('succeeded', 'partial', 'failed', 'cancelled');
create index job_live on job (state, run_at_ms)
    where state not in ('succeeded', 'partial', 'failed', 'cancelled');
-- The feeder takes the oldest of each provider and lane without looking at all that wait.
create index job_turn on job (provider_id, lane, run_at_ms, id)
    where state not in ('succeeded', 'partial', 'failed', 'cancelled');
create index job_asked on job (requested_state) where requested_state <> 'none';
create index job_of_organization on job (organization_id, id);
create index job_of_parent on job (parent_id) where parent_id is not null;

create table exclusive_role (
    name text primary key,
    owner text not null,
    until_ms bigint not null
);
";

const DOWN: &str = "
drop table exclusive_role;
drop table job;
";
