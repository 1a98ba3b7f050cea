//! Turns a record into an event: formats, decoded views, the client's real address.
//!
//! [`parse`] finds the parts of one log line as spans of its batch's bytes; [`Decoder::decode`]
//! fills an [`Event`](vigil_event::Event) from them, with every value as received and, where
//! something was encoded, as the server behind it would come to see it.
//!
//! Owns: log formats, undoing encodings, whom to believe about the client's address. Never holds:
//! I/O, clocks, state from one record to the next. Every input may come from an attacker: nothing
//! here panics, every loop is bounded, and once its buffers are warm a line costs no allocation.
//!
//! To add a format: one file in `format/` that yields its fields, a variant of [`Format`] with its
//! name, a row in the table tests, and a seed for the fuzz target `line_parser`. To add an
//! encoding: one file in `view/` with a function that says what stands at a place, and its pass in
//! `view/mod.rs`. To add a reading (as `sql` is one): one file in `view/`, its line in
//! `view::Reader`, its bit in `vigil_event::Decodings` and its `ViewKind`.
#![warn(clippy::indexing_slicing)]

mod client_address;
mod decoder;
mod format;
mod query;
mod recurring;
mod request;
mod span;
mod view;
pub mod whole;

pub use client_address::Proxies;
pub use decoder::Decoder;
pub use format::{Format, ParseError, UnknownFormat, parse};
pub use request::Request;
pub use span::Span;
