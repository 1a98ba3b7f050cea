//! The server that clients connect to: where it is, with what right, and whether by TLS.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::BenchError;
use super::wire::handshake;
use crate::app::tls::certificates;

/// What clients read from.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {
    fn socket(&self) -> &TcpStream;

    /// Until it writes again, what it reads is acknowledged at once, by who read it. The system would choose by how
    /// the talk began, and otherwise acknowledges every second message where it arrives: on one machine
    /// that is in the sender's time, and a quarter of what a delivery costs it.
    fn acknowledge_when_read(&self) -> io::Result<()> {
        Ok(rustix::net::sockopt::set_tcp_quickack(self.socket(), true)?)
    }
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// The server that clients connect to.
#[derive(Clone)]
pub(super) struct Peer {
    address: SocketAddr,
    /// As a request names it.
    host: Rc<str>,
    token: Rc<str>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.host)
    }
}

impl Peer {
    /// One at `authority`, such as `127.0.0.1:8082`. With a file of certificates it is spoken to by TLS,
    /// and they are the only roots.
    pub(super) fn new(
        authority: &str,
        token: &str,
        roots: Option<&Path>,
    ) -> Result<Self, BenchError> {
        let wrong = |reason: String| BenchError::Server(authority.to_owned(), reason);
        let addresses = authority.to_socket_addrs();
        let address = addresses.map_err(|error| wrong(error.to_string()))?.next();
        let name = authority
            .rsplit_once(':')
            .map_or(authority, |(name, _)| name);
        let name = name.trim_matches(['[', ']']).to_owned();
        let tls = match roots {
            None => None,
            Some(roots) => {
                let connector = connector(roots).map_err(|error| wrong(error.to_string()))?;
                let name = ServerName::try_from(name).map_err(|error| wrong(error.to_string()))?;
                Some((connector, name))
            }
        };
        Ok(Self {
            address: address.ok_or_else(|| wrong("it has no address".to_owned()))?,
            host: Rc::from(authority),
            token: Rc::from(token),
            tls,
        })
    }

    /// A connection, before anything was said.
    pub(super) async fn open(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }

    /// The request that opens a WebSocket.
    pub(super) fn handshake(&self) -> String {
        handshake(&self.host, &self.token)
    }
}

fn connector(roots: &Path) -> Result<TlsConnector, Box<dyn std::error::Error>> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(roots)? {
        store.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_client_that_has_spoken_acknowledges_what_it_reads() -> io::Result<()> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let mut client = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, _) = listener.accept().await?;
        server.write_all(b"hello").await?;
        client.read_exact(&mut [0; 5]).await?;
        client.write_all(b"hello").await?;
        let waits = |client: &TcpStream| rustix::net::sockopt::tcp_quickack(client).map(|now| !now);
        assert!(waits(&client)?);
        client.acknowledge_when_read()?;
        assert!(!waits(&client)?);
        Ok(())
    }
}
