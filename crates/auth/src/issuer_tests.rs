//! What is accepted of an issuer, and what is not: each algorithm, forged tokens, claims, sets of keys.

use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::json;

use super::*;
use crate::{Authority, Credential, Gatekeeper, Issuers};

const NOW: Timestamp = Timestamp::from_millis(1_795_176_000_123);
const SECRET: &str = "a secret of sixty-four bytes, so that it does for HS512 as well.";

const RSA: &[u8] = include_bytes!("../tests/keys/rsa.pem");
const RSA_OTHER: &[u8] = include_bytes!("../tests/keys/rsa_other.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../tests/keys/rsa.public.pem");
const P256: &[u8] = include_bytes!("../tests/keys/p256.pem");
const P256_PUBLIC: &[u8] = include_bytes!("../tests/keys/p256.public.pem");
const P384: &[u8] = include_bytes!("../tests/keys/p384.pem");
const P384_PUBLIC: &[u8] = include_bytes!("../tests/keys/p384.public.pem");
const ED25519: &[u8] = include_bytes!("../tests/keys/ed25519.pem");
const ED25519_PUBLIC: &[u8] = include_bytes!("../tests/keys/ed25519.public.pem");

fn private(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            EncodingKey::from_secret(SECRET.as_bytes())
        }
        Algorithm::ES256 => EncodingKey::from_ec_pem(P256).unwrap(),
        Algorithm::ES384 => EncodingKey::from_ec_pem(P384).unwrap(),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED25519).unwrap(),
        _ => EncodingKey::from_rsa_pem(RSA).unwrap(),
    }
}

fn public(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => SECRET.as_bytes(),
        Algorithm::ES256 => P256_PUBLIC,
        Algorithm::ES384 => P384_PUBLIC,
        Algorithm::EdDSA => ED25519_PUBLIC,
        _ => RSA_PUBLIC,
    }
}

const ALL: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

fn is_secret(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    )
}

fn trust(algorithms: &[Algorithm]) -> Trust {
    Trust {
        name: "https://id.example".to_owned(),
        audience: String::new(),
        algorithms: algorithms.to_vec(),
        role_claim: "role".to_owned(),
        roles: BTreeMap::new(),
        default_role: None,
    }
}

/// An issuer with that text as its secret or its public key.
fn opened(trust: Trust, key: &[u8], secret: bool) -> Result<Issuer, AuthError> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), key).unwrap();
    fs_err::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let source = if secret {
        KeySource::Secret(file.path())
    } else {
        KeySource::Pem(file.path())
    };
    Issuer::open(trust, &source)
}

fn of_algorithm(algorithm: Algorithm) -> Issuer {
    opened(trust(&[algorithm]), public(algorithm), is_secret(algorithm)).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": "anna", "role": "analyst",
        "exp": 1_795_176_060, "iat": 1_795_175_000, "jti": "t1",
        "vigil": {"subscribe": ["threats"], "publish": ["chat:*"], "filter": "severity == 'high'"},
    })
}

fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

fn token(algorithm: Algorithm, claims: &Value) -> String {
    signed(&Header::new(algorithm), claims, &private(algorithm))
}

fn verified(issuer: &Issuer, token: &str) -> Result<Principal, AuthError> {
    issuer.verify(token, 0, NOW)
}

#[test]
fn each_algorithm_is_accepted_where_it_is_allowed_and_nowhere_else() {
    for allowed in ALL {
        let issuer = of_algorithm(allowed);
        for used in ALL {
            let answer = verified(&issuer, &token(used, &claims()));
            if used == allowed {
                let principal = answer.unwrap();
                assert_eq!(principal.subject, "anna");
                assert_eq!(principal.role, Role::Analyst);
                assert_eq!(principal.token_id.as_deref(), Some("t1"));
                assert_eq!(principal.filter(), Some("severity == 'high'"));
                assert!(principal.may_publish("chat:1") && !principal.may_subscribe("alerts"));
            } else {
                let error = answer.unwrap_err();
                assert!(
                    matches!(error, AuthError::Malformed("its algorithm is not allowed")),
                    "{used:?} at {allowed:?}: {error}"
                );
            }
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // The attacker signs an HMAC with what everybody knows: the public key's text.
    let forged = signed(
        &Header::new(Algorithm::HS256),
        &with(&json!({"role": "admin"})),
        &EncodingKey::from_secret(RSA_PUBLIC),
    );
    assert!(verified(&of_algorithm(Algorithm::RS256), &forged).is_err());
    // Not even where somebody allowed both.
    let both = trust(&[Algorithm::RS256, Algorithm::HS256]);
    let issuer = opened(both, RSA_PUBLIC, false).unwrap();
    assert!(verified(&issuer, &forged).is_err());
    assert!(verified(&issuer, &token(Algorithm::RS256, &claims())).is_ok());
    // And a set that publishes a secret has no key.
    let mut secret = Jwk::from_encoding_key(&private(Algorithm::HS256), Algorithm::HS256).unwrap();
    secret.common.key_id = Some("s".to_owned());
    let set = json!({"keys": [secret]}).to_string();
    assert!(matches!(
        KeyRing::new(Vec::new()).install(set.as_bytes()),
        Err(AuthError::NoUsableKey { unused: 1 })
    ));
}

#[test]
fn without_a_signature_nobody_comes_in() {
    let good = token(Algorithm::RS256, &claims());
    let body = good.split('.').nth(1).unwrap();
    // {"alg":"none"}, {"alg":"None"}, {"typ":"JWT"}
    for header in [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJOb25lIn0",
        "eyJ0eXAiOiJKV1QifQ",
    ] {
        for signature in ["", "x", good.split('.').nth(2).unwrap()] {
            let forged = format!("{header}.{body}.{signature}");
            for algorithm in ALL {
                assert!(verified(&of_algorithm(algorithm), &forged).is_err());
            }
        }
    }
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    assert!(verified(&of_algorithm(Algorithm::RS256), &unsigned).is_err());
    let other = EncodingKey::from_rsa_pem(RSA_OTHER).unwrap();
    let stranger = signed(&Header::new(Algorithm::RS256), &claims(), &other);
    assert!(matches!(
        verified(&of_algorithm(Algorithm::RS256), &stranger),
        Err(AuthError::BadSignature)
    ));
}

#[test]
fn a_key_that_comes_with_the_token_is_not_believed() {
    let other = EncodingKey::from_rsa_pem(RSA_OTHER).unwrap();
    let header = Header {
        jwk: Some(Jwk::from_encoding_key(&other, Algorithm::RS256).unwrap()),
        jku: Some("https://evil.example/keys".to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    let forged = signed(&header, &claims(), &other);
    assert!(verified(&of_algorithm(Algorithm::RS256), &forged).is_err());
    let critical = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::RS256)
    };
    let odd = signed(&critical, &claims(), &private(Algorithm::RS256));
    assert!(verified(&of_algorithm(Algorithm::RS256), &odd).is_err());
}

#[test]
fn claims_are_checked() {
    let issuer = of_algorithm(Algorithm::ES256);
    let answer = |changes: Value| verified(&issuer, &token(Algorithm::ES256, &with(&changes)));
    assert!(answer(json!({})).is_ok());
    assert!(answer(json!({"iat": 1_795_176_000.5, "nbf": 1_795_175_999.5})).is_ok());
    for changes in [
        json!({"exp": 1_795_176_000}),
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"nbf": 1_795_176_090}),
        json!({"iat": 1_795_176_090}),
        json!({"sub": ""}),
        json!({"sub": null}),
        json!({"sub": "a\nb"}),
        json!({"role": "root"}),
        json!({"role": null}),
        json!({"role": ["root"]}),
        json!({"vigil": {"subscribe": vec!["c"; 101]}}),
        json!({"vigil": {"subscribe": "threats"}}),
        json!({"vigil": {"filter": 1}}),
    ] {
        assert!(answer(changes.clone()).is_err(), "{changes}");
    }
    // A lasting token is for our own to make.
    let mut lasting = with(&json!({"vigil": {"lasting": true}}));
    lasting.as_object_mut().unwrap().remove("exp");
    assert!(verified(&issuer, &token(Algorithm::ES256, &lasting)).is_err());
}

#[test]
fn the_audience_is_asked_for() {
    let trust = Trust {
        audience: "vigil".to_owned(),
        ..trust(&[Algorithm::EdDSA])
    };
    let issuer = opened(trust, ED25519_PUBLIC, false).unwrap();
    let answer = |changes: Value| verified(&issuer, &token(Algorithm::EdDSA, &with(&changes)));
    assert!(answer(json!({"aud": "vigil"})).is_ok());
    assert!(answer(json!({"aud": ["other", "vigil"]})).is_ok());
    assert!(answer(json!({"aud": "other"})).is_err());
    assert!(answer(json!({})).is_err());
}

#[test]
fn roles_come_from_a_claim_of_any_name() {
    let trust = Trust {
        role_claim: "realm_access.roles".to_owned(),
        roles: BTreeMap::from([
            ("soc-lead".to_owned(), Role::Admin),
            ("soc".to_owned(), Role::Analyst),
        ]),
        default_role: Some(Role::Viewer),
        ..trust(&[Algorithm::RS256])
    };
    let issuer = opened(trust, RSA_PUBLIC, false).unwrap();
    for (claim, role) in [
        (json!({"roles": ["soc"]}), Role::Analyst),
        (
            json!({"roles": ["offline", "soc", "soc-lead"]}),
            Role::Admin,
        ),
        (json!({"roles": ["service", "viewer"]}), Role::Viewer),
        (json!({"roles": "soc-lead"}), Role::Admin),
        (json!({"roles": []}), Role::Viewer),
        (json!({"roles": [1, null]}), Role::Viewer),
        (json!("soc-lead"), Role::Viewer),
        (Value::Null, Role::Viewer),
    ] {
        let token = token(Algorithm::RS256, &with(&json!({"realm_access": claim})));
        assert_eq!(verified(&issuer, &token).unwrap().role, role, "{claim}");
    }
}

#[test]
fn keys_that_cannot_do_what_is_allowed_are_refused_at_the_start() {
    let open = |algorithms: &[Algorithm], key: &[u8], secret| {
        opened(trust(algorithms), key, secret)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(
        open(&[Algorithm::HS256], RSA_PUBLIC, false),
        AuthError::UselessKey { .. }
    ));
    assert!(matches!(
        open(&[Algorithm::ES384], P256_PUBLIC, false),
        AuthError::UselessKey { .. }
    ));
    assert!(matches!(
        open(&[Algorithm::RS256], SECRET.as_bytes(), true),
        AuthError::UselessKey { .. }
    ));
    assert!(matches!(
        open(&[Algorithm::RS256], RSA, false),
        AuthError::PrivateKey
    ));
    assert!(matches!(
        open(&[Algorithm::RS256], b"nothing", false),
        AuthError::NotAPublicKey
    ));
    assert!(matches!(
        open(&[Algorithm::HS512], &[b'k'; 63], true),
        AuthError::ShortSecret { needed: 64 }
    ));
}

/// A set with those keys, each with its id.
fn set(keys: &[(&str, Algorithm)]) -> String {
    let keys: Vec<_> = keys
        .iter()
        .map(|(id, algorithm)| {
            let mut key = Jwk::from_encoding_key(&private(*algorithm), *algorithm).unwrap();
            key.common.key_id = Some((*id).to_owned());
            key
        })
        .collect();
    json!({"keys": keys}).to_string()
}

fn with_key_id(algorithm: Algorithm, id: Option<&str>) -> String {
    let header = Header {
        kid: id.map(str::to_owned),
        ..Header::new(algorithm)
    };
    signed(&header, &claims(), &private(algorithm))
}

fn fetched() -> Issuer {
    let all: Vec<_> = ALL
        .into_iter()
        .filter(|algorithm| !is_secret(*algorithm))
        .collect();
    Issuer::open(trust(&all), &KeySource::Set).unwrap()
}

#[test]
fn a_key_of_a_set_is_chosen_by_its_id() {
    let issuer = fetched();
    let unknown = |answer| matches!(answer, Err(AuthError::UnknownKeyId { issuer: 0 }));
    let rs = with_key_id(Algorithm::RS256, Some("r"));
    assert!(unknown(verified(&issuer, &rs)), "no keys yet");
    let keys = set(&[
        ("r", Algorithm::RS256),
        ("e", Algorithm::ES384),
        ("d", Algorithm::EdDSA),
    ]);
    assert_eq!(issuer.ring().install(keys.as_bytes()).unwrap(), 3);
    let principal = verified(&issuer, &rs).unwrap();
    assert_eq!(principal.key.as_deref(), Some("r"));
    assert!(verified(&issuer, &with_key_id(Algorithm::ES384, Some("e"))).is_ok());
    assert!(verified(&issuer, &with_key_id(Algorithm::EdDSA, None)).is_ok());
    assert!(unknown(verified(
        &issuer,
        &with_key_id(Algorithm::RS256, Some("x"))
    )));
    // The set says what the key is for.
    assert!(verified(&issuer, &with_key_id(Algorithm::PS256, Some("r"))).is_err());
    assert!(verified(&issuer, &with_key_id(Algorithm::RS256, Some("e"))).is_err());
    // A set that is of no use leaves the keys as they are.
    for bad in [
        "",
        "[]",
        "{}",
        "{\"keys\": 1}",
        "{\"keys\": []}",
        "{\"keys\": [1, {\"kty\": \"RSA\"}]}",
    ] {
        assert!(issuer.ring().install(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(verified(&issuer, &rs).is_ok());
    // A key that is gone from the set verifies nothing.
    let keys = set(&[("e", Algorithm::ES384)]);
    issuer.ring().install(keys.as_bytes()).unwrap();
    assert!(unknown(verified(&issuer, &rs)));
}

fn gatekeeper(issuers: Vec<Issuer>) -> Gatekeeper {
    let dir = tempfile::tempdir().unwrap();
    let (authority, _) = Authority::open(dir.path()).unwrap();
    Gatekeeper {
        issuers: Issuers::new(issuers).unwrap(),
        ..Gatekeeper::new(authority)
    }
}

#[test]
fn the_issuer_decides_who_verifies() {
    let gatekeeper = gatekeeper(vec![of_algorithm(Algorithm::HS256)]);
    let answer = |token: &str| gatekeeper.verify(Credential::Bearer(token), NOW);
    let theirs = token(Algorithm::HS256, &claims());
    assert!(answer(&theirs).is_ok());
    let own = gatekeeper
        .authority
        .issue(&crate::Grant::new("ben", Role::Admin), NOW)
        .unwrap();
    assert_eq!(answer(&own).unwrap().subject, "ben");
    // Who may sign as one issuer can't sign as another, nor as us.
    for name in ["vigil", "https://other.example", ""] {
        let posing = token(Algorithm::HS256, &with(&json!({"iss": name})));
        assert!(answer(&posing).is_err(), "{name}");
    }
    gatekeeper.revocations.replace([vigil_event::Revocation {
        id: vigil_event::Id::derived(NOW, &[b"r"]),
        revoked: vigil_event::Revoked::Token("t1".to_owned()),
        reason: "lost".to_owned(),
        author: "admin".to_owned(),
        created_at: NOW,
        expires_at: None,
    }]);
    assert!(matches!(answer(&theirs), Err(AuthError::Revoked)));
    assert!(answer(&own).is_ok());
}

#[test]
fn two_issuers_have_two_names() {
    let both = vec![
        of_algorithm(Algorithm::HS256),
        of_algorithm(Algorithm::RS256),
    ];
    assert!(matches!(
        Issuers::new(both),
        Err(AuthError::DuplicateIssuer { .. })
    ));
    let ours = Trust {
        name: "vigil".to_owned(),
        ..trust(&[Algorithm::RS256])
    };
    assert!(Issuers::new(vec![opened(ours, RSA_PUBLIC, false).unwrap()]).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_fetched_once_in_a_while() {
    let gatekeeper = std::sync::Arc::new(gatekeeper(vec![fetched()]));
    let issuer = std::sync::Arc::clone(gatekeeper.issuers.iter().next().unwrap());
    let fetches = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&fetches);
    let fetching = async move {
        loop {
            issuer.ring().wanted().await;
            let attempt = issuer.ring().begin();
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let count = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // The first attempt fails.
            if count > 0 {
                let keys = set(&[("r", Algorithm::RS256)]);
                issuer.ring().install(keys.as_bytes()).unwrap();
            }
            drop(attempt);
        }
    };
    let asked = async {
        let token = with_key_id(Algorithm::RS256, Some("r"));
        let ask = || gatekeeper.verify_patiently(Credential::Bearer(&token), NOW);
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert!(first.is_err() && second.is_err() && third.is_err());
        assert!(ask().await.is_err(), "too soon after an attempt");
        assert_eq!(fetches.load(std::sync::atomic::Ordering::SeqCst), 1);
        tokio::time::sleep(KeyRing::MIN_INTERVAL).await;
        assert_eq!(ask().await.unwrap().subject, "anna");
        let other = with_key_id(Algorithm::RS256, Some("x"));
        let other = Credential::Bearer(&other);
        assert!(gatekeeper.verify_patiently(other, NOW).await.is_err());
        assert_eq!(fetches.load(std::sync::atomic::Ordering::SeqCst), 2);
    };
    tokio::select! {
        () = fetching => unreachable!("it never ends"),
        () = asked => {}
    }
}

proptest::proptest! {
    #[test]
    fn any_set_is_read_without_a_panic(text in "\\PC{0,300}") {
        drop(KeyRing::new(Vec::new()).install(text.as_bytes()));
    }
}
