//! What was seen of the event at hand: on what the prefilter writes and what comparisons ask.
//!
//! Owns: the marks of one event, and the memory of texts that outlasts it. Never holds: what is looked
//! for.

pub(crate) mod alike;
pub(crate) mod memory;
pub(crate) mod number_set;
pub(crate) mod repeat;

use std::cell::{Cell, RefCell};

use vigil_event::{Event, View};

use crate::field::Scope;
use crate::label::{LabelId, Labels};
use crate::prefilter::bytes::ByteSet;
use crate::prefilter::gate::{Mark, Probe};
use crate::prefilter::head::Heads;
use crate::prefilter::late::Answers;
use crate::prefilter::{Prefilter, Sights};
use crate::seen::alike::{Commons, Verdict};
use crate::seen::memory::{Lesson, Memory, Place, Recall};
use crate::seen::number_set::NumberSet;

/// What was seen of the event at hand.
#[derive(Debug)]
pub(crate) struct Seen {
    /// For each probe the views it was seen in.
    views: Vec<Scope>,
    /// The probes that were seen.
    probes: Vec<Probe>,
    /// For each kind of bytes the views it was seen in.
    kinds: [Scope; ByteSet::KINDS],
    /// The sets of bytes that are to be taken as seen in known texts.
    sets: Vec<(ByteSet, Scope)>,
    /// The kinds of bytes that may have been seen.
    bytes: ByteSet,
    /// For each rule the clauses that are met.
    bits: Vec<u8>,
    /// The rules with clauses that are met.
    rules: Vec<u32>,
    /// The rules that can match.
    candidates: Vec<u32>,
    answers: Answers,
    /// What rules call the event's labels.
    labels: Vec<Option<LabelId>>,
    /// The event's views, and those of them that a comparison may match: not those of which is known
    /// that none does.
    all: Vec<Part>,
    open: Vec<Part>,
    /// The views of which is known that some comparison matches them.
    reminded: Vec<(Scope, Place)>,
    /// The comparisons that known views match, or may, and the views of which nothing is known.
    listed: NumberSet,
    unknown: Scope,
    /// The comparisons that were found to match none of the event's views.
    missed: RefCell<NumberSet>,
    /// The views of which more is to be known.
    again: Vec<Again>,
    /// See [`Seen::is_settled`].
    is_settled: bool,
    memory: Memory,
    /// What is known of how texts begin.
    pub(crate) heads: Heads,
    /// See [`Seen::take_lower`].
    lower: Vec<u8>,
    /// What stands for all texts that are alike to the event's, written before it is looked at; memory for
    /// those that were left out; and what may be seen in any of them.
    pub(crate) commons: Commons,
    common: Vec<u8>,
    sights: Sights,
    /// See [`crate::Costs::examined`].
    examined: Cell<u64>,
}

/// A view of the event at hand.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// See [`Event::view_at`].
    place: usize,
    view: Scope,
    /// What is known of its text.
    known: Option<Place>,
}

/// A view of which more is to be known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    /// See [`Event::view_at`].
    pub(crate) place: usize,
    /// Where that is kept.
    kept: Place,
    /// It is to be known of all texts that are [`alike`].
    pub(crate) is_alike: bool,
}

/// The most views an event has.
const PARTS: usize = Event::MAX_VIEWS + 2 * Event::MAX_PARAMETERS;

impl Seen {
    /// Forgets the event before, and makes room where that is needed. Some rules are candidates from
    /// the start.
    pub(crate) fn clear(&mut self, (probes, rules): (usize, usize), first: &[u32]) {
        self.candidates.clear();
        self.all.clear();
        self.open.clear();
        self.reminded.clear();
        self.listed.clear();
        self.unknown = Scope::default();
        self.missed.get_mut().clear();
        self.again.clear();
        self.is_settled = true;
        self.memory.begin();
        self.heads.begin();
        if self.views.len() != probes || self.bits.len() != rules {
            *self = Self::new(probes, rules);
        }
        self.candidates.extend_from_slice(first);
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
        self.sets.clear();
        for kind in std::mem::take(&mut self.bytes).kinds() {
            if let Some(views) = self.kinds.get_mut(kind) {
                *views = Scope::default();
            }
        }
    }

    fn new(probes: usize, rules: usize) -> Self {
        Self {
            views: vec![Scope::default(); probes],
            probes: Vec::with_capacity(probes),
            kinds: [Scope::default(); ByteSet::KINDS],
            sets: Vec::new(),
            bytes: ByteSet::default(),
            bits: vec![0; rules],
            rules: Vec::with_capacity(rules),
            candidates: Vec::with_capacity(rules),
            answers: Answers::default(),
            labels: Vec::new(),
            all: Vec::with_capacity(PARTS),
            open: Vec::with_capacity(PARTS),
            reminded: Vec::with_capacity(PARTS),
            listed: NumberSet::default(),
            unknown: Scope::default(),
            missed: RefCell::default(),
            again: Vec::with_capacity(PARTS),
            is_settled: true,
            memory: Memory::new(),
            heads: Heads::new(),
            lower: Vec::new(),
            commons: Commons::default(),
            common: Vec::new(),
            sights: Sights::default(),
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
        let known = text.and_then(|text| self.recall(scanned, text));
        let reminded = known.filter(|known| !self.memory.listed(*known).is_empty());
        match known {
            Some(known) => self.listed.extend(self.memory.listed(known)),
            None => self.unknown = self.unknown.with(view),
        }
        let place = self.all.len();
        let part = Part { place, view, known };
        if reminded.is_some() || known.is_none() {
            self.open.push(part);
        }
        self.reminded.extend(reminded.map(|known| (view, known)));
        self.all.push(part);
        known
    }

    /// What is known of the next view's text, or of all that are alike.
    fn recall(&mut self, scanned: Scope, text: &[u8]) -> Option<Place> {
        let place = self.all.len();
        let again = |kept, is_alike| Again {
            place,
            kept,
            is_alike,
        };
        let (common, are_many) = self.commons.of(place, text, &mut self.common);
        let common = match self.memory.recall_alike(scanned, common) {
            Recall::Known(known) if self.memory.is_open(known) => Some(known),
            Recall::Known(known) => return Some(known),
            Recall::Again(kept) => {
                self.again.push(again(kept, true));
                None
            }
            Recall::Stranger => None,
        };
        self.is_settled = false;
        if !are_many {
            return common;
        }
        match self.memory.recall(scanned, text) {
            Recall::Known(known) => Some(known),
            Recall::Again(kept) => {
                self.again.push(again(kept, false));
                None
            }
            Recall::Stranger => common,
        }
    }

    /// The probes that are to be taken as seen in a known text; `None` past the last.
    pub(crate) fn known_probe(&self, known: Place, at: usize) -> Option<Probe> {
        self.memory.probe(known, at)
    }

    /// Takes the sets of bytes as seen that are known of a view's text.
    pub(crate) fn remember(&mut self, known: Place, view: Scope) {
        for set in self.memory.sets(known) {
            self.sets.push((*set, view));
            self.bytes = self.bytes.with(*set);
        }
    }

    /// A kind of bytes was seen in a view.
    pub(crate) fn have(&mut self, kind: usize, view: Scope) {
        if let Some(views) = self.kinds.get_mut(kind) {
            *views = views.with(view);
            self.bytes = self.bytes.with(ByteSet::of_kinds([kind].into_iter()));
        }
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
        let completes = |all: u8| before & all != all && *bits & all == all;
        if complete.is_some_and(completes) {
            self.candidates.push(rule);
        }
    }

    /// Whether some of these clauses of a rule are met.
    pub(crate) fn has_met(&self, rule: u32, clauses: u8) -> bool {
        let bits = self.bits.get(rule as usize);
        bits.is_some_and(|bits| bits & clauses != 0)
    }

    /// The rules of which a clause is met.
    pub(crate) fn rules_met(&self) -> &[u32] {
        &self.rules
    }

    /// The candidates so far, and memory to find out more about them, to be [set](Seen::set_candidates).
    pub(crate) fn take_candidates(&mut self) -> (Vec<u32>, Answers) {
        (
            std::mem::take(&mut self.candidates),
            std::mem::take(&mut self.answers),
        )
    }

    /// See [`Seen::take_candidates`].
    pub(crate) fn set_candidates(&mut self, candidates: Vec<u32>, answers: Answers) {
        (self.candidates, self.answers) = (candidates, answers);
    }

    /// Finds out what rules call the event's labels.
    pub(crate) fn name_labels(&mut self, event: &Event, labels: &Labels) {
        labels.resolve(event, &mut self.labels);
        if !self.labels.is_empty() {
            self.unknown = self.unknown.with(Scope::labels());
        }
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

    /// Memory for a text in lower case, to be given back.
    pub(crate) fn take_lower(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.lower)
    }

    /// See [`Seen::take_lower`].
    pub(crate) fn give_back(&mut self, lower: Vec<u8>) {
        self.lower = lower;
    }

    /// How many bytes were examined since this was last asked.
    pub(crate) fn take_examined(&self) -> u64 {
        self.examined.take()
    }

    /// The rules that can match, in their order.
    pub(crate) fn candidates(&self) -> &[u32] {
        &self.candidates
    }

    /// The views in which all of the marks were seen.
    pub(crate) fn common(&self, scope: Scope, marks: &[Mark]) -> Scope {
        marks.iter().fold(scope, |scope, mark| {
            if scope == Scope::default() {
                scope
            } else {
                scope.common(self.views_of(*mark))
            }
        })
    }

    /// The views in which a mark was seen.
    pub(crate) fn views_of(&self, mark: Mark) -> Scope {
        let views = |views: Option<&Scope>| views.copied().unwrap_or_default();
        match mark {
            Mark::Probe(probe) => views(self.views.get(probe.place())),
            Mark::Either(probe, set) => {
                let bytes = self.views_of(Mark::Bytes(set));
                bytes.with(self.views_of(Mark::Probe(probe)))
            }
            Mark::Bytes(set) => {
                let known = self.sets.iter().filter(|(known, _)| *known == set);
                let known = known.map(|(_, views)| *views);
                let kinds = set.common(self.bytes).kinds();
                let seen = kinds.map(|kind| views(self.kinds.get(kind)));
                known.chain(seen).fold(Scope::default(), Scope::with)
            }
        }
    }

    /// The kinds of bytes that may have been seen.
    pub(crate) const fn bytes(&self) -> ByteSet {
        self.bytes
    }

    /// The places of the event's views in `scope`, each with whether it is known that the comparison
    /// matches it; without those of which is known that it does not.
    pub(crate) fn places(
        &self,
        scope: Scope,
        comparison: Option<u32>,
    ) -> impl Iterator<Item = (usize, bool)> {
        let parts = match comparison {
            Some(_) => &self.open,
            None => &self.all,
        };
        let parts = parts.iter().filter(move |part| part.view.meets(scope));
        parts.filter_map(move |part| match self.remembers(part, comparison) {
            Some(Verdict::Never) => None,
            remembered => Some((part.place, remembered == Some(Verdict::Always))),
        })
    }

    /// Whether a comparison may match one of the event's views in `scope`, by what is known of them.
    pub(crate) fn may_match(&self, scope: Scope, comparison: u32) -> bool {
        scope.meets(self.unknown) || self.listed.contains(comparison)
    }

    /// A comparison was found to match none of the event's views: other rules need not try it again.
    pub(crate) fn miss(&self, comparison: u32) {
        self.missed.borrow_mut().extend(&[comparison]);
    }

    /// See [`Seen::miss`].
    pub(crate) fn has_missed(&self, comparison: u32) -> bool {
        self.missed.borrow().contains(comparison)
    }

    /// Whether it is known that the comparison matches one of the event's views in `scope`.
    pub(crate) fn is_remembered(&self, scope: Scope, comparison: u32) -> bool {
        let mut reminded = self.reminded.iter();
        reminded.any(|(view, known)| {
            view.meets(scope) && self.memory.matches(*known, comparison) == Verdict::Always
        })
    }

    /// Whether a comparison matches a view, if that is known.
    fn remembers(&self, part: &Part, comparison: Option<u32>) -> Option<Verdict> {
        let (known, number) = part.known.zip(comparison)?;
        Some(self.memory.matches(known, number))
    }

    /// Finds out what may be seen in any of the texts that are alike to a view's.
    pub(crate) fn sight(&mut self, prefilter: &Prefilter, view: &View<'_>) {
        prefilter.sight(view.text, Scope::scanned(view), &mut self.sights);
        self.examine(view.text);
    }

    /// What was [sighted](Seen::sight) last.
    pub(crate) const fn sights(&self) -> &Sights {
        &self.sights
    }

    /// Whether all is known of the event's views, whatever their numbers are.
    pub(crate) const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// The probes that were seen in a view.
    pub(crate) fn probes_in(&self, view: Scope) -> impl Iterator<Item = Probe> {
        self.probes.iter().copied().filter(move |probe| {
            self.views
                .get(probe.place())
                .is_some_and(|views| views.meets(view))
        })
    }

    /// The next view that came for the second time.
    pub(crate) fn next_again(&mut self) -> Option<Again> {
        self.again.pop()
    }

    /// See [`Memory::learn`].
    pub(crate) fn learn(&mut self, again: Again, text: &[u8], lesson: &Lesson) {
        if again.is_alike {
            let (common, _) = self.commons.of(again.place, text, &mut self.common);
            self.memory.learn(again.kept, common, lesson);
        } else {
            self.memory.learn(again.kept, text, lesson);
        }
    }

    /// As if every probe had been seen in every view.
    #[cfg(test)]
    pub(crate) fn everything(prefilter: &Prefilter, event: &Event) -> Self {
        let mut seen = Self::of(prefilter);
        let views = event.views().chain(event.parameters().flatten());
        seen.all.extend(views.enumerate().map(|(place, view)| Part {
            place,
            view: Scope::of(&view),
            known: None,
        }));
        seen.open.clone_from(&seen.all);
        seen.views.fill(Scope::everything());
        seen.kinds.fill(Scope::everything());
        seen.bytes = ByteSet::ALL;
        seen.unknown = Scope::everything();
        seen.candidates.extend(0..seen.bits.len() as u32);
        seen
    }
}
