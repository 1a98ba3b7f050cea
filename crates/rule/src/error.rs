//! What can be wrong with a rule: where it stands, what it is and what to do about it.
//!
//! Owns: the texts that a rule's author reads. Never holds: the checks themselves.

use std::fmt;

/// A rule that can not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The file's name.
    pub file: String,
    /// The line in the file, counted from 1, where it is known.
    pub line: Option<u32>,
    /// The rule's title, where it has one.
    pub title: Option<String>,
    /// What is wrong and what to do.
    pub problem: Problem,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(title) = &self.title {
            write!(f, ": rule `{title}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// What is wrong with a rule, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is no YAML.
    #[error("this is not valid YAML: {0}")]
    Yaml(String),
    /// The file or a part of it is longer than is read.
    #[error("{what} is longer than {limit} bytes: split it")]
    TooLong {
        /// The part.
        what: &'static str,
        /// The most bytes it may have.
        limit: usize,
    },
    /// The document is a list or a plain value.
    #[error("a rule is a map of keys: start it with `title:`")]
    NotAMap,
    /// A kind of Sigma document that is not a detection rule.
    #[error(
        "`{0}` documents are not supported: keep detection rules only, each written out in full"
    )]
    NotADetection(&'static str),
    /// A key that no rule has.
    #[error("unknown key `{key}`: use {known}")]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The keys there are.
        known: String,
    },
    /// A key that every rule needs.
    #[error("`{key}` is missing: add {advice}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What to write.
        advice: &'static str,
    },
    /// A key whose value has the wrong shape.
    #[error("`{key}` must be {expected}")]
    WrongShape {
        /// The key.
        key: String,
        /// The shape it must have.
        expected: &'static str,
    },
    /// What the Sigma parser says.
    #[error("this is not a valid Sigma rule: {0}")]
    Sigma(String),
    /// The id is not a UUID.
    #[error("id `{0}` is not a UUID: make one with `uuidgen` and never change it")]
    BadId(String),
    /// Two rules have one id.
    #[error("id `{id}` is taken by the rule `{title}` in {file}: make a new one with `uuidgen`")]
    DuplicateId {
        /// The id.
        id: String,
        /// The first rule's title.
        title: String,
        /// The first rule's file.
        file: String,
    },
    /// A value out of a fixed set.
    #[error("{key} `{value}` is unknown: use {known}")]
    BadChoice {
        /// The key.
        key: &'static str,
        /// The value as written.
        value: String,
        /// The values there are.
        known: &'static str,
    },
    /// A tag that says nothing.
    #[error("tag `{tag}` is invalid: {advice}")]
    BadTag {
        /// The tag as written.
        tag: String,
        /// What a tag of this kind looks like.
        advice: &'static str,
    },
    /// A rule for other logs.
    #[error(
        "the rule is for `{0}` logs, which are not read here: use `category: webserver`, `proxy`, `product: opencanary`, \
         `zeek`, `suricata`, `nginx` or `apache`, or `linux` with `service: sshd`, or leave the rule out"
    )]
    BadLogSource(String),
    /// The `vigil:` map.
    #[error("the `vigil:` map is invalid: {0}")]
    BadExtension(String),
    /// A field that no event has.
    #[error("unknown field `{field}`: use {known}")]
    UnknownField {
        /// The field as written.
        field: String,
        /// The fields there are.
        known: String,
    },
    /// A modifier that Sigma does not have, or that is not supported.
    #[error("modifier `{modifier}` of `{field}` is not supported: use {known}")]
    BadModifier {
        /// The modifier.
        modifier: String,
        /// The field as written.
        field: String,
        /// The modifiers there are.
        known: &'static str,
    },
    /// Modifiers that exclude one another or do not suit the field.
    #[error("the modifiers of `{field}` do not fit: {why}")]
    BadModifiers {
        /// The field with its modifiers.
        field: String,
        /// Why, and what to do.
        why: &'static str,
    },
    /// A value that the field or modifier can not take.
    #[error("`{value}` is no value for `{field}`: {expected}")]
    BadValue {
        /// The field with its modifiers.
        field: String,
        /// The value as written.
        value: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A name in a rule for web logs that these do not have.
    #[error("`{0}` is in no web log: what asks for it never holds")]
    NotInWebLogs(String),
    /// A filter for a rule that is not there.
    #[error(
        "the filter names the rule `{0}`, which is not loaded: correct its id or name, or take the filter away"
    )]
    MissingRule(String),
    /// A placeholder that nothing is configured for.
    #[error(
        "nothing is configured for the placeholder `%{name}%` of `{field}`: list its values under detect.placeholders"
    )]
    UnknownPlaceholder {
        /// The placeholder.
        name: String,
        /// The field with its modifiers.
        field: String,
    },
    /// A regular expression that does not compile.
    #[error("regular expression `{pattern}` of `{field}`: {why}")]
    BadPattern {
        /// The field with its modifiers.
        field: String,
        /// The pattern, cut to a readable length.
        pattern: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// A condition that can not be read.
    #[error("condition `{condition}`: {why}")]
    BadCondition {
        /// The condition as written.
        condition: String,
        /// What is wrong.
        why: String,
    },
    /// A condition that names a selection that is not there.
    #[error("the condition names `{name}`, which no selection is called: use {known}")]
    MissingSelection {
        /// The name or pattern in the condition.
        name: String,
        /// The selections there are.
        known: String,
    },
    /// A correlation's time that can not be read or is out of bounds.
    #[error(
        "timespan `{0}` is invalid: write a whole number and s, m, h or d, from `1s` to `31d`, such as `90m`"
    )]
    BadTimespan(String),
    /// A correlation that names a rule that is not there.
    #[error(
        "no rule is called `{0}`: write the `name` or the `id` of a rule that is loaded, or `family:` with the name of a family"
    )]
    UnknownRule(String),
    /// A correlation that names several rules by one name.
    #[error("several rules are called `{name}` ({files}): write the `id` of the one that is meant")]
    AmbiguousRule {
        /// The name.
        name: String,
        /// Where the rules stand.
        files: String,
    },
    /// Correlations that feed one another.
    #[error("the correlations feed one another ({0}): take one of them out of `rules`")]
    Cycle(String),
    /// Something else that a correlation can not mean.
    #[error("`{key}` of the correlation: {why}")]
    BadCorrelation {
        /// The key.
        key: &'static str,
        /// What is wrong and what to do.
        why: String,
    },
    /// Something that a bucket can not mean.
    #[error("`{key}` of the bucket: {why}")]
    BadBucket {
        /// The key.
        key: &'static str,
        /// What is wrong and what to do.
        why: String,
    },
    /// A scenario of CrowdSec that asks for something that is not there.
    #[error("the scenario cannot be carried over: {0}")]
    BadScenario(String),
    /// All rules together need too large an automaton.
    #[error("the literals of all rules together are too large to compile: load fewer rules ({0})")]
    TooManyLiterals(String),
}
