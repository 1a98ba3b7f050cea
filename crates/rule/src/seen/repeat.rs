//! Requests that came before, word for word, with the rules that they matched.
//!
//! Most of what a site receives is the same few pages asked for by the same few browsers. Of a
//! request that came twice it is kept which rules it matched, with the evidence; from then on one
//! look into a table takes the place of all the looks at its values. Where decoding has found out
//! already whether it came before, its [template](vigil_event::Template) stands for its texts.
//!
//! *What makes two requests the same*: every view that some rule looks at, byte for byte, and the
//! numbers that stay the same from visit to visit: the status and how deep it was encoded. *What may
//! differ*: [`passing`], which hardly ever comes twice. A request that could match a rule that asks
//! for the sum of bytes, the address or the time is not kept, and where a rule looks at what passes
//! as text, or is asked about every event, nothing is: what is kept never depends on what may differ.
//! Of requests that are [alike] it is kept that no rule matches them, once of each of their views all
//! is known that rules compare it with, whatever the numbers are.
//! *Limits*: requests with at most [`MAX_BYTES`] in those views, without labels; see [`Familiar`].

use vigil_event::{Event, Evidence, Field, LogKind, Recurrence, View};

use crate::Hit;
use crate::field::Scope;
use crate::matcher::condition::{Condition, each_leaf};
use crate::seen::Seen;
use crate::seen::alike::Commons;
use vigil_event::familiar::{Familiar, Place, Recall};

/// How many requests are kept.
const SLOTS: u16 = 1 << 12;
/// How many that have a [template](vigil_event::Template): each for each status it is answered with.
const NAMED_SLOTS: u16 = 1 << 13;
/// Of longer ones nothing is kept, in bytes.
const MAX_BYTES: u16 = 768;
/// Nor of those whose evidence has more bytes, where each piece counts as [`PIECE_BYTES`] more.
const MAX_EVIDENCE: usize = 2 << 10;
const PIECE_BYTES: usize = 128;

/// The texts that differ from record to record; the status is one of the numbers.
fn passing() -> Scope {
    let texts = Event::PASSING.into_iter();
    texts
        .filter(|field| *field != Field::Status)
        .fold(Scope::default(), |scope, field| {
            scope.with(Scope::every(field))
        })
}

/// What rules look at.
#[derive(Debug)]
pub(crate) struct Looks {
    /// The views that some rule looks at; none where nothing may be kept.
    views: Scope,
    /// For each rule whether it may depend on what differs between two requests that are the same.
    varies: Vec<bool>,
    /// For each rule whether it looks at the digits of texts in ways of its own.
    reads_numbers: Vec<bool>,
}

impl Looks {
    /// Of rules with these conditions, some of which are asked about every event.
    pub(crate) fn of(conditions: &[Condition], always: &[u32]) -> Self {
        let mut views = Scope::default();
        let mut varies = Vec::with_capacity(conditions.len());
        let mut reads_numbers = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let (mut is_varying, mut is_reading) = (false, false);
            each_leaf(condition, &mut |leaf| {
                is_reading |= leaf.reads_numbers();
                match leaf.texts() {
                    Some(texts) => views = views.with(texts),
                    None => is_varying = true,
                }
            });
            varies.push(is_varying);
            reads_numbers.push(is_reading);
        }
        let mut looks = Self {
            views,
            varies,
            reads_numbers,
        };
        if views.meets(passing()) || always.iter().any(|rule| looks.varies(*rule)) {
            looks.views = Scope::default();
        }
        looks
    }

    /// Whether a rule may match one of two requests that are the same, and not the other.
    fn varies(&self, rule: u32) -> bool {
        self.varies.get(rule as usize) != Some(&false)
    }

    /// Whether a rule may match one of two requests that are alike, of which all is known, and not the
    /// other.
    fn tells_apart(&self, rule: u32) -> bool {
        self.varies(rule) || self.reads_numbers.get(rule as usize) != Some(&false)
    }
}

/// The requests that are kept. Their memory is taken when the first comes.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    texts: Option<Familiar<Vec<Hit>>>,
    /// Those that have a template, by its name.
    named: Option<Familiar<Vec<Hit>>>,
    /// Those that no rule matches, whatever their numbers are.
    quiet: Option<Familiar<()>>,
    /// The request at hand, and whether it is by its name.
    request: Vec<u8>,
    is_named: bool,
    /// Its place, if it came for the second time, and theirs.
    again: Option<Place>,
    again_alike: Option<Place>,
}

impl Repeats {
    /// The rules that the request at hand matched when it came before. If that is not known, `commons`
    /// has what stands for all that are alike, unless nothing may be kept of it.
    pub(crate) fn recall(
        &mut self,
        event: &Event,
        looks: &Looks,
        commons: &mut Commons,
    ) -> Option<&[Hit]> {
        commons.clear();
        self.again = None;
        self.again_alike = None;
        if looks.views == Scope::default()
            || event.log != LogKind::Web
            || event.labels().next().is_some()
        {
            return None;
        }
        let numbers = u64::from(event.status) | u64::from(event.decode_depth) << 16;
        match self.recall_exactly(event, looks, numbers) {
            Recall::Known(place) => return self.exact()?.get(place).map(Vec::as_slice),
            Recall::Again(place) => self.again = Some(place),
            Recall::Stranger => {}
        }
        each_view(event, looks.views, |view, is_looked_at| {
            let is_kept = is_looked_at && commons.bytes.len() <= usize::from(MAX_BYTES);
            if is_kept {
                commons.bytes.extend_from_slice(&head(view));
            }
            commons.add(is_kept.then_some(view.text));
        });
        let quiet = self
            .quiet
            .get_or_insert_with(|| Familiar::new(SLOTS, MAX_BYTES));
        quiet.begin();
        match quiet.recall(numbers, &commons.bytes) {
            Recall::Known(_) => {
                self.keep(Some(Vec::new()));
                return Some(&[]);
            }
            Recall::Again(place) => self.again_alike = Some(place),
            Recall::Stranger => {}
        }
        None
    }

    /// What is known of the request itself, not of those that are alike.
    fn recall_exactly(&mut self, event: &Event, looks: &Looks, numbers: u64) -> Recall {
        self.is_named = matches!(event.recurrence, Recurrence::Of(_));
        match event.recurrence {
            // Neither is there what it matched.
            Recurrence::Stranger => return Recall::Stranger,
            Recurrence::Of(name) => {
                self.request.clear();
                self.request.extend_from_slice(&name.to_le_bytes());
            }
            Recurrence::Unasked => {
                let to = &mut self.request;
                to.clear();
                each_view(event, looks.views, |view, is_looked_at| {
                    if is_looked_at && to.len() <= usize::from(MAX_BYTES) {
                        to.extend_from_slice(&head(view));
                        to.extend_from_slice(view.text);
                    }
                });
            }
        }
        let (table, slots, bytes) = if self.is_named {
            (&mut self.named, NAMED_SLOTS, size_of::<u64>() as u16)
        } else {
            (&mut self.texts, SLOTS, MAX_BYTES)
        };
        let table = table.get_or_insert_with(|| Familiar::new(slots, bytes));
        table.begin();
        table.recall(numbers, &self.request)
    }

    /// Where it is kept what the request at hand matched.
    const fn exact(&mut self) -> Option<&mut Familiar<Vec<Hit>>> {
        if self.is_named {
            self.named.as_mut()
        } else {
            self.texts.as_mut()
        }
    }

    /// Keeps what the request at hand matched, if it came for the second time.
    fn keep(&mut self, hits: Option<Vec<Hit>>) {
        let Some(place) = self.again.take() else {
            return;
        };
        let request = std::mem::take(&mut self.request);
        if let Some(table) = self.exact() {
            table.learn(place, &request, hits);
        }
        self.request = request;
    }

    /// Keeps what the request at hand matched, if it came for the second time, by what was seen of it
    /// and the rules that could have matched.
    pub(crate) fn learn<'c>(
        &mut self,
        looks: &Looks,
        (seen, candidates): (&Seen, impl Iterator<Item = &'c u32> + Clone),
        hits: &[Hit],
    ) {
        if let (Some(place), Some(quiet)) = (self.again_alike.take(), &mut self.quiet)
            && hits.is_empty()
            && seen.is_settled()
            && !candidates.clone().any(|rule| looks.tells_apart(*rule))
        {
            quiet.learn(place, &seen.commons.bytes, Some(()));
        }
        if self.again.is_none() {
            return;
        }
        let mut candidates = candidates;
        let is_fixed = !candidates.any(|rule| looks.varies(*rule));
        let pieces = hits.iter().flat_map(|hit| &hit.evidence);
        let size = |piece: &Evidence| piece.matched.len() + PIECE_BYTES;
        let is_small = hits.len() * PIECE_BYTES + pieces.map(size).sum::<usize>() <= MAX_EVIDENCE;
        self.keep((is_fixed && is_small).then(|| hits.to_vec()));
    }
}

/// Calls `each` with the views of the event, and whether they are looked at.
fn each_view(event: &Event, looked_at: Scope, mut each: impl FnMut(&View<'_>, bool)) {
    // Two loops, each over one kind of iterator: a chain of both is slower than what is done here.
    let mut each = |view: View<'_>| each(&view, Scope::of(&view).meets(looked_at));
    event.views().for_each(&mut each);
    event.parameters().flatten().for_each(&mut each);
}

/// Stands before a view's text, so that no two events with other views are written as the same bytes.
fn head(view: &View<'_>) -> [u8; 8] {
    let head =
        (view.text.len() as u64) << 32 | u64::from(view.decodings.bits()) << 16 | view.field as u64;
    head.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RuleFile, RuleSet, Scratch};

    fn event(path: &str, status: u16, bytes: u64) -> Event {
        let mut event = Event::new();
        event.set(Field::EventOriginal, format!("{path} {bytes}").as_bytes());
        event.set(Field::UrlPath, path.as_bytes());
        event.set(Field::Status, status.to_string().as_bytes());
        (event.status, event.body_bytes) = (status, bytes);
        event
    }

    /// How often the rule was evaluated or known to match, and how often it matched, when four
    /// requests came that differ in what passes.
    fn counted(lines: &[&str], path: &str, status: u16) -> (u64, u64) {
        let lines = lines.join("\n    ");
        let text = format!(
            "title: Rule\nid: 6f2f6b1c-9a55-4cb0-8d1e-000000000001\nlogsource:\n  service: nginx\n\
             level: low\ndetection:\n  one:\n    {lines}\n  condition: one\n"
        );
        let name = "x.yml".to_owned();
        let set = RuleSet::load(&[RuleFile { name, text }]).unwrap();
        let (mut scratch, mut hits) = (Scratch::new(&set), Vec::new());
        for bytes in 0..4 {
            let event = event(path, status, bytes);
            set.evaluate(&event, &mut scratch, &mut hits);
            assert_eq!(hits, set.evaluate_each(&event));
        }
        let counts = scratch.costs().rules().first();
        counts.map_or((0, 0), |cost| (cost.candidates, cost.hits))
    }

    #[test]
    fn what_a_request_matches_is_known_from_its_third_time_on() {
        let status = "http.response.status_code: 404";
        let bytes = "http.response.body.bytes|gte: 2";
        let admin = "url.path|contains: admin";
        for (lines, path, status, expected) in [
            // Another status is another request, which is not even evaluated.
            (&[status][..], "/admin", 200, (0, 0)),
            (
                &["url.path|contains: admin", "user.name|exists: false"],
                "/admin",
                200,
                (4, 4),
            ),
            (&[status], "/admin", 404, (4, 4)),
            (&[admin], "/admin", 404, (4, 4)),
            // What they depend on may differ.
            (&[admin, bytes], "/admin", 200, (4, 2)),
            (&[admin, bytes], "/other", 200, (0, 0)),
            (&[bytes], "/other", 200, (4, 2)),
            (
                &[status, "event.original|endswith: '/other 3'"],
                "/other",
                404,
                (1, 1),
            ),
        ] {
            assert_eq!(counted(lines, path, status), expected, "{lines:?} {path}");
        }
    }
}
