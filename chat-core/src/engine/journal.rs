//! The journal: gathers the appends of all rooms while the last transaction is in flight, and commits them together.

use std::{fmt, future::Future, sync::Arc};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    Error, RoomId,
    append::{Append, AppendFailure, AppendResult},
    engine::{breaker::Breaker, metrics::Metrics, writer::Writer},
    log::LogLimit,
    store::Store,
};

/// Where rooms hand in what is to be stored. Rooms are divided among as many writers as the store wants.
pub(super) struct Journal {
    writers: Vec<mpsc::UnboundedSender<Job>>,
}

/// What a room wants stored.
pub(super) struct Job {
    pub(super) room: RoomId,
    pub(super) append: Append,
    pub(super) done: oneshot::Sender<AppendResult>,
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
        let (writers, tasks) = (0..store.writers().max(1))
            .map(|_| {
                let (sender, jobs) = mpsc::unbounded_channel();
                let (store, breaker, metrics) = (Arc::clone(store), Arc::clone(breaker), Arc::clone(metrics));
                let writer = Writer { store, breaker, metrics, append_failed: LogLimit::new(), jobs };
                (sender, runtime.spawn(writer.guarded(stop.clone())))
            })
            .unzip();
        (Self { writers }, tasks)
    }

    /// Hands in an append. It is stored whether or not the outcome is waited for.
    pub(super) fn append(&self, room: RoomId, append: Append) -> impl Future<Output = AppendResult> + Send + use<> {
        let (done, outcome) = oneshot::channel();
        let shard = usize::try_from(room.0).unwrap_or_default() % self.writers.len().max(1);
        let refused = match self.writers.get(shard) {
            Some(writer) => writer.send(Job { room, append, done }).is_err(),
            None => true,
        };
        async move {
            if refused {
                return Err(AppendFailure::NotStored(Error::Unavailable));
            }
            // A job is dropped unanswered only when the runtime goes down in the middle of it.
            outcome.await.unwrap_or(Err(AppendFailure::Unknown))
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("writers", &self.writers.len()).finish()
    }
}
