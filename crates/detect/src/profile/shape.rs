//! The shape of a value: what it is, of which characters, how long, how much punctuation.
//!
//! What: one pass over the bytes.
//! Input: a value after decoding.
//! Output: a [`Shape`].
//! Example: `blue kettle` is a text of lower case and blanks, 11 long.
//! Limits: of pairs of signs the first [`Shape::PAIRS`] different ones are kept.

use serde::{Deserialize, Serialize};

use super::class;
use super::who::hash;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing, or blanks.
    Empty,
    /// Digits.
    Number,
    /// Digits with a sign or a point.
    Decimal,
    /// Letters.
    Word,
    /// Letters, digits, `-`, `_` and `.`.
    Name,
    /// A UUID, hexadecimal digits, base64, or a long mixture of letters and digits.
    Token,
    /// `2026-11-27`
    Date,
    /// A mail address.
    Mail,
    /// A path or URL.
    Url,
    /// Anything else.
    Text,
}

impl Kind {
    /// Every kind, in the order of its discriminant.
    pub(crate) const ALL: [Self; 10] = [
        Self::Empty,
        Self::Number,
        Self::Decimal,
        Self::Word,
        Self::Name,
        Self::Token,
        Self::Date,
        Self::Mail,
        Self::Url,
        Self::Text,
    ];

    /// As it is called in sentences.
    pub(crate) const fn phrase(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Number => "a number",
            Self::Decimal => "a decimal number",
            Self::Word => "a word",
            Self::Name => "a name of letters and digits",
            Self::Token => "a token",
            Self::Date => "a date",
            Self::Mail => "a mail address",
            Self::Url => "a path or URL",
            Self::Text => "free text",
        }
    }

    /// Whether whoever takes this takes the other one too.
    pub(crate) const fn covers(self, other: Self) -> bool {
        match self {
            Self::Text => !matches!(other, Self::Empty),
            Self::Name => matches!(
                other,
                Self::Number | Self::Word | Self::Token | Self::Date | Self::Decimal
            ),
            Self::Decimal => matches!(other, Self::Number),
            Self::Token => matches!(other, Self::Number | Self::Word | Self::Name),
            _ => false,
        }
    }

    /// These kinds and all that they cover.
    pub(crate) fn covered(kinds: u64) -> u64 {
        let is_known = |kind: Self| kinds & 1 << (kind as u8) != 0;
        let is_covered = |kind: &Self| {
            is_known(*kind)
                || Self::ALL
                    .into_iter()
                    .any(|one| is_known(one) && one.covers(*kind))
        };
        let covered = Self::ALL.into_iter().filter(is_covered);
        covered.fold(0, |mask, kind| mask | 1 << (kind as u8))
    }
}

/// So many changes from one class of characters to another are few, with the one that it begins with.
const FEW_RUNS: u32 = 3;
/// So many blanks around a value do not count.
const MOST_PASTED: usize = 3;

/// What is remembered of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// One bit for each [`class`] in it.
    pub(crate) classes: u64,
    /// The length in bytes.
    pub(crate) length: u32,
    /// How many characters are no letters, digits or blanks.
    pub(crate) signs: u32,
    /// A hash of the runs of characters of one class and how long they are: `2026-11-27` is four
    /// digits, a dash, two digits, a dash, two digits. Of a token only its length counts.
    pub(crate) pattern: u64,
    pairs: [u16; Self::PAIRS],
    pair_count: u8,
    /// What attacks are written with stands in it as visitors of the site write it elsewhere.
    pub(crate) is_usual: bool,
}

impl Shape {
    /// So many different pairs of neighbouring signs are looked at.
    pub(crate) const PAIRS: usize = 6;

    /// The pairs of neighbouring signs, such as `')`, by their classes.
    pub(crate) fn pairs(&self) -> &[u16] {
        self.pairs
            .get(..usize::from(self.pair_count))
            .unwrap_or_default()
    }

    /// The bucket of the length: two for each doubling.
    pub(crate) fn length_bucket(&self) -> u8 {
        bucket(u64::from(self.length))
    }

    /// The bucket of the number of signs.
    pub(crate) fn sign_bucket(&self) -> u8 {
        bucket(u64::from(self.signs))
    }

    pub(crate) fn of(value: &[u8]) -> Self {
        let value = pasted(value);
        let mut shape = Self {
            kind: Kind::Empty,
            classes: 0,
            length: value.len() as u32,
            signs: 0,
            pattern: 0,
            pairs: [0; Self::PAIRS],
            pair_count: 0,
            is_usual: false,
        };
        let mut before = class::LOWER;
        let mut run = 0u64;
        let mut runs = 1u32;
        for (place, byte) in value.iter().enumerate() {
            let now = class::TABLE.get(usize::from(*byte)).copied().unwrap_or(0);
            shape.classes |= 1 << now;
            if place > 0 && now == before {
                run += 1;
            } else {
                shape.pattern = hash(shape.pattern ^ run << 8 ^ u64::from(now));
                run = 1;
                runs += 1;
            }
            let is_sign = is_sign(now);
            shape.signs += u32::from(is_sign);
            if is_sign && is_sign_or_blank(before) {
                shape.pair(before, now);
            }
            before = now;
        }
        shape.pattern = hash(shape.pattern ^ run << 8);
        if shape.classes & (1 << class::FOREIGN) != 0 && std::str::from_utf8(value).is_err() {
            shape.classes |= 1 << class::INVALID;
        }
        shape.kind = kind(value, shape.classes, runs);
        if shape.kind == Kind::Token {
            shape.be_token(runs);
        }
        shape
    }

    /// How a number of so many digits is built.
    pub(crate) const fn number_pattern(digits: u64) -> u64 {
        hash(hash(0) ^ digits << 8)
    }

    /// How it is built if it is a token, which by chance may look like a name or a number.
    pub(crate) fn token_pattern(&self) -> Option<u64> {
        let is_like = matches!(
            self.kind,
            Kind::Token | Kind::Name | Kind::Number | Kind::Word
        );
        is_like.then(|| hash(u64::from(self.length)))
    }

    /// What stands where in a token is chance, unless it is as good as none: `12345678a` is a number and a letter.
    fn be_token(&mut self, runs: u32) {
        if runs > FEW_RUNS {
            self.pattern = hash(u64::from(self.length));
        }
        self.signs = 0;
        self.pair_count = 0;
    }

    fn pair(&mut self, before: u8, now: u8) {
        let pair = u16::from(before) << 8 | u16::from(now);
        if self.pairs().contains(&pair) {
            return;
        }
        if let Some(place) = self.pairs.get_mut(usize::from(self.pair_count)) {
            *place = pair;
            self.pair_count += 1;
        }
    }
}

const fn is_sign(class: u8) -> bool {
    !matches!(
        class,
        class::DIGIT | class::LOWER | class::UPPER | class::BLANK | class::LINE | class::FOREIGN
    )
}

const fn is_sign_or_blank(class: u8) -> bool {
    is_sign(class) || matches!(class, class::BLANK | class::LINE)
}

/// What is copied often has a blank, a tab or a line's end around it: that says nothing of the value.
fn pasted(value: &[u8]) -> &[u8] {
    let trimmed = value.trim_ascii();
    let is_little = value.len() - trimmed.len() <= MOST_PASTED;
    if is_little && !trimmed.is_empty() {
        trimmed
    } else {
        value
    }
}

/// Two buckets for each doubling; 63 for the longest.
pub(crate) fn bucket(number: u64) -> u8 {
    let Some(log) = number.checked_ilog2() else {
        return 0;
    };
    let half = u32::from(log > 0 && number >> (log - 1) & 1 == 1);
    (1 + 2 * log + half).min(63) as u8
}

/// The smallest number in a bucket.
pub(crate) const fn bucket_start(bucket: u8) -> u64 {
    match bucket {
        0 => 0,
        bucket => {
            let log = (bucket as u32 - 1) / 2;
            let start = 1 << log;
            if bucket.is_multiple_of(2) {
                start + start / 2
            } else {
                start
            }
        }
    }
}

/// The largest number in a bucket.
pub(crate) const fn bucket_end(bucket: u8) -> u64 {
    match bucket {
        0 => 0,
        // There is no number between one and two.
        1 | 2 => 1,
        bucket => bucket_start(bucket + 1) - 1,
    }
}

fn kind(value: &[u8], classes: u64, runs: u32) -> Kind {
    const fn mask(classes: &[u8]) -> u64 {
        let mut mask = 0;
        let mut place = 0;
        while place < classes.len() {
            mask |= 1 << classes[place];
            place += 1;
        }
        mask
    }
    const ASCII: u64 = mask(&[class::LOWER, class::UPPER]);
    // In whatever charset.
    const LETTERS: u64 = ASCII | mask(&[class::FOREIGN, class::INVALID]);
    const NUMERIC: u64 = mask(&[class::DIGIT, class::DASH, class::DOT]);
    const PLAIN: u64 = LETTERS | NUMERIC | mask(&[class::UNDERSCORE]);
    const MAIL: u64 = PLAIN | mask(&[class::AT, class::PLUS]);
    const BASE64: u64 = ASCII
        | mask(&[class::DIGIT, class::DASH, class::UNDERSCORE, class::PLUS])
        | mask(&[class::SLASH, class::EQUALS, class::TILDE]);
    let digits = classes & 1 << class::DIGIT != 0;
    if classes & !(1 << class::BLANK) == 0 {
        Kind::Empty
    } else if classes == 1 << class::DIGIT {
        Kind::Number
    } else if classes & !LETTERS == 0 {
        if value.len() >= 24 && classes == ASCII {
            Kind::Token
        } else {
            Kind::Word
        }
    } else if digits && classes & !NUMERIC == 0 {
        numeric(value)
    } else if classes & !BASE64 == 0 && is_random(value, classes, runs) {
        Kind::Token
    } else if classes & !PLAIN == 0 {
        if digits && is_token(value, classes) {
            Kind::Token
        } else {
            Kind::Name
        }
    } else if classes & !MAIL == 0 && value.iter().filter(|byte| matches!(byte, b'@')).count() == 1
    {
        Kind::Mail
    } else if value.starts_with(b"/")
        || value.starts_with(b"http://")
        || value.starts_with(b"https://")
    {
        Kind::Url
    } else {
        Kind::Text
    }
}

fn numeric(value: &[u8]) -> Kind {
    let rest = value.strip_prefix(b"-").unwrap_or(value);
    let points = rest.iter().filter(|byte| matches!(byte, b'.')).count();
    let dashes = rest.iter().filter(|byte| matches!(byte, b'-')).count();
    match (dashes, points) {
        (0, 0 | 1) => Kind::Decimal,
        (2, 0) if value.len() == 10 && value.get(4) == Some(&b'-') => Kind::Date,
        _ => Kind::Name,
    }
}

/// Whether letters, digits and signs follow one another as by chance.
fn is_random(value: &[u8], classes: u64, runs: u32) -> bool {
    let has = |class: u8| classes & 1 << class != 0;
    // Words and paths are so, too, if they are short.
    let (shortest, share) = if has(class::DIGIT) && !value.starts_with(b"/") {
        (16, 3)
    } else {
        (24, 4)
    };
    has(class::LOWER)
        && has(class::UPPER)
        && value.len() >= shortest
        && runs as usize * 10 >= value.len() * share
}

fn is_token(value: &[u8], classes: u64) -> bool {
    let hex = value
        .iter()
        .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    (hex && value.len() >= 8 && digits >= 2)
        || (value.len() >= 16 && digits >= 3 && classes & (1 << class::DOT) == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        for (value, kind) in [
            ("", Kind::Empty),
            ("123", Kind::Number),
            ("-5", Kind::Decimal),
            ("52.5200", Kind::Decimal),
            ("de", Kind::Word),
            ("blue-kettle", Kind::Name),
            ("2026-11-27", Kind::Date),
            ("1.2.3", Kind::Name),
            ("4f2a9c01", Kind::Token),
            ("123e4567-e89b-12d3-a456-426614174000", Kind::Token),
            ("q1Zx0Ab+/9TrmM2sVw==", Kind::Token),
            ("garden-chair-2-pieces", Kind::Name),
            ("anna@example.org", Kind::Mail),
            ("/account", Kind::Url),
            ("https://example.org/?a=1", Kind::Url),
            ("blue kettle", Kind::Text),
            ("1' or 1=1", Kind::Text),
            ("caf\u{e9}", Kind::Word),
            ("  ", Kind::Empty),
        ] {
            assert_eq!(Shape::of(value.as_bytes()).kind, kind, "{value}");
        }
    }

    #[test]
    fn numbers_are_built_of_digits() {
        for number in ["7", "2026", "12345678901234567890"] {
            let shape = Shape::of(number.as_bytes());
            assert_eq!(shape.pattern, Shape::number_pattern(number.len() as u64));
        }
    }

    #[test]
    fn signs_and_their_neighbours_are_seen() {
        let shape = Shape::of(b"a') or ('b'='b");
        assert_eq!(shape.signs, 7);
        assert!(shape.classes & class::DANGEROUS != 0);
        let pair = |a: u8, b: u8| u16::from(a) << 8 | u16::from(b);
        assert!(
            shape
                .pairs()
                .contains(&pair(class::APOSTROPHE, class::ROUND))
        );
        assert!(Shape::of(b"O'Brien, Anna").pairs().is_empty());
    }

    #[test]
    fn buckets_grow_and_start_where_they_say() {
        for number in 0..100_000u64 {
            let bucket = bucket(number);
            assert!(bucket_start(bucket) <= number, "{number}");
            assert!(
                number < bucket_start(bucket + 1) || bucket == 1 || bucket == 2,
                "{number} {bucket}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_shape(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            let shape = Shape::of(&value);
            prop_assert_eq!(shape.length as usize, pasted(&value).len());
            prop_assert!(shape.pairs().len() <= Shape::PAIRS);
            prop_assert_eq!(shape.kind == Kind::Empty, value.iter().all(|byte| *byte == b' '));
        }
    }
}
