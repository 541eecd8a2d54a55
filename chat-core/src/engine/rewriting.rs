//! Rewriting texts that are not stored as they are to be, in the background: encrypted, decrypted, or encrypted by another key.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    ChatEngine, Error, RoomId,
    engine::{purge::Purger, services::Services},
    log::Excerpt,
    store::Rewritten,
};

impl ChatEngine {
    /// Waits until all texts are stored as this engine's [`Database`](crate::Database) says: encrypted by its newest key, or not
    /// at all. The engine sees to it by itself, with pauses in which others can store something; this does it without any.
    /// `progress` is told how many events it has gone through, and of how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::StorageFull`], [`Error::Overloaded`]: the rest is done when it is called again, or in
    /// the background. [`Error::Internal`] for a text that these keys do not decrypt; the log says which.
    ///
    /// # Cancel safety
    /// Dropped, it stays as far as it was.
    pub async fn rewrite_texts(&self, mut progress: impl FnMut(u64, u64) + Send) -> Result<(), Error> {
        let inner = self.inner();
        let services = &inner.services;
        let (mut done, mut from) = (0, RoomId(0));
        let total = inner.patiently(|| async { services.read(services.store.texts_to_rewrite().await) }).await?;
        while let Some(Rewritten { room, events }) =
            inner.patiently(|| async { services.read(services.store.rewrite_texts(from).await) }).await?
        {
            (done, from) = (done + events, room);
            progress(done, total.max(done));
        }
        // What was overwritten is freed as far as that is possible at once, and the rest in the background.
        while let Ok(Some(Duration::ZERO)) = services.store.vacuum().await {}
        inner.hub.purge();
        Ok(())
    }
}

/// Rewrites them, until all is done or the engine stops.
pub(super) async fn run(services: Arc<Services>, purger: Arc<Purger>) {
    let mut stop = services.lifecycle.stop();
    tokio::select! {
        () = rewrite(&services, &purger) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn rewrite(services: &Services, purger: &Arc<Purger>) {
    let (mut done, mut from) = (0_u64, RoomId(0));
    let mut told = Instant::now();
    loop {
        let began = Instant::now();
        match services.store.rewrite_texts(from).await {
            Ok(Some(Rewritten { room, events })) => (done, from) = (done + events, room),
            Ok(None) => break,
            Err(failure) => {
                if let Some(left_out) = services.logs.rewrite_failed.pass(Instant::now().into_std()) {
                    tracing::warn!(left_out, error = %Excerpt(failure), "texts could not be rewritten yet");
                }
                sleep(RETRY).await;
            }
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            tracing::info!(events = done, "texts are being rewritten");
        }
        // As long as the step took, the database is left to others.
        sleep(began.elapsed()).await;
    }
    if done > 0 {
        tracing::info!(events = done, "all texts are rewritten");
        purger.start();
    }
}

/// How often it is told how far it is.
const PROGRESS: Duration = Duration::from_secs(10);
/// After this time, a step that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
