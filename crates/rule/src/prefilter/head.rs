//! What is known of how texts begin: which probes are seen there.
//!
//! Much of what is new is new at its end only: a parameter behind those that every request has, a
//! word behind what a browser calls itself, what was searched for. The literal pass begins behind what is known.
//!
//! *Input*: texts, with the views that they are. *Output*: the probes and bytes of a text's head, and
//! from where on the rest is to be searched. *Example*: of `/a?x=1&v=new` the head is `/a?x=1&v=`, all up to
//! the last word; where that is not known either, a shorter one. *Limits*: the shorter one has [`STEP`] bytes
//! or a multiple of it; a head has at most [`MAX_HEAD`], and leaves something to be searched; see
//! [`Familiar`].

use vigil_event::familiar::{Familiar, Place, Recall};

use crate::field::Scope;
use crate::prefilter::bytes::ByteSet;
use crate::prefilter::gate::Probe;
use crate::seen::memory::List;

/// Small in tests, so that random texts have heads in common.
const STEP: usize = if cfg!(test) { 4 } else { 32 };
const MAX_HEAD: u16 = 256;
/// How many heads are kept.
const SLOTS: u16 = 1 << 10;
/// Heads in which more is to be seen are not kept.
const MAX_PROBES: usize = 64;

/// The heads that are known.
#[derive(Debug)]
pub(crate) struct Heads(Familiar<Head>);

/// What is known of a head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head {
    pub(crate) probes: List<Probe, MAX_PROBES>,
    pub(crate) bytes: ByteSet,
    /// Where the search for the rest begins.
    pub(crate) settled: usize,
}

impl Heads {
    pub(crate) fn new() -> Self {
        Self(Familiar::new(SLOTS, MAX_HEAD))
    }

    /// Another event comes.
    pub(crate) const fn begin(&mut self) {
        self.0.begin();
    }

    /// The heads of a text, the longest first: up to its last word, and so many steps that fit before that.
    pub(crate) fn of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
        let most = text.len().saturating_sub(1).min(usize::from(MAX_HEAD));
        let within = text.get(..most).unwrap_or_default();
        let is_sign =
            |byte: &u8| matches!(byte, b'=' | b'&' | b'?' | b'/' | b' ' | b';' | b',' | b'+');
        let sign = within.iter().rposition(is_sign);
        let last_word = sign.map_or(0, |place| place + 1);
        let steps = sign.unwrap_or(most) / STEP * STEP;
        [last_word, steps]
            .into_iter()
            .filter(|len| *len >= STEP / 2)
            .filter_map(|len| text.get(..len))
    }

    /// What is known of the head of a text that is such a view.
    pub(crate) fn recall(&mut self, view: Scope, head: &[u8]) -> Recall {
        self.0.recall(view.bits(), head)
    }

    /// What is kept of a head that is known.
    pub(crate) fn get(&self, place: Place) -> Head {
        self.0.get(place).copied().unwrap_or_default()
    }

    /// Keeps what is to be known of a head that was [`Recall::Again`]; nothing where that is too much.
    pub(crate) fn learn(&mut self, place: Place, head: &[u8], what: Option<&Head>) {
        self.0.learn(place, head, what.copied());
    }
}
