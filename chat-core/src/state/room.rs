//! What is decided in a room: which of its parts takes which input, and what one part's step means to the other.

use std::{sync::Arc, time::Duration};

use crate::{
    DetachReason, Epoch, Event, EventKind, Identity, Limits, MemberChange, Notice, Now, Presence, RoomId, RoomKind,
    Seq, SessionId, UserId,
    append::KnownStanding,
    error::Error,
    rights::{RoomAction, RoomTerms},
    state::{
        Answered, Completion, Departure, Effect, Input, Request,
        answer::refuse,
        audience::{Attachment, Audience, Ready, Waiting},
        log::{Applied, Attaches, Log, Pending, Progress},
        outcome::notify_mentioned,
        rights::Rights,
    },
};

/// A room: its log, its audience, and what the users may do in it. Each part owns its fields, and none knows the next one but
/// by what it is given; the log goes first.
#[derive(Debug)]
pub struct RoomState {
    limits: Arc<Limits>,
    log: Log,
    audience: Audience,
    rights: Rights,
}

impl RoomState {
    /// A room whose log reaches from `first` to `head`.
    #[must_use]
    pub fn new(id: RoomId, epoch: Epoch, (first, head): (Seq, Seq), limits: Arc<Limits>) -> Self {
        let (log, audience) = (Log::new(first, head, &limits), Audience::new(id, epoch, &limits));
        Self { limits, log, audience, rights: Rights::default() }
    }

    /// The same with these terms, in which rights were changed last by this event (0: never).
    #[must_use]
    pub fn governed_by(mut self, terms: RoomTerms, rights_seq: Seq) -> Self {
        self.rights = Rights::of(terms, rights_seq);
        self
    }

    /// Takes an input; pushes what is to be done, in order.
    pub fn handle(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        match input {
            Input::Request(request) => self.request(request, now, effects),
            Input::Completed(completion) => {
                let progress = self.completed(completion, now, effects);
                self.progressed(progress, now, effects);
            }
            Input::Depart { session, departure } => self.depart(session, departure, now, effects),
            Input::Recheck { user, refused } => self.recheck(&user, refused, now, effects),
            // Nothing follows from it before the request that it is about, which comes next.
            Input::Standing { user, standing } => return self.rights.told(user, standing),
            Input::Hint { head } => self.log.hint(head),
            Input::LetGo => self.let_go(),
            Input::Timeout => {}
        }
        self.go_on(now, effects);
    }

    /// When (on the monotonic clock) it wants an [`Input::Timeout`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        [self.log.poll_timeout(), self.audience.poll_timeout()].into_iter().flatten().min()
    }

    /// Who is online, as it may be told: names only while there are few.
    #[must_use]
    pub const fn presence(&self) -> &Presence {
        self.audience.presence()
    }

    /// The sessions of a user that hear the room or are about to, each with its user as the session has it.
    pub fn sessions_of(&self, user: &UserId) -> impl Iterator<Item = (SessionId, &Identity)> {
        self.audience.sessions_of(user)
    }

    /// Whose the attachment of a session is.
    #[must_use]
    pub fn user_of(&self, session: SessionId) -> Option<&Identity> {
        self.audience.user_of(session)
    }

    /// What the events at hand for those who come back cost in bytes, by [`Delivery::cost`](crate::Delivery::cost).
    #[must_use]
    pub const fn recent_bytes(&self) -> usize {
        self.log.recent().bytes()
    }

    /// The last event that was applied.
    #[must_use]
    pub const fn head(&self) -> Seq {
        self.log.head()
    }

    /// How many appends wait for the one under way.
    #[must_use]
    pub fn queued_appends(&self) -> usize {
        self.log.queued()
    }

    /// Whether its end was applied: it takes nothing any more.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.log.is_ended()
    }

    /// Whether nobody is here, nothing is under way and no timer runs: it can be forgotten.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.audience.is_empty() && self.log.is_idle() && self.rights.is_idle() && self.poll_timeout().is_none()
    }

    /// A request's turn, unless it has to wait behind its session's attach.
    fn request(&mut self, request: Request, now: Now, effects: &mut Vec<Effect>) {
        if self.log.is_ended() {
            return refuse(&request, &Error::RoomNotFound, effects);
        }
        let Some(request) = self.audience.queue(request) else { return };
        match request {
            Request::Attach { session, user, since, presence, reply } => {
                let attachment = Attachment { user, presence };
                self.proceed(session, Waiting::new(attachment, since, reply), now, effects);
            }
            Request::Detach { session, reply } => {
                // First the attach that the session waits for, and the one that may stand behind it, and so on.
                while let Some(waiting) = self.audience.take_waiting(session) {
                    let ready = waiting.give_up(&Error::NotAttached, effects);
                    self.requests(ready, now, effects);
                }
                self.audience.detach(session, reply, now, effects);
            }
            Request::Typing { session, user, is_typing, reply } => {
                let checked = match self.audience.user_of(session) {
                    Some(user) if is_typing => self.rights.check_attached(user, RoomAction::Write, now.wall),
                    Some(_) => Ok(()),
                    None => return self.proceed(session, Waiting::not_attached(user, reply), now, effects),
                };
                match checked {
                    Ok(()) => self.audience.typing(session, is_typing, reply, now, effects),
                    Err(error) => effects.push(Effect::Answer(Answered::Typing(reply, Err(error)))),
                }
            }
            Request::Append { session, by_system, actor, key, op, reply } => {
                self.log.enqueue(Pending { session, by_system, actor, key, op, reply }, effects);
            }
        }
    }

    fn requests(&mut self, requests: Ready, now: Now, effects: &mut Vec<Effect>) {
        for request in requests {
            self.request(request, now, effects);
        }
    }

    /// Attaches a session whose user may hear the room, which is judged at this step; or tells whoever may know of the room that they
    /// are not attached.
    fn proceed(&mut self, session: SessionId, waiting: Waiting, now: Now, effects: &mut Vec<Effect>) {
        let judged = match waiting.is_attach() {
            true => self.rights.may_hear(waiting.user(), now.wall),
            false => self.rights.may_know(waiting.user(), now.wall),
        };
        let ready = match judged {
            Some(Ok(())) => self.audience.attach(session, waiting.allowed(), &self.log, now, effects),
            Some(Err(error)) => waiting.give_up(&error, effects),
            None => {
                self.rights.ask(&waiting.user().id);
                return self.audience.wait(session, waiting);
            }
        };
        self.requests(ready, now, effects);
    }

    /// A session is gone. What it sent behind a waiting attach is sent all the same; nobody is left to attach or to type.
    fn depart(&mut self, session: SessionId, departure: Departure, now: Now, effects: &mut Vec<Effect>) {
        if let Some(waiting) = self.audience.take_waiting(session) {
            for request in waiting.give_up(&Error::NotAttached, effects) {
                if matches!(request, Request::Append { .. }) {
                    self.request(request, now, effects);
                } else {
                    refuse(&request, &Error::NotAttached, effects);
                }
            }
        }
        self.audience.depart(session, departure, now, effects);
    }

    /// Who of a user's sessions may not hear the room any more hears nothing more of it. What they sent before is sent all the same.
    fn recheck(&mut self, user: &UserId, refused: Vec<(SessionId, Error)>, now: Now, effects: &mut Vec<Effect>) {
        let mut out = Vec::new();
        for (session, error) in refused {
            // Behind an attach that waits there may stand another one.
            while let Some(waiting) = self.audience.take_waiting(session) {
                let ready = waiting.give_up(&error, effects);
                self.requests(ready, now, effects);
            }
            out.push(session);
        }
        let fits =
            |who: &Identity| who.id != *user || self.rights.check_attached(who, RoomAction::Read, now.wall).is_ok();
        out.extend(self.audience.unfit(fits));
        self.audience.put_out(out, DetachReason::Removed, now, effects);
    }

    fn completed(&mut self, completion: Completion, now: Now, effects: &mut Vec<Effect>) -> Progress {
        match completion {
            Completion::Appended(result) => self.log.appended(result, now, effects),
            Completion::Recovered(result) => self.log.recovered(result, now, effects),
            Completion::Loaded(result) => self.log.loaded(result, now),
            // What is known of rights is never of later than what was applied: else an event that takes one would be passed over.
            Completion::LookedUp(Ok(found)) if found.at > self.log.head() => {
                self.log.hint(Some(found.at));
                self.rights.looked_up(None);
                // It may be what was lost that changed them: then nobody waits for it any longer.
                let attaches =
                    if self.log.gave_up() { Attaches::NotLookedUp(Error::Unavailable) } else { Attaches::Stay };
                Progress { attaches, ..Progress::default() }
            }
            Completion::LookedUp(result) => {
                self.rights.looked_up(result.as_ref().ok());
                let attaches = result.map_or_else(Attaches::NotLookedUp, |_| Attaches::Retry);
                Progress { attaches, ..Progress::default() }
            }
        }
    }

    /// What a step of the log means to the others.
    fn progressed(&mut self, progress: Progress, now: Now, effects: &mut Vec<Effect>) {
        let Progress { applied, attaches, marks } = progress;
        if !applied.is_empty() {
            self.log.published(self.audience.len(), now);
        }
        for applied in applied {
            self.publish(applied, now, effects);
        }
        self.rights.forget(|user| self.audience.hears(user) || self.log.waits_for(user));
        for (sender, marked) in marks {
            self.audience.marked(sender, &marked, effects);
        }
        if self.log.is_ended() {
            self.audience.end(&self.limits, effects);
            return self.log.end(effects);
        }
        match attaches {
            Attaches::Stay => {}
            Attaches::Retry => self.retry_attaches(now, effects),
            Attaches::NotLookedUp(error) => self.give_up_unknown(&error, now, effects),
            Attaches::GiveUp(error) => {
                let all = self.audience.take_all_waiting().into_values().collect();
                self.give_up(all, &error, now, effects);
                self.give_up_unknown(&error, now, effects);
            }
            Attaches::RecentLoaded(None) => {
                self.audience.recent_loaded(&self.log, false);
                self.retry_attaches(now, effects);
            }
            Attaches::RecentLoaded(Some(error)) => {
                let waiting = self.audience.recent_loaded(&self.log, true);
                self.give_up(waiting, &error, now, effects);
            }
            Attaches::TailLoaded(error) => {
                let waiting = self.audience.tail_loaded(&self.log, error.is_some());
                self.give_up(waiting, &error.unwrap_or(Error::Unavailable), now, effects);
                // Also those that an earlier part of the tail was enough for.
                self.retry_attaches(now, effects);
            }
        }
    }

    /// Publishes an event. Whoever may not hear the room after it hears nothing more.
    fn publish(&mut self, applied: Applied, now: Now, effects: &mut Vec<Effect>) {
        let Applied { event, delivery, standing, was_lost } = applied;
        effects.push(Effect::Publish(delivery));
        self.rights.apply(&event, |user| self.audience.hears(user));
        if let (Some(actor), Some(standing)) = (&event.actor, standing) {
            self.rights.learn(&actor.id, KnownStanding { at: event.seq, standing });
        }
        self.audience.heard(&event);
        if was_lost {
            notify_mentioned(&event, |user| self.rights.are_known_to_hear(user, event.at), effects);
        }
        let fits = |user: &Identity| self.rights.check_attached(user, RoomAction::Read, event.at).is_ok();
        let (unfit, reason) = match &event.kind {
            EventKind::Member(member) => {
                notify_member(&event, effects);
                let about = |user: &Identity| user.id != member.user.id || fits(user);
                (self.audience.unfit(about), reason_of(member.change))
            }
            EventKind::RoomUpdated { kind, .. } if *kind != RoomKind::Public => {
                (self.audience.unfit(fits), DetachReason::Private)
            }
            EventKind::Message(_)
            | EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => return,
        };
        self.audience.put_out(unfit, reason, now, effects);
    }

    fn give_up(&mut self, waiting: Vec<Waiting>, error: &Error, now: Now, effects: &mut Vec<Effect>) {
        for waiting in waiting {
            let ready = waiting.give_up(error, effects);
            self.requests(ready, now, effects);
        }
    }

    /// Nobody whose rights are not known waits any longer, nor what stands behind it.
    fn give_up_unknown(&mut self, error: &Error, now: Now, effects: &mut Vec<Effect>) {
        loop {
            let unknown = self.audience.take_unknown();
            if unknown.is_empty() {
                return;
            }
            self.give_up(unknown, error, now, effects);
        }
    }

    /// Judges every waiting attach again; those that need more go on waiting.
    fn retry_attaches(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for (session, waiting) in self.audience.take_all_waiting() {
            self.proceed(session, waiting, now, effects);
        }
    }

    /// Lets go of the events at hand, unless someone waits for them.
    fn let_go(&mut self) {
        if !self.audience.is_waiting() {
            self.log.let_go();
        }
    }

    /// What follows from the state and the time alone: timers, the next append, the next load, due signals.
    fn go_on(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.audience.expire(now, effects);
        let tail_asked = self.audience.asks_for_tail(&self.log);
        let progress = self.log.go_on(tail_asked, &self.rights, now, effects);
        self.progressed(progress, now, effects);
        if let Some(users) = self.rights.start_look_up() {
            effects.push(Effect::LookUp { users });
        }
        let audience = &self.audience;
        if self.log.start_load(|log| audience.asks_for_recent(log), effects) {
            self.audience.asking_tail();
        }
        self.audience.send_due_signals(now, effects);
    }
}

/// Tells a user that they may read the room from now on, or may not any more.
fn notify_member(event: &Event, effects: &mut Vec<Effect>) {
    let Some(member) = event.member() else { return };
    let user = member.user.id.clone();
    match member.change {
        MemberChange::Joined | MemberChange::Added => effects.push(Effect::NotifyAdded { user }),
        MemberChange::Left | MemberChange::Removed | MemberChange::Banned => {
            let notice = Notice::RoomRemoved { room: event.room, reason: reason_of(member.change) };
            effects.push(Effect::Notify { user, except: None, notice });
        }
        MemberChange::Role | MemberChange::Unbanned | MemberChange::Muted | MemberChange::Unmuted => {}
    }
}

/// Why a change ends an attachment.
const fn reason_of(change: MemberChange) -> DetachReason {
    match change {
        MemberChange::Left => DetachReason::Left,
        MemberChange::Banned => DetachReason::Banned,
        MemberChange::Joined
        | MemberChange::Added
        | MemberChange::Removed
        | MemberChange::Role
        | MemberChange::Unbanned
        | MemberChange::Muted
        | MemberChange::Unmuted => DetachReason::Removed,
    }
}
