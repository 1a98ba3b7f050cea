//! What a value becomes before it is looked for: encodings, dashes, placeholders.
//!
//! *Input*: a text with its wildcards, and the transforms in the order they are written. *Output*:
//! the texts of which one must be found. *Example*: `whoami` by `wide|base64offset` gives three.
//! *Limits*: base64 of a wildcard is nothing; a value becomes at most [`MAX_TEXTS`] texts.

use std::collections::BTreeMap;

use crate::matcher::modifier::Transform;
use crate::matcher::wildcard::{self, Part};

/// What `%name%` stands for in values with `|expand`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// A value that becomes more texts is refused.
pub(crate) const MAX_TEXTS: usize = 3_125;

/// A text with its wildcards.
type Text = Vec<Part>;

/// Why a value cannot be transformed, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The value does not suit the modifier.
    Value(&'static str),
    /// Nothing is configured for the placeholder.
    UnknownPlaceholder(String),
}

/// Applies the transforms, one after the other.
pub(crate) fn apply(
    text: Text,
    transforms: &[Transform],
    placeholders: &Placeholders,
) -> Result<Vec<Text>, Refusal> {
    let mut texts = vec![text];
    for transform in transforms {
        let mut next = Vec::new();
        for text in &texts {
            next.extend(one(text, *transform, placeholders)?);
            if next.len() > MAX_TEXTS {
                return Err(Refusal::Value(
                    "it stands for too many texts: split it, or take some away",
                ));
            }
        }
        texts = next;
    }
    Ok(texts)
}

fn one(
    text: &[Part],
    transform: Transform,
    placeholders: &Placeholders,
) -> Result<Vec<Text>, Refusal> {
    Ok(match transform {
        Transform::Expand => expand(text, placeholders)?,
        Transform::WindowsDash => dashes(text)?,
        Transform::Utf16LittleEndian => vec![utf16(text, u16::to_le_bytes)?],
        Transform::Utf16BigEndian => vec![utf16(text, u16::to_be_bytes)?],
        Transform::Utf16Marked => {
            let encoded = utf16(text, u16::to_le_bytes)?;
            vec![joined([vec![Part::Text(vec![0xff, 0xfe])], encoded])]
        }
        Transform::Base64 => vec![vec![Part::Text(base64(&plain(text)?))]],
        Transform::Base64Offset => base64_offsets(&plain(text)?),
    })
}

/// Texts behind one another, with neighbours made one.
fn joined<const N: usize>(texts: [Text; N]) -> Text {
    let mut whole = Text::new();
    for part in texts.into_iter().flatten() {
        match (whole.last_mut(), part) {
            (Some(Part::Text(last)), Part::Text(next)) => last.extend(next),
            // A piece of nothing would hide that a wildcard stands first or last.
            (_, Part::Text(next)) if next.is_empty() => {}
            (_, part) => whole.push(part),
        }
    }
    whole
}

/// The bytes of a text without wildcards.
fn plain(text: &[Part]) -> Result<Vec<u8>, Refusal> {
    match text {
        [] => Ok(Vec::new()),
        [Part::Text(bytes)] => Ok(bytes.clone()),
        _ => Err(Refusal::Value(
            "what is encoded cannot have wildcards: take them away",
        )),
    }
}

fn utf16(text: &[Part], bytes_of: fn(u16) -> [u8; 2]) -> Result<Text, Refusal> {
    let encode = |part: &Part| match part {
        Part::Text(bytes) => std::str::from_utf8(bytes)
            .map(|text| Part::Text(text.encode_utf16().flat_map(bytes_of).collect()))
            .map_err(|_| Refusal::Value("it is encoded already: put the UTF-16 modifier first")),
        other => Ok(other.clone()),
    };
    text.iter().map(encode).collect()
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 0x3f) as usize;
            let digit = DIGITS.get(value).filter(|_| digit <= chunk.len());
            encoded.push(digit.copied().unwrap_or(b'='));
        }
    }
    encoded
}

/// What is certain of the encoding wherever the bytes stand: without the digits that also depend on
/// the bytes before and behind them.
fn base64_offsets(bytes: &[u8]) -> Vec<Text> {
    let offset = |before: usize| {
        let padded = [&vec![0; before], bytes].concat();
        let start = (before * 4).div_ceil(3);
        let end = padded.len() * 8 / 6;
        let encoded = base64(&padded);
        let certain = encoded.get(start..end).filter(|text| !text.is_empty())?;
        Some(vec![Part::Text(certain.to_vec())])
    };
    (0..3).filter_map(offset).collect()
}

/// What a text becomes of which each piece between wildcards becomes several: `piece` puts what it becomes
/// behind all the texts so far.
fn each_piece(
    text: &[Part],
    piece: impl Fn(Vec<Text>, &[u8]) -> Result<Vec<Text>, Refusal>,
) -> Result<Vec<Text>, Refusal> {
    let mut texts = vec![Text::new()];
    for part in text {
        match part {
            Part::Text(bytes) => texts = piece(texts, bytes)?,
            wildcard => texts
                .iter_mut()
                .for_each(|text| text.push(wildcard.clone())),
        }
    }
    Ok(texts)
}

/// The signs that start an option on Windows: `-`, `/`, and three longer dashes.
const DASHES: [&str; 5] = ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"];

/// Every way to write the options of a command: `-` or `/` before a word, not behind one.
fn dashes(text: &[Part]) -> Result<Vec<Text>, Refusal> {
    let is_word = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
    };
    each_piece(text, |mut texts, bytes| {
        let mut start = 0;
        for (place, byte) in bytes.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|place| bytes.get(place));
            let starts_option = matches!(byte, b'-' | b'/')
                && !is_word(before)
                && is_word(bytes.get(place + 1))
                && texts.len() <= MAX_TEXTS;
            if starts_option {
                let between = bytes.get(start..place).unwrap_or_default();
                texts = texts
                    .iter()
                    .flat_map(|text| DASHES.map(|dash| with(text, &[between, dash.as_bytes()])))
                    .collect();
                start = place + 1;
            }
        }
        let rest = bytes.get(start..).unwrap_or_default();
        Ok(texts.iter().map(|text| with(text, &[rest])).collect())
    })
}

fn with(text: &Text, more: &[&[u8]]) -> Text {
    joined([text.clone(), vec![Part::Text(more.concat())]])
}

/// Every text that the placeholders can stand for.
fn expand(text: &[Part], placeholders: &Placeholders) -> Result<Vec<Text>, Refusal> {
    each_piece(text, |mut texts, bytes| {
        let mut rest = bytes;
        while let Some((before, name, after)) = placeholder(rest) {
            let values = placeholders
                .get(name)
                .ok_or_else(|| Refusal::UnknownPlaceholder(name.to_owned()))?;
            let product = texts.len().saturating_mul(values.len());
            if product > MAX_TEXTS {
                return Err(Refusal::Value(
                    "its placeholders stand for too many texts: use fewer of them",
                ));
            }
            texts = texts
                .iter()
                .flat_map(|text| {
                    let before = with(text, &[&unescaped(before)]);
                    let value = |value: &String| joined([before.clone(), wildcard::read(value)]);
                    values.iter().map(value).collect::<Vec<_>>()
                })
                .collect();
            rest = after;
        }
        let rest = unescaped(rest);
        Ok(texts.iter().map(|text| with(text, &[&rest])).collect())
    })
}

/// A text in which `\%` is the sign itself.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    for byte in text {
        if *byte == b'%' && plain.last() == Some(&b'\\') {
            plain.pop();
        }
        plain.push(*byte);
    }
    plain
}

/// The first `%name%`: what stands before it, its name, and what stands behind it. Behind `\` stands
/// the sign itself.
pub(crate) fn placeholder(text: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.iter().position(|byte| *byte == b'%')?;
        if text.get(..start)?.last() == Some(&b'\\') {
            from = start + 1;
            continue;
        }
        let behind = text.get(start + 1..)?;
        let length = behind.iter().position(|byte| {
            !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        })?;
        let (name, after) = behind.split_at_checked(length)?;
        if length > 0 && after.first() == Some(&b'%') {
            return Some((
                text.get(..start)?,
                std::str::from_utf8(name).ok()?,
                after.get(1..)?,
            ));
        }
        from = start + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(texts: &[Text]) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Text(bytes) => bytes.escape_ascii().to_string(),
            Part::Many => "*".to_owned(),
            Part::One => "?".to_owned(),
        };
        texts
            .iter()
            .map(|text| text.iter().map(part).collect())
            .collect()
    }

    fn transformed(text: &str, transforms: &[Transform]) -> Result<Vec<String>, Refusal> {
        let placeholders = Placeholders::from([
            (
                "admins".to_owned(),
                vec!["eve".to_owned(), "mallory".to_owned()],
            ),
            ("one".to_owned(), vec!["1".to_owned()]),
        ]);
        let parts = wildcard::read(text);
        apply(parts, transforms, &placeholders).map(|texts| shown(&texts))
    }

    #[test]
    fn values_are_encoded_in_order() {
        use Transform::{Base64, Base64Offset, Utf16BigEndian, Utf16LittleEndian, Utf16Marked};
        for (text, transforms, expected) in [
            ("foobar", &[Base64][..], &["Zm9vYmFy"][..]),
            ("fooba", &[Base64], &["Zm9vYmE="]),
            ("foob", &[Base64], &["Zm9vYg=="]),
            ("", &[Base64], &[""]),
            // The example of the specification's appendix.
            (
                "http://",
                &[Base64Offset],
                &["aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"],
            ),
            ("a*\u{e9}", &[Utf16LittleEndian], &[r"a\x00*\xe9\x00"]),
            ("a", &[Utf16BigEndian], &[r"\x00a"]),
            ("a", &[Utf16Marked], &[r"\xff\xfea\x00"]),
            ("ping", &[Utf16LittleEndian, Base64], &["cABpAG4AZwA="]),
        ] {
            assert_eq!(transformed(text, transforms).unwrap(), expected, "{text}");
        }
        assert!(transformed("a*", &[Base64]).is_err());
        assert!(transformed("\u{e9}", &[Utf16Marked, Utf16BigEndian]).is_err());
    }

    #[test]
    fn options_are_written_with_every_dash() {
        let dash = |text: &str| transformed(text, &[Transform::WindowsDash]).unwrap();
        assert_eq!(dash("a-b"), ["a-b"]);
        assert_eq!(dash("net use"), ["net use"]);
        let one = dash(" -s ");
        assert_eq!(one.len(), 5);
        assert!(one.contains(&" /s ".to_owned()) && one.contains(&r" \xe2\x80\x95s ".to_owned()));
        assert_eq!(dash("/a *-b").len(), 25);
        assert!(transformed("-a -b -c -d -e -f", &[Transform::WindowsDash]).is_err());
    }

    #[test]
    fn placeholders_become_what_is_configured() {
        let expand = |text: &str| transformed(text, &[Transform::Expand]);
        assert_eq!(expand("x%admins%*%one%").unwrap(), ["xeve*1", "xmallory*1"]);
        assert_eq!(expand("100%25 %").unwrap(), ["100%25 %"]);
        // What has no text before or behind a wildcard has no piece there, either.
        let open = Placeholders::from([("open".to_owned(), vec!["a*".to_owned()])]);
        let texts = apply(wildcard::read("%open%"), &[Transform::Expand], &open).unwrap();
        assert_eq!(texts, [[Part::Text(b"a".to_vec()), Part::Many]]);
        assert_eq!(
            expand("%nobody%"),
            Err(Refusal::UnknownPlaceholder("nobody".to_owned()))
        );
    }
}
