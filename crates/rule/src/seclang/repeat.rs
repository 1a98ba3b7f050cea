//! Requests that came before in all that matters to the rules, with what they matched.
//!
//! *What matters*: of each collection that is read how many values there are, their names, and the texts
//! of those that a rule which may match could match. Of a value of which is known that no such rule
//! matches it, such as a visitor's session, the text does not matter. Two requests in which the same
//! matters match the same. *Limits*: [`MAX_BYTES`], [`MAX_EVIDENCE`]; see [`Familiar`].

use super::SecHit;
use super::memory::Memory;
use super::reads::Reader;
use super::values::{Members, Values};
use vigil_event::familiar::{Familiar, Place, Recall};

/// How many requests are kept.
const SLOTS: u16 = 1 << 12;
/// Of longer ones nothing is kept, in bytes of what matters.
const MAX_BYTES: u16 = 1 << 10;
/// Nor of those that matched more, in pieces of evidence and rules.
const MAX_EVIDENCE: usize = 32;

/// The requests that are kept. Their memory is taken when the first comes.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Whose rules they are of.
    program: u64,
    table: Option<Familiar<Vec<SecHit>>>,
    /// The place of the request at hand, if it came for the second time.
    again: Option<Place>,
}

impl Repeats {
    /// What a request matched by the rules of a program when it came before.
    pub(super) fn recall(&mut self, program: u64, matters: &[u8]) -> Option<&[SecHit]> {
        if self.program != program {
            *self = Self {
                program,
                ..Self::default()
            };
        }
        self.again = None;
        let table = self
            .table
            .get_or_insert_with(|| Familiar::new(SLOTS, MAX_BYTES));
        table.begin();
        match table.recall(0, matters) {
            Recall::Known(place) => return table.get(place).map(Vec::as_slice),
            Recall::Again(place) => self.again = Some(place),
            Recall::Stranger => {}
        }
        None
    }

    /// Keeps what the request at hand matched, if it came for the second time.
    pub(super) fn learn(&mut self, matters: &[u8], hits: &[SecHit]) {
        let (Some(place), Some(table)) = (self.again.take(), &mut self.table) else {
            return;
        };
        let pieces: usize = hits.iter().map(|hit| 1 + hit.evidence.len()).sum();
        let kept = (pieces <= MAX_EVIDENCE).then(|| hits.to_vec());
        table.learn(place, matters, kept);
    }
}

/// Writes what matters of the values of a collection; false if a text that matters did not come lately,
/// and so no request with it.
pub(super) fn write_matters(
    reader: &Reader,
    members: Members,
    values: &Values,
    memory: &Memory,
    to: &mut Vec<u8>,
) -> bool {
    let count = members.end - members.start;
    to.extend_from_slice(&(count << 1 | u32::from(members.partial)).to_le_bytes());
    for place in members.start..members.end {
        let Some(value) = values.all.get(place as usize) else {
            break;
        };
        let is_mute = memory.is_mute(place, reader);
        if !is_mute && memory.is_stranger(place) {
            return false;
        }
        let name = values.text(value.name);
        let text = if is_mute {
            &[]
        } else {
            values.text(value.text)
        };
        let sizes = (name.len() as u64) << 33 | (text.len() as u64) << 1;
        to.extend_from_slice(&(sizes | u64::from(is_mute)).to_le_bytes());
        to.extend_from_slice(name);
        to.extend_from_slice(text);
    }
    true
}
