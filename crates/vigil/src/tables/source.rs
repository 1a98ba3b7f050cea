//! One file of addresses, as it was last read well.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use vigil_detect::policy::{Listing, NetworkMap};
use vigil_enrich::{AddressFile, ListError, ListFormat, Stamp};
use vigil_event::Score;

/// Decides whether a file that changed is to be read.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    /// When it was last read, well or not.
    read: Stamp,
    /// When it was last looked at.
    seen: Stamp,
}

impl Watched {
    /// A file that is read right now.
    pub(super) fn new(path: &Path) -> Self {
        let stamp = Stamp::of(path);
        Self {
            read: stamp,
            seen: stamp,
        }
    }

    /// Whether it is to be read again: it has changed and has been left alone since the last look,
    /// so that a file that is just being written is not read by half; or it is `asked` for.
    pub(super) fn is_due(&mut self, path: &Path, asked: bool) -> bool {
        let now = Stamp::of(path);
        let is_due = asked || (now != self.read && now == self.seen);
        self.seen = now;
        if is_due {
            self.read = now;
        }
        is_due
    }
}

/// A file of addresses and what it held when it was last read well.
#[derive(Debug)]
pub(super) struct AddressSource {
    pub(super) path: PathBuf,
    format: ListFormat,
    watched: Watched,
    pub(super) networks: Arc<NetworkMap<Listing>>,
    pub(super) bad_lines: usize,
    /// What is wrong with the file as it is now.
    pub(super) problem: Option<String>,
}

impl AddressSource {
    /// Reads a file for the first time.
    pub(super) fn open(path: &Path, format: ListFormat) -> Result<Self, ListError> {
        let watched = Watched::new(path);
        let file = AddressFile::read(path, &format)?;
        let mut source = Self {
            path: path.to_owned(),
            format,
            watched,
            networks: Arc::default(),
            bad_lines: 0,
            problem: None,
        };
        source.take(file);
        Ok(source)
    }

    /// Reads it again where that is due; true if its networks may be others now. A file that cannot
    /// be used leaves the old ones.
    pub(super) fn refresh(&mut self, asked: bool) -> bool {
        if !self.watched.is_due(&self.path, asked) {
            return false;
        }
        match AddressFile::read(&self.path, &self.format) {
            Ok(file) => {
                self.take(file);
                true
            }
            Err(error) => {
                tracing::error!(%error, "a list cannot be read again; the old one stays in force");
                self.problem = Some(format!("{error}; the old list stays in force"));
                false
            }
        }
    }

    fn take(&mut self, file: AddressFile) {
        let path = self.path.display();
        self.bad_lines = file.bad_lines;
        self.problem = file.first_bad_lines.first().map(|first| {
            format!(
                "{path}: {} line(s) not understood and left out; line {}: {}",
                file.bad_lines, first.number, first.reason
            )
        });
        if let Some(problem) = &self.problem {
            tracing::warn!("{problem}");
        }
        tracing::info!(file = %path, networks = file.entries.len(), "list read");
        let entries = file.entries.into_iter().map(|entry| {
            let listing = Listing {
                score: entry.score.map(Score::new),
                label: entry.label,
            };
            (entry.network, listing)
        });
        self.networks = Arc::new(NetworkMap::new(entries.collect()));
    }
}

/// A network, or the address of one machine.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?)))
}
