//! Where an engine is in its life: running, draining, or stopped.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::engine::lock::lock;

/// Where an engine is in its life, and the tasks that have to end before it has stopped.
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
struct RoomTasks {
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

    /// Begins to refuse new commands. Returns whether this call was the first.
    pub(super) fn begin_drain(&self) -> bool {
        !self.is_draining.swap(true, Ordering::AcqRel)
    }

    /// Whether new commands are refused.
    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Becomes true when tasks have to end.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Counts a room's task as long as the guard lives.
    pub(super) fn enter_room(&self) -> TaskGuard {
        self.rooms.count.fetch_add(1, Ordering::AcqRel);
        TaskGuard(Arc::clone(&self.rooms))
    }

    /// Tells all tasks to end, and waits until they have: the rooms first, then the writers, which store what rooms handed
    /// in last.
    pub(super) async fn stop_tasks(&self) {
        self.stop.send_replace(true);
        self.rooms.none().await;
        let writers = std::mem::take(&mut *lock(&self.writers));
        for writer in writers {
            // A writer cannot panic (the process would stop), and nobody cancels it.
            let _ended = writer.await;
        }
    }

    /// Says that the engine has stopped.
    pub(super) fn set_stopped(&self) {
        self.stopped.send_replace(true);
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
