//! The test kit (private servers, a whole yard in one process) and the integration tests.

pub mod binary;
pub mod build;
pub mod checker;
pub mod control;
pub mod databases;
pub mod ground;
pub mod installation;
pub mod jobs;
pub mod postgres;
pub mod redis;
pub mod sheet;
