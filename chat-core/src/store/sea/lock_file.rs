//! The lock beside an SQLite database: one engine a database.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

use crate::StartError;

/// Held until it is dropped, or the process ends however it may. The file stays: removing it would let a third engine
/// lock a new one while a second still waits for the old.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
}

/// The same file, as a place to find out how much the disk still takes.
#[derive(Debug)]
pub(super) struct Room {
    file: File,
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
            Ok(()) => {
                let lock = Self { file };
                // What a process left that ended while it looked for room.
                lock.room().and_then(|room| room.give_back()).map_err(|error| {
                    StartError::Unavailable(format!("the lock file {} cannot be written: {error}", path.display()))
                })?;
                Ok(lock)
            }
            Err(TryLockError::WouldBlock) => Err(StartError::InUse(format!(
                "the database {} is in use by another chat engine: stop that one, or choose another database",
                database.display()
            ))),
            Err(TryLockError::Error(error)) => {
                Err(StartError::Unavailable(format!("the lock file {} cannot be locked: {error}", path.display())))
            }
        }
    }

    /// The room that is left beside the database.
    pub(super) fn room(&self) -> io::Result<Room> {
        Ok(Room { file: self.file.try_clone()? })
    }
}

impl Room {
    /// Takes the room of a usual batch for a moment.
    pub(super) fn find(mut self) -> io::Result<()> {
        let taken = self.take();
        self.give_back()?;
        taken
    }

    fn take(&mut self) -> io::Result<()> {
        self.file.rewind()?;
        for _ in 0..ROOM / PIECE.len() {
            self.file.write_all(&PIECE)?;
        }
        Ok(())
    }

    fn give_back(&self) -> io::Result<()> {
        if self.file.metadata()?.len() > 0 { self.file.set_len(0) } else { Ok(()) }
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

/// As much as the write-ahead log grows by before it is moved into the database.
const ROOM: usize = 4 << 20;
static PIECE: [u8; 1 << 16] = [0; 1 << 16];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_for_room_leaves_nothing_behind() {
        let database = std::env::temp_dir().join(format!("chat_test_{}", uuid::Uuid::new_v4().simple()));
        let path = lock_path(&database);
        // As if a process had ended while it looked.
        std::fs::write(&path, "left").unwrap();
        let lock = LockFile::take(&database).unwrap();
        assert_eq!(path.metadata().unwrap().len(), 0);
        for _ in 0..2 {
            lock.room().unwrap().find().unwrap();
            assert_eq!(path.metadata().unwrap().len(), 0);
        }
        assert!(matches!(LockFile::take(&database), Err(StartError::InUse(_))), "the lock is still held");
        std::fs::remove_file(path).unwrap();
    }
}
