//! Who is this, and may they: tokens, keys, tickets, roles and channel patterns.
//!
//! A [`Credential`] goes in, a [`Principal`] comes out of the [`Gatekeeper`]; the principal then
//! answers what it may do. The present moment is always passed in, so that expiry can be tested.
//!
//! Owns: the signing key's file, the token's claims, the table of rights. Never holds: HTTP types,
//! sessions, a clock. A secret never appears in `Debug`, in `Display` or in an error.

mod authority;
mod error;
mod gatekeeper;
mod key;
mod principal;
mod rights;
mod role;
mod secret;
mod ticket;

pub use authority::{Authority, Grant};
pub use error::AuthError;
pub use gatekeeper::{Credential, Gatekeeper};
pub use key::{ApiKey, ApiKeys};
pub use principal::Principal;
pub use rights::Rights;
pub use role::{Action, NotARole, Role};
pub use secret::SECRET_FILE;
pub use ticket::Tickets;
