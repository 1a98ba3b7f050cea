//! The keys of an issuer, which may change while the server runs.
//!
//! Never holds: how keys are fetched. Who fetches them waits here until they are wanted, and puts
//! them in; a token that names an unknown key makes them wanted, but not more often than
//! [`KeyRing::MIN_INTERVAL`], however many such tokens come.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::AuthError;
use crate::verifying_key::VerifyingKey;

/// How long a request waits for keys that are being fetched.
const PATIENCE: Duration = Duration::from_secs(3);

/// The keys that are known now.
#[derive(Debug)]
pub struct KeyRing {
    keys: RwLock<Arc<[VerifyingKey]>>,
    fetching: Mutex<Fetching>,
    wanted: Notify,
    /// Counts the attempts that have ended.
    ended: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Fetching {
    is_under_way: bool,
    last: Option<Instant>,
}

impl KeyRing {
    /// Keys are asked for at most this often because of a token.
    pub const MIN_INTERVAL: Duration = Duration::from_secs(30);

    pub(crate) fn new(keys: Vec<VerifyingKey>) -> Self {
        Self {
            keys: RwLock::new(keys.into()),
            fetching: Mutex::default(),
            wanted: Notify::new(),
            ended: watch::Sender::new(0),
        }
    }

    pub(crate) fn keys(&self) -> Arc<[VerifyingKey]> {
        Arc::clone(&self.keys.read())
    }

    /// Puts a fetched set (JWKS, RFC 7517) in place of the keys before, and says how many keys it
    /// has. With a set that can't be used the keys stay.
    pub fn install(&self, set: &[u8]) -> Result<usize, AuthError> {
        let (keys, unused) = VerifyingKey::of_set(set)?;
        if keys.is_empty() {
            return Err(AuthError::NoUsableKey { unused });
        }
        let count = keys.len();
        *self.keys.write() = keys.into();
        Ok(count)
    }

    /// Marks that an attempt to fetch begins; it ends when the answer is dropped.
    pub fn begin(&self) -> Attempt<'_> {
        let mut fetching = self.fetching.lock();
        fetching.is_under_way = true;
        fetching.last = Some(Instant::now());
        Attempt(self)
    }

    /// Waits until a token makes the keys wanted.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Makes the keys wanted, if that is not too soon, and waits until they were fetched or the
    /// attempt has failed; true if there may be new ones.
    pub(crate) async fn refreshed(&self) -> bool {
        let mut ended = {
            let mut fetching = self.fetching.lock();
            let is_too_soon = fetching
                .last
                .is_some_and(|last| last.elapsed() < Self::MIN_INTERVAL);
            if !fetching.is_under_way {
                if is_too_soon {
                    return false;
                }
                fetching.is_under_way = true;
                fetching.last = Some(Instant::now());
                self.wanted.notify_one();
            }
            self.ended.subscribe()
        };
        timeout(PATIENCE, ended.changed()).await.is_ok()
    }
}

/// An attempt to fetch keys.
#[derive(Debug)]
pub struct Attempt<'a>(&'a KeyRing);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.fetching.lock().is_under_way = false;
        self.0.ended.send_modify(|count| *count += 1);
    }
}
