//! An old log, read line by line: plain, `.gz` or `.zst`, told apart by its first bytes.
//!
//! Owns: unpacking as a stream, and what becomes of a line that is too long. Every error names the file. Never holds: more than
//! a line and the unpackers' windows in memory, whatever the file claims to hold.

mod zst;

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

/// Bytes read from the disk at a time, and unpacked at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// The lines of a log.
pub struct LogFile {
    lines: Box<dyn BufRead>,
    limits: LineLimits,
}

/// How much of a line is read.
#[derive(Clone, Copy, Debug)]
pub struct LineLimits {
    /// At most so many bytes of a line are read; the rest of it is passed over.
    pub max_bytes: usize,
    /// A longer line is cut to so many bytes.
    pub keep_bytes: usize,
}

impl LogFile {
    /// Opens a log. The bar moves with the bytes that are read from the disk.
    pub fn open(path: &Path, limits: LineLimits, bar: &ProgressBar) -> io::Result<Self> {
        let file = fs_err::File::open(path)?;
        let mut packed = BufReader::with_capacity(BUFFER_BYTES, bar.wrap_read(file));
        let start = packed.fill_buf()?;
        let lines: Box<dyn BufRead> = if start.starts_with(&[0x1f, 0x8b]) {
            buffered(path, MultiGzDecoder::new(packed))
        } else if zst::is_start(start) {
            buffered(path, zst::Frames::new(packed))
        } else {
            Box::new(packed)
        };
        Ok(Self { lines, limits })
    }

    /// Reads the next line into `line`, without its end and cut as the server cuts it; false at the
    /// end of the log.
    pub fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let most = self.limits.max_bytes;
        let mut part = (&mut *self.lines).take(most as u64);
        let read = part.read_until(b'\n', line)?;
        if read == 0 {
            return Ok(false);
        }
        if line.last() != Some(&b'\n') && read == most {
            self.lines.skip_until(b'\n')?;
        }
        while line
            .last()
            .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
        {
            line.pop();
        }
        line.truncate(self.limits.keep_bytes);
        Ok(true)
    }
}

fn buffered(path: &Path, unpacked: impl Read + 'static) -> Box<dyn BufRead> {
    let named = Named {
        path: path.to_owned(),
        unpacked,
    };
    Box::new(BufReader::with_capacity(BUFFER_BYTES, named))
}

/// An unpacker whose errors say which file they are of: of several, that is what somebody must know.
struct Named<R> {
    path: PathBuf,
    unpacked: R,
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.unpacked.read(buffer).map_err(|error| {
            let path = self.path.display();
            let text = format!("{path} cannot be unpacked: {error}; is the file whole?");
            io::Error::new(error.kind(), text)
        })
    }
}

/// A bar for so many bytes where somebody looks at it.
pub fn progress(bytes: u64) -> ProgressBar {
    if !io::IsTerminal::is_terminal(&io::stderr()) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LIMITS: LineLimits = LineLimits {
        max_bytes: 10,
        keep_bytes: 6,
    };

    fn lines(bytes: &[u8]) -> io::Result<Vec<String>> {
        let file = tempfile::NamedTempFile::new()?;
        fs_err::write(file.path(), bytes)?;
        let mut log = LogFile::open(file.path(), LIMITS, &ProgressBar::hidden())?;
        let (mut line, mut lines) = (Vec::new(), Vec::new());
        while log.next(&mut line)? {
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        Ok(lines)
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn zst(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn plain_and_packed_logs_have_the_same_lines() {
        let text = b"one\r\n\n12345678\nlonger than ten bytes\nrest";
        let expected = ["one", "", "123456", "longer", "rest"];
        let (start, end) = text.split_at(9);
        let skippable = [
            &[0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, b'x', b'y'][..],
            &zst(text),
        ]
        .concat();
        for (name, bytes) in [
            ("plain", text.to_vec()),
            ("gz", gz(text)),
            ("two gz", [gz(start), gz(end)].concat()),
            ("zst", zst(text)),
            ("two zst", [zst(start), zst(end)].concat()),
            ("skippable zst", skippable),
        ] {
            assert_eq!(lines(&bytes).unwrap(), expected, "{name}");
        }
        assert!(lines(b"").unwrap().is_empty());
    }

    #[test]
    fn a_packed_log_that_ends_too_early_is_told() {
        let text = b"one\n".repeat(1_000);
        for packed in [gz(&text), zst(&text)] {
            let (cut, _) = packed.split_at(packed.len() - 3);
            let file = tempfile::NamedTempFile::new().unwrap();
            fs_err::write(file.path(), cut).unwrap();
            let mut log = LogFile::open(file.path(), LIMITS, &ProgressBar::hidden()).unwrap();
            let mut line = Vec::new();
            let error = loop {
                match log.next(&mut line) {
                    Ok(more) => assert!(more, "the log ended as if it were whole"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
    }
}
