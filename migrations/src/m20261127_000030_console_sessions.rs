//! The console: sessions of people who signed in with an API key, and links that sign in once.

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
create table console_session (
    secret_sha256 {bytes} primary key,
    api_key_id {uuid} not null,
    created_at_ms bigint not null,
    seen_at_ms bigint not null
);

create table sign_in_link (
    secret_sha256 {bytes} primary key,
    api_key_id {uuid} not null,
    created_at_ms bigint not null
);
";

const DOWN: &str = "
drop table sign_in_link;
drop table console_session;
";
