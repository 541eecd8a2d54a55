//! A power cut: undoes what was written and not synced, from the logs that the shim keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    ops::Range,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::FaultError;

/// How much of the unsynced data is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// All of it, as if nothing had been written back.
    Clean,
    /// Some of its sectors, by chance, as if the others had been written back in any order.
    Torn {
        /// The seed of the chance.
        seed: u64,
    },
}

/// What a power cut has undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Sectors that were undone.
    pub undone: usize,
    /// Unsynced sectors that were kept.
    pub kept: usize,
}

/// A record in a log of the shim, as `shim.c` writes it.
#[derive(Debug)]
enum Record<'a> {
    Write { offset: usize, count: usize, size: usize, old: &'a [u8] },
    Synced,
    SyncFailed,
}

/// Undoes what the logs in this folder hold, and removes the logs.
pub(super) fn cut(logs: &Path, cut: Cut) -> Result<Lost, FaultError> {
    let mut lost = Lost::default();
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(logs)? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        let log = fs::read(&path)?;
        if let Some((file, records)) = parse(&log) {
            // A file that was removed has nothing to lose.
            if let Ok(now) = fs::read(&file) {
                fs::write(&file, undo(&now, &records, cut, &mut lost))?;
            }
        }
        fs::remove_file(&path)?;
    }
    Ok(lost)
}

/// The path and the records of a log. An incomplete record at the end was not followed by its write.
fn parse(log: &[u8]) -> Option<(PathBuf, Vec<Record<'_>>)> {
    let (path, mut rest) = log.split_at_checked(PATH)?;
    let end = path.iter().position(|byte| *byte == 0)?;
    let mut records = Vec::new();
    while let Some((record, after)) = next(rest) {
        records.push(record);
        rest = after;
    }
    Some((PathBuf::from(OsStr::from_bytes(&path[..end])), records))
}

fn next(log: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (header, rest) = log.split_at_checked(5 * 8)?;
    let mut words = header.chunks_exact(8).map(|word| word.try_into().map(usize::from_ne_bytes).ok());
    let mut word = || words.next().flatten();
    let (kind, offset, count, size, length) = (word()?, word()?, word()?, word()?, word()?);
    let (old, rest) = rest.split_at_checked(length)?;
    let record = match kind {
        1 => Record::Write { offset, count, size, old },
        2 => Record::Synced,
        _ => Record::SyncFailed,
    };
    Some((record, rest))
}

/// The contents of a file after the cut: each sector as it was when it was last synced, except those that are kept by
/// chance.
fn undo(after: &[u8], records: &[Record<'_>], cut: Cut, lost: &mut Lost) -> Vec<u8> {
    let (saved, size_saved) = last_saved(records);
    let mut disk = after.to_owned();
    let mut size = after.len();
    for (at, record) in records.iter().enumerate().rev() {
        let Record::Write { offset, count, size: before, old } = record else { continue };
        if at >= size_saved {
            size = *before;
        }
        let end = offset + count;
        disk.resize(disk.len().max(end).max(size), 0);
        for sector in sectors(*offset, *count).filter(|sector| saved.get(sector).is_none_or(|saved| at >= *saved)) {
            let (from, to) = ((sector * SECTOR).max(*offset), ((sector + 1) * SECTOR).min(end));
            // Behind the old end of the file there was nothing.
            let old = old.get(from - offset..).unwrap_or_default();
            let old = &old[..old.len().min(to - from)];
            disk[from..to].fill(0);
            disk[from..from + old.len()].copy_from_slice(old);
        }
    }
    keep_some(disk, after, size, cut, lost)
}

/// The last record at which each sector was saved, and the last at which the size was.
fn last_saved(records: &[Record<'_>]) -> (BTreeMap<usize, usize>, usize) {
    let (mut saved, mut dirty, mut size_saved) = (BTreeMap::new(), BTreeSet::new(), 0);
    for (at, record) in records.iter().enumerate() {
        match record {
            Record::Write { offset, count, .. } => dirty.extend(sectors(*offset, *count)),
            Record::Synced => {
                saved.extend(std::mem::take(&mut dirty).into_iter().map(|sector| (sector, at)));
                size_saved = at;
            }
            // After a failed sync the kernel counts the pages as clean all the same.
            Record::SyncFailed => dirty.clear(),
        }
    }
    (saved, size_saved)
}

/// The sectors that a write touches.
fn sectors(offset: usize, count: usize) -> Range<usize> {
    offset / SECTOR..(offset + count).div_ceil(SECTOR)
}

/// Counts what is undone, and keeps some of what was written if the cut is a torn one.
fn keep_some(mut disk: Vec<u8>, after: &[u8], size: usize, cut: Cut, lost: &mut Lost) -> Vec<u8> {
    let mut chance = match cut {
        Cut::Clean => None,
        Cut::Torn { seed } => Some(seed),
    };
    let mut end = size;
    disk.resize(disk.len().max(after.len()), 0);
    for from in (0..after.len()).step_by(SECTOR) {
        let to = (from + SECTOR).min(after.len());
        if disk[from..to] == after[from..to] && to <= size {
            continue;
        }
        if chance.as_mut().is_some_and(|state| splitmix(state) & 1 == 0) {
            disk[from..to].copy_from_slice(&after[from..to]);
            end = end.max(to);
            lost.kept += 1;
        } else {
            lost.undone += 1;
        }
    }
    disk.resize(end, 0);
    disk
}

/// The generator splitmix64: the same seed gives the same numbers.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The length of a path in a log.
const PATH: usize = 4096;
/// The size of what a disk writes at once.
const SECTOR: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: usize, size: usize, old: &[u8], count: usize) -> Record<'_> {
        Record::Write { offset, count, size, old }
    }

    fn clean(after: &[u8], records: &[Record<'_>]) -> Vec<u8> {
        undo(after, records, Cut::Clean, &mut Lost::default())
    }

    #[test]
    fn what_was_written_over_or_added_is_undone_in_reverse() {
        // "abc" becomes "aXc", then "aYZ", then "aYZ!".
        let records = [write(1, 3, b"b", 1), write(1, 3, b"Xc", 2), write(3, 3, b"", 1)];
        assert_eq!(clean(b"aYZ!", &records), b"abc");
    }

    #[test]
    fn what_was_cut_off_comes_back() {
        assert_eq!(clean(b"a", &[write(1, 3, b"bc", 2)]), b"abc");
    }

    #[test]
    fn a_failed_sync_saves_nothing_of_what_is_not_written_again() {
        let old = vec![1; 2 * SECTOR];
        let size = old.len();
        let records = [
            write(0, size, &old, size),
            Record::SyncFailed,
            // The second sector is written again, and then synced.
            write(SECTOR, size, &[2; SECTOR], SECTOR),
            Record::Synced,
        ];
        let after = [vec![2; SECTOR], vec![3; SECTOR]].concat();
        assert_eq!(clean(&after, &records), [vec![1; SECTOR], vec![3; SECTOR]].concat());
    }

    #[test]
    fn a_torn_cut_keeps_some_sectors_and_a_clean_one_none() {
        let (old, after) = (vec![1; 64 * SECTOR], vec![2; 64 * SECTOR]);
        let records = [write(0, old.len(), &old, old.len())];
        let mut lost = Lost::default();
        let torn = undo(&after, &records, Cut::Torn { seed: 7 }, &mut lost);
        assert!(lost.kept > 10 && lost.undone > 10, "{lost:?}");
        assert_eq!(lost.kept + lost.undone, 64);
        assert_eq!(torn.chunks(SECTOR).filter(|sector| sector[0] == 2).count(), lost.kept);
    }

    #[test]
    fn a_record_that_is_not_whole_is_none() {
        let mut log = vec![0; PATH];
        log[0] = b'f';
        for word in [1_u64, 0, 4, 4, 4] {
            log.extend(word.to_ne_bytes());
        }
        log.extend(b"abc");
        assert_eq!(parse(&log).unwrap().1.len(), 0);
        log.push(b'd');
        assert_eq!(parse(&log).unwrap().1.len(), 1);
    }
}
