//! The HTTP interface as its clients see it: the real routes behind the real door, on a real store.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by it, and its helpers are no tests themselves"
)]

mod access;
mod alerts;
mod document;
mod harness;
mod ingest;
mod lists;
mod models;
mod page;
mod revocations;
mod server;
mod session;
mod suppressions;
