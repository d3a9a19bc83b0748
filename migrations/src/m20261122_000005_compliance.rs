//! Coverages of parties, and the insurances in the directory that show them.

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
-- Dates are days as text, YYYY-MM-DD: they compare like days and belong to no time zone.
create table coverage (
    id {uuid} primary key,
    organization_id {uuid} not null,
    party_id {uuid} not null,
    insurance_type text not null,
    insurer text,
    policy_number text,
    limit_amount text,
    effective_date text,
    expiration_date text,
    status text not null,
    waived boolean not null,
    notes text,
    revision bigint not null default 1,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create index coverage_of_party on coverage (party_id, id);
create index coverage_of_organization on coverage (organization_id, id);
create index coverage_by_expiration on coverage (organization_id, expiration_date) where expiration_date is not null and not waived;

-- One line per link and coverage. due is 0 when the directory is known to show what it should, and counts up with every reason to look
-- again, so that a push does not clear a reason that came while it was under way. intended_hash is what was sent last, written before
-- the call; pushed_hash is what the directory confirmed. seen_at_ms is the start of the last
-- comparison that saw it.
create table insurance (
    link_id {uuid} not null,
    coverage_id {uuid} not null,
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    vendor_record_id bigint not null,
    insurance_id bigint,
    due bigint not null default 1,
    retire boolean not null default false,
    intended_hash bigint,
    pushed_hash bigint,
    pushed_status text,
    pushed_at_ms bigint,
    seen_at_ms bigint,
    reason text,
    reason_detail text not null default '',
    primary key (link_id, coverage_id)
);
create index insurance_due on insurance (provider_id, link_id, coverage_id) where due > 0;
create index insurance_of_coverage on insurance (coverage_id);
create index insurance_of_provider on insurance (provider_id, vendor_record_id);

-- A worker lost the job by its lease once: what it was calling then may still land.
alter table job add column taken_over boolean not null default false;

alter table provider add column pushes boolean not null default true;
alter table provider add column retire_by text not null default 'undecided';
";

const DOWN: &str = "
alter table job drop column taken_over;
alter table provider drop column retire_by;
alter table provider drop column pushes;
drop table insurance;
drop table coverage;
";
