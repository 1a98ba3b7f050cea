//! What the values of one parameter, or the names in one place of a path, look like.
//!
//! Owns: which kinds, characters, lengths and values were shown by how many, and which of them are
//! trusted. Never holds: a value's text before many clients have sent it, and none of a secret.

mod add;
#[cfg(test)]
mod change_tests;
mod own;
mod pattern;
mod reason;
mod words;

use serde::{Deserialize, Serialize};

use self::reason::Reason;
use super::class;
use super::misfit::{Aspect, ValueMisfit};
use super::options::{Part, Trust, Writing};
use super::shape::{Kind, Shape, bucket_end};
use super::sparse::Sparse;
use super::who::hash_text;
use super::witness::{Crowd, Lesson, Novelty, Witness};

/// A parameter with more values than this has any.
const MAX_VALUES: usize = 64;
/// The longest value that is remembered as such, in bytes.
const MAX_VALUE_BYTES: usize = 48;
/// Pairs of signs that are remembered.
const MAX_PAIRS: usize = 64;
/// A parameter with more patterns than this follows none.
const MAX_PATTERNS: usize = 12;
/// Values follow no pattern once more than one in so many is built otherwise.
const FREE_FROM: u64 = 200;
/// With fewer requests than this a list of values says nothing.
const MIN_FOR_LIST: u64 = 200;

/// A value that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    hash: u64,
    /// Kept once it is trusted.
    text: Option<Box<str>>,
    seen: Witness,
}

/// What is trusted, worked out of what was seen when the profile was last settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Settled {
    classes: u64,
    kinds: u64,
    shortest: u8,
    longest: u8,
    most_signs: u8,
    crowd: u64,
    /// All values are known.
    is_list: bool,
    /// How many patterns are trusted; 0 where values follow none.
    patterns: u8,
    is_ready: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ValueProfile {
    count: u64,
    crowd: Crowd,
    kinds: Sparse,
    classes: Sparse,
    lengths: Sparse,
    signs: Sparse,
    pairs: Vec<(u16, Witness)>,
    /// How values are built, by the hash of it.
    #[serde(default)]
    patterns: Vec<(u64, Witness)>,
    /// There are too many patterns to know.
    #[serde(default)]
    is_free: bool,
    /// Values that are built unlike those that found room.
    #[serde(default)]
    other_patterns: Witness,
    #[serde(default)]
    new_patterns: Novelty,
    values: Vec<Known>,
    /// There are too many values to know.
    is_open: bool,
    overflow: Witness,
    new_classes: Novelty,
    new_pairs: Novelty,
    new_values: Novelty,
    #[serde(skip)]
    settled: Settled,
}

impl ValueProfile {
    /// A profile of values of which only the form matters.
    pub(crate) fn of_forms() -> Self {
        Self {
            is_open: true,
            is_free: true,
            ..Self::default()
        }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn clients(&self) -> u64 {
        self.crowd.addresses()
    }

    /// How many counted as witnesses when it was last settled: an estimate that is dear to make for each request.
    pub(crate) const fn witnesses(&self) -> u64 {
        self.settled.crowd
    }

    /// Whether anything of it is trusted.
    pub(crate) const fn is_ready(&self) -> bool {
        self.settled.is_ready
    }

    /// Whether all of its values are known.
    pub(crate) const fn is_list(&self) -> bool {
        self.settled.is_list
    }

    /// Whether its values are neither on a list nor built alike.
    pub(crate) const fn is_free(&self) -> bool {
        self.is_open && self.is_free
    }

    /// Whether it takes texts that are no UTF-8.
    pub(crate) const fn takes_bytes(&self) -> bool {
        self.settled.classes & 1 << class::INVALID != 0
    }

    /// Learns from a value that an honest client may have sent.
    pub(crate) fn learn(&mut self, (shape, value): (&Shape, &[u8]), by: &Lesson<'_>, trust: Trust) {
        self.count = self.count.saturating_add(u64::from(by.weight));
        self.crowd.see(by.who);
        let is_new = shape.classes & !self.settled.classes != 0;
        self.new_classes.see(self.count, is_new, by);
        self.kinds.see(shape.kind as u8, by);
        self.classes.see_all(shape.classes, by);
        self.lengths.see(shape.length_bucket(), by);
        self.signs.see(shape.sign_bucket(), by);
        let mut is_new = false;
        for pair in shape.pairs() {
            if let Some((_, seen)) = self.pairs.iter_mut().find(|(known, _)| known == pair) {
                seen.see(by);
                is_new |= !trust.trusts(seen);
            } else {
                self.keep_pair(*pair, by);
                is_new = true;
            }
        }
        self.new_pairs.see(self.count, is_new, by);
        if !self.is_free {
            self.learn_pattern(shape, by, trust);
        }
        if !self.is_open {
            self.learn_value(value, by, trust);
        }
    }

    fn keep_pair(&mut self, pair: u16, by: &Lesson<'_>) {
        let mut witness = Witness::default();
        witness.see(by);
        if self.pairs.len() < MAX_PAIRS {
            self.pairs.push((pair, witness));
        } else if let Some(weakest) = self
            .pairs
            .iter_mut()
            .min_by_key(|(_, one)| one.networks())
            .filter(|(_, one)| one.networks() < 3)
        {
            *weakest = (pair, witness);
        }
    }

    fn learn_value(&mut self, value: &[u8], by: &Lesson<'_>, trust: Trust) {
        let hash = hash_text(value);
        let found = self.values.iter_mut().find(|known| known.hash == hash);
        // Of what does not fit a value is new once, however many send it.
        let is_unsure = |known: &&mut Known| known.text.is_none() && !by.is_odd;
        let is_new = found.as_ref().is_none_or(is_unsure);
        self.new_values.see_odd_too(self.count, is_new, by);
        if let Some(known) = found {
            known.seen.see(by);
            if known.text.is_none() && trust.trusts(&known.seen) {
                known.text = Some(String::from_utf8_lossy(value).into());
            }
            return;
        }
        let mut seen = Witness::default();
        seen.see(by);
        let known = Known {
            hash,
            text: None,
            seen,
        };
        let is_kept = value.len() <= MAX_VALUE_BYTES;
        if is_kept && self.values.len() < MAX_VALUES {
            self.values.push(known);
            return;
        }
        self.overflow.see(by);
        if trust.trusts(&self.overflow) {
            self.open();
        } else if let Some(weakest) = self
            .values
            .iter_mut()
            .filter(|one| is_kept && one.text.is_none())
            .min_by_key(|one| one.seen.networks())
            .filter(|one| one.seen.networks() < 3)
        {
            *weakest = known;
        }
    }

    /// Forgets the values: there are too many, or they are secrets.
    pub(crate) fn open(&mut self) {
        self.is_open = true;
        self.values = Vec::new();
    }

    /// Works out what is trusted.
    pub(crate) fn settle(&mut self, trust: Trust) {
        let crowd = self.crowd.size();
        let plain = |_: u8, seen: &Witness| trust.trusts(seen);
        let class = |class: u8, seen: &Witness| {
            if class::DANGEROUS & 1 << class == 0 {
                trust.trusts(seen)
            } else {
                trust.trusts_danger(seen, crowd)
            }
        };
        let kinds = self.kinds.mask_of(plain);
        let lengths = self.lengths.mask_of(plain);
        let enough = |seen: &Witness| trust.trusts(seen);
        self.settled = Settled {
            classes: self.classes.mask_of(class),
            kinds: Kind::covered(kinds),
            shortest: lengths.trailing_zeros().min(63) as u8,
            longest: self.lengths.highest(enough).unwrap_or_default(),
            most_signs: self.signs.highest(enough).unwrap_or_default(),
            crowd,
            is_list: !self.is_open
                && !enough(&self.overflow)
                && self.count >= MIN_FOR_LIST
                && are_mostly_trusted(self.values.iter().map(|known| &known.seen), trust),
            patterns: if !self.is_free
                && self.count >= MIN_FOR_LIST
                && are_mostly_trusted(self.patterns.iter().map(|(_, seen)| seen), trust)
            {
                let trusted = self.patterns.iter().filter(|(_, seen)| enough(seen));
                trusted.count() as u8
            } else {
                0
            },
            is_ready: kinds != 0,
        };
    }

    /// How strong a sign is what so many networks have shown, where something like it is new so often.
    fn strength(&self, novelty: &Novelty, shown: u32, part: Part) -> f64 {
        let crowd = self.settled.crowd;
        part.strength(novelty.probability(self.count, crowd, shown), crowd)
    }

    /// How strong a sign is what so many networks have shown at all.
    fn rarity(&self, shown: u32, part: Part) -> f64 {
        part.rarity(shown, self.count, self.settled.crowd)
    }

    /// What does not fit of a value, if anything.
    pub(crate) fn judge(
        &self,
        (shape, value): (&Shape, &[u8]),
        part: Part,
        trust: Trust,
    ) -> Option<ValueMisfit> {
        if !self.settled.is_ready {
            return None;
        }
        let part = if self.is_made() {
            part.unwritten()
        } else {
            part
        };
        let writing = part.of_writing(self.is_free(), shape.is_usual);
        let form = self.judge_form(shape, writing, trust);
        if form.as_ref().is_some_and(|misfit| misfit.score >= STRONG) {
            return form;
        }
        let value = self.judge_value((shape, value), writing.plain, trust);
        match (form, value) {
            (Some(form), Some(value)) if value.score > form.score => Some(value),
            (None, value) => value,
            (form, _) => form,
        }
    }

    fn judge_form(&self, shape: &Shape, writing: Writing, trust: Trust) -> Option<ValueMisfit> {
        let settled = &self.settled;
        let part = writing.plain;
        let mut worst: Option<(f64, Reason)> = None;
        let mut consider = |score: f64, reason: Reason| {
            if score > WEAKEST && worst.as_ref().is_none_or(|(most, _)| score > *most) {
                worst = Some((score, reason));
            }
        };
        let mut strange = trust.read(shape.classes) & !settled.classes;
        while strange != 0 {
            let class = strange.trailing_zeros() as u8;
            strange &= strange - 1;
            consider(self.class_score(class, writing), Reason::Class(class));
        }
        let kind = shape.kind;
        if settled.kinds & 1 << (kind as u8) == 0 {
            let is_nothing = kind == Kind::Empty && shape.length == 0;
            let weight = if is_nothing { 3.5 } else { 6.0 };
            let rarity = self.rarity(self.kinds.networks(kind as u8), part);
            consider(weight * rarity, Reason::Kind);
        }
        let length = shape.length_bucket();
        let weight = too_long(shape, bucket_end(settled.longest));
        let mut is_long = false;
        if weight > 0.0 {
            let shown = self.lengths.at_least(length).networks();
            let score = weight * self.rarity(shown, part);
            is_long = score >= STRONG;
            consider(score, Reason::Long);
        } else if settled.shortest.saturating_sub(length) > 1 {
            let rarity = self.rarity(self.lengths.networks(length), part);
            consider(self.weight_of_short(shape) * rarity, Reason::Short);
        }
        let signs = shape.sign_bucket();
        let beyond = signs.saturating_sub(settled.most_signs);
        if beyond > 0 {
            let shown = self.signs.at_least(signs).networks();
            let weight = match (shape.kind, beyond) {
                // One more `_` makes a name no text.
                (Kind::Name, _) => 2.0,
                (_, 1) => 3.5,
                (_, 2) => 5.0,
                _ => 6.0,
            };
            consider(weight * self.rarity(shown, part), Reason::Signs);
        }
        if let Some(score) = self.pattern_score(shape, part, trust) {
            consider(score, Reason::Pattern);
        }
        let is_chance = self.is_made() && !self.is_dangerous(shape, trust);
        for pair in shape.pairs().iter().filter(|_| !is_chance) {
            let (score, is_strange) = self.pair_score(*pair, writing, trust);
            if is_strange {
                consider(score, Reason::Pair(*pair));
            }
        }
        let is_dangerous = self.is_dangerous(shape, trust);
        worst.map(|(score, reason)| ValueMisfit {
            aspect: Aspect::Form,
            score,
            change: (!is_dangerous && !is_long).then(|| reason.change(shape)),
            is_dangerous,
            is_long,
            usual: self.usual(&reason),
        })
    }

    /// Whether it is written with what attacks are written with, and values here are not.
    pub(crate) const fn is_dangerous(&self, shape: &Shape, trust: Trust) -> bool {
        trust.read(shape.classes) & !self.settled.classes & class::DANGEROUS != 0
    }

    /// What attacks are written with is new until it is trusted, however many have tried.
    fn class_score(&self, class: u8, writing: Writing) -> f64 {
        if class::DANGEROUS & 1 << class != 0 {
            writing.weight * self.strength(&self.new_classes, 0, writing.dangerous)
        } else {
            let shown = self.classes.networks(class);
            5.5 * self.strength(&self.new_classes, shown, writing.plain)
        }
    }

    fn pair_score(&self, pair: u16, writing: Writing, trust: Trust) -> (f64, bool) {
        let seen = self.pairs.iter().find(|(known, _)| *known == pair);
        if seen.is_some_and(|(_, seen)| trust.trusts(seen)) {
            return (0.0, false);
        }
        // Whatever a line may begin with.
        let signs = class::DANGEROUS & !(1 << class::LINE);
        let is_dangerous = signs & (1 << (pair >> 8) | 1 << (pair & 63)) != 0;
        let shown = seen.map_or(0, |(_, seen)| seen.networks());
        let (weight, part) = if is_dangerous {
            (writing.weight - 2.0, writing.dangerous)
        } else {
            (4.0, writing.plain)
        };
        (weight * self.strength(&self.new_pairs, shown, part), true)
    }

    fn judge_value(
        &self,
        (shape, value): (&Shape, &[u8]),
        part: Part,
        trust: Trust,
    ) -> Option<ValueMisfit> {
        if !self.settled.is_list {
            return None;
        }
        let hash = hash_text(value);
        let text = String::from_utf8_lossy(value);
        // Without a text it is one that only several pages together have shown often enough.
        let is_known = |known: &Known| {
            let text_is = known.text.as_deref().map(|known| known == text);
            known.hash == hash && text_is.unwrap_or_else(|| trust.trusts(&known.seen))
        };
        if self.values.iter().any(is_known) {
            return None;
        }
        let shown = self.values.iter().find(|known| known.hash == hash);
        let shown = shown.map_or(0, |known| known.seen.networks());
        let is_usual = |kind: Kind| {
            let seen = self.kinds.get(kind as u8);
            seen.is_some_and(|seen| trust.trusts(seen))
        };
        let weight = match shape.kind {
            // Words are listed: a number is none of them.
            Kind::Number | Kind::Decimal | Kind::Date if !is_usual(shape.kind) => 5.5,
            Kind::Number | Kind::Decimal | Kind::Date | Kind::Empty => 3.0,
            // Files are asked for with a version, and that is a new one now and then.
            Kind::Name if shape.classes & !(1 << class::DIGIT | 1 << class::DOT) == 0 => 3.0,
            _ => 5.5,
        };
        let score = weight * self.strength(&self.new_values, shown, part);
        let is_dangerous = self.is_dangerous(shape, trust);
        (score > WEAKEST).then(|| ValueMisfit {
            aspect: Aspect::Value,
            score,
            change: (!is_dangerous).then_some(hash),
            is_dangerous,
            is_long: false,
            usual: format!("one of {}", self.listed()),
        })
    }
}

/// Whether of those who have shown these things three quarters have shown what is trusted of them: where
/// fewer have, there are others that nobody has shown yet.
fn are_mostly_trusted<'a>(all: impl Iterator<Item = &'a Witness>, trust: Trust) -> bool {
    let (mut shown, mut trusted) = (0, 0);
    for seen in all {
        shown += seen.networks();
        trusted += if trust.trusts(seen) {
            seen.networks()
        } else {
            0
        };
    }
    trusted > 0 && trusted * 4 >= shown * 3
}

/// From here on a sign is strong.
pub(crate) const STRONG: f64 = 5.0;
/// Below this a sign is none.
pub(crate) const WEAKEST: f64 = 1.0;

/// How bad it is that a value is so long where others are at most that long.
fn too_long(shape: &Shape, usual: u64) -> f64 {
    let length = u64::from(shape.length);
    if shape.kind == Kind::Number && length > usual + 4 {
        // Ten thousand times as much.
        return 6.0;
    }
    match [2, 4, 8].map(|times| length > times * usual + 2 * times) {
        [_, _, true] => 7.0,
        [_, true, _] => 6.0,
        [true, ..] => 4.6,
        _ if length > usual + 2 => 2.5,
        _ => 0.0,
    }
}
