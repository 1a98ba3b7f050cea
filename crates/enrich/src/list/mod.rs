//! Lists of addresses and networks from files.
//!
//! What: who stands on a list, with a score and a label where the list has them.
//! Input: one address or network a line with `#` or `;` before comments; CSV, where a column is
//! named; or the JSON that search engines publish of their bots' networks
//! (`{"prefixes":[{"ipv4Prefix":"192.0.2.0/24"}]}`). IPv4 and IPv6, mixed.
//! Output: [`AddressFile`].
//! Example: `203.0.113.0/24 ; SBL1` is one network with the label `SBL1`.
//! Limits: [`MAX_BYTES`] and [`MAX_ENTRIES`], beyond which the file is refused; a line that is not
//! understood is counted, the first [`KEPT_BAD_LINES`] are told, and the rest is read. A file of
//! nothing but such lines is refused.

mod line;
mod prefixes;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;
/// The most networks of a file.
pub const MAX_ENTRIES: usize = 2_000_000;
/// So many lines that are not understood are told, of however many there are.
pub const KEPT_BAD_LINES: usize = 5;

/// A column of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// By its name in the first line.
    Named(String),
    /// By its place, from 1.
    Numbered(usize),
}

impl Column {
    /// The column that a text means: a number is a place, anything else a name; none where it is
    /// empty.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.parse() {
            _ if text.is_empty() => None,
            Ok(place) => Some(Self::Numbered(place)),
            Err(_) => Some(Self::Named(text.to_owned())),
        }
    }
}

/// How a file is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ListFormat {
    /// The column of the address or network. Without it the file is no CSV.
    pub column: Option<Column>,
    /// The column of the score.
    pub score_column: Option<Column>,
    /// The column of the label.
    pub label_column: Option<Column>,
    /// What stands between columns.
    pub separator: char,
    /// The score that means the worst; scores are brought from 0 to it to 0 to 10.
    pub worst_score: f64,
}

impl Default for ListFormat {
    fn default() -> Self {
        Self {
            column: None,
            score_column: None,
            label_column: None,
            separator: ',',
            worst_score: 10.0,
        }
    }
}

/// An address or network on a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListEntry {
    /// Who.
    pub network: IpNet,
    /// How bad, 0.0 to 10.0, if the list says so.
    pub score: Option<f64>,
    /// What the list says of it.
    pub label: Option<Box<str>>,
}

/// A line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1; in JSON the entry's.
    pub number: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddressFile {
    /// Who is on it, in the order of the file.
    pub entries: Vec<ListEntry>,
    /// How many lines were not understood.
    pub bad_lines: usize,
    /// The first of them.
    pub first_bad_lines: Vec<BadLine>,
}

/// A file that cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error("{0}: name a file of addresses, one a line")]
    Read(#[from] std::io::Error),
    /// The file is larger than any list.
    #[error("{} is larger than {} MiB: split it", .path.display(), MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file has more networks than are kept.
    #[error("{} has more than {MAX_ENTRIES} networks: merge or split them", .path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
    },
    /// The named columns are not there.
    #[error("{} has no line that names the column `{column}`: correct the name, or give its number", .path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// The file looks like JSON and is not the JSON that is understood.
    #[error("{} is no JSON of the shape {{\"prefixes\":[{{\"ipv4Prefix\":…}}]}}: {detail}", .path.display())]
    NoPrefixes {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// No line is understood.
    #[error("{}: none of {lines} lines is an address or network; line {}: {}", .path.display(), .first.number, .first.reason)]
    NothingUnderstood {
        /// The file.
        path: PathBuf,
        /// How many lines there are.
        lines: usize,
        /// The first of them.
        first: BadLine,
    },
}

impl AddressFile {
    /// Reads a file.
    pub fn read(path: &Path, format: &ListFormat) -> Result<Self, ListError> {
        let mut bytes = Vec::new();
        let file = fs_err::File::open(path)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ListError::TooLarge {
                path: path.to_owned(),
            });
        }
        Self::parse(&bytes, format, path)
    }

    /// Reads a file's bytes; `path` is for errors.
    pub fn parse(bytes: &[u8], format: &ListFormat, path: &Path) -> Result<Self, ListError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut file = Self::default();
        let is_json = format.column.is_none() && bytes.trim_ascii_start().starts_with(b"{");
        let read = if is_json {
            prefixes::read(bytes, &mut file)
        } else {
            line::read(bytes, format, &mut file)
        };
        read.map_err(|problem| problem.at(path))?;
        match file.first_bad_lines.first() {
            Some(first) if file.entries.is_empty() => Err(ListError::NothingUnderstood {
                path: path.to_owned(),
                lines: file.bad_lines,
                first: first.clone(),
            }),
            _ => Ok(file),
        }
    }

    fn push(&mut self, entry: ListEntry) -> Result<(), Problem> {
        if self.entries.len() == MAX_ENTRIES {
            return Err(Problem::TooMany);
        }
        self.entries.push(entry);
        Ok(())
    }

    fn push_bad(&mut self, number: usize, reason: String) {
        self.bad_lines += 1;
        if self.first_bad_lines.len() < KEPT_BAD_LINES {
            self.first_bad_lines.push(BadLine { number, reason });
        }
    }
}

/// What is wrong with a file as a whole, before its path is known.
enum Problem {
    TooMany,
    NoColumn(String),
    NoPrefixes(String),
}

impl Problem {
    fn at(self, path: &Path) -> ListError {
        let path = path.to_owned();
        match self {
            Self::TooMany => ListError::TooMany { path },
            Self::NoColumn(column) => ListError::NoColumn { path, column },
            Self::NoPrefixes(detail) => ListError::NoPrefixes { path, detail },
        }
    }
}

/// The network that a text is, without the bits of a host: an address is the network of itself.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().map(|network: IpNet| network.trunc());
    network.ok().or_else(|| {
        let address: std::net::IpAddr = text.parse().ok()?;
        Some(IpNet::from(address))
    })
}
