//! The files of the profiles: what was learned, and the versions that were put in force.
//!
//! Each file is written whole beside the old one and put in its place, so that a process that is killed
//! leaves the old one or the new one. Never holds: what is in them.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use vigil_detect::ProfileOptions;
use vigil_detect::profile::{Change, Learner, Model, Profiles, Saved, SavedError};

/// The file of what was learned, in the data directory.
const FILE: &str = "profiles.json";
/// The directory of versions there.
const VERSIONS: &str = "profiles";
/// Versions of one site that are kept.
const MAX_VERSIONS: usize = 5;
/// A larger file is not read, in bytes.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Why a file of profiles is not used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not what is written there.
    #[error("it is not understood: {0}")]
    NotUnderstood(#[from] serde_json::Error),
    /// It is understood, and not to be used.
    #[error(transparent)]
    Refused(#[from] SavedError),
    /// It is too large.
    #[error("it has {0} bytes, more than there may be")]
    TooLarge(u64),
}

/// A profile that was learned elsewhere, where it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The host.
    pub site: String,
    /// The version.
    pub version: u32,
}

/// Where profiles are kept.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    directory: PathBuf,
}

impl ModelFiles {
    /// In this data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self {
            directory: data_dir.to_owned(),
        }
    }

    /// Lets the learner go on with what is kept. A file that is no good is put aside and told.
    pub(super) fn restore(&self, learner: &mut Learner) {
        let path = self.directory.join(FILE);
        let restored = read(&path, MAX_FILE_BYTES).and_then(|saved| match saved {
            Some(saved) => Ok(learner.restore(saved)?),
            None => Ok(()),
        });
        if let Err(error) = restored {
            let aside = path.with_extension("broken");
            tracing::error!(%error, path = %path.display(), aside = %aside.display(),
                "what was learned of sites can't be used; it is put aside, and learning begins from new");
            if let Err(error) = fs_err::rename(&path, &aside) {
                tracing::error!(%error, "nor can it be put aside");
            }
        }
    }

    pub(super) fn keep(&self, saved: &Saved) -> Result<(), FileError> {
        write(&self.directory.join(FILE), saved)
    }

    pub(super) fn keep_version(
        &self,
        site: &str,
        version: u32,
        saved: &Saved,
    ) -> Result<(), FileError> {
        fs_err::create_dir_all(self.directory.join(VERSIONS))?;
        write(&self.version_path(site, version), saved)?;
        let mut versions = self.versions(site);
        while versions.len() > MAX_VERSIONS {
            fs_err::remove_file(self.version_path(site, versions.remove(0)))?;
        }
        Ok(())
    }

    /// The versions of a site that are kept, ascending.
    pub(super) fn versions(&self, site: &str) -> Vec<u32> {
        let start = format!("{}-", name_of(site));
        let Ok(entries) = fs_err::read_dir(self.directory.join(VERSIONS)) else {
            return Vec::new();
        };
        let number = |entry: fs_err::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_prefix(&start)?
                .strip_suffix(".json")?
                .parse()
                .ok()
        };
        let mut versions: Vec<u32> = entries.flatten().filter_map(number).collect();
        versions.sort_unstable();
        versions
    }

    /// A kept version of a site.
    pub(super) fn version(&self, site: &str, version: u32) -> Result<Option<Model>, FileError> {
        let saved: Option<Saved> = read(&self.version_path(site, version), MAX_FILE_BYTES)?;
        let Some(mut saved) = saved else {
            return Ok(None);
        };
        saved.check_format()?;
        Ok(saved.models.remove(site))
    }

    /// Puts profiles in force that were learned elsewhere, in a data directory that no server has: the
    /// sites with their versions.
    pub fn put_in_force(
        &self,
        trained: Saved,
        options: &ProfileOptions,
    ) -> Result<Vec<Put>, FileError> {
        let mut learner = Learner::new(options.clone());
        if let Some(saved) = read(&self.directory.join(FILE), MAX_FILE_BYTES)? {
            learner.restore(saved)?;
        }
        for (site, model) in trained.models {
            learner.roll_back(&site, model)?;
        }
        fs_err::create_dir_all(&self.directory)?;
        self.keep(&learner.save(None))?;
        let mut put = Vec::new();
        for change in learner.take_changes() {
            if let Change::Version { site, version } = change {
                self.keep_version(&site, version, &learner.save(Some(&site)))?;
                put.push(Put {
                    site: site.into(),
                    version,
                });
            }
        }
        Ok(put)
    }

    /// Keeps profiles that were learned elsewhere as the next versions of their sites, for a server
    /// that has the data directory to put in force.
    pub fn put_aside(&self, trained: Saved) -> Result<Vec<Put>, FileError> {
        let mut put = Vec::new();
        for (site, model) in trained.models {
            let version = self.versions(&site).last().map_or(1, |last| last + 1);
            let saved = Saved {
                format: trained.format,
                models: std::iter::once((site.clone(), model)).collect(),
            };
            self.keep_version(&site, version, &saved)?;
            put.push(Put {
                site: site.into(),
                version,
            });
        }
        Ok(put)
    }

    fn version_path(&self, site: &str, version: u32) -> PathBuf {
        let name = format!("{}-{version}.json", name_of(site));
        self.directory.join(VERSIONS).join(name)
    }
}

/// The profiles that are kept in a data directory, as a server would go on with them; none where there
/// are none.
pub fn saved_profiles(data_dir: &Path, options: &ProfileOptions) -> Result<Profiles, FileError> {
    let mut learner = Learner::new(options.clone());
    if let Some(saved) = read(&data_dir.join(FILE), MAX_FILE_BYTES)? {
        learner.restore(saved)?;
    }
    Ok(learner.publish())
}

/// The profiles that stand in a file of [`Saved`] ones.
pub fn profiles_in(path: &Path, options: &ProfileOptions) -> Result<Profiles, FileError> {
    let mut learner = Learner::new(options.clone());
    let saved: Saved =
        read(path, MAX_FILE_BYTES)?.ok_or_else(|| std::io::Error::from(ErrorKind::NotFound))?;
    saved.check_format()?;
    learner.restore(saved)?;
    Ok(learner.publish())
}

/// A host's name comes from attackers and must be no path.
fn name_of(site: &str) -> String {
    let digest = Sha256::digest(site.as_bytes());
    let number = digest.iter().take(8);
    let number = number.fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:016x}")
}

/// Reads a file, unless it has more bytes than that; none where there is none.
fn read<T: DeserializeOwned>(path: &Path, most: u64) -> Result<Option<T>, FileError> {
    let length = match fs_err::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if length > most {
        return Err(FileError::TooLarge(length));
    }
    Ok(Some(serde_json::from_slice(&fs_err::read(path)?)?))
}

/// Writes what was learned to a file, whole or not at all: what cannot be written leaves the file as it was, and
/// nothing beside it. What is no file, such as `/dev/stdout`, is written into and not replaced.
pub fn write(path: &Path, saved: &impl Serialize) -> Result<(), FileError> {
    if fs_err::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(fs_err::write(path, serde_json::to_vec(saved)?)?);
    }
    let fresh = path.with_extension("new");
    drop(fs_err::remove_file(&fresh));
    let written = write_fresh(&fresh, saved).and_then(|()| Ok(fs_err::rename(&fresh, path)?));
    if written.is_err() {
        // On a full disk half a file would be in the way of everything else.
        drop(fs_err::remove_file(&fresh));
    }
    written
}

fn write_fresh(fresh: &Path, saved: &impl Serialize) -> Result<(), FileError> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(fresh)?;
    file.write_all(&serde_json::to_vec(saved)?)?;
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_not_replaced() {
        use std::os::unix::fs::FileTypeExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(write(&path, &1).is_err());
        let kind = fs_err::symlink_metadata(&path).unwrap().file_type();
        assert!(kind.is_socket(), "{kind:?}");
        let file = directory.path().join("file");
        for saved in [1, 2] {
            write(&file, &saved).unwrap();
            assert_eq!(fs_err::read_to_string(&file).unwrap(), saved.to_string());
        }
    }

    #[test]
    fn versions_come_and_go_and_broken_files_are_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let files = ModelFiles::new(directory.path());
        let mut learner = Learner::new(ProfileOptions::default());
        files.restore(&mut learner);
        let saved = learner.save(None);
        for version in 1..=7 {
            files.keep_version("../shop", version, &saved).unwrap();
        }
        assert_eq!(files.versions("../shop"), [3, 4, 5, 6, 7]);
        assert!(files.version("../shop", 7).is_ok());
        let earlier = Saved {
            format: Saved::FORMAT - 1,
            ..Saved::default()
        };
        files.keep_version("../shop", 7, &earlier).unwrap();
        assert!(files.version("../shop", 7).is_err(), "judges otherwise");
        assert!(files.versions("shop").is_empty());
        files.keep(&saved).unwrap();
        assert!(saved_profiles(directory.path(), &ProfileOptions::default()).is_ok());
        let path = directory.path().join(FILE);
        for broken in ["{", "{\"format\":9,\"models\":{}}"] {
            fs_err::write(&path, broken).unwrap();
            assert!(saved_profiles(directory.path(), &ProfileOptions::default()).is_err());
            files.restore(&mut learner);
            assert!(!path.exists());
            assert_eq!(
                fs_err::read(path.with_extension("broken")).unwrap(),
                broken.as_bytes()
            );
        }
    }
}
