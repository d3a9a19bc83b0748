//! Walks say up to which time they know the directory, so that the next fetch can ask for what changed since; providers count the
//! comparisons that were asked for.

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
-- On the directory's clock; null for a walk that proved nothing.
alter table walk add column covers_to_ms bigint;

-- Comparisons of insurances that people asked for, and the number of the last that was answered.
alter table provider add column comparisons_asked bigint not null default 0;
alter table provider add column comparisons_done bigint not null default 0;
";

const DOWN: &str = "
alter table provider drop column comparisons_done;
alter table provider drop column comparisons_asked;
alter table walk drop column covers_to_ms;
";
