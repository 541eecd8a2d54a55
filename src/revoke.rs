//! `chatd revoke-tokens`: taking a user's access away, whether a server runs on the database or not.

use std::io::Write;

use chat_core::{Clock, SystemClock, UserId, store::sea};

use crate::{accounts, failure::Failure};

/// Voids every token that was issued to a user until now, and says what was done.
pub(crate) async fn revoke_tokens(database_url: &str, user: &str) -> Result<(), Failure> {
    let user = UserId::new(user).map_err(|error| Failure::new(Failure::COMMAND_LINE, error.to_string()))?;
    let revoked = sea::revoke(database_url, &user, SystemClock::new().now().wall).await;
    revoked.map_err(|error| Failure::of_start(&error))?;
    let accounts = accounts::store(database_url)?;
    let ended = accounts.end_logins(&user).await;
    accounts.close().await;
    let failed = |error| Failure::new(Failure::DATABASE, format!("the logins have not ended, run it again: {error}"));
    let text = format!("tokens of until now are refused\nlogins ended  {}\n", ended.map_err(failed)?);
    // It is done, even if nobody reads this.
    drop(std::io::stdout().write_all(text.as_bytes()));
    Ok(())
}
