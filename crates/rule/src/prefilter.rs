//! The pass over an event that finds which rules can match at all, and in which views.
//!
//! One finder holds the literals of every probe, and tells the bytes. What is found marks its
//! probes as seen in the view at hand; a probe seen in a view for the first time sets its clause's bit in its
//! rules' bytes; a rule whose bits are all set is a candidate. The finder reports
//! overlapping literals, so that none hides another one. Texts that came before are not looked at
//! again: see [`crate::memory`].

use std::collections::BTreeMap;

use vigil_event::{Event, View};

use crate::bytes::ByteSet;
use crate::field::Scope;
use crate::finder::Finder;
use crate::gate::{Gate, Look, Probe, Probes};
use crate::label::{LabelId, Labels};
use crate::literal::Literal;
use crate::memory::{Lesson, Memory, Place, Recall};

/// The finder with what its literals mean.
#[derive(Debug)]
pub(crate) struct Prefilter {
    finder: Finder,
    /// For each literal of the finder the views in which it means something.
    scopes: Vec<Scope>,
    /// For each literal of the finder the probes it belongs to.
    meanings: Table<Probe>,
    /// For each kind of bytes the probes it belongs to.
    kinds: Table<Probe>,
    /// For each kind of bytes the views in which it means something.
    kind_scopes: Vec<Scope>,
    /// The probes for any text, with the views in which they mean something.
    any: Vec<(Probe, Scope)>,
    /// For each probe the views in which some comparison asks for it.
    probe_scopes: Vec<Scope>,
    /// For each probe the rules that ask for it.
    asked: Table<Asked>,
    /// For each rule the bits of all of its clauses.
    complete: Vec<u8>,
    /// The views in which some rule asks for a probe.
    scope: Scope,
    /// The views that comparisons are for which look at nothing but a text.
    compared: Scope,
    /// The rules without a gate.
    ungated: Vec<u32>,
}

/// Lists, one behind the other.
#[derive(Debug)]
pub(crate) struct Table<T> {
    items: Vec<T>,
    /// Where each list ends.
    ends: Vec<u32>,
}

/// What a probe seen means to one rule.
#[derive(Clone, Copy, Debug)]
struct Asked {
    rule: u32,
    clause: u8,
    scope: Scope,
}

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
    /// The views of which more is to be known, by their places.
    again: Vec<(usize, Place)>,
    memory: Memory,
}

/// A view of the event at hand.
#[derive(Clone, Copy, Debug)]
struct Part {
    view: Scope,
    /// What is known of its text.
    known: Option<Place>,
}

impl Prefilter {
    /// A prefilter for rules with these gates, whose comparisons that look at nothing but a text are
    /// for the views `compared`.
    pub(crate) fn new(probes: &Probes, gates: &[Gate], compared: Scope) -> Self {
        let mut asked: Vec<Vec<Asked>> = vec![Vec::new(); probes.len()];
        let mut complete = Vec::with_capacity(gates.len());
        let mut ungated = Vec::new();
        for (rule, gate) in gates.iter().enumerate() {
            let rule = rule as u32;
            let mut all = 0;
            for (place, clause) in gate.clauses().iter().take(Gate::MAX_CLAUSES).enumerate() {
                let bit = 1u8 << place;
                all |= bit;
                for (probe, scope) in &clause.probes {
                    if let Some(asked) = asked.get_mut(probe.place()) {
                        asked.push(Asked {
                            rule,
                            clause: bit,
                            scope: *scope,
                        });
                    }
                }
            }
            if all == 0 {
                ungated.push(rule);
            }
            complete.push(all);
        }
        let mut meanings: BTreeMap<&Literal, (Scope, Vec<Probe>)> = BTreeMap::new();
        let mut any = Vec::new();
        let mut kinds: Vec<(Scope, Vec<Probe>)> = vec![Default::default(); ByteSet::KINDS];
        for (probe, views, look) in probes.looks() {
            match look {
                Look::Literals(set) => {
                    for literal in set {
                        let (scope, meanings) = meanings.entry(literal).or_default();
                        *scope = scope.with(views);
                        meanings.push(probe);
                    }
                }
                Look::Any => any.push((probe, views)),
                Look::Bytes(set) => {
                    for kind in set.kinds() {
                        if let Some((scope, probes)) = kinds.get_mut(kind) {
                            *scope = scope.with(views);
                            probes.push(probe);
                        }
                    }
                }
            }
        }
        let finder = Finder::new(meanings.keys().copied());
        let (scopes, meanings): (Vec<Scope>, Vec<_>) = meanings.into_values().unzip();
        let (kind_scopes, kinds): (Vec<Scope>, Vec<_>) = kinds.into_iter().unzip();
        let probe_scopes: Vec<Scope> = probes.looks().map(|(_, views, _)| views).collect();
        let scope = probe_scopes.iter().copied();
        Self {
            finder,
            scope: scope.fold(Scope::default(), Scope::with),
            probe_scopes,
            compared,
            scopes,
            meanings: meanings.into_iter().collect(),
            kinds: kinds.into_iter().collect(),
            kind_scopes,
            any,
            asked: asked.into_iter().collect(),
            complete,
            ungated,
        }
    }

    /// The rules without a gate.
    pub(crate) fn ungated(&self) -> &[u32] {
        &self.ungated
    }

    /// Looks at an event: afterwards `seen` knows the rules that can match. Nothing is allocated
    /// once it has been used with this prefilter.
    pub(crate) fn look(&self, event: &Event, seen: &mut Seen) {
        seen.clear(self.asked.len(), self.complete.len());
        seen.candidates.extend_from_slice(&self.ungated);
        for view in event.views() {
            let scope = Scope::scanned(&view);
            match self.recall(&view, scope, seen) {
                Some(known) => self.remember(known, scope, seen),
                None => self.scan(view.text, scope, seen),
            }
        }
        // They were searched as parts of the query.
        for view in event.parameters().flatten() {
            self.recall(&view, Scope::of(&view), seen);
        }
        for (_, view) in event.labels() {
            self.scan(view.text, Scope::scanned(&view), seen);
        }
        seen.candidates.sort_unstable();
    }

    /// Notes the event's next view, and what is known of its text.
    fn recall(&self, view: &View<'_>, scope: Scope, seen: &mut Seen) -> Option<Place> {
        let recall = if self.compared.meets(scope) {
            seen.memory.recall(scope, view.text)
        } else {
            Recall::Stranger
        };
        let place = seen.parts.len();
        let known = match recall {
            Recall::Known(known) => Some(known),
            Recall::Again(again) => {
                seen.again.push((place, again));
                None
            }
            Recall::Stranger => None,
        };
        seen.parts.push(Part {
            view: Scope::of(view),
            known,
        });
        known
    }

    /// Looks for all probes in a text.
    fn scan(&self, text: &[u8], view: Scope, seen: &mut Seen) {
        if !self.scope.meets(view) {
            return;
        }
        let bytes = self.finder.find(text, |literal| {
            let counts = self.scopes.get(literal);
            if counts.is_some_and(|views| views.meets(view)) {
                for probe in self.meanings.list(literal) {
                    self.seen(*probe, view, seen);
                }
            }
        });
        self.have(bytes, view, seen);
        for (probe, views) in &self.any {
            if views.meets(view) {
                self.seen(*probe, view, seen);
            }
        }
    }

    /// Takes from memory what is to be seen in a text.
    fn remember(&self, known: Place, view: Scope, seen: &mut Seen) {
        let mut at = 0;
        while let Some(probe) = seen.memory.probe(known, at) {
            self.seen(probe, view, seen);
            at += 1;
        }
    }

    /// Adds to what is to be known of a view the probes that parts of it were seen to have: what
    /// these match is not known of the view.
    pub(crate) fn learn_parts(&self, view: Scope, seen: &Seen, lesson: &mut Lesson) {
        if !view.has_parameters() {
            return;
        }
        for probe in seen.probes_in(Scope::parameters()) {
            let asked = self.probe_scopes.get(probe.place());
            if asked.is_some_and(|views| views.has_parameters()) {
                lesson.add_probe(probe);
            }
        }
    }

    /// The kinds of bytes that a view has.
    fn have(&self, bytes: ByteSet, view: Scope, seen: &mut Seen) {
        for kind in bytes.kinds() {
            let means = self.kind_scopes.get(kind);
            if means.is_some_and(|views| views.meets(view)) {
                for probe in self.kinds.list(kind) {
                    self.seen(*probe, view, seen);
                }
            }
        }
    }

    /// A probe was seen in a view.
    fn seen(&self, probe: Probe, view: Scope, seen: &mut Seen) {
        let Some(views) = seen.views.get_mut(probe.place()) else {
            return;
        };
        if views.common(view) == view {
            return;
        }
        if *views == Scope::default() {
            seen.probes.push(probe);
        }
        *views = views.with(view);
        for asked in self.asked.list(probe.place()) {
            if asked.scope.meets(view) {
                self.met(*asked, seen);
            }
        }
    }

    fn met(&self, asked: Asked, seen: &mut Seen) {
        let Some(bits) = seen.bits.get_mut(asked.rule as usize) else {
            return;
        };
        let before = *bits;
        *bits |= asked.clause;
        if *bits == before {
            return;
        }
        if before == 0 {
            seen.rules.push(asked.rule);
        }
        if self.complete.get(asked.rule as usize) == Some(bits) {
            seen.candidates.push(asked.rule);
        }
    }
}

impl<T> FromIterator<Vec<T>> for Table<T> {
    fn from_iter<I: IntoIterator<Item = Vec<T>>>(lists: I) -> Self {
        let mut table = Self {
            items: Vec::new(),
            ends: Vec::new(),
        };
        for list in lists {
            table.items.extend(list);
            table.ends.push(table.items.len() as u32);
        }
        table
    }
}

impl<T> Table<T> {
    const fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn list(&self, place: usize) -> &[T] {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        self.items.get(start..end(place)).unwrap_or_default()
    }
}

/// The most views an event has.
const PARTS: usize = Event::MAX_VIEWS + 2 * Event::MAX_PARAMETERS;

impl Seen {
    /// Forgets the event before, and makes room where that is needed.
    fn clear(&mut self, probes: usize, rules: usize) {
        self.candidates.clear();
        self.parts.clear();
        self.again.clear();
        if self.views.len() != probes || self.bits.len() != rules {
            *self = Self::new(probes, rules);
            return;
        }
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
            again: Vec::with_capacity(PARTS),
            memory: Memory::new(),
        }
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
        Self::new(prefilter.asked.len(), prefilter.complete.len())
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

    /// The places of the event's views in `scope`, without those of which is known that the
    /// comparison does not match them.
    pub(crate) fn places(
        &self,
        scope: Scope,
        comparison: Option<u32>,
    ) -> impl Iterator<Item = usize> {
        let fits = move |part: &Part| {
            let knows = comparison.zip(part.known);
            part.view.meets(scope)
                && knows.is_none_or(|(number, known)| self.memory.matches(known, number))
        };
        let parts = self.parts.iter().enumerate();
        parts.filter_map(move |(place, part)| fits(part).then_some(place))
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
        seen.views.fill(Scope::everything());
        seen.candidates.extend(0..seen.bits.len() as u32);
        seen
    }
}
