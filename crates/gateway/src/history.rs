//! A look into a channel's history, with the same sift that live delivery has.

use serde_json::value::RawValue;
use vigil_auth::Principal;
use vigil_protocol::{ErrorBody, ErrorCode, History, HistorySaid, MAX_HISTORY_ITEMS};

use crate::Gateway;
use crate::channel::Target;
use crate::cursor::{Cursor, Start};
use crate::form::{self, Encoding};
use crate::publisher::said;
use crate::wish::invalid;

/// How many items are given where nothing is said.
const USUAL_ITEMS: usize = 100;

/// No more data than this is given at a time, but one item always.
const MAX_BYTES: usize = 1 << 20;

/// At most so many items are looked at for one answer.
const MAX_LOOKED_AT: usize = 10_000;

pub(crate) fn of(
    gateway: &Gateway,
    principal: &Principal,
    asked: &History,
) -> Result<HistorySaid, ErrorBody> {
    let Target::One(channel) = gateway.target(principal, &asked.channel)? else {
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
    let since = since.unwrap_or(Start::Last(limit as u64));
    let sift = gateway.asked_sift(asked.min_severity.as_deref(), asked.filter.as_ref())?;
    let sift = gateway.sift(&sift, principal)?;
    let projection = gateway.projections.get(&asked.fields);
    let bus = &*gateway.state.bus;
    let (mut cursor, started) = Cursor::start(bus, &channel, Some(&since), &sift);
    let mut history = HistorySaid {
        items: Vec::new(),
        position: cursor.position(),
        head: said(&started.head),
        more: false,
        gaps: started.gaps,
        ignored: asked.ignored.clone(),
    };
    let (mut bytes, mut looked_at) = (0, 0);
    'pages: loop {
        let page = cursor.read(bus, limit);
        history.gaps.extend(page.gap.clone());
        for item in &page.items {
            if history.items.len() >= limit || bytes >= MAX_BYTES || looked_at >= MAX_LOOKED_AT {
                history.more = true;
                break 'pages;
            }
            looked_at += 1;
            if !item.publication.kind.is_fleeting() && cursor.hears(item) {
                let frame =
                    form::plain(item, Encoding::Json, projection.as_deref(), &gateway.press);
                bytes += frame.payload().len();
                history.items.extend(raw(frame.payload()));
            }
            cursor.pass_item(item);
        }
        if cursor.has_reached_the_end_of(&page) {
            break;
        }
    }
    history.position = cursor.position();
    Ok(history)
}

/// The frame as a part of another one.
fn raw(frame: &[u8]) -> Option<Box<RawValue>> {
    serde_json::from_slice(frame).ok()
}
