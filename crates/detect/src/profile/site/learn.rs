//! What a site learns of a request whatever page it is for: names, endings, forms, and what is not there.

use vigil_event::whole::is_secret;

use super::lost::whole_hash;
use super::room::{count, entry};
use super::stray::counts_as_stray;
use super::{ENOUGH_FOR_NAMES, MAX_ENDINGS, MAX_MISSING, MAX_NAMES, Named, Site};
use crate::profile::class;
use crate::profile::ending::{ending, is_file};
use crate::profile::name::{is_campaign, name_key};
use crate::profile::options::Trust;
use crate::profile::seen::Request;
use crate::profile::segment::{segments, template_hash};
use crate::profile::shape::Shape;
use crate::profile::tree::Found;
use crate::profile::value::ValueProfile;

impl Site {
    /// Learns that somebody asked for what is not there, if it is not.
    pub(super) fn learn_missing(&mut self, request: &Request<'_>, trust: Trust) {
        let path = request.path();
        let by = &request.lesson();
        self.strays.learn_writing(path, by);
        let mut has_odd_form = false;
        self.root.find(path, &mut String::new(), |node, segment| {
            has_odd_form |= self.judge_segment(node, segment, trust, true).is_some();
        });
        let is_stray = counts_as_stray(request);
        self.strays
            .learn_form(has_odd_form && is_stray, self.count, by);
        let Found::Unknown { node, .. } = self.find(request) else {
            count(&mut self.missing, whole_hash(request), MAX_MISSING, request);
            return;
        };
        if counts_as_stray(request) {
            let lost = self.lost(node, path, trust);
            self.strays.learn(&lost, self.count, &request.lesson());
        }
        count(&mut self.missing, template_hash(path), MAX_MISSING, request);
    }

    pub(super) fn learn_names(&mut self, request: &Request<'_>, trust: Trust) {
        let by = &request.lesson();
        let mut key = String::new();
        let mut is_new = false;
        let mut is_new_writing = false;
        let all = self
            .values
            .get_or_insert_with(|| Box::new(ValueProfile::of_forms()));
        for [name, value] in request.parameters() {
            name_key(name, &mut key);
            let shape = Shape::of(value);
            all.learn((&shape, value), by, trust);
            let is_dangerous = trust.read(shape.classes) & class::DANGEROUS != 0;
            let known = self.names.get(key.as_str());
            let is_rare = known.is_none_or(|one| one.most_seen().is_rare());
            is_new |= is_rare && !is_campaign(&key);
            let Some(named) = entry(&mut self.names, &key, MAX_NAMES, Named::most_seen) else {
                continue;
            };
            if named.value.count() == 0 && is_secret(name) {
                named.value.open();
            }
            // A name that does not fit where it stands must not become known by that, but of the values of
            // a known one as much is learned here as there.
            if by.is_odd {
                named.odd.see(by);
                if named.seen.networks() < ENOUGH_FOR_NAMES {
                    continue;
                }
            } else {
                named.seen.see(by);
            }
            named.value.learn((&shape, value), by, trust);
            if is_dangerous {
                if named.value.is_free() {
                    self.writing.learn(value, by);
                }
                is_new_writing |=
                    named.value.is_dangerous(&shape, trust) && self.writing.knows(value, trust);
            }
        }
        self.new_names.see(self.count, is_new, by);
        self.new_writing.see_odd_too(self.count, is_new_writing, by);
        let mut pairs = request.parameters().enumerate();
        let is_double = pairs.any(|(place, pair)| request.has_before(place, pair));
        self.doubles.see(self.count, is_double, by);
        self.learn_path(request, trust);
    }

    fn learn_path(&mut self, request: &Request<'_>, trust: Trust) {
        let by = &request.lesson();
        let parts = self
            .segments
            .get_or_insert_with(|| Box::new(ValueProfile::of_forms()));
        for segment in segments(request.path()) {
            parts.learn((&Shape::of(segment), segment), by, trust);
        }
        let last = segments(request.path()).last().unwrap_or_default();
        let ending = ending(last);
        // Names of people and of versions have points, too: they make no file usual.
        let is_new = is_file(last)
            && !std::str::from_utf8(ending).is_ok_and(|name| self.endings.contains_key(name));
        self.new_endings.see(self.count, is_new, by);
        let ending = std::str::from_utf8(ending).unwrap_or_default();
        if let Some(seen) = entry(&mut self.endings, ending, MAX_ENDINGS, |seen| seen) {
            seen.see(by);
        }
    }
}
