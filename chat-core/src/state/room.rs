//! What is decided in a room: the value itself, and which part takes which input.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    Delivery, Epoch, Limits, Now, Presence, RoomId, Seq, SessionId, Signal, SignalKind,
    error::Error,
    state::{
        Effect, Input, Outcome, ReplyId,
        audience::{Attachment, Waiting},
        order::{LogPhase, Pending},
        presence::Online,
        recent::Recent,
        throttle::Throttle,
        typing::Typists,
    },
};

/// A room: its order (`order.rs`), its audience (`audience.rs`), who is there and who types.
#[derive(Debug)]
pub struct RoomState {
    pub(super) id: RoomId,
    pub(super) epoch: Epoch,
    pub(super) limits: Arc<Limits>,
    /// The last event that was applied: the H of the design.
    pub(super) head: Seq,
    pub(super) deleted: bool,
    pub(super) recent: Recent,
    pub(super) order: LogPhase,
    /// Whether the log was last asked for events after the head, not appended to.
    pub(super) tail_was_last: bool,
    /// Appends that wait for the one under way.
    pub(super) queue: std::collections::VecDeque<Pending>,
    /// The load that is under way.
    pub(super) load: Option<Load>,
    pub(super) audience: BTreeMap<SessionId, Attachment>,
    /// Sessions whose attach waits for a load, with their commands behind it.
    pub(super) waiting: BTreeMap<SessionId, Waiting>,
    pub(super) online: Online,
    pub(super) typists: Typists,
    pub(super) user_list_throttle: Throttle,
    pub(super) typing_throttle: Throttle,
    /// Who is online, as told last: kept so that it is encoded once for all who attach.
    user_list: Option<Delivery>,
    presence: Presence,
}

/// What is being loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// Older events, so that gaps can be filled.
    Recent,
    /// Events after the head: another writer's.
    Tail,
}

impl RoomState {
    /// A room whose newest event is `head`.
    #[must_use]
    pub fn new(id: RoomId, epoch: Epoch, head: Seq, limits: Arc<Limits>) -> Self {
        Self {
            id,
            epoch,
            head,
            deleted: false,
            recent: Recent::new(head, limits.recent_events, limits.recent_bytes),
            order: LogPhase::Idle,
            tail_was_last: false,
            queue: std::collections::VecDeque::new(),
            load: None,
            audience: BTreeMap::new(),
            waiting: BTreeMap::new(),
            online: Online::new(&limits),
            typists: Typists::new(limits.typing_expiry, limits.typing_names),
            user_list_throttle: Throttle::new(limits.signal_interval),
            typing_throttle: Throttle::new(limits.signal_interval),
            user_list: None,
            presence: Presence::default(),
            limits,
        }
    }

    /// Takes an input; pushes what is to be done, in order.
    pub fn handle(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        match input {
            Input::Appended(result) => self.appended(result, now, effects),
            Input::Recovered(result) => self.recovered(result, now, effects),
            Input::Loaded(result) => self.loaded(result, now, effects),
            Input::Depart { session, departure } => self.depart(session, departure, now, effects),
            Input::LetGo => self.let_go(),
            Input::Timeout => {}
            command @ (Input::Attach { .. }
            | Input::Detach { .. }
            | Input::Typing { .. }
            | Input::Send { .. }
            | Input::Update { .. }
            | Input::Delete { .. }) => self.command(command, now, effects),
        }
        self.go_on(now, effects);
    }

    /// When (on the monotonic clock) it wants an [`Input::Timeout`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        [
            self.order.poll_timeout(),
            self.online.poll_timeout(),
            self.typists.poll_timeout(),
            self.user_list_throttle.poll_timeout(),
            self.typing_throttle.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Who is online, as it may be told: names only while there are few.
    #[must_use]
    pub const fn presence(&self) -> &Presence {
        &self.presence
    }

    /// What the events at hand for those who come back cost in bytes, by [`Delivery::cost`].
    #[must_use]
    pub const fn recent_bytes(&self) -> usize {
        self.recent.bytes()
    }

    /// The last event that was applied.
    #[must_use]
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// Whether its end was applied: it takes nothing any more.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Whether nobody is here, nothing is under way and no timer runs: it can be forgotten.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.audience.is_empty()
            && self.waiting.is_empty()
            && self.queue.is_empty()
            && self.load.is_none()
            && matches!(self.order, LogPhase::Idle)
            && self.poll_timeout().is_none()
    }

    /// A command, or where it waits: behind its session's attach, if that waits here.
    pub(super) fn command(&mut self, command: Input, now: Now, effects: &mut Vec<Effect>) {
        if self.deleted {
            return refuse(&command, &Error::RoomNotFound, effects);
        }
        let Some(command) = self.queue_behind_attach(command) else { return };
        match command {
            Input::Attach { session, user, since, presence, reply } => {
                let attachment = Attachment { user, presence };
                self.attach(session, Waiting::new(attachment, since, reply), now, effects);
            }
            Input::Detach { session, reply } => self.detach(session, reply, now, effects),
            Input::Typing { session, is_typing, reply } => self.typing(session, is_typing, reply, now, effects),
            Input::Send { author, content, key, reply, .. } => {
                self.enqueue(Pending::message(author, content, key, reply), effects);
            }
            Input::Update { actor, name, topic, key, reply } => {
                self.enqueue(Pending::update(actor, (name, topic), key, reply), effects);
            }
            Input::Delete { actor, key, reply } => self.enqueue(Pending::delete(actor, key, reply), effects),
            // Not commands: `handle` has dealt with them.
            Input::Depart { .. }
            | Input::Appended(_)
            | Input::Recovered(_)
            | Input::Loaded(_)
            | Input::LetGo
            | Input::Timeout => {}
        }
    }

    /// Lets go of the events at hand, unless someone waits for them.
    fn let_go(&mut self) {
        if self.waiting.is_empty() {
            self.recent.clear();
        }
    }

    /// What follows from the state and the time alone: timers, the next append, the next load, due signals.
    fn go_on(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.expire(now, effects);
        self.continue_order(now, effects);
        self.start_load(effects);
        self.send_due_signals(now, effects);
    }

    fn expire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(user) = self.online.expire(now.mono) {
            self.left(user, now, effects);
        }
        if self.typists.expire(now.mono) {
            self.typing_throttle.mark();
        }
    }

    fn send_due_signals(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.audience.is_empty() {
            self.user_list_throttle.clear();
            self.typing_throttle.clear();
            return;
        }
        if self.user_list_throttle.take(now.mono) {
            effects.push(Effect::Publish(self.user_list(now)));
        }
        if self.typing_throttle.take(now.mono) {
            effects.push(Effect::Publish(self.signal(SignalKind::Typing(self.typists.view()), now)));
        }
    }

    /// Somebody came or went: what is told of presence is to be told anew.
    pub(super) fn presence_changed(&mut self) {
        self.presence = self.online.view();
        self.user_list = None;
        self.user_list_throttle.mark();
    }

    pub(super) fn user_list(&mut self, now: Now) -> Delivery {
        let list = match self.user_list.take() {
            Some(list) => list,
            None => self.signal(SignalKind::UserList(self.presence.clone()), now),
        };
        self.user_list.insert(list).clone()
    }

    pub(super) fn signal(&self, kind: SignalKind, now: Now) -> Delivery {
        Delivery::signal(Signal { room: self.id, at: now.wall, kind })
    }
}

pub(super) fn answer(reply: ReplyId, result: Outcome, effects: &mut Vec<Effect>) {
    effects.push(Effect::Answer { reply, result });
}

pub(super) fn fail(reply: ReplyId, error: Error, effects: &mut Vec<Effect>) {
    answer(reply, Outcome::Failed(error), effects);
}

/// Answers a command with an error, whatever it is.
pub(super) fn refuse(command: &Input, error: &Error, effects: &mut Vec<Effect>) {
    match command {
        // Detached it is.
        Input::Detach { reply, .. } => answer(*reply, Outcome::Detached, effects),
        Input::Attach { reply, .. }
        | Input::Typing { reply, .. }
        | Input::Send { reply, .. }
        | Input::Update { reply, .. }
        | Input::Delete { reply, .. } => fail(*reply, error.clone(), effects),
        Input::Depart { .. }
        | Input::Appended(_)
        | Input::Recovered(_)
        | Input::Loaded(_)
        | Input::LetGo
        | Input::Timeout => {}
    }
}
