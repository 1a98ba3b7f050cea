//! JSON as names and values.
//!
//! What: each plain value under the names of the objects around it, as OWASP CRS names them.
//! Input: JSON and the name that it goes by; what comes before a fault counts.
//! Output: pairs; `json.a.b` for objects, `json.a.array_0` for lists, nothing for `null`.
//! Example: `{"a":[1]}` by the name of `json` is `json.a.array_0=1`.
//! Limits: 32 levels, as many values as the caller wants, names of 1,024 bytes; what is more is a fault.

use crate::whole::Pair;

const MAX_DEPTH: usize = 32;
const MAX_NAME: usize = 1_024;

/// Why a text cannot be read to its end.
pub type Fault = &'static str;

/// Reads JSON that goes by that name into pairs, until there are so many; how much of it was read, and why not more.
pub fn flatten(
    text: &[u8],
    name: &[u8],
    most: usize,
    to: &mut Vec<Pair>,
) -> (usize, Option<Fault>) {
    let mut reader = Reader {
        text,
        at: 0,
        name: name.to_vec(),
        most,
        to,
    };
    let read = reader.value(0);
    reader.blanks();
    let fault = match read {
        Ok(()) => (reader.at < text.len()).then_some("text behind the JSON"),
        Err(fault) => Some(fault),
    };
    (reader.at, fault)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// The names around what is being read.
    name: Vec<u8>,
    most: usize,
    to: &'a mut Vec<Pair>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        self.blanks();
        let is = self.peek() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err("JSON nested too deeply");
        }
        if self.to.len() >= self.most {
            return Err("more values than are read");
        }
        self.blanks();
        match self.peek().ok_or("JSON that ends early")? {
            b'{' => self.members(depth),
            b'[' => self.elements(depth),
            b'"' => {
                let value = self.string();
                let (Ok(text) | Err(text)) = value.clone();
                self.note(text);
                value.map(|_| ()).map_err(|_| "JSON text that does not end")
            }
            _ => self.literal(),
        }
    }

    fn note(&mut self, value: Vec<u8>) {
        self.to.push(Pair {
            name: self.name.clone(),
            value,
        });
    }

    fn literal(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            self.at += 1;
        }
        match self.text.get(start..self.at).unwrap_or_default() {
            b"" => return Err("no JSON value"),
            b"null" => self.note(Vec::new()),
            text => self.note(text.to_vec()),
        }
        Ok(())
    }

    /// Reads what stands under a further name.
    fn named(&mut self, name: &[u8], depth: usize) -> Result<(), Fault> {
        let length = self.name.len();
        if length + name.len() >= MAX_NAME {
            return Err("JSON names that are too long");
        }
        self.name.push(b'.');
        self.name.extend_from_slice(name);
        let read = self.value(depth + 1);
        self.name.truncate(length);
        read
    }

    fn members(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err("a JSON member without a name");
            }
            let name = self.string().map_err(|_| "JSON text that does not end")?;
            let name = if name.is_empty() {
                b"empty-key".to_vec()
            } else {
                name
            };
            if !self.take(b':') {
                return Err("a JSON member without a value");
            }
            self.named(&name, depth)?;
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err("a JSON object that does not end");
            }
        }
    }

    fn elements(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        if self.take(b']') {
            return Ok(());
        }
        for number in 0_usize.. {
            self.named(format!("array_{number}").as_bytes(), depth)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                break;
            }
        }
        Err("a JSON list that does not end")
    }

    /// The text at the opening quote without its escapes; an error with what there was of it.
    fn string(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        self.at += 1;
        let mut made = Vec::new();
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(made),
                b'\\' => self.escape(&mut made),
                byte => made.push(byte),
            }
        }
        Err(made)
    }

    fn escape(&mut self, made: &mut Vec<u8>) {
        let Some(kind) = self.peek() else { return };
        self.at += 1;
        match kind {
            b'b' => made.push(8),
            b'f' => made.push(12),
            b'n' => made.push(b'\n'),
            b'r' => made.push(b'\r'),
            b't' => made.push(b'\t'),
            b'u' => {
                let high = self.unit().unwrap_or(0xfffd);
                let rest = self.text.get(self.at..).unwrap_or_default();
                let mut code = high;
                if (0xd800..0xdc00).contains(&high) && rest.starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.unit().unwrap_or(0);
                    code = 0x1_0000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                }
                let one = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                made.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => made.push(other),
        }
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let digits = std::str::from_utf8(digits).ok()?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(code)
    }
}
