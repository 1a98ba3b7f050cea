//! One table in a file.
//!
//! Owns: reading the file, errors that name it. Never holds: what its entries mean.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};

/// Larger files are refused. The largest tables of cities are a tenth of it.
const MAX_BYTES: u64 = 1 << 30;

/// How many entries are tried to see whether a table holds what it should.
const TRIED_ENTRIES: usize = 1_000;

/// A table that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EnrichError {
    /// The file cannot be read.
    #[error("{source}: name a file in the MaxMind DB format (.mmdb), or none")]
    Read {
        /// Names the file.
        source: std::io::Error,
    },
    /// The file is larger than any table.
    #[error("{} is larger than {} MiB: name a file in the MaxMind DB format (.mmdb)", .path.display(), MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is no such database, or a damaged one.
    #[error("{} is no MaxMind DB file: {source}; download it again, and unpack it if it ends in .gz", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MaxMindDbError,
    },
    /// The database holds something else.
    #[error("{} ({database_type}) holds no {wanted}: name another file, or exchange the two settings", .path.display())]
    OtherContent {
        /// The file.
        path: PathBuf,
        /// What the database says it is.
        database_type: String,
        /// What it should hold.
        wanted: &'static str,
    },
}

/// An entry of a table.
pub(crate) type Entry<'a> = LookupResult<'a, Vec<u8>>;

/// A table in memory.
#[derive(Debug)]
pub(crate) struct Database(Reader<Vec<u8>>);

impl Database {
    /// Reads the table. `holds` says whether an entry has what is `wanted` of it.
    pub(crate) fn open(
        path: &Path,
        wanted: &'static str,
        holds: impl Fn(&Entry<'_>) -> bool,
    ) -> Result<Self, EnrichError> {
        let mut bytes = Vec::new();
        let file = fs_err::File::open(path).map_err(|source| EnrichError::Read { source })?;
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| EnrichError::Read { source })?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(EnrichError::TooLarge {
                path: path.to_owned(),
            });
        }
        let not_a_database = |source| EnrichError::NotADatabase {
            path: path.to_owned(),
            source,
        };
        let reader = Reader::from_source(bytes).map_err(not_a_database)?;
        let entries = reader
            .networks(WithinOptions::default())
            .map_err(not_a_database)?;
        if !entries
            .take(TRIED_ENTRIES)
            .flatten()
            .any(|entry| holds(&entry))
        {
            let database_type = reader.metadata().database_type.clone();
            return Err(EnrichError::OtherContent {
                path: path.to_owned(),
                database_type,
                wanted,
            });
        }
        Ok(Self(reader))
    }

    /// The entry of an address.
    pub(crate) fn entry(&self, address: IpAddr) -> Option<Entry<'_>> {
        // A table of IPv4 only answers IPv6 with an error, which is to say: not known.
        self.0.lookup(address).ok().filter(LookupResult::has_data)
    }
}

/// A text within an entry; none where the entry has none in that place.
pub(crate) fn text(entry: &Entry<'_>, path: &[&str]) -> Option<String> {
    let text = value::<&str>(entry, path)?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// A number within an entry.
pub(crate) fn number(entry: &Entry<'_>, path: &[&str]) -> Option<u32> {
    value(entry, path)
}

/// A decimal number within an entry; some publishers write it as text.
pub(crate) fn decimal(entry: &Entry<'_>, path: &[&str]) -> Option<f64> {
    let number = value::<f64>(entry, path).or_else(|| value::<&str>(entry, path)?.parse().ok())?;
    number.is_finite().then_some(number)
}

fn value<'a, T: serde::Deserialize<'a>>(entry: &Entry<'a>, path: &[&str]) -> Option<T> {
    let place: Vec<_> = path.iter().copied().map(PathElement::Key).collect();
    // Another type in that place is another layout, not an error.
    entry.decode_path(&place).ok().flatten()
}
