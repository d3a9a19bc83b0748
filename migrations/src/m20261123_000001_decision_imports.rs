//! Decision files that were sent, and what became of their lines.

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
-- A file; without a job while it is being sent. It is purged with its job, or a day after it was begun.
create table decision_import (
    id {uuid} primary key,
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    subject text not null,
    confirm boolean not null,
    on_lookalike text not null,
    line_count bigint not null default 0,
    job_id {uuid},
    link_job_id {uuid},
    created_at_ms bigint not null
);
create unique index decision_import_of_job on decision_import (job_id) where job_id is not null;
create index decision_import_unfinished on decision_import (organization_id, created_at_ms) where job_id is null;

-- The file's bytes in parts of one size, so that a place in it is a part and a place in that.
create table decision_import_part (
    import_id {uuid} not null,
    number bigint not null,
    content {bytes} not null,
    primary key (import_id, number)
);

-- A line of the file that was looked at. One that is here is not carried out again.
create table decision_import_row (
    job_id {uuid} not null,
    line bigint not null,
    organization_id {uuid} not null,
    record_id bigint,
    outcome text not null,
    reason text,
    detail text not null default '',
    primary key (job_id, line)
);
create index decision_import_row_by_outcome on decision_import_row (job_id, outcome, line);
create index decision_import_row_of_record on decision_import_row (job_id, record_id) where record_id is not null;
";

const DOWN: &str = "
drop table decision_import_row;
drop table decision_import_part;
drop table decision_import;
";
