//! The database's directory and files: who may read them, and that one process has them.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;

use crate::StoreError;

/// Only the owner: raw records can hold anything.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The database is this process's as long as it lives; a process that is killed lets go of it.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Makes what is missing, and takes the database for this process.
pub(super) fn prepare(path: &Path) -> Result<DataLock, StoreError> {
    let lock = hold(path)?;
    // SQLite gives its other files the mode of this one.
    private_file(path)?;
    Ok(lock)
}

/// Takes the database at that path for this process, whether there is one yet or not.
pub(super) fn hold(path: &Path) -> Result<DataLock, StoreError> {
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        && !directory.exists()
    {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .map_err(|error| named("make the directory", directory, &error))?;
    }
    let lock = private_file(&lock_path(path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::InUse {
                path: path.to_owned(),
            });
        }
        Err(TryLockError::Error(error)) => return Err(named("lock", path, &error).into()),
    }
    Ok(DataLock { _file: lock })
}

/// `vigil.db.lock` beside `vigil.db`: the database itself is locked by SQLite in its own way, and
/// closing any second handle of it would let go of those locks.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn private_file(path: &Path) -> io::Result<File> {
    let file = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file.into_parts().0)
}

fn named(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot {what} {}: {error}", path.display()),
    )
}
