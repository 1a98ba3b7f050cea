//! What the modifiers behind a field's name ask for.
//!
//! *Input*: the modifiers as parsed, in any order. *Output*: one [`Asked`]. *Example*:
//! `url.query|contains|all`. *Limits*: only those in [`KNOWN`]; encodings such as `base64` are
//! undone in the event's views instead of being looked for in their encoded form.

use rsigma_parser::Modifier;

use crate::Problem;
use crate::pattern::Flags;

/// The modifiers there are, for an error.
pub(crate) const KNOWN: &str = "contains, startswith, endswith, all, cased, re (with i, m, s), cidr, exists, gt, gte, lt or lte";

/// What is asked of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Every value must match, not only one.
    pub(crate) all: bool,
    pub(crate) how: How,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Text { place: Place, cased: bool },
    Pattern(Flags),
    Network,
    Exists,
    Number(Comparison),
}

/// Where in a text a literal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Whole,
    Start,
    End,
    Anywhere,
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// Whether the comparison holds between an event's number and a rule's.
    pub(crate) const fn holds(self, found: u64, wanted: u64) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
        }
    }
}

impl Asked {
    /// Reads the modifiers of a field, which is named in errors.
    pub(crate) fn read(field: &str, modifiers: &[Modifier]) -> Result<Self, Problem> {
        let misfit = |why| Problem::BadModifiers {
            field: field.to_owned(),
            why,
        };
        let (mut all, mut cased, mut flagged) = (false, false, false);
        let mut flags = Flags::default();
        let mut how = None;
        for modifier in modifiers {
            let one = match modifier {
                Modifier::All => {
                    all = true;
                    continue;
                }
                Modifier::Cased => {
                    cased = true;
                    continue;
                }
                Modifier::IgnoreCase | Modifier::Multiline | Modifier::DotAll => {
                    flagged = true;
                    match modifier {
                        Modifier::IgnoreCase => flags.ignore_case = true,
                        Modifier::Multiline => flags.multi_line = true,
                        _ => flags.dot_all = true,
                    }
                    continue;
                }
                _ => Self::how(field, *modifier)?,
            };
            if how.replace(one).is_some() {
                return Err(misfit("only one of them can say how to compare: use one"));
            }
        }
        let how = match how.unwrap_or(How::Text {
            place: Place::Whole,
            cased,
        }) {
            How::Text { place, .. } if !flagged => How::Text { place, cased },
            How::Pattern(_) if !cased => How::Pattern(flags),
            How::Pattern(_) => return Err(misfit("`re` heeds case already: take `cased` away")),
            _ if flagged => {
                return Err(misfit(
                    "`i`, `m` and `s` belong to `re`: add it or take them away",
                ));
            }
            _ if cased => return Err(misfit("`cased` belongs to text: take it away")),
            other => other,
        };
        Ok(Self { all, how })
    }

    fn how(field: &str, modifier: Modifier) -> Result<How, Problem> {
        let text = |place| How::Text {
            place,
            cased: false,
        };
        Ok(match modifier {
            Modifier::Contains => text(Place::Anywhere),
            Modifier::StartsWith => text(Place::Start),
            Modifier::EndsWith => text(Place::End),
            Modifier::Re => How::Pattern(Flags::default()),
            Modifier::Cidr => How::Network,
            Modifier::Exists => How::Exists,
            Modifier::Gt => How::Number(Comparison::Greater),
            Modifier::Gte => How::Number(Comparison::GreaterOrEqual),
            Modifier::Lt => How::Number(Comparison::Less),
            Modifier::Lte => How::Number(Comparison::LessOrEqual),
            other => {
                return Err(Problem::BadModifier {
                    modifier: format!("{other:?}").to_ascii_lowercase(),
                    field: field.to_owned(),
                    known: KNOWN,
                });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(modifiers: &str) -> Result<Asked, String> {
        let modifiers: Vec<Modifier> = modifiers
            .split('|')
            .filter_map(|name| name.parse().ok())
            .collect();
        Asked::read("f", &modifiers).map_err(|problem| problem.to_string())
    }

    #[test]
    fn modifiers_say_how_to_compare() {
        let text = |place, cased| How::Text { place, cased };
        for (modifiers, all, how) in [
            ("", false, text(Place::Whole, false)),
            ("contains", false, text(Place::Anywhere, false)),
            ("contains|all", true, text(Place::Anywhere, false)),
            ("all|startswith|cased", true, text(Place::Start, true)),
            ("endswith", false, text(Place::End, false)),
            ("cased", false, text(Place::Whole, true)),
            (
                "re|i|s",
                false,
                How::Pattern(Flags {
                    ignore_case: true,
                    multi_line: false,
                    dot_all: true,
                }),
            ),
            ("cidr", false, How::Network),
            ("exists", false, How::Exists),
            ("gte", false, How::Number(Comparison::GreaterOrEqual)),
        ] {
            assert_eq!(read(modifiers), Ok(Asked { all, how }), "{modifiers}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (modifiers, text) in [
            ("contains|re", "only one"),
            ("re|cased", "heeds case already"),
            ("contains|i", "belong to `re`"),
            ("gt|i", "belong to `re`"),
            ("cidr|cased", "belongs to text"),
            ("base64offset|contains", "modifier `base64offset`"),
            ("windash", "modifier `windash`"),
            ("neq", "modifier `neq`"),
        ] {
            let error = read(modifiers).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
