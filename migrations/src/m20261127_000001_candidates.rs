//! Suggestions get a band, what a person declined is remembered, and a pass over them remembers what it saw.

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
-- score is the probability. holds says that the gate would keep a creation back because of it. What is there now is computed anew by the
-- next pass; until then it is what it was, a name that is equal.
alter table suggestion add column band text not null default 'likely';
alter table suggestion add column holds boolean not null default true;

-- Candidates that a person refused: they are never suggested again, and never hold a creation of that record.
create table declined_candidate (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    subject text not null,
    record_id bigint not null,
    target_id {uuid} not null,
    declined_at_ms bigint not null,
    primary key (provider_id, subject, record_id, target_id)
);
create index declined_candidate_of_target on declined_candidate (target_id);

-- What both sides were like when the last complete pass began: the next one does nothing while they are the same.
create table suggestion_pass (
    organization_id {uuid} not null,
    provider_id {uuid} not null,
    subject text not null,
    seen text not null,
    finished_at_ms bigint not null,
    primary key (provider_id, subject)
);
";

const DOWN: &str = "
drop table suggestion_pass;
drop table declined_candidate;
alter table suggestion drop column holds;
alter table suggestion drop column band;
";
