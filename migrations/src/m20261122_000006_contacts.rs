//! People of a directory, and the contacts of parties, some of which follow them.

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
-- The last vendor that the directory named for a person stays: a view that does not say is no evidence. missing_since_ms and gone_at_ms
-- are those of directory_record.
create table directory_person (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    record_id bigint not null,
    vendor_record_id bigint,
    first_name text,
    last_name text,
    email text,
    phone text,
    job_title text,
    active boolean not null,
    content_hash bigint not null,
    missing_since_ms bigint,
    gone_at_ms bigint,
    primary key (provider_id, record_id)
);
create index directory_person_of_vendor on directory_person (provider_id, vendor_record_id, record_id);
create index directory_person_missing on directory_person (provider_id, record_id) where missing_since_ms is not null;

-- provider_id and record_id name the person that a contact follows; both are null for one that was typed in by hand.
create table contact (
    id {uuid} primary key,
    organization_id {uuid} not null,
    party_id {uuid} not null,
    name text not null,
    email text,
    phone text,
    job_title text,
    is_primary boolean not null default false,
    active boolean not null default true,
    provider_id {uuid},
    record_id bigint,
    revision bigint not null default 1,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create index contact_of_party on contact (party_id, id);
create unique index contact_of_person on contact (provider_id, record_id) where provider_id is not null;
create unique index contact_primary on contact (party_id) where is_primary;
";

const DOWN: &str = "
drop table contact;
drop table directory_person;
";
