//! Consumers of what happens in all rooms, through the engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::Mutex,
};

use async_trait::async_trait;
use tokio::{sync::watch, task::JoinHandle};

use super::*;
use crate::{
    Actor, ConsumeFrom, Consumer, Error, LogCursor, NotConsumed, TailEntry,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

/// What a consumer does with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Refuse,
    Hang,
    Panic,
}

/// Writes down what it is told.
#[derive(Default)]
struct Recorder {
    told: watch::Sender<Vec<(RoomId, u64)>>,
    /// What it does instead with an entry.
    instead: Mutex<BTreeMap<(RoomId, u64), Does>>,
    is_down: Mutex<bool>,
}

#[async_trait]
impl Consumer for Recorder {
    async fn consume(&self, entry: &TailEntry) -> Result<(), NotConsumed> {
        let place = (entry.room, entry.cursor.seq.0);
        let instead = self.instead.lock().unwrap().get(&place).copied();
        let instead = if *self.is_down.lock().unwrap() { Some(Does::Refuse) } else { instead };
        match instead {
            None => {
                self.told.send_modify(|told| told.push(place));
                Ok(())
            }
            Some(Does::Refuse) => Err(NotConsumed::new("refused on purpose")),
            Some(Does::Hang) => pending().await,
            Some(Does::Panic) => panic!("broken on purpose"),
        }
    }
}

impl Recorder {
    /// Waits until so many entries are taken in.
    async fn count(&self, count: usize) -> Vec<(RoomId, u64)> {
        let mut told = self.told.subscribe();
        let waited = timeout(DAY * 3, told.wait_for(|told| told.len() >= count)).await;
        waited.expect("something is missing").unwrap().clone()
    }

    fn does(&self, place: (RoomId, u64), does: Option<Does>) {
        let mut instead = self.instead.lock().unwrap();
        match does {
            Some(does) => instead.insert(place, does),
            None => instead.remove(&place),
        };
    }
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn consume(engine: &ChatEngine, from: ConsumeFrom, recorder: &Arc<Recorder>) -> JoinHandle<Result<(), Error>> {
    let (engine, recorder) = (engine.clone(), Arc::clone(recorder));
    tokio::spawn(async move { engine.consume("test", from, &recorder).await })
}

/// Makes a room with so many messages.
async fn filled_room(engine: &ChatEngine, name: &str, messages: usize) -> RoomId {
    let room = make_room(engine, name).await;
    for _ in 0..messages {
        engine.send(&user("alice"), room, text("x")).await.unwrap();
    }
    room
}

/// Checks that each room was told from its making on, without a hole and in order, nothing twice; returns how far each is.
fn check(told: &[(RoomId, u64)]) -> BTreeMap<RoomId, u64> {
    let mut rooms = BTreeMap::new();
    for (room, seq) in told {
        assert_eq!(rooms.insert(*room, *seq), seq.checked_sub(1), "{room} {seq} of {told:?}");
    }
    rooms
}

#[tokio::test(start_paused = true)]
async fn everything_is_told_once_and_each_room_in_order() {
    let (engine, recorder) = (engine().await, Arc::<Recorder>::default());
    filled_room(&engine, "before", 30).await;
    let consuming = consume(&engine, ConsumeFrom::Beginning, &recorder);
    for number in 0..30 {
        filled_room(&engine, &format!("room {number}"), 10).await;
    }
    let told = recorder.count(31 + 30 * 11).await;
    assert_eq!(check(&told).len(), 31);
    engine.shutdown().await;
    assert_eq!(consuming.await.unwrap(), Ok(()));
    let stopped = engine.consume("test", ConsumeFrom::Beginning, &recorder).await;
    assert_eq!(stopped, Err(Error::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_new_consumer_may_begin_with_what_happens_from_now_on() {
    let (engine, recorder) = (engine().await, Arc::<Recorder>::default());
    let room = filled_room(&engine, "general", 3).await;
    let _consuming = consume(&engine, ConsumeFrom::Now, &recorder);
    while engine.consumers().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    engine.send(&user("alice"), room, text("x")).await.unwrap();
    assert_eq!(recorder.count(1).await, [(room, 4)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_in_holds_back_its_room_only_and_for_a_day() {
    hush_panics_on_purpose();
    let (engine, recorder) = (engine().await, Arc::<Recorder>::default());
    let mut rooms = Vec::new();
    for (name, does) in [("refused", Does::Refuse), ("hangs", Does::Hang), ("panics", Does::Panic)] {
        let room = filled_room(&engine, name, 60).await;
        recorder.does((room, 20), Some(does));
        rooms.push(room);
    }
    let other = filled_room(&engine, "other", 60).await;
    let _consuming = consume(&engine, ConsumeFrom::Beginning, &recorder);
    let began = Instant::now();
    assert_eq!(check(&recorder.count(3 * 20 + 61).await)[&other], 60, "the others go on");
    assert!(began.elapsed() < Duration::from_secs(60));
    let [(_, state)] = &engine.consumers().await.unwrap()[..] else { panic!("one consumer") };
    assert_eq!(state.held.keys().copied().collect::<Vec<_>>(), rooms);
    assert!(state.held.values().all(|held| held.next.seq.0 == 20 && held.tries > 0));

    recorder.does((rooms[0], 20), None);
    let told = recorder.count(61 + 61 + 2 * 20).await;
    assert_eq!(check(&told)[&rooms[0]], 60, "it is tried again");
    let told = recorder.count(61 + 61 + 2 * 60).await;
    assert!((DAY..DAY + Duration::from_secs(2 * 3_600)).contains(&began.elapsed()), "{:?}", began.elapsed());
    for room in &rooms[1..] {
        let seqs: Vec<_> = told.iter().filter(|(of, _)| of == room).map(|(_, seq)| *seq).collect();
        assert_eq!(seqs, (0..20).chain(21..=60).collect::<Vec<_>>(), "the room goes on behind what was given up");
    }
    // It is stored after the last entry was taken in.
    let dead = loop {
        let dead = engine.dead_letters("test", None, 10).await.unwrap();
        if dead.len() == 2 {
            break dead;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    let reasons: BTreeSet<_> = dead.iter().map(|dead| (dead.room, dead.cursor.seq.0, dead.reason.as_str())).collect();
    assert_eq!(reasons, [(rooms[1], 20, "timed out"), (rooms[2], 20, "panicked")].into());
    // What it was is where its place says.
    let before = LogCursor { seq: crate::Seq(dead[0].cursor.seq.0 - 1), ..dead[0].cursor.clone() };
    assert_eq!(engine.tail(Some(before), 1).await.unwrap().entries[0].cursor, dead[0].cursor);
}

#[tokio::test(start_paused = true)]
async fn who_was_away_is_told_everything() {
    let (engine, recorder) = (engine().await, Arc::<Recorder>::default());
    *recorder.is_down.lock().unwrap() = true;
    let _consuming = consume(&engine, ConsumeFrom::Beginning, &recorder);
    for number in 0..150 {
        filled_room(&engine, &format!("room {number}"), 4).await;
    }
    tokio::time::sleep(DAY / 3).await;
    let [(_, state)] = &engine.consumers().await.unwrap()[..] else { panic!("one consumer") };
    assert!((64..=150).contains(&state.held.len()), "{}", state.held.len());
    *recorder.is_down.lock().unwrap() = false;
    let told = recorder.count(150 * 5).await;
    assert_eq!(check(&told), (1..=150).map(|room| (RoomId(room), 4)).collect());
    assert_eq!(engine.dead_letters("test", None, 1).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_goes_on_where_it_was_whatever_the_database_does() {
    let store = FaultyStore::new(memory());
    let recorder = Arc::<Recorder>::default();
    let mut room = RoomId(0);
    let fault = StoreErrorKind::Unavailable;
    for run in 0_usize..6 {
        let engine = engine_on(Arc::new(store.clone()), Limits::default()).await;
        if run == 0 {
            room = make_room(&engine, "general").await;
        }
        let consuming = consume(&engine, ConsumeFrom::Beginning, &recorder);
        for (call, fault) in [
            (StoreCall::SaveConsumer, Fault::Refuse(fault)),
            (StoreCall::SaveConsumer, Fault::LoseAnswer),
            (StoreCall::ReadConsumer, Fault::Refuse(fault)),
            (StoreCall::ReadTail, Fault::Refuse(fault)),
            (StoreCall::ExtendTail, Fault::LoseAnswer),
        ] {
            store.fail_next(call, fault);
            engine.send(&user("alice"), room, text("x")).await.unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let newest = (room, (run as u64 + 1) * 5);
        let mut told = recorder.told.subscribe();
        told.wait_for(|told| told.contains(&newest)).await.unwrap();
        engine.shutdown().await;
        consuming.await.unwrap().unwrap();
    }
    let told = recorder.told.borrow().clone();
    let mut seen = BTreeSet::new();
    for (index, (_, seq)) in told.iter().enumerate() {
        // What comes again is what came last.
        assert!(seen.insert(*seq) || told[index.saturating_sub(8)..index].contains(&(room, *seq)), "{told:?}");
        assert!(*seq == 0 || seen.contains(&(seq - 1)), "{told:?}");
    }
    assert_eq!(seen, (0..=30).collect());
    assert!(told.len() < 31 + 6 * 5, "only what was not stored is told again: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_name_has_one_consumer() {
    let (engine, recorder) = (engine().await, Arc::<Recorder>::default());
    let consuming = consume(&engine, ConsumeFrom::Now, &recorder);
    tokio::task::yield_now().await;
    let again = engine.consume("test", ConsumeFrom::Now, &recorder).await;
    assert!(matches!(again, Err(Error::InvalidField { .. })), "{again:?}");
    consuming.abort();
    assert!(consuming.await.unwrap_err().is_cancelled());
    let consuming = consume(&engine, ConsumeFrom::Now, &recorder);
    tokio::task::yield_now().await;
    assert!(!consuming.is_finished());
    for name in ["", "two words", "ü", &"x".repeat(65)] {
        let refused = engine.consume(name, ConsumeFrom::Now, &recorder).await;
        assert!(matches!(refused, Err(Error::InvalidField { .. })), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_engines_leave_a_consumer_to_each_other() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Epoch::new("test")).shared());
    let recorder = Arc::<Recorder>::default();
    let mut engines = Vec::new();
    for _ in 0..2 {
        engines.push(engine_on(Arc::clone(&store), Limits::default()).await);
    }
    let room = make_room(&engines[0], "general").await;
    let _one = consume(&engines[0], ConsumeFrom::Beginning, &recorder);
    let _other = consume(&engines[1], ConsumeFrom::Beginning, &recorder);
    for number in 0..100 {
        engines[number % 2].send(Actor::SystemAs(user("alice")), room, text("x")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut told = recorder.told.subscribe();
    told.wait_for(|told| told.contains(&(room, 100))).await.unwrap();
    let told = recorder.told.borrow().clone();
    assert_eq!(told.iter().map(|(_, seq)| *seq).collect::<BTreeSet<_>>(), (0..=100).collect());
    assert!(told.len() < 120, "seldom twice: {told:?}");
}
