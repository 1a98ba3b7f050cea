//! Where in a document a key or a value stands.
//!
//! The YAML tree keeps no positions, so the text is searched again for the keys that lead to the
//! place. That may miss (a key in an odd notation) but never invents a line outside the rule.

/// The text of one document within its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// The document's text.
    pub(crate) text: &'a str,
    /// The line of the file that the document starts at, counted from 1.
    pub(crate) first_line: u32,
}

impl<'a> Source<'a> {
    /// The documents of a file: YAML separates them by lines of `---`, wherever these stand.
    pub(crate) fn documents(file: &'a str) -> Vec<Self> {
        let mut documents = Vec::new();
        let (mut start, mut offset, mut first_line) = (0, 0, 1);
        for (place, line) in file.split_inclusive('\n').enumerate() {
            let marks = line
                .strip_prefix("---")
                .is_some_and(|rest| rest.trim().is_empty() || rest.starts_with(' '));
            if marks && offset > start {
                documents.push(Self {
                    text: file.get(start..offset).unwrap_or_default(),
                    first_line,
                });
                start = offset;
                first_line = place as u32 + 1;
            }
            offset += line.len();
        }
        documents.push(Self {
            text: file.get(start..).unwrap_or_default(),
            first_line,
        });
        documents
    }

    /// The file's line of a place given by the keys that lead to it, the last of which may also be
    /// a value. The line of as many of them as are found; none if not even the first is.
    pub(crate) fn line_of(&self, path: &[&str]) -> Option<u32> {
        let mut found = None;
        for (depth, name) in path.iter().enumerate() {
            let from = found.map_or(0, |line| line);
            let by_key = self.lines_from(from).find(|(place, line)| {
                (depth == 0 || Some(*place) != found) && is_key(line, name, depth == 0)
            });
            let by_text = || {
                self.lines_from(from)
                    .find(|(_, line)| depth > 0 && !name.is_empty() && line.contains(name))
            };
            match by_key.or_else(by_text) {
                Some((place, _)) => found = Some(place),
                None => break,
            }
        }
        found.map(|place| self.first_line.saturating_add(place as u32))
    }

    fn lines_from(&self, from: usize) -> impl Iterator<Item = (usize, &'a str)> {
        self.text.lines().enumerate().skip(from)
    }
}

/// Whether the line starts with the key; a top-level key starts in the first column.
fn is_key(line: &str, name: &str, top_level: bool) -> bool {
    let start = if top_level {
        line
    } else {
        line.trim_start_matches([' ', '-'])
    };
    let unquoted = start.strip_prefix(['"', '\'']).unwrap_or(start);
    unquoted.strip_prefix(name).is_some_and(|rest| {
        rest.strip_prefix(['"', '\''])
            .unwrap_or(rest)
            .trim_start()
            .starts_with(':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# stock\ntitle: A\ndetection:\n  one:\n    url.path: x\n  two:\n    - url.path: y\n      'user_agent.original|re':\n        - 'a('\n  condition: one\n";

    #[test]
    fn a_path_of_keys_leads_to_a_line() {
        let source = Source {
            text: TEXT,
            first_line: 11,
        };
        for (path, line) in [
            (&["title"][..], Some(12)),
            (&["detection", "one", "url.path"], Some(15)),
            (&["detection", "two", "url.path"], Some(17)),
            (
                &["detection", "two", "user_agent.original|re", "a("],
                Some(19),
            ),
            (&["detection", "condition"], Some(20)),
            (&["detection", "three"], Some(13)),
            (&["level"], None),
        ] {
            assert_eq!(source.line_of(path), line, "{path:?}");
        }
    }

    #[test]
    fn documents_are_cut_at_their_marks() {
        let documents = Source::documents("---\na: 1\n--- \nb: |\n  ---x\n  --- y\n---\n");
        let starts: Vec<_> = documents
            .iter()
            .map(|document| (document.first_line, document.text))
            .collect();
        assert_eq!(
            starts,
            [
                (1, "---\na: 1\n"),
                (3, "--- \nb: |\n  ---x\n  --- y\n"),
                (7, "---\n")
            ]
        );
    }
}
