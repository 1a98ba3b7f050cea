//! Bad input: one clear line that says what, where and what to do, and an exit code that says which
//! sort it is.

use std::process::{Command, Output};

use crate::site::{BINARY, Site};

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .env_remove("VIGIL_TOKEN")
        .output()
        .unwrap()
}

/// Runs, and expects that exit code and one line that contains every text.
fn fails(arguments: &[&str], code: i32, texts: &[&str]) {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{arguments:?}: {said}");
    for text in texts {
        assert!(
            said.contains(text),
            "{arguments:?}: `{text}` is not in: {said}"
        );
    }
}

#[test]
fn an_unknown_key_names_file_line_and_remedy() {
    let site = Site::new();
    let path = site.path("vigil.toml");
    fs_err::write(&path, "[server]\nlissten = '127.0.0.1:1'\n").unwrap();
    let path = path.to_str().unwrap();
    fails(
        &["serve", "--config", path],
        2,
        &["vigil.toml", "line 2", "lissten", "vigil config --explain"],
    );
}

#[test]
fn a_missing_file_is_named() {
    fails(
        &["serve", "--config", "/nonexistent/vigil.toml"],
        3,
        &["/nonexistent/vigil.toml", "--config"],
    );
    fails(
        &["replay", "--offline", "/nonexistent/access.log"],
        3,
        &["/nonexistent/access.log"],
    );
    fails(
        &["test-rules", "/nonexistent/rules"],
        3,
        &["/nonexistent/rules"],
    );
}

#[test]
fn a_data_directory_that_cannot_be_is_named() {
    let site = Site::new();
    fs_err::write(site.path("file"), "").unwrap();
    let below = site.path("file").join("data");
    let below = below.to_str().unwrap();
    fails(
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", below],
        3,
        &[below, "data directory", "--data-dir"],
    );
}

#[test]
fn a_channel_that_cannot_be_is_named() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let data = site.path("data");
    let data = data.to_str().unwrap();
    let arguments = [
        "watch",
        "--url",
        vigil.base(),
        "--data-dir",
        data,
        "no channel",
    ];
    fails(&arguments, 2, &["no channel `no channel`"]);
}

#[test]
fn a_token_needs_the_servers_key() {
    let site = Site::new();
    let data = site.path("data");
    fails(
        &["token", "--data-dir", data.to_str().unwrap()],
        4,
        &["--data-dir"],
    );
    assert!(!data.exists());
}

#[test]
fn a_bad_pattern_is_named() {
    let site = Site::new();
    let data = site.path("data");
    let data = data.to_str().unwrap();
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data,
        "--log",
        "/var/log/a**b",
    ];
    fails(&serve, 2, &["/var/log/a**b"]);
    // The start failed, so the next one is still the first, and opens the page.
    assert!(
        site.vigil()
            .serve()
            .greeting()
            .join(" ")
            .contains("ticket=")
    );
}

#[test]
fn a_taken_port_is_named() {
    let site = Site::new();
    let holder = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let data = site.path("data");
    fails(
        &[
            "serve",
            "--listen",
            &address,
            "--data-dir",
            data.to_str().unwrap(),
        ],
        3,
        &[&address, "--listen"],
    );
}

#[test]
fn a_broken_rule_is_named() {
    let site = Site::new();
    fs_err::create_dir(site.path("rules")).unwrap();
    fs_err::write(
        site.path("rules/broken.yml"),
        "title: Broken\ndetection: {a: {url.query|regexx: x}, condition: a}\n",
    )
    .unwrap();
    let rules = site.path("rules");
    let output = run(&["test-rules", rules.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("broken.yml"), "{said}");
}

#[test]
fn a_wrong_token_is_refused() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let output = Command::new(BINARY)
        .args(["health", "--url", vigil.base()])
        .env("VIGIL_TOKEN", "not-a-token")
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(4),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fails(
        &[
            "health",
            "--url",
            vigil.base(),
            "--data-dir",
            "/nonexistent",
        ],
        4,
        &["VIGIL_TOKEN"],
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let site = Site::new();
    // No test listens there: a free port could be another test's by now.
    let url = "http://127.0.0.1:1";
    drop(site.vigil().serve());
    let data = site.path("data");
    fails(
        &["health", "--url", url, "--data-dir", data.to_str().unwrap()],
        3,
        &[url, "vigil serve"],
    );
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let site = Site::new();
    let _first = site.vigil().serve();
    let data = site.path("data");
    fails(
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            data.to_str().unwrap(),
        ],
        3,
        &["data"],
    );
}
