//! Files of ours among those of others: whose they are, never through a link, and for their owner's eyes alone.

#[cfg(unix)]
use std::{
    fs,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
};
use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// For its owner alone, to read and to write.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;

/// Opens a file of ours to read and write it, and makes it if it is missing. A link is not followed, and a pipe is not
/// waited for: what was opened is still to be looked at.
pub(super) fn open(path: &Path) -> io::Result<File> {
    private().create(true).truncate(false).open(path)
}

/// Makes a file of ours, which must not be there. At no moment can others open it.
#[cfg(feature = "sqlite")]
pub(super) fn create(path: &Path) -> io::Result<File> {
    private().create_new(true).open(path)
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    // The constant has the type of the system's own flags, whichever that is here.
    options.read(true).write(true).mode(PRIVATE).custom_flags(flags.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

/// Why something that has the name of a file of ours cannot be one: it is no file, or another user's. `owner` is whoever
/// owns the database.
pub(super) fn objection(metadata: &Metadata, owner: Option<u32>) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return Some("is a symbolic link, which is not followed");
    }
    if kind.is_dir() {
        return Some("is a folder");
    }
    if !kind.is_file() {
        return Some("is not a file");
    }
    let is_trusted = |uid| uid == 0 || Some(uid) == me() || Some(uid) == owner;
    if owner_of(metadata).is_some_and(|uid| !is_trusted(uid)) {
        return Some("belongs to another user");
    }
    None
}

/// Takes a file of ours (no link) away from the eyes of others, and says so where it had to.
pub(super) fn make_private(path: &Path, metadata: &Metadata) {
    let Some(mode) = open_mode(metadata).map(|mode| format!("{mode:03o}")) else { return };
    let shown = path.display();
    match restrict(path) {
        Ok(()) => tracing::info!(mode, "others could open {shown}: only its owner can now (mode 600)"),
        Err(error) => {
            tracing::warn!(mode, %error, "others can open {shown} and read the chat: give it the mode 600");
        }
    }
}

/// The mode of a file that others than its owner may open.
#[cfg(unix)]
fn open_mode(metadata: &Metadata) -> Option<u32> {
    let mode = metadata.mode() & 0o777;
    (mode & !PRIVATE != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_mode(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(PRIVATE))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Leaves a file that root has made to the owner of the database, who has to open it later.
#[cfg(unix)]
pub(super) fn give_to(file: &File, owner: Option<u32>) -> io::Result<()> {
    match owner {
        Some(owner) if me() == Some(0) && owner != file.metadata()?.uid() => fchown(file, Some(owner), None),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn give_to(_: &File, _: Option<u32>) -> io::Result<()> {
    Ok(())
}

/// Whose a file is, where the system has owners.
#[cfg(unix)]
pub(super) fn owner_of(metadata: &Metadata) -> Option<u32> {
    Some(metadata.uid())
}

#[cfg(not(unix))]
pub(super) fn owner_of(_: &Metadata) -> Option<u32> {
    None
}

/// Whether a file has a second name.
#[cfg(unix)]
pub(super) fn has_other_names(metadata: &Metadata) -> bool {
    metadata.nlink() > 1
}

#[cfg(not(unix))]
pub(super) fn has_other_names(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn me() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn me() -> Option<u32> {
    None
}

/// What is beside a database: beside the file itself, whatever link or relative path it was named by.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut path = real_path(database).into_os_string();
    path.push(ending);
    path.into()
}

/// The file itself, behind links and relative paths.
pub(super) fn real_path(database: &Path) -> PathBuf {
    if let Ok(path) = database.canonicalize() {
        return path;
    }
    let parent = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    match (parent.canonicalize(), database.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => database.to_owned(),
    }
}
