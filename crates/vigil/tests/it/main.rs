//! The program from the outside: real logs, a real nginx, real sockets, real kills.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test fails by panicking, and its texts are ASCII"
)]

mod abuse;
mod bad_input;
mod behaviour;
mod bench;
mod cli;
mod clients;
mod clock;
mod correlation;
mod crash;
mod crs;
mod documents;
mod flood;
mod full_disk;
mod guessing;
mod hostile;
mod hunt;
mod measures;
mod nginx;
mod noise;
mod profile;
mod profile_files;
mod reload;
mod rights;
mod rights_table;
mod rules;
mod sigma;
mod site;
mod socket;
mod state;
mod suricata;
mod thin_scan;
mod tls;
mod tokens;
mod whole;
