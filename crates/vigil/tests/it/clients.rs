//! A whole conversation by another language's library: Python's `websockets`.

use std::process::Command;

use vigil_testkit::VigilBuilder;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients.py");

#[test]
fn pythons_websockets_speaks_the_protocol() {
    let directory = tempfile::tempdir().unwrap();
    let builder = VigilBuilder::new(env!("CARGO_BIN_EXE_vigil"), directory.path());
    let server = builder.serve();
    let token = builder.token("analyst");
    let output = Command::new("python3")
        .args([SCRIPT, &server.base().replace("http://", "ws://"), &token])
        .output()
        .expect("python3 is there: `scripts/need python3-websockets` installs it");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
