//! What is decided before any request comes: the setup.
//!
//! CRS sets itself up anew for each request, and skips whole blocks by its paranoia level. All of that
//! depends on nothing but what it sets itself, so it is worked out once. What is left are the rules
//! that look at requests, with what the setup says filled in.
//!
//! Owns: the variables as the setup leaves them, which rules are skipped for good. Never holds:
//! compiled operators that are kept, requests.
//!
//! A variable that a rule which looks at requests may set is no longer known from there on, nor is
//! anything behind a skip that only a request decides on.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;

use super::draft::{Change, Draft, DraftLink, Effect, Step, names_of};
use super::operator::{DataFiles, Operator, number};
use super::syntax::Variable;
use super::text::Text;

/// The variables that rules set, by their names in lower case.
pub(super) type Variables = HashMap<Vec<u8>, Vec<u8>, RandomState>;

/// What is left to do for each request.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) kept: Vec<Kept>,
    pub(super) variables: Variables,
    /// Rules that the setup decides on: their places among the steps, and the condition that skips
    /// them; none for those that are the setup themselves.
    pub(super) settled: BTreeMap<usize, Option<String>>,
}

#[derive(Debug)]
pub(super) enum Kept {
    /// The place among the steps, and the rule with what is known filled in.
    Rule(usize, Box<Draft>),
    Marker(String),
}

/// Works the setup out. `presets` are variables that the operator sets; the files do not change them.
pub(super) fn plan(steps: &[Step], presets: &Variables, files: &DataFiles) -> Plan {
    let mut planner = Planner {
        presets,
        files,
        known: presets.clone(),
        unsure: HashSet::new(),
        unsure_starts: Vec::new(),
        pending: HashSet::new(),
        plan: Plan::default(),
    };
    for phase in [1, 2] {
        planner.phase(phase, steps);
    }
    planner.plan.variables = planner.known;
    planner.plan
}

struct Planner<'a> {
    presets: &'a Variables,
    files: &'a DataFiles,
    known: Variables,
    /// Variables that requests decide on from here on, by name and by what the name starts with.
    unsure: HashSet<Vec<u8>>,
    unsure_starts: Vec<Vec<u8>>,
    /// The markers that a request may have skipped to.
    pending: HashSet<String>,
    plan: Plan,
}

/// A value that is the same for every request; none where it is not set.
struct Fixed<'a>(Option<&'a [u8]>);

impl Planner<'_> {
    fn phase(&mut self, phase: u8, steps: &[Step]) {
        let mut skipping: Option<(String, String)> = None;
        self.pending.clear();
        for (place, step) in steps.iter().enumerate() {
            let draft = match step {
                Step::Marker(name) => {
                    if skipping.as_ref().is_some_and(|(to, _)| to == name) {
                        skipping = None;
                    }
                    if self.pending.remove(name) {
                        self.plan.kept.push(Kept::Marker(name.clone()));
                    }
                    continue;
                }
                Step::Rule(draft) if draft.phase == phase && draft.refused.is_none() => draft,
                Step::Rule(_) => continue,
            };
            if let Some((_, why)) = &skipping {
                self.plan.settled.insert(place, Some(why.clone()));
                continue;
            }
            match self.outcome(draft) {
                Some(false) => _ = self.plan.settled.insert(place, None),
                Some(true) if self.pending.is_empty() && self.settle(draft) => {
                    self.plan.settled.insert(place, None);
                    if let Some(to) = &draft.skip_after {
                        skipping = Some((to.clone(), condition(draft)));
                    }
                }
                _ => self.keep(place, draft),
            }
        }
        // What a request skips at the end of a phase is the rest of it.
        for name in std::mem::take(&mut self.pending) {
            self.plan.kept.push(Kept::Marker(name));
        }
    }

    fn is_unsure(&self, name: &[u8]) -> bool {
        name.iter().all(u8::is_ascii_digit)
            || self.unsure.contains(name)
            || self
                .unsure_starts
                .iter()
                .any(|start| name.starts_with(start))
    }

    /// The value of a `TX:name` that no request decides on.
    fn value(&self, variable: &Variable) -> Option<Fixed<'_>> {
        if variable.collection != "TX" {
            return None;
        }
        let name = names_of(variable)?.to_ascii_lowercase().into_bytes();
        if self.is_unsure(&name) {
            return None;
        }
        Some(Fixed(self.known.get(&name).map(Vec::as_slice)))
    }

    fn resolved(&self, text: &Text) -> Text {
        text.resolved(|variable| {
            let value = self.value(variable)?;
            Some(value.0.unwrap_or_default().to_vec())
        })
    }

    /// Whether the rule matches, if no request decides on that.
    fn outcome(&self, draft: &Draft) -> Option<bool> {
        for link in &draft.links {
            if !self.link_outcome(link)? {
                return Some(false);
            }
        }
        Some(true)
    }

    fn link_outcome(&self, link: &DraftLink) -> Option<bool> {
        if link.variables.is_empty() && link.operator.eq_ignore_ascii_case("unconditionalMatch") {
            return Some(true);
        }
        let mut values = Vec::new();
        for variable in link.variables.iter().filter(|variable| !variable.excluded) {
            let Fixed(value) = self.value(variable)?;
            if variable.counted {
                values.push(if value.is_some() {
                    b"1".to_vec()
                } else {
                    b"0".to_vec()
                });
            } else {
                values.extend(value.map(<[u8]>::to_vec));
            }
        }
        let argument = self.resolved(&link.argument);
        let plain = argument.plain()?;
        let operator = Operator::new(&link.operator, &argument, self.files).ok()?;
        Some(values.iter().any(|value| {
            let transformed = link
                .transforms
                .iter()
                .fold(value.clone(), |text, transform| {
                    let mut made = Vec::new();
                    transform.apply(&text, &mut made);
                    made
                });
            operator.find(&transformed, plain).is_some() != link.negated
        }))
    }

    /// Does what a rule does that always matches; false if that has to wait for a request.
    fn settle(&mut self, draft: &Draft) -> bool {
        let mut changes = Vec::new();
        for effect in draft.links.iter().flat_map(|link| &link.effects) {
            let Effect::Set { name, change } = effect else {
                return false;
            };
            let name = self.resolved(name);
            let Some(name) = name.plain() else {
                return false;
            };
            if self.is_unsure(name) {
                return false;
            }
            let text = |text: &Text| self.resolved(text).plain().map(<[u8]>::to_vec);
            let before = || number(self.known.get(name).map_or(b"0", Vec::as_slice));
            let value = match change {
                Change::To(to) => text(to).map(Some),
                Change::Plus(by) => text(by).map(|by| Some(written(&(before() + number(&by))))),
                Change::Minus(by) => text(by).map(|by| Some(written(&(before() - number(&by))))),
                Change::Unset => Some(None),
            };
            let Some(value) = value else { return false };
            changes.push((name.to_vec(), value));
        }
        for (name, value) in changes {
            if self.presets.contains_key(&name) {
                continue;
            }
            match value {
                Some(value) => _ = self.known.insert(name, value),
                None => _ = self.known.remove(&name),
            }
        }
        true
    }

    /// Leaves the rule to the requests.
    fn keep(&mut self, place: usize, draft: &Draft) {
        let mut kept = draft.clone();
        for link in &mut kept.links {
            link.argument = self.resolved(&link.argument);
            for effect in &mut link.effects {
                let Effect::Set { name, change } = effect else {
                    continue;
                };
                *name = self.resolved(name);
                if let Change::To(text) | Change::Plus(text) | Change::Minus(text) = change {
                    *text = self.resolved(text);
                }
            }
        }
        for effect in kept.links.iter().flat_map(|link| &link.effects) {
            if let Effect::Set { name, .. } = effect {
                match (name.plain(), name.0.first()) {
                    (Some(name), _) => _ = self.unsure.insert(name.to_vec()),
                    (None, Some(super::text::Part::Plain(start))) => {
                        self.unsure_starts.push(start.clone());
                    }
                    // It may set any of them.
                    (None, _) => self.unsure_starts.push(Vec::new()),
                }
            }
        }
        self.pending.extend(draft.skip_after.clone());
        self.plan.kept.push(Kept::Rule(place, Box::new(kept)));
    }
}

pub(super) fn written(number: &impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// The condition of a rule that skips others, for people.
fn condition(draft: &Draft) -> String {
    let link = draft.links.first();
    let variable = link.and_then(|link| link.variables.first());
    let variable = variable.map_or_else(String::new, |variable| {
        let name = names_of(variable).unwrap_or_default();
        let count = if variable.counted { "&" } else { "" };
        format!("{count}{}:{name}", variable.collection)
    });
    let operator = link.map_or("", |link| link.operator.as_str());
    let argument = link.and_then(|link| link.argument.plain());
    let argument = String::from_utf8_lossy(argument.unwrap_or_default());
    format!("{variable} @{operator} {argument}")
        .trim()
        .to_owned()
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may fail by a panic")]
mod tests {
    use super::*;
    use crate::seclang::draft::Reader;

    fn planned(text: &str, presets: &[(&str, &str)]) -> (Vec<Step>, Plan) {
        let mut reader = Reader::default();
        reader.file(0, text);
        let (steps, _) = reader.finish();
        let presets = presets
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        let plan = plan(&steps, &presets, &DataFiles::new());
        (steps, plan)
    }

    const SETUP: &str = "
SecRule &TX:level \"@eq 0\" \"id:1,phase:1,pass,setvar:tx.level=1\"
SecAction \"id:2,phase:1,pass,setvar:tx.points=5,setvar:tx.sum=0\"
SecRule TX:level \"@lt 2\" \"id:3,phase:2,pass,skipAfter:END-2\"
SecRule ARGS \"@rx second\" \"id:4,phase:2,block,setvar:tx.sum=+%{tx.points}\"
SecMarker END-2
SecRule ARGS \"@rx first\" \"id:5,phase:2,block,setvar:tx.sum=+%{tx.points}\"
SecRule TX:sum \"@ge %{tx.points}\" \"id:6,phase:2,block\"
";

    fn kept(plan: &Plan) -> Vec<u32> {
        let kept = plan.kept.iter().filter_map(|kept| match kept {
            Kept::Rule(_, draft) => Some(draft.id),
            Kept::Marker(_) => None,
        });
        kept.collect()
    }

    #[test]
    fn the_setup_is_worked_out_once() {
        let (_, plan) = planned(SETUP, &[]);
        assert_eq!(kept(&plan), [5, 6]);
        assert_eq!(
            plan.settled.get(&3),
            Some(&Some("TX:level @lt 2".to_owned()))
        );
        let Kept::Rule(_, rule) = &plan.kept[0] else {
            panic!()
        };
        assert!(
            matches!(&rule.links[0].effects[0], Effect::Set { change: Change::Plus(by), .. } if by.plain() == Some(b"5"))
        );
    }

    #[test]
    fn what_the_operator_sets_stays() {
        let (_, plan) = planned(
            &format!("SecAction \"id:9,phase:1,setvar:tx.level=1\"\n{SETUP}"),
            &[("level", "2")],
        );
        assert_eq!(kept(&plan), [4, 5, 6]);
    }

    #[test]
    fn what_a_request_skips_is_not_settled() {
        let (_, plan) = planned(
            "SecRule ARGS \"@rx a\" \"id:1,phase:1,pass,skipAfter:END\"
SecAction \"id:2,phase:1,pass,setvar:tx.a=1\"
SecMarker END
SecRule TX:a \"@eq 1\" \"id:3,phase:1,pass,setvar:tx.b=1\"
SecRule &TX:c \"@eq 0\" \"id:4,phase:1,pass,setvar:tx.c=1\"",
            &[],
        );
        assert_eq!(kept(&plan), [1, 2, 3]);
        assert!(
            plan.kept
                .iter()
                .any(|kept| matches!(kept, Kept::Marker(name) if name == "END"))
        );
        assert_eq!(
            plan.variables.get(&b"c"[..]).map(Vec::as_slice),
            Some(&b"1"[..])
        );
    }
}
