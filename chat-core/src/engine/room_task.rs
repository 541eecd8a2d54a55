//! A room's task: feeds the state, and carries its effects out.

use std::{future::pending, mem, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

#[cfg(failpoints)]
use crate::mutations::MutatedState as RoomState;
#[cfg(not(failpoints))]
use crate::state::RoomState;
use crate::{
    Action, Actor, Delivery, DetachReason, Error, Identity, Item, Notice, RoomId, Seq, SessionId, UserId, VisibleRooms,
    engine::{
        active_rooms::ActiveRoom,
        audience::Audience,
        ending::Ending,
        lifecycle::TaskGuard,
        mailbox::{Mailbox, MailboxPermit, RoomCommand, RoomMsg, RoomShared},
        memory::RoomMemory,
        metrics::GaugeGuard,
        pause::{Paused, ToPaused},
        pending::Pending,
        room_context::RoomContext,
    },
    failpoints::{self, Point},
    rights::{Asker, RoomAction},
    state::{Completion, Effect, Input, Request},
    store::Viewer,
};

/// One active room. Everything but the state itself, so that it outlives a state that panics.
pub(super) struct RoomTask {
    context: Arc<RoomContext>,
    id: RoomId,
    mailbox: mpsc::UnboundedReceiver<RoomMsg>,
    shared: Arc<RoomShared>,
    memory: RoomMemory,
    stop: watch::Receiver<bool>,
    audience: Audience,
    pending: Pending,
    /// The places of what waits in the queue of the room's log.
    queued: Vec<MailboxPermit>,
    /// How many are online, as was told to `shared`.
    online: usize,
    /// Whether the state that is running was loaded.
    is_loaded: bool,
    /// Kept for its allocation only.
    effects: Vec<Effect>,
    /// The append under way, or the look at what became of it.
    append: Option<BoxFuture<'static, Completion>>,
    load: Option<BoxFuture<'static, Completion>>,
    look_up: Option<BoxFuture<'static, Completion>>,
    _running: TaskGuard,
    _counted: GaugeGuard,
}

/// How many users of a thread are told of a message there.
const MOST_THREAD_USERS: usize = 1_000;

/// How long what is under way in a room may take when it is to stand still.
const PAUSE_PATIENCE: Duration = Duration::from_secs(5);

/// Why a room's state is given up.
enum End {
    /// Nobody needs it; its entry is gone.
    Idle,
    /// The room was deleted.
    Deleted,
    /// What it knows is not so any more.
    Reload,
    /// The engine stops.
    Stopped,
}

/// What comes next.
#[allow(clippy::large_enum_variant, reason = "it is looked at once, where it is made")]
enum Next {
    Completed(Completion),
    RoomMsg(RoomMsg),
    Wake,
    Linger,
    Stop,
}

impl RoomTask {
    /// Starts the task of a room. The caller holds the lock on its entry.
    pub(super) fn spawn(context: &Arc<RoomContext>, id: RoomId, memory: RoomMemory) -> ActiveRoom {
        let (sender, mailbox, shared) = Mailbox::new(context.services.limits.room_mailbox);
        let usage = Arc::clone(memory.usage());
        let task = Self {
            context: Arc::clone(context),
            id,
            mailbox,
            shared,
            memory,
            stop: context.services.lifecycle.stop(),
            audience: Audience::default(),
            pending: Pending::default(),
            queued: Vec::new(),
            online: 0,
            is_loaded: false,
            effects: Vec::new(),
            append: None,
            load: None,
            look_up: None,
            _running: context.services.lifecycle.enter_room(),
            _counted: context.services.metrics.active_room(),
        };
        context.services.runtime.spawn(task.run());
        ActiveRoom { mailbox: sender, usage }
    }

    async fn run(mut self) {
        loop {
            self.is_loaded = false;
            let lived = AssertUnwindSafe(self.live()).catch_unwind().await;
            self.shared.set_presence(None);
            self.queued.clear();
            (self.load, self.look_up) = (None, None);
            self.memory.set_idle(false);
            self.memory.touch(0, self.context.services.clock.now().mono);
            match lived {
                Ok(Ok(End::Idle)) => return,
                Ok(Ok(End::Deleted)) => {
                    self.pending.abandon();
                    self.context.watches.deleted(self.id);
                    self.context.purger.start();
                    self.refuse_mail(&Error::RoomNotFound);
                }
                Ok(Ok(End::Reload)) => self.close_audience(Ending::RELOADED),
                Ok(Ok(End::Stopped)) => {
                    self.pending.abandon();
                    self.refuse_mail(&Error::Stopped);
                }
                Ok(Err(error)) => {
                    if error == Error::RoomNotFound {
                        self.context.watches.deleted(self.id);
                    }
                    self.refuse_mail(&error);
                }
                Err(_panic) => self.defect().await,
            }
            if self.context.rooms.retire(self.id, &self.mailbox) {
                return;
            }
        }
    }

    /// Loads the room and runs it until it ends; an error when it cannot be loaded.
    async fn live(&mut self) -> Result<End, Error> {
        let mut stop = self.stop.clone();
        let room = tokio::select! {
            room = self.context.services.store.room(self.id) => room,
            _ = stop.wait_for(|stop| *stop) => return Ok(End::Stopped),
        };
        let room = self.context.services.read(room)?.ok_or(Error::RoomNotFound)?;
        let epoch = self.context.services.epoch.clone();
        let mut state =
            RoomState::new(self.id, epoch, (room.first_seq, room.head), Arc::clone(&self.context.services.limits))
                .governed_by(room.terms(), room.rights_seq);
        self.tell_presence(&state);
        self.shared.set_head(state.head());
        self.is_loaded = true;
        Ok(self.drive(&mut state).await)
    }

    async fn drive(&mut self, state: &mut RoomState) -> End {
        let mut idle_since = None;
        loop {
            let now = self.context.services.clock.now().mono;
            if state.poll_timeout().is_some_and(|at| at <= now) {
                // Before the mailbox, so that a busy room does not starve its timers.
                self.step(state, Input::Timeout);
            }
            if state.is_deleted() {
                return End::Deleted;
            }
            let is_idle = state.is_idle();
            if is_idle != idle_since.is_some() {
                self.memory.set_idle(is_idle);
            }
            idle_since = is_idle.then(|| idle_since.unwrap_or(now));
            let linger = idle_since.map(|since: Duration| since + self.context.services.limits.room_linger);
            match self.next(state.poll_timeout(), linger).await {
                Next::Completed(completion) => self.step(state, completion.into()),
                Next::RoomMsg(RoomMsg::Command(command)) => self.take(state, command),
                Next::RoomMsg(RoomMsg::Depart(session, departure)) => {
                    self.step(state, Input::Depart { session, departure });
                }
                Next::RoomMsg(RoomMsg::Recheck(user, judged)) => {
                    self.recheck(state, user);
                    // Who asked may be gone.
                    let _gone = judged.send(());
                }
                Next::RoomMsg(RoomMsg::Hint) => {
                    let head = self.shared.take_hint();
                    self.step(state, Input::Hint { head });
                }
                Next::RoomMsg(RoomMsg::LetGo) => {
                    self.memory.asked();
                    if is_idle && self.context.rooms.retire(self.id, &self.mailbox) {
                        return End::Idle;
                    }
                    self.step(state, Input::LetGo);
                }
                Next::RoomMsg(RoomMsg::Pause(to)) => {
                    if let Some(end) = self.pause(state, to).await {
                        return end;
                    }
                }
                #[cfg(any(test, feature = "test-util"))]
                #[expect(clippy::panic, reason = "it was asked for")]
                Next::RoomMsg(RoomMsg::Panic) => panic!("broken on purpose"),
                Next::Wake => {}
                Next::Linger => {
                    if self.context.rooms.retire(self.id, &self.mailbox) {
                        return End::Idle;
                    }
                }
                Next::Stop => return End::Stopped,
            }
        }
    }

    async fn next(&mut self, wake: Option<Duration>, linger: Option<Duration>) -> Next {
        let now = self.context.services.clock.now().mono;
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Next::Stop,
            completion = outcome(&mut self.append) => Next::Completed(completion),
            completion = outcome(&mut self.load) => Next::Completed(completion),
            completion = outcome(&mut self.look_up) => Next::Completed(completion),
            message = self.mailbox.recv() => match message {
                Some(message) => Next::RoomMsg(message),
                // The entry holds the sender as long as this runs.
                None => Next::Stop,
            },
            () = until(wake, now) => Next::Wake,
            () = until(linger, now) => Next::Linger,
        }
    }

    /// Does what is under way, then stands still until the pause is over. Commands wait in the mailbox meanwhile. Returns why the
    /// state is given up, if it is.
    async fn pause(&mut self, state: &mut RoomState, to: ToPaused) -> Option<End> {
        let mut stop = self.stop.clone();
        let patience = self.context.services.clock.now().mono + PAUSE_PATIENCE;
        while !(self.pending.is_empty() && self.append.is_none() && self.load.is_none() && self.look_up.is_none()) {
            let now = self.context.services.clock.now().mono;
            let input = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Some(End::Stopped),
                completion = outcome(&mut self.append) => completion.into(),
                completion = outcome(&mut self.load) => completion.into(),
                completion = outcome(&mut self.look_up) => completion.into(),
                () = until(state.poll_timeout(), now) => Input::Timeout,
                () = until(Some(patience), now) => {
                    // Those who wait for the room shall not wait for longer.
                    let _gone = to.send(Err(Error::Unavailable));
                    return None;
                }
            };
            self.step(state, input);
        }
        if state.is_deleted() {
            return None;
        }
        let (paused, over) = Paused::new();
        if to.send(Ok(paused)).is_err() {
            return Some(End::Reload);
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => Some(End::Stopped),
            over = over => over.is_err().then_some(End::Reload),
        }
    }

    fn take(&mut self, state: &mut RoomState, command: RoomCommand) {
        let RoomCommand { request, responder, permit } = command;
        if let Err(error) = self.check(state, &request) {
            return responder.refuse(error);
        }
        self.tell_standing(state, &request);
        if matches!(request, Request::Append { .. }) {
            self.queued.extend(permit);
        }
        self.pending.insert(request.reply(), responder);
        self.step(state, request.into());
    }

    /// Checks again what may have changed since a request was checked: its user may have been locked out, and for an attach, which
    /// goes on for long, the policy may have changed its mind. Whoever types without being attached is told so if they may read the
    /// room.
    fn check(&self, state: &RoomState, request: &Request) -> Result<(), Error> {
        match request {
            Request::Attach { user, .. } => self.may_read(user),
            Request::Typing { session, user, .. } if state.user_of(*session).is_none() => self.may_read(user),
            // What an erased user had in the outbox is sent as nobody's; no other request comes that far.
            Request::Append { actor: Some(user), by_system: true, .. } if user.id.is_reserved() => Ok(()),
            Request::Append { actor: Some(user), .. } => self.context.services.locked_out.check(&user.id),
            Request::Append { actor: None, .. } | Request::Detach { .. } | Request::Typing { .. } => Ok(()),
        }
    }

    /// If the host keeps who is in the room, tells the state what whoever makes a request is there now, when it is their turn.
    fn tell_standing(&mut self, state: &mut RoomState, request: &Request) {
        if self.context.services.host().is_none() {
            return;
        }
        let of_session = || request.session().and_then(|session| state.user_of(session));
        if let Some(user) = request.user().or_else(of_session).map(|user| user.id.clone()) {
            self.ask_host(state, user);
        }
    }

    /// Asks the host what a user is in the room, if it keeps that.
    fn ask_host(&mut self, state: &mut RoomState, user: UserId) {
        if let Some(standing) = self.context.services.host().map(|host| host.standing(self.id, &user)) {
            self.step(state, Input::Standing { user, standing });
        }
    }

    /// Whether the policy lets a user read the room.
    fn may_read(&self, user: &Identity) -> Result<(), Error> {
        self.context.services.check(&Actor::User(user.clone()), Action::ReadRoom(self.id))
    }

    /// Has a user's sessions judged again. The policy and the host are asked now, when it is the room's turn.
    fn recheck(&mut self, state: &mut RoomState, user: UserId) {
        self.ask_host(state, user.clone());
        let sessions = state.sessions_of(&user);
        let refused = sessions.filter_map(|(session, whose)| Some((session, self.may_read(whose).err()?))).collect();
        self.step(state, Input::Recheck { user, refused });
    }

    /// Feeds the state and carries out what it says, in order.
    fn step(&mut self, state: &mut RoomState, input: Input) {
        let mut effects = mem::take(&mut self.effects);
        let (now, head) = (self.context.services.clock.now(), state.head());
        state.handle(input, now, &mut effects);
        // Whoever comes or goes joins or parts, or changes the number. Told first: who hears of it may ask at once.
        let moved = effects.iter().any(|effect| matches!(effect, Effect::Join(_) | Effect::Leave(..)));
        if moved || state.presence().count != self.online {
            self.tell_presence(state);
        }
        if state.head() > head {
            self.context.grown(self.id);
        }
        for effect in effects.drain(..) {
            self.carry_out(effect, state);
        }
        self.effects = effects;
        // What is being stored, or waits behind an attach of its own session, has no place here.
        self.queued.truncate(state.queued_appends());
        self.shared.set_head(state.head());
        if self.memory.touch(state.recent_bytes(), now.mono) {
            self.context.relieve();
        }
    }

    fn tell_presence(&mut self, state: &RoomState) {
        self.online = state.presence().count;
        self.shared.set_presence(Some(Arc::new(state.presence().clone())));
    }

    fn carry_out(&mut self, effect: Effect, state: &RoomState) {
        match effect {
            Effect::Append(entries) => {
                let outcome = self.context.journal.append(self.id, entries);
                self.append = Some(outcome.map(Completion::Appended).boxed());
            }
            Effect::Recover { keys } => {
                let (services, id) = (Arc::clone(&self.context.services), self.id);
                let look = async move {
                    let found = services.read(services.store.recover(id, &keys).await);
                    Completion::Recovered(found.and_then(|found| found.ok_or(Error::RoomNotFound)))
                };
                self.append = Some(look.boxed());
            }
            Effect::Load { after, limit } => {
                let (context, id) = (Arc::clone(&self.context), self.id);
                let is_tail = after == state.head();
                let load = async move {
                    let events = context.loader.load(id, after, limit, is_tail).await;
                    Completion::Loaded(context.services.read(events))
                };
                self.load = Some(load.boxed());
            }
            Effect::Answer(answered) => self.pending.answer(answered),
            Effect::Join(session) => self.join(session),
            Effect::Leave(session, reason) => self.part(session, reason),
            Effect::LookUp { users } => self.look_up(users),
            Effect::NotifyAdded { user } => self.notify_added(user),
            Effect::Publish(delivery) => self.publish(&delivery),
            Effect::SendTo(session, delivery) => {
                self.context.services.metrics.deliveries.increment(1);
                self.audience.tell(session, delivery);
            }
            Effect::Notify { user, except, notice } => {
                self.context.sessions.notify(&user, except, &notice);
            }
            Effect::NotifyThread { root, seq, author } => self.notify_thread(root, seq, author),
            Effect::ImpossiblePosition { session, seq, head } => {
                self.context.services.metrics.impossible_positions.increment(1);
                tracing::debug!(
                    room.id = self.id.0,
                    session.id = session.0,
                    seq = seq.0,
                    head = head.0,
                    "a client's position cannot be right; it starts afresh"
                );
            }
        }
    }

    /// Looks up what users are in the room.
    fn look_up(&mut self, users: Vec<UserId>) {
        let (services, id) = (Arc::clone(&self.context.services), self.id);
        let look_up = async move {
            let found = services.standings(id, &users).await;
            Completion::LookedUp(found.and_then(|found| found.ok_or(Error::RoomNotFound)))
        };
        self.look_up = Some(look_up.boxed());
    }

    /// Tells a user that they may read the room now. What it is then is read in the background.
    fn notify_added(&self, user: UserId) {
        let (context, id) = (Arc::clone(&self.context), self.id);
        self.context.services.runtime.spawn(async move {
            let asker = |standing| Asker::User { standing, admin: false };
            if let Ok(room) = context.services.in_room(id, Some(&user), RoomAction::Read, asker).await {
                context.sessions.notify(&user, None, &Notice::RoomAdded { room: Arc::new(room) });
            }
        });
    }

    fn publish(&self, delivery: &Delivery) {
        let metrics = &self.context.services.metrics;
        metrics.deliveries.increment(self.audience.len() as u64);
        if let Item::Event(event) = delivery.item() {
            metrics.events_appended.increment(1);
            // Nobody may be listening.
            let _listeners = self.context.services.all_events.send(Arc::clone(event));
            self.context.watches.heard(event);
            failpoints::reached(Point::AfterAnswer);
        }
        self.audience.publish(delivery);
    }

    /// Tells those who wrote in a thread of a message there. Who they are is read in the background: it is a hint, and nobody waits
    /// for it.
    fn notify_thread(&self, root: Seq, seq: Seq, author: UserId) {
        let (context, room) = (Arc::clone(&self.context), self.id);
        self.context.services.runtime.spawn(async move {
            let read = context.services.store.reader().thread_users(room, root, MOST_THREAD_USERS).await;
            let users = match read {
                Ok(users) => users,
                Err(failure) => return drop(context.services.read_failed(&failure)),
            };
            let Ok(Some(standings)) = context.services.standings(room, &users).await else { return };
            // Of the policy, each session is asked when it is told.
            let viewer =
                |user: &UserId| Viewer::User(user.clone(), context.services.clock.now().wall, VisibleRooms::All);
            let sees = |user: &UserId| viewer(user).sees(room, standings.terms, standings.of(user));
            for user in users.iter().filter(|user| **user != author && sees(user)) {
                context.sessions.notify(user, None, &Notice::Thread { room, root, seq });
            }
        });
    }

    fn join(&mut self, session: SessionId) {
        // One that ended meanwhile is about to depart.
        if let Some(session) = self.context.sessions.get(session) {
            self.audience.join(session);
        }
    }

    fn part(&mut self, session: SessionId, reason: Option<DetachReason>) {
        if let Some(session) = self.audience.part(session) {
            session.detached(self.id, reason);
        }
    }

    /// The state broke. What it knew is gone, and nobody is told anything that may be wrong.
    async fn defect(&mut self) {
        if let Some(left_out) = self.context.services.logs.room_defect.pass(Instant::now().into_std()) {
            let room = self.id.0;
            tracing::error!(left_out, room.id = room, "a room has a defect; its sessions are closed and may come back");
        }
        self.close_audience(Ending::DEFECT);
        if self.append.is_some() {
            // The next state must not start before this append is in the log, or surely not.
            let _outcome = outcome(&mut self.append).await;
        }
        self.pending.abandon();
        if !self.is_loaded {
            // It would break again, for ever.
            self.refuse_mail(&Error::Internal);
        }
    }

    fn close_audience(&mut self, ending: Ending) {
        for session in self.audience.take() {
            session.end(ending);
        }
    }

    fn refuse_mail(&mut self, error: &Error) {
        while let Ok(message) = self.mailbox.try_recv() {
            match message {
                RoomMsg::Command(command) => command.responder.refuse(error.clone()),
                RoomMsg::Hint => {
                    let _hint = self.shared.take_hint();
                }
                RoomMsg::LetGo => self.memory.asked(),
                RoomMsg::Depart(..) | RoomMsg::Recheck(..) | RoomMsg::Pause(_) => {}
                #[cfg(any(test, feature = "test-util"))]
                RoomMsg::Panic => {}
            }
        }
    }
}

/// What comes of what is under way, if anything is. It stays under way when this is dropped.
async fn outcome(under_way: &mut Option<BoxFuture<'static, Completion>>) -> Completion {
    match under_way {
        Some(future) => {
            let completion = future.await;
            *under_way = None;
            completion
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
