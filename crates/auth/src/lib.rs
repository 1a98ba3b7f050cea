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
mod issuer;
mod issuers;
mod key;
mod key_ring;
mod principal;
mod revocation;
mod rights;
mod role;
mod secret;
mod ticket;
mod verifying_key;

pub use authority::{Authority, Grant};
pub use error::AuthError;
pub use gatekeeper::{Credential, Gatekeeper};
pub use issuer::{Issuer, KeySource, Trust};
pub use issuers::Issuers;
pub use jsonwebtoken::Algorithm;
pub use key::{ApiKey, ApiKeys};
pub use key_ring::KeyRing;
pub use principal::Principal;
pub use revocation::Revocations;
pub use rights::Rights;
pub use role::{Action, NotARole, Role};
pub use secret::SECRET_FILE;
pub use ticket::Tickets;
