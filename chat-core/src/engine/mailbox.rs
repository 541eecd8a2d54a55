//! A room's mailbox: what arrives there, and how much of it may wait.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, oneshot};

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
    places: MailboxPlaces,
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
    /// Its place among those that wait for the room: taken before, or when it is let in.
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
    /// Up to where the room has read its log.
    head: AtomicU64,
    /// The highest head that was hinted and not taken yet; 0 when there is none.
    hint: AtomicU64,
    presence: Mutex<Option<Arc<Presence>>>,
}

/// The places of the commands that may wait for a room: in its mailbox, and in the queue of its log. Whoever may wait for one gets
/// it in the order of arrival.
#[derive(Debug, Clone)]
pub(super) struct MailboxPlaces(Arc<Semaphore>);

/// A place among the commands that wait for a room; given back when dropped.
#[derive(Debug)]
pub(super) struct MailboxPermit {
    _place: OwnedSemaphorePermit,
}

impl Mailbox {
    /// A mailbox for which so many commands may wait, its receiving end, and what the task shares with it.
    pub(super) fn new(limit: usize) -> (Self, mpsc::UnboundedReceiver<RoomMsg>, Arc<RoomShared>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let shared = Arc::<RoomShared>::default();
        let places = MailboxPlaces(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))));
        (Self { sender, places, shared: Arc::clone(&shared) }, receiver, shared)
    }

    /// The places of its commands.
    pub(super) fn places(&self) -> MailboxPlaces {
        self.places.clone()
    }

    /// Puts a command in, unless it has no place and as many wait as may.
    pub(super) fn command(&self, mut command: RoomCommand) -> Result<(), Box<Refused>> {
        if command.permit.is_none() {
            match self.places.try_take() {
                Ok(permit) => command.permit = Some(permit),
                Err(error) => return Err(command.refused(error)),
            }
        }
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

impl MailboxPlaces {
    /// Takes a place, if there is one now.
    pub(super) fn try_take(&self) -> Result<MailboxPermit, Error> {
        match Arc::clone(&self.0).try_acquire_owned() {
            Ok(place) => Ok(MailboxPermit { _place: place }),
            Err(TryAcquireError::NoPermits) => Err(Error::Overloaded),
            Err(TryAcquireError::Closed) => Err(Error::Unavailable),
        }
    }

    /// Takes a place as soon as there is one. Dropped before, it takes none.
    pub(super) async fn take(&self) -> Result<MailboxPermit, Error> {
        // Nobody closes it: who waits in a room that ends gets the places of those who are refused there, and is told the same.
        let place = Arc::clone(&self.0).acquire_owned().await;
        place.map(|place| MailboxPermit { _place: place }).map_err(|_closed| Error::Unavailable)
    }
}
