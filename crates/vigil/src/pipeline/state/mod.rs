//! The state of behaviour, kept on disk over a restart: how full buckets are, what correlations and windows
//! have counted, what is known against somebody, and since when everybody is known.
//!
//! Now and then, and at the end, a mark goes through the pipeline behind all batches that were handed in
//! before it. Each detection thread, and the recorder, writes down what it knows as it stands when the mark
//! comes: a slice at a time, between batches, while a thread of its own writes the file. So the state is that
//! of one moment, with all that was read before and nothing behind, and nobody waits for it. The file takes
//! the old one's place once the checkpoint of that moment is on the disk: after a crash reading begins where
//! the state stands, and no line counts twice.
//!
//! Owns: the mark, the thread that writes, when that is. Never holds: what is in a slice, which is
//! `vigil_detect::state`'s.

mod file;
mod report;
mod restore;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded, never, select};
use vigil_detect::FirstSeen;
use vigil_detect::state::format::Head;
use vigil_detect::state::{Next, Slice};
use vigil_event::{Checkpoint, Clock};
use vigil_store::{Store, StoreError};

use super::{Intake, Sequence};
use file::StateFile;
pub use report::{StateReport, StateTelemetry, StateTold};
pub use restore::{Begin, KeptState};

/// Slices that wait to be written.
const QUEUE: usize = 64;

/// The mark: where what is written down goes.
#[derive(Clone, Debug)]
pub(super) struct Save {
    to: Sender<Piece>,
}

#[cfg(test)]
impl Save {
    /// One to which nobody listens.
    pub(super) fn unheard() -> Self {
        Self { to: bounded(1).0 }
    }
}

/// What a thread says once the mark has come.
#[derive(Debug)]
enum Piece {
    /// This it knows; none for what all threads know together.
    Slice(Option<u32>, Slice),
    /// That was all.
    All,
    /// It cannot go on: its rules have changed.
    Stopped,
    /// All before the mark is stored; where the sources stood at it.
    Stored(Vec<Checkpoint>),
}

/// How a thread that writes down what it knows goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more.
    Worked,
    /// There is more, and no room for it now.
    Waits,
    /// There is no more.
    Ended,
}

/// Hands over what one thread writes down, a slice at a time. Never waits.
#[derive(Debug)]
pub(super) struct Saver {
    save: Save,
    thread: Option<u32>,
    waiting: VecDeque<Piece>,
}

impl Saver {
    /// Of what a detection thread knows.
    pub(super) const fn of_thread(save: Save, thread: u32) -> Self {
        Self {
            save,
            thread: Some(thread),
            waiting: VecDeque::new(),
        }
    }

    /// Of what all threads know together, where all before the mark is stored.
    pub(super) fn of_all(save: Save, positions: Vec<Checkpoint>) -> Self {
        Self {
            save,
            thread: None,
            waiting: [Piece::Stored(positions)].into(),
        }
    }

    fn piece(&mut self, next: impl FnOnce() -> Next) -> Piece {
        let waiting = self.waiting.pop_front();
        waiting.unwrap_or_else(|| match next() {
            Next::Slice(slice) => Piece::Slice(self.thread, slice),
            Next::All => Piece::All,
            Next::Stopped => Piece::Stopped,
        })
    }

    /// Hands over what comes next.
    pub(super) fn step(&mut self, next: impl FnOnce() -> Next) -> Step {
        let piece = self.piece(next);
        let is_last = matches!(piece, Piece::All | Piece::Stopped);
        match self.save.to.try_send(piece) {
            Ok(()) if is_last => Step::Ended,
            Ok(()) => Step::Worked,
            Err(TrySendError::Full(piece)) => {
                self.waiting.push_front(piece);
                Step::Waits
            }
            // Nobody writes it any more.
            Err(TrySendError::Disconnected(_)) => Step::Ended,
        }
    }

    /// Hands over all that is left, at the end, where nothing else has to be done.
    pub(super) fn finish(mut self, mut next: impl FnMut() -> Next) {
        loop {
            let piece = self.piece(&mut next);
            let is_last = matches!(piece, Piece::All | Piece::Stopped);
            if self.save.to.send(piece).is_err() || is_last {
                return;
            }
        }
    }
}

/// What is kept, how often and by what.
pub(super) struct Keeping {
    pub(super) kept: KeptState,
    pub(super) threads: u32,
    pub(super) first_seen: Arc<FirstSeen>,
    pub(super) intake: Intake,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Arc<dyn Store>,
}

/// What was read since the last save is read again at the next start.
fn told_at_end(error: &NotKept) {
    tracing::error!(%error, "the state of behaviour is not saved at the end; the one before is gone on with");
}

/// The thread that keeps the state.
pub(super) struct Keeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// Why a state was not written.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules changed, or a thread ended; another try is made in time.
    #[error("a thread could not go on")]
    Stopped,
    /// The server stops: the last state is due.
    #[error("the server stops")]
    Stopping,
}

impl Keeper {
    pub(super) fn start(
        keeping: Keeping,
        spawn: impl FnOnce(Box<dyn FnOnce() + Send>) -> std::io::Result<JoinHandle<()>>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(1);
        let thread = spawn(Box::new(move || keeping.run(&stopped)))?;
        Ok(Self { stop, thread })
    }

    /// Keeps the last state, which closes the intake, and waits for that.
    pub(super) fn stop(self) {
        drop(self.stop);
        // A thread that panicked has said so already.
        drop(self.thread.join());
    }
}

impl Keeping {
    fn run(self, stop: &Receiver<()>) {
        let mut kept = None;
        loop {
            let is_last = !matches!(
                stop.recv_timeout(self.kept.every),
                Err(RecvTimeoutError::Timeout)
            );
            // Where nothing came since, nothing has changed.
            if !is_last && kept.is_some_and(|kept| self.intake.stands_at(kept)) {
                continue;
            }
            let stopped = if is_last { &never() } else { stop };
            match self.keep(stopped, is_last) {
                Ok(at) => kept = Some(at),
                Err(error) if is_last => return told_at_end(&error),
                Err(error @ (NotKept::Io(_) | NotKept::Store(_))) => {
                    self.kept.report.failed(&error);
                }
                Err(NotKept::Stopped) => {
                    tracing::debug!("the state of behaviour is saved another time");
                }
                Err(NotKept::Stopping) => {
                    if let Err(error) = self.keep(&never(), true) {
                        told_at_end(&error);
                    }
                    return;
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Writes the state as it stands now: behind how many batches and marks.
    fn keep(&self, stop: &Receiver<()>, is_last: bool) -> Result<Sequence, NotKept> {
        let begun = Instant::now();
        let mut file = StateFile::begin(&self.kept.path)?;
        let (to, pieces) = bounded(QUEUE);
        let save = Save { to };
        let marked = self.intake.mark(&save, is_last);
        // Once all who write have gone, nothing more comes.
        drop(save);
        let at = marked.map_err(|_| NotKept::Stopped)?;
        let mut positions = None;
        // Each detection thread, and the recorder.
        let mut missing = self.threads + 1;
        while missing > 0 || positions.is_none() {
            let piece = select! {
                recv(pieces) -> piece => piece.map_err(|_| NotKept::Stopped)?,
                recv(stop) -> _ => return Err(NotKept::Stopping),
            };
            match piece {
                Piece::Slice(thread, slice) => file.add(slice, thread)?,
                Piece::All => missing = missing.saturating_sub(1),
                Piece::Stopped => return Err(NotKept::Stopped),
                Piece::Stored(stood) => positions = Some(stood),
            }
        }
        let mut added = Ok(());
        self.first_seen.save(|slice| {
            added = file.add(slice, None);
            added.is_ok()
        });
        added?;
        // A state that is ahead of the database, after a power cut, would be of no use.
        self.store.write_through()?;
        let saved_at = self.clock.now();
        let written = file.finish(&Head {
            secret: self.kept.secret,
            saved_at,
            threads: self.threads,
            positions: positions.unwrap_or_default(),
        })?;
        self.kept.report.saved(saved_at, written, begun.elapsed());
        Ok(at)
    }
}
