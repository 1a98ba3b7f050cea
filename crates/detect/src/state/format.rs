//! The file of the state: slices one after the other, and behind them a table of contents.
//!
//! ```text
//! magic │ slice │ slice │ … │ contents │ where the contents begin, their checksum, magic
//! ```
//!
//! Each slice has a checksum in the contents, so that what is damaged is known before anything is taken back,
//! and costs only its own part. *Limits.* [`MOST_CONTENTS`] bytes of contents, [`MOST_SLICE`] bytes of a
//! slice, [`MOST_SOURCES`] sources; slices stand one behind the other, so that each byte is of one of them,
//! and nothing is allocated for a length that the file does not have.
//!
//! Never holds: the file itself; this works on whatever can be read or written.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom, Write};

use vigil_event::{Checkpoint, SourceId, Timestamp};

use super::code::{Input, Kept, write_fixed, write_text};
use super::{FORMAT, Part, Refused, Slice};
use crate::secret::Secret;

/// What the file begins with, before its format, and ends with.
const MAGIC: &[u8; 8] = b"vigil-st";
/// The magic and the format.
const HEAD_BYTES: u64 = 12;
/// Where the contents begin, their checksum and the magic.
const FOOT_BYTES: u64 = 20;
/// More bytes of contents are not read.
pub const MOST_CONTENTS: u64 = 32 << 20;
/// More bytes of a slice are not read. One key has less than a quarter of that.
pub const MOST_SLICE: u64 = 1 << 20;
/// More sources are not read.
pub const MOST_SOURCES: usize = 1 << 18;
/// The longest name of a part, name of a source and state of a source, in bytes.
const MOST_NAME: usize = 1 << 10;
const MOST_PATH: usize = 8 << 10;
const MOST_CHECKPOINT: usize = 1 << 20;

/// Why nothing of a file is taken back.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is of another version of the program.
    #[error("it is of format {0}, and this version reads {FORMAT}")]
    Format(u32),
    /// It is not what is written there.
    #[error("it is damaged or no saved state: {0}")]
    Damaged(&'static str),
}

/// What is known of all that is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// By what keys are made.
    pub secret: Secret,
    /// When it was saved, by the wall clock.
    pub saved_at: Timestamp,
    /// Over how many threads clients were spread.
    pub threads: u32,
    /// Where the sources stood: all before is in it, and nothing behind.
    pub positions: Vec<Checkpoint>,
}

/// A slice in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of which part.
    pub part: Part,
    /// Of which thread; none where it is of all together.
    pub thread: Option<u32>,
    /// How many keys it has.
    pub keys: u64,
    start: u64,
    length: u64,
    checksum: u32,
}

/// Writes a state.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    at: u64,
    places: Vec<Place>,
}

impl<W: Write> Writer<W> {
    /// With nothing in it.
    pub fn begin(mut to: W) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        to.write_all(&FORMAT.to_le_bytes())?;
        Ok(Self {
            to,
            at: HEAD_BYTES,
            places: Vec::new(),
        })
    }

    /// Adds a slice.
    pub fn add(&mut self, slice: Slice, thread: Option<u32>) -> io::Result<()> {
        self.to.write_all(&slice.bytes)?;
        let length = slice.bytes.len() as u64;
        self.places.push(Place {
            part: slice.part,
            thread,
            keys: slice.keys,
            start: self.at,
            length,
            checksum: crc32fast::hash(&slice.bytes),
        });
        self.at += length;
        Ok(())
    }

    /// How many keys were added.
    pub fn keys(&self) -> u64 {
        self.places.iter().map(|place| place.keys).sum()
    }

    /// Ends it; what was written to, and how many bytes.
    pub fn finish(mut self, head: &Head) -> io::Result<(W, u64)> {
        let mut contents = Vec::new();
        write_contents(head, &self.places, &mut contents);
        if contents.len() as u64 > MOST_CONTENTS || head.positions.len() > MOST_SOURCES {
            return Err(io::Error::other(
                "there are more tables or logs than are read back",
            ));
        }
        self.to.write_all(&contents)?;
        self.to.write_all(&self.at.to_le_bytes())?;
        let checksum = crc32fast::hash(&contents);
        self.to.write_all(&checksum.to_le_bytes())?;
        self.to.write_all(MAGIC)?;
        let bytes = self.at + contents.len() as u64 + FOOT_BYTES;
        Ok((self.to, bytes))
    }
}

fn write_contents(head: &Head, places: &[Place], out: &mut Vec<u8>) {
    write_fixed(head.secret.0, out);
    write_fixed(head.secret.1, out);
    head.saved_at.as_millis().write(out);
    head.threads.write(out);
    (head.positions.len() as u64).write(out);
    for position in &head.positions {
        write_text(position.source.as_str(), out);
        write_text(&position.state, out);
    }
    (places.len() as u64).write(out);
    for place in places {
        write_text(&place.part.name, out);
        write_fixed(place.part.identity, out);
        place.thread.map(i64::from).write(out);
        for number in [place.keys, place.start, place.length] {
            number.write(out);
        }
        place.checksum.write(out);
    }
}

fn read_contents(input: &mut Input<'_>) -> Option<(Head, Vec<Place>)> {
    let secret = Secret(input.fixed()?, input.fixed()?);
    let saved_at = Timestamp::from_millis(input.moment()?);
    let threads = u32::read(input)?;
    let positions = input.all(MOST_SOURCES, |input| {
        Some(Checkpoint {
            source: SourceId::new(input.text(MOST_PATH)?),
            state: input.text(MOST_CHECKPOINT)?.to_owned(),
        })
    })?;
    let places = input.all(usize::MAX, |input| {
        Some(Place {
            part: Part {
                name: input.text(MOST_NAME)?.to_owned(),
                identity: input.fixed()?,
            },
            thread: match Option::<i64>::read(input)? {
                Some(thread) => Some(u32::try_from(thread).ok()?),
                None => None,
            },
            keys: u64::read(input)?,
            start: u64::read(input)?,
            length: input.number_up_to(MOST_SLICE)?,
            checksum: u32::read(input)?,
        })
    })?;
    let head = Head {
        secret,
        saved_at,
        threads,
        positions: positions.into(),
    };
    input.is_empty().then(|| (head, places.into()))
}

/// Reads a state.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    head: Head,
    places: Vec<Place>,
}

impl<R: Read + Seek> Reader<R> {
    /// With its contents read and checked.
    pub fn open(mut from: R) -> Result<Self, FormatError> {
        let damaged = FormatError::Damaged;
        let length = from.seek(SeekFrom::End(0))?;
        if length < HEAD_BYTES + FOOT_BYTES {
            return Err(damaged("it is too short"));
        }
        from.seek(SeekFrom::Start(0))?;
        if bytes::<8>(&mut from)? != *MAGIC {
            return Err(damaged("it begins otherwise"));
        }
        let format = u32::from_le_bytes(bytes(&mut from)?);
        if format != FORMAT {
            return Err(FormatError::Format(format));
        }
        from.seek(SeekFrom::Start(length - FOOT_BYTES))?;
        let start = u64::from_le_bytes(bytes(&mut from)?);
        let checksum = u32::from_le_bytes(bytes(&mut from)?);
        if bytes::<8>(&mut from)? != *MAGIC {
            return Err(damaged("it has no end"));
        }
        let size = (length - FOOT_BYTES)
            .checked_sub(start)
            .filter(|size| *size <= MOST_CONTENTS && start >= HEAD_BYTES)
            .ok_or(damaged("its contents stand nowhere"))?;
        let contents = read_at(&mut from, start, size)?;
        if crc32fast::hash(&contents) != checksum {
            return Err(damaged("its contents have another checksum"));
        }
        let (head, places) = read_contents(&mut Input::new(&contents))
            .ok_or(damaged("its contents are not understood"))?;
        let end = places.iter().try_fold(HEAD_BYTES, |end, place| {
            let follows = place.start == end;
            follows.then(|| end.checked_add(place.length)).flatten()
        });
        if end != Some(start) {
            return Err(damaged("a slice stands where another does, or nowhere"));
        }
        Ok(Self { from, head, places })
    }

    /// What is known of all of it.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Reads everything once; the parts of which something is damaged.
    pub fn damaged(&mut self) -> io::Result<BTreeSet<Part>> {
        let mut damaged = BTreeSet::new();
        for place in &self.places {
            let slice = read_at(&mut self.from, place.start, place.length)?;
            if crc32fast::hash(&slice) != place.checksum {
                damaged.insert(place.part.clone());
            }
        }
        Ok(damaged)
    }

    /// Hands over the slices in their order.
    pub fn slices(&mut self, mut give: impl FnMut(&Place, &[u8])) -> io::Result<()> {
        for place in &self.places {
            let slice = read_at(&mut self.from, place.start, place.length)?;
            give(place, &slice);
        }
        Ok(())
    }
}

/// What was taken back, and why what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// How many keys.
    pub keys: u64,
    /// Parts of which nothing is refused.
    pub parts: BTreeSet<Part>,
    /// Parts of which something is.
    pub refused: std::collections::BTreeMap<Part, Refused>,
}

impl TakenBack {
    /// Notes what became of a slice.
    pub fn note(&mut self, part: &Part, taken: Result<u64, Refused>) {
        match taken {
            Ok(keys) => {
                self.keys += keys;
                if !self.refused.contains_key(part) {
                    self.parts.insert(part.clone());
                }
            }
            Err(why) => {
                self.parts.remove(part);
                self.refused.insert(part.clone(), why);
            }
        }
    }
}

fn bytes<const COUNT: usize>(from: &mut impl Read) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads so many bytes, of which it is known that they are bounded.
fn read_at(from: &mut (impl Read + Seek), start: u64, count: u64) -> io::Result<Vec<u8>> {
    from.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    from.take(count).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn head(positions: usize) -> Head {
        let position = Checkpoint {
            source: SourceId::new("/a"),
            state: String::new(),
        };
        Head {
            secret: Secret(1, 2),
            saved_at: Timestamp::default(),
            threads: 1,
            positions: vec![position; positions],
        }
    }

    fn part() -> Part {
        Part {
            name: "a".to_owned(),
            identity: 1,
        }
    }

    /// A file with ten bytes, whose contents say that slices stand at these places.
    fn with_slices_at(places: &[(u64, u64)]) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new()).unwrap();
        let slice = Slice {
            part: part(),
            keys: 1,
            bytes: vec![7; 10],
        };
        writer.add(slice, None).unwrap();
        let place = |(start, length): &(u64, u64)| Place {
            part: part(),
            thread: None,
            keys: 1,
            start: *start,
            length: *length,
            checksum: 0,
        };
        writer.places = places.iter().map(place).collect();
        writer.finish(&head(0)).unwrap().0
    }

    #[test]
    fn each_byte_is_of_one_slice() {
        for (places, is_read) in [
            (&[(12, 10)][..], true),
            (&[(12, 4), (16, 6)], true),
            // Else a small file is read as a huge one.
            (&[(12, 10), (12, 10)], false),
            (&[(12, 6), (16, 6)], false),
            (&[(12, 4), (17, 5)], false),
            (&[(16, 6), (12, 4)], false),
            (&[(13, 9)], false),
            (&[(12, 9)], false),
            (&[(12, 11)], false),
            (&[(u64::MAX, 10)], false),
            (&[], false),
        ] {
            let opened = Reader::open(Cursor::new(with_slices_at(places)));
            assert_eq!(opened.is_ok(), is_read, "{places:?}");
        }
    }

    #[test]
    fn what_would_not_be_read_back_is_not_written() {
        let writer = || Writer::begin(Vec::new()).unwrap();
        let (bytes, _) = writer().finish(&head(MOST_SOURCES)).unwrap();
        let reader = Reader::open(Cursor::new(bytes)).unwrap();
        assert_eq!(reader.head().positions.len(), MOST_SOURCES);
        assert!(writer().finish(&head(MOST_SOURCES + 1)).is_err());
    }
}
