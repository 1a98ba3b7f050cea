//! What was undone to get from a text as received to a view of it, and which views there can be.

/// Which decodings led from the raw text to a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decodings(u16);

impl Decodings {
    /// The text as received.
    pub const NONE: Self = Self(0);
    /// `%41`
    pub const PERCENT: Self = Self(1);
    /// Percent-encoding undone more than once.
    pub const REPEATED: Self = Self(1 << 1);
    /// `+` for a space.
    pub const PLUS: Self = Self(1 << 2);
    /// `&lt;`, `&#60;`
    pub const HTML: Self = Self(1 << 3);
    /// `%u0041`, `\u0041`, `\x41`
    pub const UNICODE: Self = Self(1 << 4);
    /// Fullwidth and other compatibility forms of ASCII characters.
    pub const FULLWIDTH: Self = Self(1 << 5);
    /// UTF-8 longer than it need be: `0xC0 0xAF` for `/`.
    pub const OVERLONG: Self = Self(1 << 6);
    /// `..`, `.`, `//`, `\` and `;parameter` resolved.
    pub const PATH: Self = Self(1 << 7);
    /// Comments and blanks folded as SQL reads them.
    pub const SQL: Self = Self(1 << 8);
    /// Quotes, escapes and variables undone as a shell reads them.
    pub const SHELL: Self = Self(1 << 9);
    /// Escapes, joins and blanks undone as scripts and style sheets read them.
    pub const SCRIPT: Self = Self(1 << 10);
    /// Words that are text in base64.
    pub const BASE64: Self = Self(1 << 11);
    /// Words that are text in hexadecimal.
    pub const HEX: Self = Self(1 << 12);
    /// What a request's body says, read as what it says it is.
    pub const BODY: Self = Self(1 << 13);
    /// What a request's headers say.
    pub const HEADER: Self = Self(1 << 14);
    /// Characters without width that stood within words.
    pub const INVISIBLE: Self = Self(1 << 15);

    const NAMES: [(Self, &'static str); 16] = [
        (Self::PERCENT, "percent"),
        (Self::REPEATED, "repeated-percent"),
        (Self::PLUS, "plus"),
        (Self::HTML, "html-entity"),
        (Self::UNICODE, "unicode-escape"),
        (Self::FULLWIDTH, "fullwidth"),
        (Self::OVERLONG, "overlong-utf8"),
        (Self::INVISIBLE, "invisible"),
        (Self::PATH, "path"),
        (Self::SQL, "sql"),
        (Self::SHELL, "shell"),
        (Self::SCRIPT, "script"),
        (Self::BASE64, "base64"),
        (Self::HEX, "hex"),
        (Self::BODY, "body"),
        (Self::HEADER, "header"),
    ];

    /// These and the others.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of the others are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Which view of a value they lead to.
    pub const fn kind(self) -> ViewKind {
        if self.is_raw() {
            ViewKind::Raw
        } else if self.0 & (Self::BASE64.0 | Self::HEX.0) != 0 {
            ViewKind::Peeled
        } else if self.contains(Self::SCRIPT) {
            ViewKind::Script
        } else if self.contains(Self::SHELL) {
            ViewKind::Shell
        } else if self.contains(Self::SQL) {
            ViewKind::Sql
        } else if self.contains(Self::PATH) {
            ViewKind::Path
        } else {
            ViewKind::Decoded
        }
    }

    /// The set as a number.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether this is the text as received.
    pub const fn is_raw(self) -> bool {
        self.0 == 0
    }

    /// The names, for people.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(one, _)| self.contains(*one))
            .map(|(_, name)| name)
    }
}

/// The views that there can be of one value, each built at most once and only where it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ViewKind {
    /// The text as received.
    Raw,
    /// Every encoding undone.
    Decoded,
    /// Decoded, and paths resolved.
    Path,
    /// Decoded, and folded as SQL reads it.
    Sql,
    /// Decoded, and folded as a shell reads it.
    Shell,
    /// Decoded, and folded as scripts and style sheets read it.
    Script,
    /// What the words of the decoded text stand for in base64 or hexadecimal.
    Peeled,
}

impl ViewKind {
    /// Every kind but the raw one, in the order of its discriminant.
    pub const DERIVED: [Self; 6] = [
        Self::Decoded,
        Self::Path,
        Self::Sql,
        Self::Shell,
        Self::Script,
        Self::Peeled,
    ];

    /// The name behind a field's name in rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Decoded => "decoded",
            Self::Path => "path",
            Self::Sql => "sql",
            Self::Shell => "shell",
            Self::Script => "script",
            Self::Peeled => "base64",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodings_lead_to_one_kind_of_view() {
        let percent = Decodings::PERCENT;
        for (decodings, kind) in [
            (Decodings::NONE, ViewKind::Raw),
            (percent, ViewKind::Decoded),
            (percent.with(Decodings::PATH), ViewKind::Path),
            (Decodings::SQL, ViewKind::Sql),
            (percent.with(Decodings::SHELL), ViewKind::Shell),
            (Decodings::SCRIPT, ViewKind::Script),
            (percent.with(Decodings::HEX), ViewKind::Peeled),
        ] {
            assert_eq!(decodings.kind(), kind);
        }
    }

    #[test]
    fn decodings_have_names() {
        let both = Decodings::PERCENT.with(Decodings::HTML);
        assert_eq!(both.names().collect::<Vec<_>>(), ["percent", "html-entity"]);
        assert!(Decodings::NONE.is_raw());
    }
}
