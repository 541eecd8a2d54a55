//! Server-sent events: a session as an event stream. It is for pages that use `EventSource`, and for networks that pass
//! only plain HTTP. Such clients send over REST.
//!
//! - The `data` of every event is one frame, exactly as a socket gets it. No event has a name, so `onmessage` hears them all.
//! - First comes `attached` (or `resync`), then `user_list`, and `typing` if anyone is.
//! - What was missed comes one by one behind `attached`, whose own `events` is always empty here: so each event has an id.
//! - The id of an event is its position, `epoch:seq`; that of `attached` is the position before what was missed, and that of
//!   `resync` the head. So the last id a client has seen is at every moment where to go on. Signals have none.
//! - A stream that is silent for 8 s gets a comment. Proxies cut what is silent for longer, and only what is written can go
//!   unacknowledged: so it is noticed that a client's network is gone.
//! - The stream of a user has notices, and the activity of the user's rooms. Nothing of it is resumed: it begins with `hello`, and
//!   for a client that comes back with `missed` before that. Its only id is there to show who comes back.
//! - There are so many [`Places`] for streams. Each stream has one until it ends.
//! - A stream ends when the credential ends that it was opened with; the client comes back with a new one.
//! - `EventSource` has no way to close with a word: the end of a stream counts as lost, with the grace that goes with it.

use std::{fmt::Write, future::pending, io, ops::RangeInclusive, sync::Arc, time::SystemTime, vec};

use bytes::Bytes;
use chat_core::{
    Attached, ChatEngine, CloseReason, Command, Delivery, Epoch, Error, Gap, Identity, Item, MyRoomQuery, Notice,
    RoomId, Seq, Session, SessionHandle, Since, Update, Updates, log::Excerpt,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::{
    auth::{Authenticated, LEEWAY, LoginWatch},
    frames, jitter,
    position::EventId,
    vanished,
};

/// How many bytes are gathered into one piece of the body.
const BATCH: usize = 64 << 10;
/// The id in the stream of a user. It says no more than that the client has been there.
const USER_ID: &str = "notices";
/// The range of the delay before `EventSource` reconnects, in milliseconds. It is random, so that clients do not all
/// come back at once.
const RETRY: RangeInclusive<u64> = 1_000..=3_000;
/// The same while the server stops. It is longer, since a restart takes a while.
const RETRY_AFTER_SHUTDOWN: RangeInclusive<u64> = 2_000..=8_000;

/// The places there are for event streams.
pub(crate) struct Places(Arc<Semaphore>);

/// A place of a stream. Dropping it makes it free.
pub(crate) struct Place(#[expect(dead_code, reason = "it is only held")] OwnedSemaphorePermit);

impl Places {
    /// So many places, or as many as anybody asks for.
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self(Arc::new(Semaphore::new(most.unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS))))
    }

    /// Takes a place, if one is free.
    pub(crate) fn take(&self) -> Result<Place, Error> {
        Arc::clone(&self.0).try_acquire_owned().map(Place).map_err(|_| Error::Overloaded)
    }
}

/// Attaches a session to a room. The [`Feed`] has everything that the session receives from then on.
pub(crate) async fn open(session: Session, room: RoomId, since: Since, presence: bool) -> Result<Feed, Error> {
    let (handle, updates) = session.split();
    // From here on the session is closed properly even if this future is dropped.
    let guard = SessionGuard { handle, was_read: false };
    let attached =
        if presence { guard.handle.attach(room, since).await } else { guard.handle.observe(room, since).await };
    Ok(Feed::new(guard, updates, attached?))
}

/// Starts the stream of a user: notices, and the activity of up to 1,000 of the user's rooms, those that were active last. The
/// [`Feed`] has everything from then on. With `comes_back` it says first that something may have been missed.
pub(crate) async fn open_notices(engine: &ChatEngine, user: Identity, comes_back: bool) -> Result<Feed, Error> {
    let (handle, updates) = engine.connect(user.clone()).split();
    let guard = SessionGuard { handle, was_read: false };
    let rooms = own_rooms(engine, &user).await?;
    let watches = stream::iter(rooms).map(|room| watch(&guard.handle, room)).buffer_unordered(WATCHES_AT_ONCE);
    watches.try_collect::<()>().await?;
    if guard.handle.has_ended() {
        // Any command is refused with what the session has ended for.
        guard.handle.detach(RoomId(1)).await?;
    }
    Ok(Feed::of_user(guard, updates, comes_back))
}

/// Watches a room of a user's, unless it is gone meanwhile.
async fn watch(handle: &SessionHandle, room: RoomId) -> Result<(), Error> {
    match handle.watch(room).await {
        Ok(_) | Err(Error::RoomNotFound | Error::Forbidden | Error::Banned { .. } | Error::AlreadyAttached) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The rooms of a user, as many as a session may watch.
async fn own_rooms(engine: &ChatEngine, user: &Identity) -> Result<Vec<RoomId>, Error> {
    let most = engine.limits().watched_rooms_per_session;
    let mut query = MyRoomQuery::default().limit(MY_ROOMS_PAGE);
    let mut rooms = Vec::new();
    loop {
        let page = engine.my_rooms(user, query.clone()).await?;
        rooms.extend(page.rooms.iter().map(|mine| mine.room.id));
        rooms.truncate(most);
        if page.next.is_none() || rooms.len() >= most {
            return Ok(rooms);
        }
        query.after = page.next;
    }
}

/// How many rooms of a user are read at once.
const MY_ROOMS_PAGE: usize = 200;
/// How many watches of a stream that begins are under way at once, so that it leaves the database to others, too.
const WATCHES_AT_ONCE: usize = 4;

/// The updates of a session, as text for an `EventSource`.
pub(crate) struct Feed {
    guard: SessionGuard,
    updates: Updates,
    source: Source,
    /// The first part of the stream, until it is written.
    beginning: Option<String>,
    /// When the credential ends that the stream was opened with.
    ends: Option<Instant>,
    /// The login that the stream was opened with, if it can be ended by itself.
    login: Option<LoginWatch>,
    /// The place that the stream takes, if places are counted.
    place: Option<Place>,
    is_over: bool,
}

/// What a stream is of.
enum Source {
    /// A room. What was missed is told before what is live.
    Room { epoch: Epoch, gap: vec::IntoIter<Delivery> },
    /// What concerns a user.
    User,
}

impl Feed {
    fn of_user(guard: SessionGuard, updates: Updates, comes_back: bool) -> Self {
        let mut beginning = String::new();
        write_retry(&mut beginning, &RETRY);
        beginning.extend(["id: ", USER_ID, "\n"]);
        if comes_back && let Some(missed) = frames::notice(&Notice::Missed) {
            write_data(&mut beginning, &missed);
        }
        write_data(&mut beginning, &frames::hello(guard.handle.identity()));
        Self {
            guard,
            updates,
            source: Source::User,
            beginning: Some(beginning),
            ends: None,
            login: None,
            place: None,
            is_over: false,
        }
    }

    fn new(guard: SessionGuard, updates: Updates, attached: Attached) -> Self {
        let Attached { room, head, gap } = attached;
        let (missed, gap) = match gap {
            Gap::Events(missed) => (missed, Gap::Events(Vec::new())),
            Gap::Resync => (Vec::new(), Gap::Resync),
        };
        // The log has no gaps, so the client's position is the head minus the number of missed events.
        let stands = Seq(head.seq.0.saturating_sub(missed.len() as u64));
        let epoch = head.epoch.clone();
        let mut beginning = String::new();
        write_retry(&mut beginning, &RETRY);
        write_id(&mut beginning, &epoch, stands);
        for frame in frames::attached(None, Attached { room, head, gap }) {
            write_data(&mut beginning, &frame);
        }
        let source = Source::Room { epoch, gap: missed.into_iter() };
        Self {
            guard,
            updates,
            source,
            beginning: Some(beginning),
            ends: None,
            login: None,
            place: None,
            is_over: false,
        }
    }

    /// The same until a credential ends. A client whose clock or server lags a little gets what is left of the leeway.
    pub(crate) fn until_end_of(mut self, found: &Authenticated) -> Self {
        self.login.clone_from(&found.login);
        self.ends = found.expires_at.and_then(|ends| {
            let now = SystemTime::now();
            let ends = if ends > now { ends } else { ends.checked_add(LEEWAY)? };
            Instant::now().checked_add(ends.duration_since(now).unwrap_or_default())
        });
        self
    }

    /// The same in a place for as long as it is there.
    pub(crate) fn in_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The stream as the body of a response.
    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::unfold(self, |mut feed| async move {
            let piece = feed.next().await?;
            Some((Ok(piece), feed))
        })
    }

    /// The next piece: everything that is waiting, up to a batch. While nobody asks for a piece, updates wait in the
    /// session's queue, which has a limit.
    async fn next(&mut self) -> Option<Bytes> {
        self.guard.was_read = true;
        if self.login.as_ref().is_some_and(LoginWatch::has_ended) {
            return self.log_out();
        }
        if self.ends.is_some_and(|ends| ends <= Instant::now()) {
            self.is_over = true;
        }
        let mut text = self.beginning.take().unwrap_or_default();
        self.take_waiting(&mut text);
        while text.is_empty() && !self.is_over {
            let silence = Instant::now() + vanished::PING;
            let until = self.ends.map_or(silence, |ends| ends.min(silence));
            let next = tokio::select! {
                biased;
                () = logged_out(self.login.as_mut()) => return self.log_out(),
                next = timeout_at(until, self.updates.next()) => next,
            };
            match next {
                Ok(update) => self.put(&mut text, update),
                Err(_) if until < silence => self.is_over = true,
                Err(_silence) => text.push_str(":\n\n"),
            }
            self.take_waiting(&mut text);
        }
        (!text.is_empty()).then(|| text.into())
    }

    /// Ends the stream of a user who has logged out. Nobody waits for them to come back.
    fn log_out(&mut self) -> Option<Bytes> {
        self.is_over = true;
        self.guard.handle.close();
        None
    }

    fn take_waiting(&mut self, text: &mut String) {
        while !self.is_over && text.len() < BATCH {
            if let Source::Room { gap, .. } = &mut self.source
                && let Some(missed) = gap.next()
            {
                self.put_delivery(text, &missed);
            } else if let Some(update) = self.updates.try_next() {
                self.put(text, Some(update));
            } else {
                return;
            }
        }
    }

    fn put(&mut self, text: &mut String, update: Option<Update>) {
        match update {
            Some(Update::Delivery(delivery)) => self.put_delivery(text, &delivery),
            Some(Update::Closed(reason)) => {
                if reason == CloseReason::Shutdown {
                    write_retry(text, &RETRY_AFTER_SHUTDOWN);
                    text.push('\n');
                }
                self.is_over = true;
            }
            Some(Update::Notice(notice)) if matches!(self.source, Source::User) => self.put_notice(text, &notice),
            Some(Update::Detached(room, reason)) if matches!(self.source, Source::User) => {
                write_data(text, &frames::detached(room, reason));
            }
            // The room is gone, the user may not read it any more, or the session has ended.
            Some(Update::Detached(..)) | None => self.is_over = true,
            // Nobody waits for an answer: the only commands are those of `put_notice`.
            Some(Update::Answer(..) | Update::Notice(_) | _) => {}
        }
    }

    /// A room that has become one of the user's is watched from then on.
    fn put_notice(&self, text: &mut String, notice: &Notice) {
        let room = match notice {
            Notice::Read { room, .. } | Notice::Thread { room, .. } => Some(*room),
            Notice::RoomAdded { room } => Some(room.id),
            Notice::RoomRemoved { .. } | Notice::Mention { .. } | Notice::Activity(_) | Notice::Missed | _ => None,
        };
        if let Some(room) = room {
            // Mostly it is watched already, which the answer says.
            let _submitted = self.guard.handle.submit(Command::Watch { room });
        }
        if let Some(frame) = frames::notice(notice) {
            write_data(text, &frame);
        }
    }

    fn put_delivery(&self, text: &mut String, delivery: &Delivery) {
        let Some(frame) = frames::delivered(delivery) else { return };
        if let (Item::Event(event), Source::Room { epoch, .. }) = (delivery.item(), &self.source) {
            write_id(text, epoch, event.seq);
        }
        write_data(text, &frame);
    }
}

/// Waits until a login ends before its time.
async fn logged_out(login: Option<&mut LoginWatch>) {
    match login {
        Some(login) => login.ended().await,
        None => pending().await,
    }
}

/// Ends the session when the stream is dropped. If anyone received something, the session counts as lost, since the
/// client cannot say that it leaves.
struct SessionGuard {
    handle: SessionHandle,
    was_read: bool,
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        if self.was_read {
            self.handle.disconnect_lost();
        } else {
            self.handle.close();
        }
        let user = Excerpt(&self.handle.identity().id);
        tracing::debug!(session.id = %self.handle.id(), user.id = %user, "an event stream ends");
    }
}

fn write_id(text: &mut String, epoch: &Epoch, seq: Seq) {
    // Writing to a string cannot fail.
    let _written = writeln!(text, "id: {}", EventId(epoch, seq));
}

/// Writes one frame as the data of one event. A line break in it (the `meta` of a message may have some, between its fields)
/// begins another line of data. The client puts them together again, with LF.
fn write_data(text: &mut String, frame: &str) {
    if frame.contains(['\n', '\r']) {
        let frame = frame.replace("\r\n", "\n");
        frame.split(['\n', '\r']).for_each(|line| text.extend(["data: ", line, "\n"]));
        text.push('\n');
    } else {
        text.extend(["data: ", frame, "\n\n"]);
    }
}

fn write_retry(text: &mut String, range: &RangeInclusive<u64>) {
    let _written = writeln!(text, "retry: {}", jitter::within(range));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chat_core::{Draft, Limits, NewRoom};

    use super::*;
    use crate::position;

    async fn engine(limits: Limits) -> (ChatEngine, RoomId) {
        let engine = ChatEngine::builder().limits(limits).build().await.unwrap();
        let room = engine.create_room(&user("Host"), NewRoom::named("general")).await.unwrap().id;
        (engine, room)
    }

    fn user(name: &str) -> Identity {
        Identity::named(name).unwrap()
    }

    async fn text(feed: &mut Feed) -> Option<String> {
        feed.next().await.map(|piece| String::from_utf8(piece.into()).unwrap())
    }

    fn ids(text: &str) -> Vec<u64> {
        text.lines().filter_map(|line| Some(position::of_event_id(line.strip_prefix("id: ")?)?.seq.0)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_shows_that_it_is_there() {
        let (engine, room) = engine(Limits::default()).await;
        let mut feed = open(engine.connect(user("Alice")), room, Since::Now, true).await.unwrap();
        // First come the beginning and the lists, which follow within about a second.
        let mut piece = text(&mut feed).await.unwrap();
        assert!(piece.starts_with("retry: "), "{piece}");
        while piece != ":\n\n" {
            let asked = Instant::now();
            piece = text(&mut feed).await.unwrap();
            assert_eq!(piece == ":\n\n", asked.elapsed() == vanished::PING, "{piece}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_credential() {
        let (engine, room) = engine(Limits::default()).await;
        for (ends, after) in [(90, 90), (-30, 30)] {
            let began = Instant::now();
            let moved = Duration::from_secs(u64::try_from(i64::abs(ends)).unwrap());
            let ends = if ends > 0 { SystemTime::now() + moved } else { SystemTime::now() - moved };
            let feed = open(engine.connect(user("Alice")), room, Since::Now, true).await.unwrap();
            let mut feed = feed.until_end_of(&Authenticated { expires_at: Some(ends), ..Authenticated::anonymous() });
            while text(&mut feed).await.is_some() {}
            // The wall clock goes on a little while the other one is paused.
            let late = began.elapsed().abs_diff(Duration::from_secs(after));
            assert!(late < Duration::from_secs(2), "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn what_was_missed_comes_one_by_one_with_ids() {
        let (engine, room) = engine(Limits::default()).await;
        for number in 1..=3 {
            engine.send(&user("Bob"), room, Draft::text(number.to_string())).await.unwrap();
        }
        let mut feed = open(engine.connect(user("Alice")), room, Since::Seq(Seq(1)), true).await.unwrap();
        let piece = text(&mut feed).await.unwrap();
        assert!(piece.contains("\"head\":3,\"events\":[]"), "{piece}");
        assert_eq!(ids(&piece), [1, 2, 3], "the first is where the client stood");
        let mut feed = open(engine.connect(user("Alice")), room, Since::Seq(Seq(9)), true).await.unwrap();
        let piece = text(&mut feed).await.unwrap();
        assert!(piece.contains("\"resync\""), "{piece}");
        assert_eq!(ids(&piece), [3]);
    }

    #[tokio::test]
    async fn who_reads_too_slowly_is_cut_and_resumes_without_a_hole() {
        let mut limits = Limits::default();
        limits.session_queue_bytes = 2_000;
        let (engine, room) = engine(limits).await;
        let mut feed = open(engine.connect(user("Alice")), room, Since::Now, true).await.unwrap();
        let mut seen = ids(&text(&mut feed).await.unwrap());
        for number in 1..=30 {
            engine.send(&user("Bob"), room, Draft::text(number.to_string())).await.unwrap();
        }
        while let Some(piece) = text(&mut feed).await {
            seen.extend(ids(&piece));
        }
        let last = *seen.last().unwrap();
        assert!(last < 30, "it was cut");
        let mut feed = open(engine.connect(user("Alice")), room, Since::Seq(Seq(last)), true).await.unwrap();
        while seen.last() != Some(&30) {
            seen.extend(ids(&text(&mut feed).await.unwrap()));
        }
        seen.dedup();
        assert_eq!(seen, (0..=30).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_stream_that_nobody_heard_leaves_at_once() {
        let (engine, room) = engine(Limits::default()).await;
        for (name, was_read) in [("Alice", true), ("Carol", false)] {
            let mut feed = open(engine.connect(user(name)), room, Since::Now, true).await.unwrap();
            if was_read {
                text(&mut feed).await.unwrap();
            }
            drop(feed);
            // The room answers this after it has processed the departure.
            engine.send(&user("Bob"), room, Draft::text("x")).await.unwrap();
        }
        let online = engine.presence(&user("Bob"), room).await.unwrap().online;
        assert_eq!(online, [user("Alice")], "who was heard may come back");
    }

    #[tokio::test]
    async fn stopping_says_when_to_come_back() {
        let (engine, room) = engine(Limits::default()).await;
        let mut feed = open(engine.connect(user("Alice")), room, Since::Now, true).await.unwrap();
        engine.shutdown().await;
        let mut all = String::new();
        while let Some(piece) = text(&mut feed).await {
            all.push_str(&piece);
        }
        let last = all.trim_end().lines().last().unwrap();
        let wait: u64 = last.strip_prefix("retry: ").unwrap().parse().unwrap();
        assert!(RETRY_AFTER_SHUTDOWN.contains(&wait) && all.ends_with("\n\n"), "{all}");
    }
}
