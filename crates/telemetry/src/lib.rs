//! What an operator sees of a running linkyard from outside: metrics that are scraped, and traces that are sent away.
//!
//! Lives here: the names of all metrics and what each counts ([`measure`]), how they are served ([`exposition`]), and how a trace goes from
//! a request over its jobs to the calls ([`trace`]). Does not live here: logging (the binary's), and everything that is kept: what a
//! person polls is in SQL. Nothing in this crate may fail or delay work: a collector that is away loses spans, never jobs.

#![forbid(unsafe_code)]

pub mod exposition;
pub mod measure;
pub mod trace;
