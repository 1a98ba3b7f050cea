//! What wakes a connection's task, and what for. Nothing is queued: what was raised twice is heard once.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Reasons to wake, together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls(u8);

impl Calls {
    /// The server stops, or a credential was revoked.
    pub(crate) const CHECK: Self = Self(1);
    /// Somebody who manages has an order.
    pub(crate) const ORDER: Self = Self(2);
    /// A time that was waited for has come.
    pub(crate) const TICK: Self = Self(4);
    /// A channel has something, or the wire has something to write.
    pub(crate) const PUSH: Self = Self(8);

    pub(crate) const fn has(self, call: Self) -> bool {
        self.0 & call.0 != 0
    }
}

/// Wakes one task.
#[derive(Debug)]
pub(crate) struct Signal {
    calls: AtomicU8,
    waker: AtomicWaker,
}

impl Default for Signal {
    /// The first thing to do is to look whether the server stops.
    fn default() -> Self {
        Self {
            calls: AtomicU8::new(Calls::CHECK.0),
            waker: AtomicWaker::new(),
        }
    }
}

impl Signal {
    pub(crate) fn raise(&self, call: Calls) {
        // Whoever raised it first has woken the task.
        if self.calls.fetch_or(call.0, Ordering::AcqRel) & call.0 == 0 {
            self.waker.wake();
        }
    }

    /// What was raised since the last time.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Calls> {
        self.waker.register(context.waker());
        match self.calls.swap(0, Ordering::AcqRel) {
            0 => Poll::Pending,
            calls => Poll::Ready(Calls(calls)),
        }
    }

    /// Waits until something is raised.
    pub(crate) async fn raised(&self) -> Calls {
        poll_fn(|context| self.poll(context)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_raised_is_heard_once() {
        let signal = Signal::default();
        assert_eq!(signal.raised().await, Calls::CHECK);
        signal.raise(Calls::PUSH);
        signal.raise(Calls::TICK);
        signal.raise(Calls::PUSH);
        let calls = signal.raised().await;
        assert!(calls.has(Calls::PUSH) && calls.has(Calls::TICK) && !calls.has(Calls::ORDER));
        let (calls, ()) = tokio::join!(signal.raised(), async { signal.raise(Calls::ORDER) });
        assert_eq!(calls, Calls::ORDER);
    }
}
