//! What the modifiers behind a field's name ask for.
//!
//! *Input*: the modifiers as parsed, in their order. *Output*: one [`Asked`]. *Example*:
//! `url.query|wide|base64offset|contains`. *Limits*: one modifier says how to compare; a part of a
//! time may be followed by `gt` and the like, `fieldref` by a place.

use rsigma_parser::Modifier;
use vigil_event::TimePart;

use crate::Problem;
use crate::pattern::Flags;

/// The modifiers there are, for an error.
pub(crate) const KNOWN: &str = "contains, startswith, endswith, all, cased, re (with i, m, s), base64, base64offset, \
     utf16, utf16le, utf16be, wide, windash, expand, cidr, exists, fieldref, gt, gte, lt, lte, neq, minute, hour, day, \
     week, month or year";

/// What is asked of a field's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Every value must match, not only one.
    pub(crate) all: bool,
    /// The field must be there and match none.
    pub(crate) negated: bool,
    /// What is done to each value first, in this order.
    pub(crate) transforms: Vec<Transform>,
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
    Time(TimePart, Comparison),
    Reference { place: Place, cased: bool },
}

/// What is done to a value before it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// Placeholders become what is configured for them.
    Expand,
    /// Every sign that starts a command's option.
    WindowsDash,
    Utf16LittleEndian,
    Utf16BigEndian,
    /// Little endian with a byte order mark.
    Utf16Marked,
    Base64,
    /// In base64 within a longer text, at each of the three offsets.
    Base64Offset,
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
    pub(crate) fn holds<T: PartialOrd + Copy>(self, found: T, wanted: T) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
        }
    }
}

/// What has been read of the modifiers.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a modifier of its own"
)]
#[derive(Default)]
struct Read {
    all: bool,
    cased: bool,
    negated: bool,
    reference: bool,
    flags: Option<Flags>,
    transforms: Vec<Transform>,
    part: Option<TimePart>,
    how: Option<How>,
}

impl Asked {
    /// Reads the modifiers of a field, which is named in errors.
    pub(crate) fn read(field: &str, modifiers: &[Modifier]) -> Result<Self, Problem> {
        let misfit = |why| Problem::BadModifiers {
            field: field.to_owned(),
            why,
        };
        let mut read = Read::default();
        for modifier in modifiers {
            read.add(*modifier).map_err(misfit)?;
        }
        read.check().map_err(misfit)?;
        let how = read.how();
        Ok(Self {
            all: read.all,
            negated: read.negated,
            transforms: read.transforms,
            how,
        })
    }
}

impl Read {
    fn add(&mut self, modifier: Modifier) -> Result<(), &'static str> {
        match modifier {
            Modifier::All => self.all = true,
            Modifier::Cased => self.cased = true,
            Modifier::Neq => self.negated = true,
            Modifier::IgnoreCase => self.flags.get_or_insert_default().ignore_case = true,
            Modifier::Multiline => self.flags.get_or_insert_default().multi_line = true,
            Modifier::DotAll => self.flags.get_or_insert_default().dot_all = true,
            Modifier::Expand => self.transforms.push(Transform::Expand),
            Modifier::WindAsh => self.transforms.push(Transform::WindowsDash),
            Modifier::Wide => self.transforms.push(Transform::Utf16LittleEndian),
            Modifier::Utf16be => self.transforms.push(Transform::Utf16BigEndian),
            Modifier::Utf16 => self.transforms.push(Transform::Utf16Marked),
            Modifier::Base64 => self.transforms.push(Transform::Base64),
            Modifier::Base64Offset => self.transforms.push(Transform::Base64Offset),
            Modifier::Minute => return self.set_part(TimePart::Minute),
            Modifier::Hour => return self.set_part(TimePart::Hour),
            Modifier::Day => return self.set_part(TimePart::Day),
            Modifier::Week => return self.set_part(TimePart::Week),
            Modifier::Month => return self.set_part(TimePart::Month),
            Modifier::Year => return self.set_part(TimePart::Year),
            Modifier::FieldRef if self.how.is_some() => {
                return Err(
                    "write `fieldref` first, and where the other field's text stands behind it",
                );
            }
            Modifier::FieldRef => self.reference = true,
            Modifier::Contains => return self.set(Self::text(Place::Anywhere)),
            Modifier::StartsWith => return self.set(Self::text(Place::Start)),
            Modifier::EndsWith => return self.set(Self::text(Place::End)),
            Modifier::Re => return self.set(How::Pattern(Flags::default())),
            Modifier::Cidr => return self.set(How::Network),
            Modifier::Exists => return self.set(How::Exists),
            Modifier::Gt => return self.set(How::Number(Comparison::Greater)),
            Modifier::Gte => return self.set(How::Number(Comparison::GreaterOrEqual)),
            Modifier::Lt => return self.set(How::Number(Comparison::Less)),
            Modifier::Lte => return self.set(How::Number(Comparison::LessOrEqual)),
        }
        Ok(())
    }

    const fn text(place: Place) -> How {
        How::Text {
            place,
            cased: false,
        }
    }

    fn set(&mut self, how: How) -> Result<(), &'static str> {
        match self.how.replace(how) {
            None => Ok(()),
            Some(_) => Err("only one of them can say how to compare: use one"),
        }
    }

    fn set_part(&mut self, part: TimePart) -> Result<(), &'static str> {
        match self.part.replace(part) {
            None => Ok(()),
            Some(_) => Err("only one part of a time can be compared at once: use one"),
        }
    }

    /// Whether they fit together.
    fn check(&self) -> Result<(), &'static str> {
        let how = self.how.unwrap_or(Self::text(Place::Whole));
        let is_text = matches!(how, How::Text { .. });
        if self.flags.is_some() && !matches!(how, How::Pattern(_)) {
            return Err("`i`, `m` and `s` belong to `re`: add it or take them away");
        }
        match how {
            How::Pattern(_) if self.cased => {
                return Err("`re` heeds case already: take `cased` away");
            }
            _ if self.cased && !is_text => return Err("`cased` belongs to text: take it away"),
            How::Number(_) => {}
            _ if self.part.is_some() && self.how.is_some() => {
                return Err("a part of a time is a number: compare it with gt, gte, lt or lte");
            }
            _ if self.reference && !is_text => {
                return Err("`fieldref` goes with contains, startswith or endswith only");
            }
            _ => {}
        }
        if self.reference && (self.part.is_some() || !is_text) {
            return Err("`fieldref` goes with contains, startswith or endswith only");
        }
        let takes_transforms = is_text && !self.reference && self.part.is_none();
        let only_expand = self.transforms.iter().all(|one| *one == Transform::Expand);
        let takes_expand = matches!(how, How::Pattern(_) | How::Network);
        if self.transforms.is_empty() || takes_transforms || (only_expand && takes_expand) {
            Ok(())
        } else {
            Err("encodings and `windash` belong to text, `expand` to text, `re` and `cidr`")
        }
    }

    fn how(&self) -> How {
        let encoded_anywhere = self.transforms.contains(&Transform::Base64Offset);
        match (self.how, self.part) {
            (Some(How::Number(comparison)), Some(part)) => How::Time(part, comparison),
            (None, Some(part)) => How::Time(part, Comparison::Equal),
            (Some(How::Pattern(_)), _) => How::Pattern(self.flags.unwrap_or_default()),
            (Some(How::Text { place, .. }), _) => self.textual(place),
            (Some(how), _) => how,
            // Where a longer text was encoded, what is known of it is never the whole.
            (None, None) if encoded_anywhere => self.textual(Place::Anywhere),
            (None, None) => self.textual(Place::Whole),
        }
    }

    const fn textual(&self, place: Place) -> How {
        let cased = self.cased;
        if self.reference {
            How::Reference { place, cased }
        } else {
            How::Text { place, cased }
        }
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
            ("base64", false, text(Place::Whole, false)),
            ("base64offset", false, text(Place::Anywhere, false)),
            ("windash|startswith", false, text(Place::Start, false)),
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
            ("expand|cidr", false, How::Network),
            ("exists", false, How::Exists),
            ("gte", false, How::Number(Comparison::GreaterOrEqual)),
            ("hour", false, How::Time(TimePart::Hour, Comparison::Equal)),
            (
                "week|lt",
                false,
                How::Time(TimePart::Week, Comparison::Less),
            ),
            (
                "fieldref|endswith",
                false,
                How::Reference {
                    place: Place::End,
                    cased: false,
                },
            ),
        ] {
            let asked = read(modifiers).unwrap();
            assert_eq!((asked.all, asked.how), (all, how), "{modifiers}");
        }
    }

    #[test]
    fn transforms_keep_their_order() {
        assert_eq!(
            read("wide|base64offset|contains").unwrap().transforms,
            [Transform::Utf16LittleEndian, Transform::Base64Offset]
        );
        assert!(read("neq").unwrap().negated);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (modifiers, text) in [
            ("contains|re", "only one"),
            ("re|cased", "heeds case already"),
            ("contains|i", "belong to `re`"),
            ("gt|i", "belong to `re`"),
            ("cidr|cased", "belongs to text"),
            ("base64|re", "belong to text"),
            ("windash|gt", "belong to text"),
            ("expand|exists", "belong to text"),
            ("fieldref|base64", "belong to text"),
            ("contains|fieldref", "`fieldref` first"),
            ("fieldref|re", "`fieldref` goes with"),
            ("hour|day", "one part of a time"),
            ("hour|contains", "is a number"),
        ] {
            let error = read(modifiers).unwrap_err();
            assert!(error.contains(text), "{modifiers}: {error}");
        }
    }
}
