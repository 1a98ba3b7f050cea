//! Lines per CPU-second: parsing, parsing and decoding, and the full set of rules and windows, next
//! to `wc -l` and to `rg` with eighty alternatives on the same file, and to libmodsecurity with OWASP CRS
//! on the log's requests.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};
use vigil::demo::Traffic;
use vigil::pipeline::{Correlate, Judge, JudgeOptions, Judged, LetPass};
use vigil::tables::Tables;
use vigil_decode::{Decoder, Format, Proxies, Request};
use vigil_detect::DetectorOptions;
use vigil_event::{Event, Record, RecordBatch, Score, Severity, SourceId, SystemClock, Timestamp};

use crate::THRESHOLD;
use crate::alternatives::ALTERNATIVES;

/// Lines in a batch, as the tailer hands them over.
const BATCH: usize = 1_024;
/// Runs of each stage; the fastest counts, since noise only slows.
pub(crate) const RUNS: usize = 3;
/// Runs of `wc -l` and of `rg`, whose CPU time the kernel counts in hundredths of a second.
const WC_RUNS: u32 = 40;
const RG_RUNS: u32 = 5;

pub(crate) fn run(lines: usize) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("access.log");
    let attacks = generate(&log, lines)?;
    let text = fs_err::read(&log)?;
    println!(
        "log: {lines} lines, {:.0} MB, {:.1} % attacks (seed 1)",
        text.len() as f64 / 1e6,
        attacks as f64 * 100.0 / lines as f64
    );
    let batches = batches(&text);
    let mut wc = Command::new("wc");
    wc.arg("-l").arg(&log);
    let ceiling = lines as f64 / child_seconds(&mut wc, WC_RUNS)?;
    row("wc -l", ceiling, ceiling);
    let mut rg = Command::new("rg");
    rg.args(["--threads", "1", "--ignore-case", "--count", "--regexp"])
        .arg(ALTERNATIVES.join("|"))
        .arg(&log);
    match child_seconds(&mut rg, RG_RUNS) {
        Ok(seconds) => row("rg, 80 alternatives", lines as f64 / seconds, ceiling),
        Err(_) => println!("rg, 80 alternatives: not measured, ripgrep is not installed"),
    }
    row("parse", lines as f64 / fastest(|| parse(&batches)), ceiling);
    row(
        "parse + decode",
        lines as f64 / fastest(|| decode(&batches)),
        ceiling,
    );
    let rules = Arc::new(vigil::rules::load(None)?);
    let count = rules.rules().len();
    let mut threats = 0;
    let options = DetectorOptions::default();
    let full = fastest(|| threats = judge(&batches, &rules, &options));
    row(
        &format!("full: {count} rules, windows"),
        lines as f64 / full,
        ceiling,
    );
    println!("threats found: {threats} of {attacks} attacks");
    against_modsecurity(lines as f64 / full, ceiling)?;
    let fewer = Arc::new(without_buckets()?);
    let without = fastest(|| threats = judge(&batches, &fewer, &without_risk()));
    row("full, no buckets, no risk", lines as f64 / without, ceiling);
    println!(
        "buckets, scan test and risk: {:.2} us a line of {:.2}",
        (full - without) * 1e6 / lines as f64,
        full * 1e6 / lines as f64
    );
    for (name, marked) in [
        (
            "full, a number in each",
            distinct(&text, |number| number.to_string()),
        ),
        ("full, no two lines alike", distinct(&text, word)),
    ] {
        let batches = self::batches(&marked);
        let seconds = fastest(|| threats = judge(&batches, &rules, &options));
        row(name, lines as f64 / seconds, ceiling);
        println!("threats found: {threats} of {attacks} attacks");
    }
    println!();
    Ok(())
}

/// What libmodsecurity with OWASP CRS does with the log's requests; the server around it not counted.
fn against_modsecurity(ours: f64, ceiling: f64) -> Result<()> {
    for paranoia in [1, 2] {
        let Some(theirs) = crate::crs::of_libmodsecurity(paranoia)? else {
            println!("libmodsecurity + CRS: not measured, it is not installed");
            return Ok(());
        };
        row(
            &format!("libmodsecurity + CRS, PL{paranoia}"),
            theirs,
            ceiling,
        );
        println!("full pipeline: {:.0} times as many", ours / theirs);
    }
    Ok(())
}

fn row(name: &str, rate: f64, ceiling: f64) {
    println!(
        "{name:<28} {rate:>14.0} lines per CPU-second   {:>8.4} of wc -l",
        rate / ceiling
    );
}

fn generate(log: &Path, lines: usize) -> Result<usize> {
    let mut traffic = Traffic::new(1, 0.05);
    let mut text = Vec::new();
    let start = Timestamp::from_millis(1_795_176_598_000);
    // A thousand lines a second of the log's own time.
    let attacks = (0..lines)
        .filter(|n| {
            traffic.write_line(
                &mut text,
                start.plus_millis(i64::try_from(*n).unwrap_or_default()),
            )
        })
        .count();
    fs_err::write(log, text)?;
    Ok(attacks)
}

/// A word of seven letters that no other number has.
fn word(number: usize) -> String {
    // An odd factor gives each number another one, far from those of its neighbours.
    let mut rest = (number as u32).wrapping_mul(0x9e37_79b1);
    let letters = std::iter::repeat_with(|| {
        let letter = b'a' + (rest % 26) as u8;
        rest /= 26;
        char::from(letter)
    });
    letters.take(7).collect()
}

/// The log with a parameter and a user agent in each line that no other line has, by what is made of
/// the line's number.
fn distinct(text: &[u8], form: fn(usize) -> String) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut distinct = Vec::with_capacity(text.len() * 2);
    for (number, line) in lines.enumerate() {
        let mark = form(number);
        let line = String::from_utf8_lossy(line);
        let (before, after) = line.split_once(" HTTP/").unwrap_or((&line, ""));
        let sign = if before.contains('?') { '&' } else { '?' };
        let after = after.trim_end().trim_end_matches('"');
        distinct.extend_from_slice(
            format!("{before}{sign}v={mark} HTTP/{after} v{mark}\"\n").as_bytes(),
        );
    }
    distinct
}

fn batches(text: &[u8]) -> Vec<RecordBatch> {
    let lines: Vec<&[u8]> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let batch = |lines: &[&[u8]]| {
        let mut bytes = Vec::new();
        let records = lines
            .iter()
            .map(|line| {
                let start = bytes.len() as u32;
                bytes.extend_from_slice(line);
                Record {
                    start,
                    len: line.len() as u32,
                    offset: u64::from(start),
                    truncated: false,
                }
            })
            .collect();
        let (source, stream) = (SourceId::new("bench"), Arc::from("bench"));
        RecordBatch {
            source,
            stream,
            bytes,
            records,
            read_at: Timestamp::default(),
            checkpoint: None,
        }
    };
    lines.chunks(BATCH).map(batch).collect()
}

/// The CPU seconds of this thread that the fastest run took.
pub(crate) fn fastest(mut body: impl FnMut()) -> f64 {
    let seconds = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    (0..RUNS)
        .map(|_| {
            let start = seconds();
            body();
            seconds() - start
        })
        .fold(f64::INFINITY, f64::min)
}

/// Calls `each` with every request of a batch. Parsing may append to a batch's bytes, so they are
/// copied into a buffer that is kept, as the tailer's read would.
fn for_requests(
    batch: &RecordBatch,
    proxies: &Proxies,
    buffer: &mut RecordBatch,
    mut each: impl FnMut(&RecordBatch, &Record, &Request),
) {
    buffer.bytes.clear();
    buffer.bytes.extend_from_slice(&batch.bytes);
    for record in &batch.records {
        if let Ok(request) = vigil_decode::parse(
            &mut buffer.bytes,
            record,
            Format::Auto,
            proxies,
            batch.read_at,
        ) {
            each(buffer, record, &request);
        }
    }
}

fn empty_like(batches: &[RecordBatch]) -> RecordBatch {
    let mut buffer = batches.first().cloned().unwrap_or_else(|| RecordBatch {
        source: SourceId::new("bench"),
        stream: Arc::from("bench"),
        bytes: Vec::new(),
        records: Vec::new(),
        read_at: Timestamp::default(),
        checkpoint: None,
    });
    buffer.records.clear();
    buffer
}

fn parse(batches: &[RecordBatch]) {
    let proxies = Proxies::new(Vec::new());
    let mut buffer = empty_like(batches);
    for batch in batches {
        for_requests(batch, &proxies, &mut buffer, |_, _, request| {
            black_box(request);
        });
    }
}

fn decode(batches: &[RecordBatch]) {
    let proxies = Proxies::new(Vec::new());
    let mut buffer = empty_like(batches);
    let (mut decoder, mut event) = (Decoder::new(), Event::new());
    for batch in batches {
        for_requests(batch, &proxies, &mut buffer, |buffer, record, request| {
            decoder.decode(&buffer.bytes, record, request, &mut event);
            black_box(&event);
        });
    }
}

/// The stock rules but for those that are buckets.
fn without_buckets() -> Result<vigil_rule::RuleSet> {
    let mut files = vigil::rules::read(None)?;
    files.retain(|file| !file.text.contains("\nbucket:"));
    vigil_rule::RuleSet::load(&files).map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

fn without_risk() -> DetectorOptions {
    let mut options = DetectorOptions::default();
    options.risk.enabled = false;
    options.windows.scan_test = false;
    options
}

fn judge(
    batches: &[RecordBatch],
    rules: &Arc<vigil_rule::RuleSet>,
    detector: &DetectorOptions,
) -> usize {
    let proxies = Proxies::new(Vec::new());
    let mut buffer = empty_like(batches);
    let options = JudgeOptions {
        detector: detector.clone(),
        threshold: Score::new(THRESHOLD),
        alert_severity: Severity::High,
        alert_window_ms: 3_600_000,
        node: "bench".to_owned(),
    };
    let mut judge = Judge::new(
        Arc::clone(rules),
        Arc::new(Tables::default()),
        Arc::new(SystemClock),
        options.clone(),
    );
    let mut correlate = Correlate::new(Arc::clone(rules), options);
    let (mut threats, mut requests) = (0, Vec::new());
    for batch in batches {
        let (mut found, mut sighted) = (Vec::new(), Vec::new());
        // As the server does it: first all of a batch is parsed, at last all of it is correlated.
        requests.clear();
        for_requests(batch, &proxies, &mut buffer, |_, record, request| {
            requests.push((*record, *request));
        });
        for requests in requests.chunks(Judge::EXPECTED) {
            judge.expect(requests.iter().map(|(_, request)| request));
            for (record, request) in requests {
                match judge.judge(&buffer, record, request, batch.read_at) {
                    Some(Judged::Threat(threat)) => found.push(*threat),
                    Some(Judged::Sighted(one)) => sighted.push(*one),
                    None => {}
                }
            }
        }
        correlate.conclude(sighted, &mut found, &mut LetPass::default());
        threats += black_box(found).len();
    }
    threats
}

/// The CPU seconds of one run of a command, from the kernel's account of finished children.
fn child_seconds(command: &mut Command, runs: u32) -> Result<f64> {
    let before = children_ticks()?;
    for _ in 0..runs {
        let name = command.get_program().to_owned();
        command
            .stdout(Stdio::null())
            .status()
            .with_context(|| name.display().to_string())?;
    }
    let ticks = (children_ticks()? - before).max(1);
    Ok(f64::from(ticks) / 100.0 / f64::from(runs))
}

/// User and system time of finished children in hundredths of a second: fields 16 and 17 of
/// `/proc/self/stat` (proc(5)).
fn children_ticks() -> Result<u32> {
    let stat = fs_err::read_to_string("/proc/self/stat")?;
    let after_name = stat
        .rsplit(") ")
        .next()
        .context("/proc/self/stat has a name")?;
    let mut fields = after_name.split(' ').skip(13);
    let mut next = || {
        fields
            .next()
            .and_then(|field| field.parse::<u32>().ok())
            .context("a number")
    };
    Ok(next()? + next()?)
}
