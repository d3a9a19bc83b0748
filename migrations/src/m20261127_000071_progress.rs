//! How far the linking of each list was, over time.

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
-- One row per list and ten seconds in which a job of its provider was live, and one per hour otherwise.
create table progress_sample (
    provider_id {uuid} not null,
    subject text not null,
    at_ms bigint not null,
    organization_id {uuid} not null,
    linked bigint not null,
    failed bigint not null,
    ignored bigint not null,
    linking bigint not null,
    open_rows bigint not null,
    primary key (provider_id, subject, at_ms)
);
create index progress_sample_by_age on progress_sample (organization_id, at_ms);
";

const DOWN: &str = "
drop table progress_sample;
";
