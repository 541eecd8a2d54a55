//! Who hears the room: attach, detach, the gap between, and what is told of who is there and who types.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    time::Duration,
};

use crate::{
    Attached, Delivery, DetachReason, Epoch, Event, Gap, Identity, Limits, Marked, Notice, Now, Position, Presence,
    RoomId, Seq, SessionId, Signal, SignalKind, Since, UserId,
    error::Error,
    state::{
        Answered, Departure, Effect, ReplyId, Request,
        answer::{refuse, refuse_attach},
        log::Log,
        outcome::Sender,
        presence::{Arrival, Online},
        receipts::Receipts,
        throttle::Throttle,
        typing::Typists,
    },
};

/// The sessions that hear a room or are about to, and their users.
#[derive(Debug)]
pub(super) struct Audience {
    room: RoomId,
    epoch: Epoch,
    attachments: BTreeMap<SessionId, Attachment>,
    /// Sessions whose attach waits for a load, with their requests that came after it.
    waiting: BTreeMap<SessionId, Waiting>,
    online: Online,
    typists: Typists,
    user_list_throttle: Throttle,
    typing_throttle: Throttle,
    receipts: Receipts,
    /// Who is online, as told last: kept so that it is encoded once for all who attach.
    user_list: Option<Delivery>,
    presence: Presence,
}

/// A session that hears the room.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) user: Identity,
    /// Whether the user is shown.
    pub(super) presence: bool,
}

/// A session whose attach waits for a load, or which types without being attached and waits for what it may be told.
#[derive(Debug)]
pub(super) struct Waiting {
    attachment: Attachment,
    asked: Asked,
    reply: ReplyId,
    /// Whether its user may hear the room, as far as that is known by now.
    is_allowed: bool,
    /// How often older events were loaded for it.
    rounds: u8,
    /// Whether the database is being asked for events after the head, since this attach came.
    asking_tail: bool,
    /// Whether it was.
    asked_tail: bool,
    /// Its session's requests that came after.
    queued: VecDeque<Request>,
}

/// What a session waits for.
#[derive(Debug)]
enum Asked {
    /// To hear the room since there.
    Attach(Since),
    /// What it is told about its typing, as it is not attached.
    Typing,
}

/// Requests whose turn has come, because the attach that they waited for is answered.
pub(super) type Ready = VecDeque<Request>;

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
    /// It is no attach.
    Refuse,
}

impl Waiting {
    /// Of an attach.
    pub(super) const fn new(attachment: Attachment, since: Since, reply: ReplyId) -> Self {
        Self::of(attachment, Asked::Attach(since), reply)
    }

    /// Of somebody who types and is not attached.
    pub(super) const fn not_attached(user: Identity, reply: ReplyId) -> Self {
        Self::of(Attachment { user, presence: false }, Asked::Typing, reply)
    }

    const fn of(attachment: Attachment, asked: Asked, reply: ReplyId) -> Self {
        Self {
            attachment,
            asked,
            reply,
            is_allowed: false,
            rounds: 0,
            asking_tail: false,
            asked_tail: false,
            queued: VecDeque::new(),
        }
    }

    /// Whose it is.
    pub(super) const fn user(&self) -> &Identity {
        &self.attachment.user
    }

    /// Whether it is to hear the room.
    pub(super) const fn is_attach(&self) -> bool {
        matches!(self.asked, Asked::Attach(_))
    }

    /// The same, of somebody who may hear the room.
    pub(super) const fn allowed(mut self) -> Self {
        self.is_allowed = true;
        self
    }

    /// Ends it with an error.
    pub(super) fn give_up(self, error: &Error, effects: &mut Vec<Effect>) -> Ready {
        match self.asked {
            Asked::Attach(_) => refuse_attach(self.reply, error.clone(), effects),
            Asked::Typing => effects.push(Effect::Answer(Answered::Typing(self.reply, Err(error.clone())))),
        }
        self.queued
    }
}

impl Audience {
    /// Nobody yet.
    pub(super) fn new(room: RoomId, epoch: Epoch, limits: &Limits) -> Self {
        Self {
            room,
            epoch,
            attachments: BTreeMap::new(),
            waiting: BTreeMap::new(),
            online: Online::new(limits),
            typists: Typists::new(limits.typing_expiry, limits.typing_names),
            user_list_throttle: Throttle::new(limits.signal_interval),
            typing_throttle: Throttle::new(limits.signal_interval),
            receipts: Receipts::new(limits),
            user_list: None,
            presence: Presence::default(),
        }
    }

    /// Who is online, as it may be told: names only while there are few.
    pub(super) const fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Whether nobody hears the room or is about to.
    pub(super) fn is_empty(&self) -> bool {
        self.attachments.is_empty() && self.waiting.is_empty()
    }

    /// How many sessions hear the room.
    pub(super) fn len(&self) -> usize {
        self.attachments.len()
    }

    /// Whether attaches wait.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let timers = [
            self.online.poll_timeout(),
            self.typists.poll_timeout(),
            self.user_list_throttle.poll_timeout(),
            self.typing_throttle.poll_timeout(),
            self.receipts.poll_timeout(),
        ];
        timers.into_iter().flatten().min()
    }

    /// Puts a request behind its session's waiting attach, if there is one; gives it back if not. A detach waits only until it is
    /// known whether the attach is allowed: who may not know of the room is told the same as of one that is not there.
    pub(super) fn queue(&mut self, request: Request) -> Option<Request> {
        let is_detach = matches!(request, Request::Detach { .. });
        match request.session().and_then(|session| self.waiting.get_mut(&session)) {
            Some(waiting) if !(is_detach && waiting.is_allowed) => {
                waiting.queued.push_back(request);
                None
            }
            Some(_) | None => Some(request),
        }
    }

    /// Attaches a session, or lets it wait for a load. The one step in which a session is answered, given its gap, and joins.
    /// One that only types is told that it is not attached.
    pub(super) fn attach(
        &mut self,
        session: SessionId,
        waiting: Waiting,
        log: &Log,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Ready {
        if self.attachments.contains_key(&session) {
            refuse_attach(waiting.reply, Error::AlreadyAttached, effects);
            return waiting.queued;
        }
        let (head, reply) = (log.head(), waiting.reply);
        let gap = match self.decide(&waiting, log) {
            AttachDecision::Join(gap) => Gap::Events(gap),
            AttachDecision::Resync => Gap::Resync,
            AttachDecision::ResyncImpossible(seq) => {
                effects.push(Effect::ImpossiblePosition { session, seq, head });
                Gap::Resync
            }
            AttachDecision::Refuse => return waiting.give_up(&Error::NotAttached, effects),
            AttachDecision::LoadTail if log.gave_up() => return waiting.give_up(&Error::Unavailable, effects),
            AttachDecision::LoadRecent | AttachDecision::LoadTail => {
                self.waiting.insert(session, waiting);
                return Ready::new();
            }
        };
        let Waiting { attachment, queued, .. } = waiting;
        self.arrive(session, &attachment, now, effects);
        let attached = Attached { room: self.room, head: Position { epoch: self.epoch.clone(), seq: head }, gap };
        effects.push(Effect::Answer(Answered::Attach(reply, Ok(attached))));
        effects.push(Effect::Join(session));
        effects.push(Effect::SendTo(session, self.user_list(now)));
        if !self.typists.is_empty() {
            effects.push(Effect::SendTo(session, self.signal(SignalKind::Typing(self.typists.view()), now)));
        }
        self.attachments.insert(session, attachment);
        queued
    }

    /// Lets an attach wait until it is known whether its user may hear the room.
    pub(super) fn wait(&mut self, session: SessionId, mut waiting: Waiting) {
        waiting.is_allowed = false;
        self.waiting.insert(session, waiting);
    }

    /// Whether somebody hears the room.
    pub(super) fn hears(&self, user: &UserId) -> bool {
        self.attachments.values().any(|attachment| attachment.user.id == *user)
    }

    /// The sessions of a user that hear the room or wait to do so.
    pub(super) fn sessions_of(&self, user: &UserId) -> impl Iterator<Item = (SessionId, &Identity)> {
        let attached = self.attachments.iter().map(|(session, attachment)| (*session, &attachment.user));
        let waiting = self.waiting.iter().map(|(session, waiting)| (*session, waiting.user()));
        attached.chain(waiting).filter(move |(_, whose)| whose.id == *user)
    }

    /// Whoever hears the room and may not.
    pub(super) fn unfit(&self, fits: impl Fn(&Identity) -> bool) -> Vec<SessionId> {
        let unfit = self.attachments.iter().filter(|(_, attachment)| !fits(&attachment.user));
        unfit.map(|(session, _)| *session).collect()
    }

    /// Ends attachments for a reason that their sessions are told. What follows from that is heard by none of them.
    pub(super) fn put_out(
        &mut self,
        sessions: Vec<SessionId>,
        reason: DetachReason,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let mut ended = Vec::new();
        for session in sessions {
            if let Some(attachment) = self.attachments.remove(&session) {
                effects.push(Effect::Leave(session, Some(reason)));
                ended.push((session, attachment));
            }
        }
        for (session, attachment) in ended {
            self.gone(session, &attachment, Departure::Closed, now, effects);
        }
    }

    /// Whose the attachment of a session is.
    pub(super) fn user_of(&self, session: SessionId) -> Option<&Identity> {
        self.attachments.get(&session).map(|attachment| &attachment.user)
    }

    /// Whether what is at hand answers an attach. Decided at the step that would answer it, never before.
    fn decide(&self, waiting: &Waiting, log: &Log) -> AttachDecision {
        let Asked::Attach(since) = &waiting.asked else { return AttachDecision::Refuse };
        let seq = match since {
            Since::Now => return AttachDecision::Join(vec![]),
            Since::Position(position) if position.epoch != self.epoch => {
                return AttachDecision::ResyncImpossible(position.seq);
            }
            Since::Position(position) => position.seq,
            Since::Seq(seq) => *seq,
        };
        if seq > log.head() {
            return if waiting.asked_tail { AttachDecision::ResyncImpossible(seq) } else { AttachDecision::LoadTail };
        }
        let recent = log.recent();
        if recent.covers(seq) {
            return AttachDecision::Join(recent.since(seq));
        }
        if recent.can_grow() && waiting.rounds < MAX_ROUNDS {
            AttachDecision::LoadRecent
        } else {
            AttachDecision::Resync
        }
    }

    /// A session's user comes online, if they are shown.
    fn arrive(&mut self, session: SessionId, attachment: &Attachment, now: Now, effects: &mut Vec<Effect>) {
        if !attachment.presence {
            return;
        }
        let arrival = self.online.arrive(session, &attachment.user);
        if arrival == Arrival::Known {
            return;
        }
        self.presence_changed();
        if arrival == Arrival::Came && self.online.named() {
            effects.push(Effect::Publish(self.signal(SignalKind::Join(attachment.user.clone()), now)));
        }
        // The session that causes it gets its own list; the others get theirs now, or when it is due.
        if self.attachments.is_empty() {
            self.user_list_throttle.clear();
        } else if self.user_list_throttle.take(now.mono) {
            effects.push(Effect::Publish(self.user_list(now)));
        }
    }

    /// Detaches a session on request.
    pub(super) fn detach(&mut self, session: SessionId, reply: ReplyId, now: Now, effects: &mut Vec<Effect>) {
        let attachment = self.attachments.remove(&session);
        if attachment.is_some() {
            effects.push(Effect::Leave(session, None));
        }
        effects.push(Effect::Answer(Answered::Detach(reply)));
        if let Some(attachment) = attachment {
            self.gone(session, &attachment, Departure::Closed, now, effects);
        }
    }

    /// A session is gone.
    pub(super) fn depart(&mut self, session: SessionId, departure: Departure, now: Now, effects: &mut Vec<Effect>) {
        if let Some(attachment) = self.attachments.remove(&session) {
            effects.push(Effect::Leave(session, None));
            self.gone(session, &attachment, departure, now, effects);
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
        if attachment.presence
            && let Some(user) = self.online.depart(session, &user.id, departure, now.mono)
        {
            self.left(user, now, effects);
        }
    }

    /// A user went offline.
    fn left(&mut self, user: Identity, now: Now, effects: &mut Vec<Effect>) {
        if self.online.named() {
            effects.push(Effect::Publish(self.signal(SignalKind::Leave(user), now)));
        }
        self.presence_changed();
    }

    /// A session's user types, or stopped.
    pub(super) fn typing(
        &mut self,
        session: SessionId,
        is_typing: bool,
        reply: ReplyId,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(attachment) = self.attachments.get(&session) else {
            return effects.push(Effect::Answer(Answered::Typing(reply, Err(Error::NotAttached))));
        };
        effects.push(Effect::Answer(Answered::Typing(reply, Ok(()))));
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

    /// An event was published: its author types no more.
    pub(super) fn heard(&mut self, event: &Event) {
        if let (Some(_), Some(author)) = (event.message(), &event.actor)
            && self.typists.stop_user(&author.id)
        {
            self.typing_throttle.mark();
        }
    }

    /// A user has marked the room as read: their other sessions are told what is unread, everyone here how far they have read.
    pub(super) fn marked(&mut self, sender: Sender, marked: &Marked, effects: &mut Vec<Effect>) {
        if !marked.moved {
            return;
        }
        let Sender { session, user } = sender;
        let notice = Notice::Read { room: self.room, unread: marked.unread };
        effects.push(Effect::Notify { user: user.id.clone(), except: session, notice });
        self.receipts.marked(user, marked.unread.seq, self.presence.count);
    }

    /// Whether an attach asks for events after the head.
    pub(super) fn asks_for_tail(&self, log: &Log) -> bool {
        self.allowed().any(|waiting| matches!(self.decide(waiting, log), AttachDecision::LoadTail))
    }

    /// Whether an attach asks for older events than are at hand.
    pub(super) fn asks_for_recent(&self, log: &Log) -> bool {
        self.allowed().any(|waiting| matches!(self.decide(waiting, log), AttachDecision::LoadRecent))
    }

    /// The database is being asked for events after the head, also for all who wait now.
    pub(super) fn asking_tail(&mut self) {
        self.waiting.values_mut().for_each(|waiting| waiting.asking_tail = true);
    }

    /// Older events were loaded. Returns those that waited for them in vain, if they could not be read.
    pub(super) fn recent_loaded(&mut self, log: &Log, failed: bool) -> Vec<Waiting> {
        let served = self.waiting_for(log, |decision| matches!(decision, AttachDecision::LoadRecent));
        if failed {
            return self.take(&served);
        }
        for session in served {
            if let Some(waiting) = self.waiting.get_mut(&session) {
                waiting.rounds += 1;
            }
        }
        vec![]
    }

    /// Events after the head were loaded, and applied. Returns those that waited for them in vain, if they could not be read.
    pub(super) fn tail_loaded(&mut self, log: &Log, failed: bool) -> Vec<Waiting> {
        let served = self.waiting_for(log, |decision| matches!(decision, AttachDecision::LoadTail));
        if failed {
            return self.take(&served);
        }
        for session in served {
            if let Some(waiting) = self.waiting.get_mut(&session) {
                // Who came while it was under way has not been asked for: what was read may be older than what they know.
                waiting.asked_tail = waiting.asking_tail;
            }
        }
        vec![]
    }

    /// Takes out the attach that a session waits for.
    pub(super) fn take_waiting(&mut self, session: SessionId) -> Option<Waiting> {
        self.waiting.remove(&session)
    }

    /// Takes out the attaches of which it is not known whether their users may hear the room.
    pub(super) fn take_unknown(&mut self) -> Vec<Waiting> {
        let unknown = self.waiting.iter().filter(|(_, waiting)| !waiting.is_allowed);
        let unknown: Vec<_> = unknown.map(|(session, _)| *session).collect();
        self.take(&unknown)
    }

    /// Takes out all attaches that wait.
    pub(super) fn take_all_waiting(&mut self) -> BTreeMap<SessionId, Waiting> {
        mem::take(&mut self.waiting)
    }

    /// The room is gone: everyone's attachment ends, without leaves.
    pub(super) fn end(&mut self, limits: &Limits, effects: &mut Vec<Effect>) {
        for session in mem::take(&mut self.attachments).into_keys() {
            effects.push(Effect::Leave(session, Some(DetachReason::Deleted)));
        }
        for waiting in self.take_all_waiting().into_values() {
            for request in waiting.give_up(&Error::RoomNotFound, effects) {
                refuse(&request, &Error::RoomNotFound, effects);
            }
        }
        *self = Self::new(self.room, self.epoch.clone(), limits);
    }

    /// What follows from the time alone: who is gone for good, and who types no more.
    pub(super) fn expire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(user) = self.online.expire(now.mono) {
            self.left(user, now, effects);
        }
        if self.typists.expire(now.mono) {
            self.typing_throttle.mark();
        }
    }

    /// Sends the signals that are due.
    pub(super) fn send_due_signals(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.attachments.is_empty() {
            self.user_list_throttle.clear();
            self.typing_throttle.clear();
            self.receipts.clear();
            return;
        }
        if self.user_list_throttle.take(now.mono) {
            effects.push(Effect::Publish(self.user_list(now)));
        }
        if self.typing_throttle.take(now.mono) {
            effects.push(Effect::Publish(self.signal(SignalKind::Typing(self.typists.view()), now)));
        }
        if let Some(marks) = self.receipts.take(now.mono) {
            effects.push(Effect::Publish(self.signal(SignalKind::Read(marks), now)));
        }
    }

    /// Somebody came or went: what is told of presence is to be told anew.
    fn presence_changed(&mut self) {
        self.presence = self.online.view();
        self.user_list = None;
        self.user_list_throttle.mark();
    }

    fn user_list(&mut self, now: Now) -> Delivery {
        let list = match self.user_list.take() {
            Some(list) => list,
            None => self.signal(SignalKind::UserList(self.presence.clone()), now),
        };
        self.user_list.insert(list).clone()
    }

    fn signal(&self, kind: SignalKind, now: Now) -> Delivery {
        Delivery::signal(Signal { room: self.room, at: now.wall, kind })
    }

    /// The attaches that wait for nothing but the log.
    fn allowed(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.values().filter(|waiting| waiting.is_allowed)
    }

    fn waiting_for(&self, log: &Log, wanted: impl Fn(&AttachDecision) -> bool) -> Vec<SessionId> {
        let allowed = self.waiting.iter().filter(|(_, waiting)| waiting.is_allowed);
        let waiting = allowed.filter(|(_, waiting)| wanted(&self.decide(waiting, log)));
        waiting.map(|(session, _)| *session).collect()
    }

    fn take(&mut self, sessions: &[SessionId]) -> Vec<Waiting> {
        sessions.iter().filter_map(|session| self.waiting.remove(session)).collect()
    }
}
