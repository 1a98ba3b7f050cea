//! What is watched of one site and one family: which things were sent within the last hour, and by which
//! network where it was only one.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::usual::Usual;
use super::{SHOWN_BYTES, WINDOW_MS};
use crate::state::code::{write_fixed, write_moments, write_text};
use crate::state::{Input, Kept};

/// Things that are remembered; further ones are not until some are an hour old.
pub(super) const MOST_THINGS: usize = 1_024;
/// Things of one network that are remembered.
const OF_ONE_NETWORK: u32 = 4;
/// Examples that are shown.
const EXAMPLES: usize = 3;
/// The longest example: a path and what was matched, with words between.
const EXAMPLE_BYTES: usize = 4 * SHOWN_BYTES;

/// Who sent a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    One(u64),
    Several,
}

/// One site and one family.
#[derive(Debug)]
pub(crate) struct Watch {
    /// When each thing came first, the oldest in front.
    recent: VecDeque<(i64, u64)>,
    senders: HashMap<u64, Sender>,
    /// How many things each network has that nobody else sent; never none.
    networks: HashMap<u64, u32>,
    examples: VecDeque<String>,
    usual: Usual,
    newest: i64,
    quiet_until: i64,
}

/// What is counted at the moment.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    pub(super) networks: u32,
    pub(super) usual: f64,
    pub(super) examples: &'a VecDeque<String>,
}

impl Watch {
    /// Nothing was sent, for so many hours.
    pub(super) fn new(at: i64, quiet_hours: i64) -> Self {
        Self {
            recent: VecDeque::new(),
            senders: HashMap::new(),
            networks: HashMap::new(),
            examples: VecDeque::new(),
            usual: Usual::new(at.div_euclid(WINDOW_MS), quiet_hours),
            newest: at,
            quiet_until: i64::MIN,
        }
    }

    /// Takes in that a network sent a thing. What comes an hour late is not counted.
    pub(super) fn take(
        &mut self,
        thing: u64,
        network: u64,
        at: i64,
        example: impl FnOnce() -> String,
    ) {
        self.newest = self.newest.max(at);
        self.forget_until(self.newest.saturating_sub(WINDOW_MS));
        if at > self.newest.saturating_sub(WINDOW_MS) {
            match self.senders.get(&thing).copied() {
                Some(Sender::One(other)) if other != network => {
                    self.senders.insert(thing, Sender::Several);
                    self.lose(other);
                }
                Some(_) => {}
                None => self.add(thing, network, example),
            }
        }
        let networks = self.networks.len() as u32;
        self.usual.see(self.newest.div_euclid(WINDOW_MS), networks);
    }

    fn add(&mut self, thing: u64, network: u64, example: impl FnOnce() -> String) {
        let own = self.networks.get(&network).copied().unwrap_or_default();
        if self.recent.len() >= MOST_THINGS || own >= OF_ONE_NETWORK {
            return;
        }
        self.recent.push_back((self.newest, thing));
        self.senders.insert(thing, Sender::One(network));
        self.networks.insert(network, own + 1);
        if own == 0 {
            if self.examples.len() >= EXAMPLES {
                self.examples.pop_front();
            }
            self.examples.push_back(example());
        }
    }

    /// Forgets what came first at that moment or before.
    fn forget_until(&mut self, moment: i64) {
        while let Some((_, thing)) = self.recent.pop_front_if(|(at, _)| *at <= moment) {
            if let Some(Sender::One(network)) = self.senders.remove(&thing) {
                self.lose(network);
            }
        }
    }

    /// Takes a thing off those that a network alone has sent.
    fn lose(&mut self, network: u64) {
        if let Some(own) = self.networks.get_mut(&network) {
            *own -= 1;
            if *own == 0 {
                self.networks.remove(&network);
            }
        }
    }

    pub(super) fn counted(&self) -> Counted<'_> {
        Counted {
            networks: self.networks.len() as u32,
            usual: self.usual.mean(),
            examples: &self.examples,
        }
    }

    /// Whether it may be told; if yes there is quiet for an hour.
    pub(super) const fn may_tell(&mut self, at: i64) -> bool {
        if at < self.quiet_until {
            return false;
        }
        self.quiet_until = at.saturating_add(WINDOW_MS);
        self.usual.note_told();
        true
    }
}

impl Kept for Watch {
    fn write(&self, out: &mut Vec<u8>) {
        write_moments(self.recent.iter().map(|(at, _)| at), out);
        for (_, thing) in &self.recent {
            write_fixed(*thing, out);
            match self.senders.get(thing) {
                Some(Sender::One(network)) => {
                    out.push(1);
                    write_fixed(*network, out);
                }
                _ => out.push(0),
            }
        }
        (self.examples.len() as u64).write(out);
        self.examples.iter().for_each(|one| write_text(one, out));
        self.usual.write(out);
        self.newest.write(out);
        let quiet_until = Some(self.quiet_until).filter(|until| *until != i64::MIN);
        quiet_until.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let moments = input.moments(MOST_THINGS)?;
        if !moments.iter().is_sorted() {
            return None;
        }
        let mut senders = HashMap::new();
        let mut networks = HashMap::new();
        let mut recent = VecDeque::new();
        for at in moments {
            let thing = input.fixed()?;
            let sender = match input.byte()? {
                0 => Sender::Several,
                1 => {
                    let network = input.fixed()?;
                    let own: &mut u32 = networks.entry(network).or_default();
                    *own += 1;
                    if *own > OF_ONE_NETWORK {
                        return None;
                    }
                    Sender::One(network)
                }
                _ => return None,
            };
            if senders.insert(thing, sender).is_some() {
                return None;
            }
            recent.push_back((at, thing));
        }
        Some(Self {
            recent,
            senders,
            networks,
            examples: input.all(EXAMPLES, |input| {
                Some(input.text(EXAMPLE_BYTES)?.to_owned())
            })?,
            usual: Usual::read(input)?,
            newest: input.moment()?,
            quiet_until: Option::read(input)?.unwrap_or(i64::MIN),
        })
    }
}
