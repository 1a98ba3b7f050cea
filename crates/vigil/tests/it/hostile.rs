//! A log that somebody hostile wrote: it neither stops nor loses what stands between.

use fastrand::Rng;
use vigil_testkit::wait_until;

use crate::site::{Site, line, threat_with};

/// Hostile lines: binary, huge, cut, nested, half a format.
fn hostile_lines(seed: u64, count: usize) -> Vec<u8> {
    let mut random = Rng::with_seed(seed);
    let pieces: [&[u8]; 12] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"203.0.113.9 - - [21/Nov/2026:02:09:58 +0000] \"",
        b"\\x16\\x03\\x01",
        b"{\"remote_addr\":\"",
        b"%25%25%32%35%2e%2e",
        b"\xc0\xae\xc0\xae/",
        b"&#x26;lt;",
        b"((((((((((((((((((((",
        b"\" 200 \"-\" \"",
        b"\x00\x00\x00",
        b"${${::-${::-$${::-j}}}}",
        b"\xf0\x9f\xa6\x84\xe2\x80\xae",
    ];
    let mut text = Vec::new();
    for number in 0..count {
        match number % 100 {
            // A line far over the limit, and one just over what is kept of a line.
            0 => text.extend(std::iter::repeat_n(
                b'A',
                1_500_000 * usize::from(number % 1_000 == 0) + 70_000,
            )),
            1..40 => (0..random.usize(..400)).for_each(|_| text.push(random.u8(..))),
            _ => (0..random.usize(1..60))
                .for_each(|_| text.extend_from_slice(random.choice(&pieces).unwrap())),
        }
        text.push(b'\n');
    }
    text
}

#[test]
fn ten_thousand_hostile_lines_do_not_stop_the_next() {
    let site = Site::new();
    site.append("");
    let vigil = site.following().serve();
    let text = hostile_lines(7, 10_000);
    // In pieces that end anywhere, with an attack between them that must be found.
    for (number, piece) in text.chunks(1_000_003).enumerate() {
        site.append(piece);
        site.append(format!(
            "\n{}",
            line(&format!("/between-{number}?file=../../../../etc/passwd"))
        ));
    }
    site.append(line("/last?file=../../../../etc/passwd"));
    threat_with(vigil.http(), "/last");
    for number in 0..text.len().div_ceil(1_000_003) {
        threat_with(vigil.http(), &format!("/between-{number}?"));
    }
    let metrics = vigil.http().get("/metrics").text;
    let value = |name: &str| -> f64 {
        let start = metrics
            .find(&format!("\n{name}"))
            .unwrap_or_else(|| panic!("no {name}"));
        metrics[start + 1..]
            .lines()
            .next()
            .unwrap()
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    assert!(
        value("vigil_records_unparsed_total{") > 1_000.0,
        "unparsable lines are counted"
    );
    assert!(
        value("vigil_records_truncated_total") >= 100.0,
        "cut lines are counted"
    );
    wait_until("the server is ready", || {
        vigil.http().get("/ready").status == 200
    });
}

#[test]
fn a_cut_line_is_marked() {
    let site = Site::new();
    site.append("");
    let vigil = site.following().serve();
    let long = format!(
        "/cut?file=../../../../etc/passwd&x={}",
        "y".repeat(2_000_000)
    );
    site.append(line(&long));
    site.append(line("/after?file=../../../../etc/passwd"));
    threat_with(vigil.http(), "/after");
    let threat = threat_with(vigil.http(), "/cut");
    assert_eq!(threat["event"]["truncated"], true);
    assert!(threat["event"]["original"].as_str().unwrap().len() <= 64 << 10);
}
