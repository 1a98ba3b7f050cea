//! What remembers and what tells of it: the store, the bus filled from it, and the keeper of rooms.

use std::sync::Arc;

use prometheus::{IntCounter, Registry};
use vigil_bus::{Bus, MemoryBus};
use vigil_event::{Clock, channel};
use vigil_store::{SqliteStore, Store};

use super::BuildError;
use super::rooms::RoomKeeper;
use super::stream;
use crate::config::Config;

/// What remembers, what tells of it, and what keeps what clients tell each other.
pub(super) struct Memory {
    pub(super) store: Arc<dyn Store>,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) rooms: Arc<RoomKeeper>,
}

impl Memory {
    /// The store, and the bus that tells what it keeps, filled with what it told before the last stop.
    /// Nobody's coming back reads the store again, which the counter shows.
    pub(super) fn open(
        config: &Config,
        clock: &Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Self, BuildError> {
        let reads = IntCounter::new(
            "vigil_history_reads_total",
            "Histories of channels that were read from the store: each once, at the start.",
        )?;
        registry.register(Box::new(reads.clone()))?;
        let bus = Arc::new(stream::bus(config, clock));
        let store = open_store(config, &bus)?;
        for name in [channel::THREATS, channel::ALERTS] {
            reads.inc();
            let backlog = store.backlog(name, config.stream.history_messages)?;
            bus.restore(
                name,
                &backlog.epoch,
                backlog.next_offset,
                backlog.publications,
            );
        }
        bus.head(channel::STATUS);
        let rooms = RoomKeeper::open(config, &bus, &store, clock, &reads)?;
        Ok(Self {
            store,
            bus,
            rooms: Arc::new(rooms),
        })
    }
}

fn open_store(config: &Config, bus: &Arc<MemoryBus>) -> Result<Arc<dyn Store>, BuildError> {
    let told = Arc::clone(bus);
    let store = SqliteStore::open(
        &config.database(),
        Box::new(move |publications| {
            for (offset, publication) in publications {
                told.publish_at(*offset, publication.clone());
            }
        }),
    )?;
    Ok(Arc::new(store))
}
