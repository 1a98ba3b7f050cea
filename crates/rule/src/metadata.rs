//! Reads what a rule says about itself, and checks it.

use rsigma_parser::{Level, SigmaRule};
use uuid::Uuid;
use vigil_event::Severity;

use crate::extension::{self, Extension};
use crate::faults::Faults;
use crate::{Problem, Rule, RuleFile, RuleKind, attack, rule};

/// The family of a rule that names none and stands in no folder.
const NO_FAMILY: &str = "uncategorized";

/// The rule's description; what is wrong with it is added to the faults.
pub(crate) fn read(
    sigma: &SigmaRule,
    level: Option<&str>,
    file: &RuleFile,
    faults: &mut Faults<'_>,
) -> Option<Rule> {
    let extension = sigma
        .custom_attributes
        .get("vigil")
        .map_or_else(Extension::default, |value| Extension::read(value, faults));
    let id = id(sigma, faults);
    let level = self::level(sigma, level, faults);
    let techniques = techniques(sigma, faults);
    check_log_source(sigma, faults);
    let family = extension.family.or_else(|| {
        file.folder()
            .filter(|name| extension::is_family(name))
            .map(str::to_owned)
    });
    let level = level?;
    Some(Rule {
        id: id?,
        name: sigma.name.clone(),
        kind: RuleKind::Detection,
        feeds_only: false,
        title: sigma.title.clone(),
        description: sigma
            .description
            .as_deref()
            .map(|text| text.trim().to_owned()),
        status: sigma
            .status
            .map(|status| format!("{status:?}").to_ascii_lowercase()),
        level,
        score: extension.score.unwrap_or_else(|| rule::score_of(level)),
        family: family.unwrap_or_else(|| NO_FAMILY.to_owned()),
        techniques,
        tags: sigma.tags.clone(),
        references: sigma.references.clone(),
        falsepositives: sigma.falsepositives.clone(),
        author: sigma.author.clone(),
        examples: extension.examples,
        file: file.name.clone(),
        line: faults
            .source()
            .line_of(&["title"])
            .unwrap_or(faults.source().first_line),
    })
}

fn id(sigma: &SigmaRule, faults: &mut Faults<'_>) -> Option<String> {
    let Some(text) = &sigma.id else {
        faults.add(
            &["title"],
            Problem::Missing {
                key: "id",
                advice: "a UUID, made with `uuidgen` and never changed",
            },
        );
        return None;
    };
    // `try_parse` knows other notations too; only the plain one is the same text everywhere.
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == 36 => Some(id.hyphenated().to_string()),
        _ => {
            faults.add(&["id"], Problem::BadId(text.clone()));
            None
        }
    }
}

fn level(sigma: &SigmaRule, written: Option<&str>, faults: &mut Faults<'_>) -> Option<Severity> {
    const KNOWN: &str = "informational, low, medium, high or critical";
    let level = sigma.level.map(|level| match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    });
    if level.is_none() {
        let problem = match written {
            Some(value) => Problem::BadChoice {
                key: "level",
                value: value.to_owned(),
                known: KNOWN,
            },
            None => Problem::Missing {
                key: "level",
                advice: "informational, low, medium, high or critical",
            },
        };
        faults.add(
            &[if written.is_some() { "level" } else { "title" }],
            problem,
        );
    }
    level
}

fn techniques(sigma: &SigmaRule, faults: &mut Faults<'_>) -> Vec<String> {
    let mut techniques = Vec::new();
    for tag in &sigma.tags {
        match attack::technique(tag) {
            Ok(technique) => techniques.extend(technique),
            Err(advice) => faults.add(
                &["tags", tag],
                Problem::BadTag {
                    tag: tag.clone(),
                    advice,
                },
            ),
        }
    }
    techniques
}

fn check_log_source(sigma: &SigmaRule, faults: &mut Faults<'_>) {
    match &sigma.logsource.category {
        Some(category) if category == "webserver" => {}
        Some(category) => faults.add(
            &["logsource", "category"],
            Problem::BadLogSource(category.clone()),
        ),
        None => {
            faults.add(
                &["logsource"],
                Problem::Missing {
                    key: "logsource",
                    advice: "`logsource: {category: webserver}`",
                },
            );
        }
    }
}
