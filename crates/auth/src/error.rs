//! What goes wrong when somebody proves who they are, or when the proofs are set up.

use std::path::PathBuf;

/// Why a credential is refused, or why the secrets can't be used. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Not a token at all, or claims that can't be read.
    #[error("the token can't be read: {0}; make one with `vigil token`")]
    Malformed(&'static str),
    /// Signed by somebody else, or changed on the way.
    #[error(
        "the token's signature is wrong: it was made for another Vigil, or changed; make one with `vigil token`"
    )]
    BadSignature,
    /// Its time is over.
    #[error("the token has expired: make a new one with `vigil token`")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not valid yet: check the clock of the machine that made it")]
    NotYetValid,
    /// Signed with a key that its issuer has not published, as far as is known here.
    #[error("the token is signed with a key that is not known here: get a new one from its issuer")]
    UnknownKeyId {
        /// Whose keys were looked through: a place in the list of issuers.
        issuer: usize,
    },
    /// Somebody said that it no longer holds.
    #[error("the credential was revoked: ask an admin for a new one")]
    Revoked,
    /// No key of that text.
    #[error("no such API key: compare it with `keys` in the configuration")]
    UnknownKey,
    /// Never issued, used before, or too old.
    #[error(
        "the ticket is unknown, used or expired: a ticket opens once and for a short time; `POST /api/v1/tickets` makes another, and so does a start of Vigil; or use a token from `vigil token`"
    )]
    UnknownTicket,
    /// A grant without a name, or with one that is too long.
    #[error("a subject has 1 to {max_bytes} bytes and no control characters", max_bytes = crate::authority::MAX_SUBJECT_BYTES)]
    BadSubject,
    /// A grant that is over before it begins.
    #[error("the token would be expired from the start: give a time in the future")]
    EndsInThePast,
    /// A key that can be guessed, or is too long to be one.
    #[error("the API key `{name}` must have at least {min} characters and at most {max} bytes: take one from `openssl rand -hex 32`", min = crate::key::MIN_KEY_CHARS, max = crate::key::MAX_KEY_BYTES)]
    WeakKey {
        /// The key's name, not its text.
        name: String,
    },
    /// Two keys with one name, or one text under two names.
    #[error("the API key `{name}` is there twice: give each key a name and a text of its own")]
    DuplicateKey {
        /// The later one's name.
        name: String,
    },
    /// Other users of the machine can read a secret.
    #[error("{} holds a secret and others can read it (mode {mode:03o}): run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The secret file holds something else.
    #[error("{} does not hold a key of 64 hexadecimal digits: restore it, or remove it to make a new one (all tokens become invalid)", path.display())]
    NotASecret {
        /// The file.
        path: PathBuf,
    },
    /// A secret that is shorter than the digest it is for.
    #[error(
        "a secret for these algorithms needs at least {needed} bytes: take one from `openssl rand -hex {needed}`"
    )]
    ShortSecret {
        /// How many bytes.
        needed: usize,
    },
    /// A private key where a public one is enough.
    #[error(
        "that is a private key: give the public one (`openssl pkey -in FILE -pubout`), and keep the private one where tokens are signed"
    )]
    PrivateKey,
    /// No PEM, or one of a kind that verifies nothing here.
    #[error(
        "that is no public key as PEM: use an RSA, P-256, P-384 or Ed25519 key (`openssl pkey -pubout`)"
    )]
    NotAPublicKey,
    /// None of the allowed algorithms goes with the key.
    #[error("the key verifies {algorithms:?}, and none of them is in `algorithms`: name one")]
    UselessKey {
        /// What the key verifies.
        algorithms: Vec<jsonwebtoken::Algorithm>,
    },
    /// Two issuers with one name, or one with ours.
    #[error("the issuer `{name}` is there twice, or is Vigil itself: give each another `name`")]
    DuplicateIssuer {
        /// The later one's name.
        name: String,
    },
    /// The text is no set of keys.
    #[error("that is no set of keys (JWKS): it must be JSON with a list `keys`")]
    NotAKeySet,
    /// The set has no key that verifies anything here.
    #[error("the set has no key that can verify a signature here ({unused} of no use)")]
    NoUsableKey {
        /// How many keys there are.
        unused: usize,
    },
    /// A file can't be read or written; the error names it.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    NoRandomness(getrandom::Error),
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Unsigned,
}

impl AuthError {
    /// Whether the client is to blame, rather than the server's secrets or setup.
    pub const fn is_rejection(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::BadSignature
                | Self::Expired
                | Self::NotYetValid
                | Self::UnknownKeyId { .. }
                | Self::Revoked
                | Self::UnknownKey
                | Self::UnknownTicket
        )
    }
}
