//! Secrets that this server makes: tokens of logins, and the setup token.

use std::fmt;

use chat_core::Error;
use sha2::{Digest as _, Sha256};

/// The hexadecimal digits of a token: 256 bits.
const DIGITS: usize = 64;

/// A token that nobody can guess. It is shown once, to whose it is; only its digest is kept.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// A new one.
    pub(super) fn random() -> Result<Self, Error> {
        Ok(Self(hex(&random::<{ DIGITS / 2 }>()?)))
    }

    /// What may be one: 64 hexadecimal digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == DIGITS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub(super) fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

/// What is secret is not shown.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The SHA-256 of a token. A token has as many bits, so nobody finds one by trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenDigest(pub(super) [u8; 32]);

/// 128 random bits in hexadecimal digits, for an id that is never given twice.
pub(super) fn random_id() -> Result<String, Error> {
    Ok(hex(&random::<16>()?))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::Unavailable)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_only_their_digest_is_kept() {
        let token = Token::random().unwrap();
        assert_eq!(token.as_str().len(), DIGITS);
        assert_ne!(token.as_str(), Token::random().unwrap().as_str());
        assert_eq!(Token::parse(token.as_str()).unwrap().digest(), token.digest());
        assert_eq!(format!("{token:?}"), "Token");
        // FIPS 180-2, one block: what is in the database can be looked up with any SHA-256.
        assert_eq!(hex(&Token("abc".to_owned()).digest().0)[..16], *"ba7816bf8f01cfea");
    }

    #[test]
    fn what_is_no_token_is_told_apart() {
        let good = "0123456789abcdef".repeat(4);
        assert!(Token::parse(&good).is_some());
        for bad in ["", "a.b.c", &good[1..], &good.to_uppercase(), &good.replace('0', "g"), &format!("{good}0")] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
