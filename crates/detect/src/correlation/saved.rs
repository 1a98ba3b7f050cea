//! What correlations hold, over a restart: how groups are written down, and which table is whose.

use vigil_rule::Correlation;

use super::group::{Group, MAX_SAMPLES, Sample, State, Step};
use super::held::Held;
use super::{Correlator, described};
use crate::state::code::{write_fixed, write_moments};
use crate::state::{Input, Kept, Part, Refused, Saved};

/// So many moments or values at most: see [`Group`].
const MOST: usize = Correlation::MAX_COUNT as usize + 1;

impl Kept for Step {
    fn write(&self, out: &mut Vec<u8>) {
        self.last.write(out);
        self.chain.map(|(begin, _)| begin).write(out);
        self.chain.map(|(_, end)| end).write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let last = Option::read(input)?;
        let (begin, end) = (Option::read(input)?, Option::read(input)?);
        (begin.is_some() == end.is_some()).then_some(Self {
            last,
            chain: begin.zip(end),
        })
    }
}

impl Kept for Sample {
    fn write(&self, out: &mut Vec<u8>) {
        self.at.write(out);
        self.sum.write(out);
        self.count.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            at: input.moment()?,
            sum: f64::read(input).filter(|sum| sum.is_finite())?,
            count: u32::read(input)?,
        })
    }
}

impl Kept for State {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => out.push(0),
            Self::Moments(moments) => {
                out.push(1);
                write_moments(moments.iter(), out);
            }
            Self::Values(values) => {
                out.push(2);
                write_moments(values.iter().map(|(at, _)| at), out);
                for (_, value) in values {
                    write_fixed(*value, out);
                }
            }
            Self::Steps(steps) => {
                out.push(3);
                (steps.len() as u64).write(out);
                for step in steps {
                    step.write(out);
                }
            }
            Self::Samples { samples, coarse } => {
                out.extend([4, u8::from(*coarse)]);
                (samples.len() as u64).write(out);
                for sample in samples {
                    sample.write(out);
                }
            }
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(match input.byte()? {
            0 => Self::Empty,
            1 => Self::Moments(input.moments(MOST)?),
            2 => {
                let moments = input.moments(MOST)?.into_iter();
                let with_value = |at| Some((at, input.fixed()?));
                Self::Values(moments.map(with_value).collect::<Option<_>>()?)
            }
            3 => Self::Steps(input.all(Correlation::MAX_STEPS, Step::read)?.into()),
            4 => Self::Samples {
                coarse: match input.byte()? {
                    0 => false,
                    1 => true,
                    _ => return None,
                },
                samples: input.all(MAX_SAMPLES, Sample::read)?,
            },
            _ => return None,
        })
    }
}

impl Kept for Group {
    fn write(&self, out: &mut Vec<u8>) {
        self.newest.write(out);
        self.quiet_until.write(out);
        self.state.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            newest: Option::read(input)?,
            quiet_until: Option::read(input)?,
            state: State::read(input)?,
        })
    }
}

impl Held {
    fn saved(&mut self) -> &mut dyn Saved {
        match self {
            Self::Groups(groups) => groups,
            Self::Cells(cells) => cells,
        }
    }
}

/// The name of the table of a correlation.
const RULE: &str = "rule:";

impl Correlator {
    /// The table of a correlation, by its place.
    pub(crate) fn table(&mut self, place: usize) -> Option<&mut dyn Saved> {
        self.tracked.get_mut(place).map(|one| one.held.saved())
    }

    /// Which it is.
    pub(crate) fn part(&self, place: usize) -> Option<Part> {
        let (correlation, rule) = described(&self.rules, self.tracked.get(place)?.place)?;
        Some(Part {
            name: format!("{RULE}{}", rule.id),
            identity: correlation.identity(self.rules.rules()),
        })
    }

    /// Takes back what was saved of a correlation, if it is the same; none where the part is of something
    /// else.
    pub(crate) fn take_back(
        &mut self,
        part: &Part,
        bytes: &[u8],
        mine: &dyn Fn(u16) -> bool,
    ) -> Option<Result<u64, Refused>> {
        let id = part.name.strip_prefix(RULE)?;
        let is_it = |place: usize| {
            let (_, rule) = described(&self.rules, place)?;
            Some(rule.id == id)
        };
        let place = self
            .tracked
            .iter()
            .position(|one| is_it(one.place) == Some(true))?;
        if self.part(place).as_ref() != Some(part) {
            return Some(Err(Refused::Changed));
        }
        let one = self.tracked.get_mut(place)?;
        let entries = &mut one.entries;
        let taken = match &mut one.held {
            Held::Groups(groups) => groups.take_back(bytes, mine, |group, evicted| {
                let lost = evicted.map_or(0, |group| group.entries());
                *entries = (*entries + group.entries()).saturating_sub(lost);
            }),
            Held::Cells(cells) => cells.take_back(bytes, mine, |cell, evicted| {
                let lost = evicted.map_or(0, |cell| cell.entries());
                *entries = (*entries + cell.entries()).saturating_sub(lost);
            }),
        };
        self.make_room();
        Some(taken.ok_or(Refused::Damaged))
    }
}
