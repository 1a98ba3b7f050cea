//! The channels there are, and the names that paths use for them.

use vigil_auth::Principal;
use vigil_event::channel::{ALERTS, STATUS, THREATS};

/// Every channel that can be heard.
const ALL: [&str; 3] = [THREATS, ALERTS, STATUS];

/// The channel of that name.
pub(crate) fn find(name: &str) -> Option<&'static str> {
    ALL.into_iter().find(|channel| *channel == name)
}

/// The channel that a path such as `/ws/system` means.
pub(crate) fn of_path(name: &str) -> Option<&'static str> {
    if name == "system" {
        Some(STATUS)
    } else {
        find(name)
    }
}

/// The channels that the principal may hear.
pub(crate) fn granted(principal: &Principal) -> Vec<String> {
    ALL.into_iter()
        .filter(|channel| principal.may_subscribe(channel))
        .map(str::to_owned)
        .collect()
}

/// Says that there is no such channel, and which there are.
pub(crate) fn unknown(name: &str) -> vigil_protocol::ErrorBody {
    let shown = vigil_event::text::truncated(name, 64);
    vigil_protocol::ErrorBody {
        channels: ALL.map(str::to_owned).to_vec(),
        ..vigil_protocol::ErrorBody::new(
            vigil_protocol::ErrorCode::UnknownChannel,
            format!("there is no channel `{shown}`: use {}", ALL.join(", ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_a_name_of_their_own_for_status() {
        assert_eq!(of_path("system"), Some("status"));
        assert_eq!(of_path("threats"), Some("threats"));
        assert_eq!(of_path("network"), None);
        assert_eq!(find("system"), None);
        assert!(unknown(&"x".repeat(500)).message.len() < 150);
    }
}
