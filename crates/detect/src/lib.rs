//! Judges events over time: what the rules found on one event, what the windows count over many,
//! the score of both, the threat that comes of it and the alert it is grouped under.
//!
//! Owns: the windows' state, the score, the making of threats, the grouping. Never holds: the
//! store, the bus, HTTP, or the wall clock; time is the events' own.
//!
//! A [`Detector`] belongs to one thread. Events are spread over threads by client address, so each
//! address's windows live in one place and need no lock.

mod detector;
mod threat;
pub mod window;

pub use detector::{Detector, DetectorOptions, Judgement};
pub use threat::{Provenance, alert_key, threat};
pub use window::WindowOptions;
