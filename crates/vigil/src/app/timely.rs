//! A request's body that must arrive in time, whatever route reads it: a peer that sends it byte by
//! byte holds a connection, and must not hold it for ever.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// How long the whole of a body may take from the first time that it is waited for. More than any
/// route allows by itself, so that their own words are told.
const DEADLINE: Duration = Duration::from_secs(40);

/// A body with a deadline. What arrived with its head needs no timer.
pub(super) struct Timely {
    incoming: Incoming,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Timely {
    pub(super) const fn new(incoming: Incoming) -> Self {
        Self {
            incoming,
            deadline: None,
        }
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let deadline = this
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(DEADLINE)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Some(Err("the body did not arrive in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
