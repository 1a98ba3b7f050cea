//! What only the SQLite store can be asked: its files, its failures, its plans.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tempfile::TempDir;
use vigil_event::channel;

use super::*;
use crate::conformance::sample::of_one_alert;
use crate::conformance::{Place, suite};

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("data/vigil.db")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.database(), Box::new(|_| {})).unwrap()
    }

    fn refusal(&self) -> StoreError {
        SqliteStore::open(&self.database(), Box::new(|_| {}))
            .err()
            .expect("it must not open")
    }

    fn raw(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }
}

impl Place for Directory {
    fn open(&self, publish: Publish) -> Box<dyn Store> {
        Box::new(SqliteStore::open(&self.database(), publish).unwrap())
    }
}

#[test]
fn conforms() {
    suite(Directory::new);
}

#[test]
fn only_the_owner_may_read() {
    let directory = Directory::new();
    let store = directory.store();
    store.check().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = directory.database();
    assert_eq!(mode(data.parent().unwrap()), 0o700);
    for file in std::fs::read_dir(data.parent().unwrap()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[test]
fn one_process_at_a_time() {
    let directory = Directory::new();
    let store = directory.store();
    let refusal = directory.refusal();
    assert!(matches!(refusal, StoreError::InUse { .. }), "{refusal}");
    assert!(
        refusal
            .to_string()
            .contains("vigil.db is in use by another Vigil process")
    );
    drop(store);
    directory.store();
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let directory = Directory::new();
    std::fs::create_dir(directory.database().parent().unwrap()).unwrap();
    directory
        .raw()
        .execute_batch("CREATE TABLE shopping (item TEXT)")
        .unwrap();
    assert!(matches!(directory.refusal(), StoreError::Foreign { .. }));
    std::fs::write(
        directory.database(),
        "no database at all, but long enough to have a header. ".repeat(40),
    )
    .unwrap();
    let refusal = directory.refusal();
    assert!(matches!(refusal, StoreError::Corrupt { .. }), "{refusal}");
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = Directory::new();
    drop(directory.store());
    directory
        .raw()
        .pragma_update(None, "user_version", migrate::KNOWN + 1)
        .unwrap();
    let refusal = directory.refusal();
    assert!(matches!(refusal, StoreError::Newer { .. }), "{refusal}");
}

#[test]
fn damage_inside_is_told() {
    let directory = Directory::new();
    drop(directory.store());
    let mut bytes = fs_err::read(directory.database()).unwrap();
    let length = bytes.len();
    bytes[8_192..length].fill(0xa5);
    std::fs::write(directory.database(), bytes).unwrap();
    let refusal = directory.refusal();
    assert!(matches!(refusal, StoreError::Corrupt { .. }), "{refusal}");
}

/// After the failure nothing has changed, nothing was told, and the same call succeeds later.
fn fails_and_goes_on(pragma: &str, undo: &str, is_expected: fn(&StoreError) -> bool) {
    let directory = Directory::new();
    let store = SqliteStore::open(
        &directory.database(),
        Box::new(|told| assert_eq!(told.len(), 501)),
    )
    .unwrap();
    let threats = of_one_alert(0..500);
    let checkpoint = Checkpoint {
        source: SourceId::new("/a"),
        state: "1".to_owned(),
    };
    let entry = Entry {
        threats: &threats,
        checkpoints: &[checkpoint],
        at: threats[0].threat.occurred_at,
        ..Entry::default()
    };
    store
        .writer
        .lock()
        .connection
        .execute_batch(pragma)
        .unwrap();
    let failure = store.record(&entry).expect_err("it cannot be written");
    assert!(is_expected(&failure) && failure.is_temporary(), "{failure}");
    assert!(
        store
            .threats(&ThreatQuery::default())
            .unwrap()
            .items
            .is_empty()
    );
    assert!(store.checkpoints().unwrap().is_empty());
    assert_eq!(store.backlog(channel::THREATS, 1).unwrap().next_offset, 1);

    store.writer.lock().connection.execute_batch(undo).unwrap();
    assert_eq!(
        store.record(&entry).unwrap(),
        Recorded {
            stored: 500,
            already: 0,
            ..Recorded::default()
        }
    );
    assert_eq!(store.backlog(channel::THREATS, 1).unwrap().next_offset, 501);
}

#[test]
fn a_full_disk_loses_nothing() {
    fails_and_goes_on(
        "PRAGMA max_page_count = 60",
        "PRAGMA max_page_count = 100000",
        |failure| matches!(failure, StoreError::Full { .. }),
    );
}

#[test]
fn a_disk_that_cannot_be_written_loses_nothing() {
    fails_and_goes_on(
        "PRAGMA query_only = ON",
        "PRAGMA query_only = OFF",
        |failure| matches!(failure, StoreError::ReadOnly { .. }),
    );
}

#[test]
fn what_is_written_through_is_a_commit_and_makes_no_later_one_slower() {
    let directory = Directory::new();
    let store = directory.store();
    let ask = |sql: &str| -> String {
        let writer = store.writer.lock();
        let answer = writer.connection.query_row(sql, [], |row| row.get(0));
        answer.unwrap()
    };
    let commits = || ask("SELECT value FROM meta WHERE key = 'checked'");
    // Normal: a commit does not wait for the disk.
    let waits = || ask("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous");
    let before = (commits(), waits());
    assert_eq!(before.1, "1");
    store.write_through().unwrap();
    assert_ne!(commits(), before.0, "without one nothing reaches the disk");
    assert_eq!(waits(), before.1);
    let pragma = |sql| store.writer.lock().connection.execute_batch(sql).unwrap();
    pragma("PRAGMA query_only = ON");
    assert!(store.write_through().is_err());
    pragma("PRAGMA query_only = OFF");
    assert_eq!(waits(), before.1);
}

#[test]
fn the_machine_failed_so_offsets_may_come_again() {
    let directory = Directory::new();
    let epoch = |store: &SqliteStore| store.backlog(channel::THREATS, 1).unwrap().epoch;
    let before = epoch(&directory.store());
    assert_eq!(epoch(&directory.store()), before, "closed well");
    let pretend = |closed: &str, boot: &str| {
        let raw = directory.raw();
        raw.execute("UPDATE meta SET value = ?1 WHERE key = 'closed'", [closed])
            .unwrap();
        if !boot.is_empty() {
            raw.execute("UPDATE meta SET value = ?1 WHERE key = 'boot'", [boot])
                .unwrap();
        }
    };
    pretend("no", "");
    assert_eq!(
        epoch(&directory.store()),
        before,
        "only the process was killed"
    );
    pretend("yes", "an earlier boot");
    assert_eq!(epoch(&directory.store()), before, "restarted in order");
    pretend("no", "an earlier boot");
    assert_ne!(epoch(&directory.store()), before);
}

#[test]
fn a_question_without_end_is_stopped() {
    let directory = Directory::new();
    let store = directory.store();
    let answer = store.readers.run_within(Duration::from_millis(20), |sql| {
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        Ok(sql.query_row(endless, [], |row| row.get::<_, i64>(0))?)
    });
    let failure = answer.expect_err("it has no end").at(&directory.database());
    assert!(matches!(failure, StoreError::TooSlow { .. }), "{failure}");
    assert!(
        store.threats(&ThreatQuery::default()).is_ok(),
        "the reader is as good as before"
    );
}

/// Each question finds its rows in an index that already has the order.
#[test]
fn questions_use_their_indexes() {
    let directory = Directory::new();
    let store = directory.store();
    let network = |text: &str| ThreatQuery {
        network: Some(text.parse().unwrap()),
        ..ThreatQuery::default()
    };
    let now = Timestamp::from_millis(5);
    let by_rule = ThreatQuery {
        rule_id: Some("r".to_owned()),
        ..ThreatQuery::default()
    };
    let by_alert = ThreatQuery {
        alert: Some(Id::derived(now, &[])),
        ..ThreatQuery::default()
    };
    let recent = ThreatQuery {
        since: Some(now),
        min_severity: Some(vigil_event::Severity::High),
        ..ThreatQuery::default()
    };
    let by_outcome = ThreatQuery {
        sort: crate::Sort::Outcome,
        cursor: Some(format!("1-{}", "0".repeat(44))),
        ..ThreatQuery::default()
    };
    for (query, index) in [
        (
            by_outcome,
            "SEARCH t USING COVERING INDEX threat_outcome ((outcome,occurred_at,id)<(?,?,?))",
        ),
        (
            ThreatQuery::default(),
            "SCAN t USING COVERING INDEX threat_time",
        ),
        (
            recent,
            "SEARCH t USING COVERING INDEX threat_time (occurred_at>?)",
        ),
        (
            network("10.0.0.0/8"),
            "SCAN t USING COVERING INDEX threat_time",
        ),
        (
            network("192.0.2.1/32"),
            "SEARCH t USING COVERING INDEX threat_ip (ip=?)",
        ),
        (by_rule, "SEARCH r USING PRIMARY KEY (rule=?)"),
        (
            by_alert,
            "SEARCH t USING COVERING INDEX threat_alert (alert=?)",
        ),
    ] {
        let plan = store
            .read(|sql| list::explain(sql, &query))
            .unwrap()
            .join("\n");
        assert!(
            plan.contains(index) && !plan.contains("TEMP B-TREE"),
            "{query:?}\n{plan}"
        );
    }
}
