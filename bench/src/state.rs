//! What the state of behaviour of a million addresses costs, through the real binary: how long a save takes
//! beside everything else, how large the file is, and how much longer a start takes.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{BufWriter, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use vigil_event::{Clock as _, SystemClock};
use vigil_testkit::{Http, VigilBuilder};

/// How many addresses.
const KEYS: u32 = 1_000_000;
/// So long is waited for all to be read and saved.
const LONGEST: Duration = Duration::from_mins(10);

pub(crate) fn run(binary: &Path) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("access.log");
    write_log(&log)?;
    let builder = VigilBuilder::new(binary, directory.path().join("data"))
        .log(&log)
        .arg("--from-start")
        .environment("VIGIL_DETECT__SAVE_STATE_SECONDS", "1")
        .environment("VIGIL_DETECT__WINDOWS__MAX_ADDRESSES", "1000000");
    let empty = Instant::now();
    let mut vigil = builder.serve();
    let empty = empty.elapsed();
    let http = vigil.http();
    let begun = Instant::now();
    while number(http, "vigil_records_total")? < f64::from(KEYS) {
        wait(begun)?;
    }
    // The next two saves: one may have begun before the last line.
    let saves = |http: &Http| number(http, "vigil_state_save_seconds_count");
    let until = saves(http)? + 2.0;
    while saves(http)? < until {
        write_one_more(&log)?;
        wait(begun)?;
    }
    let before = number(http, "vigil_state_save_seconds_sum")?;
    let count = saves(http)?;
    while saves(http)? <= count {
        write_one_more(&log)?;
        wait(begun)?;
    }
    let took = number(http, "vigil_state_save_seconds_sum")? - before;
    let keys = number(http, "vigil_state_saved_keys")?;
    let bytes = number(http, "vigil_state_saved_bytes")?;
    vigil.process().terminate();
    let started = Instant::now();
    let vigil = builder.serve();
    let started = started.elapsed();
    let restored = number(vigil.http(), "vigil_state_restored_keys")?;
    println!(
        "state of {KEYS} addresses    {keys:>10.0} keys {:>8.0} MiB {:>8.1} bytes a key   saved in {took:.2} s",
        bytes / 1_048_576.0,
        bytes / keys
    );
    println!(
        "start with it               {restored:>10.0} keys   {:.2} s, {:.2} s without",
        started.as_secs_f64(),
        empty.as_secs_f64()
    );
    println!();
    Ok(())
}

/// One request of each address, all within a minute before now.
fn write_log(log: &Path) -> Result<()> {
    let mut file = BufWriter::new(fs_err::File::create(log)?);
    for key in 0..KEYS {
        let address = Ipv4Addr::from(0x0100_0000 + key);
        write_line(&mut file, address)?;
    }
    Ok(file.flush()?)
}

/// One more line of the first address, so that there is something to save.
fn write_one_more(log: &Path) -> Result<()> {
    let mut file = fs_err::OpenOptions::new().append(true).open(log)?;
    write_line(&mut file, Ipv4Addr::from(0x0100_0000))
}

fn write_line(to: &mut impl std::io::Write, address: Ipv4Addr) -> Result<()> {
    let now = SystemClock.now();
    writeln!(
        to,
        "{{\"time_iso8601\":\"{now}\",\"remote_addr\":\"{address}\",\"request\":\"GET / HTTP/1.1\",\"status\":200}}"
    )?;
    Ok(())
}

fn wait(begun: Instant) -> Result<()> {
    if begun.elapsed() > LONGEST {
        bail!("not read and saved within {} s", LONGEST.as_secs());
    }
    std::thread::sleep(Duration::from_millis(200));
    Ok(())
}

/// A number on `/metrics`; 0 where it is not there yet.
fn number(http: &Http, name: &str) -> Result<f64> {
    let text = http.get("/metrics").text;
    let lines = text.lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next().unwrap_or("0").parse().context("a number")
}
