//! Files with keys and tokens.

use std::{fmt::Display, fs, path::Path};

/// What a file has.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| within(path, &error))
}

/// What is wrong with a file.
pub(crate) fn within(path: &Path, error: &dyn Display) -> String {
    format!("{}: {error}", path.display())
}

/// What a file has, without the line end at its end.
pub(crate) fn line(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}
