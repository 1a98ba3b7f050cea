//! The pass over an event that finds which rules can match at all.
//!
//! One automaton holds the required literals of every rule's gate. Each literal found in a view
//! that counts for it sets its clause's bit in its rule's byte; a rule whose bits are all set is a
//! candidate. The automaton reports overlapping literals, so that none hides another one.

use std::collections::BTreeMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, MatchKind, StartKind, dfa, nfa};
use vigil_event::{Event, View};

use crate::field::Scope;
use crate::gate::Gate;

/// What a literal found means to one rule.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    rule: u32,
    clause: u8,
    scope: Scope,
}

/// The automaton with what its literals mean.
#[derive(Debug)]
pub(crate) struct Prefilter {
    automaton: Literals,
    /// For each literal of the automaton.
    meanings: Vec<Box<[Meaning]>>,
    /// For each rule the bits of all of its clauses.
    complete: Vec<u8>,
    /// The views that some literal counts in.
    scope: Scope,
    /// The rules without a gate.
    ungated: Vec<u32>,
}

#[derive(Debug)]
enum Literals {
    None,
    Fast(dfa::DFA),
    Small(nfa::contiguous::NFA),
}

/// Above this, in bytes of all literals, the automaton is built to be small instead of fast: the
/// fast one takes some 256 bytes for each.
const MAX_FAST_BYTES: usize = 128 << 10;

/// Which clauses of which rules are met by the event at hand.
#[derive(Debug, Default)]
pub(crate) struct Met {
    /// For each rule.
    bits: Vec<u8>,
    /// The rules whose byte is not zero.
    touched: Vec<u32>,
    /// The rules that can match.
    candidates: Vec<u32>,
}

impl Prefilter {
    /// A prefilter for rules with these gates. The error says that the automaton is too large.
    pub(crate) fn new(gates: &[Gate]) -> Result<Self, String> {
        let mut meanings: BTreeMap<&[u8], Vec<Meaning>> = BTreeMap::new();
        let mut complete = Vec::with_capacity(gates.len());
        let mut ungated = Vec::new();
        let mut scope = Scope::default();
        for (rule, gate) in gates.iter().enumerate() {
            let rule = rule as u32;
            let mut all = 0;
            for (place, clause) in gate.clauses().iter().take(Gate::MAX_CLAUSES).enumerate() {
                let clause_bit = 1u8 << place;
                all |= clause_bit;
                for required in clause.required() {
                    scope = scope.with(required.scope);
                    let meaning = Meaning {
                        rule,
                        clause: clause_bit,
                        scope: required.scope,
                    };
                    meanings.entry(&required.literal).or_default().push(meaning);
                }
            }
            if all == 0 {
                ungated.push(rule);
            }
            complete.push(all);
        }
        let automaton = Literals::new(meanings.keys().copied())?;
        let meanings = meanings.into_values().map(Vec::into_boxed_slice).collect();
        Ok(Self {
            automaton,
            meanings,
            complete,
            scope,
            ungated,
        })
    }

    /// The rules without a gate.
    pub(crate) fn ungated(&self) -> &[u32] {
        &self.ungated
    }

    /// The rules that can match the event, in their order. Nothing is allocated once `met` has been
    /// used with this prefilter.
    pub(crate) fn candidates<'a>(&self, event: &Event, met: &'a mut Met) -> &'a [u32] {
        met.fit(self.complete.len());
        met.candidates.extend_from_slice(&self.ungated);
        let views = event.views().filter(|view| self.scope.allows(view));
        match &self.automaton {
            Literals::None => {}
            Literals::Fast(automaton) => views.for_each(|view| self.scan(automaton, &view, met)),
            Literals::Small(automaton) => views.for_each(|view| self.scan(automaton, &view, met)),
        }
        for rule in met.touched.drain(..) {
            if let Some(bits) = met.bits.get_mut(rule as usize) {
                *bits = 0;
            }
        }
        met.candidates.sort_unstable();
        &met.candidates
    }

    fn scan(&self, automaton: &impl Automaton, view: &View<'_>, met: &mut Met) {
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            return;
        };
        for byte in view.text {
            state = automaton.next_state(Anchored::No, state, *byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                for place in 0..automaton.match_len(state) {
                    let literal = automaton.match_pattern(state, place).as_usize();
                    self.found(literal, Scope::of(view), met);
                }
            }
        }
    }

    fn found(&self, literal: usize, view: Scope, met: &mut Met) {
        for meaning in self.meanings.get(literal).into_iter().flatten() {
            if !meaning.scope.meets(view) {
                continue;
            }
            let Some(bits) = met.bits.get_mut(meaning.rule as usize) else {
                continue;
            };
            let before = *bits;
            *bits |= meaning.clause;
            if *bits == before {
                continue;
            }
            if before == 0 {
                met.touched.push(meaning.rule);
            }
            if self.complete.get(meaning.rule as usize) == Some(bits) {
                met.candidates.push(meaning.rule);
            }
        }
    }
}

impl Literals {
    fn new<'a>(literals: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Self, String> {
        let bytes: usize = literals.clone().map(<[u8]>::len).sum();
        if bytes == 0 {
            return Ok(Self::None);
        }
        if bytes <= MAX_FAST_BYTES {
            let built = dfa::DFA::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .start_kind(StartKind::Unanchored)
                .prefilter(false)
                .build(literals);
            return built.map(Self::Fast).map_err(|error| error.to_string());
        }
        nfa::contiguous::NFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(literals)
            .map(Self::Small)
            .map_err(|error| error.to_string())
    }
}

impl Met {
    /// Makes room for so many rules; the contents are empty between two events.
    pub(crate) fn fit(&mut self, rules: usize) {
        if self.bits.len() != rules {
            self.bits.clear();
            self.bits.resize(rules, 0);
            self.touched.reserve(rules);
            self.candidates.reserve(rules);
        }
        self.candidates.clear();
    }
}
