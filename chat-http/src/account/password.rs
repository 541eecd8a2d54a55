//! Passwords: what may be one, and how they are kept and compared.

use std::{fmt, sync::Arc};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use chat_core::Error;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::secret::Token;

/// How many characters a password has.
const LEAST: usize = 8;
const MOST: usize = 256;
/// How many are hashed at once, each with 19 MiB and some 30 ms of a processor.
const AT_ONCE: usize = 2;
/// How many may wait for that or be hashed: about half a second of work.
const AT_MOST: usize = 32;

/// The memory in KiB, the passes and the lanes of Argon2id, as OWASP recommends them
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);

/// A password as it was typed.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    /// A password that somebody chooses: 8–256 characters, and no other rule.
    ///
    /// # Errors
    /// [`Error::InvalidField`] of this field.
    pub(crate) fn chosen(text: String, field: &'static str) -> Result<Self, Error> {
        let count = text.chars().count();
        if (LEAST..=MOST).contains(&count) { Ok(Self(text)) } else { Err(Error::invalid_field(field, LENGTH)) }
    }

    /// A password that somebody shows. What is too long to be one is not hashed.
    ///
    /// # Errors
    /// [`Error::InvalidField`] of this field.
    pub(crate) fn shown(text: String, field: &'static str) -> Result<Self, Error> {
        if text.chars().count() <= MOST { Ok(Self(text)) } else { Err(Error::invalid_field(field, LENGTH)) }
    }
}

const LENGTH: &str = "must be 8 to 256 characters";

/// What is secret is not shown.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// What hashes passwords: few at once, and away from what must not wait.
#[derive(Debug, Clone)]
pub(super) struct Passwords {
    admitted: Arc<Semaphore>,
    at_work: Arc<Semaphore>,
    /// The hash of a password that nobody has, for users who are not there: they cost as much as others.
    nobodys: Arc<str>,
}

impl Passwords {
    /// Makes one.
    pub(super) async fn new() -> Result<Self, Error> {
        let (admitted, at_work) = (Arc::new(Semaphore::new(AT_MOST)), Arc::new(Semaphore::new(AT_ONCE)));
        let password = Password(Token::random()?.as_str().to_owned());
        let passwords = Self { admitted, at_work, nobodys: "".into() };
        let nobodys = passwords.hash(password).await?.into();
        Ok(Self { nobodys, ..passwords })
    }

    /// What is kept of a password: its hash with the salt and the cost, in the PHC format.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too many wait.
    pub(super) async fn hash(&self, password: Password) -> Result<String, Error> {
        self.work(move || {
            let hash = argon2()?.hash_password(password.0.as_bytes()).map_err(|_| Error::Internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password has this hash. Without a hash it has not, after as much work.
    ///
    /// # Errors
    /// As [`hash`](Self::hash).
    pub(super) async fn verify(&self, password: Password, hash: Option<&str>) -> Result<bool, Error> {
        let is_somebody = hash.is_some();
        let hash = hash.unwrap_or(&self.nobodys).to_owned();
        self.work(move || {
            let is_right = argon2()?.verify_password(password.0.as_bytes(), hash.as_str()).is_ok();
            Ok(is_right && is_somebody)
        })
        .await
    }

    /// Works where it is no matter if it takes long. Dropped, it is worked on to the end, and counts until then.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let at_work = Arc::clone(&self.at_work).acquire_owned().await.map_err(|_| Error::Unavailable)?;
        let working = spawn_blocking(move || {
            let done = work();
            drop((at_work, admitted));
            done
        });
        working.await.unwrap_or(Err(Error::Internal))
    }
}

/// Whether a hash cost less than one costs today.
pub(super) fn is_outdated(hash: &str) -> bool {
    let params = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
    params.is_none_or(|params| (params.m_cost(), params.t_cost(), params.p_cost()) != COST)
}

fn argon2() -> Result<Argon2<'static>, Error> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|_| Error::Internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_kept_as_a_salted_hash_of_what_owasp_says() {
        let passwords = Passwords::new().await.unwrap();
        let hash = passwords.hash(password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash(password("correct horse")).await.unwrap());
        assert!(passwords.verify(password("correct horse"), Some(&hash)).await.unwrap());
        for wrong in ["correct hors", "correct horse ", "Correct horse", ""] {
            assert!(!passwords.verify(password(wrong), Some(&hash)).await.unwrap(), "{wrong}");
        }
        assert!(!passwords.verify(password("correct horse"), None).await.unwrap());
        assert!(!passwords.verify(password("x"), Some("no hash")).await.unwrap());
        assert!(!is_outdated(&hash) && is_outdated(&hash.replace("t=2", "t=1")) && is_outdated("no hash"));
    }

    #[test]
    fn r25_passwords_have_a_length_and_no_other_rule() {
        let chosen = |text: &str| Password::chosen(text.to_owned(), "password").map(drop).map_err(|error| error.code());
        for good in ["12345678", "        ", "🦀🦀🦀🦀🦀🦀🦀🦀", &"é".repeat(256)] {
            assert_eq!(chosen(good), Ok(()), "{good}");
        }
        for bad in ["", "1234567", "ééééééé", &"x".repeat(257)] {
            assert_eq!(chosen(bad), Err("invalid_field"), "{bad}");
        }
        assert!(Password::shown(String::new(), "password").is_ok());
        assert!(Password::shown("x".repeat(257), "password").is_err());
        assert_eq!(format!("{:?}", password("secret")), "Password");
    }

    #[tokio::test]
    async fn all_of_a_long_password_counts() {
        let passwords = Passwords::new().await.unwrap();
        let long = "\u{1f980}".repeat(256);
        let hash = passwords.hash(password(&long)).await.unwrap();
        assert!(passwords.verify(password(&long), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(password(&"\u{1f980}".repeat(255)), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_comes_when_too_many_wait_is_told_to_come_back() {
        let passwords = Passwords::new().await.unwrap();
        let all = Arc::clone(&passwords.admitted).try_acquire_many_owned(AT_MOST as u32).unwrap();
        let refused = passwords.verify(password("x"), None).await.unwrap_err();
        assert_eq!(refused, Error::Overloaded);
        assert!(refused.retry_after().is_some());
        drop(all);
        assert!(!passwords.verify(password("x"), None).await.unwrap());
    }
}
