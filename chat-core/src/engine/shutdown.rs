//! How an engine stops.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    engine::{ending::Ending, inner::Inner},
    failpoints::{self, Point},
};

impl Inner {
    /// Begins to stop, unless that has begun. It goes on whoever waits for it.
    pub(super) fn begin_shutdown(self: &Arc<Self>) {
        if self.services.lifecycle.begin_drain() {
            tracing::info!("the engine stops");
            failpoints::reached(Point::InShutdown);
            self.services.runtime.spawn(Arc::clone(self).shut_down());
        }
    }

    async fn shut_down(self: Arc<Self>) {
        let sessions = self.sessions.close();
        for session in &sessions {
            session.refuse_held();
        }
        self.admission.close();
        if timeout(DRAIN, self.admission.idle()).await.is_err() {
            tracing::warn!("some commands were not answered in time; the engine stops without waiting for them");
        }
        for session in sessions {
            session.end(Ending::SHUTDOWN);
        }
        self.hub.close();
        self.services.lifecycle.stop_tasks().await;
        self.services.store.close().await;
        tracing::info!("the engine has stopped");
        self.services.lifecycle.set_stopped();
    }
}

/// How long commands that are not answered yet may take.
const DRAIN: Duration = Duration::from_secs(5);
