//! Seats against the log: what is written, who is called, and that nobody is passed over.

use std::future::poll_fn;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use vigil_auth::{Principal, Role};
use vigil_bus::{LogLimits, MemoryBus};
use vigil_event::{Id, Publication, Severity, SystemClock, Timestamp};

use super::*;
use crate::admit::upgrade::Agreed;
use crate::connection::roster::Roster;
use crate::subscription::sift::Sift;
use crate::wire::budget::{Budget, Way};
use crate::wire::{Transport, Wire};

const NOW: Timestamp = Timestamp::from_millis(1_000);

struct Scene {
    means: Means,
    hub: Hub,
    roster: Arc<Roster>,
    budget: Arc<Budget>,
}

struct Guest {
    client: TcpStream,
    wire: Arc<Wire>,
    seat: Arc<Seat>,
    spot: Spot,
    _enrolled: crate::connection::roster::Enrolled,
}

impl Scene {
    fn new() -> Self {
        let limits = LogLimits {
            max_items: 4,
            ..LogLimits::default()
        };
        let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(limits, Arc::new(SystemClock)));
        let hub = Hub::new(&Arc::from("status"), &*bus);
        Self {
            means: Means {
                bus,
                clock: Arc::new(SystemClock),
                telemetry: Arc::default(),
                press: Arc::new(Press::new(0, &Arc::default())),
                gather: Duration::ZERO,
            },
            hub,
            roster: Arc::default(),
            budget: Arc::new(Telemetry::new().output.budget(1 << 20)),
        }
    }

    fn publish(&self, count: u64, severity: Severity) {
        for number in 0..count {
            let id = Id::derived(NOW, &[&number.to_le_bytes()]);
            self.means
                .bus
                .publish(Publication::status(&"fine", severity, id, NOW));
        }
    }

    async fn guest(&self, number: u8, sift: Sift) -> Guest {
        self.guest_in(number, sift, Way::Normal).await
    }

    async fn guest_in(&self, number: u8, sift: Sift, way: Way) -> Guest {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (server, _) = accepted.unwrap();
        server.writable().await.unwrap();
        let wire = Arc::new(Wire::new(
            Transport::Plain(server),
            Arc::clone(&self.budget),
        ));
        let principal = Arc::new(Principal::new("anna", Role::Analyst));
        let id = Id::derived(NOW, &[&[number]]);
        let enrolled = self.roster.enrol(
            id,
            &principal,
            crate::telemetry::Transport::WebSocket,
            crate::connection::roster::Purpose::General,
            NOW,
        );
        let seat = Seat::new(Arc::clone(&wire), Arc::clone(&enrolled.entry), way, None);
        let seat = Arc::new(seat);
        let wants = Wants {
            sift: Arc::new(sift),
            projection: None,
            agreed: Agreed::default(),
        };
        Guest {
            spot: self.hub.enter(&wants, &seat),
            client: client.unwrap(),
            wire,
            seat,
            _enrolled: enrolled,
        }
    }
}

impl Guest {
    /// How many frames came; so many are waited for.
    async fn frames(&self, expected: usize) -> usize {
        let (mut bytes, mut count) = (Vec::new(), 0);
        while count < expected {
            self.client.readable().await.unwrap();
            // Another look, where it was nothing.
            drop(self.client.try_read_buf(&mut bytes));
            count = memchr_count(&bytes);
        }
        drop(self.client.try_read_buf(&mut bytes));
        memchr_count(&bytes)
    }
}

fn memchr_count(bytes: &[u8]) -> usize {
    bytes
        .windows(8)
        .filter(|part| part == b"\"offset\"")
        .count()
}

#[tokio::test]
async fn who_sits_is_written_to_and_who_stands_is_called() {
    let scene = Scene::new();
    let high = Sift {
        min_severity: Some(Severity::High),
        ..Sift::default()
    };
    let (all, few) = (
        scene.guest(1, Sift::default()).await,
        scene.guest(2, high).await,
    );
    let standing = scene.guest(3, Sift::default()).await;
    assert!(scene.hub.sit_down(&all.seat, 0) && scene.hub.sit_down(&few.seat, 0));
    scene.publish(2, Severity::Low);
    scene.publish(1, Severity::High);
    scene.hub.hand_out(&scene.means).await;
    for (guest, frames) in [(&all, 3), (&few, 1), (&standing, 0)] {
        assert_eq!(guest.frames(frames).await, frames);
    }
    assert_eq!((all.seat.after(), few.seat.after()), (3, 3));
    let look = standing.seat.look();
    assert!(look.is_called && !look.is_seated);
    assert!(!standing.seat.look().is_called, "a call is answered once");
}

#[tokio::test]
async fn nobody_sits_down_behind_the_hub() {
    let scene = Scene::new();
    let guest = scene.guest(1, Sift::default()).await;
    scene.publish(3, Severity::Low);
    scene.hub.hand_out(&scene.means).await;
    assert!(!scene.hub.sit_down(&guest.seat, 2), "3 would never come");
    assert!(scene.hub.sit_down(&guest.seat, 3));
    // One who pulled further than the hub is left alone until the hub is there too.
    scene.publish(2, Severity::Low);
    assert!(scene.hub.sit_down(&guest.seat, 5));
    scene.hub.hand_out(&scene.means).await;
    assert!(guest.seat.look().is_seated);
    assert_eq!(guest.seat.after(), 5);
    assert_eq!(guest.frames(0).await, 0);
}

#[tokio::test]
async fn who_is_busy_behind_expired_or_missed_something_pulls() {
    let scene = Scene::new();
    let mut guests = Vec::new();
    for number in 0..4 {
        let guest = scene.guest(number, Sift::default()).await;
        assert!(scene.hub.sit_down(&guest.seat, 0));
        guests.push(guest);
    }
    guests[0]
        .wire
        .push(Bytes::from_static(b"something waits"), Way::Normal);
    guests[1].seat.expire(Some(NOW));
    assert!(
        scene.hub.sit_down(&guests[2].seat, 1),
        "in the midst of what comes"
    );
    scene.publish(2, Severity::Low);
    scene.hub.hand_out(&scene.means).await;
    let seated: Vec<bool> = guests
        .iter()
        .map(|guest| guest.seat.look().is_seated)
        .collect();
    assert_eq!(seated, [false, false, true, true]);
    let frames = (guests[2].frames(1).await, guests[3].frames(2).await);
    assert_eq!(frames, (1, 2), "from where each stood");
    poll_fn(|context| guests[0].wire.poll_flush(context))
        .await
        .unwrap();
    // The log keeps four: the hub itself has missed some now.
    scene.publish(9, Severity::Low);
    scene.hub.hand_out(&scene.means).await;
    let look = guests[3].seat.look();
    assert!(look.is_called && !look.is_seated);
    assert_eq!(look.after, 2);
}

#[tokio::test]
async fn audiences_come_and_go() {
    let scene = Scene::new();
    let high = || Sift {
        min_severity: Some(Severity::High),
        ..Sift::default()
    };
    let one = scene.guest(1, high()).await;
    let same = scene.guest(2, high()).await;
    assert_eq!(one.spot.audience, same.spot.audience);
    let other = scene.guest(3, Sift::default()).await;
    assert_ne!(one.spot.audience, other.spot.audience);
    assert_eq!(scene.hub.seats(), 3);
    assert!(!scene.hub.leave(one.spot) && !scene.hub.leave(same.spot));
    let low = Sift {
        min_severity: Some(Severity::Low),
        ..Sift::default()
    };
    let new = scene.guest(4, low).await;
    assert_eq!(
        new.spot.audience, one.spot.audience,
        "its place is taken again"
    );
    assert!(!scene.hub.leave(new.spot));
    assert!(scene.hub.leave(other.spot), "nobody is left");
}

#[tokio::test]
async fn nothing_pauses_where_somebody_is_in_a_hurry() {
    let scene = Scene::new();
    let _calm = scene.guest(1, Sift::default()).await;
    assert!(!scene.hub.is_behind(&scene.means), "nothing came");
    scene.publish(1, Severity::Low);
    assert!(scene.hub.is_behind(&scene.means));
    let hurried = scene.guest_in(2, Sift::default(), Way::Critical).await;
    assert!(!scene.hub.is_behind(&scene.means));
    scene.hub.leave(hurried.spot);
    assert!(scene.hub.is_behind(&scene.means));
}

#[tokio::test]
async fn what_comes_during_a_lap_goes_to_those_whose_turn_is_still_to_come() {
    let scene = Scene::new();
    let mut guests = Vec::new();
    for number in 0..=SLICE as u8 {
        let guest = scene.guest(number, Sift::default()).await;
        assert!(scene.hub.sit_down(&guest.seat, 0));
        guests.push(guest);
    }
    scene.publish(1, Severity::Low);
    let lap = Lap::after(0, &scene.hub.channel, &scene.means).unwrap();
    // It yields after the first slice, and the publisher has its turn.
    tokio::join!(scene.hub.run_lap(&scene.means, lap), async {
        scene.publish(1, Severity::High);
    });
    let after = |guest: &Guest| guest.seat.after();
    assert_eq!((after(&guests[0]), after(&guests[SLICE])), (1, 2));
    scene.hub.hand_out(&scene.means).await;
    for guest in &guests {
        assert_eq!(guest.seat.after(), 2);
        assert_eq!(guest.frames(2).await, 2, "everything once");
    }
}
