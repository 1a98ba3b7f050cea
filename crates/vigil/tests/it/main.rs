//! The program from the outside: real logs, a real nginx, real sockets, real kills.

mod bad_input;
mod cli;
mod crash;
mod documents;
mod hostile;
mod nginx;
mod rights;
mod rules;
mod site;
mod socket;
