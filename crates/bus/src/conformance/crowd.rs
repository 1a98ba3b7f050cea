//! Several publishers and readers at once.

use std::sync::Arc;
use std::thread;

use vigil_event::{Id, Kind, Severity, SeverityCounts, Timestamp};

use super::{CHANNEL, numbered, publication, severity_of};
use crate::Bus;

/// Several publishers and readers at once: what each reader gets and what it is told it missed are
/// together every offset, in order, once, with the right severities.
pub(super) fn readers_miss_nothing_in_silence<B: Bus + 'static>(bus: &Arc<B>, round: usize) {
    const PUBLISHERS: u64 = 3;
    const EACH: u64 = 400;
    let readers: Vec<_> = (0..3)
        .map(|reader| {
            let bus = Arc::clone(bus);
            thread::spawn(move || {
                read_all(&*bus, PUBLISHERS * EACH, 1 + (round * 7 + reader * 31) % 40)
            })
        })
        .collect();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let bus = Arc::clone(bus);
            thread::spawn(move || {
                for number in 0..EACH {
                    let mut publication = numbered(publisher * EACH + number);
                    // Those of a moment are swept out before the others, which makes holes.
                    if publication.severity == Severity::Informational {
                        publication.kind = Kind::ChatTyping;
                    }
                    bus.publish(publication);
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.join().expect("a publisher");
    }
    let mut all = SeverityCounts::default();
    for number in 0..PUBLISHERS * EACH {
        all.add(severity_of(number), 1);
    }
    let mut agreed: Vec<Option<Id>> = vec![None; (PUBLISHERS * EACH) as usize];
    for reader in readers {
        let (seen, told) = reader.join().expect("a reader");
        assert!(
            told.is_none_or(|told| told == all),
            "what was read and what was missed: {told:?} of {all:?}"
        );
        for (agreed, seen) in agreed.iter_mut().zip(seen) {
            if let (Some(a), Some(b)) = (&agreed, seen) {
                assert_eq!(*a, b, "two readers saw different items at one offset");
            }
            *agreed = agreed.or(seen);
        }
    }
}

/// While unused channels make room for others, one that is just being published to does not.
pub(super) fn what_is_published_stays<B: Bus + 'static>(bus: &Arc<B>, channels: u64) {
    let opener = Arc::clone(bus);
    let opening = thread::spawn(move || {
        for number in 0..20_000 {
            opener.head(&format!("unused-{number}"));
        }
    });
    let name = |number: u64| format!("used-{number}");
    let mut used = Vec::new();
    for number in 0..channels {
        let at = Timestamp::from_millis(1);
        if bus
            .publish(publication(&name(number), number, Severity::Low, at))
            .offset
            == 1
        {
            used.push(number);
        }
        thread::yield_now();
    }
    opening.join().expect("an opener");
    for number in used {
        assert_eq!(
            bus.read(&name(number), 0, 9).items.len(),
            1,
            "{}",
            name(number)
        );
    }
}

/// What stood at each offset, none where it was missed; and all severities, if all were told.
fn read_all(bus: &dyn Bus, total: u64, limit: usize) -> (Vec<Option<Id>>, Option<SeverityCounts>) {
    let (mut seen, mut after) = (Vec::new(), 0);
    let mut told = Some(SeverityCounts::default());
    while after < total {
        let read = bus.read(CHANNEL, after, limit);
        if let Some(missed) = read.missed {
            assert_eq!(missed.from, after + 1);
            seen.resize(missed.to as usize, None);
            after = missed.to;
            told = told.zip(missed.by_severity).map(|(mut told, missed)| {
                assert_eq!(
                    missed.total(),
                    after + 1 - read.missed.map_or(0, |missed| missed.from)
                );
                for severity in Severity::ALL {
                    told.add(severity, missed.get(severity));
                }
                told
            });
        }
        for item in &read.items {
            assert_eq!(item.offset, after + 1);
            after = item.offset;
            seen.push(Some(item.publication.id));
            if let Some(told) = &mut told {
                told.add(item.publication.severity, 1);
            }
        }
        thread::yield_now();
    }
    (seen, told)
}
