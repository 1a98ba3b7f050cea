//! Why an entity is told: which signs, how much each brought and what is left of it.

use std::fmt::Write as _;

use vigil_event::text;

use super::standing::Standing;
use super::{Entity, signs};

/// This many rules are named.
const NAMED: usize = 4;
/// The longest title or name that is shown, in bytes.
const SHOWN_BYTES: usize = 64;

/// Such as `risk 7.4 of 10: "Odd Quote" twice (3.9, now 3.6), "Page That Is Not There" (1.0); of
/// 203.0.113.7, first seen 40 s before`.
pub(super) fn reason(
    entity: &Entity,
    standing: &Standing,
    (now, half_life): (i64, i64),
    (weight, clients): (f64, u32),
) -> String {
    let mut reason = format!("risk {} of 10: ", signs::score(weight));
    let heaviest = standing.heaviest();
    for (place, held) in heaviest.iter().take(NAMED).enumerate() {
        let comma = if place > 0 { ", " } else { "" };
        let title = text::truncated(&held.title, SHOWN_BYTES);
        let times = match held.times {
            1 => String::new(),
            times => format!(" {times} times"),
        };
        let (brought, left) = (signs::score(held.brought), signs::score(held.weight));
        _ = write!(reason, "{comma}\"{title}\"{times} ({brought}");
        if brought.to_string() != left.to_string() {
            _ = write!(reason, ", now {left}");
        }
        reason.push(')');
    }
    let others: f64 = heaviest.iter().skip(NAMED).map(|held| held.weight).sum();
    let others = signs::score(others + standing.rest());
    if others.value() >= 0.05 {
        _ = write!(reason, " and others ({others})");
    }
    let about = match entity {
        Entity::Address(address) => address.to_string(),
        Entity::Network(network) => in_network(&network.to_string(), standing, clients),
        Entity::Session(mark) => {
            format!("session #{mark:08x} from {} addresses", standing.clients())
        }
        Entity::Account(name) => {
            let name = text::escape_invalid(name);
            let name = text::truncated(&name, SHOWN_BYTES);
            format!("account \"{name}\" from {} addresses", standing.clients())
        }
    };
    let seconds = now.saturating_sub(standing.first) / 1_000;
    let half_life = half_life / 60_000;
    _ = write!(
        reason,
        "; of {about}, first known {seconds} s before; half fades in {half_life} min"
    );
    reason
}

/// How many clients of a network are suspect, and how many would be hit beside them.
fn in_network(network: &str, standing: &Standing, clients: u32) -> String {
    let suspect = standing.clients();
    let quiet = clients.saturating_sub(suspect);
    format!("{network}, where {suspect} clients are suspect and about {quiet} are quiet")
}
