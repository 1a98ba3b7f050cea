//! The reader's thread: takes batches from the logs and hands them in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vigil_decode::Format;
use vigil_event::SourceId;
use vigil_source::Tailer;

use super::{Health, Intake, Submission, Telemetry};

/// How long the reader waits for something to read before it looks at everything again.
const WAIT: Duration = Duration::from_millis(500);

/// Which log is in which format.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    by_pattern: Vec<(glob::Pattern, Format)>,
}

impl Formats {
    /// From the configured paths or patterns, made absolute.
    pub fn new(logs: impl IntoIterator<Item = (String, Format)>) -> Self {
        let compile =
            |(path, format): (String, Format)| Some((glob::Pattern::new(&path).ok()?, format));
        Self {
            by_pattern: logs.into_iter().filter_map(compile).collect(),
        }
    }

    /// The format of a log: that of the first pattern it fits, or to be found out.
    pub fn of(&self, source: &SourceId) -> Format {
        self.by_pattern
            .iter()
            .find(|(pattern, _)| pattern.matches(source.as_str()))
            .map(|(_, format)| *format)
            .unwrap_or_default()
    }
}

pub(super) struct Reader {
    pub(super) tailer: Tailer,
    pub(super) formats: Formats,
    pub(super) intake: Intake,
    pub(super) health: Arc<Health>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) stopping: Arc<AtomicBool>,
}

impl Reader {
    pub(super) fn run(mut self) {
        let mut told = tokio::time::Instant::now();
        self.tell_files();
        while !self.stopping.load(Ordering::SeqCst) {
            match self.tailer.next_batch(WAIT) {
                Ok(Some(batch)) => {
                    let format = self.formats.of(&batch.source);
                    if self
                        .intake
                        .submit(Submission {
                            batch,
                            format,
                            done: None,
                        })
                        .is_err()
                    {
                        return;
                    }
                    self.health.report("source", None);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot read the logs; trying again");
                    self.health.report("source", Some(error.to_string()));
                    self.telemetry.read_failed();
                    std::thread::sleep(WAIT);
                }
            }
            if told.elapsed() >= WAIT {
                told = tokio::time::Instant::now();
                self.tell_files();
            }
        }
    }

    fn tell_files(&self) {
        let files = self.tailer.status();
        self.telemetry.lagging(&files);
        self.health.report_files(files);
    }
}
