//! The registry: parties, projects, their associations, and the keys by which look-alikes are found.

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
-- name_search is the name in lower case, at most 1,000 characters: the databases' own lower() differ outside ASCII.
create table party (
    id {uuid} primary key,
    organization_id {uuid} not null,
    name text not null,
    name_search text not null,
    party_type_id {uuid} not null,
    compliance_profile_id {uuid} not null,
    street text,
    city text,
    region text,
    postal_code text,
    country text,
    phone text,
    email text,
    created_by_provider_id {uuid},
    revision bigint not null default 1,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create index party_of_organization on party (organization_id, id);

create table project (
    id {uuid} primary key,
    organization_id {uuid} not null,
    name text not null,
    name_search text not null,
    number text,
    street text,
    city text,
    region text,
    postal_code text,
    country text,
    created_by_provider_id {uuid},
    revision bigint not null default 1,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create index project_of_organization on project (organization_id, id);

-- provider_id says which integration made it; null = a person did, and no integration ever removes it.
create table association (
    party_id {uuid} not null,
    project_id {uuid} not null,
    organization_id {uuid} not null,
    provider_id {uuid},
    created_at_ms bigint not null,
    primary key (party_id, project_id)
);
create index association_of_project on association (project_id, party_id);

create table match_key (
    organization_id {uuid} not null,
    subject text not null,
    key text not null,
    target_id {uuid} not null,
    primary key (organization_id, subject, key, target_id)
);
create index match_key_of_target on match_key (target_id);
";

const DOWN: &str = "
drop table match_key;
drop table association;
drop table project;
drop table party;
";
