//! Publications and gaps as frames.

use std::collections::BTreeMap;

use bytes::Bytes;
use vigil_bus::{Missed, Published};
use vigil_event::{Severity, SeverityCounts};
use vigil_protocol::{Envelope, Gap, GapReason, Message, ServerFrame};

/// The publication's frame, encoded by whoever asks first and then shared by all connections.
pub(crate) fn of(published: &Published) -> Bytes {
    published.frame_or_encode(|published| {
        let publication = &published.publication;
        let envelope = Envelope {
            kind: publication.kind.name(),
            id: &publication.id.to_string(),
            channel: &publication.channel,
            epoch: &published.epoch,
            offset: published.offset,
            timestamp: &publication.timestamp.to_string(),
            data: &publication.data,
        };
        Bytes::from(envelope.encode())
    })
}

/// What is said of missed items to somebody who hears only a severity and above; nothing where none
/// of them would have been heard.
pub(crate) fn gap(
    epoch: &str,
    missed: &Missed,
    min: Option<Severity>,
    reason: GapReason,
) -> Option<Gap> {
    let by_severity = missed.by_severity.map(|counts| heard(&counts, min));
    let count = by_severity
        .as_ref()
        .map_or_else(|| missed.count(), |counts| counts.values().sum());
    (count > 0).then(|| Gap {
        epoch: epoch.to_owned(),
        from: missed.from,
        to: missed.to,
        missed: count,
        by_severity: by_severity.unwrap_or_default(),
        reason,
    })
}

fn heard(counts: &SeverityCounts, min: Option<Severity>) -> BTreeMap<String, u64> {
    Severity::ALL
        .into_iter()
        .filter(|severity| min.is_none_or(|min| *severity >= min))
        .map(|severity| (severity.name().to_owned(), counts.get(severity)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// A gap's frame.
pub(crate) fn of_gap(channel: &str, gap: Gap) -> String {
    ServerFrame {
        reply_to: None,
        channel: Some(channel.to_owned()),
        message: Message::Gap(gap),
    }
    .encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed() -> Missed {
        let mut counts = SeverityCounts::default();
        counts.add(Severity::Low, 4);
        counts.add(Severity::High, 2);
        Missed {
            from: 1,
            to: 6,
            by_severity: Some(counts),
        }
    }

    #[test]
    fn a_gap_counts_only_what_would_have_been_heard() {
        let all = gap("e", &missed(), None, GapReason::SlowConsumer).unwrap();
        assert_eq!((all.missed, all.by_severity.len()), (6, 2));
        let high = gap(
            "e",
            &missed(),
            Some(Severity::High),
            GapReason::SlowConsumer,
        )
        .unwrap();
        assert_eq!((high.missed, high.from, high.to), (2, 1, 6));
        assert_eq!(
            gap(
                "e",
                &missed(),
                Some(Severity::Critical),
                GapReason::SlowConsumer
            ),
            None
        );
    }

    #[test]
    fn where_the_log_has_forgotten_the_most_is_said() {
        let forgotten = Missed {
            by_severity: None,
            ..missed()
        };
        let gap = gap(
            "e",
            &forgotten,
            Some(Severity::Critical),
            GapReason::Retention,
        )
        .unwrap();
        assert_eq!((gap.missed, gap.by_severity.len()), (6, 0));
    }
}
