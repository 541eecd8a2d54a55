//! `chatd erase-user`: erasing a user from a database that no server uses.

use std::io::Write;

use chat_core::{ChatEngine, Database, Erase, Erased, Error, UserId};

use crate::{accounts, failure::Failure, opening::open, progress::Progress};

/// Erases a user from this database, which is at this URL, and says what was done.
pub(crate) async fn erase_user(database: Database, database_url: &str, user: &str, mode: Erase) -> Result<(), Failure> {
    let user = UserId::new(user).map_err(|error| Failure::new(Failure::COMMAND_LINE, error.to_string()))?;
    let engine = open(database).await?;
    let erased = async {
        // The account goes first, so that nobody logs in as the user any more.
        let had_account = erase_account(database_url, &user).await?;
        Ok((had_account, erase(&engine, &user, mode).await.map_err(|error| failed(&error))?))
    };
    let erased = erased.await;
    engine.shutdown().await;
    let (had_account, Erased { id, deleted, changed, .. }) = erased?;
    let account = if had_account { "yes" } else { "there is none" };
    let text = format!(
        "the user's id is now  {id}\nmessages deleted      {deleted}\nevents changed        {changed}\n\
         account removed       {account}\n"
    );
    // It is done, even if nobody reads this.
    drop(std::io::stdout().write_all(text.as_bytes()));
    Ok(())
}

async fn erase_account(database_url: &str, user: &UserId) -> Result<bool, Failure> {
    let accounts = accounts::store(database_url)?;
    let erased = accounts.erase(user).await;
    accounts.close().await;
    erased.map_err(|error| failed(&error))
}

async fn erase(engine: &ChatEngine, user: &UserId, mode: Erase) -> Result<Erased, Error> {
    let bar = Progress::start("erasing", Some(0));
    engine.erase_user(user, mode, |progress| bar.at_of(progress.done, progress.total)).await
}

fn failed(error: &Error) -> Failure {
    if matches!(error, Error::InvalidField { .. }) {
        return Failure::new(Failure::COMMAND_LINE, error.to_string());
    }
    Failure::new(Failure::DATABASE, format!("{error}; it is not done: run it again, or start the server"))
}
