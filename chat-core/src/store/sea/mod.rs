//! The store in SQL, through sea-orm: SQLite, PostgreSQL, MySQL and MariaDB.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{DatabaseConnection, DbBackend};

use self::{
    connect::Source,
    error::SqlError,
    ownership::OwnershipLock,
    pool::{Checkout, Pool, Share},
    run::{Transaction, Write, in_snapshot},
    sealing::Sealing,
    settings::Shares,
    vacuum::Vacuum,
};
use super::{
    Archive, Consumers, Eraser, HostTransaction, Members, Moderation, Outbox, Reader, Rewritten, Searcher, Store,
    StoreError, StoreErrorKind, Tail, Users, Viewer,
};
#[cfg(any(test, feature = "test-util"))]
use crate::TextKeys;
use crate::{
    Database, Epoch, HistoryPage, HistoryQuery, Keep, Room, RoomId, RoomPage, RoomQuery, Seq, StartError, UserId,
    append::{AppendOutcome, Claim, Entry, Lookup, Op, Recovered, RoomBatch, RoomRecord, StoredEvent},
    text::MAX_MESSAGE_BYTES,
};

mod append;
mod archive;
mod auto_commit;
mod changes;
mod connect;
mod consumers;
mod dialect;
#[cfg(feature = "entity")]
pub mod entity;
mod erase;
mod error;
mod facts;
#[cfg(feature = "sqlite")]
mod few_trips;
mod files;
mod gate;
mod history;
mod lease;
mod lock_file;
mod members;
mod migration;
mod moderation;
mod names;
mod outbox;
mod outside;
mod ownership;
mod pool;
mod prune;
mod purge;
mod reads;
mod rooms;
mod rows;
mod run;
mod sealing;
mod search;
mod seen;
mod settings;
mod states;
mod tail;
mod transaction;
mod unread;
mod users;
mod vacuum;

pub use connect::connections;
pub use outside::revoke;
pub(crate) use sealing::Encryption;
pub(crate) use settings::Settings;

/// How long a text may be so that it fits into a `TEXT` of MySQL, 65,535 bytes, when it is encrypted: its base 64 takes 4 bytes for
/// 3, and there are a nonce, a tag and the number of a key.
const LONGEST_SEALED: usize = 49_000;
/// How often a name that was taken and is free again is tried for.
const NAME_TRIES: usize = 3;

/// A store in an SQL database.
#[derive(Debug)]
pub struct SeaStore {
    source: Arc<dyn Source>,
    sealing: Arc<Sealing>,
    writers: Arc<Pool>,
    readers: Arc<Pool>,
    searchers: Arc<Pool>,
    epoch: Mutex<Epoch>,
    ownership: OwnershipLock,
    vacuum: Vacuum,
}

/// How a database is used: the keys of its texts, and what else a host has chosen.
type Use = (Option<Encryption>, Settings);

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Others are kept away; what is missing is made.
    Alone,
    /// The same, and it must hold logs already.
    Existing,
    /// Others may come.
    #[cfg(any(test, feature = "test-util"))]
    Shared,
}

impl SeaStore {
    /// Opens the database that a URL names, and brings it to this version's tables.
    ///
    /// # Errors
    /// Any [`StartError`]; each says what to do about it.
    ///
    /// # Cancel safety
    /// May be dropped at any point: nothing is held any more, and opening again goes on where this ended.
    pub async fn open(url: &str) -> Result<Self, StartError> {
        Self::open_as(url, Opening::Alone, Use::default()).await
    }

    /// Opens a database that holds logs already; nothing is made where there are none.
    ///
    /// # Errors
    /// Any [`StartError`]; each says what to do about it.
    ///
    /// # Cancel safety
    /// As [`SeaStore::open`].
    pub async fn open_existing(url: &str) -> Result<Self, StartError> {
        Self::open_as(url, Opening::Existing, Use::default()).await
    }

    /// Opens a database in this way, for this use.
    pub(crate) async fn open_as(url: &str, opening: Opening, usage: Use) -> Result<Self, StartError> {
        Self::start(connect::from_url(url)?, opening, usage).await
    }

    /// The same as [`SeaStore::open`] with a connection that the host owns, from which only the address is taken: the engine has connections of
    /// its own.
    ///
    /// # Errors
    /// Any [`StartError`]; each says what to do about it.
    ///
    /// # Cancel safety
    /// As [`SeaStore::open`].
    pub async fn with_connection(connection: DatabaseConnection) -> Result<Self, StartError> {
        Self::with_connection_as(connection, Use::default()).await
    }

    /// The same, for this use.
    async fn with_connection_as(connection: DatabaseConnection, usage: Use) -> Result<Self, StartError> {
        let source = connect::of_host(&connection).await?;
        let store = Self::start(source, Opening::Alone, usage).await;
        // A database in memory lives as long as a connection to it: the host's is held until there is another.
        drop(connection);
        store
    }

    /// Opens a database without keeping others away: for tests of several writers.
    ///
    /// # Errors
    /// Any [`StartError`].
    #[cfg(any(test, feature = "test-util"))]
    pub async fn open_shared(url: &str) -> Result<Self, StartError> {
        Self::open_as(url, Opening::Shared, Use::default()).await
    }

    /// The same, with texts encrypted.
    ///
    /// # Errors
    /// Any [`StartError`].
    #[cfg(any(test, feature = "test-util"))]
    pub async fn open_shared_encrypted(url: &str, keys: TextKeys) -> Result<Self, StartError> {
        let encryption = Encryption { keys, seals: true };
        Self::open_as(url, Opening::Shared, (Some(encryption), Settings::default())).await
    }

    async fn start(source: Arc<dyn Source>, opening: Opening, (encryption, settings): Use) -> Result<Self, StartError> {
        settings.check().map_err(StartError::BadSetting)?;
        let Shares { writers, readers, searchers } = settings.shares(&*source);
        let sealing = Arc::new(Sealing::new(encryption));
        source.look()?;
        if let Some(file) = source.file().filter(|file| opening == Opening::Existing && !file.exists()) {
            return Err(StartError::Unavailable(format!("{} does not exist", file.display())));
        }
        let ownership = OwnershipLock::take(&source, opening).await?;
        migration::look(&*source).await?;
        if opening != Opening::Existing {
            source.prepare().await?;
        }
        let writers = Pool::new(&source, &sealing, writers);
        let checkout = writers.checkout().await?;
        source.check(&checkout.run()).await?;
        drop(checkout);
        if opening == Opening::Existing {
            migration::expect_logs(&writers).await?;
        }
        let epoch = if source.is_replaceable() {
            let pool = Pool::new(&source, &sealing, Share::ONE);
            let epoch = migration::migrate(&pool, &*source).await;
            pool.close().await;
            epoch?
        } else {
            migration::migrate(&writers, &*source).await?
        };
        if matches!(opening, Opening::Alone | Opening::Existing) {
            archive::abandon_all(&writers).await?;
        }
        sealing::switch(&writers, &sealing).await?;
        outbox::try_again_with_keys(&writers).await?;
        let (readers, searchers) = if source.is_replaceable() {
            (Pool::new(&source, &sealing, readers), Pool::new(&source, &sealing, searchers))
        } else {
            let alone = |share| Pool::beside(&writers, Share { connections: 1, ..share });
            (alone(readers), alone(searchers))
        };
        for pool in [&readers, &searchers] {
            // From now on a database that does not answer is told from one that is busy.
            migration::expect_logs(pool).await?;
        }
        let (epoch, vacuum) = (Mutex::new(epoch), Vacuum::default());
        Ok(Self { source, sealing, writers, readers, searchers, epoch, ownership, vacuum })
    }

    fn known_epoch(&self) -> MutexGuard<'_, Epoch> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn try_create(&self, new: &RoomRecord) -> Result<Result<Room, Room>, SqlError> {
        let mut failed = None;
        for _ in 0..NAME_TRIES {
            if let Some(claim) = new.claim()
                && let Some(holder) = self.holder(claim).await?
            {
                return Ok(Err(holder));
            }
            let write = Write::begin(&self.writers).await?;
            let created = rooms::create(&write.run(), new).await;
            match write.end(created).await {
                Ok(room) => return Ok(Ok(room)),
                Err(fault) if fault.is_taken => failed = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(contended(failed))
    }

    /// Appends; once more if a name was free and then taken by another, who is found the next time.
    async fn try_append(&self, batch: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, SqlError> {
        let placed;
        let batch = match self.prune_place(batch).await? {
            Some(prune) => {
                placed = [prune];
                &placed
            }
            None => batch,
        };
        let mut failed = None;
        for _ in 0..NAME_TRIES {
            let write = Write::begin(&self.writers).await?;
            let outcomes = append::append(&write.run(), batch).await;
            match write.end(outcomes).await {
                Err(fault) if fault.is_taken => failed = Some(fault),
                ended => return ended,
            }
        }
        Err(contended(failed))
    }

    /// A prune by age as one by number: the place is found before the room is locked.
    async fn prune_place(&self, batch: &[RoomBatch]) -> Result<Option<RoomBatch>, SqlError> {
        let [RoomBatch { room, entries }] = batch else { return Ok(None) };
        let [Entry { op: Op::Prune(keep @ Keep::Since(_)), .. }] = entries.as_slice() else { return Ok(None) };
        let (room, keep) = (*room, *keep);
        let place =
            self.readers.read(|checkout| async move { prune::place(&checkout.run(), room, keep).await }).await?;
        let entry = |entry: &Entry| Entry { op: Op::Prune(place), ..entry.clone() };
        Ok(Some(RoomBatch { room, entries: entries.iter().map(entry).collect() }))
    }

    /// The room that has this.
    async fn holder(&self, claim: Claim) -> Result<Option<Room>, SqlError> {
        self.readers.read(|checkout| async move { rooms::holder(&checkout.run(), &claim).await }).await
    }

    async fn recover_on(&self, pool: &Arc<Pool>, room: RoomId, keys: &[Lookup]) -> Result<Option<Recovered>, SqlError> {
        let write = Write::begin(pool).await?;
        let recovered = history::recover(&write.run(), room, keys).await;
        if self.source.is_server() {
            // Nothing was written: how this ends does not matter.
            drop(write);
            return recovered;
        }
        // A commit of SQLite's that could not be synced stands in the write-ahead log, though nobody sees it: after a crash
        // it would be found there, and count. What is written now takes its place.
        let sealed = write_nothing(&write.run()).await;
        write.end(sealed.and(recovered)).await
    }
}

#[async_trait]
impl Store for SeaStore {
    fn append_concurrency(&self) -> usize {
        self.source.dialect().append_concurrency() as usize
    }

    fn longest_text(&self) -> usize {
        let is_mysql = self.source.dialect().backend() == DbBackend::MySql;
        if is_mysql && self.sealing.seals() { LONGEST_SEALED } else { MAX_MESSAGE_BYTES }
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(self.known_epoch().clone())
    }

    async fn set_epoch(&self, epoch: &Epoch) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let changed = migration::set_epoch(&write.run(), epoch).await;
        write.end(changed).await?;
        *self.known_epoch() = epoch.clone();
        Ok(())
    }

    async fn append(&self, batch: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        Ok(self.try_append(batch).await?)
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let removed = purge::purge(&write.run(), limit).await;
        let removed = match removed {
            Ok(0) => prune::purge(&write.run(), limit).await,
            removed => removed,
        };
        let removed = write.end(removed).await?;
        if removed > 0 {
            self.vacuum.wanted();
        }
        Ok(removed)
    }

    async fn vacuum(&self) -> Result<Option<Duration>, StoreError> {
        Ok(self.vacuum.step(&self.source, &self.writers).await?)
    }

    async fn texts_to_rewrite(&self) -> Result<u64, StoreError> {
        Ok(self.readers.read(|checkout| async move { sealing::left(&checkout.run()).await }).await?)
    }

    async fn rewrite_texts(&self, from: RoomId) -> Result<Option<Rewritten>, StoreError> {
        if !self.sealing.has_keys() {
            return Ok(None);
        }
        let rewritten = sealing::step(&self.writers, from).await?;
        if rewritten.is_some() {
            self.vacuum.wanted();
        }
        Ok(rewritten)
    }

    async fn recover(&self, room: RoomId, keys: &[Lookup]) -> Result<Option<Recovered>, StoreError> {
        if !self.source.is_replaceable() {
            return Ok(self.recover_on(&self.writers, room, keys).await?);
        }
        let pool = Pool::new(&self.source, &self.sealing, Share::ONE);
        let recovered = self.recover_on(&pool, room, keys).await;
        tokio::spawn(async move { pool.close().await });
        Ok(recovered?)
    }

    async fn create_room(&self, new: &RoomRecord) -> Result<Result<Room, Room>, StoreError> {
        Ok(self.try_create(new).await?)
    }

    async fn room(&self, id: RoomId) -> Result<Option<Room>, StoreError> {
        Ok(self.readers.read(|checkout| async move { rooms::by_id(&checkout.run(), id).await }).await?)
    }

    async fn room_by_external(&self, external: &str) -> Result<Option<Room>, StoreError> {
        Ok(self.holder(Claim::External(external.to_owned())).await?)
    }

    async fn create_room_in(
        &self,
        within: &dyn HostTransaction,
        new: &RoomRecord,
    ) -> Result<Option<Result<Room, Option<Room>>>, StoreError> {
        Ok(self.create_in(within, new).await?)
    }

    async fn room_by_name(&self, name_key: &str) -> Result<Option<Room>, StoreError> {
        Ok(self.holder(Claim::Name(name_key.to_owned())).await?)
    }

    async fn rooms(&self, query: &RoomQuery, viewer: &Viewer) -> Result<RoomPage, StoreError> {
        let pool = if query.name_contains.is_some() { &self.searchers } else { &self.readers };
        let (query, viewer) = (query.clone(), viewer.clone());
        Ok(pool.read(|checkout| async move { rooms::page(&checkout.run(), &query, &viewer).await }).await?)
    }

    async fn events_after(&self, room: RoomId, after: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let reading =
            |checkout: Arc<Checkout>| async move { history::events_after(&checkout.run(), room, after, limit).await };
        Ok(self.readers.read(reading).await?)
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Option<Seq>>, StoreError> {
        let rooms = rooms.to_vec();
        Ok(self.readers.read(|checkout| async move { history::heads(&checkout.run(), &rooms).await }).await?)
    }

    fn reader(&self) -> &dyn Reader {
        self
    }

    fn members(&self) -> &dyn Members {
        self
    }

    fn moderation(&self) -> &dyn Moderation {
        self
    }

    fn searcher(&self) -> &dyn Searcher {
        self
    }

    fn tail(&self) -> &dyn Tail {
        self
    }

    fn consumers(&self) -> &dyn Consumers {
        self
    }

    fn archive(&self) -> &dyn Archive {
        self
    }

    fn eraser(&self) -> &dyn Eraser {
        self
    }

    fn users(&self) -> &dyn Users {
        self
    }

    fn outbox(&self) -> Option<&dyn Outbox> {
        Some(self)
    }

    async fn history(
        &self,
        room: RoomId,
        query: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Option<HistoryPage>, StoreError> {
        let (epoch, viewer) = (self.known_epoch().clone(), viewer.cloned());
        in_snapshot!(self.readers, |run| history::page(run, &epoch, room, query, viewer.as_ref()))
    }

    async fn probe(&self, after: StoreErrorKind) -> Result<(), StoreError> {
        if after == StoreErrorKind::Full {
            self.ownership.find_room().await?;
        }
        let write = Write::begin(&self.writers).await?;
        let written = write_nothing(&write.run()).await;
        Ok(write.end(written).await?)
    }

    async fn next_failure(&self) -> StoreError {
        self.ownership.next_failure().await
    }

    async fn lease_lost(&self) {
        self.ownership.lost().await
    }

    async fn close(&self) {
        self.writers.close().await;
        self.readers.close().await;
        self.searchers.close().await;
        self.ownership.release().await;
    }
}

impl From<DatabaseConnection> for Database {
    fn from(connection: DatabaseConnection) -> Self {
        Self::open_with(move |encryption, settings| {
            let connection = connection.clone();
            async move {
                let store = SeaStore::with_connection_as(connection, (encryption, settings)).await?;
                Ok(Arc::new(store) as Arc<dyn Store>)
            }
        })
    }
}

/// A row stays as it is, but has to be written.
async fn write_nothing(run: &Transaction<'_>) -> Result<(), SqlError> {
    run.execute("UPDATE chat_meta SET epoch = epoch", Vec::new()).await.map(drop)
}

/// A name that was taken each time it was tried for, and free each time it was looked for.
fn contended(last: Option<SqlError>) -> SqlError {
    let mut fault = last.unwrap_or_else(|| SqlError::corrupt("the name was taken and freed again and again"));
    fault.error.kind = StoreErrorKind::Conflict;
    fault
}
