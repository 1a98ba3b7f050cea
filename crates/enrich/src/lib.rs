//! Adds context from local tables: countries and networks
