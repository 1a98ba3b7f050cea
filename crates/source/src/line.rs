//! Cuts bytes into lines, with a cap on how much of a line is read and kept.
//!
//! Owns: what a line is (up to `\n`, without a `\r` before it; empty ones are none) and what
//! becomes of a line that is too long. Never holds: files, offsets of its own, text decoding: the
//! bytes of a line are passed on as they are.

use memchr::memchr;
use vigil_event::Record;

use crate::TailOptions;

/// Whether bytes without a line end are a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Left for later: the writer may go on with it.
    Keep,
    /// A line: nothing will be written any more.
    Line,
}

/// How far cutting came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// The bytes done with; what follows them is to be read again.
    pub(crate) consumed: usize,
    /// The consumed bytes end inside a line whose rest is to be passed over.
    pub(crate) skipping: bool,
    /// Records that were cut.
    pub(crate) truncated: u64,
}

/// Appends the records of `bytes`, which stand at `offset` in their file. With `skipping` they
/// begin inside a line that is passed over.
///
/// A line without an end is consumed (cut, its rest to be skipped) as soon as it is
/// `max_line_bytes` long, so a caller that reads that much always gets on.
pub(crate) fn split(
    bytes: &[u8],
    offset: u64,
    skipping: bool,
    unfinished: Unfinished,
    options: &TailOptions,
    records: &mut Vec<Record>,
) -> Split {
    let mut done = Split {
        skipping,
        ..Split::default()
    };
    while records.len() < options.batch_records {
        let rest = bytes.get(done.consumed..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        let end = memchr(b'\n', rest);
        if done.skipping {
            done.skipping = end.is_none();
            done.consumed += end.map_or(rest.len(), |end| end + 1);
            continue;
        }
        let line = match end.and_then(|end| rest.get(..end)) {
            Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
            None if rest.len() >= options.max_line_bytes => {
                done.skipping = true;
                rest
            }
            None if unfinished == Unfinished::Line => rest,
            None => break,
        };
        let truncated = done.skipping || line.len() > options.keep_line_bytes;
        if !line.is_empty() {
            records.push(Record {
                start: done.consumed as u32,
                len: line.len().min(options.keep_line_bytes) as u32,
                offset: offset + done.consumed as u64,
                truncated,
            });
            done.truncated += u64::from(truncated);
        }
        done.consumed += end.map_or(rest.len(), |end| end + 1);
    }
    done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(max: usize, keep: usize, records: usize) -> TailOptions {
        TailOptions {
            max_line_bytes: max,
            keep_line_bytes: keep,
            batch_records: records,
            ..TailOptions::default()
        }
    }

    /// Text, offset, and whether it was cut.
    type Line<'a> = (&'a [u8], u64, bool);

    /// The records, and how far it came.
    fn cut(bytes: &[u8], skipping: bool, end: Unfinished) -> (Vec<Line<'_>>, Split) {
        let mut records = Vec::new();
        let split = split(
            bytes,
            100,
            skipping,
            end,
            &options(10, 6, 100),
            &mut records,
        );
        let lines = records
            .iter()
            .map(|r| {
                let start = r.start as usize;
                (&bytes[start..start + r.len as usize], r.offset, r.truncated)
            })
            .collect();
        (lines, split)
    }

    #[test]
    fn lines_end_at_newlines_and_empty_ones_are_none() {
        let (lines, split) = cut(b"a\r\n\n\r\nb\0\xff\nrest", false, Unfinished::Keep);
        assert_eq!(lines, [(&b"a"[..], 100, false), (b"b\0\xff", 106, false)]);
        assert_eq!(
            split,
            Split {
                consumed: 10,
                skipping: false,
                truncated: 0
            }
        );
    }

    #[test]
    fn an_unfinished_line_is_kept_or_taken() {
        assert_eq!(cut(b"rest", false, Unfinished::Keep).1.consumed, 0);
        let (lines, split) = cut(b"rest", false, Unfinished::Line);
        assert_eq!(lines, [(&b"rest"[..], 100, false)]);
        assert_eq!(split.consumed, 4);
    }

    #[test]
    fn a_long_line_is_cut_to_what_is_kept() {
        let (lines, split) = cut(b"1234567\nx\n", false, Unfinished::Keep);
        assert_eq!(lines, [(&b"123456"[..], 100, true), (b"x", 108, false)]);
        assert_eq!(
            split,
            Split {
                consumed: 10,
                skipping: false,
                truncated: 1
            }
        );
    }

    #[test]
    fn a_line_without_an_end_is_taken_at_the_cap_and_its_rest_passed_over() {
        let (lines, split) = cut(b"1234567890", false, Unfinished::Keep);
        assert_eq!(lines, [(&b"123456"[..], 100, true)]);
        assert_eq!(
            split,
            Split {
                consumed: 10,
                skipping: true,
                truncated: 1
            }
        );
        let (lines, split) = cut(b"still\nx\n", true, Unfinished::Keep);
        assert_eq!(lines, [(&b"x"[..], 106, false)]);
        assert_eq!(
            split,
            Split {
                consumed: 8,
                skipping: false,
                truncated: 0
            }
        );
        assert!(cut(b"all of it", true, Unfinished::Keep).1.skipping);
    }

    #[test]
    fn a_batch_ends_at_its_number_of_records() {
        let mut records = Vec::new();
        let few = options(10, 10, 2);
        let split = split(b"a\nb\nc\n", 0, false, Unfinished::Keep, &few, &mut records);
        assert_eq!((records.len(), split.consumed), (2, 4));
    }

    proptest! {
        /// Whatever the bytes and wherever the reads end, the lines are those of the whole.
        #[test]
        fn lines_do_not_depend_on_where_reads_end(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), Just(0u8), any::<u8>()], 0..200),
            step in 20usize..40,
        ) {
            let limits = options(20, 8, 3);
            let mut got = Vec::new();
            let (mut at, mut skipping) = (0, false);
            loop {
                let upto = bytes.len().min(at + step);
                let end = if upto == bytes.len() { Unfinished::Line } else { Unfinished::Keep };
                let mut records = Vec::new();
                let done = split(&bytes[at..upto], at as u64, skipping, end, &limits, &mut records);
                prop_assert!(done.consumed > 0 || at == bytes.len(), "it gets on");
                got.extend(records.iter().map(|r| {
                    let start = at + r.start as usize;
                    (r.offset, bytes[start..start + r.len as usize].to_vec())
                }));
                at += done.consumed;
                skipping = done.skipping;
                if at == bytes.len() {
                    break;
                }
            }
            let mut want = Vec::new();
            let mut offset = 0u64;
            for line in bytes.split_inclusive(|b| *b == b'\n') {
                let whole = line;
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let ended = line.len() < whole.len();
                let line = if ended { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
                if !line.is_empty() {
                    want.push((offset, line[..line.len().min(8)].to_vec()));
                }
                offset += whole.len() as u64;
            }
            prop_assert_eq!(got, want);
        }
    }
}
