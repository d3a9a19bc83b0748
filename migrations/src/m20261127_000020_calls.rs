//! Calls by the minute, and whose budget a provider's kept usage is.

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
-- What the calls of a provider came to in one minute, summed over all workers; a minute without calls has no row.
create table call_minute (
    provider_id {uuid} not null,
    minute_ms bigint not null,
    organization_id {uuid} not null,
    made bigint not null,
    rate_limited bigint not null,
    failed bigint not null,
    unauthorized bigint not null,
    waits bigint not null,
    primary key (provider_id, minute_ms)
);
create index call_minute_by_age on call_minute (organization_id, minute_ms);

alter table provider add column budget_client_id text;
alter table provider add column budget_kept_at_ms bigint not null default 0;
";

const DOWN: &str = "
alter table provider drop column budget_kept_at_ms;
alter table provider drop column budget_client_id;
drop table call_minute;
";
