//! OWASP CRS on the same requests: here, and in libmodsecurity.
//!
//! Both get the generated traffic as whole requests: method, target, host, user agent, referrer and a
//! cookie; once more with a parameter, an agent and a cookie that no other request has, nor one of the
//! runs before: a server that has run for a while, to which only new requests come. Left out where
//! libmodsecurity, a C compiler or CRS is not installed.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use vigil::demo::Traffic;
use vigil::rules::RuleSources;
use vigil_decode::whole::{Told, write};
use vigil_decode::{Decoder, Format, Proxies, parse};
use vigil_event::whole::Pair;
use vigil_event::{Event, Field, Record, Timestamp};
use vigil_rule::seclang::{SecRules, SecScratch};

use crate::lines::{RUNS, fastest};

/// Different requests.
const REQUESTS: usize = 3_000;
/// Where Debian has CRS and its setup.
const CRS: &str = "/usr/share/modsecurity-crs";
const SETUP: &str = "/etc/modsecurity/crs/crs-setup.conf";

struct Sent {
    method: Vec<u8>,
    target: Vec<u8>,
    headers: Vec<Pair>,
}

pub(crate) fn run() -> Result<()> {
    let Some(library) = Library::build()? else {
        println!(
            "OWASP CRS: left out, since libmodsecurity-dev and modsecurity-crs are not installed\n"
        );
        return Ok(());
    };
    for (paranoia, alike) in [(1, true), (2, true), (1, false), (2, false)] {
        let own = |run| (!alike).then_some(run * REQUESTS);
        let runs: Vec<Vec<Sent>> = (0..RUNS).map(|run| requests(own(run))).collect();
        let first = runs.first().context("there is a run")?;
        let theirs = library.seconds(first, paranoia)?;
        let ours = vigil(&runs, paranoia)?;
        println!(
            "CRS, paranoia level {paranoia}{:<20} {:>9.0} requests per CPU-second   {:>8.1} of libmodsecurity ({:.0})",
            if alike { "" } else { ", no two alike" },
            1.0 / ours,
            theirs / ours,
            1.0 / theirs
        );
    }
    println!();
    Ok(())
}

/// How many requests of the generated log libmodsecurity with CRS judges in a CPU-second, as the demo's
/// traffic begins with them; none where it is not installed.
pub(crate) fn of_libmodsecurity(paranoia: u8) -> Result<Option<f64>> {
    let Some(library) = Library::build()? else {
        return Ok(None);
    };
    Ok(Some(1.0 / library.seconds(&requests(None), paranoia)?))
}

/// A program that runs requests through libmodsecurity with CRS, as Debian has both.
struct Library {
    directory: tempfile::TempDir,
    program: PathBuf,
    source: PathBuf,
}

impl Library {
    /// None where it is not installed.
    fn build() -> Result<Option<Self>> {
        let installed = ["/usr/include/modsecurity/modsecurity.h", SETUP].map(Path::new);
        if !installed.iter().all(|path| path.is_file()) {
            return Ok(None);
        }
        let directory = tempfile::tempdir()?;
        let program = directory.path().join("requests");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("modsecurity");
        let built = Command::new("cc")
            .args(["-O2", "-w", "-o"])
            .arg(&program)
            .arg(source.join("requests.c"))
            .arg("-lmodsecurity")
            .status()
            .context("cc")?;
        ensure!(
            built.success(),
            "bench/modsecurity/requests.c cannot be built"
        );
        Ok(Some(Self {
            directory,
            program,
            source,
        }))
    }

    /// CPU seconds a request.
    fn seconds(&self, requests: &[Sent], paranoia: u8) -> Result<f64> {
        let directory = self.directory.path();
        modsecurity(directory, &self.program, &self.source, requests, paranoia)
    }
}

/// The demo's traffic, without the site's attackers' addresses; or the same with numbers from one on,
/// such that no value of it came before, but for paths, referrers, the host and what is accepted.
fn requests(numbers: Option<usize>) -> Vec<Sent> {
    let mut traffic = Traffic::new(1, 0.05);
    let (mut decoder, mut event) = (Decoder::new(), Event::new());
    let proxies = Proxies::new(Vec::new());
    let mut requests = Vec::with_capacity(REQUESTS);
    for number in 0..REQUESTS {
        let own = |text: &str| {
            numbers.map_or_else(String::new, |first| format!("{text}{}", first + number))
        };
        let mut bytes = Vec::new();
        traffic.write_line(&mut bytes, Timestamp::default());
        // Neither a record nor a header's value has the line's end in it.
        bytes.truncate(bytes.trim_ascii_end().len());
        let record = record(&bytes);
        let parsed = parse(
            &mut bytes,
            &record,
            Format::Auto,
            &proxies,
            Timestamp::default(),
        );
        let Ok(request) = parsed else { continue };
        decoder.decode(&bytes, &record, &request, &mut event);
        let raw = |field| event.raw(field).unwrap_or_default().to_vec();
        let header = |name: &[u8], value: &[u8]| Pair::new(name, value);
        let mut headers = vec![
            header(b"Host", b"shop.example"),
            header(
                b"User-Agent",
                &[&raw(Field::UserAgent), own(" v").as_bytes()].concat(),
            ),
            header(b"Accept", b"text/html,*/*;q=0.8"),
            header(
                b"Cookie",
                format!("session=4f6d2a9c{}; theme=dark", own("")).as_bytes(),
            ),
        ];
        if event.raw(Field::Referrer).is_some() {
            headers.push(header(b"Referer", &raw(Field::Referrer)));
        }
        let has_query = event.raw(Field::UrlQuery).is_some();
        let sign = if has_query { "&v=" } else { "?v=" };
        requests.push(Sent {
            method: raw(Field::Method),
            target: [raw(Field::UrlOriginal), own(sign).into_bytes()].concat(),
            headers,
        });
    }
    requests
}

fn record(bytes: &[u8]) -> Record {
    Record::of(bytes)
}

/// CPU seconds a request of the fastest run: parsing, decoding with every view, and the rules.
fn vigil(runs: &[Vec<Sent>], paranoia: u8) -> Result<f64> {
    let sources = RuleSources {
        crs: vec![CRS.into()],
        crs_paranoia: Some(paranoia),
        ..RuleSources::default()
    };
    let (rules, _) = vigil::rules::load_all(&sources)?;
    let crs: &SecRules = rules.crs().context("CRS is loaded")?;
    let records: Vec<Vec<Vec<u8>>> = runs
        .iter()
        .map(|requests| requests.iter().map(written).collect())
        .collect();
    let mut runs = records.iter().cycle();
    let proxies = Proxies::new(Vec::new());
    let (mut decoder, mut event) = (Decoder::new(), Event::new());
    let (mut scratch, mut hits, mut buffer) = (SecScratch::default(), Vec::new(), Vec::new());
    let seconds = fastest(|| {
        for bytes in runs.next().into_iter().flatten() {
            buffer.clear();
            buffer.extend_from_slice(bytes);
            let record = record(bytes);
            let parsed = parse(
                &mut buffer,
                &record,
                Format::Request,
                &proxies,
                Timestamp::default(),
            );
            if let Ok(request) = parsed {
                decoder.decode(&buffer, &record, &request, &mut event);
                hits.clear();
                crs.evaluate(&event, &mut scratch, &mut hits);
                black_box(&hits);
            }
        }
    });
    let requests = records.first().map_or(0, Vec::len);
    Ok(seconds / requests as f64)
}

/// A request as a record.
fn written(sent: &Sent) -> Vec<u8> {
    let mut bytes = Vec::new();
    let told = Told {
        client: Some([203, 0, 113, 9].into()),
        method: &sent.method,
        target: &sent.target,
        version: b"1.1",
        headers: &sent.headers,
        ..Told::default()
    };
    write(&mut bytes, &told);
    bytes
}

/// CPU seconds a request in libmodsecurity.
fn modsecurity(
    directory: &Path,
    program: &Path,
    source: &Path,
    requests: &[Sent],
    paranoia: u8,
) -> Result<f64> {
    let base = fs_err::read_to_string(source.join("base.conf"))?;
    let rules = directory.join("rules.conf");
    fs_err::write(
        &rules,
        format!(
            "{base}\nSecAction \"id:900001,phase:1,pass,nolog,setvar:tx.paranoia_level={paranoia}\"\n\
             Include {SETUP}\nInclude {CRS}/rules/*.conf\n"
        ),
    )?;
    let mut frames = Vec::new();
    for sent in requests {
        let count = sent.headers.len().to_string().into_bytes();
        let headers = sent
            .headers
            .iter()
            .flat_map(|pair| [&pair.name, &pair.value]);
        let lines: [&[u8]; 5] = [&sent.method, &sent.target, b"1.1", b"203.0.113.9", &count];
        for line in lines.into_iter().chain(headers.map(Vec::as_slice)) {
            frames.extend_from_slice(line);
            frames.push(b'\n');
        }
        frames.extend_from_slice(b"0\n\n");
    }
    let file = directory.join("frames");
    fs_err::write(&file, frames)?;
    let output = Command::new(program)
        .arg(&rules)
        .arg("1")
        .stdin(Stdio::from(fs_err::File::open(&file)?.into_file()))
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let nanoseconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    Ok(nanoseconds / 1e9)
}
