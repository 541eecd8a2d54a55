//! How reads go to the database: with how many statements, by which indexes, and without what was pruned.

use std::sync::Mutex;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::*;
use crate::{
    Body, Edit, Identity, Mark, MarkTo, Reaction, RoomName, RoomQuery, Timestamp, Topic, VisibleRooms,
    append::{AppendOutcome, Entry, EventKey, Op, RoomBatch, RoomRecord},
    store::{
        Store as _, Viewer,
        sea::{
            history, members, rooms,
            run::{Run, Snapshot},
            transaction::OpenTransaction,
            unread::{self, MarkIn},
        },
    },
};

/// A transaction that remembers what it was asked.
struct Recording<'a> {
    on: &'a OpenTransaction<'a>,
    asked: Mutex<Vec<Statement>>,
}

#[async_trait]
impl ConnectionTrait for Recording<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.on.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.on.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.on.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.on.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.asked.lock().unwrap().push(statement.clone());
        self.on.query_all_raw(statement).await
    }
}

/// What `$read` is, and the statements that it took.
macro_rules! recorded {
    ($store:expr, |$run:ident| $read:expr) => {{
        let checkout = $store.readers.checkout().await.unwrap();
        let snapshot = Snapshot::begin(&checkout).await.unwrap();
        let recording = Recording { on: snapshot.run().on, asked: Mutex::default() };
        let Run { dialect, sealing, time_out, .. } = checkout.run();
        let $run = &Run { on: &recording, dialect, sealing, time_out };
        let read = $read.await.unwrap();
        (read, recording.asked.into_inner().unwrap())
    }};
}

async fn store() -> SeaStore {
    SeaStore::open("sqlite::memory:").await.unwrap()
}

fn user(name: &str) -> Identity {
    Identity::named(name).unwrap()
}

fn looks(user: &UserId) -> Viewer {
    Viewer::User(user.clone(), Timestamp(1), VisibleRooms::All)
}

async fn make_room(store: &SeaStore, name: &str) -> RoomId {
    let (name, topic) = (RoomName::new(name).unwrap(), Topic::new("").unwrap());
    store.create_room(&RoomRecord::open(name, topic, Timestamp(1))).await.unwrap().unwrap().id
}

async fn append(store: &SeaStore, room: RoomId, ops: impl IntoIterator<Item = (&Identity, Op)>) -> Vec<AppendOutcome> {
    static KEYS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let entry = |(actor, op): (&Identity, Op)| {
        let key = KEYS.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        Entry::new(Some(actor.clone()), EventKey::from_stored(&key), Timestamp(2), op)
    };
    let entries = ops.into_iter().map(entry).collect();
    store.append(&[RoomBatch { room, entries }]).await.unwrap().remove(0).unwrap()
}

fn says(thread: Option<u64>, mentioned: &Identity) -> Op {
    Op::Message(Body { thread: thread.map(Seq), mentions: vec![mentioned.id.clone()], ..Body::text("hello") })
}

/// A room with 50 messages, each of them edited and with reactions of two users, some pinned, and as many in a thread of the first.
async fn busy_room(store: &SeaStore, name: &str) -> RoomId {
    let (alice, bob, room) = (user("alice"), user("bob"), make_room(store, name).await);
    append(store, room, (0..50).map(|_| (&alice, says(None, &bob)))).await;
    append(store, room, (0..50).map(|_| (&bob, says(Some(1), &alice)))).await;
    for seq in (1..=100).map(Seq) {
        let author = if seq.0 <= 50 { &alice } else { &bob };
        let react = |reaction| Op::React(seq, Reaction::new(reaction).unwrap(), true);
        let mut ops = vec![(author, Op::Edit(seq, Edit::text("edited"))), (&alice, react("👍")), (&bob, react("🎉"))];
        ops.extend(seq.0.is_multiple_of(10).then_some((&bob, Op::Pin(seq, true))));
        append(store, room, ops).await;
    }
    room
}

#[tokio::test]
async fn a_page_with_edits_and_reactions_takes_three_statements() {
    let store = store().await;
    let (room, alice, epoch) = (busy_room(&store, "busy").await, user("alice"), store.known_epoch().clone());
    let viewer = Some(&alice.id);
    let (page, asked) = recorded!(store, |run| history::page(run, &epoch, room, HistoryQuery::newest(), viewer));
    let page = page.unwrap();
    assert!(page.messages.len() == 50 && page.messages.iter().all(|state| state.reactions.len() == 2));
    assert_eq!(asked.len(), 3);
    let thread = (room, Seq(1));
    let (page, asked) = recorded!(store, |run| threads::page(run, &epoch, thread, HistoryQuery::newest(), viewer));
    assert_eq!((page.found().unwrap().messages.len(), asked.len()), (50, 3));
    let (pins, asked) = recorded!(store, |run| messages::pins(run, room, viewer));
    assert_eq!((pins.unwrap().messages.len(), asked.len()), (10, 3));
    let (_, asked) = recorded!(store, |run| messages::one(run, room, Seq(1), viewer));
    assert_eq!(asked.len(), 3);
    // Without reactions it takes as many as if there were none.
    let plain = make_room(&store, "plain").await;
    append(&store, plain, (0..50).map(|_| (&alice, says(None, &alice)))).await;
    let (page, asked) = recorded!(store, |run| history::page(run, &epoch, plain, HistoryQuery::newest(), viewer));
    assert_eq!((page.unwrap().messages.len(), asked.len()), (50, 2));
}

#[tokio::test]
async fn what_users_are_in_a_room_takes_one_statement() {
    let store = store().await;
    let (room, ids) = (make_room(&store, "room").await, [user("alice").id, user("bob").id]);
    let (found, asked) = recorded!(store, |run| members::standings_now(run, room, &ids));
    assert_eq!((found.unwrap().users.len(), asked.len()), (2, 1));
    let (found, asked) = recorded!(store, |run| members::standings_now(run, RoomId(99), &ids));
    assert_eq!((found, asked.len()), (None, 1));
}

#[tokio::test]
async fn rooms_of_a_user_take_as_many_statements_however_many_they_are() {
    let store = store().await;
    let (alice, bob) = (user("alice"), user("bob"));
    let mut taken = Vec::new();
    for number in 0..100 {
        let room = make_room(&store, &number.to_string()).await;
        let react = Op::React(Seq(1), Reaction::new("👍").unwrap(), true);
        append(&store, room, [(&bob, says(None, &alice)), (&bob, react), (&alice, Op::Mark(MarkTo::seq(Seq(0))))])
            .await;
        if [0, 99].contains(&number) {
            let query = MyRoomQuery { limit: 200, after: None };
            let (page, asked) = recorded!(store, |run| my_rooms::page(run, &looks(&alice.id), &query));
            assert!(page.rooms.iter().all(|mine| mine.unread.unread == 1 && mine.unread.mentions == 1));
            taken.push((page.rooms.len(), asked.len()));
        }
    }
    assert_eq!(taken, [(1, 3), (100, 3)]);
}

/// The plans of these statements, a line each.
async fn plans(store: &SeaStore, statements: Vec<Statement>) -> Vec<String> {
    let checkout = store.writers.checkout().await.unwrap();
    let mut plans = Vec::new();
    for mut statement in statements {
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let rows = checkout.connection().query_all_raw(statement).await.unwrap();
        plans.extend(rows.iter().map(|row| row.try_get_by_index::<String>(3).unwrap()));
    }
    plans
}

#[tokio::test]
async fn everything_is_read_by_an_index() {
    let store = store().await;
    let (room, alice, epoch) = (busy_room(&store, "busy").await, user("alice"), store.known_epoch().clone());
    let (user, viewer, newest) = (&alice.id, Some(&alice.id), HistoryQuery::before(Seq(40)));
    let by = looks(user);
    let mark = [MarkIn { room, user, mark: Mark::NONE }];
    let rooms = MyRoomQuery::default();
    let thread = (room, Seq(1));
    let asked = [
        ("chat_events_messages", recorded!(store, |run| history::page(run, &epoch, room, newest, viewer)).1),
        ("chat_events_threads", recorded!(store, |run| threads::page(run, &epoch, thread, newest, viewer)).1),
        (
            "SEARCH e USING PRIMARY KEY (room_id=? AND seq=?)",
            recorded!(store, |run| messages::one(run, room, Seq(1), viewer)).1,
        ),
        ("chat_events_edits", recorded!(store, |run| messages::versions(run, room, Seq(1))).1),
        ("chat_reactions_order", recorded!(store, |run| messages::reactors(run, thread, None, 9)).1),
        ("chat_pins_order", recorded!(store, |run| messages::pins(run, room, viewer)).1),
        ("chat_reads_rooms", recorded!(store, |run| marks::page(run, room, viewer, None, 9)).1),
        ("chat_events_authors", recorded!(store, |run| unread::beyond(run, &mark)).1),
        ("SEARCH m USING PRIMARY KEY (user_id=?)", recorded!(store, |run| my_rooms::page(run, &by, &rooms)).1),
        (
            "SEARCH u USING PRIMARY KEY (room_id=? AND root_seq=?)",
            recorded!(store, |run| threads::users(run, room, Seq(1), 9)).1,
        ),
        ("SEARCH r USING INTEGER PRIMARY KEY", recorded!(store, |run| my_rooms::activity(run, &[room, room])).1),
    ];
    for (index, asked) in asked {
        assert!(!asked.is_empty());
        let plans = plans(&store, asked).await;
        // A list of values is read through, and a page that was found, and nothing else; only a user's rooms are sorted.
        let is_list = |plan: &str| plan.contains("ROW") || plan.starts_with("SCAN (") || plan == "SCAN m";
        let is_slow = |plan: &&String| {
            (plan.starts_with("SCAN") && !is_list(plan))
                || (plan.contains("TEMP B-TREE") && !index.starts_with("SEARCH m"))
                || plan.ends_with("PRIMARY KEY (room_id=?)")
        };
        assert_eq!(plans.iter().find(is_slow), None, "{index}: {plans:#?}");
        assert!(plans.iter().any(|plan| plan.contains(index)), "{index}: {plans:#?}");
    }
}

/// However many rooms a policy shows or hides, they are one value of a statement, and no other room is looked at for those it shows.
#[tokio::test]
async fn rooms_that_a_policy_names_are_one_value() {
    let store = store().await;
    let (user, query, mine) = (user("alice").id, RoomQuery::default(), MyRoomQuery::default());
    let many = || (1..=10_000).map(RoomId);
    for (shown, is_only) in [(VisibleRooms::only(many()), true), (VisibleRooms::except(many()), false)] {
        let by = Viewer::User(user.clone(), Timestamp(1), shown);
        let asked = [
            recorded!(store, |run| rooms::page(run, &query, &by)).1,
            recorded!(store, |run| my_rooms::page(run, &by, &mine)).1,
        ];
        for asked in asked {
            let values = asked.iter().map(|statement| statement.values.as_ref().map_or(0, |values| values.0.len()));
            assert!(values.clone().all(|values| values <= 9), "{:?}", values.collect::<Vec<_>>());
            let plans = plans(&store, asked).await;
            let is_slow = |plan: &&String| is_only && plan.starts_with("SCAN r");
            assert_eq!(plans.iter().find(is_slow), None, "{plans:#?}");
            assert!(!plans.iter().any(|plan| plan.contains("CORRELATED") && plan.contains("LIST")), "{plans:#?}");
        }
    }
}

/// What stands before the first number that was not pruned is not there for anybody.
#[tokio::test]
async fn what_was_pruned_is_not_read() {
    let store = store().await;
    let (alice, bob, room) = (user("alice"), user("bob"), make_room(&store, "general").await);
    append(&store, room, (0..4).map(|_| (&bob, says(None, &alice)))).await;
    append(&store, room, (0..2).map(|_| (&bob, says(Some(2), &alice)))).await;
    append(&store, room, [(&bob, Op::Delete(Seq(1), None)), (&bob, Op::Pin(Seq(2), true))]).await;
    append(&store, room, [(&alice, says(Some(2), &bob)), (&bob, says(None, &alice)), (&bob, Op::Pin(Seq(10), true))])
        .await;
    append(&store, room, [(&alice, Op::Mark(MarkTo::seq(Seq(1)))), (&bob, Op::Mark(MarkTo::back_to(Seq(0))))]).await;
    prune(&store, room, 4, 3).await;

    let page = store.history(room, HistoryQuery::newest(), None).await.unwrap().unwrap();
    assert_eq!((numbers(&page), page.has_before, page.has_after), (vec![4, 10], false, false));
    let page = store.history(room, HistoryQuery::after(Seq(1)).limit(1), None).await.unwrap().unwrap();
    assert_eq!((numbers(&page), page.has_before, page.has_after), (vec![4], false, true));
    let page = store.history(room, HistoryQuery::around(Seq(2)).limit(2), None).await.unwrap().unwrap();
    assert_eq!((numbers(&page), page.has_before, page.has_after), (vec![4], false, true));

    let reader = store.reader();
    assert_eq!(reader.message(room, Seq(2), None).await.unwrap(), Found::NoMessage);
    assert_eq!(reader.versions(room, Seq(2)).await.unwrap(), Found::NoMessage);
    assert_eq!(reader.reactors(room, Seq(2), None, 9).await.unwrap(), Found::NoMessage);
    let pins = reader.pins(room, None).await.unwrap().unwrap();
    assert_eq!(pins.messages.iter().map(|state| state.seq.0).collect::<Vec<_>>(), [10]);
    assert_eq!(unread(&store, room, &alice).await, (2, 4), "4 and 10, and two in the thread");
    assert_eq!(unread(&store, room, &bob).await, (0, 1));

    // What is left of a thread whose root is gone can be read.
    prune(&store, room, 6, 4).await;
    let thread = reader.thread(room, Seq(2), HistoryQuery::newest(), None).await.unwrap().found().unwrap();
    assert_eq!((numbers(&thread), thread.has_before, thread.has_after), (vec![6, 9], false, false));
    let thread =
        reader.thread(room, Seq(2), HistoryQuery::before(Seq(9)).limit(1), None).await.unwrap().found().unwrap();
    assert_eq!((numbers(&thread), thread.has_before, thread.has_after), (vec![6], false, true));
    let thread = reader.thread(room, Seq(2), HistoryQuery::before(Seq(5)), None).await.unwrap().found().unwrap();
    assert_eq!((numbers(&thread), thread.has_before, thread.has_after), (vec![], false, true));

    prune(&store, room, 11, 5).await;
    assert_eq!(reader.thread(room, Seq(2), HistoryQuery::newest(), None).await.unwrap(), Found::NoMessage);
    assert_eq!(reader.activity(&[room]).await.unwrap()[0].as_ref().unwrap().last, None);
    assert_eq!(reader.my_rooms(&looks(&alice.id), &MyRoomQuery::default()).await.unwrap().rooms[0].last_message, None);
    assert_eq!(unread(&store, room, &alice).await, (0, 0));
    let page = store.history(room, HistoryQuery::newest(), None).await.unwrap().unwrap();
    assert_eq!((numbers(&page), page.has_before, page.has_after), (vec![], false, false));
}

async fn prune(store: &SeaStore, room: RoomId, first: u64, ordinal: u64) {
    let checkout = store.writers.checkout().await.unwrap();
    let sql = format!("UPDATE chat_rooms SET first_seq = {first}, pruned_ordinal = {ordinal} WHERE id = {room}");
    checkout.run().execute(&sql, Vec::new()).await.unwrap();
}

async fn unread(store: &SeaStore, room: RoomId, user: &Identity) -> (u64, u64) {
    let page = store.reader().my_rooms(&looks(&user.id), &MyRoomQuery::default()).await.unwrap();
    let mine = page.rooms.iter().find(|mine| mine.room.id == room).unwrap();
    (mine.unread.unread, mine.unread.mentions)
}

fn numbers(page: &HistoryPage) -> Vec<u64> {
    page.messages.iter().map(|state| state.seq.0).collect()
}
