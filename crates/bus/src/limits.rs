//! How much a bus keeps.

/// How much a bus keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// The most items of a channel that last, and the most that are fleeting.
    pub max_items: usize,
    /// The most bytes of a channel's items that last, with the frames that are made of them; those that
    /// are fleeting may have a quarter as much beside. The newest item is kept even if it is larger.
    pub max_bytes: usize,
    /// How long an item is kept, in milliseconds since its timestamp; none for as long as there is
    /// room.
    pub max_age_ms: Option<i64>,
    /// How many of a channel's dropped items have their severity remembered, one byte each, so that
    /// [`Missed::by_severity`](crate::Missed::by_severity) can be told exactly.
    pub max_trail: usize,
    /// The most bytes of all rooms, which are the channels with a colon in their names, together. Beyond
    /// it those that have most give up their oldest items; rooms of one owner count together first.
    pub max_bytes_of_rooms: usize,
    /// The most channels. One of which nothing that lasts is left, that nobody watches and that no store
    /// keeps makes room; should it be opened again, it has another epoch.
    pub max_channels: usize,
    /// The most rooms of one owner.
    pub max_rooms_of_owner: usize,
}

impl Default for LogLimits {
    /// 10,000 items and 64 MiB a channel, 256 MiB for all rooms, 65,536 severities of dropped items, 10,000
    /// channels, 1,000 rooms of one owner.
    fn default() -> Self {
        Self {
            max_items: 10_000,
            max_bytes: 64 << 20,
            max_age_ms: None,
            max_trail: 65_536,
            max_bytes_of_rooms: 256 << 20,
            max_channels: 10_000,
            max_rooms_of_owner: 1_000,
        }
    }
}
