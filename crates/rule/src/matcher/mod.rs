//! What a rule compares: here one comparison of some views with some values, exactly. The other modules read these
//! from a rule (`item`, `modifier`, `transform`, `wildcard`) and join them to selections and conditions.

pub(crate) mod condition;
pub(crate) mod item;
pub(crate) mod modifier;
pub(crate) mod node;
pub(crate) mod selection;
pub(crate) mod texts;
pub(crate) mod transform;
pub(crate) mod wildcard;

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use vigil_event::{Decodings, Event, Evidence, Field, TimePart, Timestamp, View};

use crate::field::Scope;
use crate::injection::Injection;
use crate::label::LabelId;
use crate::matcher::modifier::{Comparison, Place};
use crate::matcher::texts::Texts;
use crate::pattern::Expression;
use crate::prefilter::Sights;
use crate::prefilter::gate::{Clause, Gate, Look, Mark, Probes};
use crate::prefilter::needs::Needs;
use crate::prefilter::numbers::Test;
use crate::seen::Seen;
use crate::seen::alike::{Alike, Verdict};
use crate::seen::memory::Lesson;

/// What is compared: the views of some fields, or the values of one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    scope: Scope,
    label: Option<LabelId>,
}

impl Target {
    /// Some views.
    pub(crate) const fn views(scope: Scope) -> Self {
        Self { scope, label: None }
    }

    /// The values of a label.
    pub(crate) const fn label(id: LabelId) -> Self {
        Self {
            scope: Scope::labels(),
            label: Some(id),
        }
    }

    /// Whether it is some views' texts and nothing else.
    fn is_texts(self) -> bool {
        !self.scope.meets(Scope::labels()) && self.scope.numbers().next().is_none()
    }

    /// The only field of these views, if it is a number.
    pub(crate) fn number(self) -> Option<Field> {
        self.scope.number()
    }

    /// What is found first in the event's texts that are compared, if they are views in `scope`;
    /// without those of which is known that a comparison does not match them.
    fn find<'e, R>(
        self,
        event: &'e Event,
        seen: &'e Seen,
        (scope, comparison): (Scope, Option<u32>),
        mut find: impl FnMut(Text<'e>) -> Option<R>,
    ) -> Option<R> {
        let found = seen
            .places(scope, comparison)
            .find_map(|(place, is_known)| {
                find(Text {
                    name: None,
                    view: event.view_at(place)?,
                    is_known,
                })
            });
        if found.is_some() || !scope.meets(Scope::labels()) {
            return found;
        }
        let mut labels = seen
            .labels(event)
            .filter(|(id, _, _)| self.label.is_none_or(|label| *id == Some(label)));
        labels.find_map(|(_, name, view)| {
            find(Text {
                name: Some(name),
                view,
                is_known: false,
            })
        })
    }
}

/// A text that is compared.
struct Text<'e> {
    /// The name of the label that it is the value of.
    name: Option<&'e [u8]>,
    view: View<'e>,
    /// It came before, and matched.
    is_known: bool,
}

/// Where a comparison looks.
#[derive(Clone, Copy)]
struct At<'e> {
    event: &'e Event,
    seen: &'e Seen,
    /// The views that it compares in which all was seen that it requires.
    scope: Scope,
}

/// A comparison: holds if any of the texts matches.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) target: Target,
    pub(crate) matcher: Matcher,
    /// What must be seen in a view that matches, the best first.
    pub(crate) marks: Vec<Mark>,
    /// What others call it by, once it has asked.
    number: u32,
}

/// What is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    Texts(Texts),
    Pattern {
        expression: Expression,
        needs: Needs,
    },
    Injection(Injection),
    Networks(Vec<IpNet>),
    Number(Comparison, f64),
    /// A part of the time that the text is.
    Time(TimePart, Comparison, i64),
    /// A part of the time that the event happened at.
    Occurred(TimePart, Comparison, i64),
    /// What another field has stands at a place.
    Reference {
        other: Target,
        place: Place,
        cased: bool,
    },
    Present,
    Absent,
}

impl Leaf {
    pub(crate) const fn new(target: Target, matcher: Matcher) -> Self {
        Self {
            target,
            matcher,
            marks: Vec::new(),
            number: 0,
        }
    }

    /// Makes ready what is otherwise made when it is first compared.
    pub(crate) fn prepare(&self) {
        if let Matcher::Pattern { expression, .. } = &self.matcher {
            expression.prepare();
        }
    }

    /// Asks for what must be seen in a view that matches.
    pub(crate) fn ask(&mut self, probes: &mut Probes) {
        self.number = probes.number();
        let needs = match &mut self.matcher {
            Matcher::Texts(texts) => Needs::of_texts(texts),
            Matcher::Pattern { needs, .. } => std::mem::take(needs),
            Matcher::Injection(one) => Needs::of_bytes(one.bytes()),
            _ => Needs::default(),
        };
        let scope = self.target.scope;
        let mut looks = needs.best();
        if looks.is_empty() && self.compared() != Scope::default() {
            looks.push(Look::Any);
        }
        if matches!(self.matcher, Matcher::Present) && self.target.is_texts() {
            looks.push(Look::Present);
        }
        self.marks = looks
            .into_iter()
            .filter_map(|look| probes.mark(look, scope))
            .collect();
    }

    /// Takes the views of another leaf that compares with the same; false if it does not.
    pub(crate) fn merge(&mut self, other: &Self) -> bool {
        if self.target.label.is_some() || other.target.label.is_some() {
            return false;
        }
        let same = match (&self.matcher, &other.matcher) {
            (Matcher::Texts(one), Matcher::Texts(two)) => one.same(two),
            (
                Matcher::Pattern {
                    expression: one, ..
                },
                Matcher::Pattern {
                    expression: two, ..
                },
            ) => one.same(two),
            _ => false,
        };
        if same {
            self.target.scope = self.target.scope.with(other.target.scope);
        }
        same
    }

    /// The views that it compares, where it looks at nothing but a text: what it says of a text once
    /// it says always.
    pub(crate) fn compared(&self) -> Scope {
        match self.matcher {
            Matcher::Texts(_) | Matcher::Pattern { .. } | Matcher::Injection(_) => {
                self.target.scope
            }
            _ => Scope::default(),
        }
    }

    /// What it asks of a field that is a number, or that it is there, if that is all.
    pub(crate) fn plain_test(&self) -> Option<Test> {
        match self.matcher {
            Matcher::Number(comparison, wanted) => {
                Some(Test::Number(self.target.number()?, comparison, wanted))
            }
            Matcher::Present => self.target.scope.text().map(Test::Present),
            _ => None,
        }
    }

    /// Whether it looks at a field.
    pub(crate) fn looks_at(&self, field: Field) -> bool {
        let other = match &self.matcher {
            Matcher::Reference { other, .. } => other.scope,
            _ => Scope::default(),
        };
        let scope = self.target.scope.with(other);
        self.target.label.is_none() && scope.meets(Scope::every(field))
    }

    /// The views whose texts it looks at; none where it looks at the event's address, time, sum of
    /// bytes or what is known from other events.
    pub(crate) fn texts(&self) -> Option<Scope> {
        let scope = self.target.scope;
        match &self.matcher {
            Matcher::Occurred(..) => None,
            Matcher::Networks(_) if scope.is_address() => None,
            _ if scope.meets(Scope::history()) => None,
            Matcher::Number(..) if self.target.number() == Some(Field::BodyBytes) => None,
            Matcher::Reference { other, .. } => Some(scope.with(other.scope)),
            _ => Some(scope),
        }
    }

    /// Whether it looks at the digits of texts in ways of its own.
    pub(crate) fn reads_numbers(&self) -> bool {
        let is_text = self.texts().is_some();
        match &self.matcher {
            Matcher::Number(..) => is_text && self.target.number().is_none(),
            Matcher::Networks(_) | Matcher::Time(..) | Matcher::Reference { .. } => is_text,
            _ => false,
        }
    }

    /// Says of a text that is such a view whether it matches, if it is one that this compares.
    pub(crate) fn learn(&self, view: Scope, text: &[u8], seen: &Seen, lesson: &mut Lesson) {
        if seen.common(self.compared().common(view), &self.marks) == Scope::default() {
            return;
        }
        seen.examine(text);
        let matches = match &self.matcher {
            Matcher::Texts(texts) => texts.find(text).is_some(),
            Matcher::Pattern { expression, .. } => expression.is_match(text),
            Matcher::Injection(one) => one.is_in(text),
            _ => false,
        };
        if matches {
            lesson.add_match(self.number);
            self.marks.iter().for_each(|mark| lesson.add_mark(*mark));
        }
    }

    /// Says of all texts that are alike, in which these marks may be, whether they match, if they are
    /// such a view and one that this compares.
    pub(crate) fn learn_alike(
        &self,
        view: Scope,
        texts: Alike<'_>,
        sights: &Sights,
        lesson: &mut Lesson,
    ) {
        let is_there = |mark: &Mark| sights.may_have(*mark);
        if !self.compared().meets(view) || !self.marks.iter().all(is_there) {
            return;
        }
        let verdict = match &self.matcher {
            Matcher::Texts(one) => one.of_all(texts),
            Matcher::Pattern { expression, .. } => expression.of_all(texts),
            Matcher::Injection(one) => one.of_all(texts),
            _ => Verdict::Never,
        };
        match verdict {
            Verdict::Never => return,
            Verdict::Always => lesson.add_match(self.number),
            Verdict::Depends => lesson.add_open(self.number),
        }
        self.marks.iter().for_each(|mark| lesson.add_mark(*mark));
    }

    /// Where to look in an event.
    fn at<'e>(&self, event: &'e Event, seen: &'e Seen) -> At<'e> {
        let scope = seen.common(self.target.scope, &self.marks);
        At { event, seen, scope }
    }

    /// Whether the event matches.
    pub(crate) fn holds(&self, event: &Event, seen: &Seen) -> bool {
        let compared = self.compared();
        if compared == Scope::default() {
            return self.tests(self.at(event, seen));
        }
        if !seen.may_match(compared, self.number) || seen.has_missed(self.number) {
            return false;
        }
        let at = self.at(event, seen);
        if at.scope == Scope::default() {
            return false;
        }
        let holds = seen.is_remembered(at.scope, self.number) || self.tests(at);
        if !holds {
            seen.miss(self.number);
        }
        holds
    }

    /// Whether the event matches, by looking at it.
    fn tests(&self, at: At<'_>) -> bool {
        match &self.matcher {
            Matcher::Absent => !self.is_present(at),
            Matcher::Present => self.is_present(at),
            // Where it matches is not asked, which saves the search for the start.
            Matcher::Pattern { expression, .. } => {
                let test = |text: &[u8]| expression.is_match(text).then_some(0..0);
                self.first(at, test).is_some()
            }
            _ => self.found(at).is_some(),
        }
    }

    fn is_present(&self, at: At<'_>) -> bool {
        let mut numbers = self.target.scope.numbers();
        (self.target.label.is_none() && numbers.any(|field| at.event.number(field).is_some()))
            || self.first(at, |_| Some(0..0)).is_some()
    }

    /// Where the first text that matches does so; nothing for what is no text.
    fn found<'e>(&self, at: At<'e>) -> Option<Found<'e>> {
        let whole = |text: &[u8]| Some(0..text.len());
        match &self.matcher {
            Matcher::Texts(texts) => self.first(at, |text| texts.find(text)),
            Matcher::Pattern { expression, .. } => self.first(at, |text| expression.find(text)),
            Matcher::Injection(one) => self.first_text(at, |Text { view, is_known, .. }| {
                (*is_known || one.is_in(view.text)).then_some(0..view.text.len())
            }),
            Matcher::Networks(networks) => self.address(at, networks),
            Matcher::Number(comparison, wanted) => self.number(at, *comparison, *wanted),
            Matcher::Time(part, comparison, wanted) => self.first(at, |text| {
                comparison
                    .holds(moment(text)?.part(*part), *wanted)
                    .then(|| whole(text))?
            }),
            Matcher::Occurred(part, comparison, wanted) => comparison
                .holds(at.event.occurred_at.part(*part), *wanted)
                .then_some(Found::Time),
            Matcher::Reference {
                other,
                place,
                cased,
            } => self.first(at, |text| {
                other.find(at.event, at.seen, (other.scope, None), |other| {
                    texts::find(*place, *cased, other.view.text, text)
                })
            }),
            Matcher::Present => self.first(at, whole),
            Matcher::Absent => None,
        }
    }

    /// The first text in which `find` finds something, among those that can match.
    fn first<'e>(
        &self,
        at: At<'e>,
        find: impl Fn(&[u8]) -> Option<Range<usize>>,
    ) -> Option<Found<'e>> {
        self.first_text(at, |text| find(text.view.text))
    }

    /// As [`Leaf::first`], with what is known of the texts.
    fn first_text<'e>(
        &self,
        at: At<'e>,
        find: impl Fn(&Text<'e>) -> Option<Range<usize>>,
    ) -> Option<Found<'e>> {
        let At { event, seen, scope } = at;
        if scope == Scope::default() {
            return None;
        }
        let comparison = (self.compared() != Scope::default()).then_some(self.number);
        self.target.find(event, seen, (scope, comparison), |text| {
            seen.examine(text.view.text);
            Some(Found::Text(text.name, text.view, find(&text)?))
        })
    }

    fn number<'e>(&self, at: At<'e>, comparison: Comparison, wanted: f64) -> Option<Found<'e>> {
        if let Some(field) = self.target.number() {
            let number = at.event.number(field)?;
            return comparison
                .holds(number as f64, wanted)
                .then_some(Found::Number(field, number));
        }
        self.first(at, |text| {
            let number = std::str::from_utf8(text).ok()?.trim().parse::<f64>().ok()?;
            comparison.holds(number, wanted).then_some(0..text.len())
        })
    }

    fn address<'e>(&self, at: At<'e>, networks: &[IpNet]) -> Option<Found<'e>> {
        let is_in = |ip: IpAddr| networks.iter().any(|network| network.contains(&ip));
        if self.target.scope.is_address() {
            let ip = at.event.source_ip?.to_canonical();
            return is_in(ip).then_some(Found::Address(ip));
        }
        self.first(at, |text| {
            let ip: IpAddr = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
            is_in(ip.to_canonical()).then_some(0..text.len())
        })
    }

    /// Whether it may match without anything to show.
    pub(crate) const fn may_show_nothing(&self) -> bool {
        matches!(
            self.matcher,
            Matcher::Absent | Matcher::Present | Matcher::Occurred(..)
        )
    }

    /// What matched where, if the event matches and if there is anything to show.
    pub(crate) fn evidence(&self, event: &Event, seen: &Seen) -> Option<Evidence> {
        if seen.has_missed(self.number) {
            return None;
        }
        match self.found(self.at(event, seen))? {
            Found::Text(name, view, range) => {
                let name = name.map_or(view.field.name().into(), String::from_utf8_lossy);
                Some(Evidence::named(&name, view.decodings, view.text, range))
            }
            Found::Number(field, number) => Some(whole(field, &number.to_string())),
            Found::Address(ip) => Some(whole(Field::SourceIp, &ip.to_string())),
            Found::Time => None,
        }
    }

    /// What must be seen for the event to match.
    pub(crate) fn gate(&self, probes: &Probes) -> Gate {
        Gate::of(
            self.marks
                .iter()
                .map(|mark| Clause::new(*mark, self.target.scope, probes)),
        )
    }
}

/// What matched.
enum Found<'e> {
    /// A part of a text, with its label's name if it is one's.
    Text(Option<&'e [u8]>, View<'e>, Range<usize>),
    Number(Field, u64),
    Address(IpAddr),
    Time,
}

/// The time that a text is: RFC 3339, without a zone in UTC, or seconds since the epoch.
fn moment(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Some(Timestamp::from_millis((seconds * 1_000.0) as i64));
    }
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

fn whole(field: Field, text: &str) -> Evidence {
    Evidence::new(field, Decodings::NONE, text.as_bytes(), 0..text.len())
}
