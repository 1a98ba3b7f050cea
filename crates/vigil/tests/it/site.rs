//! A directory with a log and a data directory, and the program on it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use vigil_testkit::{Http, VigilBuilder, wait_for};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_vigil");

/// Where a test's files are.
pub(crate) struct Site {
    directory: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path("access.log")
    }

    /// The program with this site's data directory.
    pub(crate) fn vigil(&self) -> VigilBuilder {
        VigilBuilder::new(BINARY, self.path("data"))
    }

    /// The program following this site's log.
    pub(crate) fn following(&self) -> VigilBuilder {
        self.vigil().log(&self.log())
    }

    /// The program following this site's log from its start, by the rules in its folder `rules`, on so
    /// many threads.
    pub(crate) fn following_by_rules(&self, threads: usize) -> VigilBuilder {
        let config = self.path("vigil.toml");
        fs_err::write(&config, format!("[detect]\nthreads = {threads}\n")).unwrap();
        let builder = self.following().arg("--from-start");
        let builder = builder.arg("--config").arg(config.to_str().unwrap());
        builder
            .arg("--rules")
            .arg(self.path("rules").to_str().unwrap())
    }

    /// Appends to the log.
    pub(crate) fn append(&self, bytes: impl AsRef<[u8]>) {
        append(&self.log(), bytes);
    }
}

/// Appends to a file, which is made if there is none.
pub(crate) fn append(path: &Path, bytes: impl AsRef<[u8]>) {
    let mut file = fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(bytes.as_ref()).unwrap();
}

/// A line of a log in the combined format.
pub(crate) fn line(target: &str) -> String {
    format!(
        "203.0.113.7 - - [21/Nov/2026:02:09:58 +0000] \"GET {target} HTTP/1.1\" 200 612 \"-\" \"Mozilla/5.0\"\n"
    )
}

/// A number on `/metrics`, with its labels if it has some; 0 where it is not there.
pub(crate) fn metric(http: &Http, name: &str) -> u64 {
    let text = http.get("/metrics").text;
    let value_of = |line: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(' ')?;
        Some(value.parse().unwrap())
    };
    text.lines().find_map(value_of).unwrap_or(0)
}

/// Every threat in the store, oldest page last, by as many requests as it takes.
pub(crate) fn threats(http: &Http) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = http
            .get(&format!("/api/v1/threats?limit=1000{cursor}"))
            .json();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Waits until a threat's URL contains the text.
pub(crate) fn threat_with(http: &Http, text: &str) -> Value {
    wait_for(&format!("a threat with {text}"), || {
        threats(http)
            .into_iter()
            .find(|threat| threat["event"]["original"].as_str().unwrap().contains(text))
    })
}
