//! The names that rules use beyond the fields: each gets a number once, when the rules are loaded.

use std::collections::HashMap;

use vigil_event::Event;

/// A name's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LabelId(u32);

/// The names that some rule asks for.
#[derive(Debug, Default)]
pub(crate) struct Labels(HashMap<Vec<u8>, LabelId>);

impl Labels {
    /// The number of a name.
    pub(crate) fn id(&mut self, name: &str) -> LabelId {
        let next = LabelId(self.0.len() as u32);
        *self.0.entry(name.as_bytes().to_vec()).or_insert(next)
    }

    /// Puts the numbers of the event's labels into `found`, in their order; none for a name that
    /// no rule asks for.
    pub(crate) fn resolve(&self, event: &Event, found: &mut Vec<Option<LabelId>>) {
        found.clear();
        found.extend(event.labels().map(|(name, _)| self.0.get(name).copied()));
    }
}
