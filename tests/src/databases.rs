//! One test, every database: each case runs on SQLite and on PostgreSQL, on a fresh and migrated store.

use crate::postgres;
use anyhow::{Context, Result};
use futures_util::FutureExt;
use linkyard_store::{Args, SealingKey, Store};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A second way into the database of a case, for what the store does not offer on purpose (rows of a newer release, moved clocks).
#[derive(Clone, Debug)]
pub struct Sql(DatabaseConnection);

impl Sql {
    /// Runs one statement without parameters.
    ///
    /// # Panics
    /// When the database refuses it: the test is wrong.
    pub async fn execute(&self, sql: &str) {
        self.0.execute_unprepared(sql).await.expect("the test's own statement is right");
    }

    /// Reads one number.
    ///
    /// # Panics
    /// When the database refuses the statement or answers no number: the test is wrong.
    pub async fn number(&self, sql: &str) -> i64 {
        let statement = sea_orm::Statement::from_string(self.0.get_database_backend(), sql);
        let row = self.0.query_one_raw(statement).await.expect("the test's own statement is right").expect("it has a row");
        row.try_get_by_index(0).expect("its first column is a number")
    }

    /// Reads the first column of every row, which must be text.
    ///
    /// # Errors
    /// When the database does not answer, or refuses the statement.
    pub async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let statement = sea_orm::Statement::from_string(self.0.get_database_backend(), sql);
        let rows = self.0.query_all_raw(statement).await.with_context(|| format!("reading {sql:.200}"))?;
        rows.iter().map(|row| row.try_get_by_index(0).with_context(|| format!("the first column of {sql:.200}"))).collect()
    }

    async fn open(url: &str) -> Result<Self> {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        Ok(Self(Database::connect(options).await?))
    }
}

/// A schema of its own on the test server, until [`PostgresSchema::drop_all`].
#[derive(Debug)]
pub struct PostgresSchema {
    name: String,
    url: String,
    admin: Sql,
}

impl PostgresSchema {
    /// Makes an empty schema `test_<pid>_<n>`.
    ///
    /// # Errors
    /// When there is no server (see [`postgres::server_url`]).
    pub async fn create() -> Result<Self> {
        let server = postgres_url().await?;
        let admin = Sql::open(&server).await.context("the test server does not answer")?;
        Self::create_by(&server, admin).await
    }

    async fn create_by(server: &str, admin: Sql) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        admin.0.execute_unprepared(&format!("create schema {name}")).await?;
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options=-csearch_path%3D{name}");
        Ok(Self { name, url, admin })
    }

    /// The address of the server with this schema as the search path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Drops the schema and everything in it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn drop_all(self) -> Result<()> {
        self.admin.0.execute_unprepared(&format!("drop schema {} cascade", self.name)).await?;
        Ok(())
    }
}

async fn postgres_url() -> Result<String> {
    tokio::task::spawn_blocking(postgres::server_url).await.context("starting PostgreSQL panicked")?
}

/// Where a case gets its databases from, for cases that need several or reach them by their address. Clones share everything.
#[derive(Clone, Debug)]
pub struct Databases(Arc<Made>);

/// What there is of one kind, until the case is over.
#[derive(Debug)]
enum Made {
    /// A directory with a file for each.
    Sqlite(tempfile::TempDir, AtomicU64),
    /// A schema for each.
    Postgres { server: String, admin: Sql, schemas: Mutex<Vec<PostgresSchema>> },
}

impl Databases {
    /// SQLite files.
    ///
    /// # Panics
    /// When there can be no temporary directory.
    #[must_use]
    pub fn sqlite() -> Self {
        Self(Arc::new(Made::Sqlite(tempfile::tempdir().expect("a temporary directory"), AtomicU64::new(0))))
    }

    /// Schemas of the PostgreSQL server of this process; [`Databases::drop_all`] ends them.
    ///
    /// # Panics
    /// When there is no server.
    pub async fn postgres() -> Self {
        let server = postgres_url().await.expect("a PostgreSQL server");
        let admin = open_sql(&server).await;
        Self(Arc::new(Made::Postgres { server, admin, schemas: Mutex::default() }))
    }

    /// The address of a new database without tables.
    ///
    /// # Panics
    /// When the server makes none.
    pub async fn fresh_url(&self) -> String {
        match &*self.0 {
            Made::Sqlite(directory, made) => {
                let number = made.fetch_add(1, Ordering::Relaxed);
                format!("sqlite:{}?mode=rwc", directory.path().join(format!("linkyard-{number}.db")).display())
            }
            Made::Postgres { server, admin, schemas } => {
                let schema = PostgresSchema::create_by(server, admin.clone()).await.expect("a PostgreSQL schema");
                let url = schema.url().to_owned();
                schemas.lock().unwrap_or_else(PoisonError::into_inner).push(schema);
                url
            }
        }
    }

    /// Drops all of them; files go by themselves.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn drop_all(self) {
        if let Made::Postgres { schemas, .. } = &*self.0 {
            let schemas = std::mem::take(&mut *schemas.lock().unwrap_or_else(PoisonError::into_inner));
            for schema in schemas {
                schema.drop_all().await.expect("the schema is dropped");
            }
        }
    }
}

/// Opens and migrates the store at `url`.
///
/// # Errors
/// As [`Store::connect`] and [`Store::migrate`].
pub async fn open_store(url: &str) -> linkyard_core::Result<Store> {
    let args = Args { database_url: url.to_owned(), connections: 8 };
    let store = Store::connect(&args, SealingKey::generate()).await?;
    store.migrate().await?;
    Ok(store)
}

/// A second way into the database at `url`.
///
/// # Panics
/// When it does not answer.
pub async fn open_sql(url: &str) -> Sql {
    Sql::open(url).await.expect("the database opens a second time")
}

/// Runs `case` with databases of each kind.
///
/// # Panics
/// When a database can not be had, or the case panics.
pub async fn each_kind(case: impl AsyncFn(Databases)) {
    eprintln!("-- on SQLite");
    case(Databases::sqlite()).await;
    eprintln!("-- on PostgreSQL");
    let databases = Databases::postgres().await;
    let outcome = AssertUnwindSafe(case(databases.clone())).catch_unwind().await;
    databases.drop_all().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Runs `case` on `sqlite::memory:` and on a fresh PostgreSQL schema.
///
/// # Panics
/// When a database can not be had, or the case panics.
pub async fn each_database(case: impl AsyncFn(Store)) {
    eprintln!("-- on sqlite::memory:");
    case(open_store("sqlite::memory:").await.expect("SQLite opens")).await;
    on_postgres(async |store, _| case(store).await).await;
}

/// Like [`each_database`], with a second way into the database; SQLite is a file then.
///
/// # Panics
/// When a database can not be had, or the case panics.
pub async fn each_database_with_sql(case: impl AsyncFn(Store, Sql)) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}?mode=rwc", directory.path().join("linkyard.db").display());
    eprintln!("-- on {url}");
    let store = open_store(&url).await.expect("SQLite opens");
    let sql = open_sql(&url).await;
    case(store, sql).await;
    on_postgres(case).await;
}

async fn on_postgres(case: impl AsyncFn(Store, Sql)) {
    let schema = PostgresSchema::create().await.expect("a PostgreSQL schema");
    eprintln!("-- on {}", schema.url());
    let store = open_store(schema.url()).await.expect("PostgreSQL opens");
    let sql = open_sql(schema.url()).await;
    let outcome = AssertUnwindSafe(case(store, sql)).catch_unwind().await;
    schema.drop_all().await.expect("the schema is dropped");
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}
