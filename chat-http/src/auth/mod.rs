//! Authentication: which user sends a request.

mod authentication;
mod authenticator;
pub(crate) mod bearer;
mod guests;
mod identified;
#[cfg(feature = "jwt")]
mod jwt;
mod login_end;
pub(crate) mod reserved;
mod several;
mod tickets;

pub(crate) use authentication::{Authentication, LEEWAY, Proof};
pub use authenticator::{Authenticated, Authenticator, Credential, Via};
pub use guests::Guests;
pub(crate) use identified::Identified;
#[cfg(feature = "jwt")]
pub use jwt::{BadJwtKeys, JwtAuthenticator, JwtKeys};
pub use login_end::{LoginEnd, LoginWatch};
pub use several::Several;
