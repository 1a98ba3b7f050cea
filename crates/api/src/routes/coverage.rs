//! What the rules in force cover of MITRE ATT&CK.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_event::Score;
use vigil_rule::{Coverage, Covering, Tactic, Technique};

use crate::allowed::{Allowed, Read};
use crate::error::ErrorBody;
use crate::state::Shared;

/// What the rules in force cover of MITRE ATT&CK.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Coverage)]
pub(super) struct CoverageBody {
    /// Rules in all.
    rules: usize,
    /// The techniques, by their ids.
    techniques: Vec<TechniqueBody>,
    /// The tactics, in ATT&CK's order, each with how many rules name it.
    tactics: Vec<TacticBody>,
    /// The ids of the rules that name no technique.
    untagged: Vec<String>,
}

/// A technique with the rules that can see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Technique)]
struct TechniqueBody {
    /// Its id, such as `T1190` or `T1059.007`.
    id: String,
    /// The names of the tactics that these rules name.
    tactics: Vec<String>,
    /// How many rules.
    count: usize,
    /// The highest score among them.
    max_score: Score,
    /// The rules, the highest score first.
    rules: Vec<CoveringBody>,
}

/// A rule that can see a technique.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CoveringRule)]
struct CoveringBody {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Its family.
    family: String,
    /// Its score.
    score: Score,
}

/// A tactic with how many rules name it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tactic)]
struct TacticBody {
    /// Its name, such as `Initial Access`.
    name: String,
    /// How many rules.
    count: usize,
}

impl From<Coverage> for CoverageBody {
    fn from(coverage: Coverage) -> Self {
        let tactic = |Tactic { name, count }: Tactic| TacticBody { name, count };
        Self {
            rules: coverage.rules,
            techniques: coverage.techniques.into_iter().map(Into::into).collect(),
            tactics: coverage.tactics.into_iter().map(tactic).collect(),
            untagged: coverage.untagged,
        }
    }
}

impl From<Technique> for TechniqueBody {
    fn from(technique: Technique) -> Self {
        let rule = |rule: Covering| CoveringBody {
            id: rule.id,
            title: rule.title,
            family: rule.family,
            score: rule.score,
        };
        Self {
            id: technique.id,
            tactics: technique.tactics,
            count: technique.count,
            max_score: technique.max_score,
            rules: technique.rules.into_iter().map(rule).collect(),
        }
    }
}

/// Shows the coverage
///
/// Which techniques of MITRE ATT&CK the rules in force can see, by their tags.
#[utoipa::path(
    get, path = "/api/v1/rules/coverage", tag = "rules", operation_id = "get_coverage",
    responses(
        (status = 200, description = "The coverage", body = CoverageBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn coverage(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
) -> Json<CoverageBody> {
    let rules = api.state.rules.in_force();
    Json(Coverage::of(rules.set.rules()).into())
}
