//! The pass over an event that finds which rules can match at all, and in which views.
//!
//! One finder holds the literals of every probe, and tells the bytes. What is found marks its
//! probes as seen in the view at hand; a probe seen in a view for the first time sets its clause's bit in its
//! rules' bytes; a rule whose bits are all set, and whose bytes are there too, is a candidate. The
//! finder reports overlapping literals, so that none hides another one. Texts that came before are not
//! looked at again: see [`crate::seen::memory`].

pub(crate) mod blind;
pub(crate) mod bytes;
pub(crate) mod either;
pub(crate) mod finder;
pub(crate) mod gate;
pub(crate) mod head;
pub(crate) mod late;
pub(crate) mod literal;
pub(crate) mod needs;
pub(crate) mod numbers;
pub(crate) mod ordinary;
pub(crate) mod required;
pub(crate) mod sieve;
#[cfg(test)]
mod soundness;

use std::collections::BTreeMap;
use std::ops::Range;

use vigil_event::{Event, View};

use crate::field::Scope;
use crate::prefilter::bytes::ByteSet;
use crate::prefilter::finder::Finder;
use crate::prefilter::gate::{Gate, Look, Mark, Probe, Probes};
use crate::prefilter::head::{Head, Heads};
use crate::prefilter::late::LateClauses;
use crate::prefilter::literal::Literal;
use crate::seen::Seen;
use crate::seen::alike;
use crate::seen::memory::{Lesson, Place, Recall};
use crate::table::Table;

/// The finder with what its literals mean.
#[derive(Debug)]
pub(crate) struct Prefilter {
    literals: Literals,
    /// The literals with 0 for each digit.
    alike: Literals,
    /// For each kind of bytes the views in which it means something.
    kinds: [Scope; ByteSet::KINDS],
    /// The probes for any text, with the views in which they mean something.
    any: Vec<(Probe, Scope)>,
    /// The same for those that are met by a view that is there.
    present: Vec<(Probe, Scope)>,
    /// The views of these.
    presence: Scope,
    /// For each probe the views in which some comparison asks for it.
    probe_scopes: Vec<Scope>,
    /// For each probe the rules that ask for it.
    asked: Table<Asked>,
    /// For each rule the bits of its clauses that are of probes alone.
    complete: Vec<u8>,
    /// The other clauses.
    late: LateClauses,
    /// The views in which some rule asks for a probe.
    scope: Scope,
    /// The views that comparisons are for which look at nothing but a text.
    compared: Scope,
    /// The rules without a gate.
    ungated: Vec<u32>,
}

/// A finder with what its literals mean.
#[derive(Debug)]
struct Literals {
    finder: Finder,
    /// For each literal of the finder the views in which it means something.
    scopes: Vec<Scope>,
    /// For each literal of the finder the probes it belongs to.
    meanings: Table<Probe>,
}

/// What may be seen in texts that are alike.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    probes: Vec<Probe>,
    bytes: ByteSet,
    lower: Vec<u8>,
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
        let mut late = Vec::with_capacity(gates.len());
        let mut ungated = Vec::new();
        for (rule, gate) in gates.iter().enumerate() {
            let rule = rule as u32;
            let (mut all, mut later) = (0, Vec::new());
            for (place, clause) in gate.clauses().iter().take(Gate::MAX_CLAUSES).enumerate() {
                let bit = 1u8 << place;
                if clause.sets().next().is_some() {
                    later.push((bit, clause));
                } else {
                    all |= bit;
                }
                for (probe, scope) in clause.probes() {
                    if let Some(asked) = asked.get_mut(probe.place()) {
                        asked.push(Asked {
                            rule,
                            clause: bit,
                            scope,
                        });
                    }
                }
            }
            if gate.clauses().is_empty() {
                ungated.push(rule);
            }
            complete.push(all);
            late.push((later, all == 0));
        }
        let those = |wanted: &Look| -> Vec<(Probe, Scope)> {
            let looks = probes.looks().filter(|(_, _, look)| *look == wanted);
            looks.map(|(probe, views, _)| (probe, views)).collect()
        };
        let present = those(&Look::Present);
        let views_of = |probes: &[(Probe, Scope)]| {
            let views = probes.iter().map(|(_, views)| *views);
            views.fold(Scope::default(), Scope::with)
        };
        let probe_scopes: Vec<Scope> = probes.looks().map(|(_, views, _)| views).collect();
        let kinds = probes.kinds();
        let scope = probe_scopes.iter().copied().chain(kinds);
        Self {
            literals: Literals::new(probes, Literal::clone),
            alike: Literals::new(probes, Literal::alike),
            scope: scope.fold(Scope::default(), Scope::with),
            probe_scopes,
            compared,
            kinds,
            any: those(&Look::Any),
            presence: views_of(&present),
            present,
            asked: asked.into_iter().collect(),
            complete,
            late: LateClauses::new(late.into_iter()),
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
        // They were searched as parts of the query, whose bytes are also those that part them.
        for view in event.parameters().flatten() {
            let one = Scope::of(&view);
            self.recall(&view, one, seen);
            self.have(ByteSet::of(view.text), one, seen);
        }
        for (_, view) in event.labels() {
            self.scan(view.text, Scope::scanned(&view), seen);
        }
        self.late.settle(seen);
    }

    /// Notes the event's next view, and what is known of its text.
    fn recall(&self, view: &View<'_>, scope: Scope, seen: &mut Seen) -> Option<Place> {
        let text = self.compared.meets(scope).then_some(view.text);
        let one = Scope::of(view);
        if self.presence.meets(one) {
            for (probe, views) in &self.present {
                if views.meets(one) {
                    self.seen(*probe, one, seen);
                }
            }
        }
        seen.note(one, scope, text)
    }

    /// Looks for all probes in a text.
    fn scan(&self, text: &[u8], view: Scope, seen: &mut Seen) {
        if !self.scope.meets(view) {
            return;
        }
        let mut lower = seen.take_lower();
        let mut from = 0;
        for head in Heads::of(text) {
            match seen.heads.recall(view, head) {
                Recall::Known(place) => {
                    from = self.remember_head(place, view, seen);
                    break;
                }
                Recall::Again(place) => {
                    let what = self.literals.head(head, view, &mut lower);
                    seen.heads.learn(place, head, what.as_ref());
                }
                Recall::Stranger => {}
            }
        }
        seen.examine(text.get(from..).unwrap_or_default());
        let ends = from..text.len() + 1;
        let bytes = self.literals.find(text, ends, view, &mut lower, |probe| {
            self.seen(probe, view, seen);
        });
        seen.give_back(lower);
        self.have(bytes, view.without(Scope::parameters()), seen);
        for (probe, views) in &self.any {
            if views.meets(view) {
                self.seen(*probe, view, seen);
            }
        }
    }

    /// Takes from memory what is to be seen in a text's head; from where on the rest is to be searched.
    fn remember_head(&self, known: Place, view: Scope, seen: &mut Seen) -> usize {
        let head = seen.heads.get(known);
        for probe in head.probes.items() {
            self.seen(*probe, view, seen);
        }
        self.have(head.bytes, view.without(Scope::parameters()), seen);
        head.settled
    }

    /// Takes from memory what is to be seen in a text.
    fn remember(&self, known: Place, view: Scope, seen: &mut Seen) {
        let mut at = 0;
        while let Some(probe) = seen.known_probe(known, at) {
            self.seen(probe, view, seen);
            at += 1;
        }
        seen.remember(known, view);
    }

    /// What may be seen in any of the texts that are alike, if they are such a view.
    pub(crate) fn sight(&self, text: &[u8], view: Scope, sights: &mut Sights) {
        let Sights {
            probes,
            bytes,
            lower,
        } = sights;
        probes.clear();
        let text = alike::without_digits(text);
        let whole = 0..text.len() + 1;
        *bytes = self.alike.find(&text, whole, view, lower, |probe| {
            if !probes.contains(&probe) {
                probes.push(probe);
            }
        });
        let any = self.any.iter().filter(|(_, views)| views.meets(view));
        probes.extend(any.map(|(probe, _)| *probe));
    }

    /// Adds to what is to be known of views that are alike what parts of them may have.
    pub(crate) fn learn_parts_alike(&self, view: Scope, sights: &Sights, lesson: &mut Lesson) {
        if view.has_parameters() {
            self.learn_of_parameters(sights.probes.iter().copied(), lesson);
        }
    }

    /// Adds to what is to be known of a view the probes that parts of it were seen to have: what
    /// these match is not known of the view.
    pub(crate) fn learn_parts(&self, view: Scope, seen: &Seen, lesson: &mut Lesson) {
        if view.has_parameters() {
            self.learn_of_parameters(seen.probes_in(Scope::parameters()), lesson);
        }
    }

    fn learn_of_parameters(&self, probes: impl Iterator<Item = Probe>, lesson: &mut Lesson) {
        for probe in probes {
            let asked = self.probe_scopes.get(probe.place());
            if asked.is_some_and(|views| views.has_parameters()) {
                lesson.add_mark(Mark::Probe(probe));
            }
        }
    }

    /// The kinds of bytes that a view has.
    fn have(&self, bytes: ByteSet, view: Scope, seen: &mut Seen) {
        for kind in bytes.kinds() {
            let means = self.kinds.get(kind);
            if means.is_some_and(|views| views.meets(view)) {
                seen.have(kind, view);
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

impl Literals {
    /// What probes look for, each literal as `form` makes it.
    fn new(probes: &Probes, form: impl Fn(&Literal) -> Literal) -> Self {
        let mut meanings: BTreeMap<Literal, (Scope, Vec<Probe>)> = BTreeMap::new();
        for (probe, views, look) in probes.looks() {
            let Look::Literals(set) = look else {
                continue;
            };
            for literal in set {
                let (scope, meanings) = meanings.entry(form(literal)).or_default();
                *scope = scope.with(views);
                meanings.push(probe);
            }
        }
        let finder = Finder::new(meanings.keys());
        let (scopes, meanings): (Vec<Scope>, Vec<_>) = meanings.into_values().unzip();
        Self {
            finder,
            scopes,
            meanings: meanings.into_iter().collect(),
        }
    }

    /// Calls `seen` with each probe for such a view of which a literal occurs, once for each place;
    /// says which kinds of bytes there are. See [`Finder::find`].
    fn find(
        &self,
        text: &[u8],
        ends: Range<usize>,
        view: Scope,
        lower: &mut Vec<u8>,
        mut seen: impl FnMut(Probe),
    ) -> ByteSet {
        self.finder.find(text, ends, lower, |literal| {
            let counts = self.scopes.get(literal);
            if counts.is_some_and(|views| views.meets(view)) {
                let probes = self.meanings.list(literal).iter();
                probes.for_each(|probe| seen(*probe));
            }
        })
    }

    /// What is to be known of a head of texts that are such a view; `None` if it is too much.
    fn head(&self, text: &[u8], view: Scope, lower: &mut Vec<u8>) -> Option<Head> {
        let settled = self.finder.settled(text);
        let mut head = Head {
            settled,
            ..Head::default()
        };
        let mut is_all = true;
        let probes = &mut head.probes;
        head.bytes = self.find(text, 0..settled, view, lower, |probe| {
            is_all &= probes.add(probe);
        });
        is_all.then_some(head)
    }
}

impl Sights {
    /// Whether one of the texts may have a mark.
    pub(crate) fn may_have(&self, mark: Mark) -> bool {
        match mark {
            Mark::Probe(probe) => self.probes.contains(&probe),
            Mark::Bytes(set) => set.meets(self.bytes),
            Mark::Either(probe, set) => self.probes.contains(&probe) || set.meets(self.bytes),
        }
    }

    /// The probes that may be seen.
    pub(crate) fn probes(&self) -> &[Probe] {
        &self.probes
    }
}
