//! Reads one correlation document: all of it that can be understood without the other rules.

use std::collections::HashMap;

use rsigma_parser::{CorrelationRule, Detections, LogSource, SigmaRule};
use yaml_serde::Value;

use crate::bucket::Shape;
use crate::load::faults::Faults;
use crate::{Rule, RuleFile, RuleKind, load::metadata};

/// A correlation whose references are not resolved yet.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) rule: Rule,
    pub(super) sigma: CorrelationRule,
    /// The parser writes a condition where there is none.
    pub(super) has_condition: bool,
    /// What it asks for beside that, if it is a bucket.
    pub(crate) bucket: Option<Shape>,
}

/// The correlation with its description; what is wrong with that is added to the faults.
pub(crate) fn read(
    sigma: CorrelationRule,
    value: &Value,
    has_condition: bool,
    file: &RuleFile,
    faults: &mut Faults<'_>,
) -> Option<Draft> {
    let rule = metadata::read(&described(&sigma), value, file, faults)?;
    Some(Draft {
        rule: Rule {
            kind: RuleKind::Correlation,
            ..rule
        },
        sigma,
        has_condition,
        bucket: None,
    })
}

/// The description in the shape that every rule's is read from. Correlations name no log source;
/// their rules do.
fn described(sigma: &CorrelationRule) -> SigmaRule {
    SigmaRule {
        title: sigma.title.clone(),
        logsource: LogSource {
            category: Some("webserver".to_owned()),
            product: None,
            service: None,
            definition: None,
            custom: HashMap::new(),
        },
        detection: Detections {
            named: HashMap::new(),
            conditions: Vec::new(),
            condition_strings: Vec::new(),
            timeframe: None,
        },
        sigma_version: sigma.sigma_version,
        id: sigma.id.clone(),
        name: sigma.name.clone(),
        related: Vec::new(),
        taxonomy: None,
        status: sigma.status,
        description: sigma.description.clone(),
        license: None,
        author: sigma.author.clone(),
        references: sigma.references.clone(),
        date: None,
        modified: None,
        fields: Vec::new(),
        falsepositives: sigma.falsepositives.clone(),
        level: sigma.level,
        tags: sigma.tags.clone(),
        scope: Vec::new(),
        custom_attributes: sigma.custom_attributes.clone(),
    }
}
