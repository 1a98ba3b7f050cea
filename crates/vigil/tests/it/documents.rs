//! Generated documents are up to date. `UPDATE_GOLDEN=1 cargo test -p vigil` makes them again.

use vigil::config::reference::reference;

#[test]
fn the_configuration_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let wanted = format!(
        "# Configuration\n\nOne TOML file, given with `--config` or `VIGIL_CONFIG`. The environment goes over it, flags over \
         both. `vigil config` shows what is in force; `vigil config --explain` prints this page.\n\n```toml\n{}```\n",
        reference()
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs_err::write(path, &wanted).unwrap();
    }
    assert_eq!(
        fs_err::read_to_string(path).unwrap_or_default(),
        wanted,
        "run UPDATE_GOLDEN=1 cargo test -p vigil"
    );
}
