//! What is known of one path: methods, parameters, answers.

mod description;
mod site_wide;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use vigil_event::whole::is_secret;

pub use self::description::EndpointDescription;
pub(crate) use self::site_wide::SiteWide;
use super::class;
use super::kin::Kin;
use super::misfit::{Aspect, Misfit, Place, grouped};
use super::name::{MAX_NAME_BYTES, is_campaign, name_key};
use super::options::{Part, Trust};
use super::parameter::{Parameter, misfit_elsewhere};
use super::seen::{self, Origin, Request};
use super::shape::{Shape, bucket, bucket_start};
use super::sparse::Sparse;
use super::who::{hash, hash_text};
use super::witness::{Crowd, Lesson, Novelty, PER_ADDRESS, Witness};

/// The most parameters of a path that are told apart.
const MAX_PARAMETERS: usize = 64;
/// A parameter is needed when at most one in so many requests came without it.
const NEEDED: u64 = 200;
/// Fewer requests say nothing of what is around them.
const ENOUGH: u64 = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    /// Requests that were served.
    count: u64,
    crowd: Crowd,
    methods: Sparse,
    parameters: HashMap<Box<str>, Parameter>,
    new_names: Novelty,
    overflow: Witness,
    /// There are too many names to know.
    is_open: bool,
    /// By the status's first digit.
    statuses: Sparse,
    /// Of answers with a status below 300.
    sizes: Sparse,
    origins: Sparse,
    #[serde(skip)]
    settled: Settled,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Settled {
    crowd: u64,
    methods: u64,
    sizes: u64,
    statuses: u64,
    /// How many have asked for this page and for those beside it that are of one kind with it.
    kin: u64,
    /// The methods that are trusted on any of these.
    kin_methods: u64,
}

impl Endpoint {
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Whether anybody was seen when it was last settled.
    pub(crate) const fn is_known(&self) -> bool {
        self.settled.crowd > 0
    }

    /// How many parameters it knows, trusted or not.
    pub(crate) fn places(&self) -> usize {
        self.parameters.len()
    }

    /// Learns from a request; from one that was not served only how it was answered. `room` is how many
    /// more parameters there may be.
    pub(crate) fn learn(&mut self, request: &Request<'_>, trust: Trust, room: &mut usize) {
        let by = &request.lesson();
        let digit = (request.status() / 100).min(7) as u8;
        if digit > 0 {
            self.statuses.see(digit, by);
        }
        if !request.was_served() {
            return;
        }
        self.count = self.count.saturating_add(u64::from(by.weight));
        self.crowd.see(by.who);
        if digit == 2 {
            self.sizes.see(bucket(request.body_bytes()), by);
        }
        self.origins.see(request.origin() as u8, by);
        self.methods.see(request.method(), by);
        self.learn_parameters(request, trust, room);
    }

    fn learn_parameters(&mut self, request: &Request<'_>, trust: Trust, room: &mut usize) {
        let by = &request.lesson();
        let mut is_new = false;
        let mut key = String::new();
        for (place, [name, value]) in request.parameters().enumerate() {
            name_key(name, &mut key);
            let Some(parameter) = self.parameter(&key, by, trust, room) else {
                is_new = true;
                continue;
            };
            is_new |= parameter.seen.is_rare() && !is_campaign(&key);
            if request.parameters().take(place).any(|[one, _]| one == name) {
                parameter.repeated.see(by);
            } else {
                parameter.requests = parameter.requests.saturating_add(u64::from(by.weight));
                parameter.seen.see(by);
            }
            parameter.value.learn((&Shape::of(value), value), by, trust);
        }
        self.new_names.see(self.count, is_new, by);
    }

    /// The parameter of that name, made if there is room.
    fn parameter(
        &mut self,
        name: &str,
        by: &Lesson<'_>,
        trust: Trust,
        room: &mut usize,
    ) -> Option<&mut Parameter> {
        if self.parameters.contains_key(name) {
            return self.parameters.get_mut(name);
        }
        if self.is_open {
            return None;
        }
        if self.parameters.len() >= MAX_PARAMETERS {
            self.overflow.see(by);
            if trust.trusts(&self.overflow) {
                self.is_open = true;
            }
            let weakest = self
                .parameters
                .iter()
                .min_by_key(|(_, one)| one.seen.networks());
            let weakest = weakest
                .filter(|(_, one)| one.seen.networks() < 3)?
                .0
                .clone();
            self.parameters.remove(&weakest);
            *room += 1;
        }
        *room = room.checked_sub(1)?;
        let mut parameter = Parameter::default();
        if is_secret(name.as_bytes()) {
            parameter.value.open();
        }
        Some(self.parameters.entry(name.into()).or_insert(parameter))
    }

    /// Gives up the parameters that hardly anybody has sent.
    pub(crate) fn prune(&mut self) {
        self.parameters.retain(|_, one| !one.seen.is_rare());
    }

    pub(crate) fn settle(&mut self, trust: Trust) {
        let crowd = self.crowd.size();
        let plain = |_: u8, seen: &Witness| trust.trusts(seen);
        self.settled = Settled {
            crowd,
            methods: self.methods.mask_of(plain),
            sizes: self.sizes.mask_of(plain),
            statuses: self.statuses.mask_of(plain),
            ..Settled::default()
        };
        for parameter in self.parameters.values_mut() {
            parameter.is_trusted = trust.trusts(&parameter.seen);
            parameter.value.settle(trust);
        }
    }

    /// The names of the parameters that are trusted, but for those that only say what brought the visitor.
    pub(super) fn trusted_names(&self) -> impl Iterator<Item = &str> + Clone {
        let trusted = self.parameters.iter().filter(|(_, one)| one.is_trusted);
        let names = trusted.map(|(name, _)| &**name);
        names.filter(|name| !is_campaign(name))
    }

    /// Joins the pages beside it.
    pub(super) fn join(&self, kin: &mut Kin) {
        kin.add(&self.crowd, self.settled.methods, self.trusted_names());
    }

    /// Learns what is known of the pages beside it that are of one kind with it.
    pub(super) fn adopt(&mut self, kin: &Kin) {
        self.settled.kin = kin.crowd.size();
        self.settled.kin_methods = kin.methods;
    }

    pub(crate) fn judge(
        &self,
        request: &Request<'_>,
        names: &impl SiteWide,
        (part, trust): (Part, Trust),
        misfits: &mut Vec<Misfit>,
    ) {
        self.judge_method(request, names, part, misfits);
        let mut needed = 0;
        for (place, [name, value]) in request.parameters().enumerate() {
            let known = self.known(name);
            match known.filter(|(_, parameter)| parameter.is_trusted) {
                Some((key, parameter)) => {
                    let again = request.parameters().take(place).any(|[one, _]| one == name);
                    needed += usize::from(!again && self.is_needed(parameter));
                    let elsewhere = [names.values(key), names.all_values()];
                    let is_double = again && request.has_before(place, [name, value]);
                    let double = is_double.then(|| names.strength_of_double());
                    let shape = names.shape(value, trust);
                    parameter.judge(
                        (key, value, place),
                        &shape,
                        again.then_some(double.unwrap_or(0.0)),
                        (part, elsewhere, trust),
                        misfits,
                    );
                }
                None if self.is_open => {}
                None => self.judge_name((name, value, place), known, (names, part, trust), misfits),
            }
        }
        self.judge_missing(request, needed, part, misfits);
        self.judge_around(request, misfits);
    }

    fn judge_method(
        &self,
        request: &Request<'_>,
        site: &impl SiteWide,
        part: Part,
        misfits: &mut Vec<Misfit>,
    ) {
        let method = request.method();
        if self.settled.methods == 0 || self.settled.methods & 1 << method != 0 {
            return;
        }
        let shown = self.methods.networks(method);
        let crowd = if self.settled.kin_methods & 1 << method == 0 {
            self.settled.crowd.max(self.settled.kin)
        } else {
            self.settled.crowd
        };
        let without = site.clients_without(method);
        let crowd = crowd.max(without);
        let seen = self
            .count
            .min(self.settled.crowd.saturating_mul(PER_ADDRESS));
        let strength = part.rarity(shown, seen, crowd);
        let weight = match (method, request.status()) {
            // Browsers ask so before they send what comes from another site: on some it is usual.
            (seen::OPTIONS, _) if without == 0 => 2.0,
            (_, 401 | 403 | 405 | 501) => 4.0,
            _ => 5.5,
        };
        misfits.push(Misfit {
            aspect: Aspect::Method,
            place: Place::Method,
            thing: Misfit::METHOD + u64::from(method),
            change: None,
            score: weight * strength,
            words: format!(
                "the method was never {} in {}",
                seen::method_name(method),
                self.so_far()
            ),
        });
    }

    fn judge_name(
        &self,
        (name, value, place): (&[u8], &[u8], usize),
        known: Option<(&str, &Parameter)>,
        (names, part, trust): (&impl SiteWide, Part, Trust),
        misfits: &mut Vec<Misfit>,
    ) {
        let mut key = String::new();
        name_key(name, &mut key);
        let shown = known.map_or(0, |(_, parameter)| parameter.seen.networks());
        // What others beside it take says nothing against this one.
        let is_known_elsewhere = names.is_known(&key, trust);
        let crowd = if is_known_elsewhere {
            self.settled.crowd
        } else {
            self.settled.crowd.max(self.settled.kin)
        };
        let seen = self.settled.crowd;
        let strength = part.strength(self.new_names.probability(self.count, seen, shown), crowd);
        let strength = strength.max(names.strength_of_new(&key));
        let shape = names.shape(value, trust);
        // Those in the path begin with the sign that parts them from it.
        let bare = name.strip_prefix(b";").unwrap_or(name);
        let classes = shape.classes | Shape::of(bare).classes;
        let is_dangerous = trust.read(classes) & class::DANGEROUS != 0;
        let elsewhere = [names.values(&key), names.all_values()];
        misfits.extend(misfit_elsewhere(
            (&key, value, place),
            &shape,
            elsewhere,
            trust,
        ));
        let weight = if is_dangerous {
            6.5
        } else if is_campaign(&key) {
            1.0
        } else if is_known_elsewhere {
            2.5
        } else {
            5.5
        };
        misfits.push(Misfit {
            aspect: if is_dangerous {
                Aspect::Form
            } else {
                Aspect::Name
            },
            place: Place::Name(place),
            thing: hash_text(key.as_bytes()),
            change: (!is_dangerous).then(|| hash_text(key.as_bytes())),
            score: weight * strength,
            words: format!("there was no parameter `{key}` in {}", self.so_far()),
        });
    }

    fn judge_missing(
        &self,
        request: &Request<'_>,
        needed: usize,
        part: Part,
        misfits: &mut Vec<Misfit>,
    ) {
        let all = || {
            self.parameters
                .iter()
                .filter(|(_, one)| self.is_needed(one))
        };
        if all().count() == needed || request.method() == seen::OPTIONS {
            return;
        }
        let is_there = |name: &str| {
            let mut key = String::new();
            request.parameters().any(|[one, _]| {
                name_key(one, &mut key);
                key == name
            })
        };
        let missing = all().filter(|(name, _)| !is_there(name));
        let Some((name, parameter)) = missing.max_by_key(|(_, one)| one.requests) else {
            return;
        };
        let without = self.count.saturating_sub(parameter.requests);
        let shown = u32::try_from(without).unwrap_or(u32::MAX);
        misfits.push(Misfit {
            aspect: Aspect::Missing,
            place: Place::Nowhere,
            thing: Misfit::MISSING,
            change: Some(hash(hash_text(name.as_bytes()) ^ Misfit::MISSING)),
            score: 5.5 * part.rarity(shown, self.count, self.settled.crowd),
            words: format!(
                "parameter `{name}` was hardly ever missing in {}",
                self.so_far()
            ),
        });
    }

    fn is_needed(&self, parameter: &Parameter) -> bool {
        parameter.is_trusted
            && self.count >= NEEDED
            && self.count.saturating_sub(parameter.requests) * NEEDED <= self.count
    }

    /// What is around the request: weak signs, that may as well be the server's own trouble.
    fn judge_around(&self, request: &Request<'_>, misfits: &mut Vec<Misfit>) {
        let around = |aspect, place, score, words| Misfit {
            aspect,
            place,
            thing: Misfit::AROUND,
            change: None,
            score,
            words,
        };
        if self.count < ENOUGH {
            return;
        }
        let digit = (request.status() / 100).min(7) as u8;
        if digit == 5 && self.settled.statuses & 1 << digit == 0 {
            let words = format!("this path did not fail in {}", self.so_far());
            misfits.push(around(Aspect::Status, Place::Status, 2.5, words));
        }
        if self.size_is_odd(request) == Some(true) {
            let words = format!(
                "the answer was between {} and {} bytes in {}",
                grouped(bucket_start(self.settled.sizes.trailing_zeros() as u8)),
                grouped(bucket_start(64 - self.settled.sizes.leading_zeros() as u8)),
                self.so_far()
            );
            misfits.push(around(Aspect::Size, Place::Size, 2.5, words));
        }
        let from_here = self
            .origins
            .get(Origin::Here as u8)
            .map_or(0, Witness::count);
        let is_entered = u64::from(from_here) * ENOUGH < self.count * (ENOUGH - 5);
        if !is_entered && request.origin() != Origin::Here {
            let words = format!("clients came from this site itself in {}", self.so_far());
            misfits.push(around(Aspect::Referrer, Place::Referrer, 2.0, words));
        }
    }

    /// Whether the size of a successful answer is none that this path's answers have; none where too
    /// little is known.
    pub(crate) fn size_is_odd(&self, request: &Request<'_>) -> Option<bool> {
        if request.status() / 100 != 2 || self.settled.sizes == 0 {
            return None;
        }
        let size = bucket(request.body_bytes());
        // The neighbours of what is usual are usual too.
        let near = self.settled.sizes | self.settled.sizes << 1 | self.settled.sizes >> 1;
        Some(near & 1 << size == 0)
    }

    fn known(&self, name: &[u8]) -> Option<(&str, &Parameter)> {
        // Most names are their own keys: no copy.
        let plain = std::str::from_utf8(name).ok();
        let found = plain.and_then(|name| self.parameters.get_key_value(name));
        found
            .or_else(|| {
                let mut key = String::new();
                name_key(name, &mut key);
                self.parameters.get_key_value(key.as_str())
            })
            .map(|(name, parameter)| (&**name, parameter))
    }

    /// How much is known, to follow "in".
    fn so_far(&self) -> String {
        format!(
            "{} requests from about {} addresses",
            grouped(self.count),
            grouped(self.crowd.addresses())
        )
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.crowd.add(&other.crowd);
        for (mine, theirs) in [
            (&mut self.methods, &other.methods),
            (&mut self.statuses, &other.statuses),
            (&mut self.sizes, &other.sizes),
            (&mut self.origins, &other.origins),
        ] {
            mine.add(theirs);
        }
        self.new_names.add(&other.new_names);
        self.overflow.add(&other.overflow);
        self.is_open |= other.is_open;
        for (name, parameter) in &other.parameters {
            if let Some(mine) = self.parameters.get_mut(name) {
                mine.seen.add(&parameter.seen);
                mine.requests = mine.requests.saturating_add(parameter.requests);
                mine.repeated.add(&parameter.repeated);
                mine.value.add(&parameter.value);
            } else if self.parameters.len() < MAX_PARAMETERS {
                self.parameters.insert(name.clone(), parameter.clone());
            } else {
                self.overflow.add(&parameter.seen);
            }
        }
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.parameters.len() <= MAX_PARAMETERS
            && self
                .parameters
                .iter()
                .all(|(name, one)| name.len() <= MAX_NAME_BYTES + 8 && one.value.is_bounded())
    }

    pub(crate) fn bytes(&self) -> usize {
        let parameters = self.parameters.iter();
        let each = parameters.map(|(name, one)| name.len() + one.value.bytes());
        size_of::<Self>()
            + self.parameters.capacity() * size_of::<(Box<str>, Parameter)>()
            + each.sum::<usize>()
            + self.methods.bytes()
            + self.statuses.bytes()
            + self.sizes.bytes()
            + self.origins.bytes()
    }
}
