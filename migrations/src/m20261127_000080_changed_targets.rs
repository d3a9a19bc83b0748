//! What changed in the registry, in the order of change: the gate is told of it in front of every chunk of new links.

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
create index party_by_change on party (organization_id, updated_at_ms, id);
create index project_by_change on project (organization_id, updated_at_ms, id);
";

const DOWN: &str = "
drop index project_by_change;
drop index party_by_change;
";
