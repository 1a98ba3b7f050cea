//! `kill -9` at any moment: every attack line is stored exactly once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use vigil::demo::Traffic;
use vigil_event::{Clock as _, SystemClock};
use vigil_testkit::wait_until;

use crate::site::{Site, append, threats};

/// Kills in the test.
const KILLS: u32 = 24;
/// Attacks that are written at least, however quickly the server is killed so often.
const ATTACKS: usize = 500;

/// Fewer files than may be unread at once without a loss that is told, however slow the server is to start.
const ROTATIONS: u32 = 200;

/// Writes a log with attacks and rotates it, both ways, until it is told to stop; gives the attacks'
/// numbers.
fn write_log(
    site: &Site,
    seed: u64,
    stop: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<Vec<String>> {
    let (log, stop) = (site.log(), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut random = Rng::with_seed(seed);
        let mut traffic = Traffic::new(seed, 0.3);
        let mut attacks = Vec::new();
        let mut rotations = 0u32;
        while attacks.len() < ATTACKS || !stop.load(Ordering::SeqCst) {
            let mut text = Vec::new();
            for _ in 0..random.u32(1..6) {
                let start = text.len();
                if traffic.write_line(&mut text, SystemClock.now()) {
                    attacks.push(number_of(&String::from_utf8_lossy(&text[start..])));
                }
            }
            // Writers do not write whole lines at once.
            let cut = random.usize(..text.len());
            append(&log, &text[..cut]);
            std::thread::sleep(Duration::from_micros(random.u64(..8_000)));
            append(&log, &text[cut..]);
            if rotations < ROTATIONS && random.u32(..40) == 0 {
                rotations += 1;
                let old = log.with_extension(format!("log.{rotations:06}"));
                if random.u32(..3) == 0 {
                    fs_err::copy(&log, &old).unwrap();
                } else {
                    fs_err::rename(&log, &old).unwrap();
                }
                fs_err::write(&log, "").unwrap();
            }
            std::thread::sleep(Duration::from_micros(random.u64(..8_000)));
        }
        attacks
    })
}

/// The number that an attack bears.
fn number_of(text: &str) -> String {
    let start = text.find("&n=").or_else(|| text.find("?n=")).unwrap() + 3;
    text[start..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect()
}

#[test]
fn every_attack_is_stored_exactly_once() {
    let seed = 20_261_121;
    let site = Site::new();
    site.append("");
    let builder = site.following().arg("--from-start");
    let stop = Arc::new(AtomicBool::new(false));
    let first = builder.serve();
    let writer = write_log(&site, seed, &stop);
    drop(first);
    let mut random = Rng::with_seed(seed);
    for _ in 0..KILLS {
        let mut vigil = builder.serve();
        std::thread::sleep(Duration::from_micros(random.u64(..250_000)));
        vigil.process().kill();
    }
    stop.store(true, Ordering::SeqCst);
    let attacks = writer.join().unwrap();

    let vigil = builder.serve();
    let stored = || {
        let mut stored: BTreeMap<String, u32> = BTreeMap::new();
        for threat in threats(vigil.http()) {
            *stored
                .entry(number_of(threat["event"]["original"].as_str().unwrap()))
                .or_default() += 1;
        }
        stored
    };
    let wanted: BTreeMap<String, u32> = attacks.iter().map(|number| (number.clone(), 1)).collect();
    assert_eq!(
        wanted.len(),
        attacks.len(),
        "each attack bears its own number"
    );
    let read = || {
        vigil
            .http()
            .get("/metrics")
            .text
            .contains("\nvigil_source_lag_bytes 0\n")
    };
    wait_until("the log is read to its end", || {
        read() && threats(vigil.http()).len() >= wanted.len()
    });
    let stored = stored();
    let missing: Vec<_> = wanted
        .keys()
        .filter(|number| !stored.contains_key(*number))
        .collect();
    let doubled: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        missing.is_empty() && doubled.is_empty(),
        "of {} missing {missing:?}, doubled {doubled:?}",
        wanted.len()
    );

    let counted: u64 = vigil.http().get("/api/v1/alerts?limit=1000").json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["count"].as_u64().unwrap())
        .sum();
    let severe = threats(vigil.http())
        .iter()
        .filter(|threat| ["high", "critical"].contains(&threat["severity"].as_str().unwrap()))
        .count();
    assert_eq!(counted, severe as u64, "alerts count each threat once");
}
