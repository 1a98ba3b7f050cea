//! The literals that every match of a regular expression contains.
//!
//! *Input*: the expression's meaning from `regex-syntax`. *Output*: sets of literals; every match
//! contains, ignoring case, at least one literal of each set. *Example*: `(?i)union\s+select` gives
//! `{union}` and `{select}`. *Limits*: gives up on sets that grow large or hold common literals.

use regex_syntax::hir::{
    Class, ClassBytesRange, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};

use crate::prefilter::literal::{self, Literal};

/// Literals of which one must occur.
type Literals = Vec<Literal>;

/// What is written out of an expression has at most so many literals.
const MAX_SET: usize = 64;
/// Alternatives together have at most so many.
const MAX_UNION: usize = 512;
/// Up to so many literals are looked for in place of fewer parts of them.
const MAX_LONGER: usize = 16;
/// Longer literals are cut off, in bytes: what follows starts a literal of its own.
const MAX_LENGTH: usize = 48;
/// A class of more characters, ignoring case, stands for anything.
const MAX_CLASS: usize = 4;
/// A counted repetition is written out up to this many times.
const MAX_COPIES: u32 = 4;

/// What is known of an expression.
struct Known {
    /// Everything it can match, where that is little.
    exact: Option<Literals>,
    /// Every match starts with one of these, and ends with one of those.
    start: Literals,
    end: Literals,
    /// The sets of which each match contains a literal.
    required: Vec<Literals>,
    /// It matches signs alone, or nothing: where it touches a word there is an edge, if there is one
    /// without it.
    is_gap: bool,
}

impl Known {
    fn nothing() -> Self {
        Self {
            exact: None,
            start: empty(),
            end: empty(),
            required: Vec::new(),
            is_gap: false,
        }
    }

    /// Signs alone, at least one.
    fn signs() -> Self {
        Self {
            start: vec![Literal::edge()],
            end: vec![Literal::edge()],
            ..Self::nothing()
        }
    }

    fn exactly(mut set: Literals) -> Self {
        set.sort_unstable();
        set.dedup();
        Self {
            start: set.clone(),
            end: set.clone(),
            exact: Some(set),
            required: Vec::new(),
            is_gap: false,
        }
    }

    /// Whether no letter can stand before it that a word goes on with, where `next` says so of what
    /// follows.
    fn starts_with_edge(&self, next: bool) -> bool {
        let is_optional = self.exact.is_some() && next;
        if self.is_gap {
            return next;
        }
        self.start.iter().all(|literal| {
            literal.starts_word || literal.starts_with_sign() || (literal.is_empty() && is_optional)
        })
    }

    /// The sets, with those of its ends among them.
    fn into_required(self) -> Vec<Literals> {
        let mut required = self.required;
        if self.start != self.end {
            keep(&mut required, self.start);
        }
        keep(&mut required, self.end);
        required
    }
}

/// The set of the empty literal alone, which tells nothing.
fn empty() -> Literals {
    vec![Literal::default()]
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
                    .all(|literal| set.iter().any(|part| literal.implies(part)));
            implies && (other != set || other_place < place)
        })
    };
    let kept = sets
        .iter()
        .enumerate()
        .filter(|(place, set)| !is_implied(*place, set));
    kept.map(|(_, set)| set.clone()).collect()
}

/// The expression's depth is bounded where it is parsed.
fn known(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty => Known::exactly(empty()),
        HirKind::Look(look) => Known::exactly(if is_edge(*look) {
            vec![Literal::edge()]
        } else {
            empty()
        }),
        HirKind::Literal(text) => match text.0.get(..MAX_LENGTH) {
            Some(start) => Known {
                required: vec![vec![Literal::of(start)]],
                ..Known::nothing()
            },
            None => Known::exactly(vec![Literal::of(&text.0)]),
        },
        HirKind::Class(class) => match members(class) {
            Some(set) => Known::exactly(set),
            None if has_signs_alone(hir) => Known::signs(),
            None => Known::nothing(),
        },
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Concat(parts) => sequence(anchored(parts)),
        HirKind::Alternation(parts) => alternatives(parts.iter().map(known)),
    }
}

/// Whether the assertion holds only where a word starts or ends, if one touches the place. In Unicode
/// more is of a word, so that what stands beyond an edge is no part of a word in ASCII either.
const fn is_edge(look: Look) -> bool {
    matches!(
        look,
        Look::Start
            | Look::End
            | Look::StartLF
            | Look::EndLF
            | Look::StartCRLF
            | Look::EndCRLF
            | Look::WordAscii
            | Look::WordUnicode
            | Look::WordStartAscii
            | Look::WordStartUnicode
            | Look::WordEndAscii
            | Look::WordEndUnicode
    )
}

/// Whether every byte of every match is a sign.
fn has_signs_alone(hir: &Hir) -> bool {
    let has_signs = |first: u32, last: u32| {
        let words = [(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];
        words
            .iter()
            .all(|(from, to)| last < u32::from(*from) || first > u32::from(*to))
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(text) => !text.0.iter().any(|byte| literal::is_word(*byte)),
        HirKind::Class(Class::Bytes(class)) => class
            .ranges()
            .iter()
            .all(|range| has_signs(range.start().into(), range.end().into())),
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .iter()
            .all(|range| has_signs(range.start().into(), range.end().into())),
        HirKind::Repetition(repetition) => has_signs_alone(&repetition.sub),
        HirKind::Capture(capture) => has_signs_alone(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(has_signs_alone),
    }
}

/// The members of a small class, in lower case.
fn members(class: &Class) -> Option<Literals> {
    let mut set = Literals::new();
    match class {
        Class::Unicode(class) => {
            let ranges = class.ranges().iter();
            if ranges.clone().map(ClassUnicodeRange::len).sum::<usize>() > 2 * MAX_CLASS {
                return None;
            }
            let mut buffer = [0; 4];
            for character in ranges.flat_map(|range| range.start()..=range.end()) {
                set.push(Literal::of(character.encode_utf8(&mut buffer).as_bytes()));
            }
        }
        Class::Bytes(class) => {
            let ranges = class.ranges().iter();
            if ranges.clone().map(ClassBytesRange::len).sum::<usize>() > 2 * MAX_CLASS {
                return None;
            }
            set.extend(
                ranges
                    .flat_map(|range| range.start()..=range.end())
                    .map(|byte| Literal::of(&[byte])),
            );
        }
    }
    set.sort_unstable();
    set.dedup();
    (set.len() <= MAX_CLASS).then_some(set)
}

fn repeated(repetition: &Repetition) -> Known {
    let one = known(&repetition.sub);
    match (one.exact, repetition.min) {
        // An optional part widens what is around it; a part that may repeat for ever ends it.
        (Some(set), 0) if repetition.max == Some(1) => {
            Known::exactly(set.into_iter().chain(empty()).collect())
        }
        (_, 0) => Known {
            is_gap: has_signs_alone(&repetition.sub),
            ..Known::nothing()
        },
        (None, _) => Known { exact: None, ..one },
        (Some(set), min) => {
            let copies = min.min(MAX_COPIES);
            let product = (1..copies).try_fold(set.clone(), |product, _| cross(&product, &set));
            match product {
                Some(product) if repetition.max == Some(copies) => Known::exactly(product),
                product => Known {
                    exact: None,
                    ..Known::exactly(product.unwrap_or(set))
                },
            }
        }
    }
}

/// What is known of each part, where what stands behind an edge tells more of alternatives.
fn anchored(parts: &[Hir]) -> impl Iterator<Item = Known> {
    let mut is_behind_edge = false;
    parts.iter().map(move |part| {
        let edge = || Known::exactly(vec![Literal::edge()]);
        let known = match part.kind() {
            HirKind::Alternation(parts) if is_behind_edge => alternatives(
                parts
                    .iter()
                    .map(|part| sequence([edge(), known(part)].into_iter())),
            ),
            _ => known(part),
        };
        is_behind_edge = matches!(part.kind(), HirKind::Look(look) if is_edge(*look));
        known
    })
}

fn sequence(parts: impl Iterator<Item = Known>) -> Known {
    let mut parts: Vec<Known> = parts.collect();
    let mut next = false;
    for part in parts.iter_mut().rev() {
        if part.is_gap && next {
            part.start = vec![Literal::edge()];
        }
        next = part.starts_with_edge(next);
    }
    let mut required = Vec::new();
    // What precedes the place that is read, back to the last break in what is known.
    let mut run = empty();
    let mut start = None;
    for mut part in parts {
        if part.is_gap && run.iter().all(Literal::ends_with_edge) {
            part.end = vec![Literal::edge()];
        }
        if part.start.len() > 1 {
            // Fewer and shorter literals may be the better choice further up.
            keep(&mut required, run.clone());
        }
        let joined = cross(&run, &part.start);
        let end = match (joined, part.exact.is_some()) {
            (Some(longer), true) => {
                run = longer;
                continue;
            }
            (Some(longer), false) => {
                run = longer;
                part.end
            }
            (None, _) => {
                let edge = [Literal::edge()];
                if part.starts_with_edge(false) {
                    run = cross(&run, &edge).unwrap_or(run);
                } else if run.iter().all(Literal::ends_with_edge) {
                    part.start = cross(&edge, &part.start).unwrap_or(part.start);
                }
                keep(&mut required, part.start);
                part.end
            }
        };
        keep(&mut required, run.clone());
        start.get_or_insert(run);
        run = end;
        required.extend(part.required);
    }
    match start {
        None => Known {
            required,
            ..Known::exactly(run)
        },
        Some(start) => Known {
            exact: None,
            start,
            end: run,
            required,
            is_gap: false,
        },
    }
}

fn alternatives(parts: impl Iterator<Item = Known>) -> Known {
    let mut exact = Some(Literals::new());
    let (mut start, mut end) = (Literals::new(), Literals::new());
    let mut union = Some(Literals::new());
    for part in parts {
        exact = exact.zip(part.exact.as_ref()).map(|(mut all, set)| {
            all.extend(set.iter().cloned());
            all
        });
        start.extend(part.start.iter().cloned());
        end.extend(part.end.iter().cloned());
        let best = part
            .into_required()
            .into_iter()
            .max_by_key(|set| literal::worth(set));
        union = union.zip(best).map(|(mut all, set)| {
            all.extend(set);
            all
        });
    }
    let mut required = Vec::new();
    keep(&mut required, union.unwrap_or_default());
    match exact {
        Some(set) if set.len() <= MAX_SET => Known {
            required,
            ..Known::exactly(set)
        },
        _ => {
            let small = |set: Literals| if set.len() <= MAX_SET { set } else { empty() };
            Known {
                exact: None,
                start: small(start),
                end: small(end),
                required,
                is_gap: false,
            }
        }
    }
}

/// Every text of the one followed by every text of the other, if that is not too many.
fn cross(left: &[Literal], right: &[Literal]) -> Option<Literals> {
    let longest = |set: &[Literal]| {
        set.iter()
            .map(|literal| literal.bytes.len())
            .max()
            .unwrap_or(0)
    };
    if left.len().saturating_mul(right.len()) > MAX_SET
        || longest(left) + longest(right) > MAX_LENGTH
    {
        return None;
    }
    let mut product: Literals = left
        .iter()
        .flat_map(|start| right.iter().map(|end| start.then(end)))
        .collect();
    product.sort_unstable();
    product.dedup();
    Some(product)
}

/// Keeps a set that tells something, without literals that contain another one of it.
fn keep(required: &mut Vec<Literals>, mut set: Literals) {
    if set.is_empty() || set.len() > MAX_UNION || !set.iter().all(Literal::is_rare) {
        return;
    }
    set.sort_unstable_by_key(|literal| {
        (literal.bytes.len(), literal.starts_word, literal.ends_word)
    });
    let mut shortest = Literals::new();
    for literal in set {
        if !shortest.iter().any(|short| literal.implies(short)) {
            shortest.push(literal);
        }
    }
    shortest.sort_unstable();
    required.push(shortest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, Flags};

    fn required(pattern: &str) -> Vec<Vec<String>> {
        let sets = literals(&pattern::parse(pattern, Flags::default()).unwrap().hir);
        // An edge of a word is shown as `|`.
        let text = |literal: Literal| {
            let edge = |is_edge: bool| if is_edge { "|" } else { "" };
            let text = String::from_utf8_lossy(&literal.bytes).into_owned();
            format!(
                "{}{text}{}",
                edge(literal.starts_word),
                edge(literal.ends_word)
            )
        };
        sets.into_iter()
            .map(|set| set.into_iter().map(text).collect())
            .collect()
    }

    #[test]
    fn literals_that_every_match_contains() {
        for (pattern, expected) in [
            ("abc", &[&["abc"][..]][..]),
            (r"(?i)union\s+select", &[&["union|"], &["|select"]]),
            (r"(?i)<\s*script\b", &[&["<"], &["|script|"]]),
            (r"\b(?:id|ls)\b", &[&["|id|", "|ls|"]]),
            (r"(?:;|\bor\b)\s*id\b", &[&["|id|"]]),
            (r"%(?:4[a-z]|5[0-9].?)", &[&["%4", "%5"]]),
            (r"a(?:bc.*)+de", &[&["abc"], &["de"]]),
            ("(?:cat|dog)food", &[&["catfood", "dogfood"]]),
            ("select.*(?:from|into)", &[&["select"], &["from", "into"]]),
            (r"select\s+(?:a|b.*c)?x", &[&["select|"]]),
            (r"\.\./+\.\./", &[&["/../"]]),
            ("abcd+efg", &[&["abcd"], &["defg"]]),
            (r"(?:\.\./){3,}", &[&["../../../"]]),
            (r"(?:\.\./){2}etc", &[&["../../etc"]]),
            ("a?bcd", &[&["bcd"]]),
            ("(?i)ka[sz]", &[&["kas", "kaz"]]),
            (r"^/(?:admin|login)$", &[&["/admin|", "/login|"]]),
            (
                r"(?:^|&)(?:id|do)=[\s;|&`$({]*(?:ls|ps)\s*(?:;|$)",
                &[&["|do=", "|id="], &["|ls|", "|ps|"]],
            ),
            (r"a[^\w]*b?select", &[&["select"]]),
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
