//! A look into a channel's history, with the same sift that live delivery has: what comes after a
//! place, or the newest.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::value::RawValue;
use vigil_auth::Principal;
use vigil_bus::Published;
use vigil_protocol::{ErrorBody, ErrorCode, History, HistorySaid, MAX_HISTORY_ITEMS};

use crate::Gateway;
use crate::channel::Target;
use crate::frame::form::{self, Encoding};
use crate::publisher::said;
use crate::subscription::cursor::{Cursor, Start};
use crate::subscription::wish::invalid;

/// How many items are given where nothing is said.
const USUAL_ITEMS: usize = 100;

/// No more data than this is given at a time, but one item always.
const MAX_BYTES: usize = 1 << 20;

/// So many are read at a time. Then others have their turn: an expression may take its time with each.
const PAGE: usize = 32;

/// At most so many items are looked at for one answer.
const MAX_LOOKED_AT: usize = 10_000;

pub(crate) async fn of(
    gateway: &Gateway,
    principal: &Principal,
    asked: &History,
) -> Result<HistorySaid, ErrorBody> {
    let target = gateway.target(principal, &asked.channel)?;
    gateway.check_room_for(&target)?;
    let Target::One(channel) = target else {
        return Err(invalid("ask for one room, not for a namespace".to_owned()));
    };
    if !gateway.state.namespaces.has_history(&channel) {
        return Err(ErrorBody::new(
            ErrorCode::Unsupported,
            "this channel keeps no history",
        ));
    }
    let limit = asked.limit.unwrap_or(USUAL_ITEMS).min(MAX_HISTORY_ITEMS);
    let since = asked.since.clone().map(Start::try_from).transpose();
    let since = since.map_err(|error| invalid(format!("`since`: {error}")))?;
    if matches!(since, Some(Start::Rooms(_))) {
        return Err(invalid("`since.rooms` is for a namespace".to_owned()));
    }
    let sift = gateway.asked_sift(asked.min_severity.as_deref(), asked.filter.as_ref())?;
    let sift = gateway.sift(&sift, principal)?;
    let is_of_newest = since.is_none();
    // The newest that are meant may be older than the newest there are.
    let newest = if sift.hears_everything() {
        limit
    } else {
        MAX_LOOKED_AT
    };
    let since = since.unwrap_or(Start::Last(newest as u64));
    let projection = gateway.projections.get(&asked.fields);
    let bus = &*gateway.state.bus;
    let (mut cursor, started) = Cursor::start(bus, &channel, Some(&since), &sift);
    let mut found = Found::new(limit, is_of_newest, started.head.offset);
    let mut gaps = started.gaps;
    loop {
        let page = cursor.read(bus, limit.min(PAGE));
        // Of a hole between items only what is fleeting is missing, which history leaves out.
        gaps.extend(page.gap.clone());
        gaps.retain(|gap| gap.to < page.first);
        for item in &page.items {
            if !found.goes_on(item) {
                break;
            }
            if !item.publication.kind.is_fleeting() && cursor.hears(item) {
                found.add(item);
            }
            cursor.pass_item(item);
        }
        if found.is_over || cursor.has_reached_the_end_of(&page) {
            break;
        }
        tokio::task::yield_now().await;
    }
    let encoded = |item: &Arc<Published>| {
        let projection = projection.as_deref();
        let frame = form::plain(item, Encoding::Json, projection, &gateway.press);
        raw(frame.payload())
    };
    Ok(HistorySaid {
        items: found.items.iter().filter_map(encoded).collect(),
        position: cursor.position(),
        head: said(&started.head),
        more: found.is_over && !is_of_newest,
        gaps,
        ignored: asked.ignored.clone(),
    })
}

/// What is found, within the bounds of one answer: the first that fit, or the newest.
struct Found {
    items: VecDeque<Arc<Published>>,
    bytes: usize,
    looked_at: usize,
    limit: usize,
    /// Of the newest: up to here.
    newest_to: Option<u64>,
    /// There is no room for more.
    is_over: bool,
}

impl Found {
    fn new(limit: usize, is_of_newest: bool, head: u64) -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            looked_at: 0,
            limit,
            newest_to: is_of_newest.then_some(head),
            is_over: false,
        }
    }

    /// Whether this one is still to be looked at.
    fn goes_on(&mut self, item: &Published) -> bool {
        self.is_over = match self.newest_to {
            Some(head) => item.offset > head,
            None => {
                self.items.len() >= self.limit
                    || self.bytes >= MAX_BYTES
                    || self.looked_at >= MAX_LOOKED_AT
            }
        };
        self.looked_at += 1;
        !self.is_over
    }

    fn add(&mut self, item: &Arc<Published>) {
        self.bytes += item.publication.data.len();
        self.items.push_back(Arc::clone(item));
        if self.newest_to.is_none() {
            // The next answer goes on behind the last item of this one.
            return;
        }
        while self.items.len() > self.limit || (self.bytes > MAX_BYTES && self.items.len() > 1) {
            let Some(older) = self.items.pop_front() else {
                return;
            };
            self.bytes -= older.publication.data.len();
        }
    }
}

/// The frame as a part of another one.
fn raw(frame: &[u8]) -> Option<Box<RawValue>> {
    serde_json::from_slice(frame).ok()
}
