//! Roles, and the table of what each may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, and changes nothing.
    Viewer,
    /// Looks, and works on alerts.
    Analyst,
    /// May do everything.
    Admin,
    /// A machine that sends log lines, and sees nothing.
    Service,
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// See threats, alerts, statistics and channels.
    Read,
    /// Acknowledge, resolve or annotate an alert.
    ChangeAlerts,
    /// Let rules pass for a time, and end that.
    Suppress,
    /// Send log lines.
    Ingest,
    /// Change how Vigil itself works.
    Manage,
    /// Have profiles of sites learned from new, put older ones in force, take them out.
    Train,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Analyst, Self::Admin, Self::Service];

    /// The name in a token, in the configuration and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }

    /// Of several roles that somebody has, the one with the highest rank counts.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::Service => 0,
            Self::Viewer => 1,
            Self::Analyst => 2,
            Self::Admin => 3,
        }
    }

    /// Whether this role may do that.
    pub const fn may(self, action: Action) -> bool {
        match (self, action) {
            (Self::Admin, _)
            | (Self::Viewer | Self::Analyst, Action::Read)
            | (Self::Analyst, Action::ChangeAlerts | Action::Suppress)
            | (Self::Service, Action::Ingest) => true,
            (
                Self::Viewer,
                Action::ChangeAlerts
                | Action::Suppress
                | Action::Ingest
                | Action::Manage
                | Action::Train,
            )
            | (Self::Analyst, Action::Ingest | Action::Manage | Action::Train)
            | (
                Self::Service,
                Action::Read
                | Action::ChangeAlerts
                | Action::Suppress
                | Action::Manage
                | Action::Train,
            ) => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: use viewer, analyst, admin or service")]
pub struct NotARole(pub String);

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| NotARole(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_rights() {
        let table = [
            (Role::Viewer, [true, false, false, false, false, false]),
            (Role::Analyst, [true, true, true, false, false, false]),
            (Role::Admin, [true, true, true, true, true, true]),
            (Role::Service, [false, false, false, true, false, false]),
        ];
        let actions = [
            Action::Read,
            Action::ChangeAlerts,
            Action::Suppress,
            Action::Ingest,
            Action::Manage,
            Action::Train,
        ];
        for (role, rights) in table {
            for (action, may) in actions.into_iter().zip(rights) {
                assert_eq!(role.may(action), may, "{role} {action:?}");
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert!(
            "root"
                .parse::<Role>()
                .unwrap_err()
                .to_string()
                .contains("use viewer")
        );
    }
}
