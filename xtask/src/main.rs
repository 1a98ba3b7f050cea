//! Repository chores. `cargo xtask tidy` (or `cargo run -p xtask -- tidy`) checks what the compiler
//! and clippy cannot: the arrows between crates, the heads of files, names, lengths, and that the
//! documents name things that exist.

mod tidy;

use std::process::ExitCode;

#[expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line chore talks to its user"
)]
fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("tidy") {
        eprintln!("usage: cargo run -p xtask -- tidy");
        return ExitCode::from(2);
    }
    match tidy::run() {
        Ok(problems) if problems.is_empty() => {
            println!("tidy");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            eprintln!("{} problem(s)", problems.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("tidy: {error:#}");
            ExitCode::FAILURE
        }
    }
}
