//! Waits for changes in directories: inotify, an event descriptor to be woken by, and poll.
//!
//! Owns: the watches. Never holds: what a change means: a change is told as directory and name,
//! and whoever misses one (a full queue, a file system without inotify) looks again in time.
//! Directories are watched, not files: a watch on a file goes away with the file's name.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// Ends a blocked [`Tailer::next_batch`](crate::Tailer::next_batch) from another thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Ends the wait that goes on, or else the next one.
    pub fn wake(&self) {
        if let Err(error) = rustix::io::write(&self.0, &1u64.to_ne_bytes()) {
            // A counter at its maximum wakes as well.
            tracing::debug!(%error, "the tailer was woken already");
        }
    }
}

/// What happened in a watched directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// A file was written to (or truncated).
    Written(&'a Path, &'a OsStr),
    /// Names or rights changed: look at everything.
    Names,
}

/// The watched directories and the wait.
#[derive(Debug)]
pub(crate) struct Watcher {
    inotify: Option<OwnedFd>,
    waker: Waker,
    /// By watch; several names may lead to one directory.
    directories: HashMap<i32, Vec<PathBuf>>,
    complete: bool,
}

impl Watcher {
    pub(crate) fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        if let Err(error) = &inotify {
            tracing::warn!(%error, "no inotify: log files are looked at periodically; raise fs.inotify.max_user_instances");
        }
        Ok(Self {
            inotify: inotify.ok(),
            waker: Waker(Arc::new(wake)),
            directories: HashMap::new(),
            complete: false,
        })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Whether every wanted directory is watched; if not, only looking again finds its changes.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Watches these directories and no others; of one that is missing, the nearest that is there.
    pub(crate) fn watch(&mut self, wanted: &BTreeSet<PathBuf>) {
        let Some(inotify) = &self.inotify else { return };
        let mut watched: HashMap<i32, Vec<PathBuf>> = HashMap::new();
        let mut complete = true;
        for directory in wanted {
            let added = directory
                .ancestors()
                .find_map(|path| match add(inotify, path) {
                    Err(Errno::NOENT | Errno::NOTDIR) => None,
                    result => Some(result.map(|watch| (watch, path))),
                });
            match added {
                Some(Ok((watch, path))) => {
                    watched.entry(watch).or_default().push(path.to_path_buf());
                }
                Some(Err(error)) => {
                    if self.complete {
                        tracing::warn!(directory = %directory.display(), %error, "cannot be watched, is looked at periodically; if it says no space, raise fs.inotify.max_user_watches");
                    }
                    complete = false;
                }
                None => complete = false,
            }
        }
        for watch in self
            .directories
            .keys()
            .filter(|watch| !watched.contains_key(watch))
        {
            if let Err(error) = inotify::remove_watch(inotify, *watch) {
                tracing::debug!(%error, "the directory is gone already");
            }
        }
        self.directories = watched;
        self.complete = complete;
    }

    /// Tells every change since the last call, without waiting.
    pub(crate) fn changes(&mut self, mut tell: impl FnMut(Change<'_>)) {
        let Some(inotify) = &self.inotify else { return };
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = inotify::Reader::new(inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let directory = self.directories.get(&event.wd());
                    let name = event
                        .file_name()
                        .map(|name| OsStr::from_bytes(name.to_bytes()));
                    match (directory, name) {
                        (Some(names), Some(name)) if event.events() == ReadFlags::MODIFY => {
                            for dir in names {
                                tell(Change::Written(dir, name));
                            }
                        }
                        _ => tell(Change::Names),
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot read changes of directories");
                    tell(Change::Names);
                    return;
                }
            }
        }
    }

    /// Waits for a change or a wake; whether it was a wake.
    pub(crate) fn wait(&self, atmost: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(atmost).ok();
        let wake = PollFd::new(&self.waker.0, PollFlags::IN);
        let polled = match &self.inotify {
            Some(inotify) => poll(
                &mut [wake, PollFd::new(inotify, PollFlags::IN)],
                timeout.as_ref(),
            ),
            None => poll(&mut [wake], timeout.as_ref()),
        };
        match polled {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(&self.waker.0, &mut [0u8; 8]) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn add(inotify: &OwnedFd, directory: &Path) -> Result<i32, Errno> {
    let changes = WatchFlags::MODIFY
        | WatchFlags::CREATE
        | WatchFlags::MOVE
        | WatchFlags::DELETE
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    inotify::add_watch(inotify, directory, changes)
}
