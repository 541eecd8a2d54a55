//! Messages that a host queues in transactions of its own, with rows of its own.

mod kill;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::{
    Actor, ChatEngine, Draft, Erase, Error, HistoryQuery, Identity, NewRoom, Room, RoomId, Since, TextKeys, Updates,
    store::{StoreErrorKind, sea::SeaStore},
    testing::{Fault, FaultyStore, Heard, StoreCall},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};
use tokio::time::timeout;

use crate::common::{DEADLINE, Database, on_each_database};

on_each_database!(
    what_is_committed_is_sent_and_what_is_rolled_back_is_not,
    a_retry_finds_the_first_one_wherever_it_is,
    what_cannot_be_sent_is_refused_and_leaves_nothing,
    what_cannot_be_sent_any_more_is_listed,
    the_author_may_be_anybody,
    a_room_is_made_with_rows_of_the_hosts,
    many_keep_their_order,
    what_waits_is_encrypted,
    what_cannot_be_read_concerns_nobody_else,
    a_database_that_fails_between_two_leaves_the_second_for_later,
    a_room_that_cannot_be_written_waits_and_keeps_nobody,
    an_erased_user_is_not_named_by_what_waits,
);

/// A host with an engine on its database.
struct Host {
    database: DatabaseConnection,
    engine: ChatEngine,
    room: Room,
}

impl Host {
    async fn new(database: &Database) -> Self {
        database.execute(&["CREATE TABLE orders (id INTEGER PRIMARY KEY)"]).await;
        Self::start(database.url()).await
    }

    /// Goes on with the orders there are.
    async fn start(url: &str) -> Self {
        let database = sea_orm::Database::connect(url).await.unwrap();
        let engine = ChatEngine::builder().database(database.clone()).build().await.unwrap();
        Self::with(database, engine).await
    }

    /// The same, with texts encrypted.
    async fn encrypted(database: &Database, keys: &TextKeys) -> Self {
        let database = sea_orm::Database::connect(database.url()).await.unwrap();
        let encrypted = chat_core::Database::from(database.clone()).encrypted(keys.clone());
        let engine = ChatEngine::builder().database(encrypted).build().await.unwrap();
        Self::with(database, engine).await
    }

    /// The same, with a store that fails as told.
    async fn faulty(database: &Database) -> (Self, FaultyStore) {
        let store = FaultyStore::new(Arc::new(SeaStore::open(database.url()).await.unwrap()));
        let engine = ChatEngine::builder().database(chat_core::Database::store(Arc::new(store.clone())));
        let connection = sea_orm::Database::connect(database.url()).await.unwrap();
        (Self::with(connection, engine.build().await.unwrap()).await, store)
    }

    async fn with(database: DatabaseConnection, engine: ChatEngine) -> Self {
        let room = match engine.create_room(&alice(), NewRoom::named("orders")).await {
            Ok(room) => room,
            Err(Error::NameTaken { room }) => *room.unwrap(),
            Err(error) => panic!("{error:?}"),
        };
        Self { database, engine, room }
    }

    async fn listen(&self) -> Updates {
        let (session, updates) = self.engine.connect(bob()).split();
        session.attach(self.room.id, Since::Now).await.unwrap();
        // It stays as long as its updates are read.
        std::mem::forget(session);
        updates
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = Statement::from_string(self.database.get_database_backend(), sql);
        self.database.query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// What the room says, oldest first.
    async fn said(&self, room: RoomId) -> Vec<String> {
        let query = HistoryQuery::newest().limit(100);
        let page = self.engine.history(Actor::System, room, query).await.unwrap();
        page.messages.iter().map(|message| message.message.body.content.clone()).collect()
    }
}

async fn what_is_committed_is_sent_and_what_is_rolled_back_is_not(database: Database) {
    let host = Host::new(&database).await;
    let mut updates = host.listen().await;
    let transaction = host.database.begin().await.unwrap();
    transaction.execute_unprepared("INSERT INTO orders (id) VALUES (1)").await.unwrap();
    for text in ["one", "two", "three"] {
        let queued = host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text(text)).await.unwrap();
        assert_eq!(queued.sent(), None);
    }
    if !database.url().starts_with("sqlite") {
        // The room is not locked meanwhile.
        host.engine.send(&bob(), host.room.id, Draft::text("meanwhile")).await.unwrap();
        assert_eq!(next_message(&mut updates).await, "meanwhile");
    }
    transaction.commit().await.unwrap();
    for text in ["one", "two", "three"] {
        assert_eq!(next_message(&mut updates).await, text);
    }
    let transaction = host.database.begin().await.unwrap();
    host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text("never")).await.unwrap();
    transaction.rollback().await.unwrap();
    let transaction = host.database.begin().await.unwrap();
    let queued = host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text("four")).await.unwrap();
    transaction.commit().await.unwrap();
    queued.committed();
    assert_eq!(next_message(&mut updates).await, "four");
    wait_for_empty(&host).await;
    assert!(host.engine.outbox_failures().await.unwrap().is_empty());
    host.engine.shutdown().await;
}

async fn a_retry_finds_the_first_one_wherever_it_is(database: Database) {
    let host = Host::new(&database).await;
    let mut updates = host.listen().await;
    let draft = || Draft::text("Order 7").key("order-7");
    let transaction = host.database.begin().await.unwrap();
    for _ in 0..2 {
        let queued = host.engine.send_in(&transaction, &alice(), host.room.id, draft()).await.unwrap();
        assert_eq!(queued.sent(), None, "it is queued, once");
    }
    let other = || Draft::text("Order 8").key("order-7");
    let refused = host.engine.send_in(&transaction, &alice(), host.room.id, other()).await.unwrap_err();
    assert_eq!(refused, Error::IdempotencyMismatch);
    // Another user's keys are others.
    host.engine.send_in(&transaction, &bob(), host.room.id, other()).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(next_message(&mut updates).await, "Order 7");
    assert_eq!(next_message(&mut updates).await, "Order 8");
    wait_for_empty(&host).await;

    let transaction = host.database.begin().await.unwrap();
    let queued = host.engine.send_in(&transaction, &alice(), host.room.id, draft()).await.unwrap();
    let sent = queued.sent().expect("it was sent before");
    assert!(sent.replayed && sent.seq.0 < 4, "{sent:?}");
    let refused = host.engine.send_in(&transaction, &alice(), host.room.id, other()).await.unwrap_err();
    assert_eq!(refused, Error::IdempotencyMismatch);
    transaction.commit().await.unwrap();
    wait_for_empty(&host).await;
    assert_eq!(host.said(host.room.id).await, ["Order 7", "Order 8"]);
    let again = host.engine.send(&alice(), host.room.id, draft()).await.unwrap();
    assert!(again.replayed, "a send finds it by its key, too");
    host.engine.shutdown().await;
}

async fn what_cannot_be_sent_is_refused_and_leaves_nothing(database: Database) {
    let host = Host::new(&database).await;
    let transaction = host.database.begin().await.unwrap();
    let cases = [
        (RoomId(99), Draft::text("a"), "room_not_found"),
        (host.room.id, Draft::text(" "), "empty_message"),
        (host.room.id, Draft::text("a").reply_to(chat_core::Seq(7)), "message_not_found"),
        (host.room.id, Draft::text("a").key(""), "invalid_field"),
    ];
    for (room, draft, code) in cases {
        let refused = host.engine.send_in(&transaction, &alice(), room, draft).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    let refused = host.engine.send_in(&transaction, Actor::System, host.room.id, Draft::text("a")).await;
    assert_eq!(refused.unwrap_err(), Error::Unauthenticated);
    // The transaction is as good as before.
    host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text("b")).await.unwrap();
    transaction.commit().await.unwrap();
    wait_for_empty(&host).await;
    assert_eq!(host.said(host.room.id).await, ["b"]);

    let elsewhere = Database::sqlite();
    let other = Host::new(&elsewhere).await;
    let transaction = other.database.begin().await.unwrap();
    let refused = host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text("a")).await.unwrap_err();
    assert!(matches!(&refused, Error::InvalidField { field, .. } if field == "transaction"), "{refused:?}");
    transaction.commit().await.unwrap();
    assert_eq!(other.number("SELECT COUNT(*) FROM chat_outbox").await, 0, "nothing of it is there either");
    assert_eq!(other.said(other.room.id).await, <[&str; 0]>::default());
    other.engine.shutdown().await;
    host.engine.shutdown().await;
}

async fn what_cannot_be_sent_any_more_is_listed(database: Database) {
    let host = Host::new(&database).await;
    let gone = host.engine.create_room(&alice(), NewRoom::named("gone")).await.unwrap();
    host.engine.send(&alice(), host.room.id, Draft::text("taken by a send").key("k")).await.unwrap();
    // What a transaction has seen before is written behind its back: as if it had been open all the time.
    let transaction = host.database.begin().await.unwrap();
    host.engine.send_in(&transaction, &alice(), gone.id, Draft::text("too late")).await.unwrap();
    host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text("other").key("l")).await.unwrap();
    transaction.commit().await.unwrap();
    wait_for_empty(&host).await;
    let sql = format!(
        "INSERT INTO chat_outbox (room_id, user_id, user_name, idem_key, at_us, body, flags) VALUES \
         ({}, 'alice', 'alice', 'm', 0, 'deleted', 0), ({}, 'alice', 'alice', 'k', 0, 'another text', 0), \
         ({}, 'alice', 'alice', 'n', 0, 'last', 0)",
        gone.id, host.room.id, host.room.id
    );
    host.engine.delete_room(&alice(), gone.id).await.unwrap();
    host.database.execute_unprepared(&sql).await.unwrap();
    wait_for_empty(&host).await;
    let failures = host.engine.outbox_failures().await.unwrap();
    let listed: Vec<_> = failures.iter().map(|failure| (failure.code.as_str(), &*failure.body.content)).collect();
    assert_eq!(listed, [("room_not_found", "deleted"), ("idempotency_mismatch", "another text")]);
    assert_eq!(failures[0].key.as_ref().map(chat_core::IdempotencyKey::as_str), Some("m"));
    assert_eq!(host.said(host.room.id).await, ["taken by a send", "other", "last"]);

    // What has failed is judged again when the host queues it again.
    let transaction = host.database.begin().await.unwrap();
    let again = Draft::text("another text").key("k");
    let refused = host.engine.send_in(&transaction, &alice(), host.room.id, again).await.unwrap_err();
    assert_eq!(refused, Error::IdempotencyMismatch);
    transaction.commit().await.unwrap();
    for failure in &failures {
        assert!(host.engine.forget_outbox_failure(failure.id).await.unwrap());
        assert!(!host.engine.forget_outbox_failure(failure.id).await.unwrap());
    }
    assert!(host.engine.outbox_failures().await.unwrap().is_empty());
    host.engine.shutdown().await;
}

async fn the_author_may_be_anybody(database: Database) {
    let host = Host::new(&database).await;
    let private = host.engine.create_room(&alice(), NewRoom::named("private").private()).await.unwrap();
    let transaction = host.database.begin().await.unwrap();
    host.engine.send_in(&transaction, &bob(), private.id, Draft::text("by the host's word")).await.unwrap();
    transaction.commit().await.unwrap();
    wait_for_empty(&host).await;
    assert_eq!(host.said(private.id).await, ["by the host's word"]);
    assert_eq!(host.engine.room(&bob(), private.id).await.unwrap_err(), Error::RoomNotFound, "he is not in for that");
    host.engine.shutdown().await;
}

async fn a_room_is_made_with_rows_of_the_hosts(database: Database) {
    let host = Host::new(&database).await;
    let engine = &host.engine;
    let new = || NewRoom::named("Orders").owner(alice()).external("project-42");
    let transaction = host.database.begin().await.unwrap();
    transaction.execute_unprepared("INSERT INTO orders (id) VALUES (42)").await.unwrap();
    let made = engine.create_room_in(&transaction, Actor::System, new()).await.unwrap();
    let queued = engine.send_in(&transaction, &alice(), made.id, Draft::text("the first")).await.unwrap();
    let taken = engine.create_room_in(&transaction, Actor::System, new()).await.unwrap_err();
    assert!(matches!(&taken, Error::NameTaken { room: Some(room) } if room.id == made.id), "{taken:?}");
    let other = NewRoom::named("orders");
    let taken = engine.create_room_in(&transaction, Actor::System, other).await.unwrap_err();
    assert!(matches!(&taken, Error::NameTaken { room: Some(room) } if room.id == host.room.id), "{taken:?}");
    transaction.commit().await.unwrap();
    queued.committed();
    wait_for_empty(&host).await;
    let room = engine.room_by_external(&alice(), "project-42").await.unwrap();
    assert_eq!((room.id, room.owned, room.members), (made.id, true, 1));
    assert_eq!(host.said(made.id).await, ["the first"]);
    assert_eq!(engine.room_by_name(&alice(), "orders").await.unwrap().id, host.room.id);

    let transaction = host.database.begin().await.unwrap();
    let never = NewRoom::named("Never").external("project-43");
    engine.create_room_in(&transaction, Actor::System, never).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(engine.room_by_external(&alice(), "project-43").await.unwrap_err(), Error::RoomNotFound);
    for wrong in ["", &"x".repeat(257), "a\0"] {
        let refused = engine.create_room(&alice(), NewRoom::named("Wrong").external(wrong)).await.unwrap_err();
        assert!(matches!(&refused, Error::InvalidField { field, .. } if field == "external"), "{refused:?}");
    }
    engine.shutdown().await;
}

async fn many_keep_their_order(database: Database) {
    const MANY: usize = 600;
    let host = Host::new(&database).await;
    let mut updates = host.listen().await;
    let transaction = host.database.begin().await.unwrap();
    for number in 0..MANY {
        host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text(number.to_string())).await.unwrap();
    }
    transaction.commit().await.unwrap();
    for number in 0..MANY {
        assert_eq!(next_message(&mut updates).await, number.to_string());
    }
    host.engine.shutdown().await;
}

/// Counts texts that stand in the outbox as they are.
const PLAIN: &str = "SELECT COUNT(*) FROM chat_outbox WHERE body LIKE '%quartz%' OR meta LIKE '%nebula%'";

async fn what_waits_is_encrypted(database: Database) {
    let mut keys = TextKeys::generate().unwrap();
    let mut host = Host::encrypted(&database, &keys).await;
    let gone = host.engine.create_room(&alice(), NewRoom::named("gone")).await.unwrap();
    let transaction = host.database.begin().await.unwrap();
    let draft = || Draft::text("quartzfalcon").meta("{\"a\":\"nebulapigeon\"}");
    host.engine.send_in(&transaction, &alice(), host.room.id, draft()).await.unwrap();
    host.engine.send_in(&transaction, &alice(), gone.id, draft()).await.unwrap();
    let query = Statement::from_string(host.database.get_database_backend(), PLAIN);
    let plain = transaction.query_one_raw(query).await.unwrap().unwrap();
    assert_eq!(plain.try_get_by_index::<i64>(0).unwrap(), 0);
    // The engine is gone before the transaction is committed, and the room before the message is taken.
    host.engine.shutdown().await;
    transaction.commit().await.unwrap();
    let sql = format!("UPDATE chat_rooms SET deleted_at = 1, name = NULL, name_key = NULL WHERE id = {}", gone.id);
    host.database.execute_unprepared(&sql).await.unwrap();
    keys.rotate().unwrap();
    host = Host::encrypted(&database, &keys).await;
    wait_for_empty(&host).await;
    assert_eq!(host.said(host.room.id).await, ["quartzfalcon"]);
    let failures = host.engine.outbox_failures().await.unwrap();
    let [failure] = &failures[..] else { panic!("{failures:?}") };
    assert_eq!((failure.code.as_str(), &*failure.body.content), ("room_not_found", "quartzfalcon"));
    assert!(failure.body.meta.as_ref().unwrap().contains("nebulapigeon"));
    assert_eq!(host.number(PLAIN).await, 0);
    host.engine.shutdown().await;
}

async fn what_cannot_be_read_concerns_nobody_else(database: Database) {
    let keys = TextKeys::generate().unwrap();
    let mut host = Host::encrypted(&database, &keys).await;
    let mut rooms = Vec::new();
    for name in ["damaged", "held", "given up"] {
        rooms.push(host.engine.create_room(&alice(), NewRoom::named(name)).await.unwrap().id);
    }
    let [damaged, held, given_up] = rooms[..] else { unreachable!() };
    let transaction = host.database.begin().await.unwrap();
    let queued = [(damaged, "a"), (held, "b"), (given_up, "c"), (damaged, "d"), (held, "e"), (given_up, "f")];
    for (room, text) in queued.into_iter().chain([(host.room.id, "g")]) {
        host.engine.send_in(&transaction, &alice(), room, Draft::text(text).key(text)).await.unwrap();
    }
    host.engine.shutdown().await;
    transaction.commit().await.unwrap();
    // The key with this number is not there.
    let key =
        |from, to| format!("UPDATE chat_outbox SET body = REPLACE(body, '\u{1}{from}.', '\u{1}{to}.') WHERE idem_key");
    let sql =
        ["UPDATE chat_outbox SET body = '\u{1}1.AAAA' WHERE idem_key = 'a'", &format!("{} IN ('b', 'c')", key(1, 7))];
    for sql in sql {
        host.database.execute_unprepared(sql).await.unwrap();
    }

    host = Host::encrypted(&database, &keys).await;
    wait_for(&host, "SELECT COUNT(*) FROM chat_outbox", 5).await;
    wait_for(&host, "SELECT COUNT(*) FROM chat_outbox WHERE failure IS NULL", 2).await;
    let failures = host.engine.outbox_failures().await.unwrap();
    let listed: Vec<_> = failures.iter().map(|failure| (failure.code.as_str(), failure.room)).collect();
    assert_eq!(listed, [("unreadable", damaged), ("text_key_missing", held), ("text_key_missing", given_up)]);
    assert_eq!((host.said(host.room.id).await, host.said(damaged).await), (vec!["g".to_owned()], vec!["d".to_owned()]));
    assert!(host.said(held).await.is_empty() && host.said(given_up).await.is_empty(), "the order stays");

    // Who forgets it lets go what is behind it, and what is damaged can be queued again.
    assert!(host.engine.forget_outbox_failure(failures[2].id).await.unwrap());
    let transaction = host.database.begin().await.unwrap();
    host.engine.send_in(&transaction, &alice(), damaged, Draft::text("a").key("a")).await.unwrap();
    transaction.commit().await.unwrap();
    wait_for(&host, "SELECT COUNT(*) FROM chat_outbox", 2).await;
    assert_eq!(
        (host.said(damaged).await, host.said(given_up).await),
        (["d", "a"].map(str::to_owned).into(), vec!["f".to_owned()])
    );

    // With the key it is sent, and all that waits behind it.
    host.engine.shutdown().await;
    host.database.execute_unprepared(&format!("{} = 'b'", key(7, 1))).await.unwrap();
    host = Host::encrypted(&database, &keys).await;
    wait_for(&host, "SELECT COUNT(*) FROM chat_outbox", 0).await;
    assert_eq!(host.said(held).await, ["b", "e"]);
    host.engine.shutdown().await;
}

async fn a_database_that_fails_between_two_leaves_the_second_for_later(database: Database) {
    let (host, store) = Host::faulty(&database).await;
    let mut expected = Vec::new();
    for fault in [Fault::Refuse(StoreErrorKind::Unavailable), Fault::LoseAnswer] {
        let transaction = host.database.begin().await.unwrap();
        for number in expected.len()..expected.len() + 3 {
            host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text(number.to_string())).await.unwrap();
        }
        let (appends, probes) = (store.calls(StoreCall::Append), store.calls(StoreCall::Probe));
        store.hold(StoreCall::Append);
        transaction.commit().await.unwrap();
        timeout(DEADLINE, store.called(StoreCall::Append, appends + 1)).await.unwrap();
        // The first one is on its way. What comes next fails, and goes on failing.
        store.fail_next(StoreCall::Append, fault);
        store.fail_always(StoreCall::Recover, Some(Fault::Refuse(StoreErrorKind::Unavailable)));
        store.fail_always(StoreCall::Probe, Some(Fault::Refuse(StoreErrorKind::Unavailable)));
        store.release(StoreCall::Append);
        timeout(DEADLINE, store.called(StoreCall::Probe, probes + 1)).await.unwrap();
        expected.push(expected.len().to_string());
        let next = (fault == Fault::LoseAnswer).then(|| expected.len().to_string());
        let so_far: Vec<_> = expected.iter().cloned().chain(next).collect();
        assert_eq!(host.said(host.room.id).await, so_far, "{fault:?}");
        wait_for(&host, "SELECT COUNT(*) FROM chat_outbox", 2).await;

        store.fail_always(StoreCall::Recover, None);
        store.fail_always(StoreCall::Probe, None);
        wait_for_empty(&host).await;
        expected.extend([expected.len(), expected.len() + 1].map(|number| number.to_string()));
        assert_eq!(host.said(host.room.id).await, expected, "{fault:?}");
    }
    assert!(host.engine.outbox_failures().await.unwrap().is_empty());
    host.engine.shutdown().await;
}

/// Nothing is wrong with its messages: whatever fails there, they wait, and those of other rooms do not.
async fn a_room_that_cannot_be_written_waits_and_keeps_nobody(database: Database) {
    let (host, store) = Host::faulty(&database).await;
    let bad = host.engine.create_room(&alice(), NewRoom::named("bad")).await.unwrap().id;
    let mut updates = host.listen().await;
    store.fail_room(bad, StoreErrorKind::Failed);
    let transaction = host.database.begin().await.unwrap();
    // More than are taken at once.
    let texts: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    for text in &texts {
        host.engine.send_in(&transaction, &alice(), bad, Draft::text(text)).await.unwrap();
    }
    host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text("good")).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(next_message(&mut updates).await, "good");
    wait_for(&host, "SELECT COUNT(*) FROM chat_outbox WHERE failure IS NULL", 300).await;
    assert!(host.engine.outbox_failures().await.unwrap().is_empty());
    host.engine.shutdown().await;

    let host = Host::start(database.url()).await;
    wait_for_empty(&host).await;
    let newest: Vec<_> = texts[200..].to_vec();
    assert_eq!(host.said(bad).await, newest);
    host.engine.shutdown().await;
}

async fn an_erased_user_is_not_named_by_what_waits(database: Database) {
    let host = Host::new(&database).await;
    host.engine.shutdown().await;
    for (user, key, failure) in [
        ("bob", "a", "NULL"),
        ("alice", "b", "NULL"),
        ("bob", "c", "'room_not_found'"),
        ("alice", "d", "'room_not_found'"),
    ] {
        let sql = format!(
            "INSERT INTO chat_outbox (room_id, user_id, user_name, idem_key, at_us, body, mentions, flags, failure) \
             VALUES ({}, '{user}', '{user}', '{key}', 0, 'a text', '3:bob7:charlie', 0, {failure})",
            host.room.id
        );
        host.database.execute_unprepared(&sql).await.unwrap();
    }
    // Whom a damaged one names cannot be said.
    let damaged = "INSERT INTO chat_outbox (room_id, user_id, user_name, idem_key, at_us, body, mentions, flags) \
         VALUES (1, 'alice', 'alice', 'e', 0, 'a text', '9:x', 0)";
    host.database.execute_unprepared(damaged).await.unwrap();
    let host = Host::start(database.url()).await;
    let erased = host.engine.erase_user(&bob().id, Erase::Anonymise, |_| {}).await.unwrap();
    wait_for_empty(&host).await;
    assert_eq!(host.said(host.room.id).await, ["a text", "a text"]);
    let (failures, damaged): (Vec<_>, Vec<_>) =
        host.engine.outbox_failures().await.unwrap().into_iter().partition(|failure| failure.code != "unreadable");
    assert_eq!(damaged.len(), 1);
    let of_bob = failures.iter().find(|failure| failure.author.id != alice().id).unwrap();
    assert_eq!((&of_bob.author.id, of_bob.author.name.as_str()), (&erased.id, "Deleted user"));
    assert!(
        failures.len() == 2 && failures.iter().all(|failure| failure.body.mentions[0] == erased.id),
        "{failures:?}"
    );
    let named = "SELECT (SELECT COUNT(*) FROM chat_outbox WHERE user_id = 'bob' OR mentions LIKE '%bob%') + \
                 (SELECT COUNT(*) FROM chat_events WHERE user_id = 'bob' OR mentions LIKE '%bob%')";
    assert_eq!(host.number(named).await, 0);
    host.engine.shutdown().await;
}

/// A host that writes into the same SQLite file holds everybody up. For a while that goes unnoticed, and then it is told.
#[tokio::test]
async fn a_transaction_of_the_host_in_the_same_file_holds_others_up() {
    let database = Database::sqlite();
    let host = Host::new(&database).await;
    let held_for = async |time: Duration| {
        let transaction = host.database.begin().await.unwrap();
        transaction.execute_unprepared("DELETE FROM orders").await.unwrap();
        let began = Instant::now();
        let sending = host.engine.send(bob(), host.room.id, Draft::text("meanwhile"));
        let releasing = async {
            tokio::time::sleep(time).await;
            let health = host.engine.health();
            // It can write, if nobody else.
            let new = NewRoom::named("within");
            host.engine.create_room_in(&transaction, Actor::System, new).await.unwrap();
            host.engine.send_in(&transaction, &alice(), host.room.id, Draft::text("within")).await.unwrap();
            transaction.rollback().await.unwrap();
            health.ready
        };
        let (sent, was_ready) = tokio::join!(sending, releasing);
        (sent.map(drop), was_ready, began.elapsed())
    };
    let (sent, was_ready, _) = held_for(Duration::from_millis(1_000)).await;
    assert_eq!((sent, was_ready), (Ok(()), true), "less than the time-out");
    let (refused, was_ready, after) = held_for(Duration::from_secs(4)).await;
    assert_eq!((refused, was_ready), (Err(Error::Unavailable), false), "more than that, after {after:?}");
    let again = async {
        while host.engine.send(&bob(), host.room.id, Draft::text("again")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, again).await.expect("it does not store again");
    host.engine.shutdown().await;
}

/// Waits until nothing waits in the outbox.
async fn wait_for_empty(host: &Host) {
    wait_for(host, "SELECT COUNT(*) FROM chat_outbox WHERE failure IS NULL", 0).await;
}

/// Waits until a query finds this number.
async fn wait_for(host: &Host, sql: &str, expected: i64) {
    let found = async {
        while host.number(sql).await != expected {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, found).await.unwrap_or_else(|_| panic!("{sql}: not {expected}"));
}

async fn next_message(updates: &mut Updates) -> String {
    Heard::message(updates).await.message().unwrap().body.content.clone()
}

fn alice() -> Identity {
    Identity::named("alice").unwrap()
}

fn bob() -> Identity {
    Identity::named("bob").unwrap()
}
