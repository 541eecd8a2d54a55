//! A writer of the journal: stores what is handed in, one transaction after the other.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::yield_now,
    time::Instant,
};
use tracing::{Instrument, field};

use crate::{
    Error, RoomId,
    append::{Append, AppendFailure, AppendResult, NewDelete, NewUpdate, Placed},
    engine::{
        breaker::{Breaker, not_stored},
        journal::Job,
        metrics::Metrics,
    },
    log::{Excerpt, LogLimit},
    store::{RoomMessages, Store, StoreError, StoreErrorKind},
    torture::{self, Point},
};

/// One of the tasks that store.
pub(super) struct Writer {
    pub(super) store: Arc<dyn Store>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) append_failed: LogLimit,
    pub(super) jobs: mpsc::UnboundedReceiver<Job>,
}

impl Writer {
    /// A writer that panicked may have left rooms waiting for ever and nobody knows what it stored: the process stops, and
    /// what starts in its place finds the truth in the database.
    pub(super) async fn guarded(self, stop: watch::Receiver<bool>) {
        if AssertUnwindSafe(self.run(stop)).catch_unwind().await.is_err() {
            tracing::error!(
                "the journal has a defect; the process stops, so that nothing wrong is said about what is stored"
            );
            std::process::abort();
        }
    }

    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut stopping = false;
        loop {
            let first = tokio::select! {
                biased;
                job = self.jobs.recv() => job,
                _ = stop.wait_for(|stop| *stop), if !stopping => {
                    // What was handed in is still stored.
                    stopping = true;
                    self.jobs.close();
                    continue;
                }
            };
            let Some(first) = first else { return };
            let jobs = self.gather(first).await;
            self.store(jobs).await;
        }
    }

    /// Lets the batch fill: rooms that were just told of the last one have more by the time they have run.
    async fn gather(&mut self, first: Job) -> Vec<Job> {
        let mut jobs = vec![first];
        for _ in 0..2 {
            yield_now().await;
            while let Ok(job) = self.jobs.try_recv() {
                jobs.push(job);
            }
        }
        jobs
    }

    async fn store(&self, jobs: Vec<Job>) {
        let mut batch = Vec::with_capacity(jobs.len());
        let mut alone = Vec::new();
        for Job { room, append, done } in jobs {
            match append {
                Append::Messages(messages) => batch.push((RoomMessages { room, messages }, done)),
                Append::Update(update) => alone.push((room, Alone::Update(update), done)),
                Append::Delete(delete) => alone.push((room, Alone::Delete(delete), done)),
            }
        }
        if !batch.is_empty() {
            self.store_messages(batch).await;
        }
        for (room, change, done) in alone {
            let _gone = done.send(self.store_alone(room, &change).await);
        }
    }

    async fn store_messages(&self, batch: Vec<(RoomMessages, oneshot::Sender<AppendResult>)>) {
        let (rooms, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let outcome = match self.breaker.check() {
            Err(refusal) => Err(AppendFailure::NotStored(refusal)),
            Ok(()) => match self.append(&rooms).await {
                // The rooms stay whole when one of them is at fault: each is tried by itself.
                Err(failure) if rooms.len() > 1 && may_be_of_one_room(failure.kind) => {
                    for (room, done) in rooms.iter().zip(waiting) {
                        let _gone = done.send(self.store_room(room).await);
                    }
                    return;
                }
                Err(failure) => Err(self.failed(&rooms, &failure)),
                Ok(placed) => Ok(placed),
            },
        };
        match outcome {
            Err(failure) => {
                for done in waiting {
                    let _gone = done.send(Err(failure.clone()));
                }
            }
            Ok(placed) => {
                for (placed, done) in placed.into_iter().zip(waiting) {
                    let _gone = done.send(placed.ok_or(AppendFailure::NotStored(Error::RoomNotFound)));
                }
            }
        }
    }

    /// The messages of one room, by themselves.
    async fn store_room(&self, room: &RoomMessages) -> AppendResult {
        self.breaker.check().map_err(AppendFailure::NotStored)?;
        let room = std::slice::from_ref(room);
        let placed = self.append(room).await.map_err(|failure| self.failed(room, &failure))?;
        placed.into_iter().next().flatten().ok_or(AppendFailure::NotStored(Error::RoomNotFound))
    }

    async fn append(&self, rooms: &[RoomMessages]) -> Result<Vec<Option<Vec<Placed>>>, StoreError> {
        let messages = rooms.iter().map(|room| room.messages.len()).sum::<usize>();
        let span = tracing::debug_span!("append", rooms = rooms.len(), messages, outcome = field::Empty);
        let began = Instant::now();
        let appended = retrying(|| self.store.append(rooms)).instrument(span.clone()).await;
        self.metrics.batch(messages, began.elapsed(), appended.is_ok());
        if appended.is_ok() {
            torture::reached(Point::AfterCommit);
        }
        match &appended {
            Ok(_) => span.record("outcome", "stored"),
            Err(failure) => span.record("outcome", field::debug(failure.kind)),
        };
        appended
    }

    async fn store_alone(&self, room: RoomId, change: &Alone) -> AppendResult {
        self.breaker.check().map_err(AppendFailure::NotStored)?;
        let placed = match change {
            Alone::Update(update) => retrying(|| self.store.update_room(room, update)).await,
            Alone::Delete(delete) => retrying(|| self.store.delete_room(room, delete)).await,
        };
        let placed = placed.map_err(|failure| self.failed(&[RoomMessages { room, messages: vec![] }], &failure))?;
        placed.map(|placed| vec![placed]).ok_or(AppendFailure::NotStored(Error::RoomNotFound))
    }

    /// Takes note of a failure, and says what it means to those who wait.
    fn failed(&self, rooms: &[RoomMessages], failure: &StoreError) -> AppendFailure {
        let room = rooms.first().map_or(0, |room| room.room.0);
        if let Some(left_out) = self.append_failed.pass(Instant::now().into_std()) {
            let (rooms, error) = (rooms.len(), Excerpt(failure));
            tracing::error!(left_out, room.id = room, rooms, %error, "an append failed");
        }
        self.breaker.failed(failure);
        if failure.kind == StoreErrorKind::Unknown {
            return AppendFailure::Unknown;
        }
        AppendFailure::NotStored(not_stored(failure.kind))
    }
}

/// What has a transaction of its own.
enum Alone {
    Update(NewUpdate),
    Delete(NewDelete),
}

/// Tries again what failed for reasons that pass at once.
pub(super) async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(StoreError { kind: StoreErrorKind::Conflict, .. }) => {}
            outcome => return outcome,
        }
    }
    attempt().await
}

const fn may_be_of_one_room(kind: StoreErrorKind) -> bool {
    match kind {
        StoreErrorKind::Conflict | StoreErrorKind::Failed => true,
        StoreErrorKind::Unavailable | StoreErrorKind::Full | StoreErrorKind::Unknown => false,
    }
}

const ATTEMPTS: usize = 3;
