//! The lock beside an SQLite database: one engine a database.

use std::{
    fs::{File, Metadata, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use super::files;
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

/// Whether there is something where the lock of this database would be.
pub(super) fn exists(database: &Path) -> bool {
    lock_path(database).symlink_metadata().is_ok()
}

impl LockFile {
    /// Takes the lock of the database at this path. Something else in the place of the lock file is left as it is.
    pub(super) fn take(database: &Path) -> Result<Self, StartError> {
        let path = lock_path(database);
        let unavailable = |what, error| {
            StartError::Unavailable(format!("the lock file {} cannot be {what}: {error}", path.display()))
        };
        let owner = database.metadata().ok().and_then(|metadata| files::owner_of(&metadata));
        // Looked at before it is opened as well: opening alone can do something to a device.
        match path.symlink_metadata() {
            Ok(metadata) => check(&path, &metadata, owner)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unavailable("opened", error)),
        }
        let mut file = files::open(&path).map_err(|error| unavailable("opened", error))?;
        let metadata = file.metadata().map_err(|error| unavailable("opened", error))?;
        check(&path, &metadata, owner)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StartError::InUse(format!(
                    "the database {} is in use by another chat engine: stop that one, or choose another database",
                    database.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(unavailable("locked", error)),
        }
        if !is_ours(&mut file).map_err(|error| unavailable("read", error))? {
            return Err(in_the_way(&path, "holds something else"));
        }
        files::make_private(&path, &metadata);
        files::give_to(&file, owner).map_err(|error| unavailable("given to the owner of the database", error))?;
        let lock = Self { file };
        // What a process left that ended while it looked for room.
        lock.room().and_then(|room| room.give_back()).map_err(|error| unavailable("written", error))?;
        Ok(lock)
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

fn check(path: &Path, metadata: &Metadata, owner: Option<u32>) -> Result<(), StartError> {
    match files::objection(metadata, owner) {
        Some(objection) => Err(in_the_way(path, objection)),
        None if files::has_other_names(metadata) => Err(in_the_way(path, "has a second name (a hard link)")),
        None => Ok(()),
    }
}

fn in_the_way(path: &Path, why: &str) -> StartError {
    StartError::Unusable(format!(
        "{} is where the lock file belongs, but {why}: move it away, or choose another database",
        path.display()
    ))
}

/// Whether this is a lock file: it is empty, or holds what looking for room has left there, which is nothing but zeros.
fn is_ours(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() > ROOM as u64 {
        return Ok(false);
    }
    let mut piece = [0; PIECE.len()];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(true);
        }
        if piece[..read] != PIECE[..read] {
            return Ok(false);
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    files::beside(database, ".lock")
}

/// As much as the write-ahead log grows by before it is moved into the database.
const ROOM: usize = 4 << 20;
static PIECE: [u8; 1 << 14] = [0; 1 << 14];

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, process::Command};

    use super::*;

    /// A folder that goes with its test, and a database in it that is not there.
    struct Place {
        folder: PathBuf,
        database: PathBuf,
        lock: PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("chat_test_{}", uuid::Uuid::new_v4().simple()));
            fs::create_dir(&folder).unwrap();
            let (database, lock) = (folder.join("chat.db"), folder.join("chat.db.lock"));
            Self { folder, database, lock }
        }

        fn refusal(&self) -> String {
            let refused = LockFile::take(&self.database).unwrap_err();
            assert!(matches!(refused, StartError::Unusable(_)), "{refused}");
            refused.to_string()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.folder).unwrap();
        }
    }

    #[test]
    fn looking_for_room_leaves_nothing_behind() {
        let place = Place::new();
        // As if a process had ended while it looked.
        fs::write(&place.lock, [0; 100_000]).unwrap();
        let lock = LockFile::take(&place.database).unwrap();
        assert_eq!(place.lock.metadata().unwrap().len(), 0);
        for _ in 0..2 {
            lock.room().unwrap().find().unwrap();
            assert_eq!(place.lock.metadata().unwrap().len(), 0);
        }
        assert!(matches!(LockFile::take(&place.database), Err(StartError::InUse(_))), "the lock is still held");
    }

    #[test]
    fn what_is_in_the_place_of_the_lock_file_stays_as_it_is() {
        let place = Place::new();
        let zeros = vec![0; ROOM + 1];
        let late = [&[0; 70_000][..], b"x"].concat();
        for content in [&b"a letter"[..], b"\n", &zeros, &late] {
            fs::write(&place.lock, content).unwrap();
            assert!(place.refusal().contains("holds something else"));
            assert!(fs::read(&place.lock).unwrap() == content, "{} bytes were touched", content.len());
        }
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_file_is_not_followed() {
        let place = Place::new();
        let other = place.folder.join("other");
        for content in [&b"a letter"[..], b""] {
            fs::write(&other, content).unwrap();
            symlink(&other, &place.lock).unwrap();
            assert!(place.refusal().contains("symbolic link"));
            fs::remove_file(&place.lock).unwrap();
            fs::hard_link(&other, &place.lock).unwrap();
            assert!(place.refusal().contains("hard link"));
            fs::remove_file(&place.lock).unwrap();
            assert_eq!(fs::read(&other).unwrap(), content);
        }
        fs::remove_file(&other).unwrap();
        symlink(&other, &place.lock).unwrap();
        assert!(place.refusal().contains("symbolic link"));
        assert!(!other.exists(), "nothing is made at the end of a link");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let place = Place::new();
        fs::create_dir(&place.lock).unwrap();
        assert!(place.refusal().contains("folder"));
        fs::remove_dir(&place.lock).unwrap();
        // Nobody is at its other end: to wait for them would be for ever.
        assert!(Command::new("mkfifo").arg(&place.lock).status().unwrap().success());
        assert!(place.refusal().contains("not a file"));
    }
}
