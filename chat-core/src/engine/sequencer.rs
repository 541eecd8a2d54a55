//! The sequencer: puts what happens in all rooms into one order, in the background. It takes up what is committed, so that sending
//! waits for nothing.

use std::{
    collections::BTreeSet,
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{self, Notify, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    RoomId,
    engine::{lock::lock, services::Services},
    log::Excerpt,
    store::StoreError,
};

/// Puts the logs of rooms into the order of all rooms, from the first time that somebody asks for it.
#[derive(Debug)]
pub(super) struct Sequencer {
    services: Arc<Services>,
    is_begun: AtomicBool,
    /// The rooms whose logs have grown.
    grown: Mutex<BTreeSet<RoomId>>,
    /// Told when one has, and when the order is begun.
    news: Notify,
    /// Held by whoever puts something in. Whether all rooms were looked at since this engine started.
    turn: sync::Mutex<bool>,
    /// Changes when something was put in.
    extended: watch::Sender<()>,
}

impl Sequencer {
    /// Starts it; it ends with the engine.
    pub(super) fn start(services: &Arc<Services>) -> Arc<Self> {
        let sequencer = Arc::new(Self {
            services: Arc::clone(services),
            is_begun: AtomicBool::new(false),
            grown: Mutex::default(),
            news: Notify::new(),
            turn: sync::Mutex::new(false),
            extended: watch::Sender::new(()),
        });
        let (running, mut stop) = (Arc::clone(&sequencer), services.lifecycle.stop());
        services.runtime.spawn(async move {
            tokio::select! {
                () = running.run() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
        sequencer
    }

    /// A room was made, or its log has grown. Said before anybody is answered, so that what is answered is taken up.
    pub(super) fn grown(&self, room: RoomId) {
        if self.is_begun.load(Ordering::Acquire) {
            lock(&self.grown).insert(room);
            self.news.notify_one();
        }
    }

    /// What changes each time something is put in here.
    pub(super) fn extended(&self) -> watch::Receiver<()> {
        self.extended.subscribe()
    }

    /// Puts everything in that was answered before, and begins the order if it is not begun.
    pub(super) async fn catch_up(&self) -> Result<(), StoreError> {
        if !self.is_begun.load(Ordering::Acquire) {
            self.services.store.tail().begin().await?;
            self.is_begun.store(true, Ordering::Release);
            self.news.notify_one();
        }
        let mut is_swept = self.turn.lock().await;
        if !*is_swept {
            self.take_all().await?;
            *is_swept = true;
        }
        self.take_grown().await
    }

    async fn run(&self) {
        self.until_begun().await;
        let mut sweep_at = Instant::now();
        loop {
            let began = Instant::now();
            if let Err(failure) = self.catch_up().await {
                self.failed(&failure).await;
            }
            sleep((began.elapsed() * PAUSE).max(GATHER)).await;
            if timeout(sweep_at.saturating_duration_since(Instant::now()), self.news.notified()).await.is_err() {
                sweep_at = self.sweep().await;
            }
        }
    }

    async fn until_begun(&self) {
        loop {
            match self.services.store.tail().is_begun().await {
                Ok(true) => break self.is_begun.store(true, Ordering::Release),
                Ok(false) => break self.news.notified().await,
                Err(failure) => self.failed(&failure).await,
            }
        }
    }

    /// Looks for what others have stored. Returns when to do it again: seldom, if it takes long.
    async fn sweep(&self) -> Instant {
        let began = Instant::now();
        let turn = self.turn.lock().await;
        if let Err(failure) = self.take_all().await {
            drop(turn);
            self.failed(&failure).await;
        }
        Instant::now() + (began.elapsed() * SWEEP_PAUSE).max(SWEEP)
    }

    async fn take_all(&self) -> Result<(), StoreError> {
        let tail = self.services.store.tail();
        let mut last = None;
        loop {
            let rooms = tail.behind(last, STEP).await?;
            self.extend(&rooms).await?;
            if rooms.len() < STEP {
                return Ok(());
            }
            last = rooms.last().copied();
        }
    }

    async fn take_grown(&self) -> Result<(), StoreError> {
        let rooms = mem::take(&mut *lock(&self.grown));
        if rooms.is_empty() {
            return Ok(());
        }
        // If this is given up or fails, they are looked at again.
        let mut back = PutBack { sequencer: self, rooms };
        self.extend(&back.rooms.iter().copied().collect::<Vec<_>>()).await?;
        back.rooms.clear();
        Ok(())
    }

    async fn extend(&self, rooms: &[RoomId]) -> Result<(), StoreError> {
        if !rooms.is_empty() {
            self.services.store.tail().extend(rooms).await?;
            self.extended.send_replace(());
        }
        Ok(())
    }

    async fn failed(&self, failure: &StoreError) {
        if let Some(left_out) = self.services.logs.tail_failed.pass(Instant::now().into_std()) {
            tracing::warn!(left_out, error = %Excerpt(failure), "events could not be put into the order of all rooms yet");
        }
        sleep(RETRY).await;
    }
}

/// Rooms that have grown, until what they have more is put in.
struct PutBack<'s> {
    sequencer: &'s Sequencer,
    rooms: BTreeSet<RoomId>,
}

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        lock(&self.sequencer.grown).append(&mut self.rooms);
    }
}

/// What happens within this time is put in at once.
const GATHER: Duration = Duration::from_millis(50);
/// After this many times as long as putting something in took, more is: so it takes a twentieth of a writer's time at most.
const PAUSE: u32 = 19;
/// The shortest time between two looks at all rooms.
const SWEEP: Duration = Duration::from_secs(1);
/// They take a hundredth of the time at most.
const SWEEP_PAUSE: u32 = 99;
/// How many rooms are looked at, at once.
const STEP: usize = 512;
/// After this time, what failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
