//! Who may come in: what a request must say and show before it becomes a connection or a stream, how many
//! there may be, and what whoever is turned away is told.

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod gate;
pub(crate) mod greeting;
pub(crate) mod origin;
pub(crate) mod query;
pub(crate) mod refusal;
pub(crate) mod upgrade;
