//! A child process that ends with the test.

use std::process::{Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};

/// A child process that is killed when it is dropped.
#[derive(Debug)]
pub struct Child(std::process::Child);

impl Child {
    /// Starts a command.
    pub fn spawn(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        Self(command.spawn().unwrap_or_else(|error| {
            panic!("cannot start {name}: {error}; `make test` installs what tests need")
        }))
    }

    /// The process beneath.
    pub fn inner(&mut self) -> &mut std::process::Child {
        &mut self.0
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.0.wait().unwrap()
    }

    /// Kills it without a chance to do anything, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
