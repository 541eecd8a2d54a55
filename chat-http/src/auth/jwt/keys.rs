//! The keys that tokens are checked with. Each has the one algorithm that it is for.

use std::fmt;

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// Keys for a [`JwtAuthenticator`](crate::JwtAuthenticator): those of a JWKS or PEM file, a shared secret, or both.
#[derive(Clone, Default)]
pub struct JwtKeys(Vec<Key>);

/// One of them.
#[derive(Clone)]
pub(super) struct Key {
    /// The `kid` of tokens that it is for; `None`: any.
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The error of reading something that is no key for tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadJwtKeys {
    /// A secret that can be guessed.
    #[error("the secret has {0} bytes, but it needs at least 32, chosen at random: openssl rand -base64 48")]
    ShortSecret(usize),
    /// The key that signs.
    #[error("it has a private key: keep that with your app, and put the public key here")]
    PrivateKey,
    /// A shared secret in a list of public keys.
    #[error("it has a shared secret, which does not belong among public keys")]
    SharedSecret,
    /// Neither JWKS nor PEM.
    #[error("it is neither a JWKS, as in {{\"keys\": […]}}, nor PEM, as in -----BEGIN PUBLIC KEY-----")]
    NotKeys,
    /// No key for one of the algorithms.
    #[error("it has no public key for EdDSA (Ed25519), ES256 (P-256) or RS256 (RSA of 2048 to 8192 bits)")]
    NoneUsable,
    /// More keys than anyone has.
    #[error("it has more than 100 keys")]
    TooMany,
}

impl JwtKeys {
    /// The same with a secret that the host shares, for tokens that are signed with HS256.
    ///
    /// # Errors
    /// [`BadJwtKeys::ShortSecret`] for fewer than 32 bytes.
    pub fn and_hs256(mut self, secret: &[u8]) -> Result<Self, BadJwtKeys> {
        if secret.len() < 32 {
            return Err(BadJwtKeys::ShortSecret(secret.len()));
        }
        self.0.push(Key { id: None, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) });
        Ok(self)
    }

    /// The same with the public keys of a text: a JWKS (RFC 7517), or PEM with one key or several. Those for other uses and
    /// algorithms are left out.
    ///
    /// # Errors
    /// Any other [`BadJwtKeys`].
    pub fn and_public(mut self, text: &str) -> Result<Self, BadJwtKeys> {
        let found = if text.contains("-----BEGIN") { of_pem(text)? } else { of_jwks(text)? };
        if found.is_empty() {
            return Err(BadJwtKeys::NoneUsable);
        }
        self.0.extend(found);
        if self.0.len() > MOST_KEYS { Err(BadJwtKeys::TooMany) } else { Ok(self) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that a token with this header may be signed with.
    pub(super) fn fitting(&self, algorithm: Algorithm, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let fits = move |key: &&Key| {
            key.algorithm == algorithm && id.is_none_or(|id| key.id.as_deref().is_none_or(|own| own == id))
        };
        self.0.iter().filter(fits)
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (&key.id, key.algorithm))).finish()
    }
}

const MOST_KEYS: usize = 100;

fn of_pem(text: &str) -> Result<Vec<Key>, BadJwtKeys> {
    if text.contains("PRIVATE KEY-----") {
        return Err(BadJwtKeys::PrivateKey);
    }
    let blocks = text.split_inclusive("-----END ").collect::<Vec<_>>();
    // The end of a block stands at the beginning of the next part.
    let whole = blocks.windows(2).map(|pair| {
        let (end, _) = pair[1].split_once('\n').unwrap_or((pair[1], ""));
        let begin = pair[0].find("-----BEGIN").unwrap_or(0);
        format!("{}{end}\n", &pair[0][begin..])
    });
    Ok(whole.filter_map(|block| of_block(block.as_bytes())).collect())
}

/// The key of one block of PEM.
fn of_block(block: &[u8]) -> Option<Key> {
    let found = [
        (Algorithm::EdDSA, DecodingKey::from_ed_pem(block)),
        (Algorithm::ES256, DecodingKey::from_ec_pem(block)),
        (Algorithm::RS256, DecodingKey::from_rsa_pem(block)),
    ];
    let (algorithm, key) = found.into_iter().find_map(|(algorithm, key)| Some((algorithm, key.ok()?)))?;
    usable(Key { id: None, algorithm, key })
}

fn of_jwks(text: &str) -> Result<Vec<Key>, BadJwtKeys> {
    let file: Value = serde_json::from_str(text).map_err(|_| BadJwtKeys::NotKeys)?;
    let all = file.get("keys").and_then(Value::as_array).ok_or(BadJwtKeys::NotKeys)?;
    if all.iter().any(|key| key["kty"] == "oct") {
        return Err(BadJwtKeys::SharedSecret);
    }
    if all.iter().any(|key| key.get("d").is_some()) {
        return Err(BadJwtKeys::PrivateKey);
    }
    Ok(all.iter().filter_map(|key| of_jwk(&Jwk::deserialize(key).ok()?)).collect())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "keys for other algorithms are left out, whichever there are")]
fn of_jwk(jwk: &Jwk) -> Option<Key> {
    if jwk.common.public_key_use.as_ref().is_some_and(|is_for| *is_for != PublicKeyUse::Signature) {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        _ => return None,
    };
    if jwk.common.key_algorithm.is_some_and(|own| own != named) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    usable(Key { id: jwk.common.key_id.clone(), algorithm, key })
}

/// The key, if it has the size that its algorithm needs. Zeros before a modulus, which some write, are left out.
fn usable(key: Key) -> Option<Key> {
    let bare = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    let is_usable = match (key.algorithm, key.key.kind()) {
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(key)) => key.len() == 32,
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(key)) => key.len() == 65,
        (Algorithm::RS256, DecodingKeyKind::SecretOrDer(der)) => (256..=1_100).contains(&der.len()),
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let (n, e) = (bare(n), bare(e));
            let is_usable = (256..=1_024).contains(&n.len());
            let key = Key { key: DecodingKey::from_rsa_raw_components(&n, &e), ..key };
            return is_usable.then_some(key);
        }
        _ => false,
    };
    is_usable.then_some(key)
}
