//! Generated documents are up to date. `UPDATE_GOLDEN=1 cargo test -p vigil` makes them again.

use vigil::config::Overrides;
use vigil::config::reference::reference;

/// What stands before the reference. Its example is loaded by a test.
const INTRODUCTION: &str = "# Configuration

One TOML file, given with `--config` or `VIGIL_CONFIG`. The environment goes over it, flags over both.
`vigil config` shows what is in force; `vigil config --explain` prints the reference below.

## An example

```toml
[source]
logs = [
    { path = \"/var/log/nginx/*.log\" },
    { path = \"/var/log/apache2/access.log\", format = \"combined\" },
]

[decode]
trusted_proxies = [\"10.0.0.0/8\"]

[store]
retention_days = 30

[[auth.api_keys]]
name = \"collector\"
role = \"service\"
key_file = \"/etc/vigil/collector.key\"
```

A key file holds a secret of at least 20 characters and belongs to its owner alone:
`(umask 077; openssl rand -hex 32 > /etc/vigil/collector.key)`. Whoever sends it as `X-API-Key` has its
role.

## The environment

| variable | what it sets |
|---|---|
| `VIGIL_SECTION__KEY` | any key below: `VIGIL_SERVER__LISTEN=127.0.0.1:9000`; the value is TOML, or else text |
| `VIGIL_CONFIG` | the configuration file, as `--config` |
| `VIGIL_DATA_DIR` | the data directory, as `--data-dir` |
| `VIGIL_TOKEN` | the token of the commands that ask a server, instead of one made with its key |
| `VIGIL_LOG` | how much is told on standard error: error, warn, info (default) or debug |

## Every key
";

#[test]
fn the_example_can_be_loaded() {
    let example = INTRODUCTION
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vigil.toml");
    fs_err::write(&path, example).unwrap();
    let overrides = Overrides {
        file: Some(path),
        ..Overrides::default()
    };
    let config = vigil::config::load(&overrides, []).unwrap();
    assert_eq!(
        (config.source.logs.len(), config.auth.api_keys.len()),
        (2, 1)
    );
}

#[test]
fn the_configuration_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let wanted = format!("{INTRODUCTION}\n```toml\n{}```\n", reference());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs_err::write(path, &wanted).unwrap();
    }
    assert_eq!(
        fs_err::read_to_string(path).unwrap_or_default(),
        wanted,
        "run UPDATE_GOLDEN=1 cargo test -p vigil"
    );
}
