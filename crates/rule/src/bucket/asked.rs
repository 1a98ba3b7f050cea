//! Questions to a bucket as they are written: of numbers, of names, of times, or several of them.
//!
//! *Input*: under `condition`, `overflow_filter` or a condition of `bayesian_conditions`: an expression
//! over the names in `rules`, a map, or a list of which everything must hold. *Output*: a
//! [`Test`] and the tallies that it needs. *Limits*: [`MAX_PARTS`] parts.

use rsigma_parser::ConditionOperator;
use serde::Deserialize;

use super::duration;
use super::test::{Part, Tally, Test};
use crate::correlation::{Bounds, Presence};

/// The most parts of a question.
const MAX_PARTS: usize = 16;
/// The most tallies of a bucket.
const MAX_TALLIES: usize = 16;

/// A question as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Asked {
    All(Vec<One>),
    One(One),
}

/// One part of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum One {
    /// Over the names of rules.
    Expression(String),
    Map(Box<Map>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Map {
    /// An expression: over what was poured.
    held: Option<String>,
    /// An expression: over the match that was poured last.
    last: Option<String>,
    /// Numbers count, and times are between, the matches of this rule only.
    of: Option<String>,
    /// Times are between so many of the newest.
    newest: Option<usize>,
    median_interval: Option<Times>,
    /// Which part of all matches those of the rule are, 0.0 to 1.0.
    share: Option<Comparisons<f64>>,
    #[serde(flatten)]
    numbers: Comparisons<u64>,
}

type Times = Comparisons<String>;

#[derive(Clone, Debug, Deserialize)]
struct Comparisons<T> {
    gt: Option<T>,
    gte: Option<T>,
    lt: Option<T>,
    lte: Option<T>,
    eq: Option<T>,
    neq: Option<T>,
}

impl<T> Comparisons<T> {
    fn written(&self) -> impl Iterator<Item = (ConditionOperator, &T)> {
        use ConditionOperator::{Eq, Gt, Gte, Lt, Lte, Neq};
        let all = [
            (Gt, &self.gt),
            (Gte, &self.gte),
            (Lt, &self.lt),
            (Lte, &self.lte),
            (Eq, &self.eq),
            (Neq, &self.neq),
        ];
        let written = all.into_iter();
        written.filter_map(|(operator, number)| Some((operator, number.as_ref()?)))
    }
}

impl Asked {
    fn parts(&self) -> &[One] {
        match self {
            Self::All(parts) => parts,
            Self::One(one) => std::slice::from_ref(one),
        }
    }

    /// The expressions in it.
    pub(super) fn expressions(&self) -> impl Iterator<Item = &str> {
        self.parts()
            .iter()
            .flat_map(|one| match one {
                One::Expression(text) => [Some(text.as_str()), None],
                One::Map(map) => [map.held.as_deref(), map.last.as_deref()],
            })
            .flatten()
    }

    /// Whether it asks for the match that was poured last.
    fn asks_last(&self) -> bool {
        let asks = |one: &One| matches!(one, One::Map(map) if map.last.is_some());
        self.parts().iter().any(asks)
    }
}

/// Whose names an expression that says nothing else is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// All that was poured, and there is no last match to ask for.
    Overflow,
    /// All that was poured.
    Held,
    /// The match that was poured last.
    Last,
}

/// Turns questions into tests, with each name turned into the place of a reference.
pub(super) struct Resolver<'a, F> {
    pub(super) place_of: &'a F,
    pub(super) names: &'a [String],
    pub(super) tallies: Vec<Tally>,
}

impl<F: Fn(&str) -> Option<usize>> Resolver<'_, F> {
    /// The test, or why it is none.
    pub(super) fn test(&mut self, asked: &Asked, over: Over) -> Result<Test, String> {
        if over == Over::Overflow && asked.asks_last() {
            return Err("`last` asks for a match, which an overflow has not".to_owned());
        }
        let parts = asked.parts();
        if !(1..=MAX_PARTS).contains(&parts.len()) {
            return Err(format!("it has 1 to {MAX_PARTS} parts"));
        }
        let mut found = Vec::new();
        for part in parts {
            match part {
                One::Expression(text) if over == Over::Last => {
                    found.push(Part::Last(self.presence(text)?));
                }
                One::Expression(text) => found.push(Part::Held(self.presence(text)?)),
                One::Map(map) => self.map(map, &mut found)?,
            }
        }
        Ok(Test(found))
    }

    fn map(&mut self, map: &Map, found: &mut Vec<Part>) -> Result<(), String> {
        let before = found.len();
        if let Some(text) = &map.held {
            found.push(Part::Held(self.presence(text)?));
        }
        if let Some(text) = &map.last {
            found.push(Part::Last(self.presence(text)?));
        }
        let numbers: Vec<_> = map.numbers.written().collect();
        if !numbers.is_empty() {
            let numbers = numbers.into_iter().map(|(how, number)| (how, *number));
            let bounds = Bounds::new(numbers.collect());
            found.push(match &map.of {
                Some(_) => Part::Counted(self.tally(map, 0)?, bounds),
                None => Part::Poured(bounds),
            });
        }
        if let Some(share) = &map.share {
            found.push(self.share(map, share)?);
        }
        if let Some(times) = &map.median_interval {
            found.push(self.paced(map, times)?);
        }
        if found.len() == before {
            return Err(
                "write `gte` or another comparison, `held`, `last`, `share` or `median_interval`"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn share(&mut self, map: &Map, share: &Comparisons<f64>) -> Result<Part, String> {
        if map.of.is_none() {
            return Err("`share` needs `of`: the rule whose part is asked for".to_owned());
        }
        let mut bounds = Vec::new();
        for (how, part) in share.written() {
            if !(0.0..=1.0).contains(part) {
                return Err(format!("`{part}` is no part of all: write 0.0 to 1.0"));
            }
            bounds.push((how, (part * Part::WHOLE as f64).round() as u64));
        }
        if bounds.is_empty() {
            return Err("`share` needs a comparison, such as `gte: 0.6`".to_owned());
        }
        Ok(Part::Share(self.tally(map, 0)?, Bounds::new(bounds)))
    }

    fn paced(&mut self, map: &Map, times: &Times) -> Result<Part, String> {
        let newest = map.newest.unwrap_or_default();
        if !(2..=Tally::MAX_LAST).contains(&newest) {
            let most = Tally::MAX_LAST;
            return Err(format!("`median_interval` needs `newest`: 2 to {most}"));
        }
        let mut bounds = Vec::new();
        for (how, text) in times.written() {
            let time = duration::microseconds(text)
                .filter(|time| time % 1_000 == 0)
                .and_then(|time| u64::try_from(time / 1_000).ok())
                .ok_or_else(|| format!("`{text}` is no time from 1ms to 31d, such as `10m`"))?;
            bounds.push((how, time));
        }
        if bounds.is_empty() {
            return Err("`median_interval` needs a comparison, such as `gt: 10m`".to_owned());
        }
        Ok(Part::Paced {
            tally: self.tally(map, newest)?,
            newest,
            interval_ms: Bounds::new(bounds),
        })
    }

    fn tally(&mut self, map: &Map, last: usize) -> Result<usize, String> {
        let of = match &map.of {
            None => u64::MAX,
            Some(name) => self
                .place(name)
                .and_then(|place| 1_u64.checked_shl(u32::try_from(place).ok()?))
                .ok_or_else(|| not_named(name))?,
        };
        if let Some(place) = self.tallies.iter().position(|tally| tally.of == of) {
            if let Some(tally) = self.tallies.get_mut(place) {
                tally.last = tally.last.max(last);
            }
            return Ok(place);
        }
        if self.tallies.len() >= MAX_TALLIES {
            return Err(format!(
                "a bucket counts at most {MAX_TALLIES} rules by themselves"
            ));
        }
        self.tallies.push(Tally { of, last });
        Ok(self.tallies.len() - 1)
    }

    fn place(&self, name: &str) -> Option<usize> {
        (self.place_of)(name)
    }

    fn presence(&self, text: &str) -> Result<Presence, String> {
        let expression = rsigma_parser::parse_condition(text).map_err(|error| error.to_string())?;
        Presence::of_expression(&expression, self.place_of, self.names)
            .map_err(|name| not_named(&name))
    }
}

fn not_named(name: &str) -> String {
    format!("it names `{name}`, which is not one of `rules`")
}
