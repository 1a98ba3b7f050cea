//! Publications and gaps as frames: in which form (`form`), compressed (`press`), and several in a row (`run`).

pub(crate) mod form;
pub(crate) mod press;
pub(crate) mod run;

use std::collections::BTreeMap;

use vigil_bus::{Missed, Published};
use vigil_event::{Severity, SeverityCounts};
use vigil_protocol::websocket::{Frame, Opcode};
use vigil_protocol::{Envelope, ErrorBody, Gap, GapReason, Message, ServerFrame};

use crate::subscription::sift::Sift;

/// The publication's frame, encoded by whoever asks first and then shared by all connections. `made` is
/// told of it then.
pub(crate) fn of(published: &Published, made: impl FnOnce(&Frame)) -> Frame {
    Frame::from_bytes(published.frame_or_encode(|published| {
        let text = with_data(published, &published.publication.data);
        let frame = Frame::new(Opcode::Text, &text);
        made(&frame);
        frame.into_bytes()
    }))
}

/// The frame's text with other data in it.
pub(crate) fn with_data(published: &Published, data: &[u8]) -> Vec<u8> {
    let publication = &published.publication;
    let envelope = Envelope {
        kind: publication.kind.name(),
        id: &publication.id.to_string(),
        channel: &publication.channel,
        epoch: &published.epoch,
        offset: published.offset,
        timestamp: &publication.timestamp.to_string(),
        data,
    };
    envelope.encode()
}

/// What is said of missed items to somebody who hears some of them; nothing where none of them would
/// have been heard. What a filter would have said of them nobody knows any more.
pub(crate) fn gap(epoch: &str, missed: &Missed, sift: &Sift, reason: GapReason) -> Option<Gap> {
    let by_severity = missed
        .by_severity
        .map(|counts| heard(&counts, sift.min_severity));
    let count = by_severity
        .as_ref()
        .map_or_else(|| missed.count(), |counts| counts.values().sum());
    let told = by_severity.filter(|_| sift.is_by_severity());
    (count > 0).then(|| Gap {
        epoch: epoch.to_owned(),
        from: missed.from,
        to: missed.to,
        missed: count,
        by_severity: told.unwrap_or_default(),
        reason,
    })
}

pub(crate) fn heard(counts: &SeverityCounts, min: Option<Severity>) -> BTreeMap<String, u64> {
    Severity::ALL
        .into_iter()
        .filter(|severity| min.is_none_or(|min| *severity >= min))
        .map(|severity| (severity.name().to_owned(), counts.get(severity)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// An error's frame, in answer to no command.
pub(crate) fn of_error(error: ErrorBody) -> String {
    ServerFrame {
        reply_to: None,
        channel: None,
        message: Message::Error(error),
    }
    .encode()
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

    fn of(min: Option<Severity>, missed: &Missed) -> Option<Gap> {
        let sift = Sift {
            min_severity: min,
            ..Sift::default()
        };
        gap("e", missed, &sift, GapReason::SlowConsumer)
    }

    #[test]
    fn a_gap_counts_only_what_would_have_been_heard() {
        let all = of(None, &missed()).unwrap();
        assert_eq!((all.missed, all.by_severity.len()), (6, 2));
        let high = of(Some(Severity::High), &missed()).unwrap();
        assert_eq!((high.missed, high.from, high.to), (2, 1, 6));
        assert_eq!(of(Some(Severity::Critical), &missed()), None);
    }

    #[test]
    fn where_the_log_has_forgotten_the_most_is_said() {
        let forgotten = Missed {
            by_severity: None,
            ..missed()
        };
        let gap = of(Some(Severity::Critical), &forgotten).unwrap();
        assert_eq!((gap.missed, gap.by_severity.len()), (6, 0));
    }

    #[test]
    fn with_a_filter_the_most_is_said() {
        let sift = Sift {
            min_severity: None,
            filters: vec![
                crate::subscription::filter::Filters::default()
                    .of_expression("data.a == 1")
                    .unwrap(),
            ],
        };
        let gap = gap("e", &missed(), &sift, GapReason::SlowConsumer).unwrap();
        assert_eq!((gap.missed, gap.by_severity.len()), (6, 0));
    }
}
