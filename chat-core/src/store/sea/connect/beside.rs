//! What SQLite keeps beside a database. It takes, cuts and removes whatever has these names, so it is looked at first.

use std::{
    fs::{File, Metadata},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::super::files;
use crate::StartError;

/// A file beside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The write-ahead log.
    Wal,
    /// The index of the write-ahead log.
    Shm,
    /// The journal of databases that have no write-ahead log (yet).
    Journal,
}

const PARTS: [Part; 3] = [Part::Wal, Part::Shm, Part::Journal];

impl Part {
    fn of(self, database: &Path) -> PathBuf {
        files::beside(
            database,
            match self {
                Self::Wal => "-wal",
                Self::Shm => "-shm",
                Self::Journal => "-journal",
            },
        )
    }

    /// How such a file may begin; and with zeros, if the power went before more of it was written.
    fn beginnings(self) -> &'static [&'static [u8]] {
        // <https://sqlite.org/fileformat2.html>, <https://sqlite.org/walformat.html>: the version 3007000 of the index.
        match self {
            Self::Wal => &[b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"],
            Self::Shm => &[b"\x18\xe2\x2d\x00", b"\x00\x2d\xe2\x18"],
            Self::Journal => &[b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"],
        }
    }
}

/// Refuses what is beside this database and is not SQLite's, touching nothing.
pub(super) fn look(database: &Path) -> Result<(), StartError> {
    let found = database.metadata().ok().filter(|metadata| metadata.len() > 0);
    let owner = found.as_ref().and_then(files::owner_of);
    for part in PARTS {
        let path = part.of(database);
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(StartError::Unavailable(format!("{}: {error}", path.display()))),
        };
        if let Some(objection) = files::objection(&metadata, owner) {
            return Err(in_the_way(&path, objection));
        }
        // To open the index and close it would end the locks that this process has on a database that is in use.
        if (part != Part::Shm || found.is_none()) && !begins_as(part, &path, &metadata)? {
            return Err(in_the_way(&path, "holds something else"));
        }
        if part == Part::Wal && metadata.len() > 0 && !database.exists() {
            return Err(StartError::Unusable(format!(
                "there is no file {}, but its latest writes are in {}: put the database back, or move them away",
                database.display(),
                path.display()
            )));
        }
    }
    Ok(())
}

/// Takes the database, and what is beside it, away from the eyes of others. What SQLite makes anew has the mode of the
/// database.
pub(super) fn make_private(database: &Path) {
    for path in PARTS.map(|part| part.of(database)).into_iter().chain([files::real_path(database)]) {
        if let Ok(metadata) = path.symlink_metadata()
            && metadata.is_file()
        {
            files::make_private(&path, &metadata);
        }
    }
}

fn begins_as(part: Part, path: &Path, metadata: &Metadata) -> Result<bool, StartError> {
    if metadata.len() == 0 {
        return Ok(true);
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(8).read_to_end(&mut start))
        .map_err(|error| StartError::Unavailable(format!("{}: {error}", path.display())))?;
    let begins = |with: &&[u8]| start.iter().zip(*with).all(|(is, should_be)| is == should_be);
    Ok(part.beginnings().iter().any(begins) || begins(&&[0; 4][..]))
}

fn in_the_way(path: &Path, why: &str) -> StartError {
    StartError::Unusable(format!(
        "{} is where SQLite would keep a part of the database, but {why}: move it away, or choose another database",
        path.display()
    ))
}
