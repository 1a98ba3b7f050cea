//! The words of a scenario's expression.
//!
//! *Input*: an expression of the language `expr`. *Output*: tokens. *Limits*: [`MAX_BYTES`]; what no
//! token begins with is an error.

/// The longest expression, in bytes.
const MAX_BYTES: usize = 16 << 10;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name with its dots, a number, or a word such as `and`.
    Word(String),
    /// A text between quotes.
    Text(String),
    /// Anything else.
    Sign(&'static str),
}

/// The signs there are; the longer before its beginning.
const SIGNS: [&str; 22] = [
    "&&", "||", "==", "!=", ">=", "<=", "!", "(", ")", "[", "]", "{", "}", ",", "#", "+", ">", "<",
    "?", ":", ";", "=",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("an expression is longer than {MAX_BYTES} bytes"));
    }
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '"' | '\'' | '`' => quoted(rest, first)?,
            _ if is_word(first) => {
                let end = rest.find(|sign| !is_word(sign)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                (Token::Word(word.to_owned()), after)
            }
            _ => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let sign = sign.ok_or_else(|| format!("`{first}` cannot be read"))?;
                (
                    Token::Sign(sign),
                    rest.strip_prefix(sign).unwrap_or_default(),
                )
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

const fn is_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '-' | '$')
}

/// A text between quotes, with its escapes undone, and what is behind it.
fn quoted(text: &str, quote: char) -> Result<(Token, &str), String> {
    let mut value = String::new();
    let mut signs = text.char_indices().skip(1);
    while let Some((place, sign)) = signs.next() {
        match sign {
            _ if sign == quote => {
                let after = text.get(place + quote.len_utf8()..).unwrap_or_default();
                return Ok((Token::Text(value), after));
            }
            '\\' if quote != '`' => match signs.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, escaped)) if escaped == quote || escaped == '\\' => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("a quote is not closed".to_owned())
}
