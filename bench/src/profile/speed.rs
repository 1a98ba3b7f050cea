//! What a profile costs: the same lines with one in force and without, and learning alone.

use std::hint::black_box;
use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};
use vigil_decode::{Decoder, Format, Proxies};
use vigil_detect::profile::{Learner, Requests};
use vigil_detect::{Detector, DetectorOptions};
use vigil_event::{Event, Record, Timestamp};
use vigil_rule::RuleSet;

use super::site::{Line, Phase, Plan, Site, traffic};

/// Lines that are measured.
const LINES: usize = 20_000;
/// The fastest of so many runs counts, since noise only slows.
const RUNS: usize = 5;

pub(super) fn run(site: &dyn Site, rules: &Arc<RuleSet>, requests: usize) {
    let plan = Plan {
        phase: Phase::Learned,
        seed: 1,
        requests,
        start: Timestamp::from_millis(1_795_176_598_000),
        hours: 72,
        visitors: 6_000,
        attacks: 0,
        attacker_networks: 1,
        browses: false,
    };
    let taught = events(&traffic(site, plan));
    let options = DetectorOptions::default();
    let mut learner = Learner::new(options.profiles.clone());
    let mut detector = Detector::new(Arc::clone(rules), &options);
    let mut learning = 0.0;
    for part in taught.chunks(512) {
        for event in part {
            detector.judge(event);
        }
        let seen = detector.eye_mut().take(Requests::default());
        let start = seconds();
        learner.learn(&seen);
        learning += seconds() - start;
    }
    let publishing = seconds();
    let profiles = Arc::new(learner.publish());
    let publishing = seconds() - publishing;
    let judged = events(&traffic(
        site,
        Plan {
            seed: 3,
            requests: LINES,
            ..plan
        },
    ));
    let time = |in_force: bool| {
        let runs = (0..RUNS).map(|_| {
            let mut detector = Detector::new(Arc::clone(rules), &options);
            if in_force {
                detector.eye_mut().follow(&profiles);
            }
            let start = seconds();
            for event in &judged {
                black_box(detector.judge(event));
                if detector.eye_mut().waiting() >= 1_024 {
                    black_box(detector.eye_mut().take(Requests::default()));
                }
            }
            seconds() - start
        });
        runs.fold(f64::INFINITY, f64::min)
    };
    let (without, with) = (time(false), time(true));
    let nanoseconds = |seconds: f64, count: usize| seconds * 1e9 / count.max(1) as f64;
    println!(
        "\n{}: judging {:.0} lines per CPU-second without a profile, {:.0} with one in force: {:+.0} ns a line; learning {:.0} ns a request, publishing {:.1} ms",
        site.host(),
        LINES as f64 / without,
        LINES as f64 / with,
        nanoseconds(with - without, LINES),
        nanoseconds(learning, taught.len()),
        publishing * 1e3
    );
}

pub(super) fn events(lines: &[Line]) -> Vec<Event> {
    let (mut decoder, proxies) = (Decoder::new(), Proxies::new(Vec::new()));
    let all = lines.iter().filter_map(|line| {
        let mut bytes = line.text.trim_ascii_end().to_vec();
        let record = Record::of(&bytes);
        let at = Timestamp::default();
        let request = vigil_decode::parse(&mut bytes, &record, Format::Auto, &proxies, at).ok()?;
        let mut event = Event::new();
        decoder.decode(&bytes, &record, &request, &mut event);
        Some(event)
    });
    all.collect()
}

/// The CPU time of this thread.
fn seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
