//! What makes a mapping list of 100,000 rows as quick to open as one of 100: counts per state that are kept by the database itself, an
//! index for the order by name, and one for text inside names.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        crate::dialect(manager, if postgres { UP_POSTGRES } else { UP_SQLITE }).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        crate::dialect(manager, if postgres { DOWN_POSTGRES } else { DOWN_SQLITE }).await
    }
}

// Several rows may stand for one state, and the count is their sum: a statement adds what it changed and never waits for another one's
// row. About every fiftieth change adds up what has been written so far. pg_trgm is a trusted extension since PostgreSQL 13; an extension
// is there once per database, in one schema, and others may create it at the same moment. Without it a search reads name by name.
const UP_POSTGRES: &str = r#"
create table mapping_count (
    provider_id uuid not null,
    subject text not null,
    state text not null,
    n bigint not null
);
create index mapping_count_of on mapping_count (provider_id, subject);

create function mapping_counted() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into mapping_count select provider_id, subject, state, count(*) from new_rows group by 1, 2, 3;
    elsif tg_op = 'DELETE' then
        insert into mapping_count select provider_id, subject, state, -count(*) from old_rows group by 1, 2, 3;
    else
        insert into mapping_count select provider_id, subject, state, sum(n) from (
            select provider_id, subject, state, 1 as n from new_rows
            union all select provider_id, subject, state, -1 from old_rows
        ) changes group by 1, 2, 3 having sum(n) <> 0;
        if random() < 0.02 then
            with folded as (
                delete from mapping_count where ctid = any (array(
                    select c.ctid from mapping_count c where c.provider_id in (select provider_id from new_rows) for update skip locked
                )) returning provider_id, subject, state, n
            )
            insert into mapping_count select provider_id, subject, state, sum(n) from folded group by 1, 2, 3 having sum(n) <> 0;
        end if;
    end if;
    return null;
end $$;
create trigger mapping_counted_insert after insert on mapping referencing new table as new_rows
    for each statement execute function mapping_counted();
create trigger mapping_counted_update after update on mapping referencing old table as old_rows new table as new_rows
    for each statement execute function mapping_counted();
create trigger mapping_counted_delete after delete on mapping referencing old table as old_rows
    for each statement execute function mapping_counted();
insert into mapping_count select provider_id, subject, state, count(*) from mapping group by 1, 2, 3;

-- What a link job has still to do.
create index mapping_to_link on mapping (job_id, record_id) where state = 'confirmed';

create index directory_record_by_name on directory_record (provider_id, subject, (left(name_search, 100) collate "C"), record_id);
do $$
declare home text;
begin
    begin
        create extension if not exists pg_trgm schema public;
    exception
        when unique_violation or duplicate_object then null;
        when insufficient_privilege or undefined_file or feature_not_supported or invalid_schema_name then
            raise notice 'pg_trgm is not available: searching a large directory is slower without it';
    end;
    select n.nspname into home from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
    if home is not null then
        execute format('create index directory_record_text on directory_record using gin (name_search %I.gin_trgm_ops)', home);
    end if;
end $$;
"#;

const DOWN_POSTGRES: &str = "
drop index if exists directory_record_text;
drop index directory_record_by_name;
drop index mapping_to_link;
drop trigger mapping_counted_insert on mapping;
drop trigger mapping_counted_update on mapping;
drop trigger mapping_counted_delete on mapping;
drop function mapping_counted();
drop table mapping_count;
";

// One row per state: there is one writer at a time. The index by name has the whole name in it, so that text inside names is looked for
// in the index alone.
const UP_SQLITE: &str = "
create table mapping_count (
    provider_id blob not null,
    subject text not null,
    state text not null,
    n bigint not null,
    primary key (provider_id, subject, state)
) without rowid;

create trigger mapping_counted_insert after insert on mapping begin
    insert into mapping_count values (new.provider_id, new.subject, new.state, 1)
        on conflict (provider_id, subject, state) do update set n = n + 1;
end;
create trigger mapping_counted_update after update of state on mapping when old.state <> new.state begin
    update mapping_count set n = n - 1 where provider_id = old.provider_id and subject = old.subject and state = old.state;
    insert into mapping_count values (new.provider_id, new.subject, new.state, 1)
        on conflict (provider_id, subject, state) do update set n = n + 1;
end;
create trigger mapping_counted_delete after delete on mapping begin
    update mapping_count set n = n - 1 where provider_id = old.provider_id and subject = old.subject and state = old.state;
end;
insert into mapping_count select provider_id, subject, state, count(*) from mapping group by 1, 2, 3;

-- What a link job has still to do.
create index mapping_to_link on mapping (job_id, record_id) where state = 'confirmed';

create index directory_record_by_name on directory_record (provider_id, subject, name_search, record_id);
";

const DOWN_SQLITE: &str = "
drop index directory_record_by_name;
drop index mapping_to_link;
drop trigger mapping_counted_insert;
drop trigger mapping_counted_update;
drop trigger mapping_counted_delete;
drop table mapping_count;
";
