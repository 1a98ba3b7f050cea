//! A real nginx that writes a real access log.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{Child, Http, wait_until};

/// nginx on a free port, with its log in a directory of its own.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    port: u16,
    log: PathBuf,
    directory: TempDir,
}

impl Nginx {
    /// Starts it. `format` is the body of a `log_format`, or none for `combined`.
    pub fn start(format: Option<&str>) -> Self {
        Self::configured(format, "location / { try_files $uri /index.html; }")
    }

    fn configured(format: Option<&str>, locations: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = root.join("access.log");
        fs_err::create_dir(root.join("html")).unwrap();
        fs_err::write(root.join("html/index.html"), "hello\n").unwrap();
        fs_err::write(
            root.join("nginx.conf"),
            configuration(root, port, format, locations),
        )
        .unwrap();
        let process = Child::spawn(
            Command::new("nginx")
                .arg("-p")
                .arg(root)
                .arg("-c")
                .arg(root.join("nginx.conf"))
                // As at an upgrade of nginx it takes the socket over: a port that nobody holds until
                // nginx binds it could be another's by then.
                .env("NGINX", "0;")
                .stdin(OwnedFd::from(listener))
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        let nginx = Self {
            process,
            port,
            log,
            directory,
        };
        // It is written once signals are heard.
        let pid = nginx.directory.path().join("nginx.pid");
        wait_until("nginx runs", || pid.exists());
        nginx
    }

    /// Starts one whose server has these locations.
    pub fn serving(locations: &str) -> Self {
        Self::configured(None, locations)
    }

    /// The access log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A client of it.
    pub fn http(&self) -> Http {
        Http::new(format!("http://127.0.0.1:{}", self.port))
    }

    /// Rotates the log as logrotate does: renames it, deletes none, and has nginx open a new one.
    pub fn rotate(&self) {
        let mut old = (1..).map(|number| self.log.with_extension(format!("log.{number:06}")));
        let old = old.find(|path| !path.exists()).unwrap();
        fs_err::rename(&self.log, old).unwrap();
        self.process.signal(Signal::USR1);
        wait_until("nginx opened its new log", || self.log.exists());
    }
}

impl Drop for Nginx {
    /// The master ends its workers when it is asked to end; killed, it would leave them behind.
    fn drop(&mut self) {
        self.process.terminate();
    }
}

fn configuration(root: &Path, port: u16, format: Option<&str>, locations: &str) -> String {
    let root = root.display();
    let (define, name) = match format {
        Some(format) => (format!("log_format chosen {format};"), "chosen"),
        None => (String::new(), "combined"),
    };
    format!(
        "daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log;
         events {{ worker_connections 64; }}
         http {{
           {define}
           access_log {root}/access.log {name};
           client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
           uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
           server {{ listen 127.0.0.1:{port}; root {root}/html; {locations} }}
         }}"
    )
}
