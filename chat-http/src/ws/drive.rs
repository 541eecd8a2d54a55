//! Drives a session over a transport: one task with one loop, which writes everything that is waiting at once.

use std::{
    future::{poll_fn, ready},
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use chat_core::{
    Command, Departure, DetachReason, EventKind, Item, Retry, RoomId, Session, SessionHandle, Since, Update, Updates,
    failpoints::{self, Point},
    log::{Excerpt, LogLimit},
};
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Utf8Bytes, protocol::CloseFrame};

use super::{
    close::CloseCode,
    close_handshake,
    command::{Request, decode},
    frame_rate::FrameRate,
    frame_violations::FrameViolations,
    login::{Due, Login, Renewed},
    pending::{AnswerFrames, Pending},
    transport::{Gone, Queued, Received, Transport},
    upgrade::{Io, Socket},
};
use crate::{
    frames::{self, AttachedFrames},
    metrics,
    refusal::Refusal,
    security_log,
    unfinished::WHOLE_WITHIN,
    vanished,
};

/// The room that a socket for one room attaches to at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) room: RoomId,
    pub(super) since: Since,
    pub(super) presence: bool,
}

/// Drives a session over a socket until one of them ends. With an `entry` the socket is for that room, else for many: then it
/// begins with `hello`, and brings the user's notices.
pub(super) fn drive<S: Io + 'static>(
    socket: Socket<S>,
    session: Session,
    entry: Option<Entry>,
    login: Login,
) -> impl Future<Output = ()> + Send {
    // Boxed, so that open connections do not carry the state that only closing needs.
    run(socket, session, entry, login).then(|(socket, end)| match end {
        End::Close(code, _) => close_handshake::close(socket, code.frame()).boxed(),
        End::Closed => close_handshake::answer(socket).boxed(),
        End::Lost => ready(()).boxed(),
    })
}

/// Drives a session over a transport until one of them ends. The session is over then; the transport is not closed yet.
///
/// It begins at once. An `async fn` would carry all that it is given twice, as long as the connection is open.
pub(super) fn run<T: Transport>(
    transport: T,
    session: Session,
    entry: Option<Entry>,
    login: Login,
) -> impl Future<Output = (T, End)> {
    let mut driving = Driving::new(transport, session, entry.as_ref().map(|entry| entry.room), login);
    let begun = driving.answer_first_frame().and_then(|()| match entry {
        Some(entry) => driving.enter(entry),
        None => driving.greet(),
    });
    async move {
        let end = match begun {
            Ok(()) => driving.guarded().await,
            Err(end) => end,
        };
        (driving.finish(end), end)
    }
}

/// Closes a socket whose client may not have a session.
pub(super) async fn refuse<S: Io>(socket: Socket<S>, why: CloseFrame) {
    close_handshake::close(socket, why).await;
}

/// The interval of pings to a client from which frames are read. (Another client is pinged every [`vanished::PING`]:
/// its silence means nothing, but its kernel acknowledges what is sent.)
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a client may be silent while frames are read from it.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a client may accept no bytes while some are waiting. (A client that lags is disconnected earlier: its
/// session ends.)
const STALL: Duration = Duration::from_secs(30);
/// How often it is checked whether a client accepts bytes.
const STALL_CHECK: Duration = Duration::from_secs(1);
/// How many bytes of frames are gathered for one write. While more are unwritten, nothing is read either.
const BATCH: usize = 64 << 10;

/// Why driving ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The server closes, for this reason; the session ends with this departure, unless it has ended.
    Close(CloseCode, Departure),
    /// The client closed.
    Closed,
    /// The connection is gone.
    Lost,
}

/// The next thing to handle.
enum Step {
    Frame(Received),
    Update(Option<Update>),
    Flushed(Result<(), Gone>),
    Renewed(Renewed),
    LoggedOut,
    /// There is room for more frames of the answer to an attach.
    Continue,
    Tick,
}

struct Driving<T> {
    transport: T,
    handle: SessionHandle,
    updates: Updates,
    login: Login,
    /// The room of a socket that has only one.
    own: Option<RoomId>,
    pending: Pending,
    violations: FrameViolations,
    rate: FrameRate,
    /// The rooms whose `room_deleted` was told, until their attachment is over.
    deleted: Vec<RoomId>,
    /// The frames of an answer to an attach that are not sent yet. No other frame is sent before them.
    attached: Option<AttachedFrames>,
    timer: Pin<Box<Sleep>>,
    /// When the last ping was due.
    pinged: Instant,
    /// Since when bytes wait to be written, and at most how many.
    unwritten: Option<(Instant, usize)>,
    /// When reading began again after the server paused it. A client is not blamed for its silence before that.
    listening_since: Option<Instant>,
    /// Whether frames come first in the next step. It alternates, so that neither updates nor frames can starve the
    /// other.
    frames_first: bool,
}

impl<T: Transport> Driving<T> {
    fn new(transport: T, session: Session, own: Option<RoomId>, login: Login) -> Self {
        let (handle, updates) = session.split();
        let now = Instant::now();
        Self {
            transport,
            rate: FrameRate::new(handle.limits(), now),
            handle,
            updates,
            login,
            own,
            pending: Pending::default(),
            violations: FrameViolations::default(),
            deleted: Vec::new(),
            attached: None,
            timer: Box::pin(sleep_until(now + PING_EVERY)),
            pinged: now,
            unwritten: None,
            listening_since: Some(now),
            frames_first: false,
        }
    }

    /// Answers a first frame that has said whose the socket is.
    fn answer_first_frame(&mut self) -> Result<(), End> {
        self.login.take_first_answer().map_or(Ok(()), |answer| self.put(answer))
    }

    /// Attaches to the room of a socket for one room.
    fn enter(&mut self, entry: Entry) -> Result<(), End> {
        let Entry { room, since, presence } = entry;
        match self.handle.submit(Command::Attach { room, since, presence }) {
            Ok(ticket) => {
                self.pending.enter(ticket, room);
                Ok(())
            }
            // The stream of a session that has ended already says why.
            Err(error) => {
                Err(self.reason_of_end().unwrap_or(End::Close(CloseCode::of_refusal(&error), Departure::Closed)))
            }
        }
    }

    /// Says whose notices come from now on. A session that was refused has none: its stream says why.
    fn greet(&mut self) -> Result<(), End> {
        if self.handle.has_ended() {
            return Ok(());
        }
        let hello = frames::hello(self.handle.identity());
        self.put(hello)
    }

    /// Runs until it ends. A panic closes only this socket, and its client may come back.
    async fn guarded(&mut self) -> End {
        AssertUnwindSafe(self.run()).catch_unwind().await.unwrap_or_else(|_panic| {
            static DEFECT: LogLimit = LogLimit::new();
            if let Some(left_out) = DEFECT.pass(Instant::now().into_std()) {
                tracing::error!(left_out, "a socket has a defect; it is closed and may come back");
            }
            End::Close(CloseCode::DEFECT, Departure::Lost)
        })
    }

    async fn run(&mut self) -> End {
        loop {
            let step = poll_fn(|cx| self.poll_step(cx)).await;
            let done = match step {
                Step::Frame(frame) => self.on_frame(frame),
                Step::Update(update) => self.on_updates(update),
                Step::Flushed(Ok(())) => {
                    self.unwritten = None;
                    Ok(())
                }
                Step::Flushed(Err(_)) => Err(End::Lost),
                Step::Renewed(renewed) => self.on_renewed(renewed),
                Step::LoggedOut => Err(End::Close(CloseCode::CREDENTIALS_REVOKED, Departure::Closed)),
                Step::Continue => self.continue_attached(),
                Step::Tick => self.on_tick(),
            };
            if let Err(end) = done {
                return end;
            }
            self.set_timer();
        }
    }

    /// Waits for everything at once. While bytes are unwritten, no more updates are taken; they wait in the session's
    /// queue, which has a limit.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.login.poll_ended(cx).is_ready() {
            return Poll::Ready(Step::LoggedOut);
        }
        if self.unwritten.is_some()
            && let Poll::Ready(flushed) = self.transport.poll_flush(cx)
        {
            return Poll::Ready(Step::Flushed(flushed));
        }
        if let Poll::Ready(renewed) = self.login.poll(cx) {
            return Poll::Ready(Step::Renewed(renewed));
        }
        self.frames_first = !self.frames_first;
        for frames in [self.frames_first, !self.frames_first] {
            let step = if frames { self.poll_frame(cx) } else { self.poll_update(cx) };
            if step.is_ready() {
                return step;
            }
        }
        self.timer.as_mut().poll(cx).map(|()| Step::Tick)
    }

    fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.unwritten.is_some() {
            return Poll::Pending;
        }
        if self.attached.is_some() {
            return Poll::Ready(Step::Continue);
        }
        self.updates.poll_next_unpin(cx).map(Step::Update)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if !self.listens() {
            self.listening_since = None;
            return Poll::Pending;
        }
        self.listening_since.get_or_insert_with(Instant::now);
        self.transport.poll_frame(cx).map(Step::Frame)
    }

    /// Whether frames are read: not while the client has much to receive, nor while too many of its commands are
    /// unanswered, nor while a token of its is looked at.
    fn listens(&self) -> bool {
        self.has_room() && self.attached.is_none() && self.handle.free_tickets() > 0 && !self.login.is_busy()
    }

    /// Whether more bytes may be added to those that are unwritten.
    fn has_room(&self) -> bool {
        self.unwritten.is_none_or(|(_, bytes)| bytes < BATCH)
    }

    /// Sends more of the answer to an attach, as long as there is room.
    fn continue_attached(&mut self) -> Result<(), End> {
        while self.has_room()
            && let Some(attached) = &mut self.attached
        {
            let frame = attached.next();
            if !attached.has_more() {
                self.attached = None;
            }
            frame.map_or(Ok(()), |frame| self.put(frame))?;
        }
        Ok(())
    }

    fn on_frame(&mut self, frame: Received) -> Result<(), End> {
        match frame {
            Received::Text(text) => self.on_text(&text),
            Received::Alive => Ok(()),
            Received::Wrong(code) => Err(End::Close(code, Departure::Closed)),
            Received::Close => Err(End::Closed),
            Received::Lost => Err(End::Lost),
        }
    }

    fn on_text(&mut self, text: &str) -> Result<(), End> {
        failpoints::reached(Point::InHandler);
        let asked = match decode(text, self.own) {
            Ok(asked) => asked,
            Err(refused) => return self.fail(refused.reference.as_deref(), refused.room, &refused.refusal),
        };
        if let Err(error) = self.rate.take(text.len(), Instant::now()) {
            let room = self.own.or(asked.request.room());
            return self.fail(asked.reference.as_deref(), room, &error.into());
        }
        let command = match asked.request {
            Request::Ping => return self.put(frames::pong(asked.reference.as_deref())),
            Request::Auth(proof) => {
                let begun = self.login.renew(asked.reference, proof);
                return begun.or_else(|none| self.fail(none.reference.as_deref(), None, &Refusal::UnknownCommand));
            }
            Request::Command(command) => command,
        };
        let room = command.room();
        match self.handle.submit(command) {
            Ok(ticket) => {
                self.pending.add(ticket, asked.reference, room);
                Ok(())
            }
            Err(error) => self.fail(asked.reference.as_deref(), Some(room), &error.into()),
        }
    }

    /// The session goes on with a token or a ticket of the same user; with a bad one, or one of another user, it ends.
    fn on_renewed(&mut self, Renewed { reference, found }: Renewed) -> Result<(), End> {
        let found = match found {
            Ok(found) => found,
            Err(error) if error.retry() == Retry::No => {
                return Err(End::Close(CloseCode::of_refusal(&error), Departure::Closed));
            }
            Err(error) => return self.fail(reference.as_deref(), None, &error.into()),
        };
        let own = self.handle.identity();
        if found.identity().is_none_or(|user| user.id != own.id) {
            return Err(End::Close(CloseCode::ANOTHER_USER, Departure::Closed));
        }
        let answer = self.login.replace(&found, reference.as_deref(), own);
        self.put(answer)
    }

    /// Takes this update and those that wait behind it, up to a batch.
    fn on_updates(&mut self, first: Option<Update>) -> Result<(), End> {
        let Some(first) = first else {
            // We ended the session ourselves, so no reason will come.
            return Err(End::Close(CloseCode::DEFECT, Departure::Closed));
        };
        self.on_update(first)?;
        while self.has_room() && self.attached.is_none() {
            match self.updates.try_next() {
                Some(update) => self.on_update(update)?,
                None => break,
            }
        }
        Ok(())
    }

    fn on_update(&mut self, update: Update) -> Result<(), End> {
        match update {
            Update::Delivery(delivery) => {
                if let Item::Event(event) = delivery.item()
                    && event.kind == EventKind::RoomDeleted
                {
                    self.deleted.push(event.room);
                }
                frames::delivered(&delivery).map_or(Ok(()), |frame| self.put(frame))
            }
            Update::Answer(ticket, Ok(answer)) => match self.pending.answer(ticket, answer) {
                Some(AnswerFrames::One(frame)) => self.put(frame),
                Some(AnswerFrames::Attached(attached)) => {
                    self.attached = Some(attached);
                    self.continue_attached()
                }
                None => Ok(()),
            },
            Update::Answer(ticket, Err(error)) => {
                let asked = self.pending.take(ticket);
                if asked.is_entry {
                    return Err(End::Close(CloseCode::of_refusal(&error), Departure::Closed));
                }
                self.fail(asked.reference.as_deref(), asked.room, &error.into())
            }
            Update::Detached(room, reason) if self.own == Some(room) => {
                Err(End::Close(CloseCode::of_detach(reason), Departure::Closed))
            }
            Update::Closed(reason) => Err(End::Close(CloseCode::of_reason(reason), Departure::Lost)),
            Update::Detached(room, reason) => self.on_detached(room, reason),
            // A socket for one room is not told of others.
            Update::Notice(notice) if self.own.is_none() => {
                frames::notice(&notice).map_or(Ok(()), |frame| self.put(frame))
            }
            Update::Notice(_) | _ => Ok(()),
        }
    }

    /// Tells that a room is over, unless its last event has said so.
    fn on_detached(&mut self, room: RoomId, reason: DetachReason) -> Result<(), End> {
        let told = self.deleted.len();
        self.deleted.retain(|deleted| *deleted != room);
        if self.deleted.len() < told {
            return Ok(());
        }
        self.put(frames::detached(room, reason))
    }

    /// Sends an error. The fifth malformed frame within a minute closes the socket, and so do 10 s above a rate.
    fn fail(&mut self, reference: Option<&str>, room: Option<RoomId>, refusal: &Refusal) -> Result<(), End> {
        security_log::refused(Some(&self.handle.identity().id), refusal.code());
        self.put(frames::error(reference, room, refusal))?;
        if refusal.is_for_a_rate() && self.rate.refused(Instant::now()) {
            return Err(End::Close(CloseCode::TOO_FAST, Departure::Lost));
        }
        if !refusal.is_malformed() {
            return Ok(());
        }
        metrics::frame_malformed();
        if self.violations.add(Instant::now()) {
            return Err(End::Close(CloseCode::BAD_FRAMES, Departure::Closed));
        }
        Ok(())
    }

    /// Queues a frame; all queued frames are written together. The batch is the only limit.
    fn put(&mut self, frame: Utf8Bytes) -> Result<(), End> {
        let bytes = frame.len();
        self.queue(Queued::Text(frame), bytes)
    }

    fn queue(&mut self, frame: Queued, bytes: usize) -> Result<(), End> {
        self.transport.queue(frame).map_err(|Gone| End::Lost)?;
        let (since, before) = self.unwritten.unwrap_or_else(|| (Instant::now(), 0));
        self.unwritten = Some((since, before + bytes));
        Ok(())
    }

    fn on_tick(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if self.silent_at().is_some_and(|at| at <= now) {
            return Err(End::Close(CloseCode::NO_PONG, Departure::Lost));
        }
        if self.unfinished_at().is_some_and(|at| at <= now) {
            return Err(End::Close(CloseCode::UNFINISHED, Departure::Lost));
        }
        if self.stalled_at().is_some_and(|at| at <= now) {
            return Err(End::Lost);
        }
        // While nothing is taken from the stream, the end of the session would go unnoticed.
        if self.unwritten.is_some() && self.handle.has_ended() {
            return Err(self.reason_of_end().unwrap_or(End::Lost));
        }
        match self.login.due(now) {
            Some(Due::End) => return Err(End::Close(CloseCode::EXPIRED, Departure::Lost)),
            Some(Due::Warning(left)) => self.put(frames::expiring(left))?,
            None => {}
        }
        if self.ping_at() <= now {
            self.pinged = now;
            if self.unwritten.is_none() && self.transport.has_pings() {
                return self.queue(Queued::Ping, 0);
            }
        }
        Ok(())
    }

    fn ping_at(&self) -> Instant {
        self.pinged + if self.listens() { PING_EVERY } else { vanished::PING }
    }

    /// When a silent client is disconnected; never while no frames are read from it, nor if it is not pinged.
    fn silent_at(&self) -> Option<Instant> {
        let since = self.listening_since.filter(|_| self.transport.has_pings())?;
        Some(since.max(self.transport.last_read()) + SILENCE)
    }

    /// When a client with an unfinished message is disconnected; never while no frames are read from it.
    fn unfinished_at(&self) -> Option<Instant> {
        let begun = self.transport.begun()?;
        self.listening_since.map(|since| since.max(begun) + WHOLE_WITHIN)
    }

    /// When a client that accepts no bytes is disconnected.
    fn stalled_at(&self) -> Option<Instant> {
        self.unwritten.map(|(since, _)| since.max(self.transport.last_write()) + STALL)
    }

    /// Sets the timer to the next deadline. It is reset only after it has fired or if a deadline is earlier, not with
    /// every byte.
    fn set_timer(&mut self) {
        let mut due = self.ping_at();
        for at in [self.silent_at(), self.unfinished_at(), self.login.due_at()].into_iter().flatten() {
            due = due.min(at);
        }
        if self.unwritten.is_some() {
            due = due.min(Instant::now() + STALL_CHECK);
        }
        if self.timer.is_elapsed() || due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
    }

    /// Why the session ended, if its stream says so. Everything before that in the stream is dropped.
    fn reason_of_end(&mut self) -> Option<End> {
        while let Some(update) = self.updates.try_next() {
            if let Update::Closed(reason) = update {
                return Some(End::Close(CloseCode::of_reason(reason), Departure::Lost));
            }
        }
        None
    }

    fn finish(self, end: End) -> T {
        let Self { transport, handle, updates, .. } = self;
        match end {
            End::Close(_, Departure::Closed) | End::Closed => handle.close(),
            End::Close(_, Departure::Lost) | End::Lost => handle.disconnect_lost(),
        }
        let user = Excerpt(&handle.identity().id);
        tracing::debug!(session.id = %handle.id(), user.id = %user, ?end, "a socket ends");
        drop((handle, updates));
        transport
    }
}

/// Sends every message back, with the same upgrade, limits and close handshake as a session.
#[cfg(feature = "test-util")]
pub(crate) async fn echo<S: Io>(mut socket: Socket<S>) {
    use futures::SinkExt;
    use tokio_tungstenite::tungstenite::Message;

    while let Some(message) = socket.next().await {
        let sent = match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).await,
            Ok(Message::Close(_)) => return close_handshake::answer(socket).await,
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Ok(()),
            Err(error) => match CloseCode::of_error(&error) {
                Some(code) => return close_handshake::close(socket, code.frame()).await,
                None => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}
