//! What is known of a request beyond what a log keeps: every header, and what stands in the body.
//!
//! A log line says what it says; what it leaves out is unknown. Of a whole request it is known that
//! what is not here was not sent.

use std::fmt;

/// How a body was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// There is none.
    #[default]
    None,
    /// `application/x-www-form-urlencoded`
    Form,
    /// JSON, flattened to names and values.
    Json,
    /// `multipart/form-data`
    Multipart,
    /// XML: its texts and attributes.
    Xml,
    /// Anything else: only its bytes are looked at.
    Other,
}

impl BodyKind {
    /// The name that OWASP CRS knows the reader by; empty where there is none.
    pub const fn processor(self) -> &'static str {
        match self {
            Self::None | Self::Other => "",
            Self::Form => "URLENCODED",
            Self::Json => "JSON",
            Self::Multipart => "MULTIPART",
            Self::Xml => "XML",
        }
    }
}

/// A name and a value, as text of whatever bytes were sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

impl Pair {
    /// A pair of copies.
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            value: value.to_vec(),
        }
    }
}

/// Values may be secrets: only the names are shown.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} bytes",
            self.name.escape_ascii(),
            self.value.len()
        )
    }
}

/// Parts of names under which secrets are sent.
const SECRET: [&[u8]; 14] = [
    b"auth",
    b"passw",
    b"passwd",
    b"pwd",
    b"secret",
    b"token",
    b"apikey",
    b"api-key",
    b"api_key",
    b"session",
    b"sessid",
    b"credential",
    b"csrf",
    b"jwt",
];
/// Whole names under which secrets are sent.
const SECRETS: [&[u8]; 8] = [
    b"pass", b"pin", b"cvv", b"cvc", b"sid", b"otp", b"iban", b"ssn",
];

/// Whether what goes by this name, of a header, a cookie or a parameter, is not to be kept.
pub fn is_secret(name: &[u8]) -> bool {
    let has_part_at = |at: usize| {
        SECRET.iter().any(|part| {
            let own = name.get(at..at + part.len());
            own.is_some_and(|own| own.eq_ignore_ascii_case(part))
        })
    };
    let seconds = name.iter().skip(1).map(u8::to_ascii_lowercase);
    let mut pairs = name.iter().map(u8::to_ascii_lowercase).zip(seconds);
    let has_part = (0..)
        .zip(&mut pairs)
        .any(|(at, (first, second))| behind(first) & letter(second) != 0 && has_part_at(at));
    // Names within objects come after those of the objects.
    let last = name
        .rsplit(|byte| matches!(byte, b'.' | b'[' | b']'))
        .find(|part| !part.is_empty());
    let is_whole = |last: &[u8]| SECRETS.iter().any(|own| own.eq_ignore_ascii_case(last));
    has_part || last.is_some_and(is_whole)
}

/// The letters that come behind one at the start of a part of [`SECRET`], a bit each: few names have two
/// such letters.
const fn behind(first: u8) -> u32 {
    match first {
        b'a' => letter(b'u') | letter(b'p'),
        b'c' => letter(b'r') | letter(b's'),
        b'j' => letter(b'w'),
        b'p' => letter(b'a') | letter(b'w'),
        b's' => letter(b'e'),
        b't' => letter(b'o'),
        _ => 0,
    }
}

/// The bit of a small letter.
const fn letter(byte: u8) -> u32 {
    if byte.is_ascii_lowercase() {
        1 << (byte - b'a')
    } else {
        0
    }
}

/// A file in a multipart body, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The field's name.
    pub field: Vec<u8>,
    /// The file's name as the client gave it.
    pub file_name: Vec<u8>,
    /// How many bytes of content came.
    pub bytes: usize,
}

/// A request of which everything is known but what was cut off its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// Every header in the order it came.
    pub headers: Vec<Pair>,
    /// The body, inflated where it was sent compressed.
    pub body: Vec<u8>,
    /// How it was read.
    pub kind: BodyKind,
    /// What was read out of it: fields of forms, of multipart bodies and of JSON.
    pub parameters: Vec<Pair>,
    /// Files that were sent along.
    pub uploads: Vec<Upload>,
    /// The headers of multipart bodies' parts: the part's name, and the header's line.
    pub part_headers: Vec<Pair>,
    /// The texts of an XML body, one after the other.
    pub xml_text: Vec<u8>,
    /// The values of its attributes.
    pub xml_attributes: Vec<Vec<u8>>,
    /// From where on the body was not read, for it is malformed or says more than is read; its length
    /// where all of it was.
    pub unread_from: usize,
    /// Why the body could not be read as what it says it is.
    pub malformed: Option<&'static str>,
}

impl Whole {
    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|header| header.value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_by_their_names() {
        for name in [
            "Authorization",
            "user[password]",
            "json.user.pin",
            "PHPSESSID",
            "x-csrf-token",
            "sid",
        ] {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
        for name in ["user", "spin", "inside", "page", "accept"] {
            assert!(!is_secret(name.as_bytes()), "{name}");
        }
        for part in SECRET {
            let name = [b"X-", part, b"-1"].concat().to_ascii_uppercase();
            assert!(is_secret(&name), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn headers_are_found_and_values_are_not_shown() {
        let whole = Whole {
            headers: vec![Pair::new(b"Authorization", b"Bearer secret")],
            ..Whole::default()
        };
        assert_eq!(whole.header("authorization"), Some(&b"Bearer secret"[..]));
        assert_eq!(whole.header("host"), None);
        assert!(!format!("{:?}", whole.headers).contains("secret"));
    }
}
