//! One line of a selection, a field with modifiers and values, as a tree of matchers.

use std::net::IpAddr;

use ipnet::IpNet;
use rsigma_parser::{DetectionItem, SigmaString, SigmaValue};
use vigil_event::text;

use crate::field::{self, Scope};
use crate::matcher::{Leaf, Literals, Matcher};
use crate::modifier::{Asked, Comparison, How, Place};
use crate::node::Node;
use crate::pattern::{self, Flags};
use crate::wildcard::{self, Meaning};
use crate::{Problem, bytes, required};

/// Compiles one line; a line without a field looks for keywords in the whole record.
pub(crate) fn compile(item: &DetectionItem, name: &str) -> Result<Node<Leaf>, Problem> {
    let asked = Asked::read(name, &item.field.modifiers)?;
    let scope =
        match &item.field.name {
            Some(field) => field::scope(&field.replace("\\[", "[").replace("\\]", "]"))
                .ok_or_else(|| Problem::UnknownField {
                    field: field.clone(),
                    known: field::known(),
                })?,
            None => Scope::keywords(),
        };
    let how = match asked.how {
        How::Text {
            place: Place::Whole,
            cased,
        } if item.field.name.is_none() => How::Text {
            place: Place::Anywhere,
            cased,
        },
        how => how,
    };
    Line {
        name,
        scope,
        all: asked.all,
    }
    .compile(how, &item.values)
}

struct Line<'a> {
    name: &'a str,
    scope: Scope,
    all: bool,
}

impl Line<'_> {
    fn compile(&self, how: How, values: &[SigmaValue]) -> Result<Node<Leaf>, Problem> {
        let mut leaves = Vec::new();
        match how {
            How::Text { place, cased } => return self.texts(place, cased, values),
            How::Network => leaves.push(self.networks(values)?),
            How::Pattern(flags) => {
                for value in values {
                    leaves.push(self.pattern(&value.to_string(), flags, &value.to_string())?);
                }
            }
            How::Exists => {
                for value in values {
                    leaves.push(match value {
                        SigmaValue::Bool(true) => Matcher::Present,
                        SigmaValue::Bool(false) => Matcher::Absent,
                        other => return Err(self.bad(other, "`exists` takes true or false")),
                    });
                }
            }
            How::Number(comparison) => {
                for value in values {
                    let field = self.scope.number().ok_or_else(|| Problem::BadModifiers {
                        field: self.name.to_owned(),
                        why: "numbers are compared on http.response.status_code, http.response.body.bytes and \
                              vigil.decode.depth only",
                    })?;
                    leaves.push(Matcher::Number(field, comparison, self.number(value)?));
                }
            }
        }
        Ok(self.join(leaves))
    }

    fn join(&self, matchers: Vec<Matcher>) -> Node<Leaf> {
        let nodes = matchers
            .into_iter()
            .map(|matcher| Node::Leaf(Leaf::new(self.scope, matcher)))
            .collect();
        if self.all {
            Node::all(nodes)
        } else {
            Node::any(nodes)
        }
    }

    /// Literals of one place are looked for together, unless all of them must be there.
    fn texts(
        &self,
        place: Place,
        cased: bool,
        values: &[SigmaValue],
    ) -> Result<Node<Leaf>, Problem> {
        let mut matchers = Vec::new();
        let mut literals: Vec<(Place, Vec<u8>)> = Vec::new();
        for value in values {
            let string = match value {
                SigmaValue::Null if place == Place::Whole => {
                    matchers.push(Matcher::Absent);
                    continue;
                }
                value if place == Place::Whole && self.is_plain_number(value) => {
                    if let Some(field) = self.scope.number() {
                        matchers.push(Matcher::Number(
                            field,
                            Comparison::Equal,
                            self.number(value)?,
                        ));
                        continue;
                    }
                    SigmaString::from_raw(&value.to_string())
                }
                SigmaValue::String(string) => string.clone(),
                SigmaValue::Integer(_) | SigmaValue::Bool(_) => {
                    SigmaString::from_raw(&value.to_string())
                }
                SigmaValue::Float(_) => return Err(self.bad(value, "quote it, so that it is text")),
                SigmaValue::Null => {
                    return Err(self.bad(value, "only a field without modifiers can be null"));
                }
            };
            match wildcard::meaning(&string, place) {
                Meaning::Anything if place == Place::Anywhere && string.parts.is_empty() => {
                    return Err(self.bad(
                        value,
                        "an empty text is in everything: write the text to look for",
                    ));
                }
                Meaning::Anything => matchers.push(Matcher::Present),
                Meaning::Literal(place, literal) => literals.push((place, literal.into_bytes())),
                Meaning::Pattern(pattern) => {
                    let flags = Flags {
                        ignore_case: !cased,
                        ..Flags::default()
                    };
                    matchers.push(self.pattern(&pattern, flags, &string.original)?);
                }
            }
        }
        literals.sort();
        for group in literals.chunk_by(|one, next| !self.all && one.0 == next.0) {
            let Some((place, _)) = group.first() else {
                continue;
            };
            let texts = group.iter().map(|(_, text)| text.clone()).collect();
            let literals = Literals::new(*place, cased, texts).map_err(Problem::TooManyLiterals)?;
            matchers.push(Matcher::Literals(literals));
        }
        Ok(self.join(matchers))
    }

    fn is_plain_number(&self, value: &SigmaValue) -> bool {
        match value {
            SigmaValue::Integer(_) => true,
            SigmaValue::String(string) => {
                self.scope.number().is_some() && !string.contains_wildcards()
            }
            _ => false,
        }
    }

    fn number(&self, value: &SigmaValue) -> Result<u64, Problem> {
        value
            .to_string()
            .parse()
            .map_err(|_| self.bad(value, "write a whole number, not below zero"))
    }

    fn networks(&self, values: &[SigmaValue]) -> Result<Matcher, Problem> {
        if !self.scope.is_address() {
            let why = "`cidr` compares addresses: use it on source.ip";
            return Err(Problem::BadModifiers {
                field: self.name.to_owned(),
                why,
            });
        }
        let read = |value: &SigmaValue| {
            let text = value.to_string();
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| {
                    self.bad(
                        value,
                        "write a network such as 192.0.2.0/24 or 2001:db8::/32",
                    )
                })
        };
        values
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Matcher::Networks)
    }

    fn pattern(&self, pattern: &str, flags: Flags, written: &str) -> Result<Matcher, Problem> {
        let compiled = pattern::parse(pattern, flags).and_then(|parsed| {
            let regex = parsed.compile(pattern, flags)?;
            Ok(Matcher::Pattern {
                regex,
                flags,
                required: required::literals(&parsed.hir),
                bytes: bytes::of_pattern(&parsed.hir),
            })
        });
        compiled.map_err(|error| Problem::BadPattern {
            field: self.name.to_owned(),
            pattern: text::truncated(written, 200).to_owned(),
            why: error.to_string(),
        })
    }

    fn bad(&self, value: &SigmaValue, expected: &'static str) -> Problem {
        let value = text::truncated(&value.to_string(), 200).to_owned();
        Problem::BadValue {
            field: self.name.to_owned(),
            value,
            expected,
        }
    }
}
