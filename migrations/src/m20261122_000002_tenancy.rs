//! Tenants: organizations, their API keys, audit log, remembered requests and providers.

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
create table organization (
    id {uuid} primary key,
    name text not null,
    time_zone text not null,
    created_at_ms bigint not null
);

-- One row per organization; whoever creates registry records locks it first (the gate).
create table gate (
    organization_id {uuid} primary key
);

create table api_key (
    id {uuid} primary key,
    organization_id {uuid} not null,
    name text not null,
    prefix text not null unique,
    secret_sha256 {bytes} not null,
    access text not null,
    created_at_ms bigint not null,
    expires_at_ms bigint,
    revoked_at_ms bigint,
    last_used_at_ms bigint
);
create index api_key_of_organization on api_key (organization_id, id);

create table audit_entry (
    id {uuid} primary key,
    organization_id {uuid} not null,
    at_ms bigint not null,
    actor text not null,
    action text not null,
    resource text not null,
    resource_id text not null,
    detail text not null
);
create index audit_of_organization on audit_entry (organization_id, id);

create table request (
    organization_id {uuid} not null,
    method text not null,
    request_id text not null,
    body_sha256 {bytes} not null,
    answer {bytes} not null,
    created_at_ms bigint not null,
    primary key (organization_id, method, request_id)
);
create index request_by_age on request (created_at_ms);

create table party_type (
    id {uuid} primary key,
    organization_id {uuid} not null,
    name text not null,
    unique (organization_id, name)
);

create table compliance_profile (
    id {uuid} primary key,
    organization_id {uuid} not null,
    name text not null,
    unique (organization_id, name)
);

create table provider (
    id {uuid} primary key,
    organization_id {uuid} not null,
    kind text not null,
    display_name text not null,
    environment text not null,
    company_id bigint not null,
    platform_credentials boolean not null,
    client_id text,
    client_secret_sealed {bytes},
    default_party_type_id {uuid} not null,
    default_compliance_profile_id {uuid} not null,
    contacts_mode text not null,
    state text not null,
    attention text,
    state_message text not null default '',
    visible text,
    not_before_ms bigint not null default 0,
    budget text,
    last_fetch_at_ms bigint,
    revision bigint not null default 1,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
-- The company id is not a secret and the platform's credentials open every customer: one claim over all organizations.
create unique index provider_platform_claim on provider (environment, company_id)
    where platform_credentials and state <> 'deleted';
create unique index provider_once_per_organization on provider (organization_id, environment, company_id)
    where state <> 'deleted';
";

const DOWN: &str = "
drop table provider;
drop table compliance_profile;
drop table party_type;
drop table request;
drop table audit_entry;
drop table api_key;
drop table gate;
drop table organization;
";
