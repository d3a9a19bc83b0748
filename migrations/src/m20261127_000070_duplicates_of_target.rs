//! The groups of suspected duplicates that a party or a project of the registry is in.

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
create index duplicate_member_of_target on duplicate_member (target_id) where target_id is not null;
create index audit_entry_of_resource on audit_entry (organization_id, resource, resource_id, id);
";

const DOWN: &str = "
drop index audit_entry_of_resource;
drop index duplicate_member_of_target;
";
