//! What the tests of several crates need: the program under test as a process, a real nginx, HTTP,
//! waiting on conditions, and a clock that tests set.
//!
//! Owns: processes that end with the test, whatever happens in it. Never holds: anything shipped,
//! or a stand-in for something that can be started for real. Failures panic: this is test code.

#![expect(
    clippy::unwrap_used,
    reason = "a test kit fails by panicking, with the reason in the message"
)]

mod clock;
mod http;
mod nginx;
mod process;
mod vigil;
mod wait;

pub use clock::ManualClock;
pub use http::{Answer, Http};
pub use nginx::Nginx;
pub use process::Child;
pub use vigil::{Vigil, VigilBuilder};
pub use wait::{DEADLINE, wait_for, wait_until};
