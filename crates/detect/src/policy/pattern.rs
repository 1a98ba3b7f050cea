//! Patterns for paths and hosts that people write: plain text in which `*` stands for any text.

use vigil_event::{Event, Field};

/// A path, or with `*` in it many paths: `/health`, `/static/*`, `/*/feed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(String);

impl PathPattern {
    /// The pattern of that text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers the event's path, as received and in every decoded view: who lets
    /// `/static/*` pass must not let `/static/../admin` pass with it.
    pub fn covers(&self, event: &Event) -> bool {
        let mut views = event.views_of(Field::UrlPath).peekable();
        views.peek().is_some() && views.all(|view| matches(self.0.as_bytes(), view.text))
    }
}

/// A host, or with `*.` before it every host below it. The case of letters and the port do not
/// matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(String);

impl HostPattern {
    /// The pattern of that text.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers the host that the event asked for.
    pub fn covers(&self, event: &Event) -> bool {
        event.raw(Field::UrlDomain).is_some_and(|host| {
            let host = without_port(host).to_ascii_lowercase();
            match self.0.strip_prefix('*') {
                Some(below) => host.len() > below.len() && host.ends_with(below.as_bytes()),
                None => host == self.0.as_bytes(),
            }
        })
    }
}

fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|byte| *byte == b':') {
        // Within an IPv6 address colons stand before the closing bracket.
        Some(colon) if !host.ends_with(b"]") => host.get(..colon).unwrap_or(host),
        _ => host,
    }
}

/// Whether a text is as the pattern says. Takes time in proportion to the text, times the pattern at
/// worst: after a mismatch only the last `*` is tried again.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    // Where to go on when the last star has to stand for one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(place) {
            Some(b'*') => {
                place += 1;
                retry = Some((place, at));
            }
            Some(byte) if text.get(at) == Some(byte) => {
                place += 1;
                at += 1;
            }
            _ => {
                let Some((after_star, start)) = retry else {
                    return false;
                };
                place = after_star;
                at = start + 1;
                retry = Some((after_star, at));
            }
        }
    }
    pattern
        .get(place..)
        .is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vigil_event::Decodings;

    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, wanted) in [
            ("/health", "/health", true),
            ("/health", "/health/", false),
            ("/health", "/Health", false),
            ("/static/*", "/static/", true),
            ("/static/*", "/static/a/b.css", true),
            ("/static/*", "/static", false),
            ("/*/feed", "/blog/news/feed", true),
            ("/*/feed", "/blog/feed2", false),
            ("*.php", "/a.php.php", true),
            ("*", "", true),
            ("", "", true),
            ("", "/", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                wanted,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_path_must_be_covered_in_every_view() {
        let mut event = Event::new();
        let pattern = PathPattern::new("/static/*");
        assert!(
            !pattern.covers(&event),
            "what has no path is not let pass by one"
        );
        event.set(Field::UrlPath, b"/static/../admin");
        assert!(pattern.covers(&event));
        event.add_view(Field::UrlPath, Decodings::PATH, b"/admin");
        assert!(!pattern.covers(&event));
    }

    #[test]
    fn hosts_are_compared_without_case_and_port() {
        for (pattern, host, wanted) in [
            ("example.org", "EXAMPLE.org:8443", true),
            ("example.org", "www.example.org", false),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "example.org", false),
            ("[2001:db8::1]", "[2001:db8::1]:443", true),
            ("[2001:db8::1]", "[2001:db8::1]", true),
        ] {
            let mut event = Event::new();
            event.set(Field::UrlDomain, host.as_bytes());
            assert_eq!(
                HostPattern::new(pattern).covers(&event),
                wanted,
                "{pattern} {host}"
            );
        }
    }

    /// The same by definition: a star takes every possible length.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| by_definition(rest, &text[skip..])),
            Some((byte, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| first == byte && by_definition(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn it_matches_as_defined(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(pattern, text), by_definition(pattern, text));
        }
    }
}
