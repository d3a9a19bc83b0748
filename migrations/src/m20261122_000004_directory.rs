//! The directory as fetched, what was decided about it, and the walks that saw it.

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
-- name_search is the name in lower case, at most 1,000 characters. missing_since_ms is the start of the complete walk that missed the
-- record first, gone_at_ms the end of the second one in a row.
create table directory_record (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    subject text not null,
    record_id bigint not null,
    name text not null,
    name_search text not null,
    name_key text not null,
    street text,
    city text,
    region text,
    postal_code text,
    country text,
    details text not null,
    active boolean not null,
    exclusion text,
    content_hash bigint not null,
    updated_at_ms bigint,
    first_seen_at_ms bigint not null,
    changed_at_ms bigint not null,
    missing_since_ms bigint,
    gone_at_ms bigint,
    primary key (provider_id, subject, record_id)
);
create index directory_record_by_name_key on directory_record (provider_id, subject, name_key);
create index directory_record_missing on directory_record (provider_id, subject, record_id) where missing_since_ms is not null;

-- A vendor on a project, as the directory says it; either side may not be visible to us (yet).
create table directory_association (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    vendor_record_id bigint not null,
    project_record_id bigint not null,
    missing_since_ms bigint,
    primary key (provider_id, vendor_record_id, project_record_id)
);
create index directory_association_of_project on directory_association (provider_id, project_record_id, vendor_record_id);
create index directory_association_missing on directory_association (provider_id, missing_since_ms)
    where missing_since_ms is not null;

create table mapping (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    subject text not null,
    record_id bigint not null,
    state text not null,
    draft_decision text,
    draft_target_id {uuid},
    draft_on_lookalike text,
    decision text,
    decision_target_id {uuid},
    on_lookalike text,
    target_id {uuid},
    link_id {uuid} unique,
    is_leading boolean not null default false,
    job_id {uuid},
    reason text,
    reason_detail text not null default '',
    linked_at_ms bigint,
    last_synced_at_ms bigint,
    synced_hash bigint,
    revision bigint not null default 1,
    changed_at_ms bigint not null,
    primary key (provider_id, subject, record_id)
);
create index mapping_by_state on mapping (provider_id, subject, state, record_id);
create index mapping_of_job on mapping (job_id, record_id) where job_id is not null;
-- Wide enough to be preferred to mapping_by_state when both could answer: a target has few links, a state has many rows.
create index mapping_of_target on mapping (target_id, provider_id, subject, state) where target_id is not null;

create table suggestion (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    subject text not null,
    record_id bigint not null,
    rank integer not null,
    target_id {uuid} not null,
    score double precision not null,
    reasons text not null,
    contested boolean not null,
    primary key (provider_id, subject, record_id, rank)
);
create index suggestion_of_target on suggestion (target_id);

create table walk (
    job_id {uuid} not null,
    subject text not null,
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    started_at_ms bigint not null,
    finished_at_ms bigint,
    total bigint,
    distinct_seen bigint,
    complete boolean,
    primary key (job_id, subject)
);
create index walk_of_provider on walk (provider_id, subject, started_at_ms);

-- What a walk saw; narrow, and purged when the next walk of the provider ends.
create table walk_seen (
    job_id {uuid} not null,
    subject text not null,
    record_id bigint not null,
    primary key (job_id, subject, record_id)
);
";

const DOWN: &str = "
drop table walk_seen;
drop table walk;
drop table suggestion;
drop table mapping;
drop table directory_association;
drop table directory_record;
";
