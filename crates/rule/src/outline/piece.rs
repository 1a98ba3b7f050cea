//! Sequences of sets of kinds that stand somewhere in a text, and sets of such sequences.
//!
//! A set of pieces stands for "one of these is in the text". Any two pieces can be merged into one
//! that stands wherever either does, so a set can always be made smaller, for the price of telling
//! less.

use crate::outline::kind::Kinds;

/// The most steps of a piece.
pub(super) const MAX_STEPS: usize = 8;
/// The most pieces that are kept while an expression is read.
const MAX_PIECES: usize = 32;

/// A sequence of sets of kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    steps: Vec<Kinds>,
    /// It is all that is matched; else there is more, of which nothing is known: after it, if it is
    /// what a match starts with; before it, if it is what one ends with.
    pub(super) is_whole: bool,
    /// The first step is the byte before what is matched.
    before: bool,
    /// The last step is the byte after what is matched.
    after: bool,
}

/// What of a piece is kept where it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Start,
    End,
    /// Whatever part tells most.
    Best,
}

impl Piece {
    /// What matches nothing but the empty text.
    pub(super) fn empty() -> Self {
        Self {
            is_whole: true,
            ..Self::default()
        }
    }

    /// Of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self::default()
    }

    /// One byte of these kinds.
    pub(super) fn one(kinds: Kinds) -> Self {
        Self {
            steps: vec![kinds],
            is_whole: true,
            ..Self::default()
        }
    }

    /// Nothing, where a byte of these kinds stands before.
    pub(super) fn behind(kinds: Kinds) -> Self {
        Self {
            before: true,
            ..Self::one(kinds)
        }
    }

    /// Nothing, where a byte of these kinds comes next.
    pub(super) fn ahead(kinds: Kinds) -> Self {
        Self {
            after: true,
            ..Self::one(kinds)
        }
    }

    pub(super) fn steps(&self) -> &[Kinds] {
        &self.steps
    }

    /// With more, of which nothing is known.
    pub(super) fn and_more(mut self) -> Self {
        self.is_whole = false;
        self
    }

    /// This and then the other. A byte that is only looked at is the last or the first one of the
    /// neighbour, and so of the kinds of both.
    pub(super) fn then(&self, next: &Self) -> Self {
        let (mut left, mut right) = (self.clone(), next.clone());
        let is_whole = left.is_whole && right.is_whole;
        if left.after && !right.steps.is_empty() {
            let seen = left.steps.pop();
            left.after = false;
            // Where the next is but a look behind, there is no such byte of it.
            if !right.before {
                narrow(right.steps.first_mut(), seen);
            }
        }
        if right.before && !left.steps.is_empty() {
            let seen = right.steps.remove(0);
            right.before = false;
            narrow(left.steps.last_mut(), Some(seen));
        }
        let before = if left.steps.is_empty() {
            right.before
        } else {
            left.before
        };
        let after = if right.steps.is_empty() {
            left.after
        } else {
            right.after
        };
        left.steps.append(&mut right.steps);
        Self {
            steps: left.steps,
            is_whole,
            before,
            after,
        }
    }

    /// This, where a word starts or ends before it: if it starts with a word's byte, none stands
    /// before.
    pub(super) fn after_edge(&self) -> Self {
        match self.steps.first() {
            Some(first) if !self.before && first.is_within(Kinds::word()) => {
                Self::behind(Kinds::no_word()).then(self)
            }
            _ => self.clone(),
        }
    }

    /// This, where a word starts or ends after it.
    pub(super) fn before_edge(&self) -> Self {
        match self.steps.last() {
            Some(last) if !self.after && last.is_within(Kinds::word()) => {
                self.then(&Self::ahead(Kinds::no_word()))
            }
            _ => self.clone(),
        }
    }

    /// At most so many steps of it.
    fn cut(mut self, most: usize, keep: Keep) -> Self {
        let extra = self.steps.len().saturating_sub(most);
        if extra == 0 {
            return self;
        }
        let start = match keep {
            Keep::Start => 0,
            Keep::End => extra,
            Keep::Best => {
                let cost = |start: &usize| {
                    let steps = self.steps.get(*start..start + most);
                    product(steps.unwrap_or_default())
                };
                let starts = 0..=extra;
                starts
                    .min_by(|one, other| cost(one).total_cmp(&cost(other)))
                    .unwrap_or_default()
            }
        };
        self.steps.drain(..start);
        self.steps.truncate(most);
        self.before &= start == 0;
        self.after &= start == extra;
        self.is_whole = false;
        self
    }

    /// What stands wherever one of the two does.
    fn merged(&self, other: &Self, keep: Keep) -> Self {
        let (mut one, mut other) = (self.clone(), other.clone());
        // A byte that is looked at in one of them cannot stand for one that is matched in the other,
        // where something is to be put beside it.
        if keep != Keep::Best && (one.before, one.after) != (other.before, other.after) {
            one.forget_around();
            other.forget_around();
        }
        let most = one.steps.len().min(other.steps.len());
        (one, other) = (one.cut(most, keep), other.cut(most, keep));
        for (kinds, others) in one.steps.iter_mut().zip(&other.steps) {
            *kinds = kinds.with(*others);
        }
        one.is_whole &= other.is_whole;
        one
    }

    /// Without the bytes that are looked at around what is matched.
    fn forget_around(&mut self) {
        if std::mem::take(&mut self.after) {
            self.steps.pop();
        }
        if std::mem::take(&mut self.before) && !self.steps.is_empty() {
            self.steps.remove(0);
        }
    }

    fn cost(&self) -> f64 {
        product(&self.steps)
    }
}

/// Only kinds that are seen can stand there; nothing is said where that leaves none, which an
/// expression that never matches has.
fn narrow(kinds: Option<&mut Kinds>, seen: Option<Kinds>) {
    if let (Some(kinds), Some(seen)) = (kinds, seen)
        && !kinds.common(seen).is_empty()
    {
        *kinds = kinds.common(seen);
    }
}

fn product(steps: &[Kinds]) -> f64 {
    steps.iter().map(|kinds| kinds.cost()).product()
}

/// How often one of the pieces stands at a place of a text.
pub(super) fn cost(pieces: &[Piece]) -> f64 {
    pieces.iter().map(Piece::cost).sum()
}

/// Every one of some pieces and then every one of others.
pub(super) fn cross(left: &[Piece], right: &[Piece]) -> Vec<Piece> {
    let all = left
        .iter()
        .flat_map(|one| right.iter().map(move |next| one.then(next)));
    all.collect()
}

/// Fewer and shorter pieces that stand wherever these do.
pub(super) fn limited(pieces: Vec<Piece>, keep: Keep) -> Vec<Piece> {
    reduced(pieces, MAX_STEPS, MAX_PIECES, keep)
}

/// Pieces of at most so many steps together that stand wherever these do; none if one of them tells
/// nothing.
pub(super) fn fit(pieces: &[Piece], steps: usize) -> Vec<Piece> {
    if pieces.iter().any(|piece| piece.steps.is_empty()) {
        return Vec::new();
    }
    let lengths = 2..=MAX_STEPS;
    let choices = lengths.map(|most| reduced(pieces.to_vec(), most, steps / most, Keep::Best));
    choices
        .min_by(|one, other| cost(one).total_cmp(&cost(other)))
        .unwrap_or_default()
}

/// At most `count` pieces of at most `most` steps that stand wherever these do: of those that start
/// alike, or end alike, always the two that merge for the least.
fn reduced(pieces: Vec<Piece>, most: usize, count: usize, keep: Keep) -> Vec<Piece> {
    let cut = pieces.into_iter().map(|piece| piece.cut(most, keep));
    let mut kept: Vec<Piece> = cut.collect();
    if keep == Keep::End {
        kept.sort_by(|one, other| one.steps.iter().rev().cmp(other.steps.iter().rev()));
    } else {
        kept.sort();
    }
    kept.dedup();
    let mut prices: Vec<f64> = kept.windows(2).map(|pair| price(pair, keep)).collect();
    while kept.len() > count {
        let cheapest = prices.iter().enumerate();
        let Some((place, _)) = cheapest.min_by(|(_, one), (_, other)| one.total_cmp(other)) else {
            break;
        };
        let second = kept.remove(place + 1);
        prices.remove(place);
        if let Some(first) = kept.get_mut(place) {
            *first = first.merged(&second, keep);
        }
        for neighbour in place.saturating_sub(1)..=place {
            let pair = kept.get(neighbour..neighbour + 2);
            if let (Some(pair), Some(known)) = (pair, prices.get_mut(neighbour)) {
                *known = price(pair, keep);
            }
        }
    }
    kept
}

/// How much more often than two pieces the one stands that they merge into.
fn price(pair: &[Piece], keep: Keep) -> f64 {
    match pair {
        [one, other] => one.merged(other, keep).cost() - one.cost() - other.cost(),
        _ => 0.0,
    }
}
