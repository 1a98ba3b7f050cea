//! The way of what is published to everybody who stands at a channel's end: read once a shard, put together
//! once, written to many.

pub(crate) mod hub;
pub(crate) mod lap;
pub(crate) mod seat;
pub(crate) mod shard;
pub(crate) mod word;
