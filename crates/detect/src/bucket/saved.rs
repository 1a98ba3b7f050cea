//! How buckets are written down over a restart.

use vigil_rule::bucket::{Bucket, Tally};

use super::contents::Counted;
use super::surge::Surge;
use super::{Cell, More};
use crate::state::code::write_fixed;
use crate::state::{Input, Kept};

/// The latest moment at which a leaky bucket is empty, in microseconds: leaves room to compute with.
const LATEST_US: i64 = 1 << 61;
/// More tallies than any bucket has.
const MOST_TALLIES: usize = 1_024;

impl Kept for Counted {
    fn write(&self, out: &mut Vec<u8>) {
        self.count.write(out);
        (self.moments.len() as u64).write(out);
        self.moments.iter().for_each(|at| at.write(out));
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            count: u32::read(input)?,
            moments: input.all(Tally::MAX_LAST, Input::moment)?,
        })
    }
}

impl Kept for More {
    fn write(&self, out: &mut Vec<u8>) {
        (self.values.len() as u64).write(out);
        self.values
            .iter()
            .for_each(|value| write_fixed(*value, out));
        self.steps.write(out);
        self.last_poured.write(out);
        (self.counted.len() as u64).write(out);
        self.counted.iter().for_each(|counted| counted.write(out));
        self.settled.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let values = input.all(Bucket::MAX_DISTINCT, Input::fixed)?;
        Some(Self {
            values: values.into_iter().collect(),
            steps: u64::read(input)?,
            last_poured: input.moment()?,
            counted: Vec::from(input.all(MOST_TALLIES, Counted::read)?).into(),
            settled: u64::read(input)?,
            surge: None,
        })
    }
}

impl Kept for Cell {
    fn write(&self, out: &mut Vec<u8>) {
        self.mark.write(out);
        self.hidden_until.write(out);
        self.poured.write(out);
        let surge = self.more.as_ref().and_then(|more| more.surge.as_ref());
        out.push(u8::from(self.more.is_some()) + u8::from(surge.is_some()));
        if let Some(more) = &self.more {
            more.write(out);
        }
        if let Some(surge) = surge {
            surge.write(out);
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let mark = i64::read(input).filter(|mark| (-LATEST_US..=LATEST_US).contains(mark))?;
        Some(Self {
            mark,
            hidden_until: input.moment()?,
            poured: u32::read(input)?,
            more: match input.byte()? {
                0 => None,
                1 => Some(Box::new(More::read(input)?)),
                2 => {
                    let mut more = Box::new(More::read(input)?);
                    more.surge = Some(Box::new(Surge::read(input)?));
                    Some(more)
                }
                _ => return None,
            },
        })
    }
}
