//! The connection and the few places where the two databases differ.
//!
//! Statements are written once, with `$1` parameters that both understand, and with these words filled in per database:
//! `{now}` the database's clock in milliseconds (never the process's: leases must not depend on a drifting node), `{lock}` and
//! `{lock_skip}` the row locks (SQLite needs none: its transactions take the write lock at their beginning). Batches travel as one JSON
//! parameter ([`batch`]) and are read as a table ([`rows`]), so a thousand rows are one statement.

use crate::error::database;
use linkyard_core::{Error, Result};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use std::time::Duration;

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// Writes go here. One connection on SQLite (it has one writer anyway, and waiting in our queue is fairer than in its lock).
    pub(crate) writer: DatabaseConnection,
    /// Reads outside a transaction go here.
    pub(crate) reader: DatabaseConnection,
    pub(crate) sealing_key: crate::SealingKey,
}

impl Store {
    /// Which database this is: `sqlite` or `postgres`, for logs and reports.
    #[must_use]
    pub fn backend_name(&self) -> &'static str {
        if is_postgres(&self.writer) { "postgres" } else { "sqlite" }
    }

    /// Begins a transaction that holds the write lock from its first statement on SQLite (`BEGIN IMMEDIATE`).
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction> {
        let options =
            TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
        let options = if is_postgres(&self.writer) { TransactionOptions::default() } else { options };
        answered(is_postgres(&self.writer), self.writer.begin_with_options(options)).await
    }
}

/// Commits, so that the one who reads next sees everything or (on an error before this) nothing.
pub(crate) async fn commit(transaction: DatabaseTransaction) -> Result<()> {
    let postgres = is_postgres(&transaction);
    answered(postgres, transaction.commit()).await
}

/// Ends a transaction as its work ended: commits what succeeded; rolls back what was refused, and waits for that, so that no row is still
/// locked when the caller goes on.
pub(crate) async fn end<T>(transaction: DatabaseTransaction, result: Result<T>) -> Result<T> {
    match result {
        Ok(value) => commit(transaction).await.map(|()| value),
        Err(error) => {
            if let Err(lost) = transaction.rollback().await {
                tracing::debug!(%lost, "a transaction ended with its connection");
            }
            Err(error)
        }
    }
}

/// Whether the two databases have to be told apart here; outside of this file and of the opening nobody should ask.
pub(crate) fn is_postgres(connection: &impl ConnectionTrait) -> bool {
    connection.get_database_backend() == DatabaseBackend::Postgres
}

/// Fills in the database's own words.
fn dialect(connection: &impl ConnectionTrait, sql: &str) -> String {
    let (now, lock, lock_skip) = if is_postgres(connection) {
        ("(extract(epoch from clock_timestamp()) * 1000)::bigint", "for update", "for update skip locked")
    } else {
        ("cast(unixepoch('subsec') * 1000 as integer)", "", "")
    };
    sql.replace("{now}", now).replace("{lock}", lock).replace("{lock_skip}", lock_skip)
}

fn statement(connection: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(connection.get_database_backend(), dialect(connection, sql), values)
}

/// PostgreSQL ends a statement by itself after 30 seconds. What is not answered in this time never will be: the way to it is silent.
const ANSWERED_WITHIN: Duration = Duration::from_secs(35);

/// Waits for an answer of the database, on PostgreSQL not for ever. A connection that did not answer is not used again: the pool finds
/// that out before it lends it. Whether what was asked for was done is not known then.
async fn answered<T>(postgres: bool, asked: impl Future<Output = std::result::Result<T, DbErr>>) -> Result<T> {
    if !postgres {
        return asked.await.map_err(database);
    }
    tokio::time::timeout(ANSWERED_WITHIN, asked).await.map_or_else(
        |_| {
            let message = format!("a statement was not answered within {} seconds", ANSWERED_WITHIN.as_secs());
            Err(Error::Unavailable { service: "database", message, source: None })
        },
        |answer| answer.map_err(database),
    )
}

/// Runs `sql` and answers how many rows it changed.
pub(crate) async fn execute(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64> {
    let result = answered(is_postgres(connection), connection.execute_raw(statement(connection, sql, values))).await?;
    Ok(result.rows_affected())
}

/// Runs `sql` and answers its rows.
pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>> {
    answered(is_postgres(connection), connection.query_all_raw(statement(connection, sql, values))).await
}

/// Runs `sql` and answers its first row, if any.
pub(crate) async fn one(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<QueryResult>> {
    answered(is_postgres(connection), connection.query_one_raw(statement(connection, sql, values))).await
}

/// The type of one column of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// A UUID, sent as text.
    Uuid,
    /// A 64-bit integer.
    Bigint,
    /// Text; JSON inside it is sent as a string.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A double.
    Double,
}

/// Reads the JSON array of objects in parameter `parameter` (`$1`, ..) as a table called `alias` with these columns. Absent keys and
/// nulls are NULL.
pub(crate) fn rows(connection: &impl ConnectionTrait, alias: &str, parameter: &str, columns: &[(&str, Column)]) -> String {
    if is_postgres(connection) {
        let columns: Vec<String> = columns.iter().map(|(name, column)| format!("{name} {}", postgres_type(*column))).collect();
        // `ordinality` is not needed: the callers that care about order send it as a column.
        return format!("json_to_recordset({parameter}::json) as {alias}({})", columns.join(", "));
    }
    let columns: Vec<String> = columns.iter().map(|(name, column)| sqlite_column(name, *column)).collect();
    // `jsonb_each` answers each object parsed; with `json_each` it is written and parsed again for every column.
    // The limit keeps SQLite from flattening the batch into the statement: flattened, it may be read again for every row of a table.
    format!("(select {} from jsonb_each({parameter}) limit -1) as {alias}", columns.join(", "))
}

fn postgres_type(column: Column) -> &'static str {
    match column {
        Column::Uuid => "uuid",
        Column::Bigint => "bigint",
        Column::Text => "text",
        Column::Boolean => "boolean",
        Column::Double => "double precision",
    }
}

fn sqlite_column(name: &str, column: Column) -> String {
    match column {
        Column::Uuid => format!("unhex(replace(value ->> '{name}', '-', '')) as {name}"),
        Column::Bigint | Column::Text | Column::Boolean | Column::Double => {
            format!("value ->> '{name}' as {name}")
        }
    }
}

/// The condition that a column is one of what `query` answers, few rows, looked up by the column's index. As a join it depends on what
/// PostgreSQL knows of the table, which grows faster than that: it would read the table, or all that another condition selects.
pub(crate) fn among(connection: &impl ConnectionTrait, query: &str) -> String {
    if is_postgres(connection) { format!("= any(array({query}))") } else { format!("in ({query})") }
}

/// A batch as the one JSON parameter that [`rows`] reads.
pub(crate) fn batch<T: serde::Serialize>(items: &[T]) -> Result<Value> {
    let text = serde_json::to_string(items)
        .map_err(|error| linkyard_core::Error::internal("a batch could not be written as JSON", error))?;
    Ok(Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_postgres_is_given_up_and_sqlite_never_is_silent() {
        let silent = std::future::pending::<std::result::Result<(), DbErr>>;
        let error = answered(true, silent()).await.expect_err("nobody answers");
        assert!(error.retryable(), "{error}");
        let later = async {
            tokio::time::sleep(ANSWERED_WITHIN * 2).await;
            Ok(7)
        };
        assert_eq!(answered(false, later).await.expect("an answer"), 7);
    }
}
