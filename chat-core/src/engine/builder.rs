//! How an engine is put together.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{
    runtime::Handle,
    sync::{Mutex, broadcast, watch},
    time::{Instant, sleep_until},
};

use crate::{
    AllowAll, ChatEngine, Clock, Epoch, Limits, Members, Policy, Retention, StartError, SystemClock,
    engine::{
        active_rooms::ActiveRooms, admission::Admission, breaker::Breaker, chosen_names::ChosenNames,
        consumer_names::ConsumerNames, erase, hub::Hub, indexing::Indexer, inner::Inner, journal::Journal,
        lifecycle::Lifecycle, load::Loader, locked_out::LockedOut, log_limits::LogLimits, memory::Memory,
        metrics::Metrics, outbox, purge::Purger, rates::Rates, retention, revocations::Revocations, revoked_elsewhere,
        rewriting, room_context::RoomContext, sequencer::Sequencer, services::Services, sessions::Sessions, sweep,
        waiting::Waiting, watches::Watches,
    },
    store::{MemoryStore, Store, StoreError},
    text::MAX_MESSAGE_BYTES,
};

#[cfg(feature = "sea")]
use crate::{
    TextKeys,
    store::sea::{Encryption, Settings},
};

/// Where an engine keeps its logs.
///
/// From a URL (`sqlite://chat.db?mode=rwc`, `postgres://…`, `mysql://…`), from a connection that the host already owns
/// (`sea_orm::DatabaseConnection`, with one of the database features), in memory, or a [`Store`] of your own. In an SQL
/// database, texts can be [encrypted](Self::encrypted).
pub struct Database {
    source: Source,
    encryption: Option<Encryption>,
}

enum Source {
    Memory,
    Url(String),
    /// The same, where there are logs already.
    Existing(String),
    Store(Arc<dyn Store>),
    /// Something that opens a store when the engine starts.
    #[cfg_attr(not(feature = "sea"), expect(dead_code, reason = "only the SQL store hands in a connection"))]
    Open(Opener),
}

type Opened = Result<Arc<dyn Store>, StartError>;
type Opener = Box<dyn Fn(Option<Encryption>, Settings) -> BoxFuture<'static, Opened> + Send + Sync>;
/// What no store of such a build can do.
#[cfg(not(feature = "sea"))]
#[derive(Debug, Clone)]
struct Encryption;
/// What no store of such a build can be told.
#[cfg(not(feature = "sea"))]
#[derive(Debug, Clone, Copy, Default)]
struct Settings {}

impl Database {
    /// In memory: gone with the engine. For tests and demonstrations.
    #[must_use]
    pub const fn memory() -> Self {
        Self::of(Source::Memory)
    }

    /// A store of your own.
    #[must_use]
    pub fn store(store: Arc<dyn Store>) -> Self {
        Self::of(Source::Store(store))
    }

    /// The database of this URL, which has to hold logs already: where there are none, nothing is made.
    #[must_use]
    pub fn existing(url: impl Into<String>) -> Self {
        Self::of(Source::Existing(url.into()))
    }

    /// A store that is opened when the engine starts.
    #[cfg(feature = "sea")]
    pub(crate) fn open_with<F, Fut>(open: F) -> Self
    where
        F: Fn(Option<Encryption>, Settings) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Opened> + Send + 'static,
    {
        Self::of(Source::Open(Box::new(move |encryption, settings| Box::pin(open(encryption, settings)))))
    }

    const fn of(source: Source) -> Self {
        Self { source, encryption: None }
    }

    /// With texts encrypted: what messages and edits say, their `meta`, and reasons. For a database that holds texts already,
    /// those are encrypted in the background, and the search index is made anew; with a newer key than before, they are
    /// encrypted anew. [`ChatEngine::rewrite_texts`] waits for it.
    ///
    /// They are encrypted by XChaCha20-Poly1305, each for its room and number. Whoever has a copy of the database but not the keys
    /// still sees who wrote when and where, how long the texts are, names, topics, reactions, and which messages have a word in
    /// common. Searches find whole words then, not their beginnings. An export is not encrypted.
    ///
    /// Only an SQL database encrypts; another one does not start with keys.
    #[cfg(feature = "sea")]
    #[must_use]
    pub fn encrypted(self, keys: TextKeys) -> Self {
        Self { encryption: Some(Encryption { keys, seals: true }), ..self }
    }

    /// With texts that are encrypted no more: those that are, by these keys, are decrypted in the background. When
    /// [`ChatEngine::rewrite_texts`] is done, the keys are not needed any more.
    #[cfg(feature = "sea")]
    #[must_use]
    pub fn decrypted(self, keys: TextKeys) -> Self {
        Self { encryption: Some(Encryption { keys, seals: false }), ..self }
    }

    /// Gives what is stored a new epoch, and returns the old one and the new one: for after an older copy of the database
    /// was put in its place. Every client that knows a position of the old epoch is told to read anew, instead of being
    /// told only what comes after numbers that stand for other messages now.
    ///
    /// No engine may run on the database, and none can be started meanwhile. It is brought to this version's tables. A
    /// database named by a URL has to hold logs already; where there are none, nothing is made.
    ///
    /// # Errors
    /// [`StartError::InUse`] while an engine runs on it; [`StartError::BadUrl`], [`StartError::Unavailable`],
    /// [`StartError::Unusable`] or [`StartError::DriverTooOld`].
    ///
    /// # Cancel safety
    /// Dropped, the epoch may or may not have been changed; to do it again does no harm.
    pub async fn new_epoch(self) -> Result<(Epoch, Epoch), StartError> {
        let Self { source, encryption } = self;
        let source = if let Source::Url(url) = source { Source::Existing(url) } else { source };
        let store = Self { source, encryption }.open(Settings::default()).await?;
        let epoch = random_epoch();
        let changed = async {
            let before = store.epoch().await?;
            store.set_epoch(&epoch).await?;
            Ok(before)
        };
        let before = changed.await.map_err(|error: StoreError| StartError::Unavailable(error.detail));
        store.close().await;
        Ok((before?, epoch))
    }

    /// Opens it. Where it cannot be reached, tries again for so long.
    async fn open_within(&self, patience: Duration, settings: Settings) -> Opened {
        let until = Instant::now() + patience;
        loop {
            match self.open(settings).await {
                Err(StartError::Unavailable(reason)) if Instant::now() < until => {
                    tracing::warn!(%reason, "the database is waited for");
                    sleep_until(until.min(Instant::now() + WAIT_INTERVAL)).await;
                }
                opened => return opened,
            }
        }
    }

    async fn open(&self, settings: Settings) -> Opened {
        match (&self.source, self.encryption.clone()) {
            (Source::Memory | Source::Store(_), Some(_)) => {
                Err(StartError::WrongKeys("only an SQL database encrypts texts".to_owned()))
            }
            (Source::Memory, None) => Ok(Arc::new(MemoryStore::new(random_epoch()))),
            (Source::Store(store), None) => Ok(Arc::clone(store)),
            (Source::Open(open), encryption) => open(encryption, settings).await,
            (Source::Url(url), encryption) => open_url((url, false), encryption, settings).await,
            (Source::Existing(url), encryption) => open_url((url, true), encryption, settings).await,
        }
    }
}

impl From<&str> for Database {
    fn from(url: &str) -> Self {
        Self::of(Source::Url(url.to_owned()))
    }
}

impl From<String> for Database {
    fn from(url: String) -> Self {
        Self::of(Source::Url(url))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may have a password in it.
        f.write_str(match self.source {
            Source::Memory => "Database(memory)",
            Source::Url(_) | Source::Existing(_) => "Database(url)",
            Source::Store(_) | Source::Open(_) => "Database(store)",
        })
    }
}

/// Puts an engine together; see [`ChatEngine::builder`].
pub struct Builder {
    database: Database,
    limits: Limits,
    clock: Arc<dyn Clock>,
    policy: Arc<dyn Policy>,
    members: Members,
    retention: Option<Arc<dyn Retention>>,
    shares_names: bool,
    wait: Duration,
    settings: Settings,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            database: Database::memory(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock::new()),
            policy: Arc::new(AllowAll),
            members: Members::Kept,
            retention: None,
            shares_names: false,
            wait: Duration::ZERO,
            settings: Settings::default(),
        }
    }

    /// Where the logs are kept. Default: [`Database::memory`].
    #[must_use]
    pub fn database(self, database: impl Into<Database>) -> Self {
        Self { database: database.into(), ..self }
    }

    /// The numbers to hold to. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The clock. Default: the machine's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Who may do what. Default: everyone everything.
    #[must_use]
    pub fn policy(self, policy: impl Policy) -> Self {
        Self { policy: Arc::new(policy), ..self }
    }

    /// Who keeps who is in rooms, and as what. Default: [`Members::Kept`], by the engine. It should stay the same for a database: what was
    /// kept before is neither used nor removed, and rooms that are made with [`Members::Host`] have no members here.
    #[must_use]
    pub fn members(self, members: Members) -> Self {
        Self { members, ..self }
    }

    /// How long the rooms' logs are kept. Default: for ever. See [`ChatEngine::prune`] for what happens to the rest.
    #[must_use]
    pub fn retention(self, retention: impl Retention) -> Self {
        Self { retention: Some(Arc::new(retention)), ..self }
    }

    /// Whether no two public rooms may have the same name, ignoring case. Default: `true`. If not, each new room gets a key for
    /// [`NewRoom::external`](crate::NewRoom::external), a UUID, unless the host gives one: its name is its own no more. Rooms that were
    /// made before keep theirs.
    #[must_use]
    pub fn unique_names(self, unique: bool) -> Self {
        Self { shares_names: !unique, ..self }
    }

    /// How long [`build`](Self::build) tries to reach a database that is not there yet, as in a cluster where everything starts at
    /// once. Default: not at all, beyond the two seconds that a server may be starting. It tries once per second; everything else than
    /// [`StartError::Unavailable`] is told at once.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use chat_core::{ChatEngine, Database};
    ///
    /// let builder = ChatEngine::builder().database(Database::memory());
    /// let engine = builder.wait_for_database(Duration::from_secs(60)).build().await?;
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    #[must_use]
    pub fn wait_for_database(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// How many connections the engine opens to an SQL database, all together. Default: 10 to a server (3 write, 4 read, 2 search for
    /// rooms by a part of their name, 1 holds the lease), 7 to a file of SQLite, where 1 writes and there is no lease. So few keep a
    /// server of 100 connections free for others, and store 10,000 messages per second; more help where many read at once, and the
    /// server has the cores for it. All that are added read, but each third searches. At least 6, at most 1,000; otherwise
    /// [`build`](Self::build) says [`StartError::BadSetting`].
    ///
    /// They are made when they are needed. One more is used for a moment at the start, and to find out whether a write was stored.
    /// A connection of the host's that is given as the database counts as none of them: the engine takes only its address, and
    /// opens as many of its own as it is told here. A database in memory has one, and a [`Database::store`] those of its own, whatever is
    /// said here.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{ChatEngine, StartError};
    ///
    /// # let folder = std::env::temp_dir().join(format!("chat-core-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let url = format!("sqlite://{}/chat.db?mode=rwc", folder.display());
    /// let builder = || ChatEngine::builder().database(url.as_str());
    /// let engine = builder().connections(16).build().await?;
    /// # engine.shutdown().await;
    /// assert!(matches!(builder().connections(2).build().await, Err(StartError::BadSetting(_))));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    #[cfg(feature = "sea")]
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.settings.connect(connections);
        self
    }

    /// How long an SQL database may take to answer each statement of a write, and its commit. Default: 5 s, since a database that
    /// works answers in milliseconds, and one that takes longer is most often gone, with the network or without. At least 1 s, at
    /// most 60 s; otherwise [`build`](Self::build) says [`StartError::BadSetting`].
    ///
    /// What takes longer is refused as [`Error::Unavailable`](crate::Error::Unavailable), and so is at once what comes after it, until the
    /// database stores again. If it was the commit that took longer, the engine looks for what became of it. The database is told the
    /// same time, and ends then what was given up here. A lock of another program's is waited for two fifths of it (2 s), in MySQL and
    /// MariaDB in whole seconds. To wait for a connection that others use is not a part of it: that takes 2.5 s at most.
    ///
    /// What only reads has 5 s, whatever is said here. A [`Database::store`] has time-outs of its own.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use chat_core::{ChatEngine, StartError};
    ///
    /// let builder = || ChatEngine::builder().database("sqlite::memory:");
    /// let engine = builder().write_time_out(Duration::from_secs(2)).build().await?;
    /// # engine.shutdown().await;
    /// let refused = builder().write_time_out(Duration::from_millis(2)).build().await;
    /// assert!(matches!(refused, Err(StartError::BadSetting(_))));
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    #[cfg(feature = "sea")]
    #[must_use]
    pub fn write_time_out(mut self, time: Duration) -> Self {
        self.settings.give_writes(time);
        self
    }

    /// Opens the database, migrates it, and starts. Runs inside a tokio runtime with its timer on, and the engine's tasks
    /// stay there. A `metrics` recorder has to be installed before.
    ///
    /// # Errors
    /// [`StartError::BadUrl`], [`StartError::BadSetting`], [`StartError::InUse`], [`StartError::Unavailable`] (also outside of a tokio
    /// runtime), [`StartError::Unusable`], [`StartError::WrongKeys`] or [`StartError::DriverTooOld`].
    ///
    /// # Cancel safety
    /// Dropped, there is no engine. A migration that has begun is finished or undone by the database.
    pub async fn build(self) -> Result<ChatEngine, StartError> {
        let runtime = Handle::try_current().map_err(|error| StartError::Unavailable(error.to_string()))?;
        let Self { database, mut limits, clock, policy, members, retention, shares_names, wait, settings } = self;
        let store = database.open_within(wait, settings).await?;
        #[cfg(failpoints)]
        let store = crate::mutations::MutatedStore::wrap(store);
        limit_texts(&mut limits, store.longest_text());
        let epoch = store.epoch().await.map_err(|error| StartError::Unavailable(error.detail))?;
        let unfinished = store.eraser().unfinished().await;
        let unfinished = unfinished.map_err(|error| StartError::Unavailable(error.detail))?;
        let revocations = Revocations::load(&*store, limits.credential_life, clock.now().wall).await;
        let revocations = revocations.map_err(|error| StartError::Unavailable(error.detail))?;
        let (stop, stopping) = watch::channel(false);
        let metrics = Arc::new(Metrics::new());
        let breaker = Breaker::new(&store, &metrics, &runtime, &stopping);
        runtime.spawn(Arc::clone(&breaker).watch());
        let (journal, writers) = Journal::start(&store, &breaker, &metrics, &runtime, &stopping);
        let services = Services {
            store,
            waiting: Waiting::new(limits.waiting_bytes),
            limits: Arc::new(limits),
            clock,
            policy,
            members,
            epoch,
            revocations,
            names: ChosenNames::default(),
            runtime,
            metrics,
            breaker,
            lifecycle: Lifecycle::new(stop, writers),
            logs: LogLimits::default(),
            all_events: broadcast::Sender::new(ALL_EVENTS),
            locked_out: LockedOut::new(unfinished.iter().map(|erasure| erasure.user.clone())),
        };
        let inner = Arc::new(assemble(Arc::new(services), journal, shares_names));
        if let Some(retention) = retention {
            let interval = inner.services.limits.retention_interval;
            inner.services.runtime.spawn(retention::run(Arc::downgrade(&inner), retention, interval));
        }
        if inner.services.store.outbox().is_some() {
            inner.services.runtime.spawn(outbox::run(Arc::downgrade(&inner)));
        }
        if !unfinished.is_empty() {
            inner.services.runtime.spawn(erase::resume(Arc::downgrade(&inner), unfinished));
        }
        tracing::info!(epoch = %inner.services.epoch, "the engine has started");
        Ok(ChatEngine::new(inner))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("database", &self.database)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl ChatEngine {
    /// Puts an engine together.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }
}

/// Builds the parts that know rooms and sessions on what all of them share.
fn assemble(services: Arc<Services>, journal: Journal, shares_names: bool) -> Inner {
    let (journal, sessions) = (Arc::new(journal), Arc::<Sessions>::default());
    let purger = Purger::new(&services);
    // What the last process left of deleted rooms.
    purger.start();
    services.runtime.spawn(rewriting::run(Arc::clone(&services), Arc::clone(&purger)));
    let watches = Watches::new(&services, &sessions);
    services.runtime.spawn(Arc::clone(&watches).run());
    let sequencer = Sequencer::start(&services);
    let context = Arc::new(RoomContext {
        rooms: ActiveRooms::new(),
        sessions: Arc::clone(&sessions),
        watches: Arc::clone(&watches),
        journal: Arc::clone(&journal),
        loader: Loader::new(&services),
        memory: Memory::new(&services.limits),
        purger,
        indexer: Indexer::start(&services),
        sequencer: Arc::clone(&sequencer),
        services: Arc::clone(&services),
    });
    if services.store.is_shared() {
        services.runtime.spawn(sweep::run(Arc::clone(&context), services.limits.sweep_interval));
    }
    if services.store.users().may_be_revoked_elsewhere() {
        services.runtime.spawn(revoked_elsewhere::run(Arc::clone(&services), Arc::clone(&sessions)));
    }
    Inner {
        hub: Hub::new(context),
        journal,
        sessions,
        watches,
        rates: Rates::new(&services.limits.rates, services.limits.rated_users),
        admission: Admission::new(&services.limits, &services.metrics),
        erasing: Mutex::default(),
        shares_names,
        outbox: Arc::default(),
        sequencer,
        consuming: ConsumerNames::default(),
        services,
    }
}

/// How often a database is tried that is waited for.
const WAIT_INTERVAL: Duration = Duration::from_secs(1);

/// Takes no messages in that the store cannot hold, however many bytes their characters have.
fn limit_texts(limits: &mut Limits, longest_text: usize) {
    let most = longest_text / MAX_CHARACTER;
    if longest_text < MAX_MESSAGE_BYTES && limits.message_chars > most {
        tracing::warn!(message_chars = most, "messages are limited to what this database can hold of encrypted texts");
        limits.message_chars = most;
    }
}

/// How many events a listener to all rooms may be behind.
const ALL_EVENTS: usize = 1_024;
/// The most bytes of a character in UTF-8.
const MAX_CHARACTER: usize = 4;

/// A word that was never used before.
fn random_epoch() -> Epoch {
    Epoch::new(&uuid::Uuid::new_v4().simple().to_string())
}

/// Opens what a URL names, which is there already or may be made; which ones there are depends on the features.
#[cfg(feature = "sea")]
async fn open_url((url, exists): (&str, bool), encryption: Option<Encryption>, settings: Settings) -> Opened {
    use crate::store::sea::{Opening, SeaStore};

    let opening = if exists { Opening::Existing } else { Opening::Alone };
    Ok(Arc::new(SeaStore::open_as(url, opening, (encryption, settings)).await?))
}

#[cfg(not(feature = "sea"))]
#[expect(clippy::unused_async, reason = "it is async where there is something to open")]
async fn open_url((url, _exists): (&str, bool), _encryption: Option<Encryption>, _settings: Settings) -> Opened {
    let scheme = url.split(':').next().unwrap_or_default();
    Err(StartError::BadUrl(format!("this build has no database for `{scheme}:`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "sea")]
    #[tokio::test(start_paused = true)]
    async fn a_database_is_waited_for_as_long_as_the_host_says() {
        let comes_after = |tries: usize| {
            let tried = std::sync::atomic::AtomicUsize::new(0);
            Database::open_with(move |_, _| {
                let is_there = tried.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= tries;
                let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Epoch::new("late")));
                async move { is_there.then_some(store).ok_or(StartError::Unavailable("not yet".to_owned())) }
            })
        };
        for (tries, wait, expected, passes) in
            [(0, 0, true, 0), (1, 0, false, 0), (3, 60, true, 3), (9, 5, false, 5), (5, 5, true, 5)]
        {
            let began = Instant::now();
            let builder = ChatEngine::builder().database(comes_after(tries));
            let built = builder.wait_for_database(Duration::from_secs(wait)).build().await;
            assert_eq!((built.is_ok(), began.elapsed()), (expected, Duration::from_secs(passes)), "{tries}, {wait}");
            assert!(matches!(built, Ok(_) | Err(StartError::Unavailable(_))));
        }
        let bad = ChatEngine::builder().database("no://such").wait_for_database(Duration::from_secs(60));
        let began = Instant::now();
        assert!(matches!(bad.build().await, Err(StartError::BadUrl(_))));
        assert_eq!(began.elapsed(), Duration::ZERO, "nothing else is waited for");
    }

    #[test]
    fn messages_are_no_longer_than_the_store_can_hold() {
        let limited = |message_chars, longest_text| {
            let mut limits = Limits { message_chars, ..Limits::default() };
            limit_texts(&mut limits, longest_text);
            limits.message_chars
        };
        assert_eq!(limited(4_000, 49_000), 4_000);
        assert_eq!(limited(60_000, 49_000), 12_250);
        assert_eq!(limited(60_000, MAX_MESSAGE_BYTES), 60_000, "the bytes are limited by themselves");
    }
}
