//! How an engine stops.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::engine::{inner::Inner, lock, session_core::Ending};

/// Where an engine is in its life.
#[derive(Debug)]
pub(super) struct Lifecycle {
    is_draining: AtomicBool,
    stop: watch::Sender<bool>,
    stopped: watch::Sender<bool>,
    rooms: Arc<RoomTasks>,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

/// Counts the rooms' tasks.
#[derive(Debug, Default)]
pub(super) struct RoomTasks {
    count: AtomicUsize,
    none: Notify,
}

/// Held by a room's task as long as it runs.
#[derive(Debug)]
pub(super) struct TaskGuard(Arc<RoomTasks>);

impl Lifecycle {
    pub(super) fn new(stop: watch::Sender<bool>, writers: Vec<JoinHandle<()>>) -> Self {
        Self {
            is_draining: AtomicBool::new(false),
            stop,
            stopped: watch::Sender::new(false),
            rooms: Arc::default(),
            writers: Mutex::new(writers),
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Becomes true when tasks have to end.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub(super) fn enter_room(&self) -> TaskGuard {
        self.rooms.count.fetch_add(1, Ordering::AcqRel);
        TaskGuard(Arc::clone(&self.rooms))
    }

    /// Resolves when the engine has stopped.
    pub(super) async fn stopped(&self) {
        let mut stopped = self.stopped.subscribe();
        // An error would mean that the sender, which is beside us, is gone.
        let _stopped = stopped.wait_for(|stopped| *stopped).await;
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

impl RoomTasks {
    async fn none(&self) {
        loop {
            let mut notified = std::pin::pin!(self.none.notified());
            notified.as_mut().enable();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Inner {
    /// Begins to stop, unless that has begun. It goes on whoever waits for it.
    pub(super) fn begin_shutdown(self: &Arc<Self>) {
        if !self.lifecycle.is_draining.swap(true, Ordering::AcqRel) {
            tracing::info!("the engine stops");
            self.runtime.spawn(Arc::clone(self).shut_down());
        }
    }

    async fn shut_down(self: Arc<Self>) {
        let sessions = self.sessions.close();
        for session in &sessions {
            session.refuse_held();
        }
        if timeout(DRAIN, self.admission.idle()).await.is_err() {
            tracing::warn!("some commands were not answered in time; the engine stops without waiting for them");
        }
        for session in sessions {
            session.end(Ending::SHUTDOWN);
        }
        self.hub.close();
        self.lifecycle.stop.send_replace(true);
        self.lifecycle.rooms.none().await;
        let writers = std::mem::take(&mut *lock(&self.lifecycle.writers));
        for writer in writers {
            // A writer cannot panic (the process would stop), and nobody cancels it.
            let _ended = writer.await;
        }
        self.store.close().await;
        tracing::info!("the engine has stopped");
        self.lifecycle.stopped.send_replace(true);
    }
}

/// How long what is under way may take.
const DRAIN: Duration = Duration::from_secs(5);
