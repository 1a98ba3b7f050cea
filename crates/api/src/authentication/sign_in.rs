//! The sign-in: a token that is pasted, or a one-time ticket, is traded for a session cookie.
//!
//! Never holds: sessions. The cookie holds a signed token of its own, and that is the session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Form, FromRequest as _, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Extension, Router};
use serde::Deserialize;
use vigil_auth::{Credential, Grant, Principal};
use vigil_event::Timestamp;

use super::{Door, cookie, origin, peer, query_value};
use crate::{ApiError, ErrorCode};

/// Where the form is sent.
pub(super) const SESSION_PATH: &str = "/ui/session";

/// Where the page stands.
const PAGE_PATH: &str = "/ui/";

/// How long a session lasts at most: what was shown for it may have no end.
const SESSION_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// The longest form.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// How long a form may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Everything here stands in the text; the style is the page's own, and nothing else is loaded.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn routes(door: Arc<Door>) -> Router {
    Router::new()
        .route(SESSION_PATH, post(sign_in))
        .route("/ui/sign-out", post(sign_out))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(door)
}

#[derive(Deserialize)]
struct TokenForm {
    token: String,
}

/// How somebody who signs in came here.
#[derive(Clone, Copy)]
struct Browser {
    is_https: bool,
    is_from_elsewhere: bool,
}

impl Browser {
    fn of(request: &Request) -> Self {
        Self {
            is_https: origin::is_https(request),
            is_from_elsewhere: origin::is_from_elsewhere(request.headers()),
        }
    }
}

/// Trades a token for a session.
async fn sign_in(State(door): State<Arc<Door>>, request: Request) -> Response {
    if let Err(error) = origin::check(request.headers(), &door.access.origins) {
        return error.into_response();
    }
    let (peer, browser) = (peer(&request), Browser::of(&request));
    let form = tokio::time::timeout(ARRIVAL, Form::<TokenForm>::from_request(request, &())).await;
    let Ok(Ok(Form(form))) = form else {
        return page(StatusCode::BAD_REQUEST, "The form holds no token.");
    };
    let token = Credential::Bearer(form.token.trim());
    match door.holder_patiently(token).await {
        Ok(principal) => session_for(&door, principal, browser, "a token"),
        Err(error) => {
            door.witness(&error, "token", peer);
            page_of(door.counted(error, peer))
        }
    }
}

/// Ends the session in this browser.
async fn sign_out(Extension(principal): Extension<Principal>) -> Response {
    tracing::info!(subject = %principal.subject, "signed out");
    let mut response = Redirect::to(PAGE_PATH).into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, cookie::cleared());
    response
}

/// The ticket with which somebody opens the page.
pub(super) fn ticket_of_page<'a>(method: &Method, uri: &'a Uri) -> Option<&'a str> {
    let is_page = *method == Method::GET && matches!(uri.path(), "/" | "/ui" | PAGE_PATH);
    is_page.then(|| query_value(uri, "ticket")).flatten()
}

/// Trades a ticket for a session. Who has a session already keeps it when the ticket is used up: the
/// page was only loaded again, which is no failed attempt.
pub(super) fn redeem(door: &Door, request: &Request, ticket: &str) -> Response {
    let error = match door.holder(Credential::Ticket(ticket)) {
        Ok(principal) => return session_for(door, principal, Browser::of(request), "a ticket"),
        Err(error) => error,
    };
    let session = cookie::session(request.headers());
    if session.is_some_and(|token| door.holder(Credential::Bearer(token)).is_ok()) {
        return Redirect::to(PAGE_PATH).into_response();
    }
    let peer = peer(request);
    door.witness(&error, "ticket", peer);
    page_of(door.counted(error, peer))
}

/// Opens a session that may what the principal may, and ends no later. What was shown is never the
/// session itself: it may have no end, and a cookie is easier to lose than a file.
fn session_for(
    door: &Door,
    principal: Principal,
    browser: Browser,
    shown: &'static str,
) -> Response {
    let now = door.now();
    let latest = now.plus_millis(SESSION_MS);
    let expires_at = principal.expires_at.map_or(latest, |end| end.min(latest));
    let grant = Grant {
        subject: principal.subject,
        role: principal.role,
        expires_at: Some(expires_at),
        rights: principal.rights,
        parent_id: principal.parent_id.or(principal.token_id),
        key: principal.key,
    };
    match door.access.gatekeeper.authority.issue(&grant, now) {
        Ok(token) if token.len() > cookie::MAX_TOKEN_BYTES => page(
            StatusCode::BAD_REQUEST,
            "The session does not fit a cookie: use a token that names fewer channels.",
        ),
        Ok(token) => {
            tracing::info!(subject = %grant.subject, "signed in with {shown}");
            open_session(&token, expires_at, now, browser)
        }
        Err(error) => {
            tracing::error!(%error, "no session could be opened");
            ApiError::internal().into_response()
        }
    }
}

fn open_session(token: &str, expires_at: Timestamp, now: Timestamp, browser: Browser) -> Response {
    let cookie = match cookie::set(token, expires_at, now, browser.is_https) {
        Ok(cookie) => cookie,
        Err(error) => return error.into_response(),
    };
    let mut response = if browser.is_from_elsewhere {
        // A strict cookie does not come along on a redirect that began on another site, but on the
        // navigation of a page of ours.
        Html("<!doctype html><meta http-equiv=\"refresh\" content=\"0;url=/ui/\"><title>Vigil</title>").into_response()
    } else {
        Redirect::to(PAGE_PATH).into_response()
    };
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

/// Refuses a request: with the sign-in page where a person opens the page, else as JSON.
pub(super) fn refuse(request: &Request, error: ApiError) -> Response {
    let path = request.uri().path();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD)
        && (matches!(path, "/" | "/ui") || path.starts_with(PAGE_PATH));
    let is_unauthenticated = error.code() == ErrorCode::Unauthenticated;
    let had_session = cookie::session(request.headers()).is_some();
    let mut response = match (is_page && is_unauthenticated, had_session) {
        (true, true) => page_of(error),
        (true, false) => page(StatusCode::UNAUTHORIZED, ""),
        (false, _) => error.into_response(),
    };
    if is_unauthenticated && had_session {
        response
            .headers_mut()
            .insert(header::SET_COOKIE, cookie::cleared());
    }
    response
}

/// The sign-in page for an error, with its status and headers.
fn page_of(error: ApiError) -> Response {
    let code = error.code();
    let reason = match code {
        ErrorCode::RateLimited => {
            "That is not accepted, and too many attempts from this address have failed: wait a minute before you try another. A token that is right opens at any time."
        }
        _ => {
            "That is not accepted: it was made for another Vigil, was used before, or has expired."
        }
    };
    let retry_after = error
        .into_response()
        .headers_mut()
        .remove(header::RETRY_AFTER);
    let mut response = page(code.status(), reason);
    if let Some(retry_after) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after);
    }
    response
}

/// The sign-in page. `reason` is our own text: nothing of a request is ever put on this page.
fn page(status: StatusCode, reason: &'static str) -> Response {
    let text = include_str!("sign_in.html").replace("{reason}", reason);
    let mut response = (status, Html(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PAGE_POLICY),
    );
    // With `no-referrer` browsers send the form with `Origin: null`, and we could not tell it apart
    // from another site's.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    response
}
