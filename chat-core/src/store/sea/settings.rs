//! What a host can choose of how the engine uses its database.

use std::time::Duration;

use super::{connect::Source, pool::Share, run::STATEMENT_TIMEOUT};
use crate::InvalidField;

/// What a host has chosen; the rest has its default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    connections: Option<u32>,
    write_time_out: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { connections: None, write_time_out: STATEMENT_TIMEOUT }
    }
}

/// How the connections are shared out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    /// Who writes.
    pub(super) writers: Share,
    /// Who reads rooms, events and history.
    pub(super) readers: Share,
    /// Who searches for rooms by a part of their name, which can take long: however many do, the others read on.
    pub(super) searchers: Share,
}

impl Settings {
    /// So many connections, all together.
    pub(crate) fn connect(&mut self, connections: u32) {
        self.connections = Some(connections);
    }

    /// How long the database may take to answer a statement of a write.
    pub(crate) fn give_writes(&mut self, time: Duration) {
        self.write_time_out = time;
    }

    /// Whether everything chosen is within its bounds.
    pub(crate) fn check(self) -> Result<(), InvalidField> {
        if self.connections.is_some_and(|connections| !(LEAST..=MOST).contains(&connections)) {
            return Err(InvalidField::new("connections", format!("must be from {LEAST} to {MOST}")));
        }
        if !(SHORTEST..=LONGEST).contains(&self.write_time_out) {
            let (least, most) = (SHORTEST.as_secs(), LONGEST.as_secs());
            return Err(InvalidField::new("write_time_out", format!("must be from {least} s to {most} s")));
        }
        Ok(())
    }

    /// How the connections to this database are shared out. One more of a server's is the lease's.
    pub(super) fn shares(self, source: &dyn Source) -> Shares {
        let writers = writers(source);
        let lease = u32::from(source.is_server());
        let reading = self.connections.map_or(READING, |all| all.saturating_sub(writers + lease));
        let searchers = (reading / SEARCHING).max(1);
        Shares {
            writers: Share { connections: writers, time_out: self.write_time_out, ..Share::ONE },
            readers: Share { connections: reading.saturating_sub(searchers).max(1), queue: 8_192, ..Share::ONE },
            searchers: Share { connections: searchers, ..Share::ONE },
        }
    }
}

/// On a server, one connection more than there are writers: what was deleted is removed meanwhile.
fn writers(source: &dyn Source) -> u32 {
    let writers = source.dialect().append_concurrency();
    if source.is_server() { writers + 1 } else { writers }
}

/// The fewest connections: one to read and one to search, besides a server's three to write and its lease.
const LEAST: u32 = 6;
/// The most connections. A server that lets more in is set up for it, and would rather have a pooler before it.
const MOST: u32 = 1_000;
/// The shortest time-out of a write: some servers count in whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest: what has not been answered by then is waited for by nobody any more.
const LONGEST: Duration = Duration::from_secs(60);
/// How many connections read and search if nobody chooses.
const READING: u32 = 6;
/// One of so many of these searches.
const SEARCHING: u32 = 3;

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use futures::{FutureExt, future::join_all};
    use sea_orm::DatabaseConnection;

    use super::*;
    use crate::store::{
        Store,
        sea::{Opening, SeaStore, connect, run::Snapshot},
    };

    #[test]
    fn all_connections_together_are_as_many_as_said() {
        let counts = |url: &str, connections| {
            let shares = Settings { connections, ..Settings::default() }.shares(&*connect::from_url(url).unwrap());
            (shares.writers.connections, shares.readers.connections, shares.searchers.connections)
        };
        let servers =
            [(cfg!(feature = "postgres"), "postgres://localhost/chat"), (cfg!(feature = "mysql"), "mysql://host/chat")];
        let servers = servers.iter().filter_map(|(is_built, url)| is_built.then_some((*url, 1)));
        for (url, lease) in [("sqlite://chat.db", 0)].into_iter().chain(servers) {
            for all in LEAST..=MOST {
                let (writers, readers, searchers) = counts(url, Some(all));
                assert_eq!(lease + writers + readers + searchers, all, "{url}");
                assert!(readers >= searchers && searchers >= 1, "{url}: {all}");
            }
            let (writers, ..) = counts(url, None);
            assert_eq!(counts(url, None), counts(url, Some(lease + writers + READING)), "{url}");
        }
        assert_eq!(counts("sqlite://chat.db", None), (1, 4, 2));
    }

    #[test]
    fn fewer_or_more_than_can_be_used_are_refused() {
        let check = |connections| Settings { connections, ..Settings::default() }.check();
        for fits in [None, Some(LEAST), Some(MOST)] {
            assert_eq!(check(fits), Ok(()));
        }
        for wrong in [0, LEAST - 1, MOST + 1, u32::MAX] {
            assert_eq!(check(Some(wrong)).unwrap_err().to_string(), "connections: must be from 6 to 1000");
        }
        let check = |write_time_out| Settings { write_time_out, ..Settings::default() }.check();
        for fits in [SHORTEST, STATEMENT_TIMEOUT, LONGEST] {
            assert_eq!(check(fits), Ok(()));
        }
        let bit = Duration::from_nanos(1);
        for wrong in [Duration::ZERO, SHORTEST - bit, LONGEST + bit, Duration::MAX] {
            assert_eq!(check(wrong).unwrap_err().to_string(), "write_time_out: must be from 1 s to 60 s");
        }
    }

    #[tokio::test]
    async fn so_many_read_at_once_and_no_more() {
        let folder = std::env::temp_dir().join(format!("chat-core-settings-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        let url = format!("sqlite://{}/chat.db?mode=rwc", folder.display());
        let settings = Settings { connections: Some(13), ..Settings::default() };
        let store = SeaStore::open_as(&url, Opening::Alone, (None, settings)).await.unwrap();
        let mut open = 1;
        for (pool, size) in [(&store.readers, 8), (&store.searchers, 4)] {
            let reading: Vec<_> =
                join_all((0..size).map(|_| pool.checkout())).await.into_iter().map(Result::unwrap).collect();
            let snapshots = join_all(reading.iter().map(Snapshot::begin)).await;
            assert!(snapshots.iter().all(Result::is_ok));
            assert!(pool.checkout().now_or_never().is_none(), "one more has to wait");
            open += opened(reading[0].connection());
        }
        assert_eq!(open, 13);
        store.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }

    fn opened(connections: &DatabaseConnection) -> u32 {
        connections.get_sqlite_connection_pool().size()
    }
}
