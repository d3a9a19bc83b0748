//! Drafts are counted on every look at a mapping: an index that holds them alone.

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
create index mapping_with_draft on mapping (provider_id, subject, record_id) where draft_decision is not null;
";

const DOWN: &str = "
drop index mapping_with_draft;
";
