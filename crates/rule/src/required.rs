//! The literals that every match of a regular expression contains.
//!
//! *Input*: the expression's meaning from `regex-syntax`. *Output*: sets of literals; every match
//! contains, ignoring case, at least one literal of each set. *Example*: `(?i)union\s+select` gives
//! `{union}` and `{select}`. *Limits*: gives up on sets that grow large or hold common literals.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use crate::gate;

/// Literals in lower case.
pub(crate) type Literals = Vec<Vec<u8>>;

/// A sequence is not followed into more literals than this.
const MAX_SET: usize = 64;
/// Alternatives together have at most so many.
const MAX_UNION: usize = 512;
/// Up to so many literals are looked for in place of fewer parts of them.
const MAX_LONGER: usize = 16;
/// Longer literals are cut off, in bytes: what follows starts a literal of its own.
const MAX_LENGTH: usize = 48;
/// A class of more characters stands for anything.
const MAX_CLASS: usize = 4;
/// A counted repetition is written out up to this many times.
const MAX_COPIES: u32 = 4;

/// What is known of an expression.
#[derive(Default)]
struct Known {
    /// Everything it can match, in lower case, where that is little.
    exact: Option<Literals>,
    /// What each match starts with and ends with, where `exact` is not known but these are.
    ends: Option<(Literals, Literals)>,
    /// The sets of which each match contains a literal.
    required: Vec<Literals>,
}

impl Known {
    fn exactly(mut set: Literals) -> Self {
        set.sort_unstable();
        set.dedup();
        Self {
            exact: Some(set),
            ..Self::default()
        }
    }

    /// Nothing but that each match contains a literal of these sets.
    fn containing(sets: impl IntoIterator<Item = Literals>) -> Self {
        let mut required = Vec::new();
        for set in sets {
            keep(&mut required, set);
        }
        Self {
            required,
            ..Self::default()
        }
    }

    /// The sets, with the exact one among them.
    fn into_required(self) -> Vec<Literals> {
        let mut required = self.required;
        if let Some(set) = self.exact {
            keep(&mut required, set);
        }
        if let Some((start, end)) = self.ends {
            if start != end {
                keep(&mut required, start);
            }
            keep(&mut required, end);
        }
        required
    }
}

/// The sets of which each match contains a literal.
pub(crate) fn literals(hir: &Hir) -> Vec<Literals> {
    let sets = known(hir).into_required();
    // A set is of no use beside another one whose every literal has one of its own in it.
    let is_implied = |place: usize, set: &Literals| {
        sets.iter().enumerate().any(|(other_place, other)| {
            let implies = other.len() <= MAX_LONGER
                && other
                    .iter()
                    .all(|literal| set.iter().any(|part| contains(literal, part)));
            implies && (other != set || other_place < place)
        })
    };
    let kept = sets
        .iter()
        .enumerate()
        .filter(|(place, set)| !is_implied(*place, set));
    kept.map(|(_, set)| set.clone()).collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// The expression's depth is bounded where it is parsed.
fn known(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::exactly(vec![Vec::new()]),
        HirKind::Literal(literal) => {
            let text = literal.0.to_ascii_lowercase();
            if text.len() <= MAX_LENGTH {
                Known::exactly(vec![text])
            } else {
                Known::containing(text.get(..MAX_LENGTH).map(|start| vec![start.to_vec()]))
            }
        }
        HirKind::Class(class) => members(class).map_or_else(Known::default, Known::exactly),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Concat(parts) => sequence(parts.iter().map(known)),
        HirKind::Alternation(parts) => alternatives(parts.iter().map(known)),
    }
}

/// The members of a small class, in lower case.
fn members(class: &Class) -> Option<Literals> {
    let mut set = Literals::new();
    match class {
        Class::Unicode(class) => {
            let ranges = class.ranges().iter();
            let count: usize = ranges
                .clone()
                .map(regex_syntax::hir::ClassUnicodeRange::len)
                .sum();
            if count > 2 * MAX_CLASS {
                return None;
            }
            for character in ranges.flat_map(|range| range.start()..=range.end()) {
                let mut buffer = [0; 4];
                set.push(
                    character
                        .encode_utf8(&mut buffer)
                        .as_bytes()
                        .to_ascii_lowercase(),
                );
            }
        }
        Class::Bytes(class) => {
            let ranges = class.ranges().iter();
            let count: usize = ranges
                .clone()
                .map(regex_syntax::hir::ClassBytesRange::len)
                .sum();
            if count > 2 * MAX_CLASS {
                return None;
            }
            set.extend(
                ranges
                    .flat_map(|range| range.start()..=range.end())
                    .map(|byte| vec![byte.to_ascii_lowercase()]),
            );
        }
    }
    set.sort_unstable();
    set.dedup();
    (set.len() <= MAX_CLASS).then_some(set)
}

fn repeated(repetition: &Repetition) -> Known {
    let one = known(&repetition.sub);
    let Some(set) = &one.exact else {
        let required = if repetition.min == 0 {
            Vec::new()
        } else {
            one.into_required()
        };
        return Known {
            required,
            ..Known::default()
        };
    };
    if repetition.min == 0 {
        // An optional part widens what is around it; a part that may repeat for ever ends it.
        return match repetition.max {
            Some(1) => Known::exactly(set.iter().cloned().chain([Vec::new()]).collect()),
            _ => Known::default(),
        };
    }
    let copies = repetition.min.min(MAX_COPIES);
    let product = (1..copies).try_fold(set.clone(), |product, _| cross(&product, set));
    match product {
        Some(product) if repetition.max == Some(copies) => Known::exactly(product),
        Some(product) => Known {
            ends: Some((product.clone(), product)),
            ..Known::default()
        },
        None => Known::containing([set.clone()]),
    }
}

fn sequence(parts: impl Iterator<Item = Known>) -> Known {
    let mut required = Vec::new();
    // What precedes the place that is read, back to the last break in what is known.
    let mut run: Literals = vec![Vec::new()];
    let mut broken = false;
    for part in parts {
        let Some(set) = part.exact else {
            let (start, end) = part
                .ends
                .unwrap_or_else(|| (vec![Vec::new()], vec![Vec::new()]));
            join(&mut required, &mut run, start);
            keep(&mut required, std::mem::replace(&mut run, end));
            required.extend(part.required);
            broken = true;
            continue;
        };
        broken |= join(&mut required, &mut run, set);
    }
    if broken {
        keep(&mut required, run);
        Known {
            required,
            ..Known::default()
        }
    } else {
        Known {
            exact: Some(run),
            required,
            ..Known::default()
        }
    }
}

/// Puts a set behind the run. Where that grows too large, the run ends and the set starts a new
/// one; returns whether it did.
fn join(required: &mut Vec<Literals>, run: &mut Literals, set: Literals) -> bool {
    if set.len() > 1 {
        // Fewer and shorter literals may be the better choice further up.
        keep(required, run.clone());
    }
    let longer = cross(run, &set);
    let ended = longer.is_none();
    let before = std::mem::replace(run, longer.unwrap_or(set));
    if ended {
        keep(required, before);
    }
    ended
}

fn alternatives(parts: impl Iterator<Item = Known>) -> Known {
    let mut exact = Some(Literals::new());
    let mut union = Some(Literals::new());
    for part in parts {
        exact = exact.zip(part.exact.as_ref()).map(|(mut all, set)| {
            all.extend(set.iter().cloned());
            all
        });
        let best = part.into_required().into_iter().max_by_key(worth);
        union = union.zip(best).map(|(mut all, set)| {
            all.extend(set);
            all
        });
    }
    match exact {
        Some(set) if set.len() <= MAX_SET => Known::exactly(set),
        _ => Known::containing(union),
    }
}

/// Every text of the one followed by every text of the other, if that is not too many.
fn cross(left: &Literals, right: &Literals) -> Option<Literals> {
    let longest = |set: &Literals| set.iter().map(Vec::len).max().unwrap_or(0);
    if left.len().saturating_mul(right.len()) > MAX_SET
        || longest(left) + longest(right) > MAX_LENGTH
    {
        return None;
    }
    let mut product: Literals = left
        .iter()
        .flat_map(|start| {
            right
                .iter()
                .map(move |end| [start.as_slice(), end].concat())
        })
        .collect();
    product.sort_unstable();
    product.dedup();
    Some(product)
}

/// Keeps a set that tells something, without literals that contain another one of it.
fn keep(required: &mut Vec<Literals>, mut set: Literals) {
    if set.is_empty() || set.len() > MAX_UNION || !set.iter().all(|literal| gate::is_rare(literal))
    {
        return;
    }
    set.sort_unstable_by_key(Vec::len);
    let mut shortest = Literals::new();
    for literal in set {
        if !shortest.iter().any(|short| contains(&literal, short)) {
            shortest.push(literal);
        }
    }
    required.push(shortest);
}

/// How useful a set is: the rarity of its most common literal, less for many literals.
fn worth(set: &Literals) -> u32 {
    let rarity = set
        .iter()
        .map(|literal| gate::rarity(literal))
        .min()
        .unwrap_or(0);
    (rarity * 2).saturating_sub(set.len().max(1).ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, Flags};

    fn required(pattern: &str) -> Vec<Vec<String>> {
        let sets = literals(&pattern::parse(pattern, Flags::default()).unwrap().hir);
        let text = |literal: Vec<u8>| String::from_utf8_lossy(&literal).into_owned();
        sets.into_iter()
            .map(|set| set.into_iter().map(text).collect())
            .collect()
    }

    #[test]
    fn literals_that_every_match_contains() {
        for (pattern, expected) in [
            ("abc", &[&["abc"][..]][..]),
            (r"(?i)union\s+select", &[&["union"], &["select"]]),
            (r"(?i)<\s*script\b", &[&["<"], &["script"]]),
            ("(?:cat|dog)food", &[&["catfood", "dogfood"]]),
            ("select.*(?:from|into)", &[&["select"], &["from", "into"]]),
            (r"select\s+(?:a|b.*c)?x", &[&["select"]]),
            (r"\.\./+\.\./", &[&["/../"]]),
            ("abcd+efg", &[&["abcd"], &["defg"]]),
            (r"(?:\.\./){3,}", &[&["../../../"]]),
            (r"(?:\.\./){2}etc", &[&["../../etc"]]),
            ("a?bcd", &[&["bcd"]]),
            ("(?i)ka[sz]", &[&["kas", "kaz"]]),
            (r"^/(?:admin|login)$", &[&["/admin", "/login"]]),
            (r"\$\{jndi:", &[&["${jndi:"]]),
            ("abc|x", &[]),
            ("abc|x.*y", &[]),
            ("[a-z]+", &[]),
            ("(?:abc)?", &[]),
            ("(?:abc)*d", &[]),
            ("", &[]),
            (r"\d{4}-\d{2}", &[]),
        ] {
            let found = required(pattern);
            assert_eq!(
                found,
                expected.iter().map(|set| set.to_vec()).collect::<Vec<_>>(),
                "{pattern}"
            );
        }
    }

    #[test]
    fn large_sets_are_given_up_not_cut() {
        let words: Vec<String> = (0..600).map(|number| format!("word{number:03}")).collect();
        assert!(
            required(&words.join("|"))
                .iter()
                .all(|set| set.len() <= MAX_UNION)
        );
        let long = "x".repeat(200);
        assert_eq!(
            required(&format!("{long}.*abc")),
            [vec!["x".repeat(MAX_LENGTH)], vec!["abc".to_owned()]]
        );
    }
}
