//! The rules in force: a list with filters, one with its examples, and loading them anew.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vigil_event::{Score, Severity, Timestamp};
use vigil_rule::{Example, Rule, RuleKind};

use crate::allowed::{Allowed, Manage, Read};
use crate::error::ErrorBody;
use crate::extract::{Parameters, parsed};
use crate::rulebook::{RuleCosts, RulesInForce};
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
    /// How often it matched since the server started.
    hits: u64,
    /// The newest event it matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_hit: Option<Timestamp>,
    /// How often it was evaluated, since what it requires was seen.
    candidates: u64,
    /// Its part of the time of all rules, 0 to 1, by a sample.
    cost_share: f64,
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

/// The rules in force, or those of them that were asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rules)]
pub(super) struct RulesBody {
    /// Which set is in force: the same for the same files, and for no others.
    fingerprint: String,
    /// When it was loaded.
    loaded_at: Timestamp,
    /// How many rules are in force.
    total: usize,
    /// The rules that were asked for.
    items: Vec<RuleBody>,
}

/// Which set of rules is in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RulesLoaded)]
pub(super) struct LoadedBody {
    /// The same for the same files, and for no others.
    fingerprint: String,
    /// When it was loaded.
    loaded_at: Timestamp,
    /// How many rules are in force.
    total: usize,
    /// Whether they differ from those that were in force before.
    changed: bool,
}

/// In which order rules are listed.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RuleOrder {
    /// By their files.
    #[default]
    File,
    /// Those that matched most first.
    Hits,
    /// Those that took most time first.
    Cost,
}

/// Which rules. Every filter that is given must hold.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RuleFilter {
    /// Of this family.
    family: Option<String>,
    /// Exactly this level.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    level: Option<Severity>,
    /// At least this level.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    min_level: Option<Severity>,
    /// Of this maturity: `stable`, `test`, `experimental`, `deprecated` or `unsupported`.
    status: Option<String>,
    /// With this ATT&CK technique, or one below it.
    #[param(example = "T1059")]
    technique: Option<String>,
    /// With exactly this tag.
    #[param(example = "cwe.89")]
    tag: Option<String>,
    /// This text stands in the id, the title, the description or the file, in any case.
    #[param(max_length = 256)]
    text: Option<String>,
    /// Only those that matched since the server started, or only those that did not.
    #[serde(default, deserialize_with = "parsed")]
    hit: Option<bool>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: RuleOrder,
}

impl RuleFilter {
    fn allows(&self, rule: &RuleBody) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        is(&self.family, &rule.family)
            && (self.status.is_none() || is(&self.status, rule.status.as_deref().unwrap_or("")))
            && self.level.is_none_or(|level| rule.level == level)
            && self.min_level.is_none_or(|level| rule.level >= level)
            && self.technique.as_ref().is_none_or(|wanted| {
                rule.techniques
                    .iter()
                    .any(|found| is_or_below(found, wanted))
            })
            && (self.tag.is_none() || rule.tags.iter().any(|tag| is(&self.tag, tag)))
            && self.hit.is_none_or(|hit| (rule.hits > 0) == hit)
            && self.text.as_ref().is_none_or(|text| rule.contains(text))
    }

    fn order(&self, rules: &mut [RuleBody]) {
        let order = |a: &RuleBody, b: &RuleBody| match self.sort {
            RuleOrder::File => Ordering::Equal,
            RuleOrder::Hits => b.hits.cmp(&a.hits),
            RuleOrder::Cost => b.cost_share.total_cmp(&a.cost_share),
        };
        rules.sort_by(order);
    }
}

/// Whether a technique is the wanted one or a part of it.
fn is_or_below(found: &str, wanted: &str) -> bool {
    found
        .split_at_checked(wanted.len())
        .is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(wanted) && (rest.is_empty() || rest.starts_with('.'))
        })
}

impl RuleBody {
    fn contains(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        [&self.id, &self.title, &self.file]
            .into_iter()
            .chain(&self.description)
            .any(|part| part.to_lowercase().contains(&text))
    }

    fn new(rule: &Rule, costs: &RuleCosts, total_ns: f64) -> Self {
        let cost = costs.rules.get(&rule.id).copied().unwrap_or_default();
        let share = if total_ns > 0.0 {
            cost.estimated_ns() / total_ns
        } else {
            0.0
        };
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
            hits: cost.hits,
            last_hit: cost.last_hit,
            candidates: cost.candidates,
            cost_share: (share * 10_000.0).round() / 10_000.0,
            examples: Vec::new(),
        }
    }
}

/// Every rule in force, with what was counted of it.
fn bodies(rules: &RulesInForce, costs: &RuleCosts) -> Vec<RuleBody> {
    let rules = &rules.set;
    let of_rule = |rule: &Rule| {
        costs
            .rules
            .get(&rule.id)
            .map_or(0.0, vigil_rule::Cost::estimated_ns)
    };
    let total_ns = costs.pass.estimated_ns() + rules.all_rules().map(of_rule).sum::<f64>();
    rules
        .all_rules()
        .map(|rule| RuleBody::new(rule, costs, total_ns))
        .collect()
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
/// Those in force, on one page, with how often each matched and what part of the time it took.
#[utoipa::path(
    get, path = "/api/v1/rules", tag = "rules", operation_id = "list_rules",
    params(RuleFilter),
    responses(
        (status = 200, description = "The rules", body = RulesBody),
        (status = 400, description = "A parameter is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
    Parameters(filter): Parameters<RuleFilter>,
) -> Json<RulesBody> {
    let rules = api.state.rules.in_force();
    let mut items = bodies(&rules, &api.state.rules.costs());
    let total = items.len();
    items.retain(|rule| filter.allows(rule));
    filter.order(&mut items);
    Json(RulesBody {
        fingerprint: rules.fingerprint.clone(),
        loaded_at: rules.loaded_at,
        total,
        items,
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
    let rules = api.state.rules.in_force();
    let bodies = bodies(&rules, &api.state.rules.costs());
    let (rule, body) = rules
        .set
        .all_rules()
        .zip(bodies)
        .find(|(rule, _)| rule.id == id)
        .ok_or_else(|| {
            ApiError::new(ErrorCode::NotFound, "there is no such rule")
                .hint("/api/v1/rules lists the rules in force")
        })?;
    let examples = rule.examples.iter().map(ExampleBody::from).collect();
    Ok(Json(RuleBody { examples, ..body }))
}

/// Loads the rules again
///
/// All or nothing: if one file is broken, the rules in force stay, and the answer says what is wrong
/// where. Windows keep what they have counted.
#[utoipa::path(
    post, path = "/api/v1/rules/reload", tag = "rules", operation_id = "reload_rules",
    responses(
        (status = 200, description = "They are in force", body = LoadedBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 409, description = "They are broken; the old ones stay in force", body = ErrorBody),
    ),
)]
pub(super) async fn reload(
    allowed: Allowed<Manage>,
    State(api): State<Shared>,
) -> Result<Json<LoadedBody>, ApiError> {
    tracing::info!(by = %allowed.principal.subject, "the rules are to be loaded again");
    let before = api.state.rules.in_force();
    let rulebook = Arc::clone(&api.state.rules);
    let loaded = tokio::task::spawn_blocking(move || rulebook.reload())
        .await
        .map_err(|error| {
            tracing::error!(%error, "loading the rules failed");
            ApiError::internal()
        })??;
    Ok(Json(LoadedBody {
        changed: loaded.fingerprint != before.fingerprint,
        fingerprint: loaded.fingerprint.clone(),
        loaded_at: loaded.loaded_at,
        total: loaded.set.all_rules().count(),
    }))
}
