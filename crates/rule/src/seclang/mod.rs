//! OWASP CRS: SecLang's rules for requests, as they are shipped.
//!
//! Text becomes directives (`syntax`), directives become checked rules (`draft`), what depends on no
//! request is worked out once (`plan`), and the rest is compiled (`program`) and run for each event
//! (`run`). One pass for literals over each text, transformed once, tells which rules are looked at.
//!
//! Owns: the meaning of SecLang for one event. Never holds: files, state from one request to the next,
//! what looks at responses.
//!
//! Rules are not asked to block but what they find. A rule's score is its anomaly score measured by the
//! threshold, such that the noisy-or of the rules reaches 5.0 where their sum reaches the threshold.

mod collection;
mod count;
mod describe;
mod draft;
mod made;
mod memory;
mod operator;
mod pattern;
mod plan;
mod program;
mod read;
mod reads;
mod repeat;
mod run;
mod syntax;
mod target;
mod text;
mod texts;
mod transform;
mod values;
mod verdicts;
mod wanted;

use std::collections::HashMap;

use serde::Serialize;
use vigil_event::{Event, Evidence, text as event_text};

use crate::Rule;
use describe::Described;
use draft::{Reader, Step};
use plan::Variables;
use program::Program;
use repeat::Repeats;
use run::{Matched, Work};

/// A file of SecLang, or one that such a file reads words or networks from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecFile {
    /// The name: what messages call it, and what `@pmFromFile` finds it by.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// The files of a rule set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecFiles {
    /// The configuration and the rules, in the order they are to be read in.
    pub rules: Vec<SecFile>,
    /// Lists that rules read.
    pub data: Vec<SecFile>,
}

/// What became of a rule of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is in force.
    Loaded,
    /// It is part of the setup, which is worked out once.
    Setup,
    /// The setup skips it, such as by the paranoia level.
    Off,
    /// It cannot be had.
    Refused,
}

/// A rule of the files, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Such as `crs:942100`.
    pub id: String,
    /// What it finds; empty where it says nothing.
    pub title: String,
    /// The file, and the line counted from 1.
    pub file: String,
    /// See [`Listed::file`].
    pub line: u32,
    /// What became of it.
    pub fate: Fate,
    /// Why, where it is not loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// An access log holds enough for it; else it needs whole requests.
    pub in_logs: bool,
}

/// The rules of OWASP CRS, compiled. Immutable: one set serves every thread.
#[derive(Debug)]
pub struct SecRules {
    program: Program,
    rules: Vec<Rule>,
    /// For each step of the program the place of its description.
    told: HashMap<usize, usize>,
    listed: Vec<Listed>,
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq)]
pub struct SecHit {
    /// The rule's place in [`SecRules::rules`].
    pub rule: usize,
    /// What matched where.
    pub evidence: Vec<Evidence>,
}

/// What an evaluation writes on, made once for each thread.
#[derive(Debug, Default)]
pub struct SecScratch {
    work: Work,
    repeats: Repeats,
}

/// The variables of CRS that say which rules are in force, in any of its versions.
const PARANOIA: [&str; 4] = [
    "paranoia_level",
    "executing_paranoia_level",
    "blocking_paranoia_level",
    "detection_paranoia_level",
];

impl SecRules {
    /// Makes ready what is otherwise made when a request first asks for it.
    pub(crate) fn prepare(&self) {
        self.program.prepare();
    }

    /// Loads rules. `paranoia` takes the place of what the setup says. What cannot be loaded is in
    /// [`SecRules::listed`] with the reason; an error says why none can.
    pub fn load(files: &SecFiles, paranoia: Option<u8>) -> Result<Self, String> {
        let mut reader = Reader::default();
        for (place, file) in files.rules.iter().enumerate() {
            reader.file(place, &file.text);
        }
        let (mut steps, _) = reader.finish();
        let rules = steps.iter_mut().filter_map(|step| match step {
            Step::Rule(draft) => Some(draft),
            Step::Marker(_) => None,
        });
        let mut count = 0;
        for draft in rules {
            count += 1;
            if let Some(reason) = describe::out_of_scope(draft) {
                draft.refuse(reason);
            }
        }
        if count == 0 {
            return Err("the files hold no rule: name the directory of OWASP CRS".to_owned());
        }
        let presets: Variables = paranoia
            .into_iter()
            .flat_map(|level| PARANOIA.map(|name| (name.into(), level.to_string().into_bytes())))
            .collect();
        let data = files
            .data
            .iter()
            .map(|file| (file.name.clone(), file.text.clone()))
            .collect();
        let plan = plan::plan(&steps, &presets, &data);
        let settled = plan.settled.clone();
        let (program, refused) = Program::new(plan, &steps, &data)?;
        let Described {
            rules,
            told,
            listed,
        } = describe::describe(files, &steps, &settled, &refused, &program);
        Ok(Self {
            program,
            rules,
            told,
            listed,
        })
    }

    /// The rules that can match and are told of.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Every rule of the files, and what became of it.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Appends the rules that match a request to `hits`.
    pub fn evaluate(&self, event: &Event, scratch: &mut SecScratch, hits: &mut Vec<SecHit>) {
        let SecScratch { work, repeats } = scratch;
        let may_repeat = self.program.read(event, work);
        if may_repeat && let Some(known) = repeats.recall(self.program.number, &work.matters) {
            hits.extend_from_slice(known);
            return;
        }
        let before = hits.len();
        self.program.run(event, work, |rule, work| {
            if let Some(place) = self.told.get(&rule.step) {
                let evidence = work.matched.iter().take(SecHit::MAX_EVIDENCE);
                hits.push(SecHit {
                    rule: *place,
                    evidence: evidence.map(|matched| evidence_of(matched, work)).collect(),
                });
            }
        });
        // What was left as it is, since there was too much, says nothing of other requests.
        if may_repeat && !work.texts.is_cut() {
            repeats.learn(&work.matters, hits.get(before..).unwrap_or_default());
        }
    }
}

impl SecHit {
    /// The most evidence that is kept of a match.
    pub const MAX_EVIDENCE: usize = 4;
}

/// Where it stands by SecLang's name, after which transformations, and the text that matched.
fn evidence_of(matched: &Matched, work: &Work) -> Evidence {
    let text = work.texts.bytes(matched.text);
    let end = matched.range.end.min(text.len());
    let start = matched.range.start.min(end);
    let kept = text.get(start..end.min(start + Evidence::MAX_BYTES));
    Evidence {
        field: event_text::escape_invalid(&run::full_name(matched.collection, &matched.name)),
        decodings: matched
            .chain
            .iter()
            .map(|one| one.name().to_owned())
            .collect(),
        start: start as u32,
        end: end as u32,
        matched: event_text::escape_invalid(kept.unwrap_or_default()),
    }
}
