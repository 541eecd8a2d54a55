//! Putting messages into the search index, in the background: after the commit, so that sending pays nothing.

use std::{
    collections::BTreeSet,
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::{
    RoomId,
    engine::{lock::lock, services::Services},
    log::Excerpt,
    store::StoreError,
};

/// Puts into the index what is stored, and at first what was stored before.
#[derive(Debug)]
pub(super) struct Indexer {
    services: Arc<Services>,
    /// The rooms whose logs have grown.
    grown: Mutex<BTreeSet<RoomId>>,
    /// How often one has.
    growth: AtomicU64,
    /// Told when one has.
    news: Notify,
}

impl Indexer {
    /// Starts it; it ends with the engine.
    pub(super) fn start(services: &Arc<Services>) -> Arc<Self> {
        let indexer = Arc::new(Self {
            services: Arc::clone(services),
            grown: Mutex::default(),
            growth: AtomicU64::new(0),
            news: Notify::new(),
        });
        let (running, mut stop) = (Arc::clone(&indexer), services.lifecycle.stop());
        services.runtime.spawn(async move {
            tokio::select! {
                () = running.run() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
        indexer
    }

    /// A room's log has grown.
    pub(super) fn grown(&self, room: RoomId) {
        lock(&self.grown).insert(room);
        self.growth.fetch_add(1, Ordering::Relaxed);
        self.news.notify_one();
    }

    async fn run(&self) {
        self.catch_up().await;
        loop {
            self.news.notified().await;
            self.until_quiet().await;
            self.index_grown().await;
        }
    }

    /// Puts in what was stored before this engine started.
    async fn catch_up(&self) {
        let rooms = self.behind().await;
        let mut left: u64 = rooms.iter().map(|(_, events)| events).sum();
        let mut told = Instant::now();
        if left >= MANY {
            tracing::info!(
                events.left = left,
                "messages from before are put into the search index; searches may miss some"
            );
        }
        let is_long = left >= MANY;
        for (room, events) in rooms {
            let mut of_room = events;
            while of_room > 0 {
                let now = self.step(room).await;
                left = left.saturating_sub(of_room.saturating_sub(now));
                of_room = now;
                self.services.metrics.events_behind.set(left as f64);
                if told.elapsed() >= PROGRESS {
                    tracing::info!(events.left = left, "messages are being put into the search index");
                    told = Instant::now();
                }
                // What is said meanwhile is found before all of that is.
                self.index_grown().await;
            }
        }
        self.services.metrics.events_behind.set(0.0);
        if is_long {
            tracing::info!("all messages are in the search index");
        }
    }

    /// All rooms that the index is behind in, with how far.
    async fn behind(&self) -> Vec<(RoomId, u64)> {
        let mut rooms: Vec<(RoomId, u64)> = Vec::new();
        loop {
            let after = rooms.last().map(|(room, _)| *room);
            match self.services.store.searcher().unindexed(after, PAGE).await {
                Ok(page) if page.is_empty() => return rooms,
                Ok(page) => rooms.extend(page.into_iter().map(|behind| (behind.room, behind.events))),
                Err(failure) => self.failed(&failure).await,
            }
        }
    }

    /// Waits until nothing was stored for a while, but not for long.
    async fn until_quiet(&self) {
        let latest = Instant::now() + LONGEST_WAIT;
        loop {
            let before = self.growth.load(Ordering::Relaxed);
            sleep(QUIET).await;
            if self.growth.load(Ordering::Relaxed) == before || Instant::now() >= latest {
                return;
            }
        }
    }

    async fn index_grown(&self) {
        let rooms = mem::take(&mut *lock(&self.grown));
        for room in rooms {
            while self.step(room).await > 0 {}
        }
    }

    /// A step in a room; returns how many of its events are left, or 0 if it failed and is tried again later. Then it leaves the
    /// database to others: for as long as the step took, and while they store something for much longer.
    async fn step(&self, room: RoomId) -> u64 {
        let (began, before) = (Instant::now(), self.growth.load(Ordering::Relaxed));
        match self.services.store.searcher().index(room).await {
            Ok(left) => {
                let took = began.elapsed();
                self.services.metrics.index_seconds.record(took);
                let is_busy = self.growth.load(Ordering::Relaxed) > before;
                sleep(took * if is_busy { BUSY_PAUSE } else { 1 }).await;
                left
            }
            Err(failure) => {
                self.failed(&failure).await;
                self.grown(room);
                0
            }
        }
    }

    async fn failed(&self, failure: &StoreError) {
        if let Some(left_out) = self.services.logs.index_failed.pass(Instant::now().into_std()) {
            tracing::warn!(left_out, error = %Excerpt(failure), "messages could not be put into the search index yet");
        }
        sleep(RETRY).await;
    }
}

/// From how many events on catching up is told.
const MANY: u64 = 10_000;
/// How often its progress is.
const PROGRESS: Duration = Duration::from_secs(10);
/// How many rooms are asked for at once.
const PAGE: usize = 1_024;
/// After this time without anything stored, what was stored is put in: with its neighbours it costs less.
const QUIET: Duration = Duration::from_millis(100);
/// After this time it is put in however much is stored.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// While others store, a pause is so many times as long as the step before it.
const BUSY_PAUSE: u32 = 9;
/// After this time, a step that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
