//! A WebSocket client for tests.

use std::time::Duration;

use futures_util::{SinkExt as _, Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::{SOCKET_BYTES, Server};

/// Longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connected client, or the half of one that reads.
pub(crate) struct Client<S = WebSocketStream<TcpStream>> {
    pub(crate) socket: S,
}

/// What comes.
#[derive(Debug)]
pub(crate) enum Heard {
    Frame(Value),
    Closed(u16, Value),
    Gone,
}

/// Opens a connection, with headers.
pub(crate) async fn open(
    server: &Server,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<(Client, Response), Error> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SOCKET_BYTES)?;
    let stream = socket.connect(server.address).await?;
    let (socket, response) = timeout(PATIENCE, client_async(request, stream))
        .await
        .expect("the server answers")?;
    Ok((Client { socket }, response))
}

/// Opens a connection and reads the welcome.
pub(crate) async fn connect(server: &Server, path: &str) -> Client {
    let (mut client, _) = open(server, path, &[]).await.unwrap();
    assert_eq!(client.frame().await["type"], "welcome");
    client
}

/// The status and body of a refused upgrade.
pub(crate) async fn refused(
    server: &Server,
    path: &str,
    headers: &[(&'static str, &str)],
) -> (u16, Response) {
    match open(server, path, headers).await {
        Err(Error::Http(response)) => {
            let (parts, body) = response.into_parts();
            (parts.status.as_u16(), Response::from_parts(parts, body))
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

impl Client {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        timeout(PATIENCE, self.socket.send(Message::text(text)))
            .await
            .expect("the server reads")
            .unwrap();
    }

    /// The next frame of a type; what comes before is thrown away.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Sends a command and gives its answer; what else comes meanwhile is thrown away.
    pub(crate) async fn ask(&mut self, mut command: Value) -> Value {
        command["id"] = json!("ask");
        self.send(command).await;
        loop {
            let frame = self.frame().await;
            if frame["reply_to"] == "ask" {
                return frame;
            }
        }
    }
}

impl<S: Stream<Item = Result<Message, Error>> + Unpin> Client<S> {
    /// The next thing that is no control frame.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            let next = timeout(PATIENCE, self.socket.next())
                .await
                .expect("the server says something");
            match next {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Frame(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(Some(close)))) => {
                    let reason = serde_json::from_str(&close.reason).unwrap();
                    return Heard::Closed(close.code.into(), reason);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other}"),
                Some(Err(_)) | None => return Heard::Gone,
            }
        }
    }

    /// The next frame, heartbeats left out.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.hear().await {
                Heard::Frame(frame) if frame["type"] == "ping" => {}
                Heard::Frame(frame) => return frame,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The close code and reason, whatever comes before.
    pub(crate) async fn closed(&mut self) -> (u16, Value) {
        loop {
            match self.hear().await {
                Heard::Frame(_) => {}
                Heard::Closed(code, reason) => return (code, reason),
                Heard::Gone => panic!("the connection ended without a close frame"),
            }
        }
    }
}
