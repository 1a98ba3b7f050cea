//! What of the rules is of use: a rule that is not told of, sets nothing that is read and skips nothing
//! is left out, and so are the variables that nothing reads.
//!
//! Owns: which variables are read, and whether by others than who sets them. Never holds: what rules mean.

use super::collection::Collection;
use super::describe::may_be_told;
use super::draft::{Change, Draft, names_of};
use super::plan::Variables;
use super::program::{Compiled, Deed, Link};
use super::read::{Pick, Read};
use super::syntax::{Selector, Variable};
use super::text::{Part, Text};
use super::transform::Transform;

/// What is left of a plan, compiled.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Rule(Compiled, &'a Draft),
    Marker(&'a str),
}

/// Leaves out what is of no use, until all that is left is.
pub(super) fn prune(items: &mut Vec<Item<'_>>, variables: &Variables) {
    loop {
        let wanted = Wanted::of(items.iter().filter_map(Item::draft));
        for item in items.iter_mut() {
            if let Item::Rule(rule, _) = item {
                for link in &mut rule.links {
                    link.deeds.retain(|deed| match deed {
                        Deed::Set { name, .. } => wanted.reads(name),
                        _ => true,
                    });
                    link.capture &= wanted.reads_groups();
                }
            }
        }
        let of_use = |at: usize, item: &Item<'_>| match item {
            Item::Marker(_) => true,
            Item::Rule(rule, draft) => {
                may_be_told(draft, variables)
                    || rule.links.iter().any(Link::does_something)
                    || skips(draft, items.get(at + 1..).unwrap_or_default())
            }
        };
        let kept: Vec<bool> = (0..)
            .zip(items.iter())
            .map(|(at, item)| of_use(at, item))
            .collect();
        if kept.iter().all(|is_kept| *is_kept) {
            break;
        }
        let mut kept = kept.into_iter();
        items.retain(|_| kept.next().unwrap_or(true));
    }
    let by_value: Vec<bool> = (0..items.len()).map(|at| is_by_value(items, at)).collect();
    for (item, by_value) in items.iter_mut().zip(by_value) {
        if let Item::Rule(rule, _) = item {
            rule.by_value = by_value;
        }
    }
}

impl<'a> Item<'a> {
    fn draft(&self) -> Option<&'a Draft> {
        match self {
            Item::Rule(_, draft) => Some(draft),
            Item::Marker(_) => None,
        }
    }
}

/// Whether the first link of a rule sets a variable of its own for each text it matches, and the second
/// looks at these alone: then each value by itself decides whether the rule matches. Other rules may
/// still take these variables by a pattern.
fn is_by_value(items: &[Item<'_>], at: usize) -> bool {
    let Some(Item::Rule(rule, _)) = items.get(at) else {
        return false;
    };
    let [first, second] = rule.links.as_slice() else {
        return false;
    };
    let (
        [
            Deed::Set {
                name,
                change: Change::To(text),
            },
        ],
        [read],
    ) = (first.deeds.as_slice(), second.reads.as_slice())
    else {
        return false;
    };
    let [Part::Plain(start), Part::Macro(group)] = name.0.as_slice() else {
        return false;
    };
    let is_own = |read: &Read| match &read.pick {
        Pick::Pattern(pattern) => {
            pattern.as_str().strip_prefix('^').map(str::as_bytes) == Some(start)
        }
        _ => false,
    };
    let meets = |other: &[u8]| meet(start, other);
    let is_private = |item: &Item<'_>| {
        let Item::Rule(other, draft) = item else {
            return true;
        };
        let wanted = Wanted::of(std::iter::once(*draft));
        let mut set = other.links.iter().flat_map(|link| &link.deeds);
        let sets_it = set.any(|deed| match deed {
            Deed::Set { name, .. } => match name.0.first() {
                Some(Part::Plain(other)) => meets(other),
                _ => true,
            },
            _ => false,
        });
        !sets_it && !wanted.names.iter().any(|name| meets(name)) && reads_own_match(draft)
    };
    let others = (0..).zip(items).filter(|(place, _)| *place != at);
    // Names are in lower case: what sets the same one has to be the same.
    let is_lower = |chain: &Vec<Transform>| chain.last() == Some(&Transform::Lowercase);
    first.capture
        && !first.negated
        && !first.operator.has_groups()
        && first.chains.iter().all(is_lower)
        && first.reads.iter().all(|read| read.collection.is_of_names())
        && start
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && names_of(group) == Some("0")
        && text.macros().all(|one| one == group)
        && second
            .operator
            .text()
            .is_none_or(|text| text.plain().is_some())
        && read.collection == Collection::Tx
        && !read.counted
        && read.except.is_empty()
        && is_own(read)
        && others.map(|(_, item)| item).all(is_private)
}

/// Whether a rule knows of no other match's text than its own.
fn reads_own_match(draft: &Draft) -> bool {
    for link in &draft.links {
        if Wanted::of_variables(link.asked()).takes(b"0") {
            return false;
        }
        if link.capture && !link.negated {
            return true;
        }
        if Wanted::of_variables(link.filled_in()).takes(b"0") {
            return false;
        }
    }
    true
}

/// Whether one is the start of the other.
fn meet(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Whether a pattern may take a name that starts so.
fn may_take(pattern: &str, start: &[u8]) -> bool {
    let Some(rest) = pattern.strip_prefix('^').filter(|rest| !rest.contains('|')) else {
        return true;
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let len = rest.bytes().take_while(is_plain).count();
    // What is repeated may be left out.
    let is_repeated = rest
        .as_bytes()
        .get(len)
        .is_some_and(|next| b"?*{".contains(next));
    let literal = rest.get(..len.saturating_sub(is_repeated.into()));
    meet(literal.unwrap_or_default().as_bytes(), start)
}

/// Whether a match skips a rule of those behind.
fn skips(draft: &Draft, behind: &[Item<'_>]) -> bool {
    let Some(to) = &draft.skip_after else {
        return false;
    };
    let skipped = behind
        .iter()
        .take_while(|item| !matches!(item, Item::Marker(name) if name == to));
    skipped
        .into_iter()
        .any(|item| matches!(item, Item::Rule(..)))
}

/// The variables that some rule reads: others need not be set.
struct Wanted {
    names: Vec<Vec<u8>>,
    patterns: Vec<String>,
}

impl Wanted {
    fn of<'a>(drafts: impl Iterator<Item = &'a Draft>) -> Self {
        let links = drafts.flat_map(|draft| &draft.links);
        Self::of_variables(links.flat_map(|link| link.asked().chain(link.filled_in())))
    }

    fn of_variables<'a>(variables: impl Iterator<Item = &'a Variable>) -> Self {
        let mut wanted = Self {
            names: Vec::new(),
            patterns: Vec::new(),
        };
        for variable in variables.filter(|variable| variable.collection == "TX") {
            match &variable.selector {
                Some(Selector::Name(name)) => {
                    wanted.names.push(name.to_ascii_lowercase().into_bytes());
                }
                Some(Selector::Pattern(pattern)) => {
                    wanted.patterns.push(pattern.to_ascii_lowercase());
                }
                None => wanted.patterns.push(String::new()),
            }
        }
        wanted
    }

    /// Whether a variable of this name may be read.
    fn takes(&self, name: &[u8]) -> bool {
        let by_pattern = |pattern: &String| {
            Pick::new(Some(&Selector::Pattern(pattern.clone())))
                .map_or(true, |pick| pick.takes(name))
        };
        self.names.iter().any(|own| own == name) || self.patterns.iter().any(by_pattern)
    }

    fn reads(&self, name: &Text) -> bool {
        if let Some(name) = name.plain() {
            return self.takes(name);
        }
        let Some(Part::Plain(start)) = name.0.first() else {
            return true;
        };
        let mut patterns = self.patterns.iter();
        self.names.iter().any(|own| own.starts_with(start))
            || patterns.any(|pattern| may_take(pattern, start))
    }

    /// Whether the groups of a match are read.
    fn reads_groups(&self) -> bool {
        (b'0'..=b'9').any(|digit| self.takes(&[digit]))
    }
}

#[cfg(test)]
mod tests {
    use crate::seclang::{SecFile, SecFiles, SecRules};

    /// Of the rules that are left whether each value decides by itself.
    fn left(text: &str) -> Vec<bool> {
        let rule =
            "SecRule ARGS \"@rx z\" \"id:99,phase:2,block,msg:'z',setvar:tx.anomaly_score=+5\"";
        let file = SecFile {
            name: "a.conf".to_owned(),
            text: format!("{text}\n{rule}"),
        };
        let files = SecFiles {
            rules: vec![file],
            data: Vec::new(),
        };
        let rules = SecRules::load(&files, None).unwrap();
        let mut left: Vec<bool> = rules.program.rules.iter().map(|one| one.by_value).collect();
        assert_eq!(left.pop(), Some(false));
        left
    }

    #[test]
    fn what_is_of_no_use_is_left_out() {
        for (text, count) in [
            (
                "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,nolog,setvar:tx.a=1\"",
                0,
            ),
            (
                "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,nolog,skipAfter:A\"\nSecMarker A",
                0,
            ),
            (
                "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,nolog,skipAfter:A\"",
                1,
            ),
            (
                "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,nolog,setvar:tx.a=1\"\n\
                 SecRule TX:a \"@eq 1\" \"id:2,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5\"",
                2,
            ),
            (
                "SecRule ARGS \"@rx a\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5\"",
                1,
            ),
        ] {
            assert_eq!(left(text).len(), count, "{text}");
        }
    }

    #[test]
    fn values_decide_by_themselves_where_nothing_else_knows_of_them() {
        let chain = |set: &str, read: &str| {
            format!(
                "SecRule ARGS_NAMES \"@rx ^.*$\" \"id:1,phase:2,block,capture,t:lowercase,msg:'a',{set},chain\"\n\
                 SecRule {read} \"@within a b\" \"setvar:tx.anomaly_score=+5\""
            )
        };
        let own = "setvar:'tx.n_%{tx.0}=%{tx.0}'";
        let others = "\nSecRule ARGS \"@rx a\" \"id:2,phase:2,block,capture,msg:'b',setvar:'tx.n_x=1',setvar:tx.anomaly_score=+5\"";
        assert_eq!(left(&chain(own, "TX:/^n_/")), [true]);
        for text in [
            chain("setvar:'tx.n_=%{tx.0}'", "TX:/^n_/"),
            chain("setvar:'tx.n_%{tx.1}=%{tx.0}'", "TX:/^n_/"),
            chain(own, "TX:/n_/"),
            chain(own, "&TX:/^n_/"),
            chain(own, "TX:/^n_/|ARGS"),
            chain(own, "TX:/^n_/") + others,
        ] {
            assert!(!left(&text).first().unwrap_or(&false), "{text}");
        }
    }
}
