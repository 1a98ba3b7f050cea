//! Frames that are written one after the other, in one piece of memory that many sockets share.

use bytes::{Bytes, BytesMut};

/// Some frames in a row.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    bytes: Bytes,
    /// Where each frame ends.
    ends: Vec<usize>,
}

impl Run {
    /// Frames in the order in which they are to be written. A single one is shared, several are put
    /// together.
    pub(crate) fn of(frames: &[Bytes]) -> Self {
        let mut length = 0;
        let end = |frame: &Bytes| {
            length += frame.len();
            length
        };
        let ends: Vec<usize> = frames.iter().map(end).collect();
        let bytes = match frames {
            [single] => single.clone(),
            several => {
                let mut bytes = BytesMut::with_capacity(length);
                for frame in several {
                    bytes.extend_from_slice(frame);
                }
                bytes.freeze()
            }
        };
        Self { bytes, ends }
    }

    /// All of them.
    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many frames there are.
    pub(crate) const fn count(&self) -> usize {
        self.ends.len()
    }

    /// Each by itself.
    pub(crate) fn frames(&self) -> impl Iterator<Item = Bytes> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.bytes.slice(start..*end))
    }

    /// How many frames are begun when so many bytes are written, and what is left of the last of them.
    /// It is a copy where it would keep the others in memory.
    pub(crate) fn rest(&self, written: usize) -> (usize, Bytes) {
        let whole = self.ends.partition_point(|end| *end <= written);
        let start = whole.checked_sub(1).and_then(|last| self.ends.get(last));
        match self.ends.get(whole) {
            Some(end) if written > start.copied().unwrap_or_default() => {
                let rest = self.bytes.slice(written..*end);
                let rest = match self.count() {
                    1 => rest,
                    _ => Bytes::copy_from_slice(&rest),
                };
                (whole + 1, rest)
            }
            _ => (whole, Bytes::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_the_rest_of_the_frame_that_was_begun() {
        let frames =
            ["ab", "cde", "f"].map(|text: &'static str| Bytes::from_static(text.as_bytes()));
        let run = Run::of(&frames);
        assert_eq!(run.bytes(), "abcdef");
        assert!(run.frames().eq(frames.iter().cloned()));
        for (written, begun, rest) in [
            (0, 0, ""),
            (1, 1, "b"),
            (2, 1, ""),
            (3, 2, "de"),
            (4, 2, "e"),
            (5, 2, ""),
            (6, 3, ""),
        ] {
            assert_eq!(run.rest(written), (begun, Bytes::from(rest)), "{written}");
        }
        let single = Run::of(&frames[..1]);
        assert_eq!(single.bytes().as_ptr(), frames[0].as_ptr());
        assert_eq!(single.rest(1), (1, Bytes::from("b")));
    }
}
