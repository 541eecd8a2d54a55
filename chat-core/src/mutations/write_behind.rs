//! Appends that are said to be stored a moment before they are.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Mutex, task::JoinHandle, time::sleep};

use super::effects::stored_as;
use crate::{
    Error,
    append::{self, AppendOutcome, Lookup, Op, Recovered, RoomBatch},
    store::{Store, StoreError},
};

/// One append at a time: the next one is told only after the last one is stored, so that its numbers are right.
#[derive(Debug, Default)]
pub(super) struct WriteBehind(Mutex<Option<JoinHandle<()>>>);

/// How much later it is stored.
const LATER: Duration = Duration::from_millis(30);

impl WriteBehind {
    /// What an append of this batch will be told, which is stored later.
    pub(super) async fn append(
        &self,
        store: &Arc<dyn Store>,
        batch: &[RoomBatch],
    ) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        let mut under_way = self.0.lock().await;
        finish(&mut under_way).await;
        let mut placed = Vec::new();
        for entry in batch {
            let keys: Vec<Lookup> = entry.entries.iter().map(append::Entry::lookup).collect();
            let found = store.recover(entry.room, &keys).await?;
            placed.push(found.filter(|found| !found.is_deleted).map(|found| foresee(entry, found)));
        }
        let (store, batch) = (Arc::clone(store), batch.to_vec());
        *under_way = Some(tokio::spawn(async move {
            sleep(LATER).await;
            if let Err(error) = store.append(&batch).await {
                tracing::error!(%error, "what was said to be stored is not");
            }
        }));
        Ok(placed)
    }

    /// Waits until all is stored.
    pub(super) async fn flush(&self) {
        finish(&mut *self.0.lock().await).await;
    }
}

async fn finish(under_way: &mut Option<JoinHandle<()>>) {
    if let Some(task) = under_way.take() {
        let _ended = task.await;
    }
}

/// What becomes of each message, where this was found in its room's log.
fn foresee(batch: &RoomBatch, found: Recovered) -> Vec<AppendOutcome> {
    let mut head = found.head;
    let mut known: BTreeMap<_, _> =
        found.found.into_iter().map(|stored| (stored.lookup(), (stored.fingerprint, stored.event))).collect();
    let place = |new: &append::Entry| {
        let Op::Message(body) = &new.op else { return AppendOutcome::Unchanged { count: None } };
        match known.entry(new.lookup()) {
            Entry::Occupied(first) if new.fingerprint.is_retry_of(first.get().0) => {
                AppendOutcome::Replay(first.get().1.clone())
            }
            Entry::Occupied(_) => AppendOutcome::Refused(Error::IdempotencyMismatch),
            Entry::Vacant(free) => {
                head = head.next();
                let event = Arc::new(stored_as(batch.room, new, body, head));
                free.insert((new.fingerprint, event.clone()));
                AppendOutcome::New { event, mentioned: Vec::new(), standing: Default::default(), heir: None }
            }
        }
    };
    batch.entries.iter().map(place).collect()
}
