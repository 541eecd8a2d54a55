//! Accounts of the stand-alone server: users who register here, and log in with a name and a password. The engine knows nothing of
//! them: to it, they are users as any others.

mod accounts;
mod authenticator;
mod cookie;
mod login_ends;
mod password;
mod secret;
mod store;

pub use accounts::{Accounts, Registration};
pub(crate) use accounts::{LoggedIn, Refused};
pub(crate) use cookie::{cleared, forget_login, of_token};
pub(crate) use password::Password;
pub use store::AccountStore;
pub(crate) use store::{AccountPage, AccountQuery};
