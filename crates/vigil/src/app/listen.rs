//! Takes connections in: bounded in number and in the time a peer may take to say what it wants.
//!
//! Connections hold file descriptors, and so do the logs that are followed: strangers must not be
//! able to take them all.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{IntCounter, IntGauge, Registry};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use vigil_api::OverTls;

use super::crowd::Addresses;
use super::timely::Timely;
use super::tls::Tls;

/// What somebody is told who speaks plain HTTP to a port that speaks TLS.
const PLAIN_TEXT_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 43\r\nConnection: close\r\n\r\nThis port speaks TLS: begin with https://.\n";
/// How long a peer may take to send its first byte where that tells what it speaks.
const FIRST_BYTE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a peer may take to send a request's head.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long what was sent may stay unread by the peer before the connection is given up.
const UNREAD_DEADLINE: Duration = Duration::from_secs(30);
/// No more than about this much is handed to the kernel before the network takes it: what is urgent must
/// not wait behind what is not, and there it can't be overtaken.
const UNSENT_BYTES: u32 = 16 * 1024;
/// Descriptors kept for logs, the database and everything else.
const RESERVED_DESCRIPTORS: u64 = 512;
/// Connections beside the sockets that the configuration allows: pages, REST, health checks.
const OTHER_CONNECTIONS: usize = 256;
/// How long to wait when a connection cannot be taken in, so that trying does not become the load.
const PAUSE: Duration = Duration::from_millis(100);

/// Where connections come in, and what they are led to.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    /// None: plain HTTP.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) router: Router,
    /// How many long-lived connections are allowed.
    pub(super) sockets: usize,
    pub(super) addresses: Arc<Addresses>,
    pub(super) telemetry: DoorTelemetry,
}

/// What is counted at the door.
pub(super) struct DoorTelemetry {
    open: IntGauge,
    refused: IntCounter,
}

impl DoorTelemetry {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let telemetry = Self {
            open: IntGauge::new(
                "vigil_http_connections",
                "TCP connections that are open now and have not become a WebSocket.",
            )?,
            refused: IntCounter::new(
                "vigil_http_connections_refused_total",
                "TCP connections closed at once since their address has as many as allowed.",
            )?,
        };
        registry.register(Box::new(telemetry.open.clone()))?;
        registry.register(Box::new(telemetry.refused.clone()))?;
        Ok(telemetry)
    }
}

/// Serves until told to stop, then lets requests under way end.
pub(super) async fn serve(door: Door, connections: TaskTracker, shutdown: CancellationToken) {
    let room = Arc::new(Semaphore::new(most_connections(door.sockets)));
    loop {
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await.ok()?;
            Some((place, door.listener.accept().await))
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = accepted => accepted,
        };
        match accepted {
            Some((place, Ok((stream, peer)))) => {
                let Some(of_address) = door.addresses.enter(peer.ip()) else {
                    door.telemetry.refused.inc();
                    continue;
                };
                let served = door.served(stream, peer, shutdown.clone());
                let open = door.telemetry.open.clone();
                connections.spawn(async move {
                    open.inc();
                    served.await;
                    open.dec();
                    drop((place, of_address));
                });
            }
            Some((_, Err(error))) => {
                tracing::warn!(%error, "a connection could not be taken in; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            None => return,
        }
    }
}

impl Door {
    /// One connection, until it ends or is somebody else's.
    fn served(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        shutdown: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        prepare(&stream);
        let (tls, router) = (self.tls.clone(), self.router.clone());
        async move {
            match tls {
                Some(tls) => encrypted(&tls, stream, peer, router, shutdown).await,
                None => connection(stream, Origin::Plain(peer), router, shutdown).await,
            }
        }
    }
}

/// Where a request came from, and how.
#[derive(Clone, Copy)]
enum Origin {
    Plain(SocketAddr),
    Tls(SocketAddr),
}

/// A connection that must begin with a TLS handshake, and soon.
async fn encrypted(
    tls: &Tls,
    mut stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) {
    let stream = async {
        let mut first = [0];
        let seen = timeout(FIRST_BYTE_DEADLINE, stream.peek(&mut first)).await;
        if !matches!(seen, Ok(Ok(1))) {
            return None;
        }
        if first[0].is_ascii_uppercase() {
            // It begins as a request does; whether the answer arrives is not our trouble.
            drop(timeout(FIRST_BYTE_DEADLINE, stream.write_all(PLAIN_TEXT_ANSWER)).await);
            return None;
        }
        tls.accept(stream).await
    };
    let stream = tokio::select! {
        () = shutdown.cancelled() => None,
        stream = stream => stream,
    };
    if let Some(stream) = stream {
        connection(stream, Origin::Tls(peer), router, shutdown).await;
    }
}

/// Serves one connection. An upgraded one is given out as what it was made from: a `TcpStream`, or a
/// `TlsStream` of one.
async fn connection<S>(stream: S, origin: Origin, router: Router, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let mut request = request.map(|body| Body::new(Timely::new(body)));
            let (Origin::Plain(peer) | Origin::Tls(peer)) = origin;
            request.extensions_mut().insert(ConnectInfo(peer));
            if matches!(origin, Origin::Tls(_)) {
                request.extensions_mut().insert(OverTls);
            }
            let response = router
                .oneshot(request)
                .await
                .unwrap_or_else(|never: Infallible| match never {});
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Small frames at once, little that can't be overtaken, and no patience with a peer that never reads.
fn prepare(stream: &TcpStream) {
    let deadline = UNREAD_DEADLINE.as_millis() as u32;
    let prepared = stream
        .set_nodelay(true)
        .and_then(|()| {
            Ok(rustix::net::sockopt::set_tcp_user_timeout(
                stream, deadline,
            )?)
        })
        .and_then(|()| SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a connection could not be prepared in full: it may have no deadline for unread data");
    }
}

/// As many connections as wanted, and as the system allows beside what the rest needs.
fn most_connections(sockets: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it may not be raised the present limit holds.
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let wanted = sockets.saturating_add(OTHER_CONNECTIONS);
    let allowed = allowed.map_or(wanted, |allowed| {
        usize::try_from(allowed.saturating_sub(RESERVED_DESCRIPTORS).max(64)).unwrap_or(wanted)
    });
    wanted.min(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_can_not_be_overtaken_is_little() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, _) = accepted.unwrap();
        let of = |stream: &TcpStream| SockRef::from(stream).tcp_notsent_lowat().unwrap();
        assert_ne!(of(&stream), UNSENT_BYTES, "not by itself");
        prepare(&stream);
        assert_eq!(of(&stream), UNSENT_BYTES);
        assert!(stream.nodelay().unwrap());
        assert_eq!(
            rustix::net::sockopt::tcp_user_timeout(&stream).unwrap(),
            30_000
        );
        drop(client);
    }
}
