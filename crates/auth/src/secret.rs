//! Secrets: random bytes, their text, and the files that hold them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt as _;

use crate::AuthError;

/// The signing key's file within the data directory.
pub const SECRET_FILE: &str = "secret.key";

/// The length of a key and of a ticket.
pub(crate) const SECRET_BYTES: usize = 32;

/// More than any secret file has; the rest is not read.
const MAX_FILE_BYTES: u64 = 4096;

/// More than any public key has.
const MAX_PEM_BYTES: u64 = 64 * 1024;

/// Permission bits that let somebody else than the owner in.
const OTHERS: u32 = 0o077;

/// Unpredictable bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(AuthError::NoRandomness)?;
    Ok(bytes)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn from_hex(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect::<Option<_>>()?;
    let mut bytes = [0; SECRET_BYTES];
    if digits.len() != 2 * SECRET_BYTES {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |value, digit| (value << 4) | digit);
    }
    Some(bytes)
}

/// The text of a file that only its owner may read, without the white space around it.
pub(crate) fn read_private(path: &Path) -> Result<String, AuthError> {
    let file = fs_err::File::open(path)?;
    // Asked of the open file, so that it can't be exchanged between the look and the reading.
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(AuthError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| AuthError::NotASecret {
        path: path.to_owned(),
    })?;
    Ok(text.trim().to_owned())
}

/// The bytes of a file that holds no secret.
pub(crate) fn read_public(path: &Path) -> Result<Vec<u8>, AuthError> {
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path)?;
    file.take(MAX_PEM_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The key of that data directory, and whether it was made just now.
pub(crate) fn open_or_make(data_dir: &Path) -> Result<([u8; SECRET_BYTES], bool), AuthError> {
    let path = data_dir.join(SECRET_FILE);
    let made = if fs_err::exists(&path)? {
        false
    } else {
        make(data_dir, &path)?
    };
    let key = from_hex(&read_private(&path)?).ok_or(AuthError::NotASecret { path })?;
    Ok((key, made))
}

/// Writes a new key under another name and links it to its place: the file is whole or absent, and
/// of two processes that start at once the second finds the first one's key.
fn make(data_dir: &Path, path: &Path) -> Result<bool, AuthError> {
    fs_err::create_dir_all(data_dir)?;
    let name = format!(".{SECRET_FILE}.{}", to_hex(&random::<8>()?));
    let unfinished = data_dir.join(name);
    let linked = write_private(&unfinished, &to_hex(&random::<SECRET_BYTES>()?))
        .and_then(|()| fs_err::hard_link(&unfinished, path));
    let removed = fs_err::remove_file(&unfinished);
    match linked {
        Ok(()) => {
            removed?;
            fs_err::File::open(data_dir)?.sync_all()?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs_err::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("new/data");
        let (key, made) = open_or_make(&data_dir).unwrap();
        assert!(made);
        assert_eq!(mode_of(&data_dir.join(SECRET_FILE)), 0o600);
        assert_eq!(open_or_make(&data_dir).unwrap(), (key, false));
        let names: Vec<_> = fs_err::read_dir(&data_dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, [SECRET_FILE], "nothing is left over");
        assert_ne!(open_or_make(dir.path()).unwrap().0, key);
    }

    #[test]
    fn many_at_once_agree() {
        let dir = tempfile::tempdir().unwrap();
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| open_or_make(dir.path()).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(results.iter().filter(|(_, made)| *made).count(), 1);
        assert!(results.iter().all(|(key, _)| *key == results[0].0));
    }

    #[test]
    fn refuses_a_file_that_others_can_read() {
        let dir = tempfile::tempdir().unwrap();
        open_or_make(dir.path()).unwrap();
        let path = dir.path().join(SECRET_FILE);
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = open_or_make(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("mode 640") && error.contains("chmod 600"),
            "{error}"
        );
    }

    #[test]
    fn refuses_what_is_no_key_and_does_not_show_it() {
        for text in [
            "",
            "hunter2",
            &"z".repeat(64),
            &"a".repeat(63),
            &"a".repeat(70_000),
        ] {
            let dir = tempfile::tempdir().unwrap();
            write_private(&dir.path().join(SECRET_FILE), text).unwrap();
            let error = open_or_make(dir.path()).unwrap_err();
            assert!(matches!(error, AuthError::NotASecret { .. }), "{error}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn hex_there_and_back() {
        let bytes = random::<SECRET_BYTES>().unwrap();
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert_eq!(to_hex(&[0, 255, 16]), "00ff10");
    }
}
