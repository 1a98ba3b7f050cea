//! SecLang's text: directives and their arguments, variables, actions.
//!
//! Owns: lines and their continuation, quotes, how a list of variables or actions falls into parts.
//! Never holds: what any of it means.

/// A directive as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// Such as `SecRule`.
    pub(super) name: String,
    /// Without their quotes.
    pub(super) arguments: Vec<String>,
    /// Where it starts, counted from 1.
    pub(super) line: u32,
}

/// The directives of a file, in order.
pub(super) fn directives(text: &str) -> Vec<Directive> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((line, first)) = lines.next() {
        let first = first.trim();
        if first.is_empty() || first.starts_with('#') {
            continue;
        }
        let mut whole = String::from(first);
        while whole.ends_with('\\') {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.push_str(next.trim_end());
        }
        let mut arguments = arguments(&whole).into_iter();
        let Some(name) = arguments.next() else {
            continue;
        };
        found.push(Directive {
            name,
            arguments: arguments.collect(),
            line,
        });
    }
    found
}

/// Splits at white space outside quotes. `\"` within double quotes is a quote; other escapes are the
/// business of whoever reads the argument.
fn arguments(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (argument, after) = match first {
            '"' | '\'' => quoted(rest, first),
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (argument, after) = rest.split_at(end);
                (argument.to_owned(), after)
            }
        };
        found.push(argument);
        rest = after.trim_start();
    }
    found
}

/// The text between the quote at the start and the next one that is not escaped, and what follows.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut argument = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, one)) = characters.next() {
        if one == quote {
            let after = text.get(at + one.len_utf8()..).unwrap_or_default();
            return (argument, after);
        }
        if one == '\\' {
            match characters.next() {
                Some((_, next)) if next == quote => argument.push(quote),
                Some((_, next)) => argument.extend(['\\', next]),
                None => argument.push('\\'),
            }
        } else {
            argument.push(one);
        }
    }
    (argument, "")
}

/// One of a rule's variables as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// `!ARGS:x`: not this one.
    pub(super) excluded: bool,
    /// `&ARGS`: how many.
    pub(super) counted: bool,
    /// In upper case.
    pub(super) collection: String,
    /// What stands behind the colon.
    pub(super) selector: Option<Selector>,
}

/// Which members of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selector {
    /// That of this name.
    Name(String),
    /// Those whose name matches.
    Pattern(String),
}

/// The variables between `|`; a `|` within `/…/` parts nothing.
pub(super) fn variables(text: &str) -> Vec<Variable> {
    let mut parts = Vec::new();
    let (mut start, mut in_pattern, mut before) = (0, false, ' ');
    for (at, one) in text.char_indices() {
        match one {
            '/' if !in_pattern => {
                // An XPath is no pattern.
                let so_far = text.get(start..at).unwrap_or_default();
                in_pattern = matches!(before, ':' | '\'') && !so_far.ends_with("XML:");
            }
            '/' if before != '\\' => in_pattern = false,
            '|' if !in_pattern => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
        before = one;
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(variable)
        .collect()
}

pub(super) fn variable(text: &str) -> Variable {
    let (excluded, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (counted, text) = match text.strip_prefix('&') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (collection, selector) = match text.split_once([':', '.']) {
        Some((collection, selector)) => (collection, Some(selector)),
        None => (text, None),
    };
    let collection = collection.trim().to_ascii_uppercase();
    let selector = selector.map(|selector| {
        let selector = selector.trim().trim_matches('\'');
        let pattern = selector
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        match pattern {
            // An XPath also starts with a slash.
            Some(pattern) if collection != "XML" => Selector::Pattern(pattern.replace("\\/", "/")),
            _ => Selector::Name(selector.to_owned()),
        }
    });
    Variable {
        excluded,
        counted,
        collection,
        selector,
    }
}

/// An action as written: `name` or `name:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Action {
    /// In lower case.
    pub(super) name: String,
    /// Without its quotes.
    pub(super) value: String,
}

/// The actions between commas that stand outside single quotes.
pub(super) fn actions(text: &str) -> Vec<Action> {
    let mut parts = vec![String::new()];
    let mut in_quotes = false;
    let mut characters = text.chars();
    while let Some(one) = characters.next() {
        let Some(part) = parts.last_mut() else { break };
        match one {
            '\\' => match characters.next() {
                Some('\'') => part.push('\''),
                Some(next) => part.extend(['\\', next]),
                None => part.push('\\'),
            },
            '\'' => in_quotes = !in_quotes,
            ',' if !in_quotes => parts.push(String::new()),
            _ => part.push(one),
        }
    }
    parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once(':').unwrap_or((part, ""));
            Action {
                name: name.trim().to_ascii_lowercase(),
                value: value.trim().to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may fail by a panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directives_go_on_over_lines() {
        let text = "# SecRule A \\\n\nSecRule ARGS|!ARGS:x \"@rx a\\\"b\\x5c\" \\\n  \"id:1,\\\n  msg:'it, is'\"\nSecMarker END\n";
        let found = directives(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].line), ("SecRule", 3));
        assert_eq!(found[0].arguments[1], "@rx a\"b\\x5c");
        let actions = actions(&found[0].arguments[2]);
        assert_eq!(
            (actions[1].name.as_str(), actions[1].value.as_str()),
            ("msg", "it, is")
        );
        assert_eq!(found[1].arguments, ["END"]);
    }

    #[test]
    fn variables_have_selectors() {
        let found = variables(
            "ARGS:/a|b/|!REQUEST_COOKIES:/__utm/|&TX:x|XML:/*|XML://@*|REQUEST_HEADERS:'/^X-/'|TX.0",
        );
        let shown: Vec<_> = found
            .iter()
            .map(|one| {
                (
                    one.excluded,
                    one.counted,
                    one.collection.as_str(),
                    one.selector.clone(),
                )
            })
            .collect();
        let name = |text: &str| Some(Selector::Name(text.into()));
        let pattern = |text: &str| Some(Selector::Pattern(text.into()));
        assert_eq!(
            shown,
            [
                (false, false, "ARGS", pattern("a|b")),
                (true, false, "REQUEST_COOKIES", pattern("__utm")),
                (false, true, "TX", name("x")),
                (false, false, "XML", name("/*")),
                (false, false, "XML", name("//@*")),
                (false, false, "REQUEST_HEADERS", pattern("^X-")),
                (false, false, "TX", name("0")),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[ -~\n\\\\\"'|:/,]{0,200}") {
            for directive in directives(&text) {
                for argument in &directive.arguments {
                    variables(argument);
                    actions(argument);
                }
            }
        }
    }
}
