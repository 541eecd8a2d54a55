//! Opening a database for a command that has it alone.

use chat_core::{ChatEngine, Database, StartError};

use crate::{failure::Failure, progress::Progress};

/// An engine on this database, which no server uses meanwhile.
pub(crate) async fn open(database: impl Into<Database>) -> Result<ChatEngine, Failure> {
    opened(ChatEngine::builder().database(database).build()).await
}

/// Awaits that a database is opened, which takes long if an older version's tables are migrated.
pub(crate) async fn opened<T>(opening: impl Future<Output = Result<T, StartError>>) -> Result<T, Failure> {
    Progress::during("opening the database", opening).await.map_err(|error| Failure::of_start(&error))
}
