//! The right that a route needs, written into its signature.
//!
//! Never holds: which role has which right; that is the table in `vigil-auth`.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use vigil_auth::{Action, Principal};
use vigil_event::channel;

use crate::{ApiError, ErrorCode};

/// A right that a route may need.
pub trait Right: Send + Sync + 'static {
    /// What it lets one do, to end the sentence "… may not".
    const WHAT: &'static str;

    /// Whether the principal has it.
    fn is_held_by(principal: &Principal) -> bool;
}

/// To see what is no channel's, such as rules.
pub(crate) struct Read;
/// To see every threat.
pub(crate) struct ReadThreats;
/// To see every alert.
pub(crate) struct ReadAlerts;
/// To see numbers about threats and alerts.
pub(crate) struct ReadNumbers;
/// To work on alerts.
pub(crate) struct ChangeAlerts;
/// To let rules pass for a time.
pub(crate) struct Suppress;
/// To send log lines.
pub(crate) struct Ingest;
/// To change how the server itself works.
pub(crate) struct Manage;
/// To change the profiles of sites.
pub(crate) struct Train;
/// To see how the server itself is: for those who read, and for machines that send.
pub(crate) struct Observe;

impl Right for Read {
    const WHAT: &'static str = "see this";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may(Action::Read)
    }
}

// A query can't apply a token's filter, and a channel that may not be heard may not be read either.
impl Right for ReadThreats {
    const WHAT: &'static str = "see threats";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may_see_all_of(channel::THREATS)
    }
}

impl Right for ReadAlerts {
    const WHAT: &'static str = "see alerts";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may_see_all_of(channel::ALERTS)
    }
}

impl Right for ReadNumbers {
    const WHAT: &'static str = "see statistics";

    fn is_held_by(principal: &Principal) -> bool {
        ReadThreats::is_held_by(principal) && ReadAlerts::is_held_by(principal)
    }
}

impl Right for ChangeAlerts {
    const WHAT: &'static str = "change alerts";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may(Action::ChangeAlerts) && ReadAlerts::is_held_by(principal)
    }
}

impl Right for Suppress {
    const WHAT: &'static str = "suppress rules";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may(Action::Suppress)
    }
}

impl Right for Ingest {
    const WHAT: &'static str = "send log lines";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may(Action::Ingest)
    }
}

impl Right for Manage {
    const WHAT: &'static str = "change how the server works";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may(Action::Manage)
    }
}

impl Right for Train {
    const WHAT: &'static str = "train profiles of sites";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may(Action::Train)
    }
}

impl Right for Observe {
    const WHAT: &'static str = "see how the server is";

    fn is_held_by(principal: &Principal) -> bool {
        principal.may(Action::Read) || principal.may(Action::Ingest)
    }
}

fn refusal(principal: &Principal, what: &str) -> ApiError {
    let Principal { subject, role, .. } = principal;
    let whole = Principal::new(subject.as_str(), *role);
    let is_narrowed = principal.rights != whole.rights && whole.may(Action::Read);
    let (message, hint) = if is_narrowed {
        (
            format!(
                "`{subject}` has the role {role}, with a token of less than the role's rights, and may not {what}"
            ),
            "a token that names channels reads only those here, and one with a filter only streams",
        )
    } else {
        (
            format!("`{subject}` has the role {role}, which may not {what}"),
            "use a token of a role that may: `vigil token --role`",
        )
    };
    ApiError::new(ErrorCode::Forbidden, message).hint(hint)
}

/// The principal of a request, who has the right. As an argument of a route it refuses everybody
/// else: with 401 where nobody signed in, with 403 where the right is missing.
pub struct Allowed<R> {
    /// Who asks.
    pub principal: Principal,
    right: PhantomData<R>,
}

impl<S: Sync, R: Right> FromRequestParts<S> for Allowed<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Some(principal) = parts.extensions.get::<Principal>() else {
            return Err(ApiError::new(
                ErrorCode::Unauthenticated,
                "this needs a token",
            ));
        };
        if !R::is_held_by(principal) {
            return Err(refusal(principal, R::WHAT));
        }
        Ok(Self {
            principal: principal.clone(),
            right: PhantomData,
        })
    }
}
