//! Words that are text in base64 or hexadecimal.
//!
//! What: each word of a value that decodes to text is decoded (RFC 4648: base64 with either
//! alphabet, padded or not, and hexadecimal), also the UTF-16 that PowerShell takes.
//! Input: decoded text.
//! A word that is no text may have a folder, a name or a number before what is, parted from it by
//! `/`, `-`, `_` or `+`, which are of the alphabets as well.
//! Output: the decoded words, each in a line of its own.
//! Example: `d=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==` gives `<script>alert(1)</script>`.
//! Limits: words of [`MIN_WORD`] to [`MAX_WORD`] bytes, [`MAX_WORDS`] of them; what does not decode
//! to printable text is no text, which spares ordinary identifiers.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use vigil_event::Decodings;

use super::percent::hex;

/// Shorter words are too often something else, in bytes.
const MIN_WORD: usize = 12;
/// Shorter numbers could be digits of digits by chance, in bytes.
const MIN_TWICE: usize = 24;
/// Of a longer word only so many bytes are looked at.
const MAX_WORD: usize = 8 << 10;
/// More words of a value are left as they are.
const MAX_WORDS: usize = 32;
/// What is decoded first, to see whether it is worth going on.
const TASTE: usize = 12;
/// At so many places within a word that is no text something may begin that is.
const MAX_PLACES: usize = 6;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes words in buffers that are kept from value to value.
#[derive(Debug, Default)]
pub(crate) struct Peeler {
    word: Vec<u8>,
    decoded: Vec<u8>,
}

impl Peeler {
    /// Writes what the text's words stand for into `to`, and says what they were written in; none
    /// where no word stands for text. In a path `/` parts words.
    pub(crate) fn peel(
        &mut self,
        text: &[u8],
        is_path: bool,
        to: &mut Vec<u8>,
    ) -> Option<Decodings> {
        to.clear();
        let mut found = Decodings::NONE;
        let is_part = |byte: &u8| is_digit(*byte) && !(is_path && *byte == b'/');
        let words = text
            .split(|byte| !is_part(byte))
            .filter(|word| word.len() >= MIN_WORD)
            .take(MAX_WORDS);
        for word in words {
            let word = word.get(..MAX_WORD).unwrap_or(word);
            let Some(how) = self.word(word).or_else(|| self.end_of(word)) else {
                continue;
            };
            if !to.is_empty() {
                to.push(b'\n');
            }
            to.extend_from_slice(&self.decoded);
            found = found.with(how);
        }
        (!found.is_raw()).then_some(found)
    }

    /// Decodes one word.
    fn word(&mut self, word: &[u8]) -> Option<Decodings> {
        if self.hexadecimal(word) {
            return Some(Decodings::HEX);
        }
        let (first, rest) = word.split_at_checked(TASTE)?;
        if word.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.base64(first)?;
        if !rest.is_empty() {
            self.base64(word)?;
        }
        Some(Decodings::BASE64)
    }

    /// Decodes what stands behind a sign within a word, as far as the next such sign or to the end.
    fn end_of(&mut self, word: &[u8]) -> Option<Decodings> {
        let is_sign = |byte: &u8| matches!(byte, b'/' | b'-' | b'_' | b'+');
        let mut rest = word;
        for _ in 0..MAX_PLACES {
            let place = rest.iter().position(is_sign)?;
            rest = rest
                .get(place + 1..)
                .filter(|rest| rest.len() >= MIN_WORD)?;
            if let Some(how) = self.word(rest) {
                return Some(how);
            }
            let part = rest.split(is_sign).next().unwrap_or_default();
            if (MIN_WORD..rest.len()).contains(&part.len())
                && let Some(how) = self.word(part)
            {
                return Some(how);
            }
        }
        None
    }

    /// Decodes base64, if that gives text.
    fn base64(&mut self, word: &[u8]) -> Option<()> {
        self.word.clear();
        self.word.extend(word.iter().map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        }));
        // A rest of one character stands for nothing.
        if self.word.len() % 4 == 1 {
            self.word.pop();
        }
        self.decoded.clear();
        ENGINE.decode_vec(&self.word, &mut self.decoded).ok()?;
        self.narrow();
        is_text(&self.decoded).then_some(())
    }

    /// UTF-16 of ASCII characters becomes these.
    fn narrow(&mut self) {
        let is_wide = self.decoded.len() > 3
            && self
                .decoded
                .chunks(2)
                .all(|pair| pair.get(1).is_none_or(|high| *high == 0));
        if is_wide {
            let mut place = 0;
            self.decoded.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
    }

    fn hexadecimal(&mut self, word: &[u8]) -> bool {
        let marked = word
            .strip_prefix(b"0x")
            .or_else(|| word.strip_prefix(b"0X"));
        let digits = marked.unwrap_or(word);
        if !digits.len().is_multiple_of(2)
            || digits.first().is_none_or(|first| hex(*first).is_none())
        {
            return false;
        }
        // A number of many digits is a number, unless it is the digits of digits.
        if marked.is_none() && digits.iter().all(u8::is_ascii_digit) {
            return self.digits_of_digits(digits);
        }
        self.decoded.clear();
        for pair in digits.chunks_exact(2) {
            let &[high, low] = pair else { return false };
            match (hex(high), hex(low)) {
                (Some(high), Some(low)) if is_text(&[(high << 4) | low]) => {
                    self.decoded.push((high << 4) | low);
                }
                _ => return false,
            }
        }
        !self.decoded.iter().all(u8::is_ascii_digit)
    }

    /// Decodes hexadecimal of hexadecimal, in which every pair stands for a digit of that: no
    /// number of [`MIN_TWICE`] digits looks so by chance.
    fn digits_of_digits(&mut self, digits: &[u8]) -> bool {
        self.decoded.clear();
        for pair in digits.chunks_exact(2) {
            let &[high @ (b'3' | b'4' | b'6'), low] = pair else {
                return false;
            };
            let byte = ((high - b'0') << 4) | (low - b'0');
            if hex(byte).is_none() {
                return false;
            }
            self.decoded.push(byte);
        }
        digits.len() >= MIN_TWICE && !self.decoded.iter().all(u8::is_ascii_digit)
    }
}

/// Whether the byte is of either alphabet of base64.
const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Whether it is what people and programs write: printable ASCII and line breaks.
fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peeled(text: &str, is_path: bool) -> Option<(String, Decodings)> {
        let mut to = Vec::new();
        Peeler::default()
            .peel(text.as_bytes(), is_path, &mut to)
            .map(|how| (String::from_utf8_lossy(&to).into_owned(), how))
    }

    #[test]
    fn words_that_are_text_are_decoded() {
        let (base64, hex) = (Decodings::BASE64, Decodings::HEX);
        for (text, is_path, expected, how) in [
            (
                "d=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
                false,
                "<script>alert(1)</script>",
                base64,
            ),
            ("a=1&b=Jz0nIE9SIDE9MQ&c=2", false, "'=' OR 1=1", base64),
            ("/x/Y2F0IC9ldGMvcGFzc3dk/y", true, "cat /etc/passwd", base64),
            ("q=2f6574632f706173737764", false, "/etc/passwd", hex),
            ("q=0x2f6574632f706173737764", false, "/etc/passwd", hex),
            ("e=dwBoAG8AYQBtAGkA", false, "whoami", base64),
            ("f=326636353734363332663638", false, "2f6574632f68", hex),
            ("f=2F6574632F68", false, "/etc/h", hex),
            (
                "p=/x/Y2F0IC9ldGMvcGFzc3dk",
                false,
                "cat /etc/passwd",
                base64,
            ),
            (
                "p=/x/Y2F0IC9ldGMvcGFzc3dk/y",
                false,
                "cat /etc/passwd",
                base64,
            ),
            (
                "p=item-17_Y2F0IC9ldGMvcGFzc3dk",
                false,
                "cat /etc/passwd",
                base64,
            ),
            ("p=/a/b/2f6574632f706173737764", false, "/etc/passwd", hex),
            (
                "u=data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg",
                false,
                "<script>alert(1)</script>",
                base64,
            ),
            (
                "Y2F0IC9ldGMvcGFzc3dk,2f6574632f706173737764",
                false,
                "cat /etc/passwd\n/etc/passwd",
                base64.with(hex),
            ),
        ] {
            assert_eq!(
                peeled(text, is_path),
                Some((expected.to_owned(), how)),
                "{text}"
            );
        }
    }

    #[test]
    fn ordinary_words_are_not() {
        for text in [
            "",
            "id=550e8400-e29b-41d4-a716-446655440000",
            "v=9f86d081884c7d659a2feaa0c55ad015",
            "t=1795176598000",
            "n=333435363738393033343536",
            "n=363534333231333635343332313336353433",
            "utm_campaign=black-friday-sale-2026",
            "internationalization",
            "id=2226226735734653",
            "u=/news/international/article-internationalization-of-everything",
            "v=a/9f86d081884c7d659a2feaa0c55ad015/b",
            "gclid=EAIaIQobChMI2pXk5-Ho_wIVyYfVCh0xSgQ3EAAYASAAEgJ",
        ] {
            assert_eq!(peeled(text, false), None, "{text}");
        }
    }
}
