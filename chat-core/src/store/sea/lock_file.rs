//! The lock beside an SQLite database: one engine a database.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::StartError;

/// Held until it is dropped, or the process ends however it may. The file stays: removing it would let a third engine
/// lock a new one while a second still waits for the old.
#[derive(Debug)]
pub(super) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes the lock of the database at this path.
    pub(super) fn take(database: &Path) -> Result<Self, StartError> {
        let path = lock_path(database);
        let options = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = options.map_err(|error| {
            StartError::Unavailable(format!("the lock file {} cannot be opened: {error}", path.display()))
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse(format!(
                "the database {} is in use by another chat engine: stop that one, or choose another database",
                database.display()
            ))),
            Err(TryLockError::Error(error)) => {
                Err(StartError::Unavailable(format!("the lock file {} cannot be locked: {error}", path.display())))
            }
        }
    }
}

/// Beside the database itself, whatever link or relative path it was named by.
fn lock_path(database: &Path) -> PathBuf {
    let mut path = real_path(database).into_os_string();
    path.push(".lock");
    path.into()
}

fn real_path(database: &Path) -> PathBuf {
    if let Ok(path) = database.canonicalize() {
        return path;
    }
    let parent = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    match (parent.canonicalize(), database.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => database.to_owned(),
    }
}
