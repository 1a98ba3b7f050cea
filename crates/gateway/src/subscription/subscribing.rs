//! Beginning to hear: a channel, a namespace with its rooms, a durable subscription.

use std::collections::HashSet;
use std::sync::Arc;

use vigil_bus::Position;
use vigil_protocol::{ErrorBody, ErrorCode, Gap, Message, Subscribe, Subscribed};

use crate::channel::{self, Target};
use crate::connection::Connection;
use crate::connection::command::ReplyTo;
use crate::frame;
use crate::publisher::said;
use crate::subscription::cursor::Start;
use crate::subscription::sift::Sift;
use crate::subscription::wish::{Options, Wish};
use crate::subscription::{Ahead, RoomsSubscription, Subscription};
use crate::telemetry::Sent;
use crate::wire::outlet::End;

impl Connection {
    /// What a `subscribe` asks for, if this connection may have it.
    pub(crate) fn wish(&self, asked: &Subscribe) -> Result<Wish, ErrorBody> {
        let wish = self.gateway.wish(&self.principal, asked)?;
        let name = wish.target.name();
        if self.subscriptions.has(&name) {
            let message = format!(
                "channel `{name}` is heard already, by itself or through its namespace: unsubscribe first to change options"
            );
            return Err(ErrorBody::new(ErrorCode::AlreadySubscribed, message));
        }
        if let Target::Rooms(prefix) = &wish.target {
            let mut single = self.subscriptions.iter().map(|one| one.cursor.channel());
            if let Some(room) = single.find(|channel| channel.starts_with(&**prefix)) {
                let message =
                    format!("room `{room}` is heard by itself: unsubscribe from it first");
                return Err(ErrorBody::new(ErrorCode::AlreadySubscribed, message));
            }
        }
        let max = self.gateway.state.limits.max_subscriptions;
        if self.subscriptions.len() >= max {
            let message =
                format!("a connection hears at most {max} channels: unsubscribe from one first");
            return Err(ErrorBody::new(ErrorCode::TooManySubscriptions, message));
        }
        self.gateway.check_room_for(&wish.target)?;
        Ok(wish)
    }

    /// Adds a subscription: the answer first, then what is missing, then the items.
    pub(crate) async fn subscribe(&mut self, id: ReplyTo, wish: &Wish) -> Result<(), End> {
        let sift = match self.gateway.sift(&wish.options.asked, &self.principal) {
            Ok(sift) => sift,
            Err(error) => return self.refuse(id, error).await,
        };
        let name = wish.target.name();
        self.gateway
            .audit_subscribed(self.enrolled.id, &self.principal, &name);
        match &wish.target {
            Target::One(channel) => self.hear_channel(id, channel, wish, &sift).await?,
            Target::Rooms(prefix) => self.hear_namespace(id, prefix, wish, &sift).await?,
        }
        self.list_channels();
        Ok(())
    }

    async fn hear_channel(
        &mut self,
        id: ReplyTo,
        channel: &Arc<str>,
        wish: &Wish,
        sift: &Arc<Sift>,
    ) -> Result<(), End> {
        let since = match &wish.options.durable {
            None => wish.since.clone(),
            Some(name) => match self.durable_start(channel, name) {
                Ok(since) => Some(since),
                Err(error) => return self.refuse(id, error).await,
            },
        };
        let (mut subscription, started) =
            Subscription::start(self.ground(), channel, since.as_ref(), sift, &wish.options);
        if wish.options.durable.is_some() {
            let ahead = Ahead {
                after: subscription.cursor.after(),
                until: started.head.offset,
            };
            subscription.ahead = (!ahead.is_over()).then(|| Box::new(ahead));
        }
        if let Some(present) = self.enter(channel) {
            subscription.appear(present);
        }
        let overdue = self.overdue(&mut subscription);
        self.subscriptions.add(subscription);
        let places = Some((&started.from, &started.head));
        self.answer(id, channel, wish, places, started.recovered)
            .await?;
        let gaps = started.gaps.into_iter().chain(overdue);
        for gap in gaps {
            self.tell_gap(channel, gap).await?;
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        id: ReplyTo,
        channel: &str,
        wish: &Wish,
        places: Option<(&Position, &Position)>,
        recovered: bool,
    ) -> Result<(), End> {
        let options = &wish.options;
        let min_severity = options.asked.min_severity;
        let subscribed = Subscribed {
            position: places.map(|(from, _)| said(from)),
            head: places.map(|(_, head)| said(head)),
            recovered,
            min_severity: min_severity.map(|severity| severity.name().to_owned()),
            lane: options.lane,
            durable: options.durable.clone(),
            ignored: wish.ignored.clone(),
        };
        self.tell(id, Some(channel), Message::Subscribed(subscribed))
            .await
    }

    async fn tell_gap(&mut self, channel: &str, gap: Gap) -> Result<(), End> {
        let telemetry = &self.gateway.state.telemetry;
        telemetry.gap(gap.reason, gap.missed);
        telemetry.sent(Sent::Gap, 1);
        self.outlet.say(&frame::of_gap(channel, gap)).await
    }

    /// Where a durable subscription goes on.
    fn durable_start(&self, channel: &Arc<str>, name: &str) -> Result<Start, ErrorBody> {
        let state = &self.gateway.state;
        let head = state.bus.head(channel);
        let place = (&*self.principal.subject, &**channel, name);
        let kept = state.durables.open(place, &head, state.clock.now());
        let (epoch, offset) = kept.ok_or_else(|| {
            ErrorBody::new(
                ErrorCode::TooManySubscriptions,
                "there is no room for one more durable subscription: use one of those that `welcome` lists, or `unsubscribe` with its name as `durable` to forget it",
            )
        })?;
        Ok(Start::Position { epoch, offset })
    }

    /// What waits for too long, or is too much, for a durable subscription.
    fn overdue(&self, subscription: &mut Subscription) -> Option<Gap> {
        subscription.options.durable.as_ref()?;
        let state = &self.gateway.state;
        let limits = &state.limits;
        let bus = &*state.bus;
        let channel = Arc::clone(subscription.cursor.channel());
        let age_ms = i64::try_from(limits.durable_age.as_millis()).unwrap_or(i64::MAX);
        let oldest = state.clock.now().plus_millis(-age_ms);
        let by_age = bus.since_time(&channel, oldest);
        // Who only comes and goes takes nothing of the room for what waits.
        let by_count = bus.last(&channel, limits.durable_items as u64);
        let to = by_age.max(by_count);
        if to <= subscription.cursor.after() {
            return None;
        }
        let reason = vigil_protocol::GapReason::Retention;
        let gap = subscription.cursor.skip_to(bus, to, reason);
        if let Some(ahead) = &mut subscription.ahead {
            ahead.after = ahead.after.max(subscription.cursor.after());
        }
        gap
    }

    async fn hear_namespace(
        &mut self,
        id: ReplyTo,
        prefix: &Arc<str>,
        wish: &Wish,
        sift: &Arc<Sift>,
    ) -> Result<(), End> {
        let gateway = Arc::clone(&self.gateway);
        let bus = &*gateway.state.bus;
        let mut rooms = RoomsSubscription::new(bus, prefix, &wish.options);
        let there = rooms.new_rooms(bus);
        self.subscriptions.rooms.push(rooms);
        // Heard before it is said that they are: what is published from then on must not be missed.
        let mut heard = Vec::new();
        for room in there {
            let since = wish.since.as_ref().map(|since| since.of_room(&room));
            let added = self.add_room(&room, prefix, since.as_ref(), sift, &wish.options);
            heard.push((room, added));
        }
        let name = wish.target.name();
        let mut gaps = heard.iter().flat_map(|(_, added)| added.iter().flatten());
        let recovered = gaps.next().is_none();
        self.answer(id, &name, wish, None, recovered).await?;
        for (room, added) in heard {
            self.tell_of_room(&room, prefix, added).await?;
        }
        Ok(())
    }

    /// Hears the rooms that were opened since, from their beginning.
    pub(crate) async fn look_for_rooms(&mut self) -> Result<(), End> {
        let gateway = Arc::clone(&self.gateway);
        let bus = &*gateway.state.bus;
        let mut opened = Vec::new();
        for rooms in &mut self.subscriptions.rooms {
            if std::mem::take(&mut rooms.pending) {
                let (prefix, options) = (Arc::clone(&rooms.prefix), Arc::clone(&rooms.options));
                let new = rooms.new_rooms(bus).into_iter();
                opened.extend(new.map(|room| (room, Arc::clone(&prefix), Arc::clone(&options))));
            }
        }
        if opened.is_empty() {
            return Ok(());
        }
        let all = self.subscriptions.iter();
        let heard: HashSet<_> = all.map(|one| Arc::clone(one.cursor.channel())).collect();
        opened.retain(|(room, ..)| !heard.contains(room));
        for (room, prefix, options) in opened {
            let Ok(sift) = gateway.sift(&options.asked, &self.principal) else {
                continue;
            };
            let beginning = Some(&Start::Beginning);
            let added = self.add_room(&room, &prefix, beginning, &sift, &options);
            self.tell_of_room(&room, &prefix, added).await?;
        }
        Ok(())
    }

    /// Hears one room of a namespace, which is not heard yet, and says what is missing of it; none if there is no place for it.
    fn add_room(
        &mut self,
        room: &Arc<str>,
        prefix: &Arc<str>,
        since: Option<&Start>,
        sift: &Arc<Sift>,
        options: &Arc<Options>,
    ) -> Option<Vec<Gap>> {
        if !channel::may_hear(&self.principal, room) {
            return Some(Vec::new());
        }
        if self.subscriptions.room_count() >= self.gateway.state.limits.max_rooms {
            return None;
        }
        let (mut subscription, started) =
            Subscription::start(self.ground(), room, since, sift, options);
        subscription.of = Some(Arc::clone(prefix));
        self.subscriptions.add(subscription);
        Some(started.gaps)
    }

    async fn tell_of_room(
        &mut self,
        room: &str,
        prefix: &Arc<str>,
        added: Option<Vec<Gap>>,
    ) -> Result<(), End> {
        let Some(gaps) = added else {
            let max = self.gateway.state.limits.max_rooms;
            return self.say_it_is_full(prefix, max).await;
        };
        for gap in gaps {
            self.tell_gap(room, gap).await?;
        }
        Ok(())
    }

    /// Said once for a namespace: what is opened from now on is not heard.
    async fn say_it_is_full(&mut self, prefix: &Arc<str>, max: usize) -> Result<(), End> {
        let mut namespaces = self.subscriptions.rooms.iter_mut();
        let Some(rooms) = namespaces.find(|rooms| rooms.prefix == *prefix && !rooms.full) else {
            return Ok(());
        };
        rooms.full = true;
        let error = ErrorBody::new(
            ErrorCode::TooManySubscriptions,
            format!(
                "`{prefix}*` has more than the {max} rooms that a connection hears: subscribe to single rooms"
            ),
        );
        self.refuse(None, error).await
    }

    /// Comes into a room that tells who is there.
    fn enter(&self, channel: &Arc<str>) -> Option<crate::subscription::presence::Present> {
        let user: Arc<str> = Arc::from(self.principal.subject.as_str());
        self.gateway.enter(channel, self.enrolled.id, &user)
    }
}
