//! Judges events over time: what the rules found on one event, what the windows count over many,
//! the score of both, the threat that comes of it and the alert it is grouped under.
//!
//! What the operator said beside the rules, the [`policy`], adds detections and takes some out.
//!
//! Owns: the windows' state, what is let pass, the score, the making of threats, the grouping. Never
//! holds: the store, the bus, HTTP, files, or the wall clock; time is the events' own, and when a
//! suppression ends is decided by the time that the caller tells.
//!
//! A [`Detector`] belongs to one thread. Events are spread over threads by client address, so each
//! address's windows live in one place and need no lock.

mod detector;
pub mod policy;
mod threat;
pub mod window;

pub use detector::{Detector, DetectorOptions, Judgement};
pub use policy::Policy;
pub use threat::{Provenance, alert_key, threat};
pub use window::WindowOptions;
