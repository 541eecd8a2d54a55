//! A disk and a clock that misbehave: a library that is preloaded into the server's process (`shim.c`), and the control
//! over it.

use std::{
    collections::hash_map::DefaultHasher,
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    hash::{Hash, Hasher},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    FaultError,
    power::{self, Cut, Lost},
    unique,
};

/// Misbehaviour for the processes that are started with its [`environment`](Shim::environment). It affects the files
/// below one folder, and the wall clock. Dropping it drops the record of unsynced data.
///
/// Writes through mmap are not seen (of SQLite's files only the `-shm` is mapped, which it rebuilds). Neither are the
/// creation, renaming and removal of files: a power cut leaves names as they are.
#[derive(Debug)]
pub struct Shim {
    watched: PathBuf,
    library: PathBuf,
    home: PathBuf,
    control: File,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Processes that loaded the shim.
    Attached = 8,
    /// Writes that failed for lack of room.
    NoRoom = 9,
    /// Syncs that failed.
    FailedSyncs = 10,
    /// Syncs that were delayed.
    DelayedSyncs = 11,
    /// Reads of the wall clock that were shifted.
    ShiftedClocks = 12,
    /// Writes whose old bytes were recorded.
    Records = 13,
    /// All syncs.
    Syncs = 14,
}

/// The places of the orders in the control file. The places of the counts are above; `shim.c` has all of them, too.
#[derive(Debug, Clone, Copy)]
enum Order {
    Room = 0,
    FailSyncs = 1,
    SyncDelay = 2,
    Clock = 3,
    Record = 4,
    FailOthers = 5,
    SkipCommits = 6,
}

impl Shim {
    /// A shim for files below this folder, without misbehaviour at first. The library is compiled if it does not exist
    /// yet.
    ///
    /// # Errors
    /// [`FaultError::Impossible`] without a C compiler; otherwise what the system says.
    pub fn new(watched: &Path) -> Result<Self, FaultError> {
        let library = library()?;
        let home = env::temp_dir().join(unique("shim"));
        fs::create_dir(&home)?;
        fs::create_dir(home.join("control.logs"))?;
        let control = OpenOptions::new().read(true).write(true).create_new(true).open(home.join("control"))?;
        control.write_all_at(&[0; SIZE], 0)?;
        let shim = Self { watched: watched.canonicalize()?, library, home, control };
        shim.leave_room(None)?;
        Ok(shim)
    }

    /// The variables that a process needs in its environment.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, OsString); 3] {
        [
            ("LD_PRELOAD", self.library.clone().into()),
            ("CHAT_FAULT_CONTROL", self.control_path().into()),
            ("CHAT_FAULT_FOLDER", self.watched.clone().into()),
        ]
    }

    /// Lets files grow by this many bytes, and then fails with ENOSPC; `None`: no limit. As on a real disk, existing
    /// bytes may be overwritten, and truncated or removed bytes can be used again.
    ///
    /// # Errors
    /// What the system says.
    pub fn leave_room(&self, bytes: Option<u64>) -> Result<(), FaultError> {
        self.order(Order::Room, bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)))
    }

    /// Fails the next `times` syncs with EIO. As on Linux, the next power cut loses what they should have saved, even
    /// if a later sync succeeds, unless it was written again in between.
    ///
    /// # Errors
    /// What the system says.
    pub fn fail_syncs(&self, times: u32) -> Result<(), FaultError> {
        self.order(Order::FailSyncs, times.into())
    }

    /// Fails syncs of files that are not write-ahead logs: then checkpoints fail, and commits do not.
    ///
    /// # Errors
    /// What the system says.
    pub fn fail_checkpoints(&self, times: u32) -> Result<(), FaultError> {
        self.order(Order::FailOthers, times.into())
    }

    /// Skips the syncs of write-ahead logs, which are SQLite's commits, and reports success.
    ///
    /// # Errors
    /// What the system says.
    pub fn leave_commits_unsynced(&self, on: bool) -> Result<(), FaultError> {
        self.order(Order::SkipCommits, on.into())
    }

    /// Delays each sync.
    ///
    /// # Errors
    /// What the system says.
    pub fn delay_syncs(&self, by: Duration) -> Result<(), FaultError> {
        self.order(Order::SyncDelay, i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
    }

    /// Shifts the wall clock by this many seconds. The monotonic clock stays.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_clock_ahead(&self, seconds: i64) -> Result<(), FaultError> {
        self.order(Order::Clock, seconds.saturating_mul(1_000_000))
    }

    /// Begins to record what a power cut would lose (before the process starts), or stops.
    ///
    /// # Errors
    /// What the system says.
    pub fn record(&self, on: bool) -> Result<(), FaultError> {
        self.order(Order::Record, on.into())
    }

    /// How often something happened.
    ///
    /// # Errors
    /// What the system says.
    pub fn count(&self, what: Count) -> Result<u64, FaultError> {
        let mut word = [0; 8];
        self.control.read_exact_at(&mut word, what as u64 * 8)?;
        Ok(u64::from_ne_bytes(word))
    }

    /// Cuts the power after the process was killed: undoes what was not synced, or some of it. It must have been
    /// recorded.
    ///
    /// # Errors
    /// What the system says.
    pub fn cut_power(&self, cut: Cut) -> Result<Lost, FaultError> {
        power::cut(&self.home.join("control.logs"), cut)
    }

    fn control_path(&self) -> PathBuf {
        self.home.join("control")
    }

    fn order(&self, order: Order, value: i64) -> Result<(), FaultError> {
        Ok(self.control.write_all_at(&value.to_ne_bytes(), order as u64 * 8)?)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for temporary files.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Compiles the library beside this program, unless it is there already.
fn library() -> Result<PathBuf, FaultError> {
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    let program = env::current_exe()?;
    let folder = program.parent().unwrap_or_else(|| Path::new("."));
    let library = folder.join(format!("fault-shim-{:016x}.so", hasher.finish()));
    if library.exists() {
        return Ok(library);
    }
    // Other processes may do the same at once, so the file gets its name only when it is complete.
    let fresh = folder.join(unique("fault-shim"));
    let source = fresh.with_extension("c");
    fs::write(&source, SOURCE)?;
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&fresh).arg(&source);
    let output = compiler.args(["-ldl", "-lpthread"]).stdin(Stdio::null()).output();
    fs::remove_file(&source)?;
    let output = output.map_err(|error| FaultError::Impossible(format!("a C compiler named cc is needed: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(FaultError::Failed(format!("cc cannot compile shim.c: {said}")));
    }
    fs::rename(&fresh, &library)?;
    Ok(library)
}

const SOURCE: &str = include_str!("shim.c");
/// The control file: 32 words.
const SIZE: usize = 256;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Runs a Python script, which writes through libc as SQLite does, and returns its output.
    fn python(shim: &Shim, folder: &Path, script: &str) -> String {
        let mut python = Command::new("python3");
        python.args(["-c", script]).current_dir(folder).envs(shim.environment());
        let output = python.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let folder = env::temp_dir().join(unique("watched"));
            fs::create_dir(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_full_disk_takes_no_more_but_lets_write_over() {
        let folder = Folder::new();
        let shim = Shim::new(&folder.0).unwrap();
        shim.leave_room(Some(10)).unwrap();
        let script = "
import os
f = os.open('f', os.O_RDWR | os.O_CREAT)
os.write(f, b'0123456789')
for call in (lambda: os.write(f, b'x'), lambda: os.pwrite(f, b'xx', 9), lambda: os.ftruncate(f, 11)):
    try: call(); print('room')
    except OSError as e: print(e.errno)
print(os.pwrite(f, b'abcde', 0))
os.ftruncate(f, 8)
print(os.pwrite(f, b'89', 8))
os.unlink('f')
g = os.open('g', os.O_RDWR | os.O_CREAT)
print(os.write(g, b'0123456789'))
try: os.write(g, b'x')
except OSError as e: print(e.errno)
";
        assert_eq!(python(&shim, &folder.0, script), "28\n28\n28\n5\n2\n10\n28");
        assert_eq!(shim.count(Count::NoRoom).unwrap(), 4);
        assert!(shim.count(Count::Attached).unwrap() >= 1);
        shim.leave_room(None).unwrap();
        assert_eq!(python(&shim, &folder.0, "print(open('g', 'w').write('x' * 100))"), "100");
    }

    #[test]
    fn a_sync_fails_as_often_as_told_and_another_takes_its_time() {
        let folder = Folder::new();
        let shim = Shim::new(&folder.0).unwrap();
        shim.fail_syncs(1).unwrap();
        let script = "
import os
f = os.open('f', os.O_RDWR | os.O_CREAT)
os.write(f, b'x')
for call in (os.fsync, os.fdatasync):
    try: call(f); print('ok')
    except OSError as e: print(e.errno)
";
        assert_eq!(python(&shim, &folder.0, script), "5\nok");
        assert_eq!((shim.count(Count::FailedSyncs).unwrap(), shim.count(Count::Syncs).unwrap()), (1, 2));
        shim.delay_syncs(Duration::from_millis(100)).unwrap();
        let began = Instant::now();
        python(&shim, &folder.0, script);
        assert!(began.elapsed() >= Duration::from_millis(200));
        assert_eq!(shim.count(Count::DelayedSyncs).unwrap(), 2);
    }

    #[test]
    fn the_wall_clock_is_another_and_the_monotonic_one_is_not() {
        let folder = Folder::new();
        let shim = Shim::new(&folder.0).unwrap();
        let script = "import time; print(int(time.time()), int(time.monotonic()))";
        let now = || {
            let told = python(&shim, &folder.0, script);
            let (wall, monotonic) = told.split_once(' ').unwrap();
            (wall.parse::<i64>().unwrap(), monotonic.parse::<i64>().unwrap())
        };
        let before = now();
        shim.set_clock_ahead(3600).unwrap();
        let ahead = now();
        shim.set_clock_ahead(-3600).unwrap();
        let behind = now();
        assert!((3600..3660).contains(&(ahead.0 - before.0)), "{before:?} {ahead:?}");
        assert!((3540..=3600).contains(&(before.0 - behind.0)), "{before:?} {behind:?}");
        assert!((0..60).contains(&(behind.1 - before.1)));
        assert!(shim.count(Count::ShiftedClocks).unwrap() > 0);
    }

    #[test]
    fn a_power_cut_takes_what_was_not_synced() {
        let folder = Folder::new();
        fs::write(folder.0.join("f"), "before").unwrap();
        let shim = Shim::new(&folder.0).unwrap();
        shim.record(true).unwrap();
        let script = "
import os
f = os.open('f', os.O_RDWR)
os.pwrite(f, b'synced, and more', 0)
os.fdatasync(f)
os.pwrite(f, b'UNSYNCED', 0)
os.ftruncate(f, 10)
os.pwrite(f, b'x' * 10000, 10)
os.kill(os.getpid(), 9)
";
        let mut process = Command::new("python3");
        process.args(["-c", script]).current_dir(&folder.0).envs(shim.environment());
        assert!(!process.status().unwrap().success());
        assert!(fs::read(folder.0.join("f")).unwrap().starts_with(b"UNSYNCEDanxx"));
        let lost = shim.cut_power(Cut::Clean).unwrap();
        assert_eq!(fs::read_to_string(folder.0.join("f")).unwrap(), "synced, and more");
        assert!(lost.undone > 0 && lost.kept == 0, "{lost:?}");
        assert_eq!(shim.count(Count::Records).unwrap(), 4);
        assert_eq!(shim.cut_power(Cut::Clean).unwrap(), Lost::default(), "once");
    }
}
