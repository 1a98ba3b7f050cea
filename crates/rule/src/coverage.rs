//! Which techniques of MITRE ATT&CK the rules can see, by what their tags say.
//!
//! *Input*: rules. *Output*: each technique with its rules and with the tactics that these rules
//! name beside it; as a layer for ATT&CK Navigator, too. *Limits*: a rule that names several
//! tactics and techniques does not say which belongs to which, so a technique has all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use vigil_event::Score;

use crate::{Rule, load::attack};

/// What the rules cover.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Rules in all.
    pub rules: usize,
    /// The techniques, by their ids.
    pub techniques: Vec<Technique>,
    /// The tactics, in ATT&CK's order, each with how many rules name it.
    pub tactics: Vec<Tactic>,
    /// The ids of the rules that name no technique.
    pub untagged: Vec<String>,
}

/// A technique with the rules that can see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Technique {
    /// Its id, such as `T1190` or `T1059.007`.
    pub id: String,
    /// The names of the tactics that these rules name.
    pub tactics: Vec<String>,
    /// How many rules.
    pub count: usize,
    /// The highest score among them.
    pub max_score: Score,
    /// The rules, the highest score first.
    pub rules: Vec<Covering>,
}

/// A rule that can see a technique.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Covering {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its family.
    pub family: String,
    /// Its score.
    pub score: Score,
}

/// A tactic with how many rules name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tactic {
    /// Its name, such as `Initial Access`.
    pub name: String,
    /// How many rules.
    pub count: usize,
}

impl Coverage {
    /// Of these rules.
    pub fn of(rules: &[Rule]) -> Self {
        let mut techniques: BTreeMap<&str, (BTreeSet<usize>, Vec<&Rule>)> = BTreeMap::new();
        let mut counts = vec![0; attack::TACTICS.len()];
        for rule in rules {
            let tactics: BTreeSet<usize> = rule
                .tags
                .iter()
                .filter_map(|tag| attack::tactic(tag))
                .collect();
            for tactic in &tactics {
                if let Some(count) = counts.get_mut(*tactic) {
                    *count += 1;
                }
            }
            let ids: BTreeSet<&str> = rule.techniques.iter().map(String::as_str).collect();
            for id in ids {
                let (known, covering) = techniques.entry(id).or_default();
                known.extend(&tactics);
                covering.push(rule);
            }
        }
        let technique = |(id, (tactics, rules)): (&str, (BTreeSet<usize>, Vec<&Rule>))| {
            technique(id, &tactics, rules)
        };
        let tactics = attack::TACTICS.iter().zip(counts);
        Self {
            rules: rules.len(),
            techniques: techniques.into_iter().map(technique).collect(),
            tactics: tactics
                .map(|(slug, count)| Tactic {
                    name: attack::title(slug),
                    count,
                })
                .collect(),
            untagged: rules
                .iter()
                .filter(|rule| rule.techniques.is_empty())
                .map(|rule| rule.id.clone())
                .collect(),
        }
    }

    /// As a layer for ATT&CK Navigator: each technique's score is how many rules see it.
    pub fn navigator_layer(&self, name: &str) -> Value {
        let most = self.techniques.iter().map(|one| one.count).max();
        let techniques: Vec<Value> = self
            .techniques
            .iter()
            .map(|one| {
                let titles: Vec<&str> = one.rules.iter().map(|rule| rule.title.as_str()).collect();
                json!({
                    "techniqueID": one.id,
                    "score": one.count,
                    "comment": titles.join("; "),
                    "enabled": true,
                })
            })
            .collect();
        json!({
            "name": name,
            "versions": {"layer": "4.5", "navigator": "5.1.0"},
            "domain": "enterprise-attack",
            "description": format!("{} rules; a technique's score is how many of them can see it", self.rules),
            "techniques": techniques,
            "gradient": {"colors": ["#cfe8ff", "#08519c"], "minValue": 0, "maxValue": most.unwrap_or(1)},
            "sorting": 3,
            "hideDisabled": false,
        })
    }
}

fn technique(id: &str, tactics: &BTreeSet<usize>, mut rules: Vec<&Rule>) -> Technique {
    rules.sort_by(|a, b| {
        b.score
            .value()
            .total_cmp(&a.score.value())
            .then(a.file.cmp(&b.file))
    });
    Technique {
        id: id.to_owned(),
        tactics: tactics
            .iter()
            .filter_map(|place| attack::TACTICS.get(*place))
            .map(|slug| attack::title(slug))
            .collect(),
        count: rules.len(),
        max_score: rules.first().map_or(Score::new(0.0), |rule| rule.score),
        rules: rules
            .into_iter()
            .map(|rule| Covering {
                id: rule.id.clone(),
                title: rule.title.clone(),
                family: rule.family.clone(),
                score: rule.score,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::Severity;

    use super::*;
    use crate::RuleKind;

    fn rule(id: &str, score: f64, tags: &[&str], techniques: &[&str]) -> Rule {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Rule {
            name: None,
            kind: RuleKind::Detection,
            feeds_only: false,
            id: id.into(),
            title: id.to_uppercase(),
            description: None,
            status: None,
            level: Severity::High,
            score: Score::new(score),
            own_risk: None,
            family: "f".into(),
            techniques: texts(techniques),
            tags: texts(tags),
            references: Vec::new(),
            falsepositives: Vec::new(),
            author: None,
            examples: Vec::new(),
            file: format!("{id}.yml"),
            line: 1,
        }
    }

    #[test]
    fn techniques_have_their_rules_and_tactics() {
        let rules = [
            rule("a", 6.0, &["attack.initial_access"], &["T1190"]),
            rule(
                "b",
                8.0,
                &["attack.command-and-control"],
                &["T1190", "T1071"],
            ),
            rule("c", 1.0, &["cwe.89"], &[]),
        ];
        let coverage = Coverage::of(&rules);
        let seen: Vec<_> = coverage
            .techniques
            .iter()
            .map(|one| (one.id.as_str(), one.count, one.max_score.value()))
            .collect();
        assert_eq!(seen, [("T1071", 1, 8.0), ("T1190", 2, 8.0)]);
        let exploit = coverage.techniques.last().unwrap();
        assert_eq!(exploit.tactics, ["Initial Access", "Command and Control"]);
        let order: Vec<_> = exploit.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(order, ["b", "a"]);
        assert_eq!(coverage.untagged, ["c"]);
        let named: Vec<_> = coverage
            .tactics
            .iter()
            .filter(|one| one.count > 0)
            .collect();
        assert_eq!(named.len(), 2);
        let layer = coverage.navigator_layer("ours");
        for (pointer, expected) in [
            ("/domain", json!("enterprise-attack")),
            ("/techniques/1/techniqueID", json!("T1190")),
            ("/techniques/1/comment", json!("B; A")),
            ("/gradient/maxValue", json!(2)),
        ] {
            assert_eq!(layer.pointer(pointer), Some(&expected), "{pointer}");
        }
    }
}
