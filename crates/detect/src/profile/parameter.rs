//! One parameter of a path: how often it comes, and what its values look like.

use serde::{Deserialize, Serialize};

use super::misfit::{Aspect, Misfit, Place, ValueMisfit, grouped};
use super::options::{Part, Trust};
use super::shape::Shape;
use super::value::ValueProfile;
use super::who::hash_text;
use super::witness::Witness;

/// One parameter of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(super) seen: Witness,
    /// Requests that had it.
    pub(super) requests: u64,
    /// Requests that had it more than once.
    pub(super) repeated: Witness,
    pub(super) value: ValueProfile,
    #[serde(skip)]
    pub(super) is_trusted: bool,
}

/// What is known of a parameter, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParameterDescription {
    /// Its name, with `#` for digits.
    pub name: String,
    /// Requests that had it.
    pub requests: u64,
    /// Hardly any request comes without it.
    pub needed: bool,
    /// What its values look like.
    pub values: String,
}

impl Parameter {
    pub(super) fn judge(
        &self,
        (name, value, place): (&str, &[u8], usize),
        again: bool,
        (part, elsewhere, trust): (Part, Option<(&ValueProfile, Part)>, Trust),
        misfits: &mut Vec<Misfit>,
    ) {
        let so_far = || {
            format!(
                "in {} requests from about {} addresses",
                grouped(self.value.count()),
                grouped(self.value.clients())
            )
        };
        let clients = self.value.clients();
        if again && !trust.trusts(&self.repeated) && !name.contains('#') {
            let shown = f64::from(self.repeated.networks());
            let probability = (shown + 0.5) / (self.requests.min(16 * clients) + 1) as f64;
            misfits.push(Misfit {
                aspect: Aspect::Repeated,
                place: Place::Name(place),
                thing: hash_text(name.as_bytes()),
                score: 5.5 * part.strength(probability, clients),
                words: format!("parameter `{name}` came once {}", so_far()),
            });
        }
        let shape = Shape::of(value);
        let here = self.value.judge((&shape, value), part, trust);
        let elsewhere = elsewhere.and_then(|(values, part)| {
            let misfit = values.judge((&shape, value), part, trust)?;
            Some((misfit, values))
        });
        let worst = match (here, elsewhere) {
            (Some(here), Some((there, _))) if here.score >= there.score => {
                Some((here, &self.value))
            }
            (_, Some(elsewhere)) => Some(elsewhere),
            (Some(here), None) => Some((here, &self.value)),
            (None, None) => None,
        };
        if let Some((misfit, of)) = worst {
            misfits.push(value_misfit((name, place), &misfit, of));
        }
    }
}

/// What is said of a value that does not fit.
pub(super) fn value_misfit(
    (name, place): (&str, usize),
    misfit: &ValueMisfit,
    of: &ValueProfile,
) -> Misfit {
    Misfit {
        aspect: misfit.aspect,
        place: Place::Value(place),
        thing: hash_text(name.as_bytes()),
        score: misfit.score,
        words: format!(
            "parameter `{name}` was {} in {} requests from about {} addresses",
            misfit.usual,
            grouped(of.count()),
            grouped(of.clients())
        ),
    }
}
