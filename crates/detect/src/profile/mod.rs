//! A profile of each site, learned from its own traffic: what paths there are, which parameters they
//! take, what values look like, how they are answered. What does not fit is a detection.
//!
//! ```text
//! detection thread: Eye ── judges by ──▶ Profiles (immutable) ◀── publishes ── Learner: one owner
//!                    └─── requests that nothing accused, through a bounded queue ───▶┘
//! ```
//!
//! A shape is trusted when clients of many networks have shown it in several periods of time; what a
//! rule, a list or a window accused teaches nothing, and nor does its client for an hour. Everything
//! is bounded: sites, places of a site, parameters, values.
//!
//! Owns: what is learned and what is concluded from it. Never holds: files, threads, the wall clock;
//! time is the events' own.

mod asked;
#[cfg(test)]
mod bound_tests;
#[cfg(test)]
mod branch_tests;
mod branches;
mod build;
mod class;
mod course;
mod ending;
mod endpoint;
mod eye;
mod kin;
#[cfg(test)]
mod kin_tests;
mod learner;
mod misfit;
mod model;
mod name;
mod options;
#[cfg(test)]
mod page_tests;
mod parameter;
mod reading;
mod regular;
mod seen;
mod segment;
mod shape;
mod site;
mod sparse;
#[cfg(test)]
mod stranger_tests;
#[cfg(test)]
mod stray_tests;
#[cfg(test)]
mod tests;
mod tree;
mod trial;
mod value;
#[cfg(test)]
mod varied_tests;
#[cfg(test)]
mod vouched_tests;
mod who;
mod witness;
mod writing;

pub use endpoint::EndpointDescription;
pub use eye::{Eye, PROFILE, Profiles, SiteInForce};
pub use learner::{Change, Learner, Saved, SavedError};
pub use misfit::{Aspect, Misfit, Place};
pub use model::{Model, ModelStatus, State};
pub use options::ProfileOptions;
pub use parameter::ParameterDescription;
pub use seen::Requests;
pub use site::{Site, Verdict};
pub(crate) use who::{hash, hash_text};
pub use witness::Who;
