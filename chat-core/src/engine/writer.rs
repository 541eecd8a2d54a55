//! A writer of the journal: stores what is handed in, batches of entries and what has a transaction of its own in turn.

use std::{collections::VecDeque, mem, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::yield_now,
    time::Instant,
};
use tracing::{Instrument, field};

use crate::{
    Error, RoomId,
    append::{AppendFailure, AppendOutcome, AppendResult, RoomBatch, RoomRecord},
    engine::{
        breaker::{Breaker, not_stored},
        job::{CreateResult, Job},
        metrics::Metrics,
        security_log,
    },
    log::{Excerpt, LogLimit},
    store::{Store, StoreError, StoreErrorKind},
};

/// One of the tasks that store.
///
/// Entries of all rooms share a transaction; creating a room and [exclusive](crate::append::Op::is_exclusive) entries have one of
/// their own. The two take turns: one batch, then one of these, so that neither waits for more than one of the other, however
/// many wait.
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
    /// What shares the next transaction.
    batch: Vec<(RoomBatch, Done)>,
    /// What has one of its own.
    alone: VecDeque<Job>,
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
        let mut last: Option<Instant> = None;
        loop {
            if waiting.is_empty() {
                let Some(first) = self.next(&mut stop).await else { return };
                waiting.add(first);
            }
            // After a quiet while, nobody is about to follow.
            if last.is_some_and(|last| last.elapsed() < QUIET) {
                self.gather(&mut waiting).await;
            }
            let batch = mem::take(&mut waiting.batch);
            if !batch.is_empty() {
                self.store_batch(batch).await;
            }
            if let Some(job) = waiting.alone.pop_front() {
                self.store_alone(job).await;
            }
            last = Some(Instant::now());
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

    async fn store_batch(&self, batch: Vec<(RoomBatch, Done)>) {
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

    /// The entries of one room, by themselves.
    async fn store_room(&self, room: &RoomBatch) -> AppendResult {
        self.breaker.check().map_err(AppendFailure::NotStored)?;
        let placed = self.append(std::slice::from_ref(room)).await;
        let placed = placed.map_err(|failure| self.failed(Some(room.room), &failure))?;
        placed.into_iter().next().flatten().ok_or(AppendFailure::NotStored(Error::RoomNotFound))
    }

    async fn append(&self, rooms: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        let entries = rooms.iter().map(|room| room.entries.len()).sum::<usize>();
        let span = tracing::debug_span!("append", rooms = rooms.len(), messages = entries, outcome = field::Empty);
        let began = Instant::now();
        let appended = retrying(|| self.store.append(rooms)).instrument(span.clone()).await;
        self.metrics.batch(entries, began.elapsed(), appended.is_ok());
        match &appended {
            Ok(stored) => {
                stored.iter().flatten().for_each(|outcomes| security_log::appended(outcomes));
                span.record("outcome", "stored")
            }
            Err(failure) => span.record("outcome", field::debug(failure.kind)),
        };
        appended
    }

    /// Stores what has a transaction of its own.
    async fn store_alone(&self, job: Job) {
        // Whoever waited may be gone.
        match job {
            Job::Append { batch, done } => drop(done.send(self.store_room(&batch).await)),
            Job::Create { row, done, admitted } => {
                drop(done.send(self.create(&row).await));
                drop(admitted);
            }
        }
    }

    async fn create(&self, row: &RoomRecord) -> CreateResult {
        self.breaker.check().map_err(AppendFailure::NotStored)?;
        let made = retrying(|| self.store.create_room(row)).await;
        let made = made.map_err(|failure| self.failed(None, &failure))?;
        made.map_err(|holder| AppendFailure::NotStored(Error::NameTaken { room: Some(Box::new(holder)) }))
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
        self.batch.is_empty() && self.alone.is_empty()
    }

    fn add(&mut self, job: Job) {
        match job {
            Job::Append { batch, done } if !batch.entries.iter().any(|entry| entry.op.is_exclusive()) => {
                self.batch.push((batch, done));
            }
            job @ (Job::Append { .. } | Job::Create { .. }) => self.alone.push_back(job),
        }
    }
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
/// How long nothing has been stored when the next entry is stored at once.
const QUIET: Duration = Duration::from_millis(1);
