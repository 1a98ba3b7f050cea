//! Rules that nearly matched: everything they require was seen, and yet they did not match.
//!
//! For people who ask why; never on the way of the events.

use std::sync::Arc;

use vigil_event::Event;

use crate::matcher::Leaf;
use crate::{RuleSet, Scratch};

/// A rule whose required texts all occur in the event, and which does not match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The rule's place in [`RuleSet::rules`].
    pub rule: usize,
    /// The names of the selections that match.
    pub met: Vec<String>,
    /// The names of the selections that would have to match, and do not.
    pub unmet: Vec<String>,
    /// The names of the selections that match and stand under a `not`.
    pub excluding: Vec<String>,
}

impl RuleSet {
    /// The rules that nearly matched the event, in their order. Rules that require no text are
    /// looked at for every event, so they do not count.
    pub fn near_misses(&self, event: &Event, scratch: &mut Scratch) -> Vec<NearMiss> {
        let mut hits = Vec::new();
        self.evaluate(event, scratch, &mut hits);
        let (seen, candidates) = self.gated_candidates(event, scratch);
        candidates
            .into_iter()
            .filter(|rule| !hits.iter().any(|hit| hit.rule == *rule))
            .filter_map(|rule| {
                let mut miss = NearMiss {
                    rule,
                    met: Vec::new(),
                    unmet: Vec::new(),
                    excluding: Vec::new(),
                };
                self.condition(rule)?
                    .leaves(false, &mut |selection, negated| {
                        let holds = selection.holds(&|leaf: &Arc<Leaf>| leaf.holds(event, seen));
                        let list = match (negated, holds) {
                            (false, true) => &mut miss.met,
                            (false, false) => &mut miss.unmet,
                            (true, true) => &mut miss.excluding,
                            (true, false) => return,
                        };
                        if !list.contains(&selection.name) {
                            list.push(selection.name.clone());
                        }
                    });
                Some(miss)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::Field;

    use super::*;
    use crate::RuleFile;

    const RULES: &str = "
title: Two Words
id: 00000000-0000-4000-8000-000000000001
logsource: {category: webserver}
detection:
  first: {url.query|contains: wicked}
  second: {url.query|re: 'wicked\\s+deeds'}
  known: {url.path: /theatre}
  condition: first and second and not known
level: high
---
title: Another Word
id: 00000000-0000-4000-8000-000000000002
logsource: {category: webserver}
detection:
  other: {url.query|contains: harmless}
  condition: other
level: high
";

    fn near(path: &str, query: &str) -> Vec<NearMiss> {
        let file = RuleFile {
            name: "a.yml".into(),
            text: RULES.into(),
        };
        let rules = RuleSet::load(&[file]).unwrap();
        let mut event = Event::new();
        event.set(Field::UrlPath, path.as_bytes());
        event.set(Field::UrlQuery, query.as_bytes());
        rules.near_misses(&event, &mut Scratch::new(&rules))
    }

    fn miss(met: &[&str], unmet: &[&str], excluding: &[&str]) -> NearMiss {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        NearMiss {
            rule: 0,
            met: texts(met),
            unmet: texts(unmet),
            excluding: texts(excluding),
        }
    }

    #[test]
    fn says_what_is_met_and_what_is_not() {
        assert_eq!(near("/", "q=deeds"), []);
        assert_eq!(near("/", "q=wicked deeds"), []);
        assert_eq!(
            near("/", "q=wicked people and deeds"),
            [miss(&["first"], &["second"], &[])]
        );
        assert_eq!(
            near("/theatre", "q=wicked deeds"),
            [miss(&["first", "second"], &[], &["known"])]
        );
    }
}
