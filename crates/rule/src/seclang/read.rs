//! Which values of a collection a rule reads.

use regex::bytes::{Regex, RegexBuilder};

use super::collection::Collection;
use super::plan::Variables;
use super::syntax::Selector;

/// Which members of a collection.
#[derive(Clone, Debug)]
pub(super) enum Pick {
    All,
    /// Ignoring case.
    Name(Vec<u8>),
    Pattern(Regex),
}

impl Pick {
    pub(super) fn takes(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Name(own) => own.eq_ignore_ascii_case(name),
            Self::Pattern(pattern) => pattern.is_match(name),
        }
    }

    pub(super) fn new(selector: Option<&Selector>) -> Result<Self, String> {
        match selector {
            None => Ok(Self::All),
            Some(Selector::Name(name)) => Ok(Self::Name(name.to_ascii_lowercase().into_bytes())),
            Some(Selector::Pattern(pattern)) => RegexBuilder::new(pattern)
                .unicode(false)
                .case_insensitive(true)
                .size_limit(1 << 20)
                .build()
                .map(Self::Pattern)
                .map_err(|_| {
                    format!("the selector `/{pattern}/` cannot be matched in linear time")
                }),
        }
    }
}

/// Values that a rule looks at.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) collection: Collection,
    pub(super) pick: Pick,
    /// How many there are, in place of each.
    pub(super) counted: bool,
    pub(super) except: Vec<Pick>,
    /// The variables that the setup left and that it takes, in the order of their names.
    pub(super) presets: Vec<Vec<u8>>,
}

impl Read {
    /// Tells it which variables the setup left.
    pub(super) fn preset(&mut self, variables: &Variables) {
        if self.collection == Collection::Tx && !matches!(self.pick, Pick::Name(_)) {
            let taken = variables.keys().filter(|name| self.takes(name));
            self.presets = taken.cloned().collect();
            self.presets.sort();
        }
    }

    /// Whether it takes values of every name.
    pub(super) const fn takes_all(&self) -> bool {
        matches!(self.pick, Pick::All) && self.except.is_empty()
    }

    pub(super) fn takes(&self, name: &[u8]) -> bool {
        self.pick.takes(name) && !self.except.iter().any(|except| except.takes(name))
    }
}
