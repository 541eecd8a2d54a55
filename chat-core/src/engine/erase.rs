//! Erasing users: everything of theirs stands under an id that is nobody's.

use std::{sync::Weak, time::Duration};

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use crate::{
    Actor, Change, ChangeMember, Changed, ChatEngine, Erase, Erased, ErasureProgress, Error, RoomId, Seq, UserId,
    engine::{ending::Ending, inner::Inner, security_log},
    erasure::{Erasure, LogExtent, LogPart},
    failpoints::{self, Point},
    store::{Eraser, StoreError},
};

impl ChatEngine {
    /// Erases a user: in all rooms, an id that is nobody's (`erased:` and 32 random digits) stands in place of theirs from then on,
    /// and `Deleted user` in place of their name. Their marks go, and with [`Erase::Redact`] their messages are deleted first, as
    /// the host would delete them one by one. What others wrote stays, and so do the names and topics of rooms.
    ///
    /// From the beginning on, the user's sessions are ended, and whatever they ask is refused as [`Error::Forbidden`]. Who is
    /// attached to a room in which something was changed is closed with [`CloseReason::Reloaded`](crate::CloseReason::Reloaded),
    /// and may come back. When it is done, nothing of the user is known any more but that credentials from before are void, as
    /// after [`revoke`](Self::revoke): it is up to the host that nobody gets this id again. Engines that share the [`Store`](crate::store::Store) with
    /// this one do not know of it: there, the user must have no access any more when it begins.
    ///
    /// It is recorded first. If it is interrupted, it goes on when the engine is started again, or when it is asked for again;
    /// then [`Erase::Redact`] counts if it was given once. One user is erased at a time. `progress` is told how far it is.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`user`) for an id that is reserved, [`Error::Overloaded`], [`Error::Unavailable`],
    /// [`Error::StorageFull`], [`Error::OutcomeUnknown`] when it could not go on: it is recorded, unless it was refused at once.
    ///
    /// # Cancel safety
    /// Dropped, it stays as far as it was: it is recorded, and the user is locked out until it was asked for again, or the engine
    /// was started again, and it is done.
    pub async fn erase_user(
        &self,
        user: &UserId,
        mode: Erase,
        mut progress: impl FnMut(ErasureProgress) + Send,
    ) -> Result<Erased, Error> {
        let inner = self.inner();
        inner.services.check_running()?;
        if user.is_reserved() {
            return Err(Error::invalid_field("user", "must not be an id that stands for an erased user"));
        }
        inner.services.breaker.check()?;
        let erasure = inner.record_erasure(user, mode).await?;
        inner.erase(erasure, &mut progress).await
    }
}

/// Goes on with what was interrupted when the process ended, until that is done or the engine stops.
pub(super) async fn resume(inner: Weak<Inner>, unfinished: Vec<Erasure>) {
    let Some(mut stop) = inner.upgrade().map(|inner| inner.services.lifecycle.stop()) else { return };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = async {
            // Whoever asks for one of them again at the start, goes first and is told how far it is.
            sleep(RESUME_AFTER).await;
            for erasure in unfinished {
                tracing::info!("an erasure of a user that was interrupted goes on");
                while let Some(inner) = inner.upgrade() {
                    match inner.erase(erasure.clone(), &mut |_| {}).await {
                        Ok(_) => break,
                        Err(error) => tracing::warn!(error = error.code(), "a user could not be erased yet"),
                    }
                    drop(inner);
                    sleep(RESUME_AGAIN).await;
                }
            }
        } => {}
    }
}

impl Inner {
    /// Records an erasure, and locks the user out.
    async fn record_erasure(&self, user: &UserId, mode: Erase) -> Result<Erasure, Error> {
        let new_id = UserId::of_erased(random());
        let erasure = Erasure { user: user.clone(), new_id, mode, at: self.services.clock.now().wall };
        let recorded = self.eraser(|eraser| eraser.begin(&erasure)).await?;
        self.services.locked_out.add(user.clone());
        self.sessions.end_all_of(user, Ending::REVOKED);
        security_log::erasing();
        Ok(recorded)
    }

    /// Erases a user whose erasure is recorded, from the beginning: what is done already is found done.
    ///
    /// The place for what else is known of users (memberships, bans, accounts) is before the walk where that makes events, and
    /// beside the marks where it does not.
    async fn erase(&self, mut erasure: Erasure, progress: &mut Progress<'_>) -> Result<Erased, Error> {
        let _alone = self.erasing.lock().await;
        let mut erased = Erased { id: erasure.new_id.clone(), deleted: 0, changed: 0 };
        // Whoever went before may be done with it, or have been asked for less.
        while let Some(recorded) = self.recorded(&erasure.user).await? {
            erasure = recorded;
            // What was asked before is done, and so nothing of the user's comes any more.
            self.services.locked_out.settled().await;
            self.patiently(|| self.hub.settled()).await?;
            self.change_everywhere(&erasure.user, &ChangeMember::remove(erasure.user.clone())).await?;
            if let Some(outbox) = self.services.store.outbox() {
                self.patiently(|| async { self.services.read(outbox.replace(&erasure).await) }).await?;
                // What was on its way from there names the user, and is found in the logs.
                self.services.locked_out.settled().await;
            }
            Walk::over(self, &erasure, &mut *progress, &mut erased).await?;
            self.patiently(|| async { self.services.read(self.forget_user(&erasure.user).await) }).await?;
            while self.eraser(|eraser| eraser.forget_marks(&erasure.user, ROWS)).await? > 0 {}
            // What was deleted or pruned goes as a whole, also where its events are gone already, by which the rest is found.
            while self.patiently(|| async { self.services.read(self.services.store.purge(ROWS).await) }).await? > 0 {}
            if self.eraser(|eraser| eraser.finish(&erasure)).await? {
                break;
            }
        }
        self.services.locked_out.remove(&erasure.user);
        // What was overwritten is freed as far as that is possible at once, and the rest in the background.
        while let Ok(Some(Duration::ZERO)) = self.services.store.vacuum().await {}
        self.hub.purge();
        tracing::info!(events = erased.changed, messages.deleted = erased.deleted, "a user is erased");
        Ok(erased)
    }

    /// Changes the same of a user, as the host, in all rooms that the user is in and that are not direct: puts them out.
    pub(super) async fn change_everywhere(&self, user: &UserId, change: &ChangeMember) -> Result<(), Error> {
        if self.services.host().is_some() {
            return Ok(());
        }
        let mut after = None;
        loop {
            let members = self.services.store.members();
            let rooms =
                self.patiently(|| async { self.services.read(members.rooms_of(user, after, ROOMS).await) }).await?;
            let Some(last) = rooms.last() else { return Ok(()) };
            after = Some(*last);
            for room in rooms {
                let patience = self.services.limits.place_wait;
                let put_out = || self.change_member(&Actor::System, room, change.clone(), patience);
                match self.patiently(put_out).await {
                    // Nobody is put out of a direct room, and a room may be gone meanwhile.
                    Ok(_) | Err(Error::RoomNotFound | Error::Forbidden) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// The erasure of a user as it is recorded now; `None` when it is done.
    async fn recorded(&self, user: &UserId) -> Result<Option<Erasure>, Error> {
        let all = self.eraser(|eraser| eraser.unfinished()).await?;
        Ok(all.into_iter().find(|recorded| recorded.user == *user))
    }

    /// The logs of the rooms after `after`, by id.
    async fn logs(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<LogExtent>, Error> {
        self.eraser(|eraser| eraser.logs(after, limit)).await
    }

    /// How many events there are in all logs.
    async fn count_events(&self) -> Result<u64, Error> {
        let (mut total, mut after) = (0, None);
        loop {
            let logs = self.logs(after, ROOMS).await?;
            let Some(last) = logs.last() else { return Ok(total) };
            after = Some(last.room);
            total += logs.iter().map(|log| log.head.next().0.saturating_sub(log.first.0)).sum::<u64>();
        }
    }

    /// Deletes a message of a user who is erased. Returns whether it was still there.
    async fn delete_for_good(&self, room: RoomId, seq: Seq) -> Result<bool, Error> {
        let patience = self.services.limits.place_wait;
        let deleted = self.patiently(|| self.change(&Actor::System, room, Change::delete(seq), patience)).await;
        match deleted {
            Ok(changed) => Ok(matches!(changed, Changed::Stored { .. })),
            // Somebody has deleted the room, or it was pruned: what is left of that is removed.
            Err(Error::RoomNotFound | Error::MessageNotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A call of the store's.
    async fn eraser<'i, T, F>(&'i self, call: impl Fn(&'i dyn Eraser) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        failpoints::reached(Point::InErasure);
        let call = &call;
        self.patiently(move || async move { self.services.read(call(self.services.store.eraser()).await) }).await
    }

    /// Tries again what may be tried again, for a while.
    pub(super) async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut tries = 0;
        loop {
            self.services.check_running()?;
            let result = attempt().await;
            tries += 1;
            match result.as_ref().err().and_then(Error::retry_after) {
                Some(wait) if tries < TRIES => sleep(wait).await,
                _ => return result,
            }
        }
    }
}

/// Who is told how far an erasure is.
type Progress<'p> = dyn FnMut(ErasureProgress) + Send + 'p;

/// A walk over the logs of all rooms, in which a user is replaced.
struct Walk<'a> {
    inner: &'a Inner,
    erasure: &'a Erasure,
    progress: &'a mut Progress<'a>,
    told: ErasureProgress,
    erased: &'a mut Erased,
    /// The room in which something may have been changed, as long as what it has in memory is from before.
    stale: Option<RoomId>,
}

impl<'a> Walk<'a> {
    async fn over(
        inner: &'a Inner,
        erasure: &'a Erasure,
        progress: &'a mut Progress<'a>,
        erased: &'a mut Erased,
    ) -> Result<(), Error> {
        let told = ErasureProgress { done: 0, total: inner.count_events().await? };
        let mut walk = Walk { inner, erasure, progress, told, erased, stale: None };
        walk.advance(0);
        let mut after = None;
        loop {
            let logs = inner.logs(after, ROOMS).await?;
            let Some(last) = logs.last() else { return Ok(()) };
            after = Some(last.room);
            for log in logs {
                walk.room(log).await?;
            }
        }
    }

    /// Replaces the user in one room. While the last of it is done, the room stands still; then it is read anew if something was
    /// changed.
    async fn room(&mut self, log: LogExtent) -> Result<(), Error> {
        let (inner, room) = (self.inner, log.room);
        let next = self.part_by_part(log, self.erasure.mode == Erase::Redact).await?;
        let paused = inner.patiently(|| inner.hub.pause(room)).await?;
        // None of what was stored since is of the user's making: that ended before.
        let now = inner.logs(Some(RoomId(room.0.saturating_sub(1))), 1).await?;
        if let Some(now) = now.into_iter().find(|now| now.room == room) {
            self.part_by_part(LogExtent { first: next.max(now.first), ..now }, false).await?;
        }
        match (paused, self.stale.take()) {
            (Some(paused), None) => paused.go_on(),
            (Some(reloaded), Some(_)) => drop(reloaded),
            // It may have been read meanwhile.
            (None, Some(room)) => inner.hub.reload(room),
            (None, None) => {}
        }
        Ok(())
    }

    /// Replaces the user in a log; returns where it goes on.
    async fn part_by_part(&mut self, log: LogExtent, is_redacting: bool) -> Result<Seq, Error> {
        let mut first = log.first;
        while first <= log.head {
            let part = LogPart { room: log.room, first, last: log.head.min(Seq(first.0 + PART - 1)) };
            if is_redacting {
                self.delete_messages(part).await?;
            }
            self.replace(part).await?;
            first = part.last.next();
        }
        Ok(first)
    }

    /// Deletes the user's messages in a part of a log, as many at once as share a transaction.
    async fn delete_messages(&mut self, part: LogPart) -> Result<(), Error> {
        let (inner, erasure) = (self.inner, self.erasure);
        let messages = inner.eraser(|eraser| eraser.messages_of(erasure, part)).await?;
        for messages in messages.chunks(DELETED_AT_ONCE) {
            for deleted in join_all(messages.iter().map(|seq| inner.delete_for_good(part.room, *seq))).await {
                let deleted = u64::from(deleted?);
                self.erased.deleted += deleted;
                self.told.total += deleted;
            }
        }
        Ok(())
    }

    /// Replaces the user in a part of a log. Then it leaves the database to others, for as long as that took.
    async fn replace(&mut self, part: LogPart) -> Result<(), Error> {
        let (began, erasure) = (Instant::now(), self.erasure);
        let stale = self.stale.replace(part.room);
        let changed = self.inner.eraser(|eraser| eraser.replace(erasure, part)).await?;
        self.erased.changed += changed;
        self.advance(part.len());
        if changed == 0 {
            self.stale = stale;
            return Ok(());
        }
        sleep(began.elapsed()).await;
        Ok(())
    }

    /// So many events more were looked at.
    fn advance(&mut self, events: u64) {
        self.told.done += events;
        self.told.total = self.told.total.max(self.told.done);
        (self.progress)(self.told);
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        if let Some(room) = self.stale {
            self.inner.hub.reload(room);
        }
    }
}

/// 128 random bits. A random UUID has 122, and 6 that are always the same; those of the second stand elsewhere.
fn random() -> u128 {
    uuid::Uuid::new_v4().as_u128() ^ uuid::Uuid::new_v4().as_u128().rotate_left(32)
}

/// How many events are looked at in one step.
const PART: u64 = 512;
/// How many messages are deleted at once: they share a transaction.
const DELETED_AT_ONCE: usize = 64;
/// How many rooms are asked for at once.
const ROOMS: usize = 256;
/// How many rows are removed in one transaction.
const ROWS: usize = 1_000;
/// How often something is tried that may succeed later.
const TRIES: usize = 10;
/// So long after the start, what was interrupted goes on.
const RESUME_AFTER: Duration = Duration::from_secs(1);
/// After this time, what was interrupted is tried again.
const RESUME_AGAIN: Duration = Duration::from_secs(10);
