//! A made request and how a server logs it.

use std::fmt::Write as _;
use std::io::Write as _;

use fastrand::Rng;
use vigil_event::Timestamp;

use super::site::Site;

/// A request that somebody makes.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Names and values as the client means them.
    pub(super) query: Vec<(String, String)>,
    /// They are in Latin-1 whatever the site's other pages are in.
    pub(super) is_latin1: bool,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) referrer: String,
}

impl Request {
    pub(super) fn get(path: impl Into<String>, bytes: u64) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            query: Vec::new(),
            is_latin1: false,
            status: 200,
            bytes,
            referrer: String::new(),
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and texts alike stand at dozens of calls"
    )]
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    pub(super) fn maybe(
        self,
        random: &mut Rng,
        percent: u32,
        name: &str,
        value: impl ToString,
    ) -> Self {
        if random.u32(..100) < percent {
            self.with(name, value)
        } else {
            self
        }
    }

    /// Of a parameter that not all requests have, with a value of its own chance.
    pub(super) fn some(
        self,
        random: &mut Rng,
        percent: u32,
        name: &str,
        value: impl FnOnce(&mut Rng) -> String,
    ) -> Self {
        if random.u32(..100) < percent {
            let value = value(random);
            self.with(name, value)
        } else {
            self
        }
    }

    /// One of its values, with the name.
    pub(super) fn any(&mut self, random: &mut Rng) -> Option<&mut (String, String)> {
        let place = random.usize(..self.query.len().max(1));
        self.query.get_mut(place)
    }

    pub(super) const fn in_latin1(mut self) -> Self {
        self.is_latin1 = true;
        self
    }

    pub(super) const fn by(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(super) const fn answered(mut self, status: u16, bytes: u64) -> Self {
        self.status = status;
        self.bytes = bytes;
        self
    }

    /// Appends the line, in the format `vhost_combined`.
    pub(super) fn write(&self, line: &mut Vec<u8>, site: &dyn Site, from: &Client, at: Timestamp) {
        let query: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| {
                let [name, value] = [(name, false), (value, true)].map(|(text, is_value)| {
                    if self.is_latin1 || site.is_latin1() {
                        encoded(latin1(text).into_iter(), is_value)
                    } else {
                        encoded(text.bytes(), is_value)
                    }
                });
                format!("{name}={value}")
            })
            .collect();
        let sign = if query.is_empty() { "" } else { "?" };
        let referrer = if self.referrer.is_empty() {
            "-"
        } else {
            &self.referrer
        };
        // Writing to memory cannot fail.
        _ = writeln!(
            line,
            "{}:443 {} - - [{}] \"{} {}{sign}{} HTTP/1.1\" {} {} \"{referrer}\" \"{}\"",
            site.host(),
            from.address,
            vigil::demo::clf_time(at),
            self.method,
            encoded_path(&self.path),
            query.join("&"),
            self.status,
            self.bytes,
            from.agent
        );
    }
}

/// Who makes it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) address: String,
    pub(super) agent: &'static str,
}

/// As browsers do it: what they call Latin-1 is Windows-1252, and what is not in it becomes a reference.
fn latin1(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for one in text.chars() {
        match (one, u8::try_from(one)) {
            (_, Ok(byte)) => bytes.push(byte),
            ('€', _) => bytes.push(0x80),
            ('…', _) => bytes.push(0x85),
            ('’', _) => bytes.push(0x92),
            ('“', _) => bytes.push(0x93),
            ('”', _) => bytes.push(0x94),
            ('–', _) => bytes.push(0x96),
            // Writing to memory cannot fail.
            _ => _ = write!(bytes, "&#{};", u32::from(one)),
        }
    }
    bytes
}

fn encoded(text: impl Iterator<Item = u8>, is_value: bool) -> String {
    let mut made = String::new();
    for byte in text {
        match byte {
            b' ' => made.push('+'),
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                made.push(char::from(byte));
            }
            b'[' | b']' if !is_value => made.push(char::from(byte)),
            b',' | b':' | b'/' | b'(' | b')' | b'@' | b'*' if is_value => {
                made.push(char::from(byte));
            }
            byte => _ = write!(made, "%{byte:02X}"),
        }
    }
    made
}

fn encoded_path(text: &str) -> String {
    let mut made = String::new();
    for byte in text.bytes() {
        match byte {
            b' '
            | b'"'
            | b'<'
            | b'>'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'|'
            | b'}'
            | b'#'
            | b'?'
            | b'%'
            | 0..=31
            | 127.. => _ = write!(made, "%{byte:02X}"),
            byte => made.push(char::from(byte)),
        }
    }
    made
}

pub(super) fn pick<'a>(random: &mut Rng, from: &[&'a str]) -> &'a str {
    from.get(random.usize(..from.len()))
        .copied()
        .unwrap_or_default()
}

/// The first are picked most.
pub(super) fn often(random: &mut Rng, of: usize) -> usize {
    random
        .usize(..of)
        .min(random.usize(..of))
        .min(random.usize(..of))
}

pub(super) fn token(random: &mut Rng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(b"0123456789abcdef"[random.usize(..16)]))
        .collect()
}

pub(super) fn uuid(random: &mut Rng) -> String {
    [8, 4, 4, 4, 12]
        .map(|length| token(random, length))
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::super::insurer::Insurer;
    use super::*;

    #[test]
    fn what_is_not_in_latin1_is_sent_as_a_browser_sends_it() {
        let from = Client {
            address: "192.0.2.1".to_owned(),
            agent: "-",
        };
        let mut line = Vec::new();
        Request::get("/a", 1).in_latin1().with("é", "è€Ş").write(
            &mut line,
            &Insurer,
            &from,
            Timestamp::default(),
        );
        let line = String::from_utf8(line).unwrap();
        assert!(line.contains("/a?%E9=%E8%80%26%23350%3B "), "{line}");
    }
}
