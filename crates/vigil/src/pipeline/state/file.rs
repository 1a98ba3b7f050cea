//! The file of the state in the data directory: written beside the old one and put in its place.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use vigil_detect::state::Slice;
use vigil_detect::state::format::{Head, Writer};

/// A file that is being written. What does not end leaves nothing behind.
pub(super) struct StateFile {
    path: PathBuf,
    fresh: PathBuf,
    writer: Option<Writer<BufWriter<fs_err::File>>>,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) keys: u64,
    pub(super) bytes: u64,
}

impl StateFile {
    pub(super) fn begin(path: &Path) -> std::io::Result<Self> {
        let fresh = path.with_extension("new");
        drop(fs_err::remove_file(&fresh));
        let mut options = fs_err::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = BufWriter::new(options.open(&fresh)?);
        let mut begun = Self {
            path: path.to_owned(),
            fresh,
            writer: None,
        };
        begun.writer = Some(Writer::begin(file)?);
        Ok(begun)
    }

    pub(super) fn add(&mut self, slice: Slice, thread: Option<u32>) -> std::io::Result<()> {
        match &mut self.writer {
            Some(writer) => writer.add(slice, thread),
            None => Ok(()),
        }
    }

    /// Puts it in its place.
    pub(super) fn finish(mut self, head: &Head) -> std::io::Result<Written> {
        let Some(writer) = self.writer.take() else {
            return Ok(Written::default());
        };
        let keys = writer.keys();
        let (mut file, bytes) = writer.finish(head)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs_err::rename(&self.fresh, &self.path)?;
        if let Some(directory) = self.path.parent() {
            fs_err::File::open(directory)?.sync_all()?;
        }
        Ok(Written { keys, bytes })
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        // It is gone where it was put in its place.
        drop(fs_err::remove_file(&self.fresh));
    }
}
