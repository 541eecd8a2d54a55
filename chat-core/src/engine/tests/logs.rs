//! What the log says, and how much of it, while clients and databases do their worst.

use std::{io, sync::Mutex};

use tracing::{
    Dispatch, Level,
    subscriber::{DefaultGuard, NoSubscriber},
};

use super::*;
use crate::{
    Error, HistoryQuery, NewRoom, Position, Seq, Since,
    log::LogLimit,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

/// What is logged on this thread from now on.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start(level: Level) -> (Self, (DefaultGuard, Dispatch)) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_ansi(false);
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        // While there is one subscriber alone, whether a line is wanted is asked of the thread that reaches it first, for good:
        // of another test. With two, all are asked.
        (log, (guard, Dispatch::new(NoSubscriber::default())))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// How many lines have these words.
    fn lines(&self, words: &str) -> usize {
        self.text().lines().filter(|line| line.contains(words)).count()
    }
}

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_clients_do_writes_nothing_at_level_info() {
    let (log, _on) = Log::start(Level::INFO);
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let before = log.text().len();
    let (session, mut updates) = connect(&engine, &"mallory".repeat(9));
    let wrong = |seq| Since::Position(Position { epoch: Epoch::new("wrong"), seq: Seq(seq) });
    for attempt in 0..100_000 {
        session.attach(room, wrong(attempt)).await.unwrap();
        session.detach(room).await.unwrap();
        while updates.try_next().is_some() {}
    }
    for _ in 0..1_000 {
        session.attach(room, Since::Seq(Seq(1 << 52))).await.unwrap();
        session.detach(room).await.unwrap();
        let _refused = session.send(room, Draft::text("")).await.unwrap_err();
        let _refused = session.send(RoomId(1 << 40), Draft::text("x")).await.unwrap_err();
        let _refused = session.typing(room, true).await.unwrap_err();
        let _refused = engine.history(&user("bob"), RoomId(1 << 41), HistoryQuery::newest()).await.unwrap_err();
        let _refused = engine.create_room(&user("bob"), NewRoom::named("General")).await.unwrap_err();
        drop(engine.connect(user("bob")));
    }
    assert_eq!(log.text().len(), before, "{}", log.text());
}

/// So that a flood is as long as a flood is.
const FLOOD: usize = 2_000;

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_for_ever_is_told_of_once_in_a_while() {
    let (log, _on) = Log::start(Level::INFO);
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("the room is at hand")).await.unwrap();
    for op in [
        StoreCall::Append,
        StoreCall::Update,
        StoreCall::Create,
        StoreCall::Read,
        StoreCall::Seen,
        StoreCall::Load,
        StoreCall::Purge,
        StoreCall::Delete,
    ] {
        store.fail_always(op, Some(Fault::Refuse(StoreErrorKind::Failed)));
    }
    let before = log.text().len();
    let alice = user("alice");
    for number in 0..FLOOD {
        let _refused = engine.send(&alice, room, text("x")).await.unwrap_err();
        let _refused = engine.create_room(&alice, NewRoom::named(format!("room {number}"))).await.unwrap_err();
        let _refused = engine.history(&alice, room, HistoryQuery::newest()).await.unwrap_err();
        let _refused = engine.room(crate::Actor::System, RoomId(1_000 + number as u64)).await.unwrap_err();
    }
    for words in ["a write failed", "could not be read"] {
        assert_eq!(log.lines(words), 1, "{words}: {}", log.text());
    }
    assert!(log.text().len() - before < 1_000, "{}", log.text());
    // What is left out is counted in the next line.
    tokio::time::sleep(LogLimit::INTERVAL).await;
    let _refused = engine.history(&alice, room, HistoryQuery::newest()).await.unwrap_err();
    let left_out = format!("could not be read left_out={}", 2 * FLOOD - 1);
    assert_eq!(log.lines(&left_out), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_names_too_many_rooms_is_told_of_once_in_a_while() {
    let (log, _on) = Log::start(Level::INFO);
    let shows = policy::Shows::new();
    let engine = ChatEngine::builder().policy(Arc::clone(&shows)).build().await.unwrap();
    shows.set(crate::VisibleRooms::except((1..=10_001).map(RoomId)));
    for _ in 0..FLOOD {
        let refused = engine.rooms(&user("alice"), crate::RoomQuery::default()).await;
        assert_eq!(refused.unwrap_err(), Error::Internal);
    }
    let words = "user.id=alice named=10001 most=10000";
    assert_eq!((log.lines("the policy names more rooms"), log.lines(words)), (1, 1), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_comes_and_goes_is_told_of_in_pairs() {
    let (log, _on) = Log::start(Level::INFO);
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    // Away and back once a second, for five minutes.
    for _ in 0..300 {
        store.fail_next(StoreCall::Append, Fault::Refuse(StoreErrorKind::Unavailable));
        assert_eq!(engine.send(&user("alice"), room, text("x")).await.unwrap_err(), Error::Unavailable);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (gone, back) = (log.lines("the database cannot store"), log.lines("the database stores again"));
    assert_eq!((gone, back), (30, 30), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_room_that_breaks_again_and_again_is_told_of_once_in_a_while() {
    let (log, _on) = Log::start(Level::INFO);
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.fail_always(StoreCall::Read, Some(Fault::Panic));
    for _ in 0..100 {
        let _refused = engine.send(&user("alice"), room, text("x")).await.unwrap_err();
    }
    assert_eq!(log.lines("a room has a defect"), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn an_outsiders_words_are_cut_and_escaped_also_at_level_debug() {
    let (log, _on) = Log::start(Level::DEBUG);
    let engine = engine().await;
    let id = format!("\n2026-11-22 ERROR all is lost \u{1b}[31m{}", "x".repeat(200));
    drop(engine.connect(Identity::new(&id, "Mallory").unwrap()));
    let line = log.text().lines().find(|line| line.contains("a session has started")).unwrap().to_owned();
    assert!(line.contains(r"\n2026-11-22 ERROR all is lost \u{1b}[31m"), "{line}");
    assert!(!log.text().lines().any(|line| line.starts_with("2026-11-22")), "{}", log.text());
}
