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
use crate::literal::Literal;
use crate::memory::{Lesson, Place};
use crate::seen::Seen;
use crate::table::Table;

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

/// What a probe seen means to one rule.
#[derive(Clone, Copy, Debug)]
struct Asked {
    rule: u32,
    clause: u8,
    scope: Scope,
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
        seen.clear(self.sizes(), &self.ungated);
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
        seen.sort();
    }

    /// Notes the event's next view, and what is known of its text.
    fn recall(&self, view: &View<'_>, scope: Scope, seen: &mut Seen) -> Option<Place> {
        let text = self.compared.meets(scope).then_some(view.text);
        seen.note(Scope::of(view), scope, text)
    }

    /// Looks for all probes in a text.
    fn scan(&self, text: &[u8], view: Scope, seen: &mut Seen) {
        if !self.scope.meets(view) {
            return;
        }
        seen.examine(text);
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
        while let Some(probe) = seen.known_probe(known, at) {
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
        if !seen.add(probe, view) {
            return;
        }
        for asked in self.asked.list(probe.place()) {
            if asked.scope.meets(view) {
                let complete = self.complete.get(asked.rule as usize);
                seen.meet(asked.rule, asked.clause, complete.copied());
            }
        }
    }

    /// How many probes and rules there are.
    pub(crate) const fn sizes(&self) -> (usize, usize) {
        (self.asked.len(), self.complete.len())
    }
}
