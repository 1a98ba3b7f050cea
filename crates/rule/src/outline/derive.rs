//! The pieces of which every match of an expression has one.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use crate::outline::kind::{Kind, Kinds};
use crate::outline::piece::{self, Keep, MAX_STEPS, Piece};

/// What is known of an expression.
#[derive(Clone, Debug)]
struct Known {
    /// What its matches start with, and what they end with.
    start: Vec<Piece>,
    end: Vec<Piece>,
    /// Each match has one of these, with what is looked at around it.
    inside: Vec<Piece>,
}

impl Known {
    fn exactly(pieces: Vec<Piece>) -> Self {
        Self {
            start: pieces.clone(),
            end: pieces,
            inside: vec![Piece::unknown()],
        }
    }

    /// The best that is known.
    fn best(&self) -> &[Piece] {
        cheapest([&self.inside, &self.start, &self.end])
    }

    /// This and then the other.
    fn then(&self, next: &Self) -> Self {
        let seam = piece::limited(piece::cross(&self.end, &next.start), Keep::Best);
        let start = extended(&self.start, &next.start, Piece::then);
        let end = extended(&next.end, &self.end, |end, before| before.then(end));
        Self {
            start: piece::limited(start, Keep::Start),
            end: piece::limited(end, Keep::End),
            inside: cheapest([&self.inside, &next.inside, &seam]).to_vec(),
        }
    }

    /// With each piece made another, at the starts or at the ends.
    fn edged(self, edge: impl Fn(&Piece) -> Piece, at: Keep) -> Self {
        let all = |pieces: &[Piece]| pieces.iter().map(&edge).collect();
        // What is whole has both ends.
        let whole = |pieces: &[Piece]| {
            let edge = |piece: &Piece| {
                if piece.is_whole {
                    edge(piece)
                } else {
                    piece.clone()
                }
            };
            pieces.iter().map(edge).collect()
        };
        let (start, end) = if at == Keep::Start {
            (all(&self.start), whole(&self.end))
        } else {
            (whole(&self.start), all(&self.end))
        };
        Self { start, end, ..self }
    }
}

/// The set that tells most.
fn cheapest(sets: [&Vec<Piece>; 3]) -> &[Piece] {
    let best = sets
        .into_iter()
        .min_by(|one, other| piece::cost(one).total_cmp(&piece::cost(other)));
    best.map(Vec::as_slice).unwrap_or_default()
}

/// The pieces, each that is whole joined with every one of its neighbours.
fn extended(
    pieces: &[Piece],
    neighbours: &[Piece],
    join: impl Fn(&Piece, &Piece) -> Piece,
) -> Vec<Piece> {
    let mut all = Vec::new();
    for piece in pieces {
        if piece.is_whole {
            all.extend(neighbours.iter().map(|neighbour| join(piece, neighbour)));
        } else {
            all.push(piece.clone());
        }
    }
    all
}

/// The pieces of which each text that matches has one; one of them may be empty.
pub(super) fn pieces(hir: &Hir) -> Vec<Piece> {
    known(hir).best().to_vec()
}

/// The expression's depth is bounded where it is parsed.
fn known(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty => Known::exactly(vec![Piece::empty()]),
        HirKind::Look(look) => Known::exactly(vec![looked(*look)]),
        HirKind::Literal(text) => {
            let bytes = text.0.iter();
            sequence(bytes.map(|byte| Known::exactly(vec![Piece::one(Kinds::of([*byte]))])))
        }
        HirKind::Class(class) => Known::exactly(of_class(class)),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Concat(parts) => concatenated(parts),
        HirKind::Alternation(parts) => alternatives(parts),
    }
}

/// What an assertion looks at; that a word starts or ends is seen to in [`concatenated`].
fn looked(look: Look) -> Piece {
    let start = Kinds::only(Kind::START);
    let end = Kinds::only(Kind::END);
    match look {
        Look::Start => Piece::behind(start),
        Look::StartLF => Piece::behind(start.with(Kinds::of([b'\n']))),
        Look::StartCRLF => Piece::behind(start.with(Kinds::of([b'\n', b'\r']))),
        Look::End => Piece::ahead(end),
        Look::EndLF => Piece::ahead(end.with(Kinds::of([b'\n']))),
        Look::EndCRLF => Piece::ahead(end.with(Kinds::of([b'\n', b'\r']))),
        _ => Piece::empty(),
    }
}

/// A character: of a set, or beyond ASCII the bytes that it is written in.
fn of_class(class: &Class) -> Vec<Piece> {
    let (kinds, is_beyond) = match class {
        Class::Bytes(class) => {
            let ranges = class.ranges().iter();
            let bytes = ranges.flat_map(|range| range.start()..=range.end());
            (Kinds::of(bytes), false)
        }
        Class::Unicode(class) => {
            let ascii = |character: char| u8::try_from(character).ok().filter(u8::is_ascii);
            let ranges = class.ranges().iter();
            let bytes = ranges.clone().filter_map(|range| {
                let last = ascii(range.end()).unwrap_or(0x7f);
                Some(ascii(range.start())?..=last)
            });
            let is_beyond = ranges.clone().any(|range| !range.end().is_ascii());
            (Kinds::of(bytes.flatten()), is_beyond)
        }
    };
    let beyond = is_beyond.then(|| Piece::one(Kinds::beyond()).and_more());
    let within = (!kinds.is_empty()).then(|| Piece::one(kinds));
    within.into_iter().chain(beyond).collect()
}

fn repeated(repetition: &Repetition) -> Known {
    let one = known(&repetition.sub);
    let copies = (repetition.min as usize).min(MAX_STEPS);
    let least = sequence(std::iter::repeat_n(one.clone(), copies));
    if repetition.max == Some(copies as u32) {
        return least;
    }
    let is_once = copies as u32 == repetition.min && repetition.max == Some(repetition.min + 1);
    let optional = |pieces: Vec<Piece>| {
        let more = pieces
            .into_iter()
            .map(|piece| if is_once { piece } else { piece.and_more() });
        std::iter::once(Piece::empty()).chain(more).collect()
    };
    let more = Known {
        start: optional(one.start),
        end: optional(one.end),
        inside: vec![Piece::unknown()],
    };
    least.then(&more)
}

fn sequence(parts: impl Iterator<Item = Known>) -> Known {
    let mut whole = Known::exactly(vec![Piece::empty()]);
    for part in parts {
        whole = whole.then(&part);
    }
    whole
}

/// Parts one after the other, with the edges of words between them.
fn concatenated(parts: &[Hir]) -> Known {
    let mut whole = Known::exactly(vec![Piece::empty()]);
    let mut is_edge = false;
    for part in parts {
        if let HirKind::Look(Look::WordAscii | Look::WordStartAscii | Look::WordEndAscii) =
            part.kind()
        {
            whole = whole.edged(Piece::before_edge, Keep::End);
            is_edge = true;
            continue;
        }
        let mut part = known(part);
        if is_edge {
            part = part.edged(Piece::after_edge, Keep::Start);
        }
        is_edge = false;
        whole = whole.then(&part);
    }
    whole
}

fn alternatives(parts: &[Hir]) -> Known {
    let parts: Vec<Known> = parts.iter().map(known).collect();
    let all = |of: fn(&Known) -> &[Piece], keep| {
        let pieces = parts.iter().flat_map(|part| of(part).to_vec());
        piece::limited(pieces.collect(), keep)
    };
    Known {
        start: all(|part| &part.start, Keep::Start),
        end: all(|part| &part.end, Keep::End),
        inside: all(Known::best, Keep::Best),
    }
}
