//! A request that becomes a WebSocket: what it must say, what is agreed on, and the bytes below it.

use axum::extract::FromRequestParts;
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{StatusCode, Version};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use vigil_protocol::websocket::{deflate, handshake};
use vigil_protocol::{SUBPROTOCOL_JSON, message_pack};

use crate::frame::form::Encoding;
use crate::wire::{Stream, Transport};

/// A request that opens a WebSocket.
pub(crate) struct Upgrade {
    upgraded: OnUpgrade,
    accept: String,
    protocol: Option<&'static str>,
    offers: String,
}

/// Why a request opens none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAWebSocket {
    /// It asks for a page.
    #[error("the request has no `Connection: upgrade` with `Upgrade: websocket`")]
    NoUpgrade,
    /// The version is another one.
    #[error("`Sec-WebSocket-Version` must be 13")]
    Version,
    /// The key is missing or none.
    #[error("`Sec-WebSocket-Key` must be 16 bytes in base64")]
    Key,
    /// The connection can't become anything else.
    #[error("this connection can't be upgraded: use HTTP/1.1")]
    NotUpgradable,
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Agreed {
    pub(crate) encoding: Encoding,
    /// Messages may be compressed, in both directions.
    pub(crate) compresses: bool,
}

/// What a WebSocket runs on, on its way from one thread to another.
pub(crate) enum Unplaced {
    /// A plain socket, which no runtime looks after.
    Plain(std::net::TcpStream),
    /// Something else, which stays with its runtime.
    Other(Box<dyn Stream>),
}

impl Unplaced {
    /// Puts it in the care of the runtime that this is called on.
    pub(crate) fn place(self) -> std::io::Result<Transport> {
        Ok(match self {
            Self::Plain(stream) => Transport::Plain(TcpStream::from_std(stream)?),
            Self::Other(stream) => Transport::Other(stream),
        })
    }
}

/// A WebSocket before anything was read from it.
pub(crate) struct Opened {
    pub(crate) transport: Unplaced,
    /// What the client sent without waiting for the answer.
    pub(crate) read_ahead: Bytes,
    pub(crate) agreed: Agreed,
}

impl IntoResponse for NotAWebSocket {
    fn into_response(self) -> Response {
        (StatusCode::UPGRADE_REQUIRED, self.to_string()).into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = NotAWebSocket;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotAWebSocket> {
        let headers = &parts.headers;
        if !names(headers, &CONNECTION, "upgrade") || !names(headers, &UPGRADE, "websocket") {
            return Err(NotAWebSocket::NoUpgrade);
        }
        if text(headers, &SEC_WEBSOCKET_VERSION) != Some(handshake::VERSION) {
            return Err(NotAWebSocket::Version);
        }
        let accept = text(headers, &SEC_WEBSOCKET_KEY)
            .and_then(handshake::accept)
            .ok_or(NotAWebSocket::Key)?;
        // RFC 6455, 4.2.2: a sub-protocol is named only if the client offered it, and none is no reason
        // to refuse; a client that insists on one fails by itself. What it names first it likes best.
        let mut lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        let protocol = lists.find_map(|list| {
            handshake::first_of(
                list.to_str().ok()?,
                &[SUBPROTOCOL_JSON, message_pack::SUBPROTOCOL],
            )
        });
        let offers = headers.get_all(SEC_WEBSOCKET_EXTENSIONS);
        let offers: Vec<&str> = offers.iter().filter_map(|one| one.to_str().ok()).collect();
        let offers = offers.join(",");
        let upgraded = parts.extensions.remove::<OnUpgrade>();
        let upgraded = upgraded
            .filter(|_| parts.version == Version::HTTP_11)
            .ok_or(NotAWebSocket::NotUpgradable)?;
        Ok(Self {
            upgraded,
            accept,
            protocol,
            offers,
        })
    }
}

impl Upgrade {
    /// The answer, and what becomes the WebSocket once it is written.
    pub(crate) fn accept(
        self,
        may_compress: bool,
    ) -> (Response, impl Future<Output = Option<Opened>> + use<>) {
        let extension = may_compress
            .then(|| deflate::negotiate(&self.offers))
            .flatten();
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        let mut say = |name: HeaderName, value: &str| {
            // All of them are made here, of visible characters.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        say(CONNECTION, "upgrade");
        say(UPGRADE, "websocket");
        say(SEC_WEBSOCKET_ACCEPT, &self.accept);
        if let Some(protocol) = self.protocol {
            say(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        if let Some(extension) = &extension {
            say(SEC_WEBSOCKET_EXTENSIONS, extension);
        }
        let agreed = Agreed {
            encoding: match self.protocol {
                Some(message_pack::SUBPROTOCOL) => Encoding::MessagePack,
                _ => Encoding::Json,
            },
            compresses: extension.is_some(),
        };
        (response, opened(self.upgraded, agreed))
    }
}

async fn opened(upgraded: OnUpgrade, agreed: Agreed) -> Option<Opened> {
    let upgraded = match upgraded.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "a client went before its WebSocket was open");
            return None;
        }
    };
    let (transport, read_ahead) = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let stream = parts.io.into_inner().into_std();
            let stream = stream.inspect_err(
                |error| tracing::warn!(%error, "a connection can't be taken from its runtime"),
            );
            (Unplaced::Plain(stream.ok()?), parts.read_buf)
        }
        Err(upgraded) => {
            let stream = Box::new(TokioIo::new(upgraded));
            (Unplaced::Other(stream), Bytes::new())
        }
    };
    Some(Opened {
        transport,
        read_ahead,
        agreed,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether one of these headers, which are lists, names that.
fn names(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let mut lists = headers.get_all(name).iter();
    lists.any(|list| {
        list.to_str()
            .is_ok_and(|list| handshake::names(list, token))
    })
}
