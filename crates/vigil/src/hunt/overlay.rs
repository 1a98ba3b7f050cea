//! The active rules with the hunted ones over them: a hunted rule takes the place of the active one
//! that has its id.

use std::collections::HashSet;

use vigil_rule::{RuleFile, RuleSet};

use crate::rules::RulesError;

/// The rules before and after.
pub struct Overlay {
    /// The rules in force.
    pub active: RuleSet,
    /// The rules as they would be.
    pub after: RuleSet,
    /// The ids of the hunted rules.
    pub hunted: HashSet<String>,
}

/// The hunted rules over the active ones, or with `replace` in the place of them all.
pub fn overlay(
    active: &[RuleFile],
    hunted: Vec<RuleFile>,
    replace: bool,
) -> Result<Overlay, RulesError> {
    let load = |files: &[RuleFile]| RuleSet::load(files).map_err(RulesError::Broken);
    let only_hunted = load(&hunted)?;
    let ids: HashSet<String> = only_hunted
        .rules()
        .iter()
        .map(|rule| rule.id.clone())
        .collect();
    let after = if replace {
        only_hunted
    } else {
        let mut files: Vec<RuleFile> = active.iter().map(|file| without(file, &ids)).collect();
        files.extend(hunted);
        load(&files)?
    };
    Ok(Overlay {
        active: load(active)?,
        after,
        hunted: ids,
    })
}

/// The file without the rules of these ids.
fn without(file: &RuleFile, ids: &HashSet<String>) -> RuleFile {
    let mut kept: Vec<Vec<&str>> = vec![Vec::new()];
    for line in file.text.lines() {
        if line.trim_end() == "---" {
            kept.push(Vec::new());
        } else if let Some(document) = kept.last_mut() {
            document.push(line);
        }
    }
    kept.retain(|document| !id(document).is_some_and(|id| ids.contains(&id)));
    let documents: Vec<String> = kept.iter().map(|document| document.join("\n")).collect();
    RuleFile {
        name: file.name.clone(),
        text: documents.join("\n---\n"),
    }
}

/// The id of a document that was found sound: a line of its own at the left margin.
fn id(document: &[&str]) -> Option<String> {
    let text = document.iter().find_map(|line| line.strip_prefix("id:"))?;
    let text = text.split('#').next().unwrap_or_default();
    Some(text.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, word: &str) -> String {
        format!(
            "title: {word}\nid: {id}  # fixed\nlogsource: {{category: webserver}}\ndetection:\n  \
             word: {{url.query|contains: {word}}}\n  condition: word\nlevel: low\n"
        )
    }

    fn file(text: String) -> RuleFile {
        RuleFile {
            name: "a/b.yml".into(),
            text,
        }
    }

    const ONE: &str = "00000000-0000-4000-8000-000000000001";
    const TWO: &str = "00000000-0000-4000-8000-000000000002";

    fn titles(set: &RuleSet) -> Vec<&str> {
        set.rules().iter().map(|rule| rule.title.as_str()).collect()
    }

    #[test]
    fn a_hunted_rule_takes_the_place_of_its_older_self() {
        let active = [file(rule(ONE, "first") + "---\n" + &rule(TWO, "second"))];
        let hunted = || vec![file(rule(TWO, "better"))];
        let over = overlay(&active, hunted(), false).unwrap();
        assert_eq!(titles(&over.active), ["first", "second"]);
        assert_eq!(titles(&over.after), ["first", "better"]);
        assert_eq!(over.hunted, HashSet::from([TWO.to_owned()]));
        let instead = overlay(&active, hunted(), true).unwrap();
        assert_eq!(titles(&instead.after), ["better"]);
        let gone = overlay(&[file(rule(TWO, "second"))], hunted(), false).unwrap();
        assert_eq!(titles(&gone.after), ["better"]);
    }
}
