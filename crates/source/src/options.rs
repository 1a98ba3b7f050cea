//! How much a tailer reads at once, and where it begins.
//!
//! Owns: the limits and what they may be. Never holds: paths, state.

/// Limits and the starting point of a [`Tailer`](crate::Tailer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailOptions {
    /// Files that exist at the start and have no checkpoint are read from their first byte (else
    /// from their end). A file that appears later is always read from its first byte.
    pub from_start: bool,
    /// At most this many bytes of a line are read; the rest of a longer one is passed over.
    pub max_line_bytes: usize,
    /// A line longer than this is cut to it and marked as truncated.
    pub keep_line_bytes: usize,
    /// The most records in a batch.
    pub batch_records: usize,
    /// The bytes read for a batch; a single longer line may take up to `max_line_bytes`.
    pub batch_bytes: usize,
}

impl Default for TailOptions {
    fn default() -> Self {
        Self {
            from_start: false,
            max_line_bytes: 1 << 20,
            keep_line_bytes: 64 << 10,
            batch_records: 4096,
            batch_bytes: 256 << 10,
        }
    }
}

impl TailOptions {
    /// The most that any of the byte limits may be: spans in a batch are 32 bits wide.
    const MOST_BYTES: usize = 1 << 30;

    /// The same with every limit brought into its range: at least 1, at most 1 GiB, and no more
    /// kept of a line than is read.
    pub(crate) fn bounded(self) -> Self {
        let max_line_bytes = self.max_line_bytes.clamp(1, Self::MOST_BYTES);
        Self {
            from_start: self.from_start,
            max_line_bytes,
            keep_line_bytes: self.keep_line_bytes.clamp(1, max_line_bytes),
            batch_records: self.batch_records.max(1),
            batch_bytes: self.batch_bytes.clamp(1, Self::MOST_BYTES),
        }
    }
}
