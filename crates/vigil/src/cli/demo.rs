//! `vigil demo`: the main job, shown. Seeded traffic goes into a real log in a temporary directory,
//! a real server follows it, and a page shows the attacks as they come.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use vigil_event::{Clock as _, SystemClock};

use super::{Failure, say};
use crate::app::App;
use crate::config::{Config, LogConfig};
use crate::demo::Traffic;

/// Lines are written in steps of this length.
const STEP: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
    /// Lines a second
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// The share of attacks, 0 to 100 percent
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    attacks: u8,
    /// The traffic's seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End after this many seconds [default: at Ctrl-C]
    #[arg(long)]
    seconds: Option<u64>,
}

pub(super) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let directory = tempfile::Builder::new().prefix("vigil-demo-").tempdir()?;
    let log = directory.path().join("access.log");
    fs_err::write(&log, "")?;
    let mut config = Config::default();
    config.server.listen = args.listen;
    config.server.data_dir = directory.path().join("data");
    config.source.from_start = true;
    config.source.logs = vec![LogConfig {
        path: log.display().to_string(),
        format: vigil_decode::Format::Combined,
    }];
    let stop = Arc::new(AtomicBool::new(false));
    super::serve::runtime()?.block_on(async {
        let app = App::build(config).await?;
        let url = app.sign_in_url()?;
        say!("Traffic goes into  {}", log.display())?;
        say!("Open the page at   {url} (once, within ten minutes)")?;
        say!(
            "Watch it with      vigil watch --data-dir {} --url {}",
            directory.path().join("data").display(),
            app.url()
        )?;
        say!("End it with Ctrl-C")?;
        open_browser(&url);
        let writer = write_traffic(args, &log, &stop)?;
        let limit = args.seconds.map(Duration::from_secs);
        app.run(limit).await?;
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap_or(Ok(()))?;
        Ok(())
    })
}

/// Appends lines at the wanted rate until told to stop.
fn write_traffic(
    args: &DemoArgs,
    log: &std::path::Path,
    stop: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<std::io::Result<()>>, Failure> {
    let mut traffic = Traffic::new(args.seed, f64::from(args.attacks) / 100.0);
    let mut file = fs_err::OpenOptions::new().append(true).open(log)?;
    let stop = Arc::clone(stop);
    let rate = f64::from(args.rate);
    let body = move || {
        let mut lines = Vec::new();
        // The page should show something at once.
        for _ in 0..20 {
            traffic.write_line(&mut lines, SystemClock.now());
        }
        traffic.write_attack(&mut lines, SystemClock.now());
        let mut owed = 0.0;
        while !stop.load(Ordering::SeqCst) {
            file.write_all(&lines)?;
            lines.clear();
            std::thread::sleep(STEP);
            owed += rate * STEP.as_secs_f64();
            while owed >= 1.0 {
                traffic.write_line(&mut lines, SystemClock.now());
                owed -= 1.0;
            }
        }
        Ok(())
    };
    Ok(std::thread::Builder::new()
        .name("vigil-traffic".to_owned())
        .spawn(body)?)
}

/// Opens the page where there is a desktop; where there is none, the printed address is the way.
fn open_browser(url: &str) {
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    if desktop && std::io::stdout().is_terminal() {
        let null = std::process::Stdio::null;
        drop(
            std::process::Command::new("xdg-open")
                .arg(url)
                .stdout(null())
                .stderr(null())
                .spawn(),
        );
    }
}
