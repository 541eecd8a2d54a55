//! A file with a text, for an option that names a file.

use std::{env, fs, path::PathBuf};

use super::database::unique;

/// A file with a text, which goes with this value.
pub(crate) struct TextFile(PathBuf);

impl TextFile {
    pub(crate) fn new(text: &str) -> Self {
        let path = env::temp_dir().join(unique());
        fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}
