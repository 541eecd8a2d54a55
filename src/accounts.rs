//! Accounts of the server: whether there are some, who may register, and the token that makes the administrator.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use chat_core::{ChatEngine, store::sea};
use chat_http::{AccountStore, Accounts, Registration};
use clap::{Args, ValueEnum, builder::BoolishValueParser};

use crate::{failure::Failure, private_file};

/// How many connections to the database accounts have, beside those of the engine.
const CONNECTIONS: u32 = 4;

/// The options that say it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who may use it")]
pub(crate) struct AccountOptions {
    /// Keep accounts: users register here, and log in with a name and a password. Whoever registers with the setup token, which
    /// is printed at each start until it was used, becomes the administrator.
    #[arg(long, env = "CHATD_ACCOUNTS", value_parser = BoolishValueParser::new())]
    pub(crate) accounts: bool,

    /// Who may register: everyone, or only whoever has the setup token.
    #[arg(long, env = "CHATD_REGISTRATION", value_name = "OPEN", default_value = "open", requires = "accounts")]
    registration: RegistrationOption,

    /// Write the setup token to this file, for its owner alone to read, instead of printing it.
    #[arg(long, env = "CHATD_SETUP_TOKEN_FILE", value_name = "FILE", requires = "accounts")]
    setup_token_file: Option<PathBuf>,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RegistrationOption {
    /// Everyone.
    Open,
    /// Whoever has the setup token.
    Off,
}

impl AccountOptions {
    /// Opens the accounts in the database of this engine, if the server is to have some.
    pub(crate) async fn open(&self, database_url: &str, engine: &ChatEngine) -> Result<Option<Accounts>, Failure> {
        if !self.accounts {
            return Ok(None);
        }
        let registration = match self.registration {
            RegistrationOption::Open => Registration::Open,
            RegistrationOption::Off => Registration::Off,
        };
        let opened = async {
            let connections = sea::connections(database_url, CONNECTIONS)?;
            Accounts::open(connections, engine.clone(), registration).await
        };
        opened.await.map(Some).map_err(|error| Failure::of_start(&error))
    }

    /// Says how to become the administrator of the server at this URL, as long as there is none.
    pub(crate) fn say_setup(&self, accounts: &Accounts, url: &str) -> Result<(), Failure> {
        let Some(token) = accounts.setup_token() else { return Ok(()) };
        let (shown, used) = match &self.setup_token_file {
            Some(path) => {
                let failed = |error| Failure::new(Failure::COMMAND_LINE, format!("{}: {error}", path.display()));
                private_file::replace(path, &format!("{token}\n")).map_err(failed)?;
                (format!("is in {}", path.display()), "TOKEN")
            }
            None => (format!("is\n\n    {token}\n"), &*token),
        };
        let text = format!(
            "\nThis server has no administrator yet. Whoever registers with its setup token becomes it, once. The token {shown}\n\
             and is used like this, with a name and a password (8 characters or more) of yours:\n\n    \
             curl --json '{{\"username\":\"NAME\",\"password\":\"PASSWORD\",\"setup_token\":\"{used}\"}}' \
             {url}/api/chat/account/register\n\n"
        );
        // Standard output alone: what is secret is not for the log. The server runs even if nobody can read this.
        drop(io::stdout().write_all(text.as_bytes()));
        Ok(())
    }
}

/// What is kept of accounts in a database, for a command.
pub(crate) fn store(database_url: &str) -> Result<AccountStore, Failure> {
    sea::connections(database_url, 1).map(AccountStore::from).map_err(|error| Failure::of_start(&error))
}
