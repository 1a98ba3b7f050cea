//! Vigil, put together: the command line, the configuration, the pipeline and the server's life.
//!
//! This crate is the only one that knows all the others. It builds them ([`app`]), joins them with
//! bounded queues ([`pipeline`]) and ends them in order. It holds no rule of the business: what an
//! attack is stands in `rules/` and in the crates `rule` and `detect`.

pub mod app;
pub mod bench;
pub mod change;
pub mod cli;
pub mod config;
pub mod cost;
mod crs;
pub mod demo;
pub mod examples;
pub mod hunt;
pub mod junit;
pub mod log_file;
pub mod models;
pub mod offline;
mod outward;
pub mod pipeline;
pub mod rulebook;
pub mod rules;
pub mod stopwatch;
pub mod tables;

/// An attack is told in many small texts that one thread makes and another drops, which the system's
/// allocator takes a good deal longer for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
