//! What is known of scans by many, kept on disk over a restart: a restart each hour must not blind what
//! takes hours to see.
//!
//! Owns: the file in the data directory, and when it is written. Never holds: what is in it. What came since
//! it was last written is lost when the process is killed, at most half a minute of it.

use std::path::{Path, PathBuf};

use vigil_detect::Shared;
use vigil_detect::spread::SavedScans;
use vigil_event::Timestamp;

use crate::models::{FileError, read, write};

/// The file, in the data directory.
const FILE: &str = "scans.json";
/// It is written this often.
const EVERY_MS: i64 = 30_000;
/// A larger file is not read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The file.
#[derive(Debug)]
pub(super) struct KeptScans {
    path: PathBuf,
    kept_at: Timestamp,
    /// Something came since.
    is_due: bool,
    failed: bool,
}

impl KeptScans {
    /// Lets go on with what is kept in this data directory. A file that is no good is put aside and told.
    pub(super) fn restore(data_dir: &Path, shared: &mut Shared) -> Self {
        let path = data_dir.join(FILE);
        let restored = read::<SavedScans>(&path, MAX_BYTES).and_then(|saved| {
            let restored = saved.map(|saved| shared.restore_scans(saved));
            restored.transpose().map_err(FileError::Scans)
        });
        if let Err(error) = restored {
            let aside = path.with_extension("broken");
            tracing::error!(%error, path = %path.display(), aside = %aside.display(),
                "what was seen of scans by many can't be used; it is put aside, and counting begins from new");
            if let Err(error) = fs_err::rename(&path, &aside) {
                tracing::error!(%error, "nor can it be put aside");
            }
        }
        Self {
            path,
            kept_at: Timestamp::default(),
            is_due: false,
            failed: false,
        }
    }

    /// Something came that is worth keeping.
    pub(super) const fn note(&mut self) {
        self.is_due = true;
    }

    /// Writes what is known, if it is time to.
    pub(super) fn keep_if_due(&mut self, shared: &Shared, now: Timestamp) {
        if self.is_due && now.millis_since(self.kept_at) >= EVERY_MS {
            self.kept_at = now;
            self.keep(shared);
        }
    }

    /// Writes what is known, if anything came. What cannot be written is told once, and tried again.
    pub(super) fn keep(&mut self, shared: &Shared) {
        if !std::mem::replace(&mut self.is_due, false) {
            return;
        }
        let kept = write(&self.path, &shared.save_scans());
        match kept {
            Ok(()) => self.failed = false,
            Err(error) => {
                self.is_due = true;
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::error!(%error, "what was seen of scans by many can't be kept; trying again");
                }
            }
        }
    }
}
