//! Life of providers and records: automatic adding, schedules, deletion in two steps, and what the retention looks up.

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
-- When automatic adding was switched on; null = it is off. Only records that are first seen after this time are added.
alter table provider add column auto_add_parties_since_ms bigint;
alter table provider add column auto_add_projects_since_ms bigint;
alter table provider add column schedules boolean not null default true;
-- Retires our insurances while the provider is 'deleting'; null until it is written.
alter table provider add column last_push_job_id {uuid};
alter table provider add column deleted_at_ms bigint;
create index provider_deleting on provider (id) where state = 'deleting';

-- When a schedule is due next. The owner is a provider or an organization.
create table schedule (
    owner_id {uuid} not null,
    name text not null,
    next_at_ms bigint not null,
    primary key (owner_id, name)
);

create index job_ended on job (organization_id, finished_at_ms) where finished_at_ms is not null;
create index audit_of_resource on audit_entry (organization_id, resource, resource_id, id);
";

const DOWN: &str = "
drop index audit_of_resource;
drop index job_ended;
drop table schedule;
drop index provider_deleting;
alter table provider drop column deleted_at_ms;
alter table provider drop column last_push_job_id;
alter table provider drop column schedules;
alter table provider drop column auto_add_projects_since_ms;
alter table provider drop column auto_add_parties_since_ms;
";
