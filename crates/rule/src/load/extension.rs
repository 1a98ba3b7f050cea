//! Our own part of a rule, under the key `vigil:`.
//!
//! `family` (what alerts are grouped by; else the name of the file's folder), `score` (0 to 10;
//! else by level), `risk` (0 to 10, how much a match says about whom it comes from; else the score, and
//! nothing if the rule only feeds correlations), `examples` with the lists `match` and `no_match`.

use serde::Deserialize;
use vigil_event::Score;
use yaml_serde::Value;

use crate::example::{Parts, Written};
use crate::load::faults::Faults;
use crate::{Example, Problem};

/// What the map says.
#[derive(Debug, Default)]
pub(crate) struct Extension {
    pub(crate) family: Option<String>,
    pub(crate) score: Option<Score>,
    pub(crate) risk: Option<Score>,
    pub(crate) examples: Vec<Example>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    family: Option<String>,
    score: Option<f64>,
    risk: Option<f64>,
    #[serde(default)]
    examples: Lists,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    #[serde(rename = "match", default)]
    matching: Vec<Value>,
    #[serde(default)]
    no_match: Vec<Value>,
}

/// The most examples a rule has.
const MAX_EXAMPLES: usize = 1000;

impl Extension {
    /// Reads the map.
    pub(crate) fn read(value: &Value, faults: &mut Faults<'_>) -> Self {
        let keys: Keys = match yaml_serde::from_value(value.clone()) {
            Ok(keys) => keys,
            Err(error) => {
                faults.add(&["vigil"], Problem::BadExtension(error.to_string()));
                return Self::default();
            }
        };
        let bad = |text: &str| Problem::BadExtension(text.to_owned());
        if keys
            .family
            .as_deref()
            .is_some_and(|family| !is_family(family))
        {
            faults.add(
                &["vigil", "family"],
                bad("write the family in lower case, such as `sql_injection`"),
            );
        }
        if keys
            .score
            .is_some_and(|score| !(0.0..=10.0).contains(&score))
        {
            faults.add(&["vigil", "score"], bad("a score is a number from 0 to 10"));
        }
        if keys.risk.is_some_and(|risk| !(0.0..=10.0).contains(&risk)) {
            faults.add(&["vigil", "risk"], bad("a risk is a number from 0 to 10"));
        }
        let lists = [
            ("match", true, keys.examples.matching),
            ("no_match", false, keys.examples.no_match),
        ];
        let mut examples = Vec::new();
        for (name, should_match, values) in lists {
            for value in values.into_iter().take(MAX_EXAMPLES) {
                match steps(value).and_then(|steps| Example::new(steps, should_match)) {
                    Ok(example) => examples.push(example),
                    Err(why) => {
                        faults.add(&["vigil", "examples", name], Problem::BadExtension(why));
                    }
                }
            }
        }
        Self {
            family: keys.family,
            score: keys.score.map(Score::new),
            risk: keys.risk.map(Score::new),
            examples,
        }
    }
}

/// An example as written: one request, or a list of requests one after the other.
fn steps(value: Value) -> Result<Vec<Written>, String> {
    match value {
        Value::Sequence(values) => values.into_iter().map(written).collect(),
        single => written(single).map(|single| vec![single]),
    }
}

fn written(value: Value) -> Result<Written, String> {
    match value {
        Value::String(text) => Ok(Written::Text(text)),
        Value::Mapping(_) => yaml_serde::from_value::<Parts>(value)
            .map(Written::Parts)
            .map_err(|error| format!("an example is invalid: {error}")),
        _ => Err(
            "an example is a text (quote it), a map with `url`, `user_agent` and the like, or a \
             list of these"
                .to_owned(),
        ),
    }
}

/// Whether the text can name a family.
pub(crate) fn is_family(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
