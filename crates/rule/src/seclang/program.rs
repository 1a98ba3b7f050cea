//! The rules that look at requests, compiled.
//!
//! Owns: which values a rule reads, its gates (the literals without which it cannot match), what its
//! matches do. Never holds: values of a request, what was settled before.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::collection::Collection;
use super::draft::{Change, Draft, DraftLink, Effect, Step, Who};
use super::operator::{DataFiles, Operator};
use super::plan::{Kept, Plan, Variables};
use super::read::{Pick, Read};
use super::reads::{self, Gated, Reader};
use super::syntax::{Selector, Variable};
use super::text::{Part, Text};
use super::transform::{Bytes, Transform};

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
    /// The literals without one of which nothing matches.
    pub(super) gate: Option<usize>,
    /// The number of its first read among those of all rules.
    pub(super) first_read: usize,
    /// Where its reads stand in what has a bit for each: a word, and the bits; none if that is not one
    /// word.
    pub(super) bits: (usize, u64),
}

/// A rule with those chained to it.
#[derive(Debug)]
pub(super) struct Compiled {
    /// Its place among the steps.
    pub(super) step: usize,
    pub(super) links: Vec<Link>,
    /// Where to go on after a match.
    pub(super) skip_to: Option<usize>,
    /// All of these must have been seen somewhere in the request.
    pub(super) gates: Vec<usize>,
}

/// Texts that are looked through for literals.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) collection: Collection,
    /// Each with the bytes without any of which a text is the same under it, but for its case.
    pub(super) chains: Vec<(Vec<Transform>, Bytes)>,
    pub(super) gated: Gated,
}

/// What is run for each request.
#[derive(Debug)]
pub(super) struct Program {
    /// Tells it from every other one.
    pub(super) number: u64,
    /// How many reads all rules have.
    pub(super) reads: usize,
    /// What is read of the request.
    pub(super) readers: Vec<Reader>,
    pub(super) rules: Vec<Compiled>,
    pub(super) variables: Variables,
    pub(super) looks: Vec<Look>,
    pub(super) finder: AhoCorasick,
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
        let wanted = Wanted::of(&plan.kept);
        let mut rules: Vec<(Compiled, Option<String>)> = Vec::new();
        let mut markers: HashMap<String, Vec<usize>> = HashMap::new();
        let mut refused = Vec::new();
        let mut sets = Vec::new();
        for kept in &plan.kept {
            match kept {
                Kept::Marker(name) => markers.entry(name.clone()).or_default().push(rules.len()),
                Kept::Rule(step, draft) => match compile(*step, draft, &wanted, files, &mut sets) {
                    Ok(rule) => rules.push((rule, draft.skip_after.clone())),
                    Err(reason) => refused.push((*step, reason)),
                },
            }
        }
        let mut rules: Vec<Compiled> = rules
            .into_iter()
            .enumerate()
            .map(|(place, (mut rule, skip))| {
                let to = skip.and_then(|name| {
                    let places = markers.get(&name)?;
                    places.iter().copied().find(|to| *to > place)
                });
                rule.skip_to = to;
                rule
            })
            .collect();
        aim(&mut rules, &plan.kept, steps)?;
        for link in rules.iter_mut().flat_map(|rule| &mut rule.links) {
            link.reads
                .iter_mut()
                .for_each(|read| read.preset(&plan.variables));
        }
        let gates = sets.len();
        let (finder, opens) = finder(&sets)?;
        let reads = reads::number(&mut rules);
        let looks = looks(&rules, (reads, gates));
        let program = Self {
            number: PROGRAMS.fetch_add(1, Ordering::Relaxed),
            reads,
            readers: reads::by_collection(&rules, reads),
            rules,
            variables: plan.variables,
            looks,
            finder,
            opens,
            gates,
        };
        Ok((program, refused))
    }
}

/// The variables that some rule reads: others need not be set.
struct Wanted {
    names: Vec<Vec<u8>>,
    patterns: Vec<String>,
}

impl Wanted {
    fn of(kept: &[Kept]) -> Self {
        let mut wanted = Self {
            names: Vec::new(),
            patterns: Vec::new(),
        };
        let drafts = kept.iter().filter_map(|kept| match kept {
            Kept::Rule(_, draft) => Some(draft),
            Kept::Marker(_) => None,
        });
        for link in drafts.flat_map(|draft| &draft.links) {
            let mut texts = vec![&link.argument];
            for effect in &link.effects {
                if let Effect::Set { name, change } = effect {
                    texts.push(name);
                    if let Change::To(text) | Change::Plus(text) | Change::Minus(text) = change {
                        texts.push(text);
                    }
                }
            }
            let macros = texts.into_iter().flat_map(Text::macros);
            for variable in link.variables.iter().chain(macros) {
                if variable.collection != "TX" {
                    continue;
                }
                match &variable.selector {
                    Some(Selector::Name(name)) => {
                        wanted.names.push(name.to_ascii_lowercase().into_bytes());
                    }
                    Some(Selector::Pattern(pattern)) => {
                        wanted.patterns.push(pattern.to_ascii_lowercase());
                    }
                    None => wanted.patterns.push(String::new()),
                }
            }
        }
        wanted
    }

    fn reads(&self, name: &Text) -> bool {
        let start = match name.0.first() {
            Some(Part::Plain(start)) => start.as_slice(),
            _ => return true,
        };
        let whole = name.plain();
        let by_name = self.names.iter().any(|own| match whole {
            Some(name) => own == name,
            None => own.starts_with(start),
        });
        let by_pattern = |pattern: &String| {
            Pick::new(Some(&Selector::Pattern(pattern.clone())))
                .map_or(true, |pick| pick.takes(whole.unwrap_or(start)))
        };
        by_name || self.patterns.iter().any(by_pattern)
    }

    /// Whether the groups of a match are read.
    fn reads_groups(&self) -> bool {
        self.names
            .iter()
            .any(|name| name.iter().all(u8::is_ascii_digit))
    }
}

/// Sets of literals, one for each gate.
type Sets = Vec<Vec<Vec<u8>>>;

fn compile(
    step: usize,
    draft: &Draft,
    wanted: &Wanted,
    files: &DataFiles,
    sets: &mut Sets,
) -> Result<Compiled, String> {
    let mut links = Vec::with_capacity(draft.links.len());
    let mut gates = Vec::new();
    let reads_matches = draft.links.iter().any(|link| {
        let mut names = link
            .variables
            .iter()
            .map(|variable| variable.collection.as_str());
        names.any(|name| name.starts_with("MATCHED_VARS"))
    });
    for (place, link) in draft.links.iter().enumerate() {
        let mut compiled = compile_link(link, wanted, files)?;
        compiled.all |= reads_matches;
        // A link whose match does something is looked at even if a later one cannot match.
        let comes_first = links.iter().all(|before: &Link| before.deeds.is_empty());
        if let Some(set) = gate(&compiled) {
            compiled.gate = Some(sets.len());
            if place == 0 || comes_first {
                gates.push(sets.len());
            }
            sets.push(set);
        }
        links.push(compiled);
    }
    Ok(Compiled {
        step,
        links,
        skip_to: None,
        gates,
    })
}

fn compile_link(link: &DraftLink, wanted: &Wanted, files: &DataFiles) -> Result<Link, String> {
    let mut deeds = Vec::new();
    for effect in &link.effects {
        match effect {
            Effect::Set { name, change } if wanted.reads(name) => deeds.push(Deed::Set {
                name: name.clone(),
                change: change.clone(),
            }),
            Effect::Set { .. } => {}
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
        capture: link.capture && wanted.reads_groups(),
        all: !deeds.is_empty(),
        deeds,
        gate: None,
        first_read: 0,
        bits: (0, 0),
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
fn finder(sets: &Sets) -> Result<(AhoCorasick, Vec<Vec<usize>>), String> {
    let mut literals: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (gate, set) in sets.iter().enumerate() {
        for literal in set {
            let opens = literals.entry(literal).or_default();
            if opens.last() != Some(&gate) {
                opens.push(gate);
            }
        }
    }
    let finder = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(literals.keys())
        .map_err(|error| format!("the literals of the rules cannot be looked for: {error}"))?;
    Ok((finder, literals.into_values().collect()))
}

/// The texts to look through: each collection that a gated link reads, under each of its chains.
fn looks(rules: &[Compiled], sizes: (usize, usize)) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    for link in rules
        .iter()
        .flat_map(|rule| &rule.links)
        .filter(|link| link.gate.is_some())
    {
        for read in &link.reads {
            let place = looks
                .iter()
                .position(|look| look.collection == read.collection)
                .unwrap_or_else(|| {
                    looks.push(Look {
                        collection: read.collection,
                        chains: Vec::new(),
                        gated: Gated::new(rules, read.collection, sizes),
                    });
                    looks.len() - 1
                });
            let Some(look) = looks.get_mut(place) else {
                continue;
            };
            for chain in &link.chains {
                // Literals are looked for in either case.
                let chain = match chain.as_slice() {
                    [before @ .., Transform::Lowercase] => before,
                    all => all,
                };
                if !look.chains.iter().any(|(known, _)| known == chain) {
                    let others = chain.iter().filter(|one| **one != Transform::Lowercase);
                    let needs = others.fold(Bytes::default(), |all, one| all.with(one.needs()));
                    look.chains.push((chain.to_vec(), needs));
                }
            }
        }
    }
    looks
}
