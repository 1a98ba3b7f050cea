//! The names under which logs keep what we look for.
//!
//! Owns: nginx's variable names, those of the Elastic Common Schema, the usual short ones, and what
//! tells OpenCanary's, Zeek's and Suricata's records.
//! Never holds: values.

/// What a field means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Key {
    Peer,
    Forwarded,
    User,
    Time,
    RequestLine,
    Method,
    Target,
    Path,
    Query,
    Protocol,
    Host,
    ServerName,
    Status,
    BodyBytes,
    Referrer,
    UserAgent,
    Cookie,
    CanaryNode,
    CanaryType,
    CanaryPeer,
    CanaryUser,
    CanaryTime,
    ZeekLog,
    ZeekUid,
    ZeekPeer,
    EveType,
    EveFlow,
    EveStats,
    EvePeer,
    EveOther,
    EveClient,
    EveDirection,
    EveAttacker,
    EveForwarded,
    EveMethod,
    EveTarget,
    EveProtocol,
    EveHost,
    EveStatus,
    EveBytes,
    EveReferrer,
    EveUserAgent,
}

impl Key {
    pub(super) const COUNT: usize = Self::EveUserAgent as usize + 1;

    /// The meaning of a name; nested names are joined by dots.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"remote_addr" | b"remote_ip" | b"client_ip" | b"source.ip" | b"source.address"
            | b"client.ip" | b"client.address" | b"request.remote_ip" => Self::Peer,
            b"http_x_forwarded_for"
            | b"x_forwarded_for"
            | b"http_forwarded"
            | b"forwarded_for"
            | b"http.request.headers.x-forwarded-for"
            | b"request.headers.X-Forwarded-For" => Self::Forwarded,
            b"remote_user" | b"user.name" | b"source.user.name" => Self::User,
            b"time_iso8601" | b"time_local" | b"msec" | b"@timestamp" | b"timestamp" | b"time"
            | b"ts" => Self::Time,
            b"request" => Self::RequestLine,
            b"request_method" | b"method" | b"http.request.method" | b"request.method" => {
                Self::Method
            }
            b"request_uri" | b"url.original" | b"url.full" | b"url" | b"request.uri" => {
                Self::Target
            }
            b"uri" | b"document_uri" | b"path" | b"url.path" => Self::Path,
            b"args" | b"query_string" | b"query" | b"url.query" => Self::Query,
            b"server_protocol" | b"protocol" | b"http.version" | b"request.proto" => Self::Protocol,
            b"http_host" | b"host" | b"vhost" | b"url.domain" | b"request.host" => Self::Host,
            b"server_name" => Self::ServerName,
            b"status" | b"status_code" | b"http.response.status_code" => Self::Status,
            b"body_bytes_sent"
            | b"bytes_sent"
            | b"bytes"
            | b"size"
            | b"http.response.body.bytes"
            | b"http.response.bytes"
            | b"response_body_len" => Self::BodyBytes,
            b"http_referer"
            | b"http_referrer"
            | b"referer"
            | b"referrer"
            | b"http.request.referrer"
            | b"request.headers.Referer" => Self::Referrer,
            b"http_user_agent"
            | b"user_agent"
            | b"agent"
            | b"user_agent.original"
            | b"http.request.headers.user-agent"
            | b"request.headers.User-Agent" => Self::UserAgent,
            b"http_cookie"
            | b"cookie"
            | b"http.request.headers.cookie"
            | b"request.headers.Cookie" => Self::Cookie,
            b"node_id" => Self::CanaryNode,
            b"logtype" => Self::CanaryType,
            b"src_host" => Self::CanaryPeer,
            b"logdata.USERNAME" => Self::CanaryUser,
            b"utc_time" => Self::CanaryTime,
            b"_path" => Self::ZeekLog,
            b"uid" => Self::ZeekUid,
            b"id.orig_h" => Self::ZeekPeer,
            name => return Self::of_eve(name),
        })
    }

    /// The meaning of a name in Suricata's log.
    fn of_eve(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"event_type" => Self::EveType,
            b"flow_id" => Self::EveFlow,
            b"stats.uptime" => Self::EveStats,
            b"src_ip" => Self::EvePeer,
            b"dest_ip" => Self::EveOther,
            b"flow.src_ip" => Self::EveClient,
            b"direction" => Self::EveDirection,
            b"alert.source.ip" => Self::EveAttacker,
            b"http.xff" | b"alert.xff" | b"xff" => Self::EveForwarded,
            b"http.http_method" => Self::EveMethod,
            b"http.url" => Self::EveTarget,
            b"http.protocol" => Self::EveProtocol,
            b"http.hostname" => Self::EveHost,
            b"http.status" => Self::EveStatus,
            b"http.length" => Self::EveBytes,
            b"http.http_refer" => Self::EveReferrer,
            b"http.http_user_agent" => Self::EveUserAgent,
            _ => return None,
        })
    }
}
