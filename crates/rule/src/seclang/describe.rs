//! What rules of CRS are called, how bad a match is, and what became of each.

use std::collections::{BTreeMap, HashMap};

use vigil_event::{Score, Severity};

use super::collection::Collection;
use super::draft::{Change, Draft, Effect, Step};
use super::operator::number;
use super::plan::Variables;
use super::program::{Program, Refusal};
use super::read::{Pick, Read};
use super::text::Text;
use super::{Fate, Listed, SecFiles};
use crate::{Rule, RuleKind};

/// What is known of all rules once they are compiled.
pub(super) struct Described {
    pub(super) rules: Vec<Rule>,
    pub(super) told: HashMap<usize, usize>,
    pub(super) listed: Vec<Listed>,
}

/// The rules with which CRS adds up its scores.
const SUMS: std::ops::RangeInclusive<u32> = 949_000..=949_999;

/// Why a rule is none for us, by what it says of itself.
pub(super) fn out_of_scope(draft: &Draft) -> Option<String> {
    match draft.phase {
        1 | 2 if SUMS.contains(&draft.id) => {
            Some("it adds up scores, as Vigil does by itself".to_owned())
        }
        1 | 2 => None,
        3 | 4 => Some("it looks at responses".to_owned()),
        _ => Some("it runs when the response is over".to_owned()),
    }
}

/// By which tag a rule is of which family; the first that fits.
const FAMILIES: [(&str, &str); 22] = [
    ("attack-sqli", "sql_injection"),
    ("attack-xss", "cross_site_scripting"),
    ("attack-rce", "command_injection"),
    ("attack-lfi", "path_traversal"),
    ("attack-rfi", "file_inclusion"),
    ("attack-injection-php", "php_injection"),
    ("attack-injection-java", "code_injection"),
    ("attack-injection-nodejs", "code_injection"),
    ("attack-injection-generic", "code_injection"),
    ("attack-ssti", "template_injection"),
    ("attack-ssrf", "server_side_request_forgery"),
    ("attack-ldap", "ldap_injection"),
    ("attack-fixation", "session_fixation"),
    ("attack-reputation-scanner", "scanner"),
    ("attack-reputation-crawler", "scanner"),
    ("attack-reputation-scripting", "bad_bot"),
    ("attack-dos", "behaviour"),
    ("attack-protocol", "protocol_anomaly"),
    ("attack-multipart-header", "protocol_anomaly"),
    ("attack-deprecated-header", "protocol_anomaly"),
    ("attack-generic", "protocol_anomaly"),
    ("attack-disclosure", "sensitive_file"),
];

fn family(draft: &Draft) -> &'static str {
    let named = FAMILIES
        .iter()
        .find(|(tag, _)| draft.tags.iter().any(|own| own == tag));
    match named {
        Some((_, family)) => family,
        None if draft.id / 1_000 == 921 => "crlf_injection",
        None => "protocol_anomaly",
    }
}

/// How much a match adds to the anomaly score of the request.
fn points(draft: &Draft, variables: &Variables) -> i64 {
    let filled = |text: &Text| {
        let value = text.with(|variable, to| {
            let name = super::draft::names_of(variable).unwrap_or_default();
            to.extend(
                variables
                    .get(name.to_ascii_lowercase().as_bytes())
                    .into_iter()
                    .flatten(),
            );
        });
        number(&value)
    };
    let effects = draft.links.iter().flat_map(|link| &link.effects);
    let added = effects.filter_map(|effect| match effect {
        Effect::Set {
            name,
            change: Change::Plus(by),
        } => {
            let name = name.plain()?;
            memchr::memmem::find(name, b"anomaly_score").map(|_| filled(by))
        }
        _ => None,
    });
    added.max().unwrap_or(0)
}

/// Whether a match is a finding, if the rule reads requests or adds to their scores.
pub(super) fn may_be_told(draft: &Draft, variables: &Variables) -> bool {
    let is_grave = || draft.disruptive && draft.logged || points(draft, variables) > 0;
    !draft.message.is_empty() && is_grave()
}

/// The score of a match: rules whose points together reach the threshold come to 5.0.
fn score(points: i64, threshold: i64) -> Score {
    let share = points.max(0) as f64 / threshold.max(1) as f64;
    let score = 10.0 * (1.0 - 0.5_f64.powf(share));
    // Rounded up, so that what reaches the threshold is not missed by the last bit.
    Score::new((score * 1e6).ceil() / 1e6)
}

pub(super) fn describe(
    files: &SecFiles,
    steps: &[Step],
    settled: &BTreeMap<usize, Option<String>>,
    refused: &[Refusal],
    program: &Program,
) -> Described {
    let value = |name: &[u8]| program.variables.get(name).map(|text| number(text));
    let threshold = value(b"inbound_anomaly_score_threshold").unwrap_or(5);
    let compiled: HashMap<usize, usize> = program
        .rules
        .iter()
        .enumerate()
        .map(|(place, rule)| (rule.step, place))
        .collect();
    let mut described = Described {
        rules: Vec::new(),
        told: HashMap::new(),
        listed: Vec::new(),
    };
    for (step, draft) in steps.iter().enumerate() {
        let Step::Rule(draft) = draft else { continue };
        let reads = compiled
            .get(&step)
            .and_then(|place| program.rules.get(*place))
            .map(|rule| {
                rule.links
                    .iter()
                    .map(|link| link.reads.as_slice())
                    .collect::<Vec<_>>()
            });
        let refusal = refused.iter().find(|(place, _)| *place == step);
        let refusal = draft.refused.as_ref().or(refusal.map(|(_, reason)| reason));
        let (fate, reason) = match (refusal, settled.get(&step), &reads) {
            (Some(reason), ..) => (Fate::Refused, Some(reason.clone())),
            (_, Some(Some(condition)), _) => {
                (Fate::Off, Some(format!("the setup skips it: {condition}")))
            }
            (_, Some(None), _) => (Fate::Setup, None),
            _ => (Fate::Loaded, None),
        };
        let file = files
            .rules
            .get(draft.file)
            .map_or("", |file| file.name.as_str());
        let listed = Listed {
            id: format!("crs:{}", draft.id),
            title: draft.message.clone(),
            file: file.to_owned(),
            line: draft.line,
            in_logs: reads.as_ref().is_some_and(|links| is_in_logs(links)),
            fate,
            reason,
        };
        let points = points(draft, &program.variables);
        let reads_requests = reads
            .iter()
            .flatten()
            .copied()
            .flatten()
            .any(|read| read.collection.is_of_request());
        let is_told = may_be_told(draft, &program.variables) && (points > 0 || reads_requests);
        if listed.fate == Fate::Loaded && is_told {
            let score = if points > 0 {
                score(points, threshold)
            } else {
                Score::new(5.0)
            };
            described.told.insert(step, described.rules.len());
            described.rules.push(rule(draft, &listed, score));
        }
        described.listed.push(listed);
    }
    described
}

/// Whether every rule of the chain reads something that an access log can hold.
fn is_in_logs(links: &[&[Read]]) -> bool {
    let is_logged = |read: &Read| match (read.collection, &read.pick) {
        (Collection::RequestHeaders | Collection::RequestHeadersNames, Pick::Name(name)) => {
            let logged: [&[u8]; 4] = [b"host", b"user-agent", b"referer", b"cookie"];
            !read.counted && logged.contains(&name.as_slice())
        }
        (collection, _) => collection.is_in_logs(),
    };
    links
        .iter()
        .all(|reads| reads.is_empty() || reads.iter().any(is_logged))
}

fn rule(draft: &Draft, listed: &Listed, score: Score) -> Rule {
    let tags = draft.tags.iter();
    let technique = |tag: &String| crate::load::attack::technique(tag).ok().flatten();
    Rule {
        id: listed.id.clone(),
        name: None,
        kind: RuleKind::Detection,
        feeds_only: false,
        title: draft.message.clone(),
        description: None,
        status: None,
        level: level(&draft.severity, score),
        score,
        own_risk: None,
        family: family(draft).to_owned(),
        techniques: tags.clone().filter_map(technique).collect(),
        tags: tags.cloned().collect(),
        references: Vec::new(),
        falsepositives: Vec::new(),
        author: (!draft.version.is_empty()).then(|| draft.version.clone()),
        examples: Vec::new(),
        file: listed.file.clone(),
        line: listed.line,
    }
}

/// CRS's own word for how bad it is; the score's band where it has none.
fn level(severity: &str, score: Score) -> Severity {
    match severity {
        "EMERGENCY" | "ALERT" | "CRITICAL" | "0" | "1" | "2" => Severity::Critical,
        "ERROR" | "3" => Severity::High,
        "WARNING" | "4" => Severity::Medium,
        "NOTICE" | "5" => Severity::Low,
        "INFO" | "DEBUG" | "6" | "7" => Severity::Informational,
        _ => score.severity(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_reach_the_threshold_where_points_do() {
        for (points, threshold) in [
            (&[5][..], 5),
            (&[3, 2], 5),
            (&[2, 2, 2], 5),
            (&[5, 5], 10),
            (&[4, 3], 7),
        ] {
            let sum = Score::noisy_or(points.iter().map(|points| score(*points, threshold)));
            assert!(sum.value() >= 5.0, "{points:?} of {threshold}: {sum}");
        }
        for (points, threshold) in [(&[4][..], 5), (&[2, 2], 5), (&[5], 10)] {
            let sum = Score::noisy_or(points.iter().map(|points| score(*points, threshold)));
            assert!(sum.value() < 5.0, "{points:?} of {threshold}: {sum}");
        }
    }
}
