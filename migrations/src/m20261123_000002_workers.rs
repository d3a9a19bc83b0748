//! Worker processes: who is there, with what load, and who is asked to stop.

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
create table worker (
    id {uuid} primary key,
    name text not null,
    process bigint not null,
    version text not null,
    slots integer not null,
    running integer not null,
    draining boolean not null,
    drain_requested boolean not null default false,
    started_at_ms bigint not null,
    seen_at_ms bigint not null
);
";

const DOWN: &str = "
drop table worker;
";
