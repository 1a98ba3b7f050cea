//! TLS at the door: served, renewed while it runs, and never replaced by what does not work.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};
use vigil_testkit::{DEADLINE, Vigil, VigilBuilder, wait_until};

use crate::site::{Site, line};
use crate::socket::next_message;

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Signs certificates with `openssl`, and is trusted by the clients here.
pub(crate) struct Authority {
    directory: TempDir,
}

/// A certificate for this machine, and its key.
pub(crate) struct Pair {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let authority = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        authority.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
             -keyout authority.key -out authority.pem",
        );
        authority
    }

    /// The authority's own certificate, as PEM.
    pub(crate) fn pem(&self) -> String {
        fs_err::read_to_string(self.directory.path().join("authority.pem")).unwrap()
    }

    pub(crate) fn pair(&self, serial: u64) -> Pair {
        fs_err::write(
            self.directory.path().join("names"),
            "subjectAltName=IP:127.0.0.1,DNS:localhost\n",
        )
        .unwrap();
        self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=vigil \
             -keyout leaf.key -out leaf.request",
        );
        self.openssl(&format!(
            "x509 -req -in leaf.request -CA authority.pem -CAkey authority.key -days 1 \
             -set_serial {serial} -extfile names -out leaf.pem"
        ));
        let read = |name| fs_err::read_to_string(self.directory.path().join(name)).unwrap();
        let pem = read("leaf.pem");
        Pair {
            certificate: CertificateDer::from_pem_slice(pem.as_bytes()).unwrap(),
            chain_pem: pem + &self.pem(),
            key_pem: read("leaf.key"),
        }
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.directory.path())
            .output()
            .expect("openssl is there: `scripts/need openssl` installs it");
        assert!(output.status.success(), "{arguments}: {}", text(&output));
    }
}

/// A site whose server has a certificate.
struct Secure {
    site: Site,
    authority: Authority,
}

impl Secure {
    fn new() -> Self {
        Self {
            site: Site::new(),
            authority: Authority::new(),
        }
    }

    fn certificate(&self) -> PathBuf {
        self.site.path("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.site.path("key.pem")
    }

    fn config(&self) -> PathBuf {
        self.site.path("vigil.toml")
    }

    /// Puts the pair into the configured files, one after the other, as people do.
    fn install(&self, pair: &Pair) {
        fs_err::write(self.certificate(), &pair.chain_pem).unwrap();
        fs_err::write(self.key(), &pair.key_pem).unwrap();
    }

    fn configured(&self) -> VigilBuilder {
        let text = format!(
            "[server]\ntls_certificate = '{}'\ntls_key = '{}'\n",
            self.certificate().display(),
            self.key().display()
        );
        fs_err::write(self.config(), text).unwrap();
        self.site.append("");
        self.site
            .following()
            .arg("--config")
            .arg(self.config().to_str().unwrap())
    }

    /// A connection after its handshake.
    fn connect(&self, vigil: &Vigil) -> Stream {
        let mut roots = RootCertStore::empty();
        let authority = self.authority.pem();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(vigil.base().strip_prefix("https://").unwrap()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        stream
    }

    /// The answer to a request, head and body.
    fn get(&self, vigil: &Vigil, path: &str) -> String {
        let mut stream = self.connect(vigil);
        let token = self.site.vigil().token("admin");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // A server may leave the end unsaid once it has closed.
        drop(stream.read_to_string(&mut answer));
        answer
    }

    /// The certificate that a new client is shown.
    fn shown(&self, vigil: &Vigil) -> CertificateDer<'static> {
        let stream = self.connect(vigil);
        stream.conn.peer_certificates().unwrap()[0].clone()
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = self.site.vigil().command(name);
        command.args(arguments).output().unwrap()
    }
}

/// The next frame of the protocol, heartbeats left out.
fn frame(socket: &mut WebSocket<Stream>) -> Value {
    loop {
        if let Message::Text(text) = next_message(socket) {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] != "ping" {
                return frame;
            }
        }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn pages_sockets_and_events_go_through_tls() {
    let secure = Secure::new();
    let pair = secure.authority.pair(1);
    secure.install(&pair);
    let vigil = secure.configured().serve();
    let greeting = vigil.greeting().join("\n");
    assert!(
        greeting.contains("listens on https://127.0.0.1:"),
        "{greeting}"
    );
    assert!(secure.get(&vigil, "/health").starts_with("HTTP/1.1 200 "));

    let token = secure.site.vigil().token("viewer");
    let mut request = "wss://localhost/ws/threats".into_client_request().unwrap();
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut socket = client(request, secure.connect(&vigil)).unwrap().0;
    assert_eq!(frame(&mut socket)["type"], "welcome");
    assert_eq!(frame(&mut socket)["type"], "subscribed");

    let mut events = secure.connect(&vigil);
    let request = format!(
        "GET /sse/threats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    events.write_all(request.as_bytes()).unwrap();
    let mut events = BufReader::new(events).lines().map(Result::unwrap);
    events.find(|line| line.starts_with("retry:")).unwrap();

    secure.site.append(line("/x?file=../../../../etc/passwd"));
    assert_eq!(frame(&mut socket)["type"], "threat.new");
    events.find(|line| line.contains("threat.new")).unwrap();
    let metrics = secure.get(&vigil, "/metrics");
    assert!(metrics.contains("vigil_tls_handshakes_total{outcome=\"failed\"} 0"));
}

#[test]
fn a_session_opened_through_tls_is_kept_to_it() {
    let secure = Secure::new();
    secure.install(&secure.authority.pair(1));
    let vigil = secure.configured().serve();
    let link = vigil.greeting().join(" ");
    let start = link.find("/ui/?ticket=").unwrap();
    let path = link[start..].split_whitespace().next().unwrap().to_owned();
    let mut stream = secure.connect(&vigil);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    let cookie = answer
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("set-cookie:"));
    assert!(cookie.unwrap().contains("; Secure"), "{answer}");
}

#[test]
fn a_renewed_certificate_is_served_and_a_broken_one_is_not() {
    let secure = Secure::new();
    let (first, second, third) = (
        secure.authority.pair(1),
        secure.authority.pair(2),
        secure.authority.pair(3),
    );
    secure.install(&first);
    let vigil = secure.configured().serve();
    assert_eq!(secure.shown(&vigil), first.certificate);
    let token = secure.site.vigil().token("viewer");
    let mut request = "wss://localhost/ws/status".into_client_request().unwrap();
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut socket = client(request, secure.connect(&vigil)).unwrap().0;

    secure.install(&second);
    wait_until("new clients see the new certificate", || {
        secure.shown(&vigil) == second.certificate
    });

    // The certificate of another key: no pair.
    fs_err::write(secure.certificate(), &third.chain_pem).unwrap();
    let stale = || {
        secure
            .get(&vigil, "/metrics")
            .contains("\nvigil_tls_stale 1")
    };
    wait_until("the metrics say that the files are broken", stale);
    assert_eq!(secure.shown(&vigil), second.certificate);
    let told = loop {
        let notes = frame(&mut socket)["data"]["notes"].to_string();
        if notes.contains("server.tls_certificate") {
            break notes;
        }
    };
    assert!(told.contains("no pair") && told.contains("stays"), "{told}");
    let failures = || {
        let metrics = secure.get(&vigil, "/metrics");
        let name = "\nvigil_tls_reloads_total{outcome=\"failed\"} ";
        let (_, count) = metrics.split_once(name).unwrap();
        count.lines().next().unwrap().parse::<u64>().unwrap()
    };
    let before = failures();
    fs_err::write(secure.certificate(), "nothing").unwrap();
    wait_until("and again", || failures() > before);
    assert_eq!(secure.shown(&vigil), second.certificate);

    secure.install(&third);
    wait_until("once they are right they are used", || {
        secure.shown(&vigil) == third.certificate
    });
    wait_until("nothing is said to be broken", || !stale());
    // Who was connected all the time still is.
    socket
        .send(Message::text(json!({"id": 1, "type": "ping"}).to_string()))
        .unwrap();
    while frame(&mut socket)["type"] != "pong" {}
}

#[test]
fn commands_find_the_configured_server_and_others_by_their_authority() {
    let secure = Secure::new();
    secure.install(&secure.authority.pair(1));
    let vigil = secure.configured().serve();
    let port = vigil.base().rsplit(':').next().unwrap();
    let authority = secure.site.path("authority.pem");
    fs_err::write(&authority, secure.authority.pem()).unwrap();
    let authority = authority.to_str().unwrap();
    let url = format!("https://localhost:{port}");
    let config = fs_err::read_to_string(secure.config()).unwrap();
    fs_err::write(
        secure.config(),
        format!("{config}listen = '127.0.0.1:{port}'\n"),
    )
    .unwrap();
    let config = secure.config();

    for (what, arguments, code, expected) in [
        (
            "configured",
            vec!["--config", config.to_str().unwrap()],
            0,
            "ready",
        ),
        ("named", vec!["--url", &url, "--ca", authority], 0, "ready"),
        ("unknown authority", vec!["--url", &url], 3, "--ca"),
        (
            "no such file",
            vec!["--url", &url, "--ca", "/nowhere"],
            2,
            "--ca",
        ),
    ] {
        let output = secure.command("health", &arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{what}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(expected),
            "{what}: {}",
            text(&output)
        );
    }
    secure.site.append(line("/x?file=../../../../etc/passwd"));
    let watched = secure.command(
        "watch",
        &[
            "--url", &url, "--ca", authority, "--last", "1", "--count", "1",
        ],
    );
    assert!(text(&watched).contains("/etc/passwd"), "{}", text(&watched));
}

#[test]
fn plain_text_is_told_and_what_never_begins_is_ended() {
    let secure = Secure::new();
    secure.install(&secure.authority.pair(1));
    let vigil = secure.configured().serve();
    let address = vigil.base().strip_prefix("https://").unwrap();
    let end = |send: &[u8]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(send).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = end(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"),
        "{answer}"
    );
    // Neither one byte nor the beginning of a handshake holds a place for long.
    let (nothing, begun) = std::thread::scope(|scope| {
        let nothing = scope.spawn(|| end(b""));
        let begun = scope.spawn(|| end(&[0x16, 3, 1, 2, 0]));
        (nothing.join().unwrap(), begun.join().unwrap())
    });
    assert_eq!((nothing.as_str(), begun.as_str()), ("", ""));
    let metrics = secure.get(&vigil, "/metrics");
    assert!(
        metrics.contains("vigil_tls_handshakes_total{outcome=\"late\"} 1"),
        "{metrics}"
    );
}

#[test]
fn a_pair_that_is_none_is_told_at_the_start() {
    let secure = Secure::new();
    let (one, other) = (secure.authority.pair(1), secure.authority.pair(2));
    secure.configured();
    let serve = || {
        let config = secure.config();
        let output = secure.command(
            "serve",
            &[
                "--listen",
                "127.0.0.1:0",
                "--config",
                config.to_str().unwrap(),
            ],
        );
        (output.status.code(), text(&output))
    };
    let (code, said) = serve();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("certificate.pem"), "{said}");
    secure.install(&one);
    fs_err::write(secure.key(), &other.key_pem).unwrap();
    assert!(serve().1.contains("no pair"), "{}", serve().1);
    fs_err::write(secure.key(), &one.chain_pem).unwrap();
    assert!(serve().1.contains("no private key"), "{}", serve().1);
    fs_err::write(secure.config(), "[server]\ntls_key = 'x'\n").unwrap();
    let (code, said) = serve();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("server.tls_certificate"), "{said}");
}
