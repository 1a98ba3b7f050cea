//! Reads what a rule says about itself, and checks it.

use rsigma_parser::{Level, SigmaRule};
use uuid::Uuid;
use vigil_event::Severity;
use yaml_serde::Value;

use crate::load::extension::{self, Extension};
use crate::load::faults::Faults;
use crate::load::log_source::LogSource;
use crate::{Problem, Rule, RuleFile, RuleKind, load::attack, rule};

/// The family of a rule that names none and stands in no folder.
const NO_FAMILY: &str = "uncategorized";

/// The rule's description; what is wrong with it is added to the faults.
pub(crate) fn read(
    sigma: &SigmaRule,
    value: &Value,
    file: &RuleFile,
    faults: &mut Faults<'_>,
) -> Option<Rule> {
    let extension = sigma
        .custom_attributes
        .get("vigil")
        .map_or_else(Extension::default, |value| Extension::read(value, faults));
    check_status(sigma, value, faults);
    let id = id(sigma, file, faults);
    let level = level_of(sigma, value.get("level").and_then(Value::as_str), faults);
    let techniques = techniques(sigma, faults);
    check_log_source(sigma, faults);
    let family = extension.family.or_else(|| {
        file.folder()
            .filter(|name| extension::is_family(name))
            .map(str::to_owned)
    });
    let level = level?;
    let score = extension.score.unwrap_or_else(|| {
        if faults.is_foreign() {
            rule::foreign_score_of(level)
        } else {
            rule::score_of(level)
        }
    });
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
        score,
        own_risk: extension.risk,
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

fn id(sigma: &SigmaRule, file: &RuleFile, faults: &mut Faults<'_>) -> Option<String> {
    // `try_parse` knows other notations too; only the plain one is the same text everywhere.
    let plain = |text: &str| Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
    let id = sigma.id.as_deref().and_then(plain);
    match (id, &sigma.id) {
        (Some(id), _) => return Some(id.hyphenated().to_string()),
        (None, _) if faults.is_foreign() => return Some(made_id(&file.name, &sigma.title)),
        (None, Some(text)) => faults.add(&["id"], Problem::BadId(text.clone())),
        (None, None) => faults.add(
            &["title"],
            Problem::Missing {
                key: "id",
                advice: "a UUID, made with `uuidgen` and never changed",
            },
        ),
    }
    None
}

/// An id for a rule without one: the same as long as its file and its title are.
fn made_id(file: &str, title: &str) -> String {
    // FNV-1a, twice from different starts.
    let hash = |start: u64| {
        [file, "\0", title]
            .into_iter()
            .flat_map(str::bytes)
            .fold(start, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
    };
    let bits =
        u128::from(hash(0xcbf2_9ce4_8422_2325)) << 64 | u128::from(hash(0x8422_2325_cbf2_9ce4));
    uuid::Builder::from_custom_bytes(bits.to_be_bytes())
        .into_uuid()
        .hyphenated()
        .to_string()
}

fn check_status(sigma: &SigmaRule, value: &Value, faults: &mut Faults<'_>) {
    if sigma.status.is_none()
        && let Some(status) = value.get("status").and_then(Value::as_str)
    {
        const KNOWN: &str = "stable, test, experimental, deprecated or unsupported";
        faults.add_minor(
            &["status"],
            Problem::BadChoice {
                key: "status",
                value: status.to_owned(),
                known: KNOWN,
            },
        );
    }
}

fn level_of(sigma: &SigmaRule, written: Option<&str>, faults: &mut Faults<'_>) -> Option<Severity> {
    const KNOWN: &str = "informational, low, medium, high or critical";
    let level = sigma.level.map(|level| match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    });
    if level.is_none() && faults.is_foreign() {
        return Some(Severity::Medium);
    }
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
            Err(advice) => faults.add_minor(
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
    let source = LogSource::new(&sigma.logsource);
    if source.is_empty() {
        faults.add(
            &["logsource"],
            Problem::Missing {
                key: "logsource",
                advice: "`logsource: {category: webserver}` or another of the logs that are read",
            },
        );
    } else if !source.can_be() {
        let place: &[&str] = if sigma.logsource.category.is_some() {
            &["logsource", "category"]
        } else {
            &["logsource"]
        };
        faults.add(place, Problem::BadLogSource(source.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_id_stays_and_tells_rules_apart() {
        let id = made_id("a.yml", "A");
        assert_eq!(id, made_id("a.yml", "A"));
        assert!(id != made_id("a.yml", "B") && id != made_id("b.yml", "A"));
        assert!(Uuid::try_parse(&id).is_ok() && id.len() == 36);
    }
}
