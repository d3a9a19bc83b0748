//! The database's edge: what SQL reports becomes the one error, classified by what its reader can do.

use linkyard_core::Error;
use sea_orm::{DbErr, SqlErr};

/// Translates a database error. Unique violations that a function expects are handled by that function before this.
pub(crate) fn database(error: DbErr) -> Error {
    if let Some(SqlErr::UniqueConstraintViolation(constraint)) = error.sql_err() {
        // The constraint's name says nothing to a caller, and may say too much.
        tracing::debug!(constraint, "a row with this identity is there already");
        let message = "a row with this identity is there already".to_owned();
        return Error::AlreadyExists { resource: "row", id: String::new(), message };
    }
    if connection_lost(&error) {
        let message = "the database does not answer or refuses for now".to_owned();
        return Error::Unavailable { service: "database", message, source: Some(Box::new(error)) };
    }
    Error::internal("a statement failed", error)
}

/// Whether trying again can help: no connection, a lock or serialization conflict, a database that is full, starting or read-only.
fn connection_lost(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return true;
    }
    let text = error.to_string();
    const SIGNS: [&str; 17] = [
        "error communicating with database",
        "database is locked",
        "database or disk is full",
        "disk I/O error",
        "attempt to write a readonly database",
        "unable to open database file",
        "deadlock detected",
        "could not serialize access",
        "terminating connection",
        "the database system is",
        "read-only transaction",
        "lock timeout",
        "statement timeout",
        "too many clients",
        "remaining connection slots",
        "database schema is locked",
        "expected to read",
    ];
    SIGNS.iter().any(|sign| text.contains(sign))
}
