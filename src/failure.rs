//! Why a command ends without having done what it should, with the exit code.

use chat_core::StartError;

/// Why the server did not start or stopped by itself, or a command was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code; `--help` explains each.
    pub(crate) code: u8,
    /// The last line of the log.
    pub(crate) text: String,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) const COMMAND_LINE: u8 = 2;
    /// The database cannot be opened or reached.
    pub(crate) const DATABASE: u8 = 4;
    /// A file of an export or an import cannot be used.
    pub(crate) const FILE: u8 = 7;
    /// A signal came before the command was done.
    pub(crate) const INTERRUPTED: u8 = 130;

    /// A failure with this exit code.
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// The engine cannot start.
    pub(crate) fn of_start(error: &StartError) -> Self {
        let code = match error {
            StartError::BadUrl(_) | StartError::BadSetting(_) => Self::COMMAND_LINE,
            StartError::InUse(_) => 3,
            StartError::Unavailable(_) => Self::DATABASE,
            StartError::Unusable(_) | StartError::WrongKeys(_) | StartError::DriverTooOld { .. } | _ => 5,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_number_out_of_its_bounds_is_a_wrong_command_line() {
        let builder = chat_core::ChatEngine::builder().database("sqlite://no/such.db").connections(5);
        let Failure { code, text } = Failure::of_start(&builder.build().await.unwrap_err());
        assert_eq!((code, text.as_str()), (2, "cannot use the setting connections: must be from 6 to 1000"));
    }

    #[test]
    fn an_old_sqlite_needs_a_person() {
        let error = StartError::DriverTooOld { found: "3.46.0".to_owned(), needed: "3.51.3" };
        let Failure { code, text } = Failure::of_start(&error);
        let said = "cannot use the database: the SQLite in this program is too old: it is 3.46.0, and 3.51.3 is needed";
        assert_eq!((code, text.as_str()), (5, said));
    }
}
