//! The state of behaviour at the start: what was saved goes back to whom it belongs, and reading begins
//! where it stands.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use vigil_detect::state::format::{FormatError, Reader, TakenBack};
use vigil_detect::state::{Part, Refused};
use vigil_detect::{FirstSeen, Secret};
use vigil_event::{Checkpoint, Timestamp};
use vigil_source::{Stands, can_go_on, is_over, stands};

use super::StateReport;
use crate::pipeline::{Correlate, Judge};

/// The file, in the data directory.
const FILE: &str = "behaviour.state";
/// What earlier versions kept beside it of thin scans.
const FORMER: &str = "scans.json";
/// A larger file is not read, in bytes.
const MAX_BYTES: u64 = 16 << 30;
/// Of one log at most so many bytes are read again to complete the state.
const READ_AGAIN_BYTES: u64 = 256 << 20;

/// Why what was saved is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum StateError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("it has {0} bytes, more than there may be")]
    TooLarge(u64),
    #[error("the database does not know what it was made of: of {0} it has read less, or nothing")]
    Ahead(String),
}

impl Begin {
    /// Where what was read before is stored up to there, and nothing is read again.
    pub fn at(stored: Vec<Checkpoint>) -> Self {
        Self {
            positions: stored.clone(),
            stored,
        }
    }
}

/// The state that is kept in a data directory.
pub struct KeptState {
    pub(super) path: PathBuf,
    /// How often it is saved.
    pub(super) every: Duration,
    pub(super) secret: Secret,
    pub(super) report: Arc<StateReport>,
    reader: Option<Reader<BufReader<fs_err::File>>>,
}

/// Where reading begins.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// Where each source is read from.
    pub positions: Vec<Checkpoint>,
    /// Up to where what is read was stored before.
    pub stored: Vec<Checkpoint>,
}

impl KeptState {
    /// Opens what is kept there, where the sources are stored up to these checkpoints. What is no good is
    /// put aside and told.
    pub fn open(
        data_dir: &Path,
        every: Duration,
        report: &Arc<StateReport>,
        (stored, now): (Vec<Checkpoint>, Timestamp),
    ) -> (Self, Begin) {
        let path = data_dir.join(FILE);
        remove_former(&data_dir.join(FORMER));
        let mut begin = Begin::at(stored);
        let opened = open(&path).and_then(|reader| {
            if let Some(reader) = &reader {
                begin.positions = positions(
                    &reader.head().positions,
                    &begin.stored,
                    &Logs {
                        can_go_on: &can_go_on,
                        is_over: &|position| is_over(position, now),
                    },
                )?;
            }
            Ok(reader)
        });
        let reader = opened.unwrap_or_else(|error| {
            put_aside(&path, &error);
            report.refused(error.to_string());
            None
        });
        let secret = reader
            .as_ref()
            .map_or_else(Secret::new, |reader| reader.head().secret);
        let kept = Self {
            path,
            every,
            secret,
            report: Arc::clone(report),
            reader,
        };
        (kept, begin)
    }

    /// What everybody who keeps a part of it makes keys by.
    pub const fn secret(&self) -> Secret {
        self.secret
    }

    /// Gives what was saved back to whom it belongs.
    pub fn restore(
        &mut self,
        judges: &mut [Judge],
        correlate: &mut Correlate,
        first_seen: &FirstSeen,
    ) {
        let Some(mut reader) = self.reader.take() else {
            return;
        };
        let head = reader.head().clone();
        let threads = judges.len();
        let mut taken = TakenBack::default();
        let restored = reader.damaged().and_then(|damaged| {
            reader.slices(|place, bytes| {
                let part = &place.part;
                if damaged.contains(part) {
                    taken.note(part, Err(Refused::Damaged));
                    return;
                }
                match place.thread {
                    None => taken.note(part, of_all(part, bytes, correlate, first_seen)),
                    Some(thread) => {
                        let is_same = head.threads as usize == threads;
                        for (number, judge) in judges.iter_mut().enumerate() {
                            if !is_same || number == thread as usize {
                                taken.note(part, judge.take_back(part, bytes, threads));
                            }
                        }
                    }
                }
            })
        });
        if let Err(error) = restored {
            put_aside(&self.path, &error.into());
        }
        tracing::info!(keys = taken.keys, refused = taken.refused.len(), saved_at = %head.saved_at, "the state of behaviour is restored");
        self.report.restored(head.saved_at, &taken);
    }
}

fn of_all(
    part: &Part,
    bytes: &[u8],
    correlate: &mut Correlate,
    first_seen: &FirstSeen,
) -> Result<u64, Refused> {
    match first_seen.take_back(part, bytes) {
        Err(Refused::Unknown) => correlate.take_back(part, bytes),
        taken => taken,
    }
}

fn open(path: &Path) -> Result<Option<Reader<BufReader<fs_err::File>>>, StateError> {
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let length = file.metadata()?.len();
    if length > MAX_BYTES {
        return Err(StateError::TooLarge(length));
    }
    Ok(Some(Reader::open(BufReader::new(file))?))
}

/// What the disk says of a position.
pub(super) struct Logs<'a> {
    /// It can be read on from there.
    pub(super) can_go_on: &'a dyn Fn(&Checkpoint) -> bool,
    /// The log is gone for long.
    pub(super) is_over: &'a dyn Fn(&Checkpoint) -> bool,
}

/// Where reading begins: where the state stands, and behind that, where it cannot be read from there again.
pub(super) fn positions(
    of_state: &[Checkpoint],
    stored: &[Checkpoint],
    logs: &Logs<'_>,
) -> Result<Vec<Checkpoint>, StateError> {
    let mut begin = stored.to_vec();
    for position in of_state {
        let ahead = || StateError::Ahead(position.source.to_string());
        let begin = begin.iter_mut().find(|one| one.source == position.source);
        let Some(begin) = begin else {
            // The database forgets where a log stands that is gone for long.
            if (logs.is_over)(position) {
                continue;
            }
            return Err(ahead());
        };
        match stands(position, begin) {
            Stands::Before(bytes) if bytes <= READ_AGAIN_BYTES => {
                // What was rotated and compressed since cannot be read again.
                if (logs.can_go_on)(position) {
                    begin.clone_from(position);
                }
            }
            Stands::Before(bytes) => {
                tracing::warn!(source = %position.source, bytes, "too much was read since the state of behaviour was saved to be read again; what it would have counted is left out");
            }
            Stands::Behind(_) => return Err(ahead()),
            Stands::Here | Stands::Elsewhere => {}
        }
    }
    Ok(begin)
}

/// What is known of thin scans is a part of the state; keys by another secret cannot be taken into it.
fn remove_former(path: &Path) {
    if fs_err::remove_file(path).is_ok() {
        tracing::warn!(path = %path.display(), "what an earlier version knew of thin scans is not taken over, and its file is removed; they are counted from new");
    }
}

fn put_aside(path: &Path, error: &StateError) {
    let aside = path.with_extension("broken");
    tracing::error!(%error, path = %path.display(), aside = %aside.display(),
        "the saved state of behaviour can't be used; it is put aside, and counting begins from new");
    if let Err(error) = fs_err::rename(path, &aside) {
        tracing::error!(%error, "nor can it be put aside");
    }
}
