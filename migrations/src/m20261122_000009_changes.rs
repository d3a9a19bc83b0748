//! Walks say up to which time they know the directory, so that the next fetch can ask for what changed since.

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
";

const DOWN: &str = "
alter table walk drop column covers_to_ms;
";
