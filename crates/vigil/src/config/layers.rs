//! The layers of the configuration: file, environment, flags, in this order; the later wins.
//!
//! An environment variable names a key by its path with double underscores between the parts:
//! `VIGIL_SERVER__LISTEN=0.0.0.0:8082`. Its value is read as TOML where it is valid TOML, else as
//! text.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// What is wrong with the configuration. Each text names the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{0}; check the path given to --config")]
    Unreadable(#[from] std::io::Error),
    /// The file is no TOML, or has a key that does not exist or a value of the wrong kind.
    #[error("{path}: {detail}; `vigil config --explain` lists every key")]
    File {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong.
        detail: String,
    },
    /// An environment variable names no key or has a wrong value.
    #[error("environment variable {name}: {detail}; `vigil config --explain` lists every key")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// Values are out of bounds.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
}

/// What command-line flags set.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`
    pub file: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<std::net::SocketAddr>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--log`, each added to the file's logs.
    pub logs: Vec<String>,
    /// `--from-start`
    pub from_start: bool,
    /// `--rules`
    pub rules_dir: Option<PathBuf>,
    /// `--sigma`, each added to the file's directories.
    pub sigma_dirs: Vec<PathBuf>,
    /// `--crs`, each added to the file's directories.
    pub crs_dirs: Vec<PathBuf>,
    /// `--crs-paranoia`
    pub crs_paranoia: Option<u8>,
}

/// Loads, layers and validates.
pub fn load(
    overrides: &Overrides,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table = match &overrides.file {
        Some(path) => read_file(path)?,
        None => Table::new(),
    };
    let mut variables: Vec<_> = environment
        .into_iter()
        .filter_map(|(name, text)| {
            let path = name.strip_prefix("VIGIL_")?.to_ascii_lowercase();
            path.contains("__").then_some((name, path, text))
        })
        .collect();
    variables.sort();
    for (name, path, text) in variables {
        let parts: Vec<&str> = path.split("__").collect();
        set(&mut table, &parts, value_of(&text));
        if let Err(error) = Config::deserialize_table(table.clone()) {
            return Err(ConfigError::Environment {
                name,
                detail: one_line(error.message()),
            });
        }
    }
    let mut config = Config::deserialize_table(table)
        .map_err(|error| ConfigError::Invalid(vec![one_line(error.message())]))?;
    config.apply(overrides);
    let problems = config.problems();
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError::Invalid(
            problems.into_iter().map(str::to_owned).collect(),
        ))
    }
}

impl Config {
    fn deserialize_table(table: Table) -> Result<Self, toml::de::Error> {
        table.try_into()
    }

    fn apply(&mut self, overrides: &Overrides) {
        if let Some(listen) = overrides.listen {
            self.server.listen = listen;
        }
        if let Some(data_dir) = &overrides.data_dir {
            self.server.data_dir.clone_from(data_dir);
        }
        if let Some(rules_dir) = &overrides.rules_dir {
            self.detect.rules_dir.clone_from(rules_dir);
        }
        self.detect
            .sigma_dirs
            .extend(overrides.sigma_dirs.iter().cloned());
        self.detect
            .crs_dirs
            .extend(overrides.crs_dirs.iter().cloned());
        if let Some(level) = overrides.crs_paranoia {
            self.detect.crs_paranoia_level = level;
        }
        self.source.from_start |= overrides.from_start;
        let named = overrides.logs.iter().map(|path| super::LogConfig {
            path: path.clone(),
            format: vigil_decode::Format::default(),
        });
        self.source.logs.extend(named);
    }
}

/// Reads a file and checks it alone, so that an error has its line.
fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text = fs_err::read_to_string(path)?;
    let error = |error: &toml::de::Error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        ConfigError::File {
            path: path.to_owned(),
            detail: place + &one_line(error.message()),
        }
    };
    toml::from_str::<Config>(&text).map_err(|found| error(&found))?;
    toml::from_str(&text).map_err(|found| error(&found))
}

fn value_of(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, path: &[&str], value: Value) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        table.insert((*first).to_owned(), value);
        return;
    }
    let inner = table
        .entry((*first).to_owned())
        .or_insert_with(|| Value::Table(Table::new()));
    if !inner.is_table() {
        *inner = Value::Table(Table::new());
    }
    if let Value::Table(inner) = inner {
        set(inner, rest, value);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vigil.toml");
        fs_err::write(&path, text).unwrap();
        load(
            &Overrides {
                file: Some(path),
                ..Overrides::default()
            },
            [],
        )
    }

    fn variable(name: &str, text: &str) -> [(String, String); 1] {
        [(name.to_owned(), text.to_owned())]
    }

    #[test]
    fn later_layers_win() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vigil.toml");
        fs_err::write(
            &path,
            "[server]\nlisten = '127.0.0.1:1'\nnode = 'a'\n[detect]\nthreads = 1\n",
        )
        .unwrap();
        let overrides = Overrides {
            file: Some(path),
            listen: Some("127.0.0.1:3".parse().unwrap()),
            logs: vec!["/x".into()],
            ..Overrides::default()
        };
        let config = load(&overrides, variable("VIGIL_DETECT__THREADS", "2")).unwrap();
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!(config.server.node, "a");
        assert_eq!(config.detect.threads, 2);
        assert_eq!(config.source.logs[0].path, "/x");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = with_file("[server]\nlisten = '127.0.0.1:1'\nlissten = 1\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 3") && error.contains("lissten"),
            "{error}"
        );
        let error = load(
            &Overrides::default(),
            variable("VIGIL_SERVER__LISSTEN", "1"),
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("VIGIL_SERVER__LISSTEN"),
            "{error}"
        );
    }

    #[test]
    fn values_are_checked() {
        let error = with_file("[detect]\nthreat_threshold = 11.0\nthreads = 1000\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("threat_threshold") && error.contains("threads"),
            "{error}"
        );
        assert!(with_file("[server]\nlisten = 'here'\n").is_err());
    }

    #[test]
    fn an_environment_variable_may_be_text_or_toml() {
        let config = load(
            &Overrides::default(),
            variable("VIGIL_SERVER__NODE", "web 1"),
        )
        .unwrap();
        assert_eq!(config.server.node, "web 1");
        let proxies = variable("VIGIL_DECODE__TRUSTED_PROXIES", "['10.0.0.0/8']");
        assert_eq!(
            load(&Overrides::default(), proxies)
                .unwrap()
                .decode
                .trusted_proxies
                .len(),
            1
        );
        assert!(load(&Overrides::default(), variable("VIGIL_TOKEN", "x")).is_ok());
    }
}
