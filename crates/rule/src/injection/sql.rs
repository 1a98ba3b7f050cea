//! Texts of which a quick look tells that libinjection takes them for no statement: of words that are
//! none of SQL's, numbers, and signs between them, as most texts are.
//!
//! *Input*: a text. *Output*: whether it surely is no injection. *How*: as libinjection does it, the text
//! becomes tokens, of which only the kinds are kept here, these are folded, and the first five are
//! looked for among those of injections. *Limits*: with a word of SQL, a quote, a comment, a variable or
//! a bracket among the tokens that count, the answer is no, and libinjection has to be asked. Its
//! tables are used here too, so that both know the same words.

use std::sync::OnceLock;

use libinjectionrs::sqli::sqli_data::{CharType, SQL_KEYWORDS, get_char_type};

/// How many tokens tell an injection.
const TOKENS: usize = 5;
/// The kinds of tokens, as libinjection names them.
const WORD: u8 = b'n';
const NUMBER: u8 = b'1';
const OPERATOR: u8 = b'o';
const DOT: u8 = b'.';
const COMMA: u8 = b',';
/// All kinds that are told here, as they stand in the table of injections.
const KINDS: &[u8] = b"N1O.,;:()?";
/// An operator that may stand before a value: to libinjection an operator too.
const UNARY: u8 = b'u';

/// Whether it surely is no injection.
pub(super) fn is_harmless(text: &[u8]) -> bool {
    if memchr::memchr2(b'\'', b'"', text).is_some() {
        return false;
    }
    let known = Known::get();
    let mut tokens = Tokens {
        text,
        place: 0,
        known,
        is_unsure: false,
    };
    let folded = Folded::of(&mut tokens);
    !tokens.is_unsure && !known.fingerprints.has(folded.hash())
}

/// What libinjection knows, as sets of hashes: what is in one may be known, what is not is not known.
struct Known {
    /// Words and pairs of signs; of several words the first.
    words: Bits,
    fingerprints: Bits,
}

impl Known {
    fn get() -> &'static Self {
        static KNOWN: OnceLock<Known> = OnceLock::new();
        KNOWN.get_or_init(|| {
            let mut known = Self {
                words: Bits::new(),
                fingerprints: Bits::new(),
            };
            for keyword in SQL_KEYWORDS {
                let text = keyword.word.as_bytes();
                match text.split_first() {
                    Some((_, kinds)) if keyword.token_type == b'F' => {
                        if kinds.iter().all(|kind| KINDS.contains(kind)) {
                            known.fingerprints.insert(Hash::of(kinds));
                        }
                    }
                    _ => {
                        let first = text.split(|byte| *byte == b' ').next();
                        known.words.insert(Hash::of(first.unwrap_or_default()));
                    }
                }
            }
            known
        })
    }
}

/// A set of hashes.
struct Bits(Vec<u64>);

impl Bits {
    const BITS: u32 = 16;

    fn new() -> Self {
        Self(vec![0; 1 << (Self::BITS - u64::BITS.ilog2())])
    }

    fn insert(&mut self, hash: Hash) {
        if let Some(word) = self.0.get_mut(hash.place() / 64) {
            *word |= 1 << (hash.place() % 64);
        }
    }

    fn has(&self, hash: Hash) -> bool {
        let word = self.0.get(hash.place() / 64);
        word.is_some_and(|word| word & (1 << (hash.place() % 64)) != 0)
    }
}

/// The hash of a text without regard to case.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const NONE: Self = Self(0xcbf2_9ce4_8422_2325);

    const fn with(self, byte: u8) -> Self {
        Self((self.0 ^ byte.to_ascii_uppercase() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn of(text: &[u8]) -> Self {
        text.iter().fold(Self::NONE, |hash, byte| hash.with(*byte))
    }

    const fn place(self) -> usize {
        (self.0 >> (u64::BITS - Bits::BITS)) as usize
    }
}

/// The kinds of a text's tokens, one after the other.
struct Tokens<'a> {
    text: &'a [u8],
    place: usize,
    known: &'static Known,
    /// Something came of which only libinjection knows what it is: there are no more tokens.
    is_unsure: bool,
}

impl Tokens<'_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.place + ahead).copied()
    }

    fn next(&mut self) -> Option<u8> {
        if self.is_unsure {
            return None;
        }
        loop {
            let byte = self.byte(0)?;
            let kind = match get_char_type(byte) {
                CharType::White => {
                    self.place += 1;
                    continue;
                }
                CharType::Number => Some(self.number()),
                CharType::Word
                | CharType::BString
                | CharType::EString
                | CharType::NQString
                | CharType::QString
                | CharType::UString
                | CharType::XString => self.word(),
                CharType::Op1 | CharType::Unary => Some(self.sign(operator(byte))),
                CharType::Dash if self.byte(1) != Some(b'-') => Some(self.sign(UNARY)),
                CharType::Slash if self.byte(1) != Some(b'*') => Some(self.sign(OPERATOR)),
                CharType::Bang | CharType::Op2 => self.one_of_two(byte),
                CharType::LeftParens
                | CharType::RightParens
                | CharType::Comma
                | CharType::Semicolon => Some(self.sign(byte)),
                CharType::Other => Some(self.sign(b'?')),
                _ => None,
            };
            self.is_unsure |= kind.is_none();
            return kind;
        }
    }

    const fn sign(&mut self, kind: u8) -> u8 {
        self.place += 1;
        kind
    }

    /// A sign that is an operator together with some others: those are left to libinjection.
    fn one_of_two(&mut self, byte: u8) -> Option<u8> {
        let Some(next) = self.byte(1) else {
            return Some(self.sign(operator(byte)));
        };
        let is_known = self.known.words.has(Hash::of(&[byte, next]));
        let kind = if byte == b':' { byte } else { operator(byte) };
        (!is_known).then(|| self.sign(kind))
    }

    /// A word that is none of SQL's.
    fn word(&mut self) -> Option<u8> {
        let mut hash = Hash::NONE;
        let rest = self.text.get(self.place..)?;
        let mut len = 0;
        for byte in rest {
            if ENDS.get(usize::from(*byte)) != Some(&false) {
                break;
            }
            // One that ends in a name of several parts counts by itself.
            if matches!(byte, b'.' | b'`') && self.known.words.has(hash) {
                return None;
            }
            hash = hash.with(*byte);
            len += 1;
        }
        self.place += len;
        (len > 0 && !self.known.words.has(hash)).then_some(WORD)
    }

    fn skip(&mut self, is_of_it: impl Fn(&u8) -> bool) -> usize {
        let rest = self.text.get(self.place..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| is_of_it(byte)).count();
        self.place += len;
        len
    }

    fn number(&mut self) -> u8 {
        match (self.byte(0), self.byte(1)) {
            (Some(b'0'), Some(b'x' | b'X')) => return self.prefixed(u8::is_ascii_hexdigit),
            (Some(b'0'), Some(b'b' | b'B')) => {
                return self.prefixed(|byte| matches!(byte, b'0' | b'1'));
            }
            _ => {}
        }
        let mut digits = self.skip(u8::is_ascii_digit);
        if self.byte(0) == Some(b'.') {
            self.place += 1;
            digits += self.skip(u8::is_ascii_digit);
            if digits == 0 {
                return DOT;
            }
        }
        let mut kind = NUMBER;
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            self.place += 1 + usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            if self.skip(u8::is_ascii_digit) == 0 {
                kind = WORD;
            }
        }
        if matches!(self.byte(0), Some(b'd' | b'D' | b'f' | b'F')) {
            let is_suffix = self.byte(1).is_none_or(|next| {
                let ends = b"\t\n\x0b\x0c\r \xa0\0;uU";
                memchr::memchr(next, ends).is_some()
            });
            self.place += usize::from(is_suffix);
        }
        kind
    }

    /// A number by its own digits.
    fn prefixed(&mut self, is_digit: impl Fn(&u8) -> bool) -> u8 {
        self.place += 2;
        let digits = self.skip(is_digit);
        if digits == 0 { WORD } else { NUMBER }
    }
}

const fn operator(byte: u8) -> u8 {
    match byte {
        b'+' | b'!' | b'~' => UNARY,
        _ => OPERATOR,
    }
}

/// The bytes that end a word.
static ENDS: [bool; 256] = ends();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when compiling, where a slip is an error"
)]
const fn ends() -> [bool; 256] {
    let ends = b" []{}<>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r\"\xa0\0";
    let mut table = [false; 256];
    let mut place = 0;
    while place < ends.len() {
        table[ends[place] as usize] = true;
        place += 1;
    }
    table
}

/// The kinds of the tokens that are left once those are folded that make no difference.
#[derive(Default)]
struct Folded {
    /// As many as are looked at, and what may come behind them.
    kinds: [u8; TOKENS + 3],
    /// How many there are, and from which on they are looked at.
    len: usize,
    left: usize,
}

impl Folded {
    fn of(tokens: &mut Tokens<'_>) -> Self {
        let mut folded = Self::default();
        // What may stand before a value is skipped.
        let first = loop {
            match tokens.next() {
                Some(b'(' | UNARY) => {}
                first => break first,
            }
        };
        folded.extend(first);
        let mut more = first.is_some();
        loop {
            folded.fold_all();
            if !more || folded.left >= TOKENS {
                return folded;
            }
            more = folded.fill(2, tokens);
            if folded.ahead() < 2 {
                folded.left = folded.len;
            } else if !folded.fold_two() {
                more = folded.fill(3, tokens);
                if folded.ahead() < 3 {
                    folded.left = folded.len;
                } else if !folded.fold_three() {
                    folded.left += 1;
                }
            }
        }
    }

    /// What a set of hashes knows an injection by.
    fn hash(&self) -> Hash {
        let kinds = self.kinds.iter().take(self.len.min(TOKENS));
        kinds.fold(Hash::NONE, |hash, kind| {
            hash.with(if *kind == UNARY { OPERATOR } else { *kind })
        })
    }

    const fn ahead(&self) -> usize {
        self.len.saturating_sub(self.left)
    }

    fn extend(&mut self, kind: Option<u8>) {
        if let Some((slot, kind)) = self.kinds.get_mut(self.len).zip(kind) {
            *slot = kind;
            self.len += 1;
        }
    }

    /// Reads until so many are ahead; false once there are no more.
    fn fill(&mut self, wanted: usize, tokens: &mut Tokens<'_>) -> bool {
        while self.len <= TOKENS && self.ahead() < wanted {
            let kind = tokens.next();
            if kind.is_none() {
                return false;
            }
            self.extend(kind);
        }
        true
    }

    /// Takes so many from the end, and begins anew.
    const fn shorten(&mut self, by: usize) -> bool {
        self.len = self.len.saturating_sub(by);
        self.left = 0;
        true
    }

    /// What is looked at, and what comes behind it.
    fn at_left(&self) -> (u8, u8, u8) {
        let kind = |ahead: usize| self.kinds.get(self.left + ahead).copied();
        let [one, two, three] = [0, 1, 2].map(|ahead| kind(ahead).unwrap_or_default());
        (one, two, three)
    }

    /// Sums and lists in brackets are values.
    fn fold_all(&mut self) {
        let [one, two, three, four, five, next, ..] = self.kinds;
        let is_value = match (one, two, three, four, five) {
            (NUMBER, OPERATOR | UNARY | COMMA, b'(', NUMBER, b')')
            | (WORD, OPERATOR | UNARY, b'(', WORD | NUMBER, b')')
            | (NUMBER, b')', COMMA, b'(', NUMBER)
            | (WORD, b')', OPERATOR | UNARY, b'(', WORD) => self.len >= TOKENS,
            _ => false,
        };
        if is_value {
            self.left = 0;
            if self.len > TOKENS {
                self.kinds = [one, next, three, four, five, next, 0, 0];
                self.len = 2;
            } else {
                self.len = 1;
            }
        }
    }

    fn fold_two(&mut self) -> bool {
        let left = self.left;
        match self.at_left() {
            (b';', b';', _) => {
                self.shorten(1);
                self.left = left;
                true
            }
            (b'(', UNARY, _) => {
                self.shorten(1);
                self.left = left.saturating_sub(1);
                true
            }
            (OPERATOR | UNARY, UNARY, _) | (b'(', b'(', _) | (b')', b')', _) => self.shorten(1),
            _ => false,
        }
    }

    fn fold_three(&mut self) -> bool {
        match self.at_left() {
            (WORD | NUMBER, OPERATOR | UNARY | COMMA, WORD | NUMBER) | (WORD, DOT, WORD) => {
                self.shorten(2)
            }
            (OPERATOR | UNARY, between, OPERATOR | UNARY) if between != b'(' => self.shorten(2),
            (COMMA, UNARY, next @ (b'(' | WORD | NUMBER)) => {
                if let Some(slot) = self.kinds.get_mut(self.left + 1) {
                    *slot = next;
                }
                self.shorten(if next == b'(' { 1 } else { 3 })
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use libinjectionrs::sqli::{SqliFlags, SqliState};
    use proptest::prelude::*;

    use super::*;

    fn is_injection(text: &[u8]) -> bool {
        SqliState::new(text, SqliFlags::FLAG_NONE).detect()
    }

    #[test]
    fn what_most_texts_are_is_harmless() {
        for text in [
            "",
            "it was a garden",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
            "https://shop.example/search?q=red+shoes&page=2",
            "2026-11-28T13:00:00Z",
            "5fe1e10c-2d3a-4e5f-8a9b-0c1d2e3f4a5b",
            "/images/a_b-c.jpg",
        ] {
            assert!(is_harmless(text.as_bytes()), "{text}");
        }
        for text in ["1' or 1=1", "1 union select 2", "1--", "1/*", "\"x"] {
            assert!(!is_harmless(text.as_bytes()), "{text}");
        }
    }

    /// Words that libinjection knows, words that begin as those of several words do, and others.
    fn piece() -> impl Strategy<Value = String> {
        let words = SQL_KEYWORDS.iter().filter(|one| one.token_type != b'F');
        let words: Vec<&str> = words.map(|one| one.word).collect();
        prop_oneof![
            4 => "[-+/*%&^=:<>!~|.,;?()#@ ]",
            4 => "[abcdefnqux_]{1,6}",
            3 => "[0-9]{1,3}",
            2 => "[0-9.xbefdXBEFDuU+-]{1,6}",
            1 => prop::sample::select(words).prop_map(str::to_lowercase),
            1 => "[\\[\\]{}$`\\\\'\"\t\n\u{1}\u{a0}\u{e9}\0]",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn no_injection_is_harmless(pieces in prop::collection::vec(piece(), 0..14)) {
            let text = pieces.concat();
            prop_assert!(!(is_harmless(text.as_bytes()) && is_injection(text.as_bytes())), "{text:?}");
        }

        /// More than that none is missed: both come to the same tokens.
        #[test]
        fn kinds_are_those_of_libinjection(pieces in prop::collection::vec(piece(), 0..14)) {
            let text = pieces.concat().replace(['\'', '"'], "");
            let mut tokens = Tokens {
                text: text.as_bytes(),
                place: 0,
                known: Known::get(),
                is_unsure: false,
            };
            let folded = Folded::of(&mut tokens);
            if !tokens.is_unsure {
                let mut state = SqliState::new(text.as_bytes(), SqliFlags::FLAG_NONE);
                let expected = state.get_fingerprint();
                let kinds = folded.kinds.iter().take(folded.len.min(TOKENS));
                let kinds: String = kinds
                    .map(|kind| char::from(if *kind == UNARY { OPERATOR } else { *kind }))
                    .collect();
                prop_assert_eq!(&kinds, expected.as_str(), "{:?}", text);
            }
        }
    }
}
