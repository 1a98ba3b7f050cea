//! What somebody asks to hear, checked: the same for `subscribe`, a stream's URL and an admin's order.

use std::sync::Arc;

use vigil_auth::Principal;
use vigil_event::Severity;
use vigil_protocol::{ErrorBody, ErrorCode, Lane, Subscribe};

use crate::Gateway;
use crate::channel::{self, Target};
use crate::frame::form::Projection;
use crate::subscription::cursor::Start;
use crate::subscription::sift::Sift;

/// How long items are held back for a newer one to take their place, where nothing else is said.
const CONFLATE_WAIT_MS: u64 = 100;

/// What somebody asks to hear.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) target: Target,
    pub(crate) since: Option<Start>,
    pub(crate) options: Arc<Options>,
    /// What they said beside that means nothing.
    pub(crate) ignored: Vec<String>,
}

/// How they want to hear it.
#[derive(Debug)]
pub(crate) struct Options {
    /// What the client itself asked for, without the token's filter.
    pub(crate) asked: Sift,
    pub(crate) projection: Option<Arc<Projection>>,
    pub(crate) lane: Lane,
    /// At most so many items in one message; none = each is its own.
    pub(crate) batch: Option<usize>,
    /// How long items are held back.
    pub(crate) wait_ms: u64,
    pub(crate) conflate: Option<String>,
    pub(crate) durable: Option<String>,
}

/// What most subscriptions share: those that want everything as it comes.
#[derive(Debug)]
pub(crate) struct Plain {
    sift: Arc<Sift>,
    options: [Arc<Options>; 3],
}

impl Default for Plain {
    fn default() -> Self {
        let options = [Lane::Critical, Lane::Normal, Lane::Bulk].map(|lane| {
            Arc::new(Options {
                asked: Sift::default(),
                projection: None,
                lane,
                batch: None,
                wait_ms: 0,
                conflate: None,
                durable: None,
            })
        });
        Self {
            sift: Arc::default(),
            options,
        }
    }
}

impl Plain {
    fn shared(&self, options: Options) -> Arc<Options> {
        let is_plain = options.asked.hears_everything()
            && options.projection.is_none()
            && options.batch.is_none()
            && options.wait_ms == 0
            && options.conflate.is_none()
            && options.durable.is_none();
        let shared = self.options.iter().find(|one| one.lane == options.lane);
        match shared {
            Some(shared) if is_plain => Arc::clone(shared),
            _ => Arc::new(options),
        }
    }
}

impl Gateway {
    /// What a `subscribe` asks for, if the principal may have it.
    pub(crate) fn wish(&self, principal: &Principal, asked: &Subscribe) -> Result<Wish, ErrorBody> {
        let target = self.target(principal, &asked.channel)?;
        let since = asked.since.clone().map(Start::try_from).transpose();
        let since = since.map_err(|error| invalid(format!("`since`: {error}")))?;
        self.check_since(&target, since.as_ref())?;
        if asked.durable.is_some() {
            check_durable(&target, since.as_ref())?;
        }
        let asked_sift = self.asked_sift(asked.min_severity.as_deref(), asked.filter.as_ref())?;
        let conflates = asked.conflate.is_some();
        Ok(Wish {
            since,
            options: self.plain.shared(Options {
                asked: asked_sift,
                projection: self.projections.get(&asked.fields),
                lane: asked
                    .lane
                    .unwrap_or_else(|| channel::lane_of(&asked.channel)),
                batch: asked.batch.map(|batch| batch.max_messages),
                wait_ms: match asked.batch {
                    Some(batch) => batch.max_wait_ms,
                    None if conflates => CONFLATE_WAIT_MS,
                    None => 0,
                },
                conflate: asked.conflate.clone(),
                durable: asked.durable.clone(),
            }),
            target,
            ignored: asked.ignored.clone(),
        })
    }

    /// What a name stands for, if the principal may hear it.
    pub(crate) fn target(&self, principal: &Principal, name: &str) -> Result<Target, ErrorBody> {
        let namespaces = &self.state.namespaces;
        let target = namespaces
            .find(name)
            .ok_or_else(|| namespaces.unknown(name))?;
        let granted = match &target {
            Target::One(channel) => channel::may_hear(principal, channel),
            Target::Rooms(prefix) => channel::may_hear_some(principal, prefix),
        };
        if granted {
            return Ok(target);
        }
        let shown = vigil_event::text::truncated(name, 64);
        Err(ErrorBody::new(
            ErrorCode::Forbidden,
            format!("the token does not grant channel `{shown}`"),
        ))
    }

    /// Opens the channel: one for which there is no room is not said to be heard.
    pub(crate) fn check_room_for(&self, target: &Target) -> Result<(), ErrorBody> {
        let is_there = match target {
            Target::One(channel) => self.state.bus.watch(channel).has_changed().is_ok(),
            Target::Rooms(_) => true,
        };
        is_there.then_some(()).ok_or_else(no_room)
    }

    fn check_since(&self, target: &Target, since: Option<&Start>) -> Result<(), ErrorBody> {
        let Some(since) = since else { return Ok(()) };
        match (target, since) {
            (Target::One(_), Start::Rooms(_)) => Err(invalid(
                "`since.rooms` is for a namespace such as `chat:*`".to_owned(),
            )),
            (Target::Rooms(_), Start::Position { .. }) => Err(invalid(
                "a namespace has no position of its own: say `since` as {\"rooms\":{room:position}}"
                    .to_owned(),
            )),
            (target, _) if !self.state.namespaces.has_history(&target.name()) => {
                Err(ErrorBody::new(
                    ErrorCode::Unsupported,
                    "this channel keeps no history: leave `since` out",
                ))
            }
            _ => Ok(()),
        }
    }

    /// What a client asks to hear of a channel.
    pub(crate) fn asked_sift(
        &self,
        min_severity: Option<&str>,
        filter: Option<&vigil_protocol::Filter>,
    ) -> Result<Sift, ErrorBody> {
        let min_severity = min_severity
            .map(str::parse::<Severity>)
            .transpose()
            .map_err(|error| invalid(format!("`min_severity`: {error}")))?;
        let filter = filter
            .map(|filter| self.filters.get(filter))
            .transpose()
            .map_err(|error| invalid(format!("`filter`: {error}")))?;
        Ok(Sift {
            min_severity,
            filters: filter.into_iter().collect(),
        })
    }

    /// What was asked for, within what the token lets through. A token whose filter makes no sense
    /// lets nothing through.
    pub(crate) fn sift(&self, asked: &Sift, principal: &Principal) -> Result<Arc<Sift>, ErrorBody> {
        let mut sift = asked.clone();
        if let Some(expression) = principal.filter() {
            let filter = self.filters.of_expression(expression).map_err(|error| {
                ErrorBody::new(
                    ErrorCode::Forbidden,
                    format!("the token's filter is not understood, so nothing is granted: {error}"),
                )
            })?;
            sift.filters.push(filter);
        }
        if sift.hears_everything() {
            return Ok(Arc::clone(&self.plain.sift));
        }
        Ok(Arc::new(sift))
    }
}

fn check_durable(target: &Target, since: Option<&Start>) -> Result<(), ErrorBody> {
    if matches!(target, Target::Rooms(_)) {
        return Err(invalid(
            "`durable` is for one channel: subscribe to each room".to_owned(),
        ));
    }
    if since.is_some() {
        return Err(invalid(
            "a durable subscription knows where it stands: leave `since` out".to_owned(),
        ));
    }
    Ok(())
}

/// The bus has as many channels as it may.
pub(crate) fn no_room() -> ErrorBody {
    ErrorBody::new(
        ErrorCode::Unavailable,
        "the server has no room for one more channel: try later",
    )
}

pub(crate) fn invalid(message: String) -> ErrorBody {
    ErrorBody::new(ErrorCode::Invalid, message)
}
