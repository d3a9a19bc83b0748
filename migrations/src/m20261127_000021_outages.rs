//! Why no call of a provider is made before its `not_before_ms`: `rate_limit` or `upstream_down`.

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

const UP: &str = "alter table provider add column not_before_reason text not null default 'rate_limit';";

const DOWN: &str = "alter table provider drop column not_before_reason;";
