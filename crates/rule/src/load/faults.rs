//! Collects what is wrong with one rule, each fault with its place.

use vigil_event::text;

use crate::load::position::Source;
use crate::{Problem, RuleError};

/// The faults of one document.
#[derive(Debug)]
pub(crate) struct Faults<'a> {
    file: &'a str,
    source: Source<'a>,
    title: Option<String>,
    foreign: bool,
    errors: Vec<RuleError>,
}

impl<'a> Faults<'a> {
    /// A document has at most this many faults listed.
    const MAX: usize = 50;
    /// The longest title that errors repeat, in bytes.
    const TITLE_BYTES: usize = 120;

    /// No faults yet. A foreign document was written for other programs, see
    /// [`Input::foreign`](crate::Input::foreign).
    pub(crate) const fn new(file: &'a str, source: Source<'a>, foreign: bool) -> Self {
        Self {
            file,
            source,
            title: None,
            foreign,
            errors: Vec::new(),
        }
    }

    /// Names the rule in all further faults.
    pub(crate) fn name(&mut self, title: &str) {
        self.title = Some(text::truncated(title, Self::TITLE_BYTES).to_owned());
    }

    /// Adds a fault at the place that the keys lead to.
    pub(crate) fn add(&mut self, path: &[&str], problem: Problem) {
        self.add_at(self.source.line_of(path), problem);
    }

    /// Adds a fault that changes nothing about what the rule matches: a foreign rule may have it.
    pub(crate) fn add_minor(&mut self, path: &[&str], problem: Problem) {
        if !self.foreign {
            self.add(path, problem);
        }
    }

    pub(crate) const fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Adds a fault at a line of the file.
    pub(crate) fn add_at(&mut self, line: Option<u32>, problem: Problem) {
        if self.errors.len() < Self::MAX {
            let line = line.or(Some(self.source.first_line));
            self.errors.push(RuleError {
                file: self.file.to_owned(),
                line,
                title: self.title.clone(),
                problem,
            });
        }
    }

    pub(crate) const fn source(&self) -> Source<'a> {
        self.source
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(crate) fn into_errors(self) -> Vec<RuleError> {
        self.errors
    }

    /// What was added so far, which is then forgotten.
    pub(crate) fn take(&mut self) -> Vec<RuleError> {
        std::mem::take(&mut self.errors)
    }
}
