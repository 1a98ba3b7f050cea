//! The program under test, as a process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Child, Http};

/// How the program is to be started.
#[derive(Clone, Debug)]
pub struct VigilBuilder {
    binary: PathBuf,
    data_dir: PathBuf,
    arguments: Vec<String>,
    listen: &'static str,
    told: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl VigilBuilder {
    /// The binary, and its data directory.
    pub fn new(binary: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            data_dir: data_dir.into(),
            arguments: Vec::new(),
            listen: "127.0.0.1:0",
            told: None,
            // The logs of tests are of days of their own, whatever the clock says.
            environment: vec![("VIGIL_DECODE__MAX_AHEAD_SECONDS".to_owned(), "0".to_owned())],
        }
    }

    /// Follows a log.
    #[must_use]
    pub fn log(self, path: &Path) -> Self {
        self.arg("--log").arg(path.to_str().unwrap())
    }

    /// A further argument of `serve`.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Can be reached by every address of this machine, and still by the one that it says.
    #[must_use]
    pub const fn everywhere(mut self) -> Self {
        self.listen = "0.0.0.0:0";
        self
    }

    /// A variable of the environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes everything that the server tells, down to the finest level, into a file.
    #[must_use]
    pub fn telling(mut self, path: impl Into<PathBuf>) -> Self {
        self.told = Some(path.into());
        self
    }

    /// Starts the server on a free port and waits until it says where it listens.
    pub fn serve(&self) -> Vigil {
        let mut command = self.command("serve");
        command
            .args(["--listen", self.listen])
            .args(&self.arguments);
        if let Some(path) = &self.told {
            let file = fs_err::File::create(path).unwrap().into_parts().0;
            command.env("VIGIL_LOG", "trace").stderr(file);
        }
        let mut process = Child::spawn(command.stdout(Stdio::piped()));
        let mut lines = BufReader::new(process.inner().stdout.take().unwrap()).lines();
        let mut greeting = Vec::new();
        let base = loop {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("vigil ended before it listened: {greeting:?}"))
                .unwrap();
            let found = ["http://127.0.0.1:", "https://127.0.0.1:", "http://0.0.0.0:"]
                .into_iter()
                .find_map(|start| line.find(start))
                .map(|start| line.split_at(start).1.replace("0.0.0.0", "127.0.0.1"));
            greeting.push(line);
            if let Some(url) = found {
                break url.split('/').take(3).collect::<Vec<_>>().join("/");
            }
        };
        // The line after its address says how to sign in.
        greeting.extend(lines.next().map(Result::unwrap));
        // What it still prints must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        let token = self.token("admin");
        Vigil {
            process,
            http: Http::new(&base).with_token(token),
            base,
            greeting,
        }
    }

    /// A token made by `vigil token`.
    pub fn token(&self, role: &str) -> String {
        let output = self
            .command("token")
            .args(["--role", role])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A command of the program on the same data directory.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg(name)
            .arg("--data-dir")
            .arg(&self.data_dir)
            .env("VIGIL_LOG", "warn")
            .envs(self.environment.clone());
        command
    }
}

/// A running server.
#[derive(Debug)]
pub struct Vigil {
    process: Child,
    base: String,
    http: Http,
    greeting: Vec<String>,
}

impl Vigil {
    /// `http://127.0.0.1:PORT`, or with `https` where TLS is configured.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A client with an admin's token.
    pub const fn http(&self) -> &Http {
        &self.http
    }

    /// What it printed: where it listens, and how to sign in.
    pub fn greeting(&self) -> &[String] {
        &self.greeting
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Child {
        &mut self.process
    }
}
