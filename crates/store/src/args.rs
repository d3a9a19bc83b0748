//! Where the database is and how it is opened: the store's part of the command line.
//!
//! What is fixed here, and why: a database that hangs must not hang us (every wait has an end), a commit that was answered must
//! survive a killed process, and all pools together must stay small. Which statements run is not this file's business.
//!
//! SQLite runs with `synchronous = normal` in WAL mode: a commit survives the death of the process at any moment, but the last ones may
//! be lost when the *machine* loses its power (the database itself stays whole). `full` would wait for the disk at every commit, which
//! made a stream of small commits several times slower. Who needs that promise runs PostgreSQL.

use crate::error::database;
use crate::sql::{commit, execute, is_postgres, one};
use crate::{SealingKey, Store, row};
use linkyard_core::{Error, Result};
use linkyard_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use std::collections::HashSet;
use std::time::Duration;

/// How to reach the database.
// Flattened beside other crates' `Args`: clap wants group names to differ.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// The database: `sqlite:PATH` (created if missing) or `postgres://USER@HOST/NAME`.
    #[arg(long = "database-url", env = "LINKYARD_DATABASE_URL", hide_env_values = true)]
    pub database_url: String,

    /// Most connections to PostgreSQL at once.
    #[arg(long = "database-connections", env = "LINKYARD_DATABASE_CONNECTIONS", default_value_t = 10)]
    pub connections: u32,
}

/// Held while the schema is changed, so that several processes that start together change it once. Any constant does.
const MIGRATION_LOCK: i64 = 0x6c69_6e6b_7961_7264;

impl Store {
    /// Opens the database. Does not migrate it.
    ///
    /// # Errors
    /// `Unavailable` when it can not be reached; `Invalid` for an address that is neither SQLite's nor PostgreSQL's.
    pub async fn connect(args: &Args, sealing_key: SealingKey) -> Result<Self> {
        let url = args.database_url.as_str();
        let (writer, reader) = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let pool = connect_postgres(url, args.connections).await?;
            (pool.clone(), pool)
        } else if url.starts_with("sqlite:") {
            connect_sqlite(url).await?
        } else {
            return Err(Error::invalid("database_url", "must begin with sqlite: or postgres://"));
        };
        Ok(Self { writer, reader, sealing_key })
    }

    /// Brings the schema up to this release; safe to call from several processes.
    ///
    /// # Errors
    /// `Unavailable`, or `Internal` when the database was migrated by a newer release.
    pub async fn migrate(&self) -> Result<()> {
        let tx = self.begin().await?;
        if is_postgres(&tx) {
            execute(&tx, "set local lock_timeout = '60s'", []).await?;
            execute(&tx, "set local statement_timeout = '0'", []).await?;
            execute(&tx, "select pg_advisory_xact_lock($1)", [MIGRATION_LOCK.into()]).await?;
            // From here on a lock is one that running processes hold: better to give up than to stop them.
            execute(&tx, "set local lock_timeout = '2s'", []).await?;
        }
        let applied = Migrator::get_migration_models(&tx).await.map_err(database)?;
        let known: HashSet<String> = Migrator::migrations().iter().map(|change| change.name().to_owned()).collect();
        if let Some(newer) = applied.iter().find(|change| !known.contains(&change.version)) {
            return Err(Error::broken(format!(
                "the database was migrated by a newer release of linkyard (it has the change {}, which this release does not know): \
                 start that release or a later one",
                newer.version
            )));
        }
        Migrator::up(&tx, None).await.map_err(database)?;
        commit(tx).await
    }

    /// The changes of this release that the database does not have yet, by name, oldest first. Changes nothing.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub async fn migrations_missing(&self) -> Result<Vec<String>> {
        let pending = Migrator::get_pending_migrations_read_only(&self.reader).await.map_err(database)?;
        Ok(pending.iter().map(|change| change.name().to_owned()).collect())
    }

    /// Whether the database answers now.
    ///
    /// # Errors
    /// `Unavailable` when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.now_ms().await.map(|_| ())
    }

    /// The database's clock, milliseconds since 1970.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub async fn now_ms(&self) -> Result<i64> {
        match one(&self.reader, "select {now} as now_ms", []).await? {
            Some(found) => row::get(&found, "now_ms"),
            None => Err(Error::broken("the database's clock gave no row")),
        }
    }
}

/// A connection that nobody used for so long is tried before it is lent. A test is a round trip, as much as most statements; a server that
/// went away under a connection in use fails its statement, tested or not.
const TESTED_AFTER: Duration = Duration::from_secs(1);

/// How long a caller waits for a connection to PostgreSQL.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(3);

/// What every session of PostgreSQL is told: the ends of its waits, and to compile no statement. PostgreSQL compiles what it expects to be
/// expensive, each time anew and for a tenth of a second, and of a backlog that its statistics do not know yet it expects that: with
/// 100,000 jobs waiting the feeder's statements took 100 ms instead of 3.
const SESSION: [(&str, &str); 4] =
    [("statement_timeout", "30s"), ("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "10s"), ("jit", "off")];

async fn connect_postgres(url: &str, connections: u32) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections.max(2))
        .acquire_timeout(ACQUIRE_WITHIN)
        .test_before_acquire_if_idle_for(TESTED_AFTER)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(|options| options.application_name("linkyard").options(SESSION));
    Database::connect(options).await.map_err(database)
}

/// The writer (one connection) and the readers (four). A database in memory belongs to its one connection, so both are the same.
async fn connect_sqlite(url: &str) -> Result<(DatabaseConnection, DatabaseConnection)> {
    let writer = Database::connect(sqlite_options(url, 1, false)).await.map_err(database)?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Ok((writer.clone(), writer));
    }
    let reader = Database::connect(sqlite_options(url, 4, true)).await.map_err(database)?;
    Ok((writer, reader))
}

fn sqlite_options(url: &str, connections: u32, readers: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        // Waiting for the one writer is normal under load; it moves on with every commit.
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            let options = options
                .create_if_missing(true)
                .busy_timeout(Duration::from_secs(5))
                .foreign_keys(true)
                .pragma("journal_mode", "wal")
                .pragma("synchronous", "normal")
                // Per connection, in KiB when negative: together 64 MiB at most, whatever the size of the database. No memory map: it would show
                // (and count) every page of the file that was read, so that the process would seem to grow with the directory.
                .pragma("cache_size", if readers { "-4096" } else { "-49152" })
                .pragma("mmap_size", "0")
                .pragma("journal_size_limit", "67108864");
            if readers { options.pragma("query_only", "on") } else { options }
        });
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_for_postgres_is_without_an_end() {
        assert_eq!(ACQUIRE_WITHIN, Duration::from_secs(3));
        for (setting, end) in
            [("statement_timeout", "30s"), ("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "10s")]
        {
            assert!(SESSION.contains(&(setting, end)), "{setting}");
        }
    }
}
