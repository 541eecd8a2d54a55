//! Logins that end before their time: by logging out, with another password, with their account.

use std::future::pending;

use tokio::sync::watch;

/// The end of a login, in the hands of whoever can end it. Sockets, event streams and tickets that were opened with the login end
/// with it.
///
/// ```
/// # use chat_http::{Authenticated, LoginEnd};
/// # fn example(mut alice: Authenticated) {
/// let login = LoginEnd::default();
/// alice.login = Some(login.watch()); // what the `Authenticator` says of each request of this login
/// login.end(); // when Alice logs out
/// # }
/// ```
#[derive(Debug, Default)]
pub struct LoginEnd(watch::Sender<bool>);

/// Whether a login has ended, as those see it who were admitted by it.
#[derive(Debug, Clone)]
pub struct LoginWatch(watch::Receiver<bool>);

impl LoginEnd {
    /// For those who are admitted by the login.
    #[must_use]
    pub fn watch(&self) -> LoginWatch {
        LoginWatch(self.0.subscribe())
    }

    /// Ends the login.
    pub fn end(&self) {
        self.0.send_replace(true);
    }

    /// Whether anybody is there who was admitted by the login.
    pub(crate) fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }
}

impl LoginWatch {
    /// Whether the login has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the login ends.
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost.
    pub async fn ended(&mut self) {
        if self.0.wait_for(|ended| *ended).await.is_err() {
            // Nobody is left who could end it.
            pending().await
        }
    }
}

/// Two are equal if they watch the same login.
impl PartialEq for LoginWatch {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

impl Eq for LoginWatch {}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn whoever_watches_a_login_sees_its_end() {
        let (login, other) = (LoginEnd::default(), LoginEnd::default());
        assert!(!login.is_watched());
        let (mut watch, mut still) = (login.watch(), other.watch());
        assert!(login.is_watched() && watch == login.watch() && watch != still);
        assert!(!watch.has_ended() && watch.ended().now_or_never().is_none());
        login.end();
        watch.ended().await;
        assert!(watch.has_ended() && login.watch().has_ended(), "also for whoever comes later");
        drop(other);
        assert!(still.ended().now_or_never().is_none(), "it has not ended, only nobody can end it any more");
    }
}
