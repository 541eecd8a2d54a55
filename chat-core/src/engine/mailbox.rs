//! A room's mailbox: what arrives there, and how much of it may wait.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    Departure, Error, Presence, Seq, SessionId, UserId,
    engine::{lock::lock, pause::ToPaused, reply::Responder, subscriber::SessionAnswer},
    state::Request,
};

/// The sending end of a room's mailbox. It is bounded by what is let in: commands by their permits, departures by the
/// sessions that are attached.
#[derive(Debug)]
pub(super) struct Mailbox {
    sender: mpsc::UnboundedSender<RoomMsg>,
    shared: Arc<RoomShared>,
}

/// What arrives in a room's mailbox.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are commands: boxing them would cost each an allocation")]
pub(super) enum RoomMsg {
    /// A command.
    Command(RoomCommand),
    /// A session is gone. It is always accepted: a session departs once from a room.
    Depart(SessionId, Departure),
    /// A user's sessions are to be judged again; whoever waits for that is told.
    Recheck(UserId, oneshot::Sender<()>),
    /// Another writer may have stored something: the room's log is said to end elsewhere. One waits at a time, and
    /// [`RoomShared::take_hint`] says what is hinted then.
    Hint,
    /// Memory is wanted elsewhere. A room is asked once at a time.
    LetGo,
    /// The room is to stand still.
    Pause(ToPaused),
    /// Breaks the room, to show what happens then.
    #[cfg(any(test, feature = "test-util"))]
    Panic,
}

/// A command on its way to the state.
#[derive(Debug)]
pub(super) struct RoomCommand {
    pub(super) request: Request,
    pub(super) responder: Responder,
    /// Its place in the mailbox; set when it is let in.
    pub(super) permit: Option<MailboxPermit>,
}

/// A command that was not taken.
#[derive(Debug)]
pub(super) struct Refused {
    error: Error,
    responder: Responder,
}

/// What a room's task shares with those who look at it from outside.
#[derive(Debug, Default)]
pub(super) struct RoomShared {
    waiting: AtomicUsize,
    /// Up to where the room has read its log.
    head: AtomicU64,
    /// The highest head that was hinted and not taken yet; 0 when there is none.
    hint: AtomicU64,
    presence: Mutex<Option<Arc<Presence>>>,
}

/// A place among the commands that wait for a room; given back when dropped.
#[derive(Debug)]
pub(super) struct MailboxPermit(Arc<RoomShared>);

impl Mailbox {
    /// A mailbox, its receiving end, and what the task shares with it.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<RoomMsg>, Arc<RoomShared>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let shared = Arc::<RoomShared>::default();
        (Self { sender, shared: Arc::clone(&shared) }, receiver, shared)
    }

    /// Puts a command in, unless as many wait as may.
    pub(super) fn command(&self, mut command: RoomCommand, limit: usize) -> Result<(), Box<Refused>> {
        let Some(permit) = MailboxPermit::take(&self.shared, limit) else {
            return Err(command.refused(Error::Overloaded));
        };
        command.permit = Some(permit);
        match self.sender.send(RoomMsg::Command(command)) {
            Err(mpsc::error::SendError(RoomMsg::Command(command))) => Err(command.refused(Error::Unavailable)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Puts something in that is no command. Returns whether the task still runs.
    pub(super) fn send(&self, message: RoomMsg) -> bool {
        self.sender.send(message).is_ok()
    }

    /// Tells the room where its log is said to end (`None`: that it is gone), unless it has read that far. Hints that come
    /// faster than the room takes them become one.
    pub(super) fn hint(&self, head: Option<Seq>) {
        let head = head.map_or(GONE, |head| head.0);
        let is_news = head > self.shared.head.load(Ordering::Acquire);
        if is_news && self.shared.hint.fetch_max(head, Ordering::AcqRel) == 0 {
            self.send(RoomMsg::Hint);
        }
    }

    /// Who is online in the room; `None` while it is not loaded.
    pub(super) fn presence(&self) -> Option<Arc<Presence>> {
        lock(&self.shared.presence).clone()
    }
}

impl RoomCommand {
    /// The command, refused on its way.
    pub(super) fn refused(self, error: Error) -> Box<Refused> {
        Box::new(Refused { error, responder: self.responder })
    }
}

impl Refused {
    /// See [`Responder::turn_away`].
    pub(super) fn turn_away(self) -> Option<SessionAnswer> {
        self.responder.turn_away(self.error)
    }
}

impl RoomShared {
    /// Says up to where the room has read its log.
    pub(super) fn set_head(&self, head: Seq) {
        self.head.store(head.0, Ordering::Release);
    }

    /// What was hinted since this was asked last.
    pub(super) fn take_hint(&self) -> Option<Seq> {
        let head = self.hint.swap(0, Ordering::AcqRel);
        (head != GONE).then_some(Seq(head))
    }

    /// Replaces what is told of who is online.
    pub(super) fn set_presence(&self, presence: Option<Arc<Presence>>) {
        *lock(&self.presence) = presence;
    }
}

/// The hint that a room is gone: no log ends there.
const GONE: u64 = u64::MAX;

impl MailboxPermit {
    fn take(shared: &Arc<RoomShared>, limit: usize) -> Option<Self> {
        // Taken first and given back on refusal, so that two at once cannot both take the last one.
        let waiting = shared.waiting.fetch_add(1, Ordering::AcqRel);
        let permit = Self(Arc::clone(shared));
        (waiting < limit).then_some(permit)
    }
}

impl Drop for MailboxPermit {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
