//! The gateway as clients see it: a real server on a free port, driven by a client library that is
//! not ours.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod abuse;
mod bounds;
mod client;
mod commands;
mod compression;
mod delivery;
mod document;
mod door;
mod forms;
mod framing;
mod greeting;
mod life;
mod manage;
mod model;
mod options;
mod queue;
mod raw;
mod rooms;
mod server;
mod sse;
