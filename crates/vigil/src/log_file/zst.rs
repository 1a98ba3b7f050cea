//! Zstandard: frame after frame, as `zstd`, `pzstd` and log rotation write them.

use std::io::{self, Chain, Cursor, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

const FRAME: u32 = 0xFD2F_B528;
/// Frames that hold something for other programs: any of sixteen.
const SKIPPABLE: u32 = 0x184D_2A50;

/// Whether a file that begins with these bytes is such a log.
pub(super) fn is_start(bytes: &[u8]) -> bool {
    bytes
        .first_chunk()
        .map(|magic| u32::from_le_bytes(*magic))
        .is_some_and(|magic| magic == FRAME || is_skippable(magic))
}

const fn is_skippable(magic: u32) -> bool {
    magic & !0xF == SKIPPABLE
}

/// The first four bytes of a frame, then the rest of the file.
type Framed<R> = Chain<Cursor<[u8; 4]>, R>;

/// What all frames hold, one behind the other.
pub(super) struct Frames<R: Read> {
    at: At<R>,
}

enum At<R: Read> {
    Between(R),
    Within(Box<StreamingDecoder<Framed<R>, FrameDecoder>>),
    End,
}

impl<R: Read> Frames<R> {
    pub(super) const fn new(file: R) -> Self {
        Self {
            at: At::Between(file),
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.at, At::End) {
                At::End => return Ok(0),
                At::Between(file) => self.at = next(file)?,
                At::Within(mut frame) => {
                    let read = frame.read(buffer)?;
                    if read > 0 {
                        self.at = At::Within(frame);
                        return Ok(read);
                    }
                    let (_, file) = frame.into_inner().into_inner();
                    self.at = At::Between(file);
                }
            }
        }
    }
}

/// Opens the next frame, past those that hold nothing for us.
fn next<R: Read>(mut file: R) -> io::Result<At<R>> {
    loop {
        let mut magic = [0; 4];
        let (first, rest) = magic.split_at_mut(1);
        if file.read(first)? == 0 {
            return Ok(At::End);
        }
        file.read_exact(rest)?;
        if !is_skippable(u32::from_le_bytes(magic)) {
            let framed = Cursor::new(magic).chain(file);
            let frame = StreamingDecoder::new(framed)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            return Ok(At::Within(Box::new(frame)));
        }
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        io::copy(&mut (&mut file).take(length), &mut io::sink())?;
    }
}
