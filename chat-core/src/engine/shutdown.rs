//! How an engine stops.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    ChatEngine,
    engine::{ending::Ending, inner::Inner},
    failpoints::{self, Point},
};

impl ChatEngine {
    /// Resolves when the engine has stopped, whoever stopped it: from then on every call is refused as
    /// [`Error::Stopped`](crate::Error::Stopped), and its database is free. As long as this is waited for, somebody holds the engine: it stops by a [`shutdown`](Self::shutdown).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{Actor, ChatEngine, Error, NewRoom};
    ///
    /// let engine = ChatEngine::builder().build().await?;
    /// let watcher = tokio::spawn({
    ///     let engine = engine.clone();
    ///     async move { engine.stopped().await }
    /// });
    /// engine.shutdown().await;
    /// watcher.await?;
    /// assert_eq!(engine.create_room(Actor::System, NewRoom::named("late")).await, Err(Error::Stopped));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Cancel safety
    /// It only waits.
    pub async fn stopped(&self) {
        self.inner().services.lifecycle.stopped().await;
    }
}

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
