//! Classes of characters, by which values are told apart.
//!
//! Owns: which byte is of which class, which of them attacks are written with, and what they are called.

pub(crate) const DIGIT: u8 = 0;
pub(crate) const LOWER: u8 = 1;
pub(crate) const UPPER: u8 = 2;
pub(crate) const BLANK: u8 = 3;
pub(crate) const DASH: u8 = 4;
pub(crate) const UNDERSCORE: u8 = 5;
pub(crate) const DOT: u8 = 6;
pub(crate) const COMMA: u8 = 7;
pub(crate) const SLASH: u8 = 8;
pub(crate) const COLON: u8 = 9;
pub(crate) const AT: u8 = 10;
pub(crate) const PLUS: u8 = 11;
pub(crate) const EQUALS: u8 = 12;
pub(crate) const AMPERSAND: u8 = 13;
pub(crate) const PERCENT: u8 = 14;
pub(crate) const HASH: u8 = 15;
pub(crate) const EXCLAMATION: u8 = 16;
pub(crate) const QUESTION: u8 = 17;
pub(crate) const STAR: u8 = 18;
pub(crate) const TILDE: u8 = 19;
pub(crate) const APOSTROPHE: u8 = 20;
pub(crate) const QUOTE: u8 = 21;
pub(crate) const ANGLE: u8 = 22;
pub(crate) const ROUND: u8 = 23;
pub(crate) const SQUARE: u8 = 24;
pub(crate) const CURLY: u8 = 25;
pub(crate) const SEMICOLON: u8 = 26;
pub(crate) const PIPE: u8 = 27;
pub(crate) const DOLLAR: u8 = 28;
pub(crate) const CONTROL: u8 = 29;
pub(crate) const FOREIGN: u8 = 30;
pub(crate) const INVALID: u8 = 31;
/// What a text of several lines has, beside blanks.
pub(crate) const LINE: u8 = 32;
/// How many there are.
pub(crate) const COUNT: u8 = 33;

/// What attacks are written with, and ordinary values mostly without.
pub(crate) const DANGEROUS: u64 = 1 << APOSTROPHE
    | 1 << QUOTE
    | 1 << ANGLE
    | 1 << ROUND
    | 1 << CURLY
    | 1 << SEMICOLON
    | 1 << PIPE
    | 1 << DOLLAR
    | 1 << CONTROL
    | 1 << LINE
    | 1 << INVALID;

const NAMES: [&str; COUNT as usize] = [
    "digits",
    "lower-case letters",
    "capital letters",
    "blanks",
    "`-`",
    "`_`",
    "`.`",
    "`,`",
    "`/`",
    "`:`",
    "`@`",
    "`+`",
    "`=`",
    "`&`",
    "`%`",
    "`#`",
    "`!`",
    "`?`",
    "`*`",
    "`~` or `^`",
    "apostrophes",
    "quotation marks",
    "`<` or `>`",
    "round brackets",
    "square brackets",
    "curly brackets",
    "`;`",
    "`|`",
    "`$`, backticks or backslashes",
    "control characters",
    "letters beyond ASCII",
    "bytes that are no UTF-8",
    "line breaks",
];

pub(crate) fn name(class: u8) -> &'static str {
    NAMES.get(usize::from(class)).copied().unwrap_or("other")
}

const fn of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => DIGIT,
        b'a'..=b'z' => LOWER,
        b'A'..=b'Z' => UPPER,
        b' ' => BLANK,
        b'-' => DASH,
        b'_' => UNDERSCORE,
        b'.' => DOT,
        b',' => COMMA,
        b'/' => SLASH,
        b':' => COLON,
        b'@' => AT,
        b'+' => PLUS,
        b'=' => EQUALS,
        b'&' => AMPERSAND,
        b'%' => PERCENT,
        b'#' => HASH,
        b'!' => EXCLAMATION,
        b'?' => QUESTION,
        b'*' => STAR,
        b'~' | b'^' => TILDE,
        b'\'' => APOSTROPHE,
        b'"' => QUOTE,
        b'<' | b'>' => ANGLE,
        b'(' | b')' => ROUND,
        b'[' | b']' => SQUARE,
        b'{' | b'}' => CURLY,
        b';' => SEMICOLON,
        b'|' => PIPE,
        b'$' | b'`' | b'\\' => DOLLAR,
        0x80.. => FOREIGN,
        b'\n' | b'\r' | b'\t' => LINE,
        _ => CONTROL,
    }
}

pub(super) const TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = of(byte as u8);
        byte += 1;
    }
    table
};
