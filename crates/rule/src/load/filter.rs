//! Sigma's filters: conditions that are added to rules from outside.

use rsigma_parser::{FilterRule, FilterRuleTarget};

use crate::load::log_source::LogSource;
use crate::matcher::condition::Condition;
use crate::matcher::node::Node;
use crate::{Problem, Rule};

/// A filter with its compiled condition, which must hold beside the rule's own.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) title: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    /// Found wanting, it is listed; else all is refused.
    pub(crate) lenient: bool,
    target: FilterRuleTarget,
    log: LogSource,
    condition: Condition,
}

/// A rule that filters can be added to.
pub(crate) struct Filtered<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) name: Option<&'a str>,
    pub(crate) log: &'a LogSource,
    pub(crate) condition: &'a mut Condition,
}

impl Filter {
    /// A filter as parsed, with its condition.
    pub(crate) fn new(
        parsed: &FilterRule,
        condition: Condition,
        (file, line): (&str, u32),
        lenient: bool,
    ) -> Self {
        Self {
            title: parsed.title.clone(),
            file: file.to_owned(),
            line,
            lenient,
            target: parsed.rules.clone(),
            log: parsed
                .logsource
                .as_ref()
                .map(LogSource::new)
                .unwrap_or_default(),
            condition,
        }
    }

    /// Adds its condition to the rules it names. The error says which of them are not there.
    pub(crate) fn apply<'a>(
        &self,
        rules: impl Iterator<Item = Filtered<'a>>,
    ) -> Result<(), Problem> {
        let mut missing: Vec<&str> = match &self.target {
            FilterRuleTarget::Any => Vec::new(),
            FilterRuleTarget::Specific(names) => names.iter().map(String::as_str).collect(),
        };
        for filtered in rules {
            let is_named = |name: &str| {
                name.eq_ignore_ascii_case(&filtered.rule.id) || Some(name) == filtered.name
            };
            let named = match &self.target {
                FilterRuleTarget::Any => true,
                FilterRuleTarget::Specific(names) => names.iter().any(|name| is_named(name)),
            };
            missing.retain(|name| !is_named(name));
            if named && self.log.contains(filtered.log) {
                let own = std::mem::replace(filtered.condition, Node::Any(Vec::new()));
                *filtered.condition = Node::All(vec![own, self.condition.clone()]);
            }
        }
        match missing.first() {
            None => Ok(()),
            Some(first) => Err(Problem::MissingRule((*first).to_owned())),
        }
    }
}
