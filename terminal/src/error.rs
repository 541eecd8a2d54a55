//! The errors that end a chat.

use crate::plain::plain;

/// Why the chat ended, if the user did not end it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server's address cannot be used; the text says why.
    #[error("{0}")]
    BadAddress(String),
    /// The server cannot be reached, or did not answer as a chat server does.
    #[error("{0}")]
    Unreachable(String),
    /// The server says to stay away; the text has its reason.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// Makes the texts of a server safe for the terminal, since others wrote them.
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::BadAddress(why) => Self::BadAddress(plain(&why)),
            Self::Unreachable(why) => Self::Unreachable(plain(&why)),
            Self::Refused(why) => Self::Refused(plain(&why)),
        }
    }
}
