//! Tokens, good and hostile. `r18` to `r21` are rows of the table of bad input that this project holds to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use ring::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};

use super::*;
use crate::auth::authenticator::Via;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const RSA_PRIVATE: &[u8] = include_bytes!("test_keys/rsa_private.pem");
const RSA_PUBLIC: &str = include_str!("test_keys/rsa_public.pem");
const RSA_JWKS: &str = include_str!("test_keys/rsa.jwks.json");

/// What signs, and the authenticator that knows it.
fn shared() -> (EncodingKey, JwtAuthenticator) {
    let keys = JwtKeys::default().and_hs256(SECRET).unwrap();
    (EncodingKey::from_secret(SECRET), JwtAuthenticator::new(keys))
}

fn good() -> Value {
    let now = get_current_timestamp();
    json!({"sub": "u-1", "name": "Ada", "iat": now, "exp": now + 600})
}

/// The claims of a good token but for these; `null` takes one away.
fn with(changes: Value) -> Value {
    let mut claims = good();
    let Value::Object(changes) = changes else { panic!("{changes}") };
    for (name, value) in changes {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(&name);
        } else {
            claims[&name] = value;
        }
    }
    claims
}

fn sign(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &shared().0).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextets = bytes.chunks(3).flat_map(|chunk| {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |at| char::from(DIGITS[(word >> (18 - 6 * at)) as usize & 63]))
    });
    sextets.collect()
}

/// A token of these texts, signed with the shared secret.
fn sign_raw(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    format!("{message}.{}", base64(ring::hmac::sign(&key, message.as_bytes()).as_ref()))
}

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[tokio::test]
async fn a_good_token_says_who_and_until_when() {
    let (_, tokens) = shared();
    let now = get_current_timestamp();
    let found =
        tokens.authenticate_token(&sign(&json!({"sub": "u-1", "name": " Ada ", "iat": now, "exp": now + 9}))).await;
    let found = found.unwrap();
    let user = found.identity().unwrap();
    assert_eq!((user.id.as_str(), user.name.as_str(), found.via), ("u-1", "Ada", Via::Token));
    let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!((found.expires_at, found.credential.unwrap().issued_at), (at(now + 9), at(now)));
}

#[tokio::test]
async fn the_name_is_a_claim_or_the_id() {
    let (_, tokens) = shared();
    let nickname = tokens.clone().name_claim("nickname");
    let name = async |tokens: &JwtAuthenticator, changes| {
        let found = tokens.authenticate_token(&sign(&with(changes))).await.unwrap();
        found.identity().unwrap().name.as_str().to_owned()
    };
    assert_eq!(name(&nickname, json!({"nickname": "Countess"})).await, "Countess");
    assert_eq!(name(&nickname, json!({})).await, "u-1");
    for unfit in [json!(7), json!(""), json!("x".repeat(65)), json!("a\u{0}b")] {
        assert_eq!(name(&tokens, json!({"name": unfit})).await, "u-1");
    }
    let long = sign(&with(json!({"sub": "x".repeat(256), "name": null})));
    assert_eq!(tokens.authenticate_token(&long).await, Err(Error::Unauthenticated));
}

#[tokio::test]
async fn leeway_is_a_minute() {
    let (_, tokens) = shared();
    let now = get_current_timestamp();
    for good in
        [json!({"exp": now - 50}), json!({"nbf": now + 50}), json!({"exp": 9_999_999_999_u64}), json!({"exp": 1e18})]
    {
        assert!(tokens.authenticate_token(&sign(&with(good.clone()))).await.is_ok(), "{good}");
    }
    let found = tokens.authenticate_token(&sign(&with(json!({"exp": 1e19 as u64})))).await.unwrap();
    assert!(found.expires_at.is_none_or(|at| at > SystemTime::now()));
}

#[tokio::test]
async fn each_algorithm_has_its_key() {
    let random = SystemRandom::new();
    let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let ed_public = Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap();
    let by = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let ec = EcdsaKeyPair::generate_pkcs8(by, &random).unwrap();
    let ec_public = EcdsaKeyPair::from_pkcs8(by, ec.as_ref(), &random).unwrap();
    let (x, y) = ec_public.public_key().as_ref()[1..].split_at(32);
    let jwks = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64(ed_public.public_key().as_ref())},
        {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": base64(x), "y": base64(y)},
        {"kty": "EC", "crv": "P-384", "kid": "other", "x": base64(x), "y": base64(y)},
        {"kty": "RSA", "use": "enc", "n": base64(&[255; 256]), "e": "AQAB"},
        {"kty": "unheard-of"},
    ]});
    let keys = JwtKeys::default().and_public(&jwks.to_string()).unwrap().and_public(RSA_JWKS).unwrap();
    let keys = keys.and_hs256(SECRET).unwrap();
    assert_eq!(keys.len(), 4, "{keys:?}");
    let tokens = JwtAuthenticator::new(keys);
    let signers = [
        (Algorithm::EdDSA, Some("ed"), EncodingKey::from_ed_der(ed.as_ref())),
        (Algorithm::ES256, Some("ec"), EncodingKey::from_ec_der(ec.as_ref())),
        (Algorithm::RS256, Some("rsa-1"), EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap()),
        (Algorithm::HS256, Some("whatever"), EncodingKey::from_secret(SECRET)),
    ];
    for (algorithm, id, key) in signers {
        let header = |id: Option<&str>| Header { kid: id.map(str::to_owned), ..Header::new(algorithm) };
        for (id, is_good) in [(id, true), (None, true), (Some("ghost"), algorithm == Algorithm::HS256)] {
            let token = encode(&header(id), &good(), &key).unwrap();
            assert_eq!(tokens.authenticate_token(&token).await.is_ok(), is_good, "{algorithm:?} {id:?}");
            let tampered = format!("{}A{}", &token[..token.len() - 5], &token[token.len() - 4..]);
            let changed = tampered != token;
            assert!(!changed || tokens.authenticate_token(&tampered).await.is_err(), "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_read_from_pem() {
    let twice = format!("# ours\n{RSA_PUBLIC}\ntext between\n{RSA_PUBLIC}");
    let keys = JwtKeys::default().and_public(&twice).unwrap();
    assert_eq!(keys.len(), 2);
    let token =
        encode(&Header::new(Algorithm::RS256), &good(), &EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap()).unwrap();
    let tokens = JwtAuthenticator::new(keys);
    assert!(tokens.authenticate_token(&token).await.is_ok());
    tokens.clone().replace_keys(JwtKeys::default().and_hs256(SECRET).unwrap());
    assert!(tokens.authenticate_token(&token).await.is_err(), "the key is gone from every clone");
    assert!(tokens.authenticate_token(&sign(&good())).await.is_ok());
}

#[test]
fn what_is_no_key_is_said() {
    let read = |text: &str| JwtKeys::default().and_public(text).unwrap_err();
    assert_eq!(JwtKeys::default().and_hs256(&SECRET[..31]).unwrap_err(), BadJwtKeys::ShortSecret(31));
    assert_eq!(read(std::str::from_utf8(RSA_PRIVATE).unwrap()), BadJwtKeys::PrivateKey);
    assert_eq!(read(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"a","d":"b"}]}"#), BadJwtKeys::PrivateKey);
    assert_eq!(read(r#"{"keys":[{"kty":"oct","k":"a"}]}"#), BadJwtKeys::SharedSecret);
    for not_keys in ["", "{}", "[]", "a secret", r#"{"keys":{}}"#] {
        assert_eq!(read(not_keys), BadJwtKeys::NotKeys, "{not_keys}");
    }
    for none in [r#"{"keys":[]}"#, r#"{"keys":[7]}"#, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert_eq!(read(none), BadJwtKeys::NoneUsable, "{none}");
    }
    let short = json!({"keys": [{"kty": "RSA", "n": base64(&[255; 128]), "e": "AQAB"}]});
    assert_eq!(read(&short.to_string()), BadJwtKeys::NoneUsable, "RSA of 1024 bits");
    assert!(!format!("{:?}", JwtKeys::default().and_hs256(SECRET)).contains("0123"), "a secret is not shown");
}

#[tokio::test]
async fn r18_what_is_no_bearer_token_is_refused() {
    let (_, tokens) = shared();
    let who = async |headers: &[&str]| {
        let mut request = Request::builder().uri_str("/?username=Eve");
        for header in headers {
            request = request.header("authorization", *header);
        }
        tokens.authenticate(&request.finish()).await
    };
    assert!(who(&[]).await.unwrap().is_anonymous());
    let good = sign(&good());
    assert!(who(&[&format!("bEARER  {good} ")]).await.is_ok());
    let bearer = format!("Bearer {good}");
    for bad in
        [&["Bearer"][..], &["Bearer "], &["Basic YTpi"], &[""], &[&good], &["Bearer x", &bearer], &[&bearer, &bearer]]
    {
        assert_eq!(who(bad).await, Err(Error::Unauthenticated), "{bad:?}");
    }
}

#[tokio::test]
async fn r19_the_algorithm_and_the_key_are_never_the_tokens() {
    let (_, tokens) = shared();
    let claims = good().to_string();
    let none = format!("{}.{}.", base64(br#"{"alg":"none"}"#), base64(claims.as_bytes()));
    let rs256 = JwtAuthenticator::new(JwtKeys::default().and_public(RSA_PUBLIC).unwrap());
    // Signed with what everyone has: the public key, taken as a secret.
    let confused = [RSA_PUBLIC.as_bytes(), RSA_PUBLIC.trim_end().as_bytes()];
    for key in confused {
        let token = encode(&Header::new(Algorithm::HS256), &good(), &EncodingKey::from_secret(key)).unwrap();
        assert_eq!(rs256.authenticate_token(&token).await, Err(Error::Unauthenticated));
    }
    for alg in ["none", "None", "NONE", "nOnE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "", "hs256"] {
        let token = sign_raw(&json!({"alg": alg, "typ": "JWT"}).to_string(), &claims);
        assert_eq!(tokens.authenticate_token(&token).await, Err(Error::Unauthenticated), "{alg}");
    }
    assert_eq!(tokens.authenticate_token(&none).await, Err(Error::Unauthenticated));
    let by_id = JwtAuthenticator::new(JwtKeys::default().and_public(RSA_JWKS).unwrap());
    let rsa = EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap();
    for id in ["ghost", "", "../../dev/null", "/etc/passwd", "' OR 1=1 --", "https://evil.example/jwks", "rsa-1\0"] {
        let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::RS256) };
        let token = encode(&header, &good(), &rsa).unwrap();
        assert_eq!(by_id.authenticate_token(&token).await, Err(Error::Unauthenticated), "{id}");
    }
    // A key that the token brings along is not looked at: this is signed with another one.
    for brought in [
        json!({"jku": "https://evil.example"}),
        json!({"x5u": "https://evil.example"}),
        json!({"jwk": {"kty": "oct", "k": "AA"}}),
    ] {
        let mut header = json!({"alg": "HS256"});
        header.as_object_mut().unwrap().extend(brought.as_object().unwrap().clone());
        let token = sign_raw(&header.to_string(), &claims);
        let foreign = JwtAuthenticator::new(JwtKeys::default().and_hs256(&[7; 32]).unwrap());
        assert_eq!(foreign.authenticate_token(&token).await, Err(Error::Unauthenticated), "{header}");
    }
}

#[tokio::test]
async fn r20_times_that_are_not_good_are_refused() {
    let (_, tokens) = shared();
    let now = get_current_timestamp();
    let bad = [
        json!({"exp": null}),
        json!({"exp": now - 70}),
        json!({"exp": 0}),
        json!({"exp": -1}),
        json!({"exp": (now + 600).to_string()}),
        json!({"exp": [now + 600]}),
        json!({"exp": {}}),
        json!({"exp": true}),
        json!({"exp": 1e300}),
        json!({"nbf": now + 70}),
        json!({"nbf": "0"}),
        json!({"iat": "0"}),
        json!({"iat": -1}),
    ];
    for changes in bad {
        let token = sign(&with(changes.clone()));
        assert_eq!(tokens.authenticate_token(&token).await, Err(Error::Unauthenticated), "{changes}");
    }
}

#[tokio::test]
async fn r21_tokens_for_something_else_are_refused() {
    let (_, tokens) = shared();
    let strict = tokens.clone().audience("chat").audience("talk").issuer("https://app.example");
    let ours = json!({"aud": ["mail", "talk"], "iss": "https://app.example"});
    assert!(strict.authenticate_token(&sign(&with(ours))).await.is_ok());
    for changes in [
        json!({}),
        json!({"aud": "chat"}),
        json!({"iss": "https://app.example"}),
        json!({"aud": "mail", "iss": "https://app.example"}),
        json!({"aud": [], "iss": "https://app.example"}),
        json!({"aud": 7, "iss": "https://app.example"}),
        json!({"aud": "chat", "iss": "https://app.example.evil"}),
        json!({"aud": "chat", "iss": ""}),
        json!({"aud": "Chat", "iss": "https://app.example"}),
    ] {
        let token = sign(&with(changes.clone()));
        assert_eq!(strict.authenticate_token(&token).await, Err(Error::Unauthenticated), "{changes}");
    }
    assert!(tokens.authenticate_token(&sign(&with(json!({"aud": "mail", "iss": "anyone"})))).await.is_ok());
    let claims = good().to_string();
    for (header, is_good) in [
        (json!({"alg": "HS256"}), true),
        (json!({"alg": "HS256", "typ": "at+JWT"}), true),
        (json!({"alg": "HS256", "typ": "refresh"}), false),
        (json!({"alg": "HS256", "typ": ""}), false),
        (json!({"alg": "HS256", "crit": ["exp"]}), false),
        (json!({"alg": "HS256", "kid": "x".repeat(64 << 10)}), false),
    ] {
        let token = sign_raw(&header.to_string(), &claims);
        assert_eq!(tokens.authenticate_token(&token).await.is_ok(), is_good, "{:.80}", header.to_string());
    }
    let large = sign(&with(json!({"more": "x".repeat(64 << 10)})));
    assert_eq!(tokens.authenticate_token(&large).await, Err(Error::Unauthenticated));
}

#[tokio::test]
async fn r22_ids_that_are_none_are_refused() {
    let (_, tokens) = shared();
    for sub in [
        json!(null),
        json!(""),
        json!(7),
        json!(["u-1"]),
        json!("a\u{0}b"),
        json!("x".repeat(257)),
        json!("guest:Bob"),
        json!("erased:0"),
    ] {
        let token = sign(&with(json!({"sub": sub.clone()})));
        assert_eq!(tokens.authenticate_token(&token).await, Err(Error::Unauthenticated), "{sub}");
    }
    let wide = sign(&with(json!({"sub": "é".repeat(128)})));
    assert!(tokens.authenticate_token(&wide).await.is_ok());
}

#[tokio::test]
async fn malformed_tokens_are_refused() {
    let (_, tokens) = shared();
    let twice = format!(r#"{{"sub":"u-1","sub":"u-2","exp":{}}}"#, get_current_timestamp() + 600);
    let bomb = format!(r#"{{"sub":"u-1","exp":9999999999,"more":{}{}}}"#, "[".repeat(3_000), "]".repeat(3_000));
    let deep_header = format!(r#"{{"alg":"HS256","more":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    let claims = good().to_string();
    let signed = sign(&good());
    let (message, signature) = signed.rsplit_once('.').unwrap();
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "a.b.c.d.e".to_owned(),
        "\u{1F451}.\u{1F451}.\u{1F451}".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{message}.{signature}="),
        format!("{message}.{signature}.{signature}"),
        format!(" {signed}"),
        sign_raw(HS256, &twice),
        sign_raw(HS256, &bomb),
        sign_raw(&deep_header, &claims),
        sign_raw(HS256, "[]"),
        sign_raw(HS256, "null"),
        sign_raw(HS256, "{}{}"),
        sign_raw(HS256, ""),
        sign_raw(r#"{"alg":"HS256","alg":"HS256"}"#, &claims),
        sign_raw("{}", &claims),
        sign_raw("[]", &claims),
    ] {
        assert_eq!(tokens.authenticate_token(&bad).await, Err(Error::Unauthenticated), "{bad:.100}");
    }
    assert!(tokens.authenticate_token(&sign_raw(HS256, &claims)).await.is_ok(), "the helper signs well");
}
