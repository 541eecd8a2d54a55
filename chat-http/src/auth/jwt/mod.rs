//! Signed tokens of the host (JWT, RFC 7519): whose they are, and until when.

mod claims;
mod crypto;
mod keys;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use chat_core::{Error, log::LogLimit};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, errors::ErrorKind};
use poem::Request;

use self::claims::Claims;
pub use self::keys::{BadJwtKeys, JwtKeys};
use super::{
    authenticator::{Authenticated, Authenticator},
    bearer,
};
use crate::security_log;

/// Admits users with a signed token (JWT) of the host in `Authorization: Bearer`.
///
/// - The algorithm belongs to the key, and is never taken from the token: EdDSA (Ed25519), ES256, RS256 or HS256.
/// - `exp` is required. A minute of difference between the clocks is allowed for it and for `nbf`.
/// - `sub` is the user's id, by the rules of [`UserId`](chat_core::UserId); it may not begin with `guest:`, `account:` or `erased:`. The name
///   to show is a [claim](Self::name_claim), by the rules of [`UserName`](chat_core::UserName); without a good one it is the id.
/// - `aud` and `iss` are checked if the authenticator was told which are good.
/// - `iat` says when it was issued. After [`ChatEngine::revoke`](chat_core::ChatEngine::revoke), tokens of before and those
///   without `iat` are refused.
///
/// A token has at most 8 KiB. What a header says of where to find a key (`jku`, `x5u`, `jwk`) is ignored.
///
/// ```
/// use chat_http::{JwtAuthenticator, JwtKeys};
///
/// # fn example(secret: &[u8]) -> Result<JwtAuthenticator, Box<dyn std::error::Error>> {
/// let keys = JwtKeys::default().and_hs256(secret)?;
/// let tokens = JwtAuthenticator::new(keys).audience("chat").issuer("https://app.example");
/// # Ok(tokens)
/// # }
/// ```
///
/// The cryptography is ring's. `jsonwebtoken` has one provider of cryptography per process: unless another one was installed
/// before, the first authenticator installs one on ring that signs, too.
#[derive(Clone)]
pub struct JwtAuthenticator {
    keys: Arc<RwLock<Arc<JwtKeys>>>,
    audiences: Vec<String>,
    issuers: Vec<String>,
    name_claim: String,
    refusals: Arc<LogLimit>,
}

impl JwtAuthenticator {
    /// Admits tokens that one of these keys has signed.
    #[must_use]
    pub fn new(keys: JwtKeys) -> Self {
        crypto::install();
        Self {
            keys: Arc::new(RwLock::new(Arc::new(keys))),
            audiences: Vec::new(),
            issuers: Vec::new(),
            name_claim: "name".to_owned(),
            refusals: Arc::default(),
        }
    }

    /// Admits only tokens with this `aud`, or another one that is given so.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Admits only tokens with this `iss`, or another one that is given so.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// The claim with the name to show. The default is `name`, as OpenID Connect has it.
    #[must_use]
    pub fn name_claim(self, name_claim: impl Into<String>) -> Self {
        Self { name_claim: name_claim.into(), ..self }
    }

    /// Replaces the keys, in all clones of this authenticator. Who was admitted stays admitted.
    pub fn replace_keys(&self, keys: JwtKeys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn keys(&self) -> Arc<JwtKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whose token this is, or why it is refused.
    pub(crate) fn judge(&self, token: &str) -> Result<Authenticated, &'static str> {
        if token.len() > MOST_BYTES {
            return Err("it is too long");
        }
        let header = decode_header(token).map_err(|_| "its header is malformed")?;
        check_header(&header)?;
        let keys = self.keys();
        let mut refusal = "no key fits it";
        for key in keys.fitting(header.alg, header.kid.as_deref()) {
            match decode::<Claims>(token, &key.key, &self.validation(key.algorithm)) {
                Ok(token) => return token.claims.authenticated(&self.name_claim),
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => refusal = "its signature is wrong",
                Err(error) => return Err(describe(error.kind())),
            }
        }
        Err(refusal)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_nbf = true;
        validation.validate_aud = !self.audiences.is_empty();
        let mut required = vec!["exp", "sub"];
        if !self.audiences.is_empty() {
            validation.set_audience(&self.audiences);
            required.push("aud");
        }
        if !self.issuers.is_empty() {
            validation.set_issuer(&self.issuers);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

#[async_trait]
impl Authenticator for JwtAuthenticator {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        match bearer::token(request)? {
            Some(token) => self.authenticate_token(token).await,
            None => Ok(Authenticated::anonymous()),
        }
    }

    async fn authenticate_token(&self, token: &str) -> Result<Authenticated, Error> {
        self.judge(token).map_err(|why| {
            security_log::token_refused(&self.refusals, why);
            Error::Unauthenticated
        })
    }

    fn advice(&self) -> Cow<'static, str> {
        "say who you are with a valid token: Authorization: Bearer YOUR-TOKEN".into()
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthenticator")
            .field("keys", &self.keys())
            .field("audiences", &self.audiences)
            .field("issuers", &self.issuers)
            .field("name_claim", &self.name_claim)
            .finish_non_exhaustive()
    }
}

/// The most bytes of a token.
const MOST_BYTES: usize = 8 << 10;

/// Refuses a token that is for something else, or that says there is more to check (RFC 7515, section 4.1.11).
fn check_header(header: &Header) -> Result<(), &'static str> {
    let is_for_access =
        |typ: &str| ["jwt", "at+jwt", "application/at+jwt"].iter().any(|good| typ.eq_ignore_ascii_case(good));
    if header.typ.as_deref().is_some_and(|typ| !is_for_access(typ)) {
        return Err("its type is another one");
    }
    if header.crit.is_some() {
        return Err("its header has a condition");
    }
    Ok(())
}

/// Why a token is refused, in words of ours: an error of the library may quote it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is one for the log")]
fn describe(error: &ErrorKind) -> &'static str {
    match error {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not good yet",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::InvalidIssuer => "it is of another issuer",
        ErrorKind::MissingRequiredClaim(_) => "it lacks a claim",
        _ => "it is malformed",
    }
}
