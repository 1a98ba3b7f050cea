//! The fields of an event, by the names of the Elastic Common Schema.

/// A field of an [`Event`](crate::Event).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// The record as it was read.
    EventOriginal,
    /// The client's real address.
    SourceIp,
    /// The user that the server authenticated.
    UserName,
    /// The request's method.
    Method,
    /// The request target as received: path and query.
    UrlOriginal,
    /// The path, before `?`.
    UrlPath,
    /// The query, after `?`.
    UrlQuery,
    /// The host that was asked for.
    UrlDomain,
    /// The protocol's version, such as `1.1`.
    HttpVersion,
    /// The response's status.
    Status,
    /// The response body's size in bytes.
    BodyBytes,
    /// The user agent.
    UserAgent,
    /// The referrer.
    Referrer,
    /// The cookie header, where it is logged.
    Cookie,
    /// How often percent-encoding was undone until nothing changed.
    DecodeDepth,
    /// The name of one parameter of the query.
    ParameterName,
    /// The value of one parameter of the query.
    ParameterValue,
    /// A value under a name that is no field of ours: see [`Event::labels`](crate::Event::labels).
    Label,
    /// For how many seconds the client's address is known.
    AddressFirstSeen,
    /// The same of its network.
    NetworkFirstSeen,
    /// The same of the session.
    SessionFirstSeen,
    /// The same of the host that was asked for.
    HostFirstSeen,
    /// The same of the user that the record names.
    AccountFirstSeen,
    /// How many times in a row the client's address has sent something to this path and got this answer.
    AddressTries,
}

impl Field {
    /// Every field, in the order of its discriminant.
    pub const ALL: [Self; 24] = [
        Self::EventOriginal,
        Self::SourceIp,
        Self::UserName,
        Self::Method,
        Self::UrlOriginal,
        Self::UrlPath,
        Self::UrlQuery,
        Self::UrlDomain,
        Self::HttpVersion,
        Self::Status,
        Self::BodyBytes,
        Self::UserAgent,
        Self::Referrer,
        Self::Cookie,
        Self::DecodeDepth,
        Self::ParameterName,
        Self::ParameterValue,
        Self::Label,
        Self::AddressFirstSeen,
        Self::NetworkFirstSeen,
        Self::SessionFirstSeen,
        Self::HostFirstSeen,
        Self::AccountFirstSeen,
        Self::AddressTries,
    ];

    /// How many fields there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in rules, in JSON and in `vigil explain`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventOriginal => "event.original",
            Self::SourceIp => "source.ip",
            Self::UserName => "user.name",
            Self::Method => "http.request.method",
            Self::UrlOriginal => "url.original",
            Self::UrlPath => "url.path",
            Self::UrlQuery => "url.query",
            Self::UrlDomain => "url.domain",
            Self::HttpVersion => "http.version",
            Self::Status => "http.response.status_code",
            Self::BodyBytes => "http.response.body.bytes",
            Self::UserAgent => "user_agent.original",
            Self::Referrer => "http.request.referrer",
            Self::Cookie => "http.request.headers.cookie",
            Self::DecodeDepth => "vigil.decode.depth",
            Self::ParameterName => "url.parameter.name",
            Self::ParameterValue => "url.parameter.value",
            Self::Label => "labels",
            Self::AddressFirstSeen => "vigil.address.first_seen_seconds",
            Self::NetworkFirstSeen => "vigil.network.first_seen_seconds",
            Self::SessionFirstSeen => "vigil.session.first_seen_seconds",
            Self::HostFirstSeen => "vigil.host.first_seen_seconds",
            Self::AccountFirstSeen => "vigil.account.first_seen_seconds",
            Self::AddressTries => "vigil.address.tries",
        }
    }

    /// The fields of which decoding makes further views.
    pub const DECODED: [Self; 5] = [
        Self::UrlPath,
        Self::UrlQuery,
        Self::UserAgent,
        Self::Referrer,
        Self::Cookie,
    ];

    /// Since when those that an event is about are known. Known of an event only where something asks.
    pub const FIRST_SEEN: [Self; 5] = [
        Self::AddressFirstSeen,
        Self::NetworkFirstSeen,
        Self::SessionFirstSeen,
        Self::HostFirstSeen,
        Self::AccountFirstSeen,
    ];

    /// The field of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_follows_the_discriminants() {
        for (place, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, place);
            assert_eq!(Field::from_name(field.name()), Some(field));
        }
    }
}
