//! The rules that look at requests, compiled.
//!
//! Owns: which values a rule reads, its gates (the literals without which it cannot match), what its
//! matches do. Never holds: values of a request, what was settled before.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use aho_corasick::dfa::DFA;
use aho_corasick::{MatchKind, StartKind};

use super::collection::Collection;
use super::draft::{Change, Draft, DraftLink, Effect, Step, Who};
use super::operator::{DataFiles, Operator};
use super::plan::{Kept, Plan, Variables};
use super::read::{Pick, Read};
use super::reads::{self, Reads};
use super::syntax::{Selector, Variable};
use super::text::Text;
use super::texts::{insert, words};
use super::transform::{Bytes, Transform};
use super::wanted::{Item, prune};

/// What a match does.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Set {
        name: Text,
        change: Change,
    },
    /// Takes out these rules, by their places.
    Remove(Vec<u32>),
    RemoveTarget {
        rules: Vec<u32>,
        collection: Collection,
        pick: Pick,
    },
    Off,
}

/// One rule of a chain.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) reads: Vec<Read>,
    pub(super) operator: Operator,
    pub(super) negated: bool,
    /// The transformations, and with `multiMatch` also each start of them.
    pub(super) chains: Vec<Vec<Transform>>,
    pub(super) capture: bool,
    pub(super) deeds: Vec<Deed>,
    /// Every value counts, not only the first that matches.
    pub(super) all: bool,
    /// The literals without one of which nothing matches, and what bytes they have.
    pub(super) gate: Option<usize>,
    pub(super) literals: Vec<Bytes>,
    /// Its number among the links of all rules.
    pub(super) number: usize,
    /// For each read its bit, where nothing but a value decides on it.
    pub(super) places: Vec<Option<usize>>,
}

/// A rule with those chained to it.
#[derive(Debug)]
pub(super) struct Compiled {
    /// Its place among the steps.
    pub(super) step: usize,
    pub(super) links: Vec<Link>,
    /// Where to go on after a match.
    pub(super) skip_to: Option<usize>,
    /// The numbers of the links beside the first that have to match for anything to come of it.
    pub(super) needed: Range<usize>,
    /// Each value that its first link matches decides by itself whether the rule matches.
    pub(super) by_value: bool,
}

/// What is run for each request.
#[derive(Debug)]
pub(super) struct Program {
    /// Tells it from every other one.
    pub(super) number: u64,
    pub(super) reads: Reads,
    pub(super) rules: Vec<Compiled>,
    /// The links that more than values decides on, a bit each.
    pub(super) open: Vec<u64>,
    pub(super) variables: Variables,
    pub(super) finder: DFA,
    /// For each literal the gates it opens.
    pub(super) opens: Vec<Vec<usize>>,
    pub(super) gates: usize,
}

/// A rule that cannot be compiled: its place among the steps, and why.
pub(super) type Refusal = (usize, String);

impl Program {
    /// Makes ready what is otherwise made when it is first asked.
    pub(super) fn prepare(&self) {
        for link in self.rules.iter().flat_map(|rule| &rule.links) {
            if let Operator::Pattern(pattern) = &link.operator {
                pattern.prepare();
            }
        }
    }

    /// Compiles what is left of a plan; also what cannot be.
    pub(super) fn new(
        plan: Plan,
        steps: &[Step],
        files: &DataFiles,
    ) -> Result<(Self, Vec<Refusal>), String> {
        let mut refused = Vec::new();
        let mut items = Vec::new();
        for kept in &plan.kept {
            match kept {
                Kept::Marker(name) => items.push(Item::Marker(name)),
                Kept::Rule(step, draft) => match compile(*step, draft, files) {
                    Ok(rule) => items.push(Item::Rule(rule, draft)),
                    Err(reason) => refused.push((*step, reason)),
                },
            }
        }
        prune(&mut items, &plan.variables);
        let (mut rules, sets) = in_order(items);
        aim(&mut rules, &plan.kept, steps)?;
        for link in rules.iter_mut().flat_map(|rule| &mut rule.links) {
            link.reads
                .iter_mut()
                .for_each(|read| read.preset(&plan.variables));
        }
        let (finder, opens) = finder(&sets)?;
        let reads = reads::by_collection(&mut rules);
        let links = || rules.iter().flat_map(|rule| &rule.links);
        let last = links().map(|link| link.number).max();
        let mut open = vec![0; last.map_or(0, |last| words(last + 1))];
        for link in links() {
            if link.reads.is_empty() || link.places.contains(&None) {
                insert(&mut open, link.number);
            }
        }
        let program = Self {
            number: PROGRAMS.fetch_add(1, Ordering::Relaxed),
            reads,
            rules,
            open,
            variables: plan.variables,
            finder,
            opens,
            gates: sets.len(),
        };
        Ok((program, refused))
    }
}

/// Sets of literals, one for each gate.
type Sets = Vec<Vec<Vec<u8>>>;

fn compile(step: usize, draft: &Draft, files: &DataFiles) -> Result<Compiled, String> {
    let links = draft.links.iter().map(|link| compile_link(link, files));
    Ok(Compiled {
        step,
        links: links.collect::<Result<_, _>>()?,
        skip_to: None,
        needed: 0..0,
        by_value: false,
    })
}

/// The rules one after the other, with where they skip to; and the literals of each gate.
fn in_order(items: Vec<Item<'_>>) -> (Vec<Compiled>, Sets) {
    let mut markers: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut rules: Vec<(Compiled, &Draft)> = Vec::new();
    let mut sets = Vec::new();
    for item in items {
        match item {
            Item::Marker(name) => markers.entry(name).or_default().push(rules.len()),
            Item::Rule(mut rule, draft) => {
                rule.links
                    .iter_mut()
                    .for_each(|link| link.finish(draft, &mut sets));
                let is_idle = |link: &&Link| !link.does_something();
                rule.needed = 0..rule.links.iter().take_while(is_idle).count();
                rules.push((rule, draft));
            }
        }
    }
    let rules = rules
        .into_iter()
        .enumerate()
        .map(|(place, (mut rule, draft))| {
            rule.skip_to = draft.skip_after.as_ref().and_then(|name| {
                let places = markers.get(name.as_str())?;
                places.iter().copied().find(|to| *to > place)
            });
            rule
        });
    (rules.collect(), sets)
}

impl Link {
    /// Adds what follows from the deeds that are left.
    fn finish(&mut self, draft: &Draft, sets: &mut Sets) {
        let links = draft.links.iter();
        let mut variables = links.flat_map(|link| link.asked().chain(link.filled_in()));
        let reads_matches =
            variables.any(|variable| variable.collection.starts_with("MATCHED_VAR"));
        // Of what matched and of its groups the last is known, as in libmodsecurity.
        self.all = reads_matches || self.capture || !self.deeds.is_empty();
        if let Some(set) = gate(self) {
            self.gate = Some(sets.len());
            for literal in &set {
                let bytes = Bytes::of(literal);
                if !self.literals.contains(&bytes) {
                    self.literals.push(bytes);
                }
            }
            sets.push(set);
        }
    }

    /// Whether a match of it alone changes what others know.
    pub(super) const fn does_something(&self) -> bool {
        self.capture || !self.deeds.is_empty()
    }

    /// Whether it surely matches no text that has no other bytes than these.
    pub(super) fn is_out_of(&self, bytes: Bytes) -> bool {
        let is_out = |chain: &Vec<Transform>| {
            let made = chain.iter().fold(bytes, |bytes, one| one.makes(bytes));
            let may_be_empty = chain.iter().any(|one| one.concerns(bytes));
            let mut literals = self.literals.iter();
            self.operator.is_out_of(made, may_be_empty)
                || self.gate.is_some() && !literals.any(|literal| literal.are_all_of(made))
        };
        !self.negated && self.chains.iter().all(is_out)
    }
}

fn compile_link(link: &DraftLink, files: &DataFiles) -> Result<Link, String> {
    let mut deeds = Vec::new();
    for effect in &link.effects {
        match effect {
            Effect::Set { name, change } => deeds.push(Deed::Set {
                name: name.clone(),
                change: change.clone(),
            }),
            // Whom they mean is known once all rules are compiled.
            Effect::Remove(_) => deeds.push(Deed::Remove(Vec::new())),
            Effect::RemoveTarget(_, variable) => deeds.push(Deed::RemoveTarget {
                rules: Vec::new(),
                collection: collection(variable)?,
                pick: Pick::new(variable.selector.as_ref())?,
            }),
            Effect::Off => deeds.push(Deed::Off),
        }
    }
    let chains = if link.multi_match {
        (0..=link.transforms.len())
            .filter_map(|length| link.transforms.get(..length).map(<[_]>::to_vec))
            .collect()
    } else {
        vec![link.transforms.clone()]
    };
    Ok(Link {
        reads: reads_of(&link.variables)?,
        operator: Operator::new(&link.operator, &link.argument, files)?,
        negated: link.negated,
        chains,
        capture: link.capture,
        all: false,
        deeds,
        gate: None,
        literals: Vec::new(),
        number: 0,
        places: Vec::new(),
    })
}

fn collection(variable: &Variable) -> Result<Collection, String> {
    Collection::of_name(&variable.collection)
        .ok_or_else(|| Collection::why_not(&variable.collection))
}

fn reads_of(variables: &[Variable]) -> Result<Vec<Read>, String> {
    let mut reads: Vec<Read> = Vec::new();
    for variable in variables.iter().filter(|variable| !variable.excluded) {
        let collection = collection(variable)?;
        let is_known = match &variable.selector {
            Some(Selector::Name(path)) => matches!(path.as_str(), "/*" | "//@*"),
            _ => false,
        };
        if collection == Collection::Xml && !is_known {
            return Err("of XML only `/*` and `//@*` are offered".to_owned());
        }
        reads.push(Read {
            collection,
            pick: Pick::new(variable.selector.as_ref())?,
            counted: variable.counted,
            except: Vec::new(),
            presets: Vec::new(),
        });
    }
    for variable in variables.iter().filter(|variable| variable.excluded) {
        let collection = collection(variable)?;
        let pick = Pick::new(variable.selector.as_ref())?;
        for read in reads
            .iter_mut()
            .filter(|read| read.collection == collection)
        {
            read.except.push(pick.clone());
        }
    }
    Ok(reads)
}

/// How many programs were compiled, and one.
static PROGRAMS: AtomicU64 = AtomicU64::new(1);

/// The literals that a link needs, where that can be looked for before.
fn gate(link: &Link) -> Option<Vec<Vec<u8>>> {
    let is_looked_through = !link.negated
        && link
            .reads
            .iter()
            .all(|read| read.collection.is_of_request() && !read.counted)
        && link
            .chains
            .iter()
            .flatten()
            .all(|transform| !transform.needs().is_any());
    if is_looked_through {
        link.operator.required()
    } else {
        None
    }
}

/// Tells the deeds that take out rules which rules these are.
fn aim(rules: &mut [Compiled], kept: &[Kept], steps: &[Step]) -> Result<(), String> {
    let draft_of = |step: usize| match steps.get(step) {
        Some(Step::Rule(draft)) => Some(draft),
        _ => None,
    };
    let of_step: HashMap<usize, usize> = rules
        .iter()
        .enumerate()
        .map(|(place, rule)| (rule.step, place))
        .collect();
    let meant = |who: &Who| -> Vec<u32> {
        let named = of_step
            .iter()
            .filter(|(step, _)| draft_of(**step).is_some_and(|draft| who.names(draft)));
        let mut places: Vec<u32> = named.map(|(_, place)| *place as u32).collect();
        places.sort_unstable();
        places
    };
    let mut aims = Vec::new();
    for kept in kept {
        let Kept::Rule(step, draft) = kept else {
            continue;
        };
        let Some(place) = of_step.get(step) else {
            continue;
        };
        for (number, link) in draft.links.iter().enumerate() {
            let whom = link.effects.iter().filter_map(|effect| match effect {
                Effect::Remove(who) | Effect::RemoveTarget(who, _) => Some(meant(who)),
                _ => None,
            });
            aims.push((*place, number, whom.collect::<Vec<_>>()));
        }
    }
    for (place, number, whom) in aims {
        let link = rules
            .get_mut(place)
            .and_then(|rule| rule.links.get_mut(number));
        let deeds = link.ok_or("a chain has lost a link")?.deeds.iter_mut();
        let taking = deeds.filter_map(|deed| match deed {
            Deed::Remove(rules) | Deed::RemoveTarget { rules, .. } => Some(rules),
            _ => None,
        });
        for (slot, whom) in taking.zip(whom) {
            *slot = whom;
        }
    }
    Ok(())
}

/// One automaton for the literals of all gates.
fn finder(sets: &Sets) -> Result<(DFA, Vec<Vec<usize>>), String> {
    let mut literals: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (gate, set) in sets.iter().enumerate() {
        for literal in set {
            let opens = literals.entry(literal).or_default();
            if opens.last() != Some(&gate) {
                opens.push(gate);
            }
        }
    }
    let finder = DFA::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .start_kind(StartKind::Unanchored)
        .prefilter(false)
        .build(literals.keys())
        .map_err(|error| format!("the literals of the rules cannot be looked for: {error}"))?;
    Ok((finder, literals.into_values().collect()))
}
