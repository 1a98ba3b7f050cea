//! What a detector knows, over a restart.

use super::Detector;
use crate::secret::Secret;
use crate::state::{Part, Parts, Refused, Saved, identity};

/// The tables that come before those of the correlations.
const WINDOWS: usize = 0;
const CLIENTS: usize = 1;
const RISK: usize = 2;
const CORRELATIONS: usize = 3;

/// Tables without a single key, where a setting turns something off.
impl Saved for () {
    fn begin(&mut self) {}
    fn next(&mut self) -> Option<(u64, Vec<u8>)> {
        None
    }
    fn end(&mut self) {}
}

impl Parts for Detector {
    fn table(&mut self, place: usize) -> Option<&mut dyn Saved> {
        match place {
            WINDOWS => Some(self.windows.table_mut()),
            CLIENTS => match &mut self.clients {
                Some(clients) => Some(clients.table_mut()),
                None => Some(&mut self.nothing),
            },
            RISK => Some(self.risk.table_mut()),
            _ => self.correlator.table(place.checked_sub(CORRELATIONS)?),
        }
    }

    fn part(&self, place: usize) -> Option<Part> {
        let of = |name: &str, made_by: i64| Part {
            name: name.to_owned(),
            identity: identity(&made_by.to_string()),
        };
        match place {
            WINDOWS => Some(of("windows", self.windows.period_ms())),
            // By another number of threads each has other clients.
            CLIENTS => {
                let clients = self.clients.as_ref()?;
                Some(of("clients", i64::from(clients.shards())))
            }
            RISK => Some(of("risk", 0)),
            _ => self.correlator.part(place.checked_sub(CORRELATIONS)?),
        }
    }

    fn turn(&mut self) -> &mut Option<usize> {
        &mut self.saving
    }
}

impl Detector {
    /// Makes the keys of what it knows with this secret, that of what is saved, from now on. To be told
    /// before it has judged anything; detectors of one state have the same.
    #[must_use]
    pub fn keyed_by(mut self, secret: Secret) -> Self {
        self.risk.keyed_by(secret);
        self.correlator.keyed_by(secret);
        self
    }

    /// Takes back what was saved, as far as it is about clients whose [lanes](crate::lane) are `mine`: how
    /// many keys.
    pub fn take_back(
        &mut self,
        part: &Part,
        bytes: &[u8],
        mine: &dyn Fn(u16) -> bool,
    ) -> Result<u64, Refused> {
        if let Some(taken) = self.correlator.take_back(part, bytes, mine) {
            return taken;
        }
        let is_it = |place: &usize| {
            let known = Parts::part(self, *place);
            known.is_some_and(|known| known.name == part.name)
        };
        let place = (0..CORRELATIONS).find(is_it).ok_or(Refused::Unknown)?;
        if Parts::part(self, place).as_ref() != Some(part) {
            return Err(Refused::Changed);
        }
        let taken = match (place, &mut self.clients) {
            (WINDOWS, _) => self.windows.table_mut().take_back(bytes, mine, |_, _| {}),
            // Networks have no lane: each thread has its own of them.
            (CLIENTS, Some(clients)) => clients.table_mut().take_back(bytes, &|_| true, |_, _| {}),
            _ => self.risk.table_mut().take_back(bytes, mine, |_, _| {}),
        };
        taken.ok_or(Refused::Damaged)
    }
}
