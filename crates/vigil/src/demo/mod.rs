//! What `vigil demo` shows: seeded traffic, written into a real log that a real server follows.
//!
//! The same traffic feeds the benchmarks and the tests, so that all three mean the same by "5 %
//! attacks".

pub mod traffic;

pub use traffic::{Traffic, clf_time};
