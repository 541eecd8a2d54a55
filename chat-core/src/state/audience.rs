//! Who hears the room: attach, detach, and the gap between.

use std::{collections::VecDeque, mem};

use crate::{
    Delivery, Identity, Now, Seq, SessionId, SignalKind, Since,
    error::Error,
    state::{
        Departure, Effect, Input, Outcome, ReplyId, RoomState,
        order::LogPhase,
        room::{Load, answer, fail, refuse},
        typing::Typists,
    },
};

/// A session that hears the room.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) user: Identity,
    /// Whether the user is shown.
    pub(super) presence: bool,
}

/// A session whose attach waits for a load.
#[derive(Debug)]
pub(super) struct Waiting {
    attachment: Attachment,
    since: Since,
    reply: ReplyId,
    /// How often older events were loaded for it.
    rounds: u8,
    /// Whether the database is being asked for events after the head, since this attach came.
    asking_tail: bool,
    /// Whether it was.
    asked_tail: bool,
    /// Its session's commands that came after.
    queued: VecDeque<Input>,
}

/// How many events after the head are loaded at a time: of at most 64 KiB each.
const TAIL_PAGE: usize = 64;
/// How often older events are loaded for an attach before it is told to resync.
const MAX_ROUNDS: u8 = 3;

/// What is to be done about an attach now.
enum AttachDecision {
    Join(Vec<Delivery>),
    Resync,
    /// A position that cannot be right.
    ResyncImpossible(Seq),
    LoadRecent,
    LoadTail,
}

impl Waiting {
    pub(super) const fn new(attachment: Attachment, since: Since, reply: ReplyId) -> Self {
        Self { attachment, since, reply, rounds: 0, asking_tail: false, asked_tail: false, queued: VecDeque::new() }
    }
}

impl RoomState {
    /// Puts a command behind its session's waiting attach, if there is one; gives it back if not. A detach does not wait.
    pub(super) fn queue_behind_attach(&mut self, command: Input) -> Option<Input> {
        let session = match &command {
            Input::Attach { session, .. } | Input::Typing { session, .. } => Some(*session),
            Input::Send { session, .. } => *session,
            Input::Detach { .. }
            | Input::Update { .. }
            | Input::Delete { .. }
            | Input::Depart { .. }
            | Input::Appended(_)
            | Input::Recovered(_)
            | Input::Loaded(_)
            | Input::LetGo
            | Input::Timeout => None,
        };
        match session.and_then(|session| self.waiting.get_mut(&session)) {
            Some(waiting) => {
                waiting.queued.push_back(command);
                None
            }
            None => Some(command),
        }
    }

    pub(super) fn attach(&mut self, session: SessionId, waiting: Waiting, now: Now, effects: &mut Vec<Effect>) {
        if self.audience.contains_key(&session) {
            return fail(waiting.reply, Error::AlreadyAttached, effects);
        }
        match self.judge(&waiting) {
            AttachDecision::Join(gap) => self.join(session, waiting, Some(gap), now, effects),
            AttachDecision::Resync => self.join(session, waiting, None, now, effects),
            AttachDecision::ResyncImpossible(seq) => {
                effects.push(Effect::ImpossiblePosition { session, seq, head: self.head });
                self.join(session, waiting, None, now, effects);
            }
            AttachDecision::LoadTail if self.order.gave_up() => {
                self.give_up_attach(waiting, &Error::Unavailable, now, effects);
            }
            AttachDecision::LoadRecent | AttachDecision::LoadTail => {
                self.waiting.insert(session, waiting);
            }
        }
    }

    /// Whether what is at hand answers an attach. Decided at the step that would answer it, never before.
    fn judge(&self, waiting: &Waiting) -> AttachDecision {
        let seq = match &waiting.since {
            Since::Now => return AttachDecision::Join(vec![]),
            Since::Position(position) if position.epoch != self.epoch => {
                return AttachDecision::ResyncImpossible(position.seq);
            }
            Since::Position(position) => position.seq,
            Since::Seq(seq) => *seq,
        };
        if seq > self.head {
            return if waiting.asked_tail { AttachDecision::ResyncImpossible(seq) } else { AttachDecision::LoadTail };
        }
        if self.recent.covers(seq) {
            return AttachDecision::Join(self.recent.since(seq));
        }
        if self.recent.can_grow() && waiting.rounds < MAX_ROUNDS {
            AttachDecision::LoadRecent
        } else {
            AttachDecision::Resync
        }
    }

    /// The one step in which a session is answered, given its gap, and joins the audience.
    fn join(
        &mut self,
        session: SessionId,
        waiting: Waiting,
        gap: Option<Vec<Delivery>>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Waiting { attachment, reply, queued, .. } = waiting;
        if attachment.presence && self.online.arrive(session, &attachment.user) {
            self.presence_changed();
            if self.online.named() {
                effects.push(Effect::Publish(self.signal(SignalKind::Join(attachment.user.clone()), now)));
            }
            // The session that causes it gets its own list below; the others get theirs now, or when it is due.
            if self.audience.is_empty() {
                self.user_list_throttle.clear();
            } else if self.user_list_throttle.take(now.mono) {
                effects.push(Effect::Publish(self.user_list(now)));
            }
        }
        let head = self.head;
        answer(reply, gap.map_or(Outcome::Resync { head }, |gap| Outcome::Attached { head, gap }), effects);
        effects.push(Effect::Join(session));
        effects.push(Effect::SendTo(session, self.user_list(now)));
        if !self.typists.is_empty() {
            effects.push(Effect::SendTo(session, self.signal(SignalKind::Typing(self.typists.view()), now)));
        }
        self.audience.insert(session, attachment);
        self.run_queued(queued, now, effects);
    }

    pub(super) fn detach(&mut self, session: SessionId, reply: ReplyId, now: Now, effects: &mut Vec<Effect>) {
        self.give_up_attaches_of(session, now, effects);
        if let Some(attachment) = self.audience.remove(&session) {
            effects.push(Effect::Leave(session));
            answer(reply, Outcome::Detached, effects);
            self.gone(session, &attachment, Departure::Closed, now, effects);
        } else {
            answer(reply, Outcome::Detached, effects);
        }
    }

    /// A session is gone. What it sent behind a waiting attach is sent all the same; nobody is left to attach or to type.
    pub(super) fn depart(&mut self, session: SessionId, departure: Departure, now: Now, effects: &mut Vec<Effect>) {
        if let Some(waiting) = self.waiting.remove(&session) {
            fail(waiting.reply, Error::NotAttached, effects);
            for command in waiting.queued {
                if matches!(command, Input::Send { .. }) {
                    self.command(command, now, effects);
                } else {
                    refuse(&command, &Error::NotAttached, effects);
                }
            }
        }
        if let Some(attachment) = self.audience.remove(&session) {
            effects.push(Effect::Leave(session));
            self.gone(session, &attachment, departure, now, effects);
        }
    }

    fn give_up_attach(&mut self, waiting: Waiting, error: &Error, now: Now, effects: &mut Vec<Effect>) {
        fail(waiting.reply, error.clone(), effects);
        self.run_queued(waiting.queued, now, effects);
    }

    /// Ends a session's waiting attach, and the one that may stand behind it, and so on.
    fn give_up_attaches_of(&mut self, session: SessionId, now: Now, effects: &mut Vec<Effect>) {
        while let Some(waiting) = self.waiting.remove(&session) {
            self.give_up_attach(waiting, &Error::NotAttached, now, effects);
        }
    }

    fn run_queued(&mut self, queued: VecDeque<Input>, now: Now, effects: &mut Vec<Effect>) {
        for command in queued {
            self.command(command, now, effects);
        }
    }

    /// What a session leaves behind: presence, typing.
    fn gone(
        &mut self,
        session: SessionId,
        attachment: &Attachment,
        departure: Departure,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let user = &attachment.user;
        if self.typists.stop(session, &user.id) {
            self.typing_throttle.mark();
        }
        if !attachment.presence {
            return;
        }
        if let Some(user) = self.online.depart(session, &user.id, departure, now.mono) {
            self.left(user, now, effects);
        }
    }

    /// A user went offline.
    pub(super) fn left(&mut self, user: Identity, now: Now, effects: &mut Vec<Effect>) {
        if self.online.named() {
            effects.push(Effect::Publish(self.signal(SignalKind::Leave(user), now)));
        }
        self.presence_changed();
    }

    pub(super) fn typing(
        &mut self,
        session: SessionId,
        is_typing: bool,
        reply: ReplyId,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(attachment) = self.audience.get(&session) else {
            return fail(reply, Error::NotAttached, effects);
        };
        answer(reply, Outcome::Typing, effects);
        let user = &attachment.user;
        let news = match is_typing {
            // Who reads unseen types unseen.
            true => attachment.presence && self.typists.start(session, user, now.mono),
            false => self.typists.stop(session, &user.id),
        };
        if news {
            self.typing_throttle.mark();
        }
    }

    /// Starts the load that something waits for, unless one is under way.
    pub(super) fn start_load(&mut self, effects: &mut Vec<Effect>) {
        if self.load.is_some() {
            return;
        }
        if self.order.wants_tail() {
            self.load = Some(Load::Tail);
            self.waiting.values_mut().for_each(|waiting| waiting.asking_tail = true);
            effects.push(Effect::Load { after: self.head, limit: TAIL_PAGE });
        } else if self.waiting.values().any(|waiting| matches!(self.judge(waiting), AttachDecision::LoadRecent)) {
            self.load = Some(Load::Recent);
            let (after, limit) = self.recent.missing();
            effects.push(Effect::Load { after, limit });
        }
    }

    /// Whether an attach asks for events after the head.
    pub(super) fn tail_asked(&self) -> bool {
        self.waiting.values().any(|waiting| matches!(self.judge(waiting), AttachDecision::LoadTail))
    }

    /// The older events came, or did not.
    pub(super) fn loaded_recent(&mut self, loaded: Result<Vec<Delivery>, Error>, now: Now, effects: &mut Vec<Effect>) {
        let served = self.waiting_for(|verdict| matches!(verdict, AttachDecision::LoadRecent));
        match loaded {
            Ok(older) => {
                self.recent.prepend(older);
                for session in served {
                    if let Some(waiting) = self.waiting.get_mut(&session) {
                        waiting.rounds += 1;
                    }
                }
                self.retry_attaches(now, effects);
            }
            Err(error) => self.give_up_attaches(served, &error, now, effects),
        }
    }

    /// The database was asked for what is after the head, and that was applied.
    pub(super) fn loaded_tail(&mut self, error: Option<&Error>, now: Now, effects: &mut Vec<Effect>) {
        let served = self.waiting_for(|verdict| matches!(verdict, AttachDecision::LoadTail));
        if let Some(error) = error {
            self.give_up_attaches(served, error, now, effects);
        } else {
            for session in served {
                if let Some(waiting) = self.waiting.get_mut(&session) {
                    // Who came while it was under way has not been asked for: what was read may be older than what they know.
                    waiting.asked_tail = waiting.asking_tail;
                }
            }
        }
        // Also those that an earlier part of the tail was enough for.
        self.retry_attaches(now, effects);
    }

    /// Answers every waiting attach with an error.
    pub(super) fn give_up_all_attaches(&mut self, error: &Error, now: Now, effects: &mut Vec<Effect>) {
        self.give_up_attaches(self.waiting.keys().copied().collect(), error, now, effects);
    }

    fn give_up_attaches(&mut self, sessions: Vec<SessionId>, error: &Error, now: Now, effects: &mut Vec<Effect>) {
        for session in sessions {
            if let Some(waiting) = self.waiting.remove(&session) {
                self.give_up_attach(waiting, error, now, effects);
            }
        }
    }

    fn waiting_for(&self, wanted: impl Fn(&AttachDecision) -> bool) -> Vec<SessionId> {
        let waiting = self.waiting.iter().filter(|(_, waiting)| wanted(&self.judge(waiting)));
        waiting.map(|(session, _)| *session).collect()
    }

    /// Tries every waiting attach again; those that need more go on waiting.
    pub(super) fn retry_attaches(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for (session, waiting) in mem::take(&mut self.waiting) {
            self.attach(session, waiting, now, effects);
        }
    }

    /// The room is gone: everyone's attachment ends, without leaves.
    pub(super) fn end(&mut self, effects: &mut Vec<Effect>) {
        self.deleted = true;
        self.order = LogPhase::Idle;
        for session in mem::take(&mut self.audience).into_keys() {
            effects.push(Effect::Leave(session));
        }
        for (_, waiting) in mem::take(&mut self.waiting) {
            fail(waiting.reply, Error::RoomNotFound, effects);
            waiting.queued.iter().for_each(|command| refuse(command, &Error::RoomNotFound, effects));
        }
        self.refuse_queue(&Error::RoomNotFound, effects);
        self.online = super::presence::Online::new(&self.limits);
        self.typists = Typists::new(self.limits.typing_expiry, self.limits.typing_names);
        self.presence_changed();
    }
}
