//! Undoes encodings until nothing is left to undo, and reads what came out as the languages behind
//! a site would.
//!
//! Owns: the order of the encodings, the bound on their nesting, the buffers. Never holds: fields,
//! what an encoding or a language looks like (each has its own file).

mod fold;
mod html;
mod invisible;
mod path;
mod peel;
mod percent;
mod piece;
mod plain;
mod script;
mod shell;
mod sql;
mod unicode;

use vigil_event::Decodings;

use self::fold::Signs;
pub(crate) use self::path::PathView;
pub(crate) use self::peel::Peeler;
use self::piece::{Piece, rewrite};
pub(crate) use self::plain::PlainValues;

/// Encodings nested deeper than this stay as they are; how deep they were is kept as a fact.
const MAX_ROUNDS: usize = 5;

/// What a field's value may be wrapped in beyond what every value may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layers {
    /// `+` stands for a space.
    pub(crate) plus: bool,
    /// The server that logged it wrote bytes as `\xHH` and `\"`.
    pub(crate) log_escaped: bool,
}

/// A value with its encodings undone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwrapped<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) decodings: Decodings,
    /// How many rounds undid percent-encoding.
    pub(crate) depth: u8,
}

/// Undoes encodings in two buffers that are kept from value to value.
#[derive(Debug, Default)]
pub(crate) struct Unwrapper {
    current: Vec<u8>,
    next: Vec<u8>,
    decodings: Decodings,
}

impl Unwrapper {
    /// The value with every encoding undone, or none where that is the value itself.
    ///
    /// A round undoes one layer of percent-encoding, then folds what is no ASCII, then resolves
    /// HTML entities; the next sees what came out. It ends when nothing changes, or after
    /// [`MAX_ROUNDS`].
    pub(crate) fn unwrap(&mut self, raw: &[u8], layers: Layers) -> Option<Unwrapped<'_>> {
        if !may_be_encoded(raw, layers) {
            return None;
        }
        self.decodings = Decodings::NONE;
        self.current.clear();
        self.current.extend_from_slice(raw);
        if layers.log_escaped {
            self.pass(unicode::next_escape, unicode::log_escape);
        }
        let mut depth = 0;
        for round in 0..MAX_ROUNDS {
            let percent = percent::occurs(&self.current);
            depth += u8::from(percent);
            // Whoever decodes a form once more turns its `+` into spaces once more.
            let mut changed = if layers.plus && (round == 0 || percent) {
                self.pass(percent::next_in_form, |rest| {
                    percent::plus(rest).or_else(|| escape(rest))
                })
            } else {
                self.pass(percent::next, escape)
            };
            changed |= self.pass(unicode::next_high, unicode::fold);
            changed |= self.pass(html::next, html::entity);
            if !changed {
                break;
            }
        }
        if depth > 1 {
            self.decodings = self.decodings.with(Decodings::REPEATED);
        }
        (self.current != raw).then_some(Unwrapped {
            text: &self.current,
            decodings: self.decodings,
            depth,
        })
    }

    /// One walk over the value; says whether it changed anything.
    fn pass(
        &mut self,
        next: impl Fn(&[u8]) -> Option<usize>,
        decode: impl Fn(&[u8]) -> Option<Piece>,
    ) -> bool {
        let Some(found) = rewrite(&self.current, &mut self.next, next, decode) else {
            return false;
        };
        self.decodings = self.decodings.with(found);
        std::mem::swap(&mut self.current, &mut self.next);
        true
    }
}

/// `%41`, `%u0041`, `\u0041`, `\x41`
fn escape(rest: &[u8]) -> Option<Piece> {
    percent::escape(rest).or_else(|| unicode::escape(rest))
}

/// Reads a decoded text in the ways that paths, databases, shells and browsers do, in a buffer that
/// is kept from value to value.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    folded: Vec<u8>,
}

impl Reader {
    /// Calls `each` with every reading that differs from the text itself.
    pub(crate) fn read(
        &mut self,
        text: &[u8],
        path: PathView,
        mut each: impl FnMut(Decodings, &[u8]),
    ) {
        let signs = Signs::of(text);
        let folded = &mut self.folded;
        if path.normalise(text, folded) {
            each(Decodings::PATH, folded);
        }
        if signs.matter_to_sql() && sql::normalise(text, folded) {
            each(Decodings::SQL, folded);
        }
        if signs.matter_to_shell() && shell::normalise(text, folded) {
            each(Decodings::SHELL, folded);
        }
        if signs.matter_to_script() && script::normalise(text, folded) {
            each(Decodings::SCRIPT, folded);
        }
    }
}

/// Whether the text starts with an HTML character reference.
pub(crate) fn is_reference(text: &[u8]) -> bool {
    html::entity(text).is_some()
}

/// Whether anything in the value could be encoded: one walk without branches, which the compiler
/// turns into vector instructions.
fn may_be_encoded(text: &[u8], layers: Layers) -> bool {
    let found = text.iter().fold(0_u8, |found, &byte| {
        found
            | u8::from(matches!(byte, b'%' | b'&' | b'\\' | 0x80..))
            | (u8::from(byte == b'+') << 1)
    });
    found & 1 != 0 || (layers.plus && found != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: Layers = Layers {
        plus: false,
        log_escaped: false,
    };
    const FORM: Layers = Layers {
        plus: true,
        log_escaped: false,
    };
    const LOGGED: Layers = Layers {
        plus: false,
        log_escaped: true,
    };

    #[test]
    fn what_is_not_encoded_needs_no_work() {
        for text in [
            "",
            "/index.html",
            "Mozilla/5.0 (X11; Linux x86_64)",
            "a=1;b=2",
            "a+b",
        ] {
            assert!(
                Unwrapper::default()
                    .unwrap(text.as_bytes(), LOGGED)
                    .is_none(),
                "{text}"
            );
        }
        assert!(
            Unwrapper::default()
                .unwrap(b"a=1&b=100%&c=\\d", FORM)
                .is_none()
        );
    }

    #[test]
    fn layers_come_off_one_after_the_other() {
        let all = Decodings::PERCENT
            .with(Decodings::REPEATED)
            .with(Decodings::FULLWIDTH)
            .with(Decodings::HTML);
        let mut unwrapper = Unwrapper::default();
        let found = unwrapper
            .unwrap("%25EF%25BC%259Cscript\u{ff05}26gt;".as_bytes(), VALUE)
            .unwrap();
        assert_eq!(found.text, b"<script>");
        assert_eq!(found.depth, 2);
        assert_eq!(found.decodings, all);
    }

    #[test]
    fn nesting_is_followed_to_a_bound() {
        let mut unwrapper = Unwrapper::default();
        let nested = format!("%{}3c", "25".repeat(4));
        let found = unwrapper.unwrap(nested.as_bytes(), VALUE).unwrap();
        assert_eq!((found.text, found.depth), (&b"<"[..], 5));
        let deeper = format!("%{}3c", "25".repeat(7));
        let found = unwrapper.unwrap(deeper.as_bytes(), VALUE).unwrap();
        assert_eq!((found.text, found.depth), (&b"%25253c"[..], 5));
    }

    #[test]
    fn marks_that_nobody_sees_hide_neither_words_nor_encodings() {
        for (text, expected) in [
            ("uni%E2%80%8Bon", "union"),
            ("<scr\u{ad}ipt>", "<script>"),
            ("%E2%80%8B3%EF%BB%BFcx", "3cx"),
            ("%\u{200d}3cb", "<b"),
            ("&#8203;on&ZeroWidthSpace;load&shy;=", "onload="),
            ("al%u200Bert", "alert"),
            ("نمی\u{200c}خواهم", "نمیخواهم"),
        ] {
            let mut unwrapper = Unwrapper::default();
            let found = unwrapper.unwrap(text.as_bytes(), VALUE).unwrap();
            assert_eq!(String::from_utf8_lossy(found.text), expected, "{text}");
            assert!(found.decodings.contains(Decodings::INVISIBLE), "{text}");
        }
    }

    #[test]
    fn what_the_server_escaped_is_undone_once() {
        let mut unwrapper = Unwrapper::default();
        let found = unwrapper.unwrap(br#"\"\\\xc0\xaf\x5Cx3c"#, LOGGED).unwrap();
        assert_eq!(found.text, br#""\/<"#);
        assert_eq!(found.depth, 0);
        assert!(unwrapper.unwrap(br#"\"\\"#, VALUE).is_none());
    }
}
