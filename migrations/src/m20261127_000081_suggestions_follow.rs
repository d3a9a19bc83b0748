//! How far the registry had changed when the last pass over suggestions began: a later change makes another one due.

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
-- The newest change of a party or project, 0 = not known: every change is newer.
alter table suggestion_pass add column registry_changed_at_ms bigint not null default 0;
";

const DOWN: &str = "
alter table suggestion_pass drop column registry_changed_at_ms;
";
