//! The Rust API: a session and its stream.

use std::collections::VecDeque;

use chat_core::{
    Answer, AnswerResult, Attached, Body, Command, Delivery, Draft, Edit, Epoch, Event, EventKind, Gap, Identity, Item,
    MarkTo, Position, RoomId, Seq, SessionHandle, SignalKind, Since, Ticket, Update, Updates,
};
use tokio::time::timeout;

use super::client::{Change, Changed, Client, Entered, Entry, Heard, Marked, Stage, Stored, TOO_LONG};

pub(crate) struct RustApi {
    handle: SessionHandle,
    updates: Updates,
    room: RoomId,
    /// What came before an answer that was waited for.
    before: VecDeque<Heard>,
}

impl RustApi {
    async fn update(&mut self) -> Option<Update> {
        timeout(TOO_LONG, self.updates.next()).await.expect("an update in time")
    }

    async fn answer(&mut self, ticket: Ticket) -> AnswerResult {
        loop {
            match self.update().await.expect("an answer") {
                Update::Answer(answered, result) if answered == ticket => return result,
                other => self.before.extend(heard(&other)),
            }
        }
    }

    async fn ask(&mut self, command: Command) -> Result<Answer, String> {
        let ticket = self.handle.submit(command).unwrap();
        self.answer(ticket).await.map_err(|error| error.code().to_owned())
    }
}

impl Client for RustApi {
    async fn enter(stage: &Stage, name: &str, entry: Entry) -> Result<(Self, Entered), String> {
        let (handle, updates) = stage.server.engine.connect(Identity::named(name).unwrap()).split();
        let mut client = Self { handle, updates, room: stage.room, before: VecDeque::new() };
        let since = match entry.after {
            None => Since::Now,
            Some((None, seq)) => Since::Seq(Seq(seq)),
            Some((Some(epoch), seq)) => Since::Position(Position { epoch: Epoch::new(&epoch), seq: Seq(seq) }),
        };
        let answer = client.ask(Command::Attach { room: stage.room, since, presence: entry.presence }).await?;
        let Answer::Attached(Attached { head, gap, .. }) = answer else { panic!("{answer:?}") };
        let (epoch, head) = (head.epoch.to_string(), head.seq.0);
        let entered = match gap {
            Gap::Events(events) => {
                Entered::Attached { epoch, head, missed: events.iter().map(heard_delivery).collect() }
            }
            Gap::Resync => Entered::Resync { epoch, head },
        };
        Ok((client, entered))
    }

    async fn send_body(&mut self, body: Body, key: Option<&str>) -> Result<Stored, String> {
        let mut draft = Draft::from(body);
        draft.key = key.map(ToOwned::to_owned);
        match self.ask(Command::Send { room: self.room, draft }).await? {
            Answer::Sent(sent) => Ok(Stored { seq: sent.seq.0, replayed: sent.replayed }),
            other => panic!("{other:?}"),
        }
    }

    async fn change(&mut self, target: u64, change: Change, key: Option<&str>) -> Result<Changed, String> {
        let target = Seq(target);
        let change = match change {
            Change::Edit(content) => chat_core::Change::edit(target, Edit::text(content)),
            Change::Delete => chat_core::Change::delete(target),
            Change::React(reaction, true) => chat_core::Change::react(target, reaction),
            Change::React(reaction, false) => chat_core::Change::unreact(target, reaction),
            Change::Pin(true) => chat_core::Change::pin(target),
            Change::Pin(false) => chat_core::Change::unpin(target),
        };
        let change = chat_core::Change { key: key.map(ToOwned::to_owned), ..change };
        let Answer::Changed { changed, .. } = self.ask(Command::Change { room: self.room, change }).await? else {
            panic!("no change")
        };
        Ok(Changed { replayed: changed.is_replay(), count: changed.count() })
    }

    async fn mark(&mut self, seq: u64) -> Result<Marked, String> {
        match self.ask(Command::Mark { room: self.room, to: MarkTo::seq(Seq(seq)) }).await? {
            Answer::Marked(marked) => {
                let chat_core::Unread { seq, unread, mentions, ordinal } = marked.unread;
                Ok(Marked { seq: seq.0, unread, mentions, ordinal })
            }
            other => panic!("{other:?}"),
        }
    }

    async fn next(&mut self) -> Heard {
        if let Some(heard) = self.before.pop_front() {
            return heard;
        }
        loop {
            match self.update().await {
                // It is about the user, not about the room.
                Some(Update::Notice(_)) => {}
                Some(update) => return heard(&update).unwrap_or_else(|| panic!("{update:?}")),
                None => return Heard::End,
            }
        }
    }

    fn heard_before_answer(&self) -> Vec<Heard> {
        self.before.iter().cloned().collect()
    }

    async fn type_something(&mut self) {
        self.ask(Command::Typing { room: self.room, is_typing: true }).await.unwrap();
    }

    async fn detach(&mut self) {
        self.ask(Command::Detach { room: self.room }).await.unwrap();
    }

    async fn leave(self) {
        self.handle.close();
    }

    async fn lose(self) {
        self.handle.disconnect_lost();
    }
}

fn heard(update: &Update) -> Option<Heard> {
    match update {
        Update::Delivery(delivery) => Some(heard_delivery(delivery)),
        Update::Detached(..) | Update::Closed(_) => Some(Heard::End),
        _ => None,
    }
}

fn heard_delivery(delivery: &Delivery) -> Heard {
    let names = |users: &[Identity]| users.iter().map(|user| user.name.to_string()).collect();
    match delivery.item() {
        Item::Event(event) => heard_event(event),
        Item::Signal(signal) => match &signal.kind {
            SignalKind::Join(user) => Heard::Join(user.id.to_string()),
            SignalKind::Leave(user) => Heard::Leave(user.id.to_string()),
            SignalKind::UserList(presence) => Heard::UserList(names(&presence.online)),
            SignalKind::Typing(typing) => Heard::Typing(names(&typing.identities)),
            SignalKind::Read(marks) => {
                Heard::Read(marks.iter().map(|mark| (mark.user.id.to_string(), mark.seq.0)).collect())
            }
            other => panic!("{other:?}"),
        },
    }
}

fn heard_event(event: &Event) -> Heard {
    let seq = event.seq.0;
    let target = event.target().map_or(0, |target| target.0);
    match &event.kind {
        EventKind::Message(message) => Heard::Message {
            seq,
            user: event.actor.as_ref().unwrap().id.to_string(),
            body: message.body.clone(),
            key: event.key.as_ref().map(|key| key.as_str().to_owned()),
        },
        EventKind::MessageEdited(edit) => Heard::Edited { seq, target, body: edit.body.clone() },
        EventKind::MessageDeleted { .. } => Heard::Erased { seq, target },
        EventKind::Reaction { reaction, added, count, .. } => {
            Heard::Reacted { seq, target, reaction: reaction.to_string(), added: *added, count: *count }
        }
        EventKind::Pin { pinned, .. } => Heard::Pinned { seq, target, pinned: *pinned },
        EventKind::Member(member) => {
            Heard::Member { seq, change: member.change, user: member.user.id.to_string(), role: member.role }
        }
        EventKind::RoomUpdated { name, .. } => Heard::Updated { seq, name: name.to_string() },
        EventKind::RoomDeleted => Heard::Deleted { seq },
        other => panic!("{other:?}"),
    }
}
