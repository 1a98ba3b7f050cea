//! What was seen of the event at hand: on what the prefilter writes and what comparisons ask.
//!
//! Owns: the marks of one event, and the memory of texts that outlasts it. Never holds: what is looked
//! for.

use std::cell::Cell;

use vigil_event::{Event, View};

use crate::field::Scope;
use crate::gate::Probe;
use crate::label::{LabelId, Labels};
use crate::memory::{Lesson, Memory, Place, Recall};
use crate::prefilter::Prefilter;

/// What was seen of the event at hand.
#[derive(Debug)]
pub(crate) struct Seen {
    /// For each probe the views it was seen in.
    views: Vec<Scope>,
    /// The probes that were seen.
    probes: Vec<Probe>,
    /// For each rule the clauses that are met.
    bits: Vec<u8>,
    /// The rules with clauses that are met.
    rules: Vec<u32>,
    /// The rules that can match.
    candidates: Vec<u32>,
    /// What rules call the event's labels.
    labels: Vec<Option<LabelId>>,
    /// The event's views by their places; see [`Event::view_at`].
    parts: Vec<Part>,
    /// The places of the views that a comparison may match: not those of which is known that none
    /// does.
    open: Vec<usize>,
    /// Whether it is known of a view that some comparison matches it.
    is_reminded: bool,
    /// The views of which more is to be known, by their places.
    again: Vec<(usize, Place)>,
    memory: Memory,
    /// See [`crate::Costs::examined`].
    examined: Cell<u64>,
}

/// A view of the event at hand.
#[derive(Clone, Copy, Debug)]
struct Part {
    view: Scope,
    /// What is known of its text.
    known: Option<Place>,
}

/// The most views an event has.
const PARTS: usize = Event::MAX_VIEWS + 2 * Event::MAX_PARAMETERS;

impl Seen {
    /// Forgets the event before, and makes room where that is needed. The rules without a gate are
    /// candidates from the start.
    pub(crate) fn clear(&mut self, (probes, rules): (usize, usize), ungated: &[u32]) {
        self.candidates.clear();
        self.parts.clear();
        self.open.clear();
        self.is_reminded = false;
        self.again.clear();
        self.memory.begin();
        if self.views.len() != probes || self.bits.len() != rules {
            *self = Self::new(probes, rules);
        }
        self.candidates.extend_from_slice(ungated);
        for probe in self.probes.drain(..) {
            if let Some(views) = self.views.get_mut(probe.place()) {
                *views = Scope::default();
            }
        }
        for rule in self.rules.drain(..) {
            if let Some(bits) = self.bits.get_mut(rule as usize) {
                *bits = 0;
            }
        }
    }

    fn new(probes: usize, rules: usize) -> Self {
        Self {
            views: vec![Scope::default(); probes],
            probes: Vec::with_capacity(probes),
            bits: vec![0; rules],
            rules: Vec::with_capacity(rules),
            candidates: Vec::with_capacity(rules),
            labels: Vec::new(),
            parts: Vec::with_capacity(PARTS),
            open: Vec::with_capacity(PARTS),
            is_reminded: false,
            again: Vec::with_capacity(PARTS),
            memory: Memory::new(),
            examined: Cell::new(0),
        }
    }

    /// Notes the event's next view, and says what is known of its text, if that is asked for.
    /// `scanned` is the view with those that are parts of it.
    pub(crate) fn note(
        &mut self,
        view: Scope,
        scanned: Scope,
        text: Option<&[u8]>,
    ) -> Option<Place> {
        let recall = text.map_or(Recall::Stranger, |text| self.memory.recall(scanned, text));
        let known = match recall {
            Recall::Known(known) => Some(known),
            Recall::Again(again) => {
                self.again.push((self.parts.len(), again));
                None
            }
            Recall::Stranger => None,
        };
        let matches = known.is_some_and(|known| self.memory.matches_any(known));
        if matches || known.is_none() {
            self.open.push(self.parts.len());
        }
        self.is_reminded |= matches;
        self.parts.push(Part { view, known });
        known
    }

    /// The probes that are to be taken as seen in a known text; `None` past the last.
    pub(crate) fn known_probe(&self, known: Place, at: usize) -> Option<Probe> {
        self.memory.probe(known, at)
    }

    /// A probe was seen in a view; false if that was known.
    pub(crate) fn add(&mut self, probe: Probe, view: Scope) -> bool {
        let Some(views) = self.views.get_mut(probe.place()) else {
            return false;
        };
        if views.common(view) == view {
            return false;
        }
        if *views == Scope::default() {
            self.probes.push(probe);
        }
        *views = views.with(view);
        true
    }

    /// A clause of a rule is met; once that `complete`s them the rule is a candidate.
    pub(crate) fn meet(&mut self, rule: u32, clause: u8, complete: Option<u8>) {
        let Some(bits) = self.bits.get_mut(rule as usize) else {
            return;
        };
        let before = *bits;
        *bits |= clause;
        if *bits == before {
            return;
        }
        if before == 0 {
            self.rules.push(rule);
        }
        if complete == Some(*bits) {
            self.candidates.push(rule);
        }
    }

    /// Puts the candidates into the order of their rules.
    pub(crate) fn sort(&mut self) {
        self.candidates.sort_unstable();
    }

    /// Finds out what rules call the event's labels.
    pub(crate) fn name_labels(&mut self, event: &Event, labels: &Labels) {
        labels.resolve(event, &mut self.labels);
    }

    /// The event's labels: what rules call them, their names and their values.
    pub(crate) fn labels<'e>(
        &'e self,
        event: &'e Event,
    ) -> impl Iterator<Item = (Option<LabelId>, &'e [u8], View<'e>)> {
        let labels = self.labels.iter().zip(event.labels());
        labels.map(|(id, (name, view))| (*id, name, view))
    }

    /// For a prefilter.
    pub(crate) fn of(prefilter: &Prefilter) -> Self {
        let (probes, rules) = prefilter.sizes();
        Self::new(probes, rules)
    }

    /// A text is searched or compared.
    pub(crate) fn examine(&self, text: &[u8]) {
        self.examined.set(self.examined.get() + text.len() as u64);
    }

    /// How many bytes were examined since this was last asked.
    pub(crate) fn take_examined(&self) -> u64 {
        self.examined.take()
    }

    /// The rules that can match, in their order.
    pub(crate) fn candidates(&self) -> &[u32] {
        &self.candidates
    }

    /// The views in which all of the probes were seen.
    pub(crate) fn common(&self, scope: Scope, probes: &[Probe]) -> Scope {
        probes.iter().fold(scope, |scope, probe| {
            scope.common(self.views.get(probe.place()).copied().unwrap_or_default())
        })
    }

    /// The places of the event's views in `scope`, each with whether it is known that the comparison
    /// matches it; without those of which is known that it does not.
    pub(crate) fn places(
        &self,
        scope: Scope,
        comparison: Option<u32>,
    ) -> impl Iterator<Item = (usize, bool)> {
        let all = if comparison.is_none() {
            self.parts.len()
        } else {
            0
        };
        let open = if comparison.is_none() {
            &[]
        } else {
            self.open.as_slice()
        };
        let places = (0..all).chain(open.iter().copied());
        let parts = places.filter_map(|place| Some((place, self.parts.get(place)?)));
        let parts = parts.filter(move |(_, part)| part.view.meets(scope));
        parts.filter_map(
            move |(place, part)| match self.remembers(part, comparison) {
                Some(false) => None,
                remembered => Some((place, remembered.is_some())),
            },
        )
    }

    /// Whether it is known that the comparison matches one of the event's views in `scope`.
    pub(crate) fn is_remembered(&self, scope: Scope, comparison: u32) -> bool {
        let matches = |part: &Part| {
            part.view.meets(scope) && self.remembers(part, Some(comparison)) == Some(true)
        };
        let mut open = self.open.iter().filter_map(|place| self.parts.get(*place));
        self.is_reminded && open.any(matches)
    }

    /// Whether a comparison matches a view, if that is known.
    fn remembers(&self, part: &Part, comparison: Option<u32>) -> Option<bool> {
        let (known, number) = part.known.zip(comparison)?;
        Some(self.memory.matches(known, number))
    }

    /// The probes that were seen in a view.
    pub(crate) fn probes_in(&self, view: Scope) -> impl Iterator<Item = Probe> {
        self.probes.iter().copied().filter(move |probe| {
            self.views
                .get(probe.place())
                .is_some_and(|views| views.meets(view))
        })
    }

    /// The next view that came for the second time, by its place.
    pub(crate) fn next_again(&mut self) -> Option<(usize, Place)> {
        self.again.pop()
    }

    /// See [`Memory::learn`].
    pub(crate) fn learn(&mut self, place: Place, text: &[u8], lesson: &Lesson) {
        self.memory.learn(place, text, lesson);
    }

    /// As if every probe had been seen in every view.
    #[cfg(test)]
    pub(crate) fn everything(prefilter: &Prefilter, event: &Event) -> Self {
        let mut seen = Self::of(prefilter);
        let views = event.views().chain(event.parameters().flatten());
        seen.parts.extend(views.map(|view| Part {
            view: Scope::of(&view),
            known: None,
        }));
        seen.open.extend(0..seen.parts.len());
        seen.views.fill(Scope::everything());
        seen.candidates.extend(0..seen.bits.len() as u32);
        seen
    }
}
