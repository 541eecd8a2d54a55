//! A writer of the journal: stores what is handed in, messages and changes of rooms in turn.

use std::{collections::VecDeque, mem, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::yield_now,
    time::Instant,
};
use tracing::{Instrument, field};

use crate::{
    Error, RoomId,
    append::{Append, AppendFailure, AppendOutcome, AppendResult, RoomDeletion, RoomRecord, RoomUpdate},
    engine::{
        admission::Admitted,
        breaker::{Breaker, not_stored},
        job::{CreateResult, Job},
        metrics::Metrics,
    },
    log::{Excerpt, LogLimit},
    store::{RoomMessages, Store, StoreError, StoreErrorKind},
};

/// One of the tasks that store.
///
/// Messages of all rooms share a transaction; making, renaming or deleting a room has one of its own. The two take turns: one
/// batch of messages, then one change, so that neither waits for more than one of the other, however many wait.
pub(super) struct Writer {
    pub(super) store: Arc<dyn Store>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) write_failed: LogLimit,
    pub(super) jobs: mpsc::UnboundedReceiver<Job>,
}

/// What a writer has taken on.
#[derive(Default)]
struct Waiting {
    messages: Vec<(RoomMessages, Done)>,
    changes: VecDeque<Change>,
}

/// What has a transaction of its own.
enum Change {
    Update(RoomId, RoomUpdate, Done),
    Delete(RoomId, RoomDeletion, Done),
    Create(RoomRecord, oneshot::Sender<CreateResult>, Admitted),
}

/// Who waits for the outcome of an append.
type Done = oneshot::Sender<AppendResult>;

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

    async fn run(mut self, stop: watch::Receiver<bool>) {
        let mut waiting = Waiting::default();
        let mut stop = Some(stop);
        loop {
            if waiting.is_empty() {
                let Some(first) = self.next(&mut stop).await else { return };
                waiting.add(first);
            }
            self.gather(&mut waiting).await;
            let batch = mem::take(&mut waiting.messages);
            if !batch.is_empty() {
                self.store_messages(batch).await;
            }
            if let Some(change) = waiting.changes.pop_front() {
                self.store_change(change).await;
            }
        }
    }

    /// What is handed in next; `None` when it has stopped and all is stored.
    async fn next(&mut self, stop: &mut Option<watch::Receiver<bool>>) -> Option<Job> {
        if let Some(stopping) = stop {
            tokio::select! {
                biased;
                job = self.jobs.recv() => return job,
                _ = stopping.wait_for(|stop| *stop) => {}
            }
            // What was handed in is still stored.
            self.jobs.close();
            *stop = None;
        }
        self.jobs.recv().await
    }

    /// Lets the batch fill: rooms that were just told of the last one have more by the time they have run.
    async fn gather(&mut self, waiting: &mut Waiting) {
        for _ in 0..2 {
            yield_now().await;
            while let Ok(job) = self.jobs.try_recv() {
                waiting.add(job);
            }
        }
    }

    async fn store_messages(&self, batch: Vec<(RoomMessages, Done)>) {
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
                Err(failure) => Err(self.failed(rooms.first().map(|room| room.room), &failure)),
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
        let placed = self.append(std::slice::from_ref(room)).await;
        let placed = placed.map_err(|failure| self.failed(Some(room.room), &failure))?;
        placed.into_iter().next().flatten().ok_or(AppendFailure::NotStored(Error::RoomNotFound))
    }

    async fn append(&self, rooms: &[RoomMessages]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        let messages = rooms.iter().map(|room| room.messages.len()).sum::<usize>();
        let span = tracing::debug_span!("append", rooms = rooms.len(), messages, outcome = field::Empty);
        let began = Instant::now();
        let appended = retrying(|| self.store.append(rooms)).instrument(span.clone()).await;
        self.metrics.batch(messages, began.elapsed(), appended.is_ok());
        match &appended {
            Ok(_) => span.record("outcome", "stored"),
            Err(failure) => span.record("outcome", field::debug(failure.kind)),
        };
        appended
    }

    async fn store_change(&self, change: Change) {
        // Whoever waited may be gone.
        match change {
            Change::Update(room, update, done) => {
                let placed = self.alone(Some(room), || self.store.update_room(room, &update)).await;
                drop(done.send(placed.and_then(placed_alone)));
            }
            Change::Delete(room, delete, done) => {
                let placed = self.alone(Some(room), || self.store.delete_room(room, &delete)).await;
                drop(done.send(placed.and_then(placed_alone)));
            }
            Change::Create(row, done, admitted) => {
                let made = self.alone(None, || self.store.create_room(&row)).await;
                let taken = |holder| AppendFailure::NotStored(Error::NameTaken { room: Some(Box::new(holder)) });
                drop(done.send(made.and_then(|made| made.map_err(taken))));
                drop(admitted);
            }
        }
    }

    /// Tries a transaction of its own.
    async fn alone<T, F>(&self, room: Option<RoomId>, attempt: impl FnMut() -> F) -> Result<T, AppendFailure>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.breaker.check().map_err(AppendFailure::NotStored)?;
        retrying(attempt).await.map_err(|failure| self.failed(room, &failure))
    }

    /// Takes note of a failure, and says what it means to those who wait. `room` is the first of those it was for, if there is one yet.
    fn failed(&self, room: Option<RoomId>, failure: &StoreError) -> AppendFailure {
        if failure.kind != StoreErrorKind::Busy
            && let Some(left_out) = self.write_failed.pass(Instant::now().into_std())
        {
            let (room, error) = (room.map(|room| room.0), Excerpt(failure));
            tracing::error!(left_out, room.id = room, %error, "a write failed");
        }
        self.breaker.failed(failure);
        if failure.kind == StoreErrorKind::Unknown {
            return AppendFailure::Unknown;
        }
        AppendFailure::NotStored(not_stored(failure.kind))
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.changes.is_empty()
    }

    fn add(&mut self, job: Job) {
        match job {
            Job::Append { room, append: Append::Messages(messages), done } => {
                self.messages.push((RoomMessages { room, messages }, done));
            }
            Job::Append { room, append: Append::Update(update), done } => {
                self.changes.push_back(Change::Update(room, update, done));
            }
            Job::Append { room, append: Append::Delete(delete), done } => {
                self.changes.push_back(Change::Delete(room, delete, done));
            }
            Job::Create { row, done, admitted } => self.changes.push_back(Change::Create(row, done, admitted)),
        }
    }
}

fn placed_alone(placed: Option<AppendOutcome>) -> AppendResult {
    placed.map(|placed| vec![placed]).ok_or(AppendFailure::NotStored(Error::RoomNotFound))
}

/// Tries again what failed for reasons that pass at once.
async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
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
        StoreErrorKind::Busy | StoreErrorKind::Unavailable | StoreErrorKind::Full | StoreErrorKind::Unknown => false,
    }
}

const ATTEMPTS: usize = 3;
