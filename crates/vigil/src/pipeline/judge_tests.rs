//! What a detection thread hands over, whatever stands behind in its queue.

use crossbeam_channel::bounded;
use vigil_api::Rulebook as _;
use vigil_decode::{Format, Proxies};
use vigil_event::SourceId;
use vigil_testkit::ManualClock;

use super::*;
use crate::pipeline::{Intake, Submission, Telemetry};
use crate::rules::RuleSources;

const LINE: &[u8] = b"203.0.113.7 - - [21/Nov/2026:02:09:58 +0000] \"GET /?f=../../etc/passwd HTTP/1.1\" 200 6 \"-\" \"-\"";

#[test]
fn what_rules_cost_does_not_wait_behind_a_save() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::default()));
    let rulebook = Arc::new(ActiveRules::load(RuleSources::default(), &clock).unwrap());
    let options = JudgeOptions {
        detector: DetectorOptions::default(),
        threshold: Score::new(5.0),
        alert_severity: Severity::High,
        alert_window_ms: 1,
        node: String::new(),
    };
    let judge = Judge::new(rulebook.set(), Arc::default(), clock, options);
    let (to_judge, work) = bounded(2);
    let (to_recorder, told) = bounded(3);
    let telemetry = Arc::new(Telemetry::new(&prometheus::Registry::new()).unwrap());
    let ways_in = (Proxies::new(Vec::new()), None);
    let intake = Intake::new(vec![to_judge], to_recorder.clone(), ways_in, telemetry);
    let batch = RecordBatch {
        source: SourceId::new("/a"),
        stream: Arc::from("a"),
        bytes: LINE.to_vec(),
        records: vec![Record::of(LINE)],
        read_at: Timestamp::default(),
        checkpoint: None,
    };
    let submission = Submission {
        batch,
        format: Format::Combined,
        done: None,
    };
    intake.submit(submission).unwrap();
    intake.mark(&Save::unheard(), true).unwrap();
    // The clock stands still, so that nothing is handed over since it is long ago.
    judge
        .following(Arc::clone(&rulebook))
        .run(&work, &to_recorder);
    drop(told);
    let hits = rulebook
        .costs()
        .rules
        .values()
        .map(|cost| cost.hits)
        .sum::<u64>();
    assert!(hits > 0, "what was found is counted");
}
