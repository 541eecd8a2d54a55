//! The keys by which texts are encrypted in the database: their file, and new ones.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chat_core::{Database, InvalidField, TextKeys};
use clap::Args;

use crate::{failure::Failure, opening::open, private_file, progress::Progress};

/// Whether texts are encrypted in the database.
#[derive(Debug, Clone, Args)]
pub(crate) struct TextOptions {
    /// Encrypt texts in the database by the keys in this file, which `chatd new-keys` makes. Keep a copy of it, apart from the
    /// copies of the database: without it nobody can read the texts.
    #[arg(long, env = "CHATD_TEXT_KEYS", value_name = "FILE", global = true)]
    text_keys: Option<PathBuf>,

    /// Encrypt texts no more, and decrypt those that are encrypted, by the keys of --text-keys.
    #[arg(long, env = "CHATD_DECRYPT_TEXTS", requires = "text_keys", global = true)]
    decrypt_texts: bool,
}

impl TextOptions {
    /// This database, with the keys of its texts.
    pub(crate) fn database(&self, database: impl Into<Database>) -> Result<Database, Failure> {
        let database = database.into();
        let Some(path) = &self.text_keys else { return Ok(database) };
        let keys = read(path)?;
        Ok(if self.decrypt_texts { database.decrypted(keys) } else { database.encrypted(keys) })
    }

    /// Encrypts all texts of a database by a new key, and forgets the ones before.
    pub(crate) async fn rotate(&self, database_url: String) -> Result<(), Failure> {
        let path = self.text_keys.as_ref().filter(|_| !self.decrypt_texts);
        let path = path.ok_or_else(|| wrong("rotate-keys needs --text-keys, without --decrypt-texts"))?;
        let before = read(path)?;
        let mut keys = before.clone();
        keys.rotate().map_err(|error| unusable(path, &error))?;
        // The key is in the file before a text is encrypted by it.
        write(path, &keys)?;
        let engine = match open(Database::existing(database_url).encrypted(keys.clone())).await {
            Ok(engine) => engine,
            Err(failure) => {
                write(path, &before)?;
                return Err(failure);
            }
        };
        let bar = Progress::start("encrypting", Some(0));
        let rewritten = engine.rewrite_texts(|done, total| bar.at_of(done, total)).await;
        engine.shutdown().await;
        rewritten.map_err(|error| {
            Failure::new(
                Failure::DATABASE,
                format!("{error}; it is not done: start the server, which goes on with it, and run it again then"),
            )
        })?;
        drop(bar);
        keys.retire();
        write(path, &keys)?;
        tracing::info!("all texts are encrypted by a new key");
        Ok(())
    }
}

/// Makes a file of new keys. One that is there stays.
pub(crate) fn make(path: &Path) -> Result<(), Failure> {
    let keys = TextKeys::generate().map_err(|error| unusable(path, &error))?;
    private_file::create(path, &keys.to_text()).map_err(|error| cannot_write(path, &error))
}

fn read(path: &Path) -> Result<TextKeys, Failure> {
    let text = fs::read_to_string(path).map_err(|error| wrong(&format!("cannot read {}: {error}", path.display())))?;
    TextKeys::parse(&text).map_err(|error| unusable(path, &error))
}

fn write(path: &Path, keys: &TextKeys) -> Result<(), Failure> {
    private_file::replace(path, &keys.to_text()).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    wrong(&format!("cannot write {}: {error}", path.display()))
}

fn unusable(path: &Path, error: &InvalidField) -> Failure {
    wrong(&format!("cannot use {}: {}", path.display(), error.reason))
}

fn wrong(text: &str) -> Failure {
    Failure::new(Failure::COMMAND_LINE, text)
}
