//! One line of a selection, a field with modifiers and values, as a tree of matchers.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use rsigma_parser::{DetectionItem, SigmaString, SigmaValue};
use vigil_event::text;

use crate::Problem;
use crate::field::{self, Scope};
use crate::injection::{self, Injection};
use crate::label::Labels;
use crate::matcher::modifier::{Asked, Comparison, How, Place};
use crate::matcher::node::Node;
use crate::matcher::texts::Texts;
use crate::matcher::transform::{self, Placeholders, Refusal};
use crate::matcher::wildcard::{self, Meaning, Part};
use crate::matcher::{Leaf, Matcher, Target};
use crate::pattern::{self, Flags};
use crate::prefilter::needs::Needs;

/// What the lines of a rule are compiled with.
pub(crate) struct Context<'a> {
    pub(crate) labels: &'a mut Labels,
    pub(crate) placeholders: &'a Placeholders,
    /// Names that are no field stand for labels; else they are faults.
    pub(crate) takes_labels: bool,
    /// The names that were taken for labels.
    pub(crate) taken: Vec<String>,
}

/// Sigma's names for what follows the last dot of the path.
const EXTENSION: [&str; 2] = ["c-uri-extension", "cs-uri-extension"];
/// When the event happened.
const OCCURRED: &str = "@timestamp";

impl Context<'_> {
    /// What a name stands for.
    fn target(&mut self, name: &str) -> Result<Target, Problem> {
        let name = name.replace("\\[", "[").replace("\\]", "]");
        match field::scope(&name) {
            Some(scope) => Ok(Target::views(scope)),
            None if self.takes_labels => {
                if !self.taken.contains(&name) {
                    self.taken.push(name.clone());
                }
                Ok(Target::label(self.labels.id(&name)))
            }
            None => Err(Problem::UnknownField {
                field: name,
                known: field::known(),
            }),
        }
    }
}

/// Compiles one line; a line without a field looks for keywords in the whole record.
pub(crate) fn compile(
    item: &DetectionItem,
    name: &str,
    context: &mut Context<'_>,
) -> Result<Node<Leaf>, Problem> {
    let mut asked = Asked::read(name, &item.field.modifiers)?;
    let (mut prefix, mut of_event) = (false, false);
    let target = match item.field.name.as_deref() {
        None => {
            if let How::Text { place, .. } = &mut asked.how
                && *place == Place::Whole
            {
                *place = Place::Anywhere;
            }
            Target::views(Scope::keywords())
        }
        Some(OCCURRED) if matches!(asked.how, How::Time(..)) => {
            of_event = true;
            Target::views(Scope::default())
        }
        Some(injection::FIELD) => {
            let is_plain = item.field.modifiers.is_empty();
            let each = item.values.iter().map(|value| injection(value, is_plain));
            return each.collect::<Result<_, _>>().map(Node::any);
        }
        Some(field) if is_extension(field, &mut asked) => {
            prefix = true;
            context.target("url.path")?
        }
        Some(field) => context.target(field)?,
    };
    let mut line = Line {
        name,
        target,
        asked: &asked,
        prefix,
        of_event,
        context,
    };
    let node = line.compile(&item.values)?;
    Ok(if asked.negated {
        let there = Node::Leaf(Leaf::new(target, Matcher::Present));
        Node::All(vec![there, Node::Not(Box::new(node))])
    } else {
        node
    })
}

/// What libinjection is asked, of the value of each parameter.
fn injection(value: &SigmaValue, is_plain: bool) -> Result<Node<Leaf>, Problem> {
    let one = Injection::named(&value.to_string()).filter(|_| is_plain);
    match (one, field::scope("url.parameter.value")) {
        (Some(one), Some(scope)) => Ok(Node::Leaf(Leaf::new(
            Target::views(scope),
            Matcher::Injection(one),
        ))),
        _ => Err(Problem::BadValue {
            field: injection::FIELD.to_owned(),
            value: value.to_string(),
            expected: "`sql` or `xss`, and no modifier",
        }),
    }
}

/// Whether the line asks for a file's extension, which is what a path ends with.
fn is_extension(field: &str, asked: &mut Asked) -> bool {
    let is_named = EXTENSION
        .iter()
        .any(|name| name.eq_ignore_ascii_case(field));
    match &mut asked.how {
        How::Text { place, .. } if is_named && matches!(place, Place::Whole | Place::End) => {
            *place = Place::End;
            true
        }
        _ => false,
    }
}

/// A literal and where it stands.
type Placed = (Place, Vec<u8>);

struct Line<'a, 'c> {
    name: &'a str,
    target: Target,
    asked: &'a Asked,
    /// Every value has a dot before it.
    prefix: bool,
    /// The time is the event's own.
    of_event: bool,
    context: &'a mut Context<'c>,
}

impl Line<'_, '_> {
    fn compile(&mut self, values: &[SigmaValue]) -> Result<Node<Leaf>, Problem> {
        let each = |matcher: &mut dyn FnMut(&SigmaValue) -> Result<Matcher, Problem>| {
            values.iter().map(matcher).collect::<Result<Vec<_>, _>>()
        };
        let matchers = match self.asked.how {
            How::Text { place, cased } => return self.texts(place, cased, values),
            How::Network => vec![self.networks(values)?],
            How::Pattern(flags) => each(&mut |value| {
                let pattern = self.expanded_pattern(value)?;
                self.pattern(&pattern, flags, &value.to_string())
            })?,
            How::Exists => each(&mut |value| self.exists(value))?,
            How::Number(comparison) => {
                each(&mut |value| Ok(Matcher::Number(comparison, self.number(value)?)))?
            }
            How::Time(part, comparison) => each(&mut |value| {
                let wanted = self.number(value)? as i64;
                Ok(if self.of_event {
                    Matcher::Occurred(part, comparison, wanted)
                } else {
                    Matcher::Time(part, comparison, wanted)
                })
            })?,
            How::Reference { place, cased } => each(&mut |value| {
                let SigmaValue::String(string) = value else {
                    return Err(self.bad(value, "`fieldref` takes the name of a field"));
                };
                let name = string
                    .as_plain()
                    .ok_or_else(|| self.bad(value, "a field's name has no wildcards"))?;
                let other = self.context.target(&name)?;
                Ok(Matcher::Reference {
                    other,
                    place,
                    cased,
                })
            })?,
        };
        Ok(self.join(matchers))
    }

    fn join(&self, matchers: Vec<Matcher>) -> Node<Leaf> {
        let nodes = matchers
            .into_iter()
            .map(|matcher| Node::Leaf(Leaf::new(self.target, matcher)))
            .collect();
        if self.asked.all {
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
        // Each value is one or more matchers of which one must match.
        let mut groups = Vec::new();
        let mut literals: Vec<Placed> = Vec::new();
        for value in values {
            let (matchers, mut found) = self.text(place, cased, value)?;
            if self.asked.all {
                let mut group = matchers;
                group.extend(Self::literals(&mut found, cased)?);
                groups.push(group);
            } else {
                groups.extend(matchers.into_iter().map(|one| vec![one]));
                literals.append(&mut found);
            }
        }
        let joined = Self::literals(&mut literals, cased)?;
        groups.extend(joined.into_iter().map(|one| vec![one]));
        let leaf = |matcher| Node::Leaf(Leaf::new(self.target, matcher));
        let nodes = groups
            .into_iter()
            .map(|group| Node::any(group.into_iter().map(leaf).collect()))
            .collect();
        Ok(if self.asked.all {
            Node::all(nodes)
        } else {
            Node::any(nodes)
        })
    }

    fn literals(literals: &mut Vec<Placed>, cased: bool) -> Result<Vec<Matcher>, Problem> {
        literals.sort();
        literals.dedup();
        let group = |group: &[Placed]| {
            let place = group.first().map_or(Place::Anywhere, |(place, _)| *place);
            let texts = group.iter().map(|(_, text)| text.clone()).collect();
            Texts::new(place, cased, texts)
                .map(Matcher::Texts)
                .map_err(Problem::TooManyLiterals)
        };
        literals
            .chunk_by(|one, next| one.0 == next.0)
            .map(group)
            .collect()
    }

    /// What one value asks for: matchers, and literals that may be looked for together.
    fn text(
        &self,
        place: Place,
        cased: bool,
        value: &SigmaValue,
    ) -> Result<(Vec<Matcher>, Vec<Placed>), Problem> {
        let (mut matchers, mut literals) = (Vec::new(), Vec::new());
        if *value == SigmaValue::Null && place == Place::Whole {
            return Ok((vec![Matcher::Absent], literals));
        }
        if place == Place::Whole && self.is_plain_number(value) {
            let wanted = self.number(value)?;
            return Ok((vec![Matcher::Number(Comparison::Equal, wanted)], literals));
        }
        if place != Place::Whole && matches!(value, SigmaValue::Float(_)) {
            // As YAML has it, `1.10` is the number 1.1.
            return Err(self.bad(
                value,
                "put quotes around a decimal number to look for as a text",
            ));
        }
        for parts in self.transformed(value)? {
            match wildcard::meaning(&parts, place, cased) {
                Meaning::Anything if place == Place::Anywhere && parts.is_empty() => {
                    return Err(self.bad(
                        value,
                        "an empty text is in everything: write the text to look for",
                    ));
                }
                Meaning::Anything => matchers.push(Matcher::Present),
                Meaning::Literal(place, literal) => literals.push((place, literal)),
                Meaning::Pattern(pattern) => {
                    let flags = Flags {
                        ignore_case: !cased,
                        ..Flags::default()
                    };
                    matchers.push(self.pattern(&pattern, flags, &value.to_string())?);
                }
            }
        }
        Ok((matchers, literals))
    }

    /// The texts that a value stands for.
    fn transformed(&self, value: &SigmaValue) -> Result<Vec<Vec<Part>>, Problem> {
        let string = match value {
            SigmaValue::String(string) => string.clone(),
            SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) => {
                SigmaString::from_raw(&value.to_string())
            }
            SigmaValue::Null => {
                return Err(self.bad(value, "only a field without modifiers can be null"));
            }
        };
        let mut parts = wildcard::parts(&string);
        if self.prefix {
            match parts.first_mut() {
                Some(Part::Text(first)) => first.insert(0, b'.'),
                _ => parts.insert(0, Part::Text(vec![b'.'])),
            }
        }
        transform::apply(parts, &self.asked.transforms, self.context.placeholders)
            .map_err(|refusal| self.refused(value, refusal))
    }

    fn refused(&self, value: &SigmaValue, refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Value(expected) => self.bad(value, expected),
            Refusal::UnknownPlaceholder(name) => Problem::UnknownPlaceholder {
                name,
                field: self.name.to_owned(),
            },
        }
    }

    /// Whether the value is compared as a number without being told so.
    fn is_plain_number(&self, value: &SigmaValue) -> bool {
        self.target.number().is_some()
            && match value {
                SigmaValue::Integer(_) | SigmaValue::Float(_) => true,
                SigmaValue::String(string) => !string.contains_wildcards(),
                _ => false,
            }
    }

    fn number(&self, value: &SigmaValue) -> Result<f64, Problem> {
        match value.to_string().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.bad(value, "write a number")),
        }
    }

    fn exists(&self, value: &SigmaValue) -> Result<Matcher, Problem> {
        match value.to_string().as_str() {
            "true" | "yes" => Ok(Matcher::Present),
            "false" | "no" => Ok(Matcher::Absent),
            _ => Err(self.bad(value, "`exists` takes true or false")),
        }
    }

    fn networks(&self, values: &[SigmaValue]) -> Result<Matcher, Problem> {
        let mut networks = Vec::new();
        for value in values {
            for parts in self.transformed(value)? {
                let text = match parts.as_slice() {
                    [Part::Text(text)] => String::from_utf8_lossy(text),
                    _ => value.to_string().into(),
                };
                let network = text
                    .parse::<IpNet>()
                    .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
                networks.push(network.map_err(|_| {
                    self.bad(
                        value,
                        "write a network such as 192.0.2.0/24 or 2001:db8::/32",
                    )
                })?);
            }
        }
        Ok(Matcher::Networks(networks))
    }

    /// A pattern in which each placeholder stands for any of its values.
    fn expanded_pattern(&self, value: &SigmaValue) -> Result<String, Problem> {
        let written = value.to_string();
        if self.asked.transforms.is_empty() {
            return Ok(written);
        }
        let (mut pattern, mut rest) = (String::new(), written.as_bytes());
        while let Some((before, name, after)) = transform::placeholder(rest) {
            let values =
                self.context.placeholders.get(name).ok_or_else(|| {
                    self.refused(value, Refusal::UnknownPlaceholder(name.to_owned()))
                })?;
            let pattern_of = |value: &String| wildcard::pattern(&wildcard::read(value), true, true);
            let values: Vec<_> = values.iter().map(pattern_of).collect();
            pattern.push_str(&String::from_utf8_lossy(before));
            _ = write!(pattern, "(?:{})", values.join("|"));
            rest = after;
        }
        pattern.push_str(&String::from_utf8_lossy(rest));
        Ok(pattern)
    }

    fn pattern(&self, pattern: &str, flags: Flags, written: &str) -> Result<Matcher, Problem> {
        let compiled = pattern::parse(pattern, flags).and_then(|parsed| {
            Ok(Matcher::Pattern {
                expression: parsed.expression(pattern, flags)?,
                needs: Needs::of_pattern(&parsed.hir),
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
