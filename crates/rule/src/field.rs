//! Which views of which fields a name in a rule stands for.
//!
//! *Input*: a name of the Elastic Common Schema, or one of Sigma's names for web server logs,
//! with `.raw` or `.decoded` behind it to look only at the text as received or only at what
//! decoding made of it. *Output*: a [`Scope`]. *Example*: `url.query.decoded`, `cs-user-agent`.
//! *Limits*: `.decoded` only on fields that are decoded.

use vigil_event::{Field, View};

/// The fields of which decoding makes further views.
const DECODED: [Field; 5] = [
    Field::UrlPath,
    Field::UrlQuery,
    Field::UserAgent,
    Field::Referrer,
    Field::Cookie,
];

/// Sigma's names for the fields of web server logs.
///
/// The names for the query stand for the whole target: published rules write paths under them.
const ALIASES: [(&[&str], &[Field]); 12] = [
    (
        &["c-uri", "cs-uri", "cs-uri-query", "c-uri-query"],
        &[Field::UrlOriginal, Field::UrlPath, Field::UrlQuery],
    ),
    (
        &["cs-uri-stem", "c-uri-path", "c-uri-stem"],
        &[Field::UrlPath],
    ),
    (
        &["cs-user-agent", "c-useragent", "cs(user-agent)"],
        &[Field::UserAgent],
    ),
    (
        &["cs-referer", "cs-referrer", "cs(referer)"],
        &[Field::Referrer],
    ),
    (&["cs-cookie", "cs(cookie)"], &[Field::Cookie]),
    (&["cs-method"], &[Field::Method]),
    (&["sc-status"], &[Field::Status]),
    (&["sc-bytes"], &[Field::BodyBytes]),
    (&["cs-host"], &[Field::UrlDomain]),
    (&["c-ip", "src_ip"], &[Field::SourceIp]),
    (&["cs-username"], &[Field::UserName]),
    (&["cs-version"], &[Field::HttpVersion]),
];

/// A set of views: for each field its raw text, its decoded views, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scope(u32);

/// Where the bits of the decoded views start.
const DECODED_BITS: u32 = 16;
const _: () = assert!(
    Field::COUNT <= DECODED_BITS as usize,
    "a scope has a bit for each field, twice"
);

impl Scope {
    /// What keywords without a field look at: the record and everything that decoding made of it.
    pub(crate) fn keywords() -> Self {
        DECODED
            .into_iter()
            .fold(Self::raw(Field::EventOriginal), |scope, field| {
                scope.with(Self::decoded(field))
            })
    }

    /// The values of labels.
    pub(crate) const fn labels() -> Self {
        Self::raw(Field::Label)
    }

    const fn raw(field: Field) -> Self {
        Self(1 << field as u32)
    }

    const fn decoded(field: Field) -> Self {
        Self(1 << (field as u32 + DECODED_BITS))
    }

    /// The views of both.
    #[must_use]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The one view, as a scope.
    pub(crate) const fn of(view: &View<'_>) -> Self {
        if view.decodings.is_raw() {
            Self::raw(view.field)
        } else {
            Self::decoded(view.field)
        }
    }

    /// The views that are in both.
    #[must_use]
    pub(crate) const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Every view.
    #[cfg(test)]
    pub(crate) const fn everything() -> Self {
        Self(u32::MAX)
    }

    /// Whether the two have a view in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the view is one of these.
    pub(crate) const fn allows(self, view: &View<'_>) -> bool {
        self.meets(Self::of(view))
    }

    /// The fields of these views.
    pub(crate) fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL
            .into_iter()
            .filter(move |field| self.meets(Self::raw(*field).with(Self::decoded(*field))))
    }

    /// The only field of these views, if it is a number.
    pub(crate) fn number(self) -> Option<Field> {
        let mut fields = self.fields();
        let field = fields.next()?;
        let is_number = matches!(field, Field::Status | Field::BodyBytes | Field::DecodeDepth);
        (is_number && fields.next().is_none()).then_some(field)
    }

    /// Whether these are views of the client's address and of nothing else.
    pub(crate) fn is_address(self) -> bool {
        self.fields().eq([Field::SourceIp])
    }
}

/// The views that a name stands for; none if there is no such field.
pub(crate) fn scope(name: &str) -> Option<Scope> {
    if let Some(name) = name.strip_suffix(".raw") {
        return Some(views(&fields(name)?, true, false));
    }
    if let Some(name) = name.strip_suffix(".decoded") {
        let scope = views(&fields(name)?, false, true);
        return (scope != Scope::default()).then_some(scope);
    }
    Some(views(&fields(name)?, true, true))
}

fn views(fields: &[Field], raw: bool, decoded: bool) -> Scope {
    fields.iter().fold(Scope::default(), |mut scope, field| {
        if raw {
            scope = scope.with(Scope::raw(*field));
        }
        if decoded && DECODED.contains(field) {
            scope = scope.with(Scope::decoded(*field));
        }
        scope
    })
}

fn fields(name: &str) -> Option<Vec<Field>> {
    if let Some(field) = Field::from_name(name) {
        return Some(vec![field]);
    }
    ALIASES
        .iter()
        .find(|(names, _)| names.iter().any(|alias| alias.eq_ignore_ascii_case(name)))
        .map(|(_, fields)| fields.to_vec())
}

/// The names there are, for an error.
pub(crate) fn known() -> String {
    let names: Vec<_> = Field::ALL.into_iter().map(Field::name).collect();
    format!(
        "{}; decoded fields also take `.raw` and `.decoded` behind the name",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use vigil_event::Decodings;

    use super::*;

    fn allows(name: &str, field: Field, decodings: Decodings) -> bool {
        scope(name).unwrap().allows(&View {
            field,
            decodings,
            text: b"",
        })
    }

    #[test]
    fn suffixes_restrict_the_views() {
        for (name, raw, decoded) in [
            ("url.query", true, true),
            ("url.query.raw", true, false),
            ("url.query.decoded", false, true),
        ] {
            assert_eq!(
                allows(name, Field::UrlQuery, Decodings::NONE),
                raw,
                "{name}"
            );
            assert_eq!(
                allows(name, Field::UrlQuery, Decodings::PERCENT),
                decoded,
                "{name}"
            );
            assert!(!allows(name, Field::UrlPath, Decodings::NONE), "{name}");
        }
    }

    #[test]
    fn every_name_and_alias_is_known() {
        for field in Field::ALL {
            assert!(scope(field.name()).unwrap().fields().eq([field]));
        }
        assert!(
            scope("CS-User-Agent")
                .unwrap()
                .fields()
                .eq([Field::UserAgent])
        );
        assert!(allows("c-uri", Field::UrlQuery, Decodings::PERCENT));
        for name in [
            "",
            "url",
            "CommandLine",
            "http.request.method.decoded",
            "url.path.raw.raw",
            ".raw",
        ] {
            assert_eq!(scope(name), None, "{name}");
        }
    }

    #[test]
    fn numbers_and_addresses_are_told_apart() {
        assert_eq!(scope("sc-status").unwrap().number(), Some(Field::Status));
        assert_eq!(scope("url.path").unwrap().number(), None);
        assert!(scope("c-ip").unwrap().is_address());
        assert!(!Scope::keywords().is_address());
    }
}
