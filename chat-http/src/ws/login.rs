//! Whose a socket is: until when that holds, and how it is said anew within the connection.

use std::{
    fmt,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use chat_core::{Error, Identity};
use futures::{FutureExt, future::BoxFuture};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    auth::{Authenticated, Authentication, LEEWAY, Proof},
    frames,
};

/// How long before its end a client is told that its token expires.
const WARNING: Duration = Duration::from_secs(60);

/// Whose a socket is.
pub(super) struct Login {
    /// What looks at tokens and tickets; `None` if the host itself ends what has to end.
    authentication: Option<Authentication>,
    /// When the credential ends, if it does.
    ends: Option<Instant>,
    is_warned: bool,
    /// The answer to a first frame, until it is sent.
    first_answer: Option<Utf8Bytes>,
    /// A token or a ticket that is being looked at.
    renewal: Option<Renewal>,
    /// Resolves when the user logs out, if this login can be ended by itself.
    ended: Option<BoxFuture<'static, ()>>,
}

struct Renewal {
    reference: Option<String>,
    found: BoxFuture<'static, Result<Authenticated, Error>>,
}

/// Tokens and tickets do not count here.
pub(super) struct NoneCounts {
    pub(super) reference: Option<String>,
}

/// What became of a token or a ticket.
pub(super) struct Renewed {
    pub(super) reference: Option<String>,
    pub(super) found: Result<Authenticated, Error>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// To tell the client that its token ends after this.
    Warning(Duration),
    /// To close.
    End,
}

impl Login {
    /// By what the request had.
    pub(super) fn new(authentication: &Authentication, found: &Authenticated) -> Self {
        Self {
            authentication: Some(authentication.clone()),
            ends: ends(found),
            is_warned: false,
            first_answer: None,
            renewal: None,
            ended: ended(found),
        }
    }

    /// By the host's word, for as long as the session lasts.
    pub(super) const fn none() -> Self {
        Self { authentication: None, ends: None, is_warned: false, first_answer: None, renewal: None, ended: None }
    }

    /// By a first frame with this `ref`.
    pub(super) fn by_frame(authentication: &Authentication, found: &Authenticated, reference: Option<&str>) -> Self {
        let mut login = Self::new(authentication, found);
        login.first_answer = found.identity().map(|identity| login.answer(reference, identity));
        login
    }

    /// The answer to a first frame, once.
    pub(super) fn take_first_answer(&mut self) -> Option<Utf8Bytes> {
        self.first_answer.take()
    }

    /// Starts to look at a token or a ticket, if anything can. Until that is done, nothing else is read.
    pub(super) fn renew(&mut self, reference: Option<String>, proof: Proof) -> Result<(), NoneCounts> {
        let Some(authentication) = self.authentication.clone() else { return Err(NoneCounts { reference }) };
        let found = async move { authentication.of_proof(&proof).await }.boxed();
        self.renewal = Some(Renewal { reference, found });
        Ok(())
    }

    /// Whether a token or a ticket is being looked at.
    pub(super) const fn is_busy(&self) -> bool {
        self.renewal.is_some()
    }

    /// What became of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Renewed> {
        let Some(renewal) = &mut self.renewal else { return Poll::Pending };
        let Poll::Ready(found) = renewal.found.poll_unpin(cx) else { return Poll::Pending };
        let reference = self.renewal.take().and_then(|renewal| renewal.reference);
        Poll::Ready(Renewed { reference, found })
    }

    /// Whether the user has logged out.
    pub(super) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ended.as_mut().map_or(Poll::Pending, |ended| ended.poll_unpin(cx))
    }

    /// Takes a credential of the same user; returns the answer.
    pub(super) fn replace(&mut self, found: &Authenticated, reference: Option<&str>, shown: &Identity) -> Utf8Bytes {
        (self.ends, self.is_warned, self.ended) = (ends(found), false, ended(found));
        self.answer(reference, shown)
    }

    /// When something is due next.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let ends = self.ends?;
        if self.is_warned { ends.checked_add(LEEWAY) } else { Some(ends.checked_sub(WARNING).unwrap_or(ends)) }
    }

    /// What is due now.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if self.due_at()? > now {
            return None;
        }
        if self.is_warned {
            return Some(Due::End);
        }
        self.is_warned = true;
        Some(Due::Warning(self.ends?.saturating_duration_since(now)))
    }

    fn answer(&self, reference: Option<&str>, identity: &Identity) -> Utf8Bytes {
        let left = self.ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        frames::authenticated(reference, identity, left)
    }
}

/// Resolves when a login ends before its time; `None` if it has none of its own.
fn ended(found: &Authenticated) -> Option<BoxFuture<'static, ()>> {
    let mut login = found.login.clone()?;
    Some(async move { login.ended().await }.boxed())
}

/// When a credential ends. One that ends in a thousand years does not.
fn ends(found: &Authenticated) -> Option<Instant> {
    let now = Instant::now();
    match found.expires_at?.duration_since(SystemTime::now()) {
        Ok(left) => now.checked_add(left),
        Err(past) => Some(now.checked_sub(past.duration()).unwrap_or(now)),
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("ends", &self.ends).field("is_warned", &self.is_warned).finish_non_exhaustive()
    }
}
