//! Tokens that say who a client is.

use std::sync::Once;

use chat_http::{JwtAuthenticator, JwtKeys};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

/// The secret that the server under torture knows, too.
pub const SECRET: &str = "the torture's own secret, which is no secret at all";

/// The token of those who follow all rooms.
pub const FEED: &str = "the-token-of-the-feed-which-is-no-secret-either";

/// The header `Authorization` of a user.
#[must_use]
pub fn bearer(user: &str) -> String {
    static CRYPTOGRAPHY: Once = Once::new();
    CRYPTOGRAPHY.call_once(|| drop(JwtAuthenticator::new(JwtKeys::default())));
    let claims = json!({"sub": user, "name": user, "exp": IN_2286});
    // A text can be signed with a secret. Without a token the server refuses everything.
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()));
    format!("Bearer {}", token.unwrap_or_default())
}

/// Whatever a fault does to the clock, it is not that late.
const IN_2286: u64 = 9_999_999_999;
