//! A small disk of its own that can be filled: a tmpfs, which needs root.

use std::{
    env, fs,
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::{FaultError, run, unique};

/// A mounted disk. Dropping it unmounts it and loses its contents.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts a disk of this size.
    ///
    /// # Errors
    /// [`FaultError::Impossible`] without root.
    pub async fn mount(bytes: u64) -> Result<Self, FaultError> {
        if run("id", &["-u"]).await?.trim() != "0" {
            return Err(FaultError::Impossible("only root can mount a disk".to_owned()));
        }
        let disk = Self { folder: env::temp_dir().join(unique("disk")) };
        fs::create_dir(&disk.folder)?;
        let folder = disk.folder.display().to_string();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700"), "tmpfs", &folder]).await?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fills the disk to the last byte, and returns how many bytes that took.
    ///
    /// # Errors
    /// What the system says.
    pub fn fill(&self) -> Result<u64, FaultError> {
        let mut ballast = File::options().append(true).create(true).open(self.ballast())?;
        let mut filled = 0;
        // Whole pages first, then what still fits into a page.
        for chunk in [&[0; 1 << 16][..], &[0; 4096], &[0]] {
            loop {
                match ballast.write(chunk) {
                    Ok(0) => break,
                    Ok(written) => filled += written as u64,
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(filled)
    }

    /// Removes what filled the disk.
    ///
    /// # Errors
    /// What the system says.
    pub fn free(&self) -> Result<(), FaultError> {
        Ok(fs::remove_file(self.ballast())?)
    }

    /// Frees some room, and leaves the rest filled.
    ///
    /// # Errors
    /// What the system says.
    pub fn leave_room(&self, bytes: u64) -> Result<(), FaultError> {
        self.fill()?;
        let ballast = File::options().write(true).open(self.ballast())?;
        let size = ballast.metadata()?.len();
        Ok(ballast.set_len(size.saturating_sub(bytes))?)
    }

    /// Makes the disk read-only. Files that are open for writing must have been closed.
    ///
    /// # Errors
    /// [`FaultError::Failed`] if such files are open.
    pub async fn protect(&self) -> Result<(), FaultError> {
        run("mount", &["-o", "remount,ro", &self.folder.display().to_string()]).await.map(drop)
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Unmounts lazily: processes that have files open there keep them. What cannot be removed is in the system's
        // folder for temporary files.
        let unmounted = std::process::Command::new("umount").arg("-l").arg(&self.folder).status();
        if unmounted.is_ok_and(|status| status.success()) {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_is_full_until_there_is_room_again_and_gone_in_the_end() {
        let disk = match Disk::mount(1 << 20).await {
            Ok(disk) => disk,
            Err(FaultError::Impossible(why)) => {
                assert!(why.contains("root"), "{why}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let file = disk.folder().join("file");
        let filled = disk.fill().unwrap();
        assert!(filled > 900_000, "{filled}");
        assert_eq!(fs::write(&file, [0; 5000]).unwrap_err().kind(), ErrorKind::StorageFull);
        disk.leave_room(8192).unwrap();
        fs::write(&file, [0; 5000]).unwrap();
        disk.free().unwrap();
        fs::write(&file, [0; 50_000]).unwrap();
        disk.protect().await.unwrap();
        assert_eq!(fs::write(&file, "x").unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
        let folder = disk.folder().to_owned();
        drop(disk);
        assert!(!folder.exists());
    }
}
