//! What is said of values, for people.

use super::{Reason, ValueProfile};
use crate::profile::class;
use crate::profile::misfit::grouped;
use crate::profile::shape::{Kind, bucket_end, bucket_start};

impl ValueProfile {
    pub(super) fn listed(&self) -> String {
        let known = self.values.iter().filter_map(|known| known.text.as_deref());
        let known: Vec<String> = known.map(|text| format!("`{text}`")).collect();
        let shown = known.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
        match known.len().saturating_sub(6) {
            0 => shown,
            more => format!("{shown} and {more} others"),
        }
    }

    pub(super) fn usual(&self, reason: &Reason) -> String {
        match reason {
            Reason::Class(class) => format!("without {}", class::name(*class)),
            Reason::Kind => self.kind_phrase(),
            Reason::Long => format!(
                "at most about {} bytes long",
                grouped(bucket_end(self.settled.longest))
            ),
            Reason::Short => format!(
                "at least {} bytes long",
                grouped(bucket_start(self.settled.shortest))
            ),
            Reason::Signs => format!(
                "with at most about {} signs",
                grouped(bucket_end(self.settled.most_signs))
            ),
            Reason::Pattern => format!("always built in {} way(s)", self.settled.patterns),
            Reason::Pair(pair) => format!(
                "without {} right after {}",
                class::name((pair & 63) as u8),
                class::name((pair >> 8) as u8)
            ),
        }
    }

    /// The kinds that most values are of.
    pub(crate) fn kind_phrase(&self) -> String {
        let mut kinds: Vec<(u32, Kind)> = self
            .kinds
            .iter()
            .filter_map(|(place, seen)| Some((seen.count(), *Kind::ALL.get(usize::from(place))?)))
            .collect();
        kinds.sort_by(|a, b| b.cmp(a));
        let all: u32 = kinds.iter().map(|(count, _)| count).sum();
        let often = kinds.into_iter().filter(|(count, _)| count * 100 >= all);
        let phrases: Vec<_> = often.take(3).map(|(_, kind)| kind.phrase()).collect();
        phrases.join(" or ")
    }

    /// What is known, for people.
    pub(crate) fn description(&self) -> String {
        let mut text = self.kind_phrase();
        if self.settled.is_ready {
            let longest = grouped(bucket_end(self.settled.longest));
            text.push_str(", up to ");
            text.push_str(&longest);
            text.push_str(" bytes");
        }
        if self.settled.is_list {
            text.push_str(": ");
            text.push_str(&self.listed());
        }
        text
    }
}
