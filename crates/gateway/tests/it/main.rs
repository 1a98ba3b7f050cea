//! The gateway as clients see it: a real server on a free port, driven by a client library that is
//! not ours.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;
mod commands;
mod delivery;
mod door;
mod greeting;
mod life;
mod server;
mod sse;
