//! Rules as their users meet them: text in, hits on decoded log lines out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bucket;
mod correlation;
mod crs;
mod foreign;
mod hostile;
mod known;
mod line;
mod linear;
mod modifiers;
mod modsecurity;
mod refused;
mod scenario;
mod sigma;
mod stock;
