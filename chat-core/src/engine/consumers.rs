//! Consumers of what happens in all rooms: each is told everything at least once, each room in order, and it is kept how far it is.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{
    ChatEngine, ConsumeFrom, Consumer, ConsumerState, DeadLetter, Error, LogCursor, NotConsumed, TailEntry,
    consumer::check_consumer_name,
    engine::{
        chat_engine::check_limit,
        consumer_plan::{Lane, LaneEnd, behind, due, lanes, next_due, settle, takes_more},
        inner::Inner,
    },
    log::Excerpt,
};

impl ChatEngine {
    /// Tells a consumer everything that happens in all rooms, until the engine stops.
    ///
    /// The engine keeps how far the consumer with this `name` (1 to 64 visible ASCII characters) is, so that it goes on there after a
    /// restart; `from` says where a new one begins. Every entry of [`tail`](Self::tail) is told at least once: a second time only
    /// if it was taken in and the engine stopped before that was stored. Each room is told in order; several rooms, at most 8,
    /// at once.
    ///
    /// What is not taken in is tried again after 1 s, 2 s, 4 s … up to an hour, for a day, and the rest of its room waits behind it.
    /// Other rooms go on, until 64 rooms wait. Then it is given up: [`dead_letters`](Self::dead_letters) lists it, and the room
    /// goes on behind it.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`name`, if it is none, or has a consumer in this engine already), [`Error::Stopped`]. A database that
    /// fails is waited for.
    ///
    /// # Cancel safety
    /// Dropped, it ends. What was taken in last may be told again, the next time.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Mutex;
    ///
    /// use async_trait::async_trait;
    /// use chat_core::{Actor, ChatEngine, ConsumeFrom, Consumer, Draft, Identity, NewRoom, NotConsumed, TailEntry, TailItem};
    /// use tokio::sync::mpsc;
    ///
    /// struct Index(mpsc::Sender<String>);
    ///
    /// #[async_trait]
    /// impl Consumer for Index {
    ///     async fn consume(&self, entry: &TailEntry) -> Result<(), NotConsumed> {
    ///         let TailItem::Event(event) = &entry.item else { return Ok(()) };
    ///         let Some(message) = event.message() else { return Ok(()) };
    ///         self.0.send(message.body.content.clone()).await.map_err(|_| NotConsumed::new("the index is closed"))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = ChatEngine::builder().build().await?;
    /// let (index, mut indexed) = mpsc::channel(8);
    /// let indexing = tokio::spawn({
    ///     let engine = engine.clone();
    ///     async move { engine.consume("search-index", ConsumeFrom::Beginning, &Index(index)).await }
    /// });
    /// let room = engine.create_room(Actor::System, NewRoom::named("general")).await?;
    /// engine.send(&Identity::named("Alice")?, room.id, Draft::text("Hello")).await?;
    /// assert_eq!(indexed.recv().await.as_deref(), Some("Hello"));
    ///
    /// engine.shutdown().await;
    /// indexing.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn consume(&self, name: &str, from: ConsumeFrom, consumer: &dyn Consumer) -> Result<(), Error> {
        check_consumer_name(name)?;
        let inner = self.inner();
        inner.services.check_running()?;
        let _only =
            inner.consuming.enter(name).ok_or_else(|| Error::invalid_field("name", "has a consumer already"))?;
        let mut stop = inner.services.lifecycle.stop();
        let consuming = Consuming { inner, name, from, consumer };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Ok(()),
            () = consuming.run() => Ok(()),
        }
    }

    /// How far each consumer is that there ever was in this database, by name.
    ///
    /// # Errors
    /// [`Error::Overloaded`], [`Error::Unavailable`], [`Error::Stopped`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn consumers(&self) -> Result<Vec<(String, ConsumerState)>, Error> {
        let services = &self.inner().services;
        services.check_running()?;
        services.read(services.store.consumers().consumers().await)
    }

    /// What a consumer did not take in for a day, the newest first, at most `limit` (1 to 1,000); with `before`, those with smaller
    /// numbers. The newest 10,000 are kept.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`limit`), [`Error::Overloaded`], [`Error::Unavailable`], [`Error::Stopped`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn dead_letters(
        &self,
        consumer: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        check_limit(limit, MOST_LISTED)?;
        let services = &self.inner().services;
        services.check_running()?;
        services.read(services.store.consumers().dead_letters(consumer, before, limit).await)
    }
}

/// A consumer that is being told.
struct Consuming<'c> {
    inner: &'c Inner,
    name: &'c str,
    from: ConsumeFrom,
    consumer: &'c dyn Consumer,
}

impl Consuming<'_> {
    async fn run(&self) {
        loop {
            match self.go_on().await {
                // Another engine tells it. That may end.
                Ok(()) => sleep(STANDBY).await,
                Err(failure) => self.failed(&failure).await,
            }
        }
    }

    /// Goes on from what is stored, until somebody else stores it.
    async fn go_on(&self) -> Result<(), Error> {
        let services = &self.inner.services;
        let mut grown = self.inner.sequencer.extended();
        let Some(mut state) = self.state().await? else { return Ok(()) };
        loop {
            grown.mark_unchanged();
            let (lanes, end) = self.plan(&state).await?;
            if lanes.is_empty() && end == state.cursor {
                self.wait(&state, &mut grown).await;
                continue;
            }
            let ends = stream::iter(lanes).map(|lane| self.tell(lane)).buffer_unordered(AT_ONCE).collect().await;
            let dead = settle(&mut state, end, ends, services.clock.now().wall);
            if !services.read(services.store.consumers().save(self.name, &state, &dead).await)? {
                return Ok(());
            }
            self.given_up(&dead);
        }
    }

    /// How far it is. A new one begins; `None` if another engine has begun it at the same time.
    async fn state(&self) -> Result<Option<ConsumerState>, Error> {
        let services = &self.inner.services;
        // From now on there is an order.
        services.read(self.inner.sequencer.catch_up().await)?;
        if let Some(state) = services.read(services.store.consumers().consumer(self.name).await)? {
            return Ok(Some(state));
        }
        let cursor = match self.from {
            ConsumeFrom::Beginning => None,
            ConsumeFrom::Now => self.inner.end_of_tail().await?,
        };
        let state = ConsumerState { cursor, saves: 1, ..ConsumerState::default() };
        let is_saved = services.read(services.store.consumers().save(self.name, &state, &[]).await)?;
        Ok(is_saved.then_some(state))
    }

    /// What it is told next, and up to where that is.
    async fn plan(&self, state: &ConsumerState) -> Result<(Vec<Lane>, Option<LogCursor>), Error> {
        let mut end = state.cursor.clone();
        let mut next = Vec::new();
        if takes_more(state) {
            let plan = self.inner.plan_tail(end.as_ref(), PAGE).await?;
            let page = self.inner.read_tail(end, plan).await?;
            end = page.next;
            next = lanes(state, page.entries);
        }
        let Some(up_to) = &end else { return Ok((next, end)) };
        for (room, from) in due(state, self.inner.services.clock.now().wall) {
            let plan = self.inner.plan_room((room, &from), up_to, LANE).await?;
            let last = plan.end(&from.epoch);
            let rest = last.filter(|_| plan.has_more).map(|last| behind(&last));
            let entries = self.inner.read_tail(None, plan).await?.entries;
            next.push(Lane { room, entries, rest });
        }
        Ok((next, end))
    }

    /// Tells the entries of a lane, up to one that is not taken in.
    async fn tell(&self, Lane { room, entries, rest }: Lane) -> LaneEnd {
        let metrics = &self.inner.services.metrics;
        for (consumed, entry) in entries.iter().enumerate() {
            if let Err(why) = self.tell_one(entry).await {
                metrics.entries_failed.increment(1);
                self.held_back(entry, &why);
                return LaneEnd { room, consumed, failed: Some((entry.cursor.clone(), why)), rest };
            }
            metrics.entries_consumed.increment(1);
        }
        LaneEnd { room, consumed: entries.len(), failed: None, rest }
    }

    async fn tell_one(&self, entry: &TailEntry) -> Result<(), NotConsumed> {
        let telling = timeout(LONGEST, self.consumer.consume(entry));
        match AssertUnwindSafe(telling).catch_unwind().await {
            Ok(Ok(taken)) => taken,
            Ok(Err(_)) => Err(NotConsumed::new("timed out")),
            Err(_) => Err(NotConsumed::new("panicked")),
        }
    }

    /// Waits until there may be more to tell.
    async fn wait(&self, state: &ConsumerState, grown: &mut watch::Receiver<()>) {
        let now = self.inner.services.clock.now().wall;
        let longest = next_due(state, now).map_or(LOOK, |due| due.min(LOOK));
        if takes_more(state) {
            // The sequencer lives as long as the engine; if it is gone, this ends, too.
            drop(timeout(longest, grown.changed()).await);
        } else {
            sleep(longest).await;
        }
    }

    fn held_back(&self, entry: &TailEntry, why: &NotConsumed) {
        let logs = &self.inner.services.logs;
        if let Some(left_out) = logs.not_consumed.pass(Instant::now().into_std()) {
            let (consumer, room, reason) = (self.name, entry.room.0, Excerpt(why));
            tracing::warn!(left_out, consumer, room.id = room, %reason, "an entry was not taken in; it is tried again");
        }
    }

    fn given_up(&self, dead: &[DeadLetter]) {
        for letter in dead {
            self.inner.services.metrics.entries_given_up.increment(1);
            let (consumer, room, cursor, reason) = (self.name, letter.room.0, &letter.cursor, Excerpt(&letter.reason));
            tracing::error!(consumer, room.id = room, %cursor, %reason, "an entry was not taken in for a day; it is given up");
        }
    }

    async fn failed(&self, failure: &Error) {
        if let Some(left_out) = self.inner.services.logs.consumer_failed.pass(Instant::now().into_std()) {
            let (consumer, error) = (self.name, failure.code());
            tracing::warn!(left_out, consumer, error, "a consumer waits for the database");
        }
        sleep(RETRY).await;
    }
}

/// How many entries are taken up at once.
const PAGE: usize = 100;
/// How many entries of a room that was held back.
const LANE: usize = 25;
/// How many rooms are told of at once.
const AT_ONCE: usize = 8;
/// The longest that taking in one entry may take.
const LONGEST: Duration = Duration::from_secs(30);
/// How often it is looked for what another engine has put into the order.
const LOOK: Duration = Duration::from_secs(1);
/// How long what another engine tells is left to it.
const STANDBY: Duration = Duration::from_secs(30);
/// After this time, what failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// The most dead letters of a page.
const MOST_LISTED: usize = 1_000;
