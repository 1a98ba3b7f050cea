//! The time from a line written to a log to its threat at a client, through the real binary, at
//! 1,000 lines a second; next to a raw loop that only reads the log and sends the line on.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::fs::inotify;
use vigil::demo::Traffic;
use vigil_event::{Clock as _, SystemClock};
use vigil_testkit::VigilBuilder;

const LINES_PER_SECOND: u32 = 1_000;
/// Attacks among them, in percent.
const ATTACKS: u64 = 5;

/// The number that an attack bears, and when something happened to it.
type Moments = HashMap<u64, Instant>;

pub(crate) fn run(vigil: &Path, seconds: u64) -> Result<()> {
    println!(
        "line written to threat at a client, {LINES_PER_SECOND} lines/s, {ATTACKS} % attacks, {seconds} s"
    );
    let raw = through_raw_loop(seconds)?;
    let served = through_vigil(vigil, seconds)?;
    let ceiling = report("raw: read the log, send the line", raw, None);
    report("vigil: judged, stored, published", served, Some(ceiling));
    Ok(())
}

/// Prints a row and gives the median in milliseconds.
fn report(name: &str, (written, received): (Moments, Moments), ceiling: Option<f64>) -> f64 {
    let mut waits: Vec<f64> = written
        .iter()
        .filter_map(|(number, at)| {
            Some(received.get(number)?.duration_since(*at).as_secs_f64() * 1_000.0)
        })
        .collect();
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| {
        waits
            .get(((waits.len().max(1) - 1) as f64 * share) as usize)
            .copied()
            .unwrap_or(f64::NAN)
    };
    let ratio = ceiling.map_or_else(String::new, |ceiling| {
        format!("   p50 {:.1} x raw", at(0.5) / ceiling)
    });
    println!(
        "{name:<34} p50 {:>7.3} ms   p99 {:>7.3} ms   max {:>7.3} ms   {} of {} arrived{ratio}",
        at(0.5),
        at(0.99),
        at(1.0),
        waits.len(),
        written.len()
    );
    at(0.5)
}

fn through_vigil(binary: &Path, seconds: u64) -> Result<(Moments, Moments)> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("access.log");
    fs_err::write(&log, "")?;
    let vigil = VigilBuilder::new(binary, directory.path().join("data"))
        .log(&log)
        .serve();
    let token = VigilBuilder::new(binary, directory.path().join("data")).token("viewer");
    let response = ureq::get(format!("{}/sse/threats", vigil.base()))
        .header("Authorization", format!("Bearer {token}"))
        .call()?;
    let frames = BufReader::new(response.into_body().into_reader());
    measure(&log, seconds, frames)
}

/// A thread that waits for the log to grow and sends what it reads to a socket, and nothing else.
fn through_raw_loop(seconds: u64) -> Result<(Moments, Moments)> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("access.log");
    fs_err::write(&log, "")?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    server.set_nodelay(true)?;
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, &log, inotify::WatchFlags::MODIFY)?;
    let mut file = fs_err::File::open(&log)?;
    thread::spawn(move || -> Result<()> {
        let mut woken = [0; 4096];
        let mut text = vec![0; 1 << 20];
        loop {
            rustix::io::read(&watch, &mut woken)?;
            let read = file.read(&mut text)?;
            server.write_all(text.get(..read).unwrap_or_default())?;
        }
    });
    measure(&log, seconds, BufReader::new(client))
}

/// Writes the log at the wanted rate, and notes when each attack was written and came back.
fn measure(
    log: &Path,
    seconds: u64,
    mut frames: impl BufRead + Send + 'static,
) -> Result<(Moments, Moments)> {
    let stopped = Arc::new(AtomicBool::new(false));
    let (arrived, arrivals) = mpsc::sync_channel(100_000);
    let stop = Arc::clone(&stopped);
    thread::spawn(move || {
        let mut line = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            line.clear();
            if frames.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
                return;
            }
            let now = Instant::now();
            if let Some(number) = number_of(&line)
                && arrived.send((number, now)).is_err()
            {
                return;
            }
        }
    });
    let written = write_log(log, seconds)?;
    let mut received = Moments::new();
    while received.len() < written.len()
        && let Ok((number, at)) = arrivals.recv_timeout(Duration::from_secs(5))
    {
        received.entry(number).or_insert(at);
    }
    stopped.store(true, Ordering::SeqCst);
    received.retain(|number, _| written.contains_key(number));
    Ok((written, received))
}

fn write_log(log: &Path, seconds: u64) -> Result<Moments> {
    let mut traffic = Traffic::new(7, 0.0);
    let mut file = fs_err::OpenOptions::new()
        .append(true)
        .open(log)
        .context("the log")?;
    let mut written = Moments::new();
    let start = Instant::now();
    let step = Duration::from_secs(1) / LINES_PER_SECOND;
    for number in 1..=seconds * u64::from(LINES_PER_SECOND) {
        let due = start + step * number as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut line = Vec::new();
        if number % (100 / ATTACKS) == 0 {
            traffic.write_attack(&mut line, SystemClock.now());
            let number = number_of(&line).context("an attack bears its number")?;
            written.insert(number, Instant::now());
        } else {
            traffic.write_line(&mut line, SystemClock.now());
        }
        file.write_all(&line)?;
    }
    Ok(written)
}

/// The number in `n=…` that an attack bears.
fn number_of(line: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(line);
    let start = text.find("&n=").or_else(|| text.find("?n="))?;
    let digits: String = text
        .chars()
        .skip(start + 3)
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}
