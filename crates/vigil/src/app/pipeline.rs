//! Building the pipeline: what was saved is opened, reading begins where it stands, and everybody who keeps
//! a part of it gets that back before the first line is read.

use std::sync::Arc;

use vigil_detect::{FirstSeen, Secret};
use vigil_event::Score;
use vigil_source::{TailOptions, Tailer};
use vigil_store::Store;

use super::BuildError;
use super::build::Common;
use crate::config::Config;
use crate::models::Models;
use crate::pipeline::{Begin, Correlate, Formats, Judge, JudgeOptions, KeptState, Parts, Pipeline};
use crate::rulebook::ActiveRules;
use crate::tables::Tables;

/// Records of a batch, and bytes.
const BATCH: (usize, usize) = (1_024, 1 << 20);

/// Everything from the logs to the store, running.
pub(super) fn pipeline(
    config: &Config,
    common: &Common,
    store: &Arc<dyn Store>,
    (rules, tables, models): (&Arc<ActiveRules>, &Arc<Tables>, &Arc<Models>),
) -> Result<Pipeline, BuildError> {
    let stored = store.checkpoints()?;
    let (mut kept, begin) = match config.save_state_every() {
        Some(every) => {
            let (kept, begin) = KeptState::open(
                &config.data_dir(),
                every,
                &common.state,
                (stored, common.clock.now()),
            );
            (Some(kept), begin)
        }
        None => (None, Begin::at(stored)),
    };
    let (tailer, formats) = tailer(config, common, &begin)?;
    let mut detector = config.detector_options();
    detector.risk.shards = config.detection_threads() as u32;
    let options = JudgeOptions {
        detector,
        threshold: Score::new(config.detect.threat_threshold),
        alert_severity: config.detect.alert_severity,
        alert_window_ms: i64::from(config.detect.alert_window_minutes) * 60_000,
        node: common.node.to_string(),
    };
    let secret = kept.as_ref().map_or_else(Secret::new, KeptState::secret);
    let first_seen = Arc::new(FirstSeen::keyed_by(secret));
    let judge = |thread| {
        Judge::new(
            rules.set(),
            Arc::clone(tables),
            Arc::clone(&common.clock),
            options.clone(),
        )
        .following(Arc::clone(rules))
        .teaching(Arc::clone(models))
        .sharing(&first_seen)
        .saved_as(thread as u32, secret)
    };
    let mut judges: Vec<Judge> = (0..config.detection_threads()).map(judge).collect();
    let mut correlate = Correlate::new(rules.set(), options.clone()).keyed_by(secret);
    if let Some(kept) = &mut kept {
        kept.restore(&mut judges, &mut correlate, &first_seen);
    }
    Ok(Pipeline::start(Parts {
        tailer,
        formats,
        proxies: config.proxies(),
        max_ahead_ms: config.max_ahead_ms(),
        judges,
        correlate,
        store: Arc::clone(store),
        clock: Arc::clone(&common.clock),
        telemetry: Arc::clone(&common.telemetry),
        health: Arc::clone(&common.health),
        alert_limit: config.alert_limit(),
        begin,
        kept,
        first_seen,
    })?)
}

/// Who follows the logs, from where reading begins.
fn tailer(
    config: &Config,
    common: &Common,
    begin: &Begin,
) -> Result<(Tailer, Formats), BuildError> {
    let source = &config.source;
    let absolute = |path: &str| std::path::absolute(path).map(|path| path.display().to_string());
    let logs: Result<Vec<_>, std::io::Error> = source
        .logs
        .iter()
        .map(|log| Ok((absolute(&log.path)?, log.format)))
        .collect();
    let logs = logs?;
    let options = TailOptions {
        from_start: source.from_start,
        max_line_bytes: source.max_line_bytes,
        keep_line_bytes: source.keep_line_bytes,
        batch_records: BATCH.0,
        batch_bytes: BATCH.1,
    };
    let patterns: Vec<String> = logs.iter().map(|(path, _)| path.clone()).collect();
    let tailer = Tailer::open(
        &patterns,
        options,
        begin.positions.clone(),
        Arc::clone(&common.clock),
    )?;
    tailer.telemetry().register(&common.registry)?;
    Ok((tailer, Formats::new(logs)))
}
