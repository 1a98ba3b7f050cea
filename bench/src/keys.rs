//! Bytes a key: what a plain leaky bucket, the windows and what is known of suspects take for each address,
//! by the memory of this process.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use vigil_detect::window::Windows;
use vigil_detect::{CorrelationOptions, Correlator, Scope, WindowOptions};
use vigil_event::{Event, Field, Timestamp};
use vigil_rule::{RuleFile, RuleSet};

/// How many addresses.
const KEYS: [u32; 2] = [1_000_000, 10_000_000];
/// A bucket that every request is poured into.
const BUCKET: &str = "title: Request
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
name: request
level: low
logsource: {category: webserver}
detection: {it: {url.path: /}, condition: it}
---
title: Bucket
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000002
level: low
bucket: {type: leaky, rules: [request], groupby: source.ip, capacity: 5, leakspeed: 10s}
";

pub(crate) fn run() -> Result<()> {
    let file = RuleFile {
        name: "bucket.yml".to_owned(),
        text: BUCKET.to_owned(),
    };
    let rules = RuleSet::load(&[file]).map_err(|errors| anyhow!("{errors:?}"))?;
    let rules = Arc::new(rules);
    for keys in KEYS {
        row("leaky bucket", keys, || {
            let options = CorrelationOptions {
                max_groups: keys as usize,
                max_entries: 2 * keys as usize,
            };
            let mut correlator = Correlator::new(Arc::clone(&rules), Scope::Client, options);
            let mut firings = Vec::new();
            each(keys, |event| correlator.observe(event, [0], &mut firings));
            (correlator.groups(), correlator)
        })?;
        row("windows", keys, || {
            let mut windows = Windows::new(WindowOptions {
                max_addresses: keys as usize,
                ..WindowOptions::default()
            });
            let mut crossings = Vec::new();
            each(keys, |event| {
                windows.observe(event, &mut crossings);
            });
            (windows.addresses(), windows)
        })?;
    }
    println!();
    Ok(())
}

/// Makes something that holds so many keys, and prints what it took.
fn row<T>(name: &str, keys: u32, make: impl FnOnce() -> (usize, T)) -> Result<()> {
    let before = resident()?;
    let (held, all) = make();
    let taken = resident()?.saturating_sub(before);
    println!(
        "{name:<16} {held:>10} keys {:>8.0} MiB {:>8.1} bytes a key",
        taken as f64 / 1_048_576.0,
        taken as f64 / f64::from(keys)
    );
    black_box(&all);
    Ok(())
}

/// A request from each of so many addresses, one after the other.
fn each(keys: u32, mut take: impl FnMut(&Event)) {
    let mut event = Event::new();
    event.set(Field::UrlPath, b"/");
    event.status = 200;
    event.occurred_at = Timestamp::from_millis(1_795_176_598_000);
    for key in 0..keys {
        event.source_ip = Some(IpAddr::from((0x0100_0000 + key).to_be_bytes()));
        take(&event);
    }
}

/// The resident memory of this process in bytes (proc(5), the second number of `statm`).
fn resident() -> Result<u64> {
    let statm = fs_err::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .context("/proc/self/statm has two numbers")?
        .parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}
