//! One parameter of a path: how often it comes, and what its values look like.

use serde::{Deserialize, Serialize};

use super::misfit::{Aspect, Misfit, Place, ValueMisfit, grouped};
use super::name::is_campaign;
use super::options::{Part, Trust};
use super::shape::Shape;
use super::value::ValueProfile;
use super::who::{hash, hash_text};
use super::witness::Witness;

/// What fewer addresses have shown here is compared with the same parameter on other paths, too.
const FEW: u64 = 40;
/// The weight of a form that is new here and known of the same parameter elsewhere.
const KNOWN_ELSEWHERE: f64 = 0.5;

/// Where so many times as much is known of the same parameter elsewhere, that is what counts: a page that few
/// ask for has not seen much. But where it takes a few values and others anything, the few are its own.
const MUCH_MORE: u64 = 3;

/// Whether the same parameter takes free values here and elsewhere, of which there is more to see.
fn is_shared(here: &ValueProfile, elsewhere: &ValueProfile) -> bool {
    here.is_free()
        && elsewhere.is_free()
        && !here.is_made()
        && elsewhere.count() > here.count() + here.count() / 4
}

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
    /// What does not fit of a value. Where the parameter came before in the same request, `again` is how strong
    /// a sign that is whatever the parameter.
    pub(super) fn judge(
        &self,
        (name, value, place): (&str, &[u8], usize),
        shape: &Shape,
        again: Option<f64>,
        (part, [elsewhere, all], trust): (Part, [Option<(&ValueProfile, Part)>; 2], Trust),
        misfits: &mut Vec<Misfit>,
    ) {
        let so_far = || {
            format!(
                "in {} requests from about {} addresses",
                grouped(self.value.count()),
                grouped(self.value.clients())
            )
        };
        let witnesses = self.value.witnesses();
        if let Some(strength) = again
            && !trust.trusts(&self.repeated)
            && !name.contains('#')
        {
            let shown = self.repeated.networks();
            let strength = strength.max(part.rarity(shown, self.requests, witnesses));
            misfits.push(Misfit {
                aspect: Aspect::Repeated,
                place: Place::Name(place),
                thing: hash_text(name.as_bytes()),
                change: None,
                score: 5.5 * strength,
                words: format!("parameter `{name}` came once {}", so_far()),
            });
        }
        let here = self.value.judge((shape, value), part, trust);
        let is_little_known = witnesses < FEW;
        let there = elsewhere
            .filter(|(values, _)| {
                let is_listed_there = values.is_list() && !self.value.is_list();
                here.is_some() || is_little_known || is_listed_there
            })
            .map(|(values, part)| (values, values.judge((shape, value), part, trust)));
        let worst = match (here, there) {
            (Some(here), Some((values, None)))
                if values.count() >= MUCH_MORE * self.value.count()
                    && !self.value.is_its_own(here.aspect, values) =>
            {
                None
            }
            // Forms are much the same wherever a parameter stands: what is known elsewhere is half as odd.
            (Some(here), Some((values, None))) if is_shared(&self.value, values) => {
                let score = here.score * KNOWN_ELSEWHERE;
                Some((ValueMisfit { score, ..here }, &self.value))
            }
            (Some(here), Some((values, Some(there))))
                if is_little_known && there.score > here.score =>
            {
                Some((there, values))
            }
            (Some(here), _) => Some((here, &self.value)),
            (None, Some((values, Some(there)))) => Some((there, values)),
            (None, _) => None,
        };
        if let Some((misfit, of)) = worst {
            misfits.extend(value_misfit((name, place), &misfit, of));
        } else if is_little_known {
            misfits.extend(misfit_of_all((name, value, place), shape, all, trust));
        }
    }
}

/// What does not fit of a value that no page is known to take, by what the site knows of the name, and of all
/// values.
pub(super) fn misfit_elsewhere(
    (name, value, place): (&str, &[u8], usize),
    shape: &Shape,
    [elsewhere, all]: [Option<(&ValueProfile, Part)>; 2],
    trust: Trust,
) -> Option<Misfit> {
    let Some((values, part)) = elsewhere else {
        return misfit_of_all((name, value, place), shape, all, trust);
    };
    let misfit = values.judge((shape, value), part, trust)?;
    value_misfit((name, place), &misfit, values)
}

/// Whether a value is written with what no value on the site is, or longer than any.
fn misfit_of_all(
    (name, value, place): (&str, &[u8], usize),
    shape: &Shape,
    all: Option<(&ValueProfile, Part)>,
    trust: Trust,
) -> Option<Misfit> {
    let (values, part) = all?;
    let misfit = values.judge((shape, value), part, trust)?;
    let is_telling = misfit.is_dangerous || misfit.is_long;
    let words = format!(
        "whatever it was called, a value was {} in {} requests",
        misfit.usual,
        grouped(values.count())
    );
    let misfit = value_misfit((name, place), &misfit, values).filter(|_| is_telling)?;
    Some(Misfit { words, ..misfit })
}

/// What is said of a value that does not fit. How a campaign is called says nothing.
pub(super) fn value_misfit(
    (name, place): (&str, usize),
    misfit: &ValueMisfit,
    of: &ValueProfile,
) -> Option<Misfit> {
    let thing = hash_text(name.as_bytes());
    let is_telling = misfit.is_dangerous || misfit.is_long || !is_campaign(name);
    is_telling.then(|| Misfit {
        aspect: misfit.aspect,
        place: Place::Value(place),
        thing,
        change: misfit.change.map(|change| hash(thing ^ change)),
        score: misfit.score,
        words: format!(
            "parameter `{name}` was {} in {} requests from about {} addresses",
            misfit.usual,
            grouped(of.count()),
            grouped(of.clients())
        ),
    })
}
