//! Registry records say whether their keys are made; those that are new or changed are keyed before the gate is asked next, and so is everything
//! that was there before. The keys that are there stay: they are normalised names, and older processes look for them.

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
-- A release that makes keys by other rules sets it to false.
alter table party add column keyed boolean not null default false;
alter table project add column keyed boolean not null default false;
create index party_not_keyed on party (organization_id, id) where not keyed;
create index project_not_keyed on project (organization_id, id) where not keyed;
";

const DOWN: &str = "
drop index project_not_keyed;
drop index party_not_keyed;
alter table project drop column keyed;
alter table party drop column keyed;
";
