//! Pages of history that are not what was read.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Bug;
use crate::{HistoryPage, HistoryQuery, RoomId};

/// The pages that were read lately, by what was asked.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    asked: Asked,
    at: Instant,
    read: HistoryPage,
}

/// What was asked for.
type Asked = (RoomId, HistoryQuery);

/// How long a page is served though it is old.
const STALE_FOR: Duration = Duration::from_secs(3);
/// One in so many messages is left out of the pages, by its number.
const LEFT_OUT: u64 = 50;

impl Pages {
    /// The page as the bug has it.
    pub(super) fn mutate(&self, bug: Option<Bug>, asked: Asked, mut read: HistoryPage) -> HistoryPage {
        if bug == Some(Bug::HistoryHole) {
            read.messages.retain(|message| message.seq.0 % LEFT_OUT != 0);
        }
        if bug == Some(Bug::StaleHistory) { self.first(asked, read) } else { read }
    }

    /// The page that was first read, for a while.
    fn first(&self, asked: Asked, read: HistoryPage) -> HistoryPage {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.at.elapsed() < STALE_FOR);
        if let Some(old) = kept.iter().find(|kept| kept.asked == asked) {
            return old.read.clone();
        }
        kept.push(Kept { asked, at: Instant::now(), read: read.clone() });
        read
    }
}
