//! What people made of suggestions, by which the precision of each band is measured.

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
-- The first suggestion of a record when a person decided about it: its band then, and whether it was taken. in_bulk: it was accepted with
-- others of its band, unseen. A link that a person takes away takes the verdict back.
create table suggestion_verdict (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    subject text not null,
    record_id bigint not null,
    target_id {uuid} not null,
    band text not null,
    taken boolean not null,
    in_bulk boolean not null,
    decided_at_ms bigint not null,
    primary key (provider_id, subject, record_id, target_id)
);
";

const DOWN: &str = "
drop table suggestion_verdict;
";
