//! Suspected duplicates, and what was searched for them.

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
-- provider_id says whose directory; null = the registry. A dismissed group is kept for good: it says what is different.
create table duplicate_group (
    id {uuid} primary key,
    organization_id {uuid} not null,
    provider_id {uuid},
    subject text not null,
    probability double precision not null,
    reasons text not null,
    dismissed_at_ms bigint,
    created_at_ms bigint not null
);
create index duplicate_group_of_list on duplicate_group (organization_id, subject, provider_id, id);

-- record_id in a directory, target_id in the registry.
create table duplicate_member (
    group_id {uuid} not null,
    place bigint not null,
    record_id bigint,
    target_id {uuid},
    primary key (group_id, place)
);

-- What a list was like when it was searched last: it is searched again only when it differs.
create table duplicate_search (
    organization_id {uuid} not null,
    provider_id {uuid},
    subject text not null,
    fingerprint text not null,
    searched_at_ms bigint not null
);
create index duplicate_search_of_list on duplicate_search (organization_id, subject);
";

const DOWN: &str = "
drop table duplicate_search;
drop table duplicate_member;
drop table duplicate_group;
";
