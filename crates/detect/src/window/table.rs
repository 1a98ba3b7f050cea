//! A bounded table of cells by address that evicts the coldest of a few when it is full.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::Cell;

/// How many neighbours are looked at to find a cold one, as Redis samples for its LRU.
const SAMPLE: usize = 8;

#[derive(Debug)]
struct Slot {
    address: IpAddr,
    last_seen: i64,
    cell: Cell,
}

#[derive(Debug)]
pub(super) struct Table {
    places: HashMap<IpAddr, u32>,
    slots: Vec<Slot>,
    limit: usize,
    hand: usize,
    evicted: u64,
}

impl Table {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            places: HashMap::new(),
            slots: Vec::new(),
            limit: limit.max(SAMPLE),
            hand: 0,
            evicted: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The cell of an address, a fresh one if it is new.
    pub(super) fn cell(&mut self, address: IpAddr, at: i64) -> &mut Cell {
        let place = match self.places.get(&address) {
            Some(place) => *place as usize,
            None => self.take_place(address),
        };
        let slot = &mut self.slots[place];
        slot.last_seen = slot.last_seen.max(at);
        &mut slot.cell
    }

    fn take_place(&mut self, address: IpAddr) -> usize {
        let slot = Slot {
            address,
            last_seen: i64::MIN,
            cell: Cell::new(),
        };
        let place = if self.slots.len() < self.limit {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            let place = self.coldest();
            let old = std::mem::replace(&mut self.slots[place], slot);
            self.places.remove(&old.address);
            self.evicted += 1;
            place
        };
        self.places.insert(address, place as u32);
        place
    }

    fn coldest(&mut self) -> usize {
        let start = self.hand;
        let size = self.slots.len();
        self.hand = (start + SAMPLE) % size;
        (0..SAMPLE)
            .map(|step| (start + step) % size)
            .min_by_key(|place| self.slots[*place].last_seen)
            .unwrap_or_default()
    }
}
