//! What is published: a number, the moment it was meant to be sent, and padding to the wanted size.
//!
//! The moment is of the machine's monotonic clock, which all its processes share.

use std::fmt::Write as _;
use std::sync::LazyLock;

use memchr::memmem;
use rustix::time::{ClockId, clock_gettime};

const MARK: &[u8] = b"\"bench\":\"";

const OFFSET: &[u8] = b"\"offset\":";

/// Made once: a client looks for these in each of millions of messages.
static FIND_MARK: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(MARK));
static FIND_OFFSET: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(OFFSET));

/// Where things stood in the last frame: most likely they stand there in the next one too, and looking
/// costs less than searching.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    mark: usize,
    offset: usize,
}

impl Layout {
    /// The number and the moment that a frame carries.
    pub(super) fn stamp(&mut self, frame: &[u8]) -> Option<(u64, u64)> {
        let rest = after(frame, MARK, &FIND_MARK, &mut self.mark)?;
        let (sequence, rest) = number(rest)?;
        let (meant_ns, _) = number(rest.strip_prefix(b" ")?)?;
        Some((sequence, meant_ns))
    }

    /// The offset that a frame says.
    pub(super) fn offset(&mut self, frame: &[u8]) -> Option<u64> {
        Some(number(after(frame, OFFSET, &FIND_OFFSET, &mut self.offset)?)?.0)
    }
}

/// What stands after a key, which most likely is where it was the last time.
fn after<'a>(
    frame: &'a [u8],
    key: &[u8],
    find: &memmem::Finder<'_>,
    last: &mut usize,
) -> Option<&'a [u8]> {
    if let Some(rest) = frame.get(*last..).and_then(|rest| rest.strip_prefix(key)) {
        return Some(rest);
    }
    *last = find.find(frame)?;
    frame.get(*last + key.len()..)
}

/// Nanoseconds of the monotonic clock.
pub(super) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    (now.tv_sec as u64) * 1_000_000_000 + now.tv_nsec as u64
}

/// The data of a message, of about that many bytes.
pub(super) fn data(sequence: u64, meant_ns: u64, bytes: usize) -> String {
    let mut text = format!("{{\"bench\":\"{sequence} {meant_ns}\",\"pad\":\"");
    let missing = bytes.saturating_sub(text.len() + 2);
    _ = write!(text, "{:x<missing$}\"}}", "");
    text
}

/// The number after a key such as `"offset":`.
pub(super) fn number_after(frame: &[u8], key: &[u8]) -> Option<u64> {
    let start = memmem::find(frame, key)? + key.len();
    Some(number(frame.get(start..)?)?.0)
}

/// The text after a key such as `"epoch":"`.
pub(super) fn text_after<'a>(frame: &'a [u8], key: &[u8]) -> Option<&'a str> {
    let start = memmem::find(frame, key)? + key.len();
    let rest = frame.get(start..)?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
        rest = more;
    }
    (rest.len() < text.len()).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stamped_is_read_back() {
        let data = data(42, 123_456_789, 200);
        assert_eq!(data.len(), 200);
        let frame =
            format!("{{\"channel\":\"threats\",\"epoch\":\"e1\",\"offset\":7,\"data\":{data}}}");
        let mut layout = Layout::default();
        for _ in 0..2 {
            assert_eq!(layout.stamp(frame.as_bytes()), Some((42, 123_456_789)));
            assert_eq!(layout.offset(frame.as_bytes()), Some(7));
        }
        let longer = frame.replace("threats", "threats-of-another-name");
        assert_eq!(layout.stamp(longer.as_bytes()), Some((42, 123_456_789)));
        assert_eq!(layout.offset(longer.as_bytes()), Some(7));
        assert_eq!(number_after(frame.as_bytes(), b"\"offset\":"), Some(7));
        assert_eq!(text_after(frame.as_bytes(), b"\"epoch\":\""), Some("e1"));
        for other in [
            "",
            "{}",
            "{\"bench\":\"",
            "{\"bench\":\"1\"}",
            "{\"bench\":\"x 1\"}",
            "{\"bench\":\"1 99999999999999999999\"}",
        ] {
            assert_eq!(layout.stamp(other.as_bytes()), None, "{other}");
        }
    }
}
