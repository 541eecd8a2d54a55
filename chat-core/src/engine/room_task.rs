//! A room's task: feeds the state, and carries its effects out.

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use crate::{
    Error, RoomId,
    append::{Append, Recovered},
    engine::{
        audience::Audience,
        hub::{Letter, RoomCommand, RoomShared, Slot},
        inner::Inner,
        reply::Responder,
        session_core::Ending,
        shutdown::RoomPass,
    },
    state::{Effect, Input, ReplyId, RoomState},
    store::StoreError,
};

/// One active room. Everything but the state itself, so that it outlives a state that panics.
pub(super) struct RoomTask {
    inner: Arc<Inner>,
    id: RoomId,
    mailbox: mpsc::UnboundedReceiver<Letter>,
    shared: Arc<RoomShared>,
    stop: watch::Receiver<bool>,
    audience: Audience,
    pending: HashMap<ReplyId, Pending>,
    /// What waits to be appended, in order.
    unstored: VecDeque<ReplyId>,
    /// The append under way, or the look at what became of it.
    append: Option<BoxFuture<'static, Input>>,
    load: Option<BoxFuture<'static, Input>>,
    _pass: RoomPass,
}

/// A command that is not answered yet.
struct Pending {
    responder: Responder,
    /// Its place among those that wait for the room; given back when it goes to the journal.
    slot: Option<Slot>,
}

/// Why a room's state is given up.
enum End {
    /// Nobody needs it; its entry is gone.
    Idle,
    /// The room was deleted.
    Deleted,
    /// The engine stops.
    Stopped,
}

/// What comes next.
enum Next {
    Input(Input),
    Letter(Letter),
    Wake,
    Linger,
    Stop,
}

impl RoomTask {
    /// Starts the task of a room. The caller holds the lock on its entry.
    pub(super) fn spawn(
        inner: &Arc<Inner>,
        id: RoomId,
        mailbox: mpsc::UnboundedReceiver<Letter>,
        shared: Arc<RoomShared>,
    ) {
        let task = Self {
            inner: Arc::clone(inner),
            id,
            mailbox,
            shared,
            stop: inner.lifecycle.stop(),
            audience: Audience::default(),
            pending: HashMap::new(),
            unstored: VecDeque::new(),
            append: None,
            load: None,
            _pass: inner.lifecycle.enter_room(),
        };
        inner.runtime.spawn(task.run());
    }

    async fn run(mut self) {
        loop {
            let lived = AssertUnwindSafe(self.live()).catch_unwind().await;
            self.shared.set_presence(None);
            match lived {
                Ok(Ok(End::Idle)) => return,
                Ok(Ok(End::Deleted)) => {
                    self.deleted();
                    self.inner.purge();
                    self.refuse_mail(&Error::RoomNotFound);
                }
                Ok(Ok(End::Stopped)) => {
                    self.abandon();
                    self.refuse_mail(&Error::Unavailable);
                }
                Ok(Err(error)) => self.refuse_mail(&error),
                Err(_panic) => self.defect().await,
            }
            if self.inner.hub.retire(self.id, &self.mailbox) {
                return;
            }
        }
    }

    /// Loads the room and runs it until it ends; an error when it cannot be loaded.
    async fn live(&mut self) -> Result<End, Error> {
        let mut stop = self.stop.clone();
        let room = tokio::select! {
            room = self.inner.store.room(self.id) => room,
            _ = stop.wait_for(|stop| *stop) => return Ok(End::Stopped),
        };
        let room = room.map_err(|failure| Inner::read_failed(&failure))?.ok_or(Error::RoomNotFound)?;
        let epoch = self.inner.epoch.clone();
        let mut state = RoomState::new(self.id, epoch, room.head, Arc::clone(&self.inner.limits));
        self.shared.set_presence(Some(Arc::new(state.presence().clone())));
        Ok(self.drive(&mut state).await)
    }

    async fn drive(&mut self, state: &mut RoomState) -> End {
        let mut idle_since = None;
        loop {
            let now = self.inner.clock.now().mono;
            if state.poll_timeout().is_some_and(|at| at <= now) {
                // Before the mailbox, so that a busy room does not starve its timers.
                self.step(state, Input::Wake);
            }
            if state.is_deleted() {
                return End::Deleted;
            }
            idle_since = state.is_idle().then(|| idle_since.unwrap_or(now));
            let linger = idle_since.map(|since: Duration| since + self.inner.limits.room_linger);
            match self.next(state.poll_timeout(), linger).await {
                Next::Input(input) => self.step(state, input),
                Next::Letter(Letter::Command(command)) => self.take(state, command),
                Next::Letter(Letter::Depart(session, departure)) => {
                    self.step(state, Input::Depart { session, departure });
                }
                #[cfg(any(test, feature = "test-util"))]
                #[expect(clippy::panic, reason = "it was asked for")]
                Next::Letter(Letter::Panic) => panic!("broken on purpose"),
                Next::Wake => {}
                Next::Linger => {
                    if self.inner.hub.retire(self.id, &self.mailbox) {
                        return End::Idle;
                    }
                }
                Next::Stop => return End::Stopped,
            }
        }
    }

    async fn next(&mut self, wake: Option<Duration>, linger: Option<Duration>) -> Next {
        let now = self.inner.clock.now().mono;
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Next::Stop,
            input = outcome(&mut self.append) => Next::Input(input),
            input = outcome(&mut self.load) => Next::Input(input),
            letter = self.mailbox.recv() => match letter {
                Some(letter) => Next::Letter(letter),
                // The entry holds the sender as long as this runs.
                None => Next::Stop,
            },
            () = until(wake, now) => Next::Wake,
            () = until(linger, now) => Next::Linger,
        }
    }

    fn take(&mut self, state: &mut RoomState, command: RoomCommand) {
        let RoomCommand { input, reply, responder, slot } = command;
        let stores = matches!(input, Input::Send { .. } | Input::Update { .. } | Input::Delete { .. });
        if stores {
            self.unstored.push_back(reply);
        }
        self.pending.insert(reply, Pending { responder, slot: slot.filter(|_| stores) });
        self.step(state, input);
    }

    /// Feeds the state and carries out what it says, in order.
    fn step(&mut self, state: &mut RoomState, input: Input) {
        let may_change_presence = !matches!(input, Input::Send { .. } | Input::Typing { .. } | Input::Appended(_));
        let mut effects = Vec::new();
        state.handle(input, self.inner.clock.now(), &mut effects);
        let moved = effects.iter().any(|effect| matches!(effect, Effect::Join(_) | Effect::Part(_)));
        for effect in effects {
            self.carry_out(effect);
        }
        if may_change_presence || moved {
            self.shared.update_presence(state.presence());
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Append(append) => {
                self.free_slots(&append);
                let outcome = self.inner.journal.append(self.id, append);
                self.append = Some(outcome.map(Input::Appended).boxed());
            }
            Effect::Recover { after, keys } => {
                let (inner, id) = (Arc::clone(&self.inner), self.id);
                let look = async move {
                    let found = inner.store.recover(id, after, &keys).await;
                    // A room that is gone has nothing: whoever waits is told that nothing was stored, which is so.
                    Input::Recovered(found.map(|found| found.unwrap_or(Recovered::default())).map_err(recover_failed))
                };
                self.append = Some(look.boxed());
            }
            Effect::Load { after, limit } => {
                let (inner, id) = (Arc::clone(&self.inner), self.id);
                let load = async move {
                    let events = inner.store.events_after(id, after, limit).await;
                    Input::Loaded(events.map_err(|failure| Inner::read_failed(&failure)))
                };
                self.load = Some(load.boxed());
            }
            Effect::Answer { reply, result } => {
                if let Some(pending) = self.pending.remove(&reply) {
                    pending.responder.respond(result, &self.inner.epoch);
                }
            }
            Effect::Join(session) => {
                // One that ended meanwhile is about to depart.
                if let Some(session) = self.inner.sessions.get(session) {
                    session.joined(self.id);
                    self.audience.join(session);
                }
            }
            Effect::Part(session) => {
                if let Some(session) = self.audience.part(session) {
                    session.parted(self.id);
                }
            }
            Effect::Publish(delivery) => self.audience.publish(&delivery, None),
            Effect::PublishExcept(delivery, session) => self.audience.publish(&delivery, Some(session)),
            Effect::Tell(session, delivery) => self.audience.tell(session, delivery),
            Effect::Warn { session, seq, head } => {
                let (room, session) = (self.id.0, session.0);
                tracing::warn!(
                    room.id = room, session.id = session, seq = seq.0, head = head.0,
                    "a client's position cannot be right; it starts afresh"
                );
            }
        }
    }

    /// What goes to the journal does not wait for the room any more.
    fn free_slots(&mut self, append: &Append) {
        let mut count = match append {
            Append::Messages(messages) => messages.len(),
            Append::Update(_) | Append::Delete(_) => 1,
        };
        while count > 0
            && let Some(reply) = self.unstored.pop_front()
        {
            if let Some(pending) = self.pending.get_mut(&reply) {
                pending.slot = None;
                count -= 1;
            }
        }
    }

    /// The room's end was published: all attachments are over.
    fn deleted(&mut self) {
        for session in self.audience.take() {
            session.room_deleted(self.id);
        }
        self.refuse_pending(&Error::RoomNotFound);
        (self.append, self.load) = (None, None);
    }

    /// The state broke. What it knew is gone, and nobody is told anything that may be wrong.
    async fn defect(&mut self) {
        tracing::error!(room.id = self.id.0, "a room has a defect; its sessions are closed and may come back");
        for session in self.audience.take() {
            session.end(Ending::DEFECT);
        }
        self.load = None;
        if self.append.is_some() {
            // The next state must not start before this append is in the log, or surely not.
            let _outcome = outcome(&mut self.append).await;
        }
        self.abandon();
    }

    /// Answers all who wait without knowing.
    fn abandon(&mut self) {
        self.unstored.clear();
        for (_, pending) in self.pending.drain() {
            pending.responder.abandon(&self.inner.epoch);
        }
    }

    fn refuse_pending(&mut self, error: &Error) {
        self.unstored.clear();
        for (_, pending) in self.pending.drain() {
            pending.responder.refuse(error.clone(), &self.inner.epoch);
        }
    }

    fn refuse_mail(&mut self, error: &Error) {
        while let Ok(letter) = self.mailbox.try_recv() {
            match letter {
                Letter::Command(command) => command.responder.refuse(error.clone(), &self.inner.epoch),
                Letter::Depart(..) => {}
                #[cfg(any(test, feature = "test-util"))]
                Letter::Panic => {}
            }
        }
    }
}

fn recover_failed(failure: StoreError) -> Error {
    Inner::read_failed(&failure)
}

/// What comes of what is under way, if anything is. It stays under way when this is dropped.
async fn outcome(under_way: &mut Option<BoxFuture<'static, Input>>) -> Input {
    match under_way {
        Some(future) => {
            let input = future.await;
            *under_way = None;
            input
        }
        None => pending().await,
    }
}

async fn until(at: Option<Duration>, now: Duration) {
    match at {
        Some(at) => sleep(at.saturating_sub(now)).await,
        None => pending().await,
    }
}
