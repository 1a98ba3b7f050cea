//! Tables from files that change while they are in force.

use std::path::Path;

use vigil_event::Event;

use super::*;

fn config(text: &str) -> Config {
    toml::from_str(text).unwrap()
}

fn tables(directory: &Path) -> Tables {
    let path = directory.join("list.txt");
    fs_err::write(&path, "192.0.2.1\nnonsense\n").unwrap();
    Tables::open(&config(&format!(
        "[[enrich.lists]]\nname = 'drop'\nkind = 'block'\npath = '{}'\n",
        path.display()
    )))
    .unwrap()
}

fn is_listed(tables: &Tables, address: &str) -> bool {
    let mut event = Event::new();
    event.source_ip = Some(address.parse().unwrap());
    let mut detections = Vec::new();
    tables.policy().accuse(&event, &mut detections);
    !detections.is_empty()
}

#[test]
fn a_changed_file_is_read_once_it_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let tables = tables(directory.path());
    assert!(is_listed(&tables, "192.0.2.1"));
    assert_eq!(tables.refresh(false), 0);
    fs_err::write(directory.path().join("list.txt"), "192.0.2.22\n").unwrap();
    assert_eq!(tables.refresh(false), 0, "it may still be written");
    assert_eq!(tables.refresh(false), 1);
    assert!(is_listed(&tables, "192.0.2.22"));
    assert!(!is_listed(&tables, "192.0.2.1"));
    assert!(tables.problems().is_empty());
    assert_eq!(tables.refresh(true), 1, "asked for, it is read at once");
}

#[test]
fn a_broken_file_leaves_the_old_data_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let tables = tables(directory.path());
    let problems = tables.problems();
    assert!(
        problems[0].contains("1 line(s) not understood") && problems[0].contains("line 2"),
        "{problems:?}"
    );
    let path = directory.path().join("list.txt");
    for broken in [Some("<html>\n"), None] {
        match broken {
            Some(text) => fs_err::write(&path, text).unwrap(),
            None => fs_err::remove_file(&path).unwrap(),
        }
        assert_eq!(tables.refresh(true), 0);
        let problems = tables.problems();
        assert!(
            problems[0].contains("the old list stays in force"),
            "{problems:?}"
        );
        assert!(is_listed(&tables, "192.0.2.1"));
    }
    fs_err::write(&path, "192.0.2.9\n").unwrap();
    assert_eq!(tables.refresh(true), 1);
    assert!(tables.problems().is_empty());
}

#[test]
fn a_broken_database_leaves_the_old_one_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("country.mmdb");
    let tables = Tables {
        files: Mutex::new(Files {
            databases: Databases::new(EnrichOptions {
                country_database: Some(path.clone()),
                ..EnrichOptions::default()
            }),
            ..Files::default()
        }),
        ..Tables::default()
    };
    fs_err::write(&path, "no database").unwrap();
    tables.refresh(true);
    let problems = tables.problems();
    assert!(
        problems[0].contains("the old database stays in force"),
        "{problems:?}"
    );
}

#[test]
fn suppressions_outlive_a_change_of_lists() {
    let directory = tempfile::tempdir().unwrap();
    let tables = tables(directory.path());
    let before = tables.policy();
    tables.suppress(Vec::new());
    let suppressed = tables.policy();
    assert!(!Arc::ptr_eq(&before.suppressions, &suppressed.suppressions));
    tables.refresh(true);
    assert!(Arc::ptr_eq(
        &suppressed.suppressions,
        &tables.policy().suppressions
    ));
}

#[test]
fn what_is_configured_is_found_by_its_name() {
    let error = Tables::open(&config(
        "[[enrich.lists]]\nname = 'feed'\nkind = 'reputation'\npath = '/nowhere/feed.csv'\ncolumn = 'ip'\n",
    ))
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("list feed") && error.contains("/nowhere/feed.csv"),
        "{error}"
    );
}
