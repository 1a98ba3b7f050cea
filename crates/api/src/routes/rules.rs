//! The rules in force: a list, and one with its examples.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use vigil_event::{Score, Severity};
use vigil_rule::{Example, Rule, RuleKind};

use crate::allowed::{Allowed, Read};
use crate::error::ErrorBody;
use crate::state::Shared;
use crate::{ApiError, ErrorCode};

/// What a rule says about itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rule)]
pub(super) struct RuleBody {
    /// The same in every release.
    id: String,
    /// What it looks at: `detection` for one event, `correlation` for what other rules found over
    /// time.
    kind: &'static str,
    /// Its matches only feed correlations and are no detections of their own.
    feeds_only: bool,
    /// What it finds, in a few words.
    title: String,
    /// What it finds and why that is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// How mature it is: `stable`, `test`, `experimental`, `deprecated` or `unsupported`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// How bad a match is.
    level: Severity,
    /// How bad a match is on its own.
    score: Score,
    /// What alerts are grouped by.
    family: String,
    /// MITRE ATT&CK technique ids.
    techniques: Vec<String>,
    /// All tags as written.
    tags: Vec<String>,
    /// Where to read more.
    references: Vec<String>,
    /// What else could match.
    falsepositives: Vec<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    /// The file it comes from.
    file: String,
    /// What must and must not match. Only where one rule is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<ExampleBody>,
}

/// A request with what the rule must make of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleExample)]
struct ExampleBody {
    /// The request.
    text: String,
    /// Whether the rule must match.
    should_match: bool,
}

/// Every rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rules)]
pub(super) struct RulesBody {
    /// The rules, in the order of their files.
    items: Vec<RuleBody>,
}

impl From<&Rule> for RuleBody {
    fn from(rule: &Rule) -> Self {
        Self {
            id: rule.id.clone(),
            kind: match rule.kind {
                RuleKind::Detection => "detection",
                RuleKind::Correlation => "correlation",
            },
            feeds_only: rule.feeds_only,
            title: rule.title.clone(),
            description: rule.description.clone(),
            status: rule.status.clone(),
            level: rule.level,
            score: rule.score,
            family: rule.family.clone(),
            techniques: rule.techniques.clone(),
            tags: rule.tags.clone(),
            references: rule.references.clone(),
            falsepositives: rule.falsepositives.clone(),
            author: rule.author.clone(),
            file: rule.file.clone(),
            examples: Vec::new(),
        }
    }
}

impl From<&Example> for ExampleBody {
    fn from(example: &Example) -> Self {
        Self {
            text: example.text.clone(),
            should_match: example.should_match,
        }
    }
}

/// Lists the rules
///
/// All that are in force, on one page.
#[utoipa::path(
    get, path = "/api/v1/rules", tag = "rules", operation_id = "list_rules",
    responses(
        (status = 200, description = "The rules", body = RulesBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn list(_allowed: Allowed<Read>, State(api): State<Shared>) -> Json<RulesBody> {
    let rules = api.state.rules.load();
    Json(RulesBody {
        items: rules.rules().iter().map(RuleBody::from).collect(),
    })
}

/// Shows a rule
///
/// With its examples.
#[utoipa::path(
    get, path = "/api/v1/rules/{id}", tag = "rules", operation_id = "get_rule",
    params(("id" = String, Path, description = "The rule")),
    responses(
        (status = 200, description = "The rule", body = RuleBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such rule", body = ErrorBody),
    ),
)]
pub(super) async fn one(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<RuleBody>, ApiError> {
    let rules = api.state.rules.load();
    let rule = rules
        .rules()
        .iter()
        .find(|rule| rule.id == id)
        .ok_or_else(|| {
            ApiError::new(ErrorCode::NotFound, "there is no such rule")
                .hint("/api/v1/rules lists the rules in force")
        })?;
    let examples = rule.examples.iter().map(ExampleBody::from).collect();
    Ok(Json(RuleBody {
        examples,
        ..RuleBody::from(rule)
    }))
}
