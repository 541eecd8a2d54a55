//! What happens in all rooms: in one order that never changes, and live.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::broadcast::error::RecvError;

use crate::{
    ChatEngine, Error, Event, LogCursor, RoomId, TailPage,
    engine::{chat_engine::check_limit, inner::Inner, tail_plan::TailPlan},
};

/// What happens in all rooms, as it happens; see [`ChatEngine::all_events`].
pub struct AllEvents(BoxStream<'static, LiveEvent>);

/// What is heard of all rooms.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LiveEvent {
    /// An event; it is stored.
    Event(Arc<Event>),
    /// So many events were left out, since they were not read in time.
    Lagged(u64),
}

impl ChatEngine {
    /// What has happened in all rooms, in one order: what comes after `after`, at most `limit` entries (1 to 1,000); from the
    /// beginning without it.
    ///
    /// The order never changes and misses nothing: whoever keeps [`TailPage::next`] with what they have done, and goes on after
    /// it, gets everything once, across restarts and from any engine on the database. In each room it is the order of the log. It
    /// has everything that was answered before this is called, by this engine. What other processes have stored follows within
    /// seconds. Nobody's rights are asked: it is for the host.
    ///
    /// The order is made from the first call on: what was there before comes first, room by room. Until then, and in a database
    /// where nobody ever asks, it costs nothing.
    ///
    /// Not everything that changes is an event: for what was pruned, and for users who were erased, the events that are read
    /// *later* differ.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`limit`; `after`, if it is not one of this history's), [`Error::EpochChanged`] if the cursor
    /// belongs to another history: then begin again without it. [`Error::Overloaded`], [`Error::Unavailable`],
    /// [`Error::StorageFull`], [`Error::Stopped`].
    ///
    /// # Cancel safety
    /// Dropped, it changes nothing.
    ///
    /// # Examples
    /// ```
    /// use chat_core::{Actor, ChatEngine, Draft, Identity, LogCursor, NewRoom, TailItem};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = ChatEngine::builder().build().await?;
    /// let room = engine.create_room(Actor::System, NewRoom::named("general")).await?;
    /// engine.send(&Identity::named("Alice")?, room.id, Draft::text("Hello")).await?;
    ///
    /// let mut indexed = Vec::new();
    /// let mut after: Option<LogCursor> = None;
    /// loop {
    ///     let page = engine.tail(after, 100).await?;
    ///     for entry in page.entries {
    ///         if let TailItem::Event(event) = entry.item {
    ///             indexed.extend(event.message().map(|message| message.body.content.clone()));
    ///         }
    ///     }
    ///     // Kept together with what was done.
    ///     after = page.next;
    ///     if !page.has_more {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(indexed, ["Hello"]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn tail(&self, after: Option<LogCursor>, limit: usize) -> Result<TailPage, Error> {
        let inner = self.inner();
        inner.services.check_running()?;
        check_limit(limit, MOST_ENTRIES)?;
        if after.as_ref().is_some_and(|after| after.epoch != inner.services.epoch) {
            return Err(Error::EpochChanged);
        }
        let mut plan = inner.plan_tail(after.as_ref(), limit).await?;
        if !plan.has_more {
            // There may be what is answered, and not in the order yet.
            match inner.services.read(inner.sequencer.catch_up().await) {
                Ok(()) => plan = inner.plan_tail(after.as_ref(), limit).await?,
                Err(error) if plan.parts.is_empty() => return Err(error),
                Err(_) => plan.has_more = true,
            }
        }
        inner.read_tail(after, plan).await
    }

    /// What happens in all rooms from now on, as it happens. In each room it is the order of the log; there is none between rooms.
    ///
    /// It has what this engine publishes: what was done through it, and what others store in rooms that are active here. It waits
    /// for nobody: who is more than 1,024 events behind misses some, and is told [how many](LiveEvent::Lagged). For a search
    /// index, a bridge or anything else that must miss nothing, it says when to call [`tail`](Self::tail). It ends with the engine.
    #[must_use]
    pub fn all_events(&self) -> AllEvents {
        let services = &self.inner().services;
        let (events, stop) = (services.all_events.subscribe(), services.lifecycle.stop());
        let heard = stream::unfold((events, stop), async |(mut events, mut stop)| {
            let heard = tokio::select! {
                biased;
                heard = events.recv() => heard,
                _ = stop.wait_for(|stop| *stop) => return None,
            };
            let heard = match heard {
                Ok(event) => LiveEvent::Event(event),
                Err(RecvError::Lagged(count)) => LiveEvent::Lagged(count),
                Err(RecvError::Closed) => return None,
            };
            Some((heard, (events, stop)))
        });
        AllEvents(heard.boxed())
    }
}

impl AllEvents {
    /// What is heard next; `None` when the engine has stopped.
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        self.0.next().await
    }
}

impl Stream for AllEvents {
    type Item = LiveEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<LiveEvent>> {
        self.0.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for AllEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AllEvents").finish_non_exhaustive()
    }
}

impl Inner {
    pub(super) async fn plan_tail(&self, after: Option<&LogCursor>, limit: usize) -> Result<TailPlan, Error> {
        let from = after.map_or(1, |after| after.pos);
        // One more: that of the cursor may be read to its end.
        let ranges = self.services.read(self.services.store.tail().ranges(from, limit + 1).await)?;
        if after.is_some() && ranges.first().is_none_or(|first| first.pos != from) {
            return Err(Error::invalid_field("after", "must be a cursor as it was given"));
        }
        Ok(TailPlan::new(after, ranges, limit))
    }

    /// What a room has from one entry up to another, at most `limit` entries.
    pub(super) async fn plan_room(
        &self,
        (room, from): (RoomId, &LogCursor),
        to: &LogCursor,
        limit: usize,
    ) -> Result<TailPlan, Error> {
        let tail = self.services.store.tail();
        let ranges = self.services.read(tail.ranges_of(room, from.pos, to.pos, limit + 1).await)?;
        Ok(TailPlan::of_room(from, to, ranges, limit))
    }

    /// Where the order ends.
    pub(super) async fn end_of_tail(&self) -> Result<Option<LogCursor>, Error> {
        let last = self.services.read(self.services.store.tail().last().await)?;
        let epoch = &self.services.epoch;
        Ok(last.map(|last| LogCursor { epoch: epoch.clone(), pos: last.pos, seq: last.to }))
    }

    pub(super) async fn read_tail(&self, after: Option<LogCursor>, plan: TailPlan) -> Result<TailPage, Error> {
        let (services, tail) = (&self.services, self.services.store.tail());
        let parts: Vec<_> = plan.parts.iter().map(|part| (part.room, part.from, part.to)).collect();
        let events = services.read(tail.events(&parts).await)?;
        let rooms = services.read(tail.rooms(&plan.created()).await)?;
        let epoch = &services.epoch;
        Ok(TailPage {
            entries: plan.entries(epoch, events, rooms),
            next: plan.end(epoch).or(after),
            has_more: plan.has_more,
        })
    }
}

/// The most entries of a page.
const MOST_ENTRIES: usize = 1_000;
