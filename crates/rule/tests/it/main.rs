//! Rules as their users meet them: text in, hits on decoded log lines out.

mod correlation;
mod hostile;
mod line;
mod refused;
mod sigma;
mod stock;
