//! Judges events over time: what the rules found on one event, what the windows count and the
//! correlations see over many, the score of it all, the threat that comes of it and the alert it is grouped under.
//!
//! What the operator said beside the rules, the [`policy`], adds detections and takes some out; what
//! is taken out feeds no correlation.
//!
//! Owns: the state of windows and correlations, what is let pass, the score, the making of threats,
//! the grouping. Never holds: the store, the bus, HTTP, files, or the wall clock; time is the events'
//! own, and when a suppression ends is decided by the time that the caller tells.
//!
//! A [`Detector`] belongs to one thread. Events are spread over threads by client address, so each
//! address's windows and the correlations that group by it live in one place and need no lock. What
//! feeds the other correlations, speaks against networks, sessions and accounts or may be part of a scan
//! by many is a [`Sighting`], for the one [`Shared`] that sees all threads.

mod bucket;
pub mod correlation;
mod detector;
mod entity;
pub mod first_seen;
mod judgement;
mod mask;
pub mod policy;
pub mod profile;
mod risk;
mod secret;
mod sensor;
mod sighting;
pub mod spread;
pub mod state;
mod table;
mod threat;
pub mod window;

pub use correlation::{CorrelationOptions, Correlator, Firing, Scope};
pub use detector::{Detector, DetectorOptions};
pub use first_seen::FirstSeen;
pub use judgement::Judgement;
pub use policy::Policy;
pub use profile::ProfileOptions;
pub use risk::RiskOptions;
pub use secret::{Secret, lane};
pub use sighting::{Further, Shared, Sighting};
pub use spread::SpreadOptions;
pub use threat::{Provenance, alert_key, threat, threat_of_many};
pub use window::WindowOptions;
