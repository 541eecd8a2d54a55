//! Files that nobody else reads.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

/// How to open a file that nobody but its owner reads, from its first moment on.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The name of a file until it is whole, beside it; `None` if this is no name of a file.
pub(crate) fn part_of(path: &Path) -> Option<PathBuf> {
    let mut part = OsString::from(path.file_name()?);
    part.push(format!(".{}.part", process::id()));
    Some(path.with_file_name(part))
}

/// Makes a file with this text. One that is there stays.
pub(crate) fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = options().open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Puts a file with this text in place of the one that is there: at any moment, one of both is there, and whole. A link is replaced,
/// and not followed.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let part = part_of(path).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // In a container, each process may have the number of the one before it, which may have been killed here.
    let _ = fs::remove_file(&part);
    let placed = create(&part, text).and_then(|()| fs::rename(&part, path));
    if placed.is_err() {
        // What cannot be removed has a name that tells what it is.
        let _ = fs::remove_file(part);
    }
    placed
}
