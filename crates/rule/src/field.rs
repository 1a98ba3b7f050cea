//! Which views of which fields a name in a rule stands for.
//!
//! *Input*: a name of the Elastic Common Schema, or one of Sigma's names for web server logs,
//! with `.raw` or `.decoded` behind it to look only at the text as received or only at what
//! decoding made of it, or with one kind of view: `.path`, `.sql`, `.shell`, `.script`, `.base64`.
//! *Output*: a [`Scope`]. *Example*: `url.query.decoded`, `cs-user-agent`. *Limits*: kinds of views
//! only on fields that are decoded.

use vigil_event::{Field, View, ViewKind};

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

/// A set of views: for each field its raw text, and for the decoded fields each kind of view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scope(u64);

/// The bits of each kind of derived view, behind those of the raw texts.
const KIND_BITS: u32 = Field::DECODED.len() as u32;
const _: () = assert!(
    Field::COUNT as u32 + KIND_BITS * ViewKind::DERIVED.len() as u32 <= u64::BITS,
    "a scope has a bit for each field and for each kind of view of the decoded ones"
);

impl Scope {
    /// What keywords without a field look at: the record and everything that decoding made of it.
    pub(crate) fn keywords() -> Self {
        Field::DECODED
            .into_iter()
            .fold(Self::raw(Field::EventOriginal), |scope, field| {
                scope.with(Self::derived(field))
            })
    }

    /// The values of labels.
    pub(crate) const fn labels() -> Self {
        Self::raw(Field::Label)
    }

    const fn raw(field: Field) -> Self {
        Self(1 << field as u32)
    }

    /// One kind of view of a field; nothing where the field has none of that kind.
    const fn kind(field: Field, kind: ViewKind) -> Self {
        let place = match field {
            _ if matches!(kind, ViewKind::Raw) => return Self::raw(field),
            Field::UrlPath => 0,
            Field::UrlQuery => 1,
            Field::UserAgent => 2,
            Field::Referrer => 3,
            Field::Cookie => 4,
            // The parameters' views are parts of the query's, decoded or not: one bit is enough.
            Field::ParameterName | Field::ParameterValue => return Self::raw(field),
            _ => return Self(0),
        };
        Self(1 << (Field::COUNT as u32 + (kind as u32 - 1) * KIND_BITS + place))
    }

    /// Every view of a field that decoding made.
    fn derived(field: Field) -> Self {
        if !Field::DECODED.contains(&field) {
            return Self::default();
        }
        ViewKind::DERIVED
            .into_iter()
            .fold(Self::default(), |scope, kind| {
                scope.with(Self::kind(field, kind))
            })
    }

    /// Every view of a field.
    pub(crate) fn every(field: Field) -> Self {
        Self::raw(field).with(Self::derived(field))
    }

    /// The views of both.
    #[must_use]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The one view, as a scope.
    pub(crate) const fn of(view: &View<'_>) -> Self {
        Self::kind(view.field, view.decodings.kind())
    }

    /// The one view, and the views that are parts of it: what is seen in a parameter is seen in the
    /// query that it stands in.
    pub(crate) const fn scanned(view: &View<'_>) -> Self {
        let one = Self::of(view);
        match view.field {
            Field::UrlQuery => one.with(Self::parameters()),
            _ => one,
        }
    }

    /// What is known of those that an event is about from other events.
    pub(crate) fn history() -> Self {
        Field::FIRST_SEEN
            .into_iter()
            .fold(Self::raw(Field::AddressTries), |scope, field| {
                scope.with(Self::raw(field))
            })
    }

    /// The names and values of parameters.
    pub(crate) const fn parameters() -> Self {
        Self::raw(Field::ParameterName).with(Self::raw(Field::ParameterValue))
    }

    /// Whether these are views of parameters, among others.
    pub(crate) const fn has_parameters(self) -> bool {
        self.meets(Self::parameters())
    }

    /// The views that are in both.
    #[must_use]
    pub(crate) const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of it that are not in the other.
    #[must_use]
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The set as a number.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Every view.
    #[cfg(test)]
    pub(crate) const fn everything() -> Self {
        Self(u64::MAX)
    }

    /// Whether the two have a view in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The fields of these views.
    pub(crate) fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL
            .into_iter()
            .filter(move |field| self.meets(Self::every(*field)))
    }

    /// The fields of these views that are numbers.
    pub(crate) fn numbers(self) -> impl Iterator<Item = Field> {
        let numbers = [
            Field::Status,
            Field::BodyBytes,
            Field::DecodeDepth,
            Field::AddressTries,
        ];
        let is_in = move |field: &Field| self.meets(Self::raw(*field));
        numbers.into_iter().chain(Field::FIRST_SEEN).filter(is_in)
    }

    /// The only field of these views, if it is a number.
    pub(crate) fn number(self) -> Option<Field> {
        self.numbers().find(|field| self == Self::raw(*field))
    }

    /// The only field of these views, if it is a text that comes as it was received and no other way.
    pub(crate) fn text(self) -> Option<Field> {
        let mut fields = self.fields();
        let field = fields.next().filter(|_| fields.next().is_none())?;
        let is_other = Field::DECODED.contains(&field)
            || self.meets(Self::parameters().with(Self::labels()))
            || self.is_address()
            || self.numbers().next().is_some();
        (!is_other).then_some(field)
    }

    /// Whether these are views of the client's address and of nothing else.
    pub(crate) fn is_address(self) -> bool {
        self.fields().eq([Field::SourceIp])
    }
}

/// The views that a name stands for; none if there is no such field or it has no such views.
pub(crate) fn scope(name: &str) -> Option<Scope> {
    let of = |name: &str, views: &dyn Fn(Field) -> Scope| {
        let scope = fields(name)?
            .into_iter()
            .fold(Scope::default(), |scope, field| scope.with(views(field)));
        (scope != Scope::default()).then_some(scope)
    };
    if let Some((name, suffix)) = name.rsplit_once('.') {
        if suffix == "raw" {
            return of(name, &Scope::raw);
        }
        if suffix == ViewKind::Decoded.name() {
            return of(name, &Scope::derived);
        }
        let kind = ViewKind::DERIVED
            .into_iter()
            .find(|kind| kind.name() == suffix);
        if let Some(kind) = kind
            && fields(name).is_some()
        {
            return of(name, &|field| match field {
                Field::ParameterName | Field::ParameterValue => Scope::default(),
                field => Scope::kind(field, kind),
            });
        }
    }
    of(name, &Scope::every)
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

/// The field that a name stands for, where it stands for one of which an event has one value.
pub(crate) fn single(name: &str) -> Option<Field> {
    let fields = fields(name)?;
    let single = fields.len() == 1;
    fields
        .into_iter()
        .find(|field| single && !matches!(field, Field::ParameterName | Field::ParameterValue))
}

/// The names there are, for an error.
pub(crate) fn known() -> String {
    let names: Vec<_> = Field::ALL.into_iter().map(Field::name).collect();
    let kinds: Vec<_> = ViewKind::DERIVED.into_iter().map(ViewKind::name).collect();
    format!(
        "{}; decoded fields also take .raw, .{} behind the name",
        names.join(", "),
        kinds.join(", .")
    )
}

#[cfg(test)]
mod tests {
    use vigil_event::Decodings;

    use super::*;

    fn allows(name: &str, field: Field, decodings: Decodings) -> bool {
        scope(name).unwrap().meets(Scope::of(&View {
            field,
            decodings,
            text: b"",
        }))
    }

    #[test]
    fn suffixes_restrict_the_views() {
        for (name, raw, decoded) in [
            ("url.query", true, true),
            ("url.query.raw", true, false),
            ("url.query.decoded", false, true),
            ("url.query.sql", false, false),
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
    fn one_kind_of_view_has_a_name() {
        let folded = Decodings::PERCENT.with(Decodings::SQL);
        for (name, expected) in [
            ("url.query.sql", true),
            ("url.query.decoded", true),
            ("url.query", true),
            ("url.query.shell", false),
            ("url.path.sql", false),
        ] {
            assert_eq!(allows(name, Field::UrlQuery, folded), expected, "{name}");
        }
    }

    #[test]
    fn what_is_seen_in_a_query_is_seen_in_its_parameters() {
        let query = View {
            field: Field::UrlQuery,
            decodings: Decodings::PERCENT,
            text: b"",
        };
        let value = scope("url.parameter.value").unwrap();
        assert!(value.meets(Scope::scanned(&query)) && !value.meets(Scope::of(&query)));
        assert!(value.has_parameters() && !scope("url.query").unwrap().has_parameters());
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
            "url.parameter.value.sql",
            "url.domain.sql",
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
