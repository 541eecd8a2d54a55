//! The token of the feed of all rooms.

use std::fmt;

use chat_core::{Error, InvalidField};
use sha2::{Digest as _, Sha256};

/// The token that `GET /events/feed` asks for. Whoever has it reads everything in all rooms: keep it as you keep the database.
#[derive(Clone)]
pub struct FeedToken([u8; 32]);

impl FeedToken {
    /// A token of at least 32 visible ASCII characters, so that nobody finds it by trying. Of it, only the SHA-256 is kept.
    ///
    /// # Errors
    /// If it is shorter, longer than 1,024, or has other characters.
    pub fn new(token: &str) -> Result<Self, InvalidField> {
        let is_token = (32..=1_024).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_token {
            return Err(InvalidField::new("token", "must have 32 to 1,024 visible ASCII characters"));
        }
        Ok(Self(Sha256::digest(token).into()))
    }

    /// Lets whoever has given it pass.
    pub(crate) fn check(&self, given: &str) -> Result<(), Error> {
        // How far digests agree tells nobody anything of a token.
        if <[u8; 32]>::from(Sha256::digest(given)) == self.0 { Ok(()) } else { Err(Error::Unauthenticated) }
    }
}

/// What is secret is not shown.
impl fmt::Debug for FeedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedToken")
    }
}
