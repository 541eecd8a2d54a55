//! Pages of history that are not what was read.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Bug;
use crate::{HistoryPage, HistoryQuery, RoomId};

/// The pages that were read lately, by what was asked.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    asked: Asked,
    read: HistoryPage,
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) room: RoomId,
    pub(super) page: HistoryQuery,
    /// When, on the monotonic clock.
    pub(super) at: Duration,
}

/// How long a page is served though it is old.
const STALE_FOR: Duration = Duration::from_secs(3);
/// One in so many messages is left out of the pages, by its number.
const LEFT_OUT: u64 = 50;

/// The page as the bug has it.
pub(super) fn spoilt(bug: Bug, pages: &Pages, asked: Asked, mut read: HistoryPage) -> HistoryPage {
    if bug == Bug::HistoryHole {
        read.messages.retain(|message| message.seq.0 % LEFT_OUT != 0);
    }
    if bug == Bug::StaleHistory { pages.first(asked, read) } else { read }
}

impl Pages {
    /// The page that was first read, for a while.
    fn first(&self, asked: Asked, read: HistoryPage) -> HistoryPage {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| asked.at < kept.asked.at + STALE_FOR);
        if let Some(old) = kept.iter().find(|kept| (kept.asked.room, kept.asked.page) == (asked.room, asked.page)) {
            return old.read.clone();
        }
        kept.push(Kept { asked, read: read.clone() });
        read
    }
}
