//! The journal: gathers the appends of all rooms while the last transaction is in flight, and commits them together.

use std::{
    fmt,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    Error, RoomId,
    append::{AppendFailure, AppendResult, Entry, RoomBatch, RoomRecord},
    engine::{
        admission::Admitted,
        breaker::Breaker,
        job::{CreateResult, Job},
        metrics::Metrics,
        writer::Writer,
    },
    log::LogLimit,
    store::Store,
};

/// Where everything is handed in that is to be stored. Rooms are divided among as many writers as the store wants.
///
/// What waits here is bounded by [`Admission`](super::admission::Admission): each command has its place before it comes.
pub(super) struct Journal {
    writers: Vec<mpsc::UnboundedSender<Job>>,
}

impl Journal {
    /// Starts the writers; the handles resolve once they have ended, which they do after `stop`.
    pub(super) fn start(
        store: &Arc<dyn Store>,
        breaker: &Arc<Breaker>,
        metrics: &Arc<Metrics>,
        runtime: &Handle,
        stop: &watch::Receiver<bool>,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let (writers, tasks) = (0..store.append_concurrency().max(1))
            .map(|_| {
                let (sender, jobs) = mpsc::unbounded_channel();
                let (store, breaker, metrics) = (Arc::clone(store), Arc::clone(breaker), Arc::clone(metrics));
                let writer = Writer { store, breaker, metrics, write_failed: LogLimit::new(), jobs };
                (sender, runtime.spawn(writer.guarded(stop.clone())))
            })
            .unzip();
        (Self { writers }, tasks)
    }

    /// Hands in an append. It is stored whether or not the outcome is waited for.
    pub(super) fn append(
        &self,
        room: RoomId,
        entries: Vec<Entry>,
    ) -> impl Future<Output = AppendResult> + Send + use<> {
        let (done, outcome) = oneshot::channel();
        self.hand_in(room.0, Job::Append { batch: RoomBatch { room, entries }, done });
        outcome_of(outcome)
    }

    /// Hands in a room that is to be made. It is made whether or not the outcome is waited for.
    pub(super) fn create(
        &self,
        row: RoomRecord,
        admitted: Admitted,
    ) -> impl Future<Output = CreateResult> + Send + use<> {
        let (done, outcome) = oneshot::channel();
        // Those who want one name, or one direct room, wait for each other, and not for the database to find out.
        let mut hasher = DefaultHasher::new();
        (row.claim(), row.name.key()).hash(&mut hasher);
        self.hand_in(hasher.finish(), Job::Create { row: Box::new(row), done, admitted });
        outcome_of(outcome)
    }

    /// Hands a job to the writer that this number belongs to.
    fn hand_in(&self, number: u64, job: Job) {
        let writers = u64::try_from(self.writers.len()).unwrap_or(1).max(1);
        let writer = usize::try_from(number % writers).ok().and_then(|index| self.writers.get(index));
        let refused = match writer {
            Some(writer) => writer.send(job).err().map(|refused| refused.0),
            None => Some(job),
        };
        if let Some(job) = refused {
            job.refuse(Error::Stopped);
        }
    }
}

/// The outcome of a job. One is dropped unanswered only when the runtime goes down in the middle of it.
async fn outcome_of<T>(outcome: oneshot::Receiver<Result<T, AppendFailure>>) -> Result<T, AppendFailure> {
    outcome.await.unwrap_or(Err(AppendFailure::Unknown))
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("writers", &self.writers.len()).finish()
    }
}
