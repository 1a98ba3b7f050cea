//! Texts with macros: `%{tx.name}`, `%{MATCHED_VAR}`.

use super::syntax::{self, Selector, Variable};

/// A text that is put together for each event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<Part>);

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// As written.
    Plain(Vec<u8>),
    /// What this variable is then.
    Macro(Variable),
}

impl Text {
    /// Reads a text as written.
    pub(super) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            if !before.is_empty() {
                parts.push(Part::Plain(before.as_bytes().to_vec()));
            }
            let mut variable = syntax::variable(name);
            // What rules set is known by names in lower case.
            if let (true, Some(Selector::Name(name))) =
                (variable.collection == "TX", &mut variable.selector)
            {
                name.make_ascii_lowercase();
            }
            parts.push(Part::Macro(variable));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Plain(rest.as_bytes().to_vec()));
        }
        Self(parts)
    }

    /// The text, if it has no macros.
    pub(super) fn plain(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [] => Some(b""),
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with each macro replaced by what `append` appends for it.
    pub(super) fn with(&self, mut append: impl FnMut(&Variable, &mut Vec<u8>)) -> Vec<u8> {
        let mut whole = Vec::new();
        for part in &self.0 {
            match part {
                Part::Plain(text) => whole.extend_from_slice(text),
                Part::Macro(variable) => append(variable, &mut whole),
            }
        }
        whole
    }

    /// The text with the macros replaced that `value` knows.
    pub(super) fn resolved(&self, mut value: impl FnMut(&Variable) -> Option<Vec<u8>>) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for part in &self.0 {
            let part = match part {
                Part::Macro(variable) => value(variable).map_or_else(|| part.clone(), Part::Plain),
                Part::Plain(_) => part.clone(),
            };
            match (parts.last_mut(), part) {
                (Some(Part::Plain(before)), Part::Plain(text)) => before.extend(text),
                (_, part) => parts.push(part),
            }
        }
        Self(parts)
    }

    /// The variables that it names.
    pub(super) fn macros(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|part| match part {
            Part::Macro(variable) => Some(variable),
            Part::Plain(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_filled_in() {
        let text = Text::new("a%{tx.b}c%{MATCHED_VAR}%{x");
        assert_eq!(text.macros().count(), 2);
        let known = |variable: &Variable| (variable.collection == "TX").then(|| b"1".to_vec());
        let resolved = text.resolved(known);
        assert_eq!(resolved.0.len(), 3);
        assert_eq!(resolved.with(|_, to| to.push(b'2')), b"a1c2%{x");
        assert_eq!(Text::new("abc").plain(), Some(&b"abc"[..]));
        assert_eq!(Text::new("").plain(), Some(&b""[..]));
    }
}
