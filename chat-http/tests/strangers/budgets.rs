//! The table of limits in `docs/limits.md`: each row's limit is reached, and the effect is what the table says.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chat_core::{
    Change, ChatEngine, CloseReason, Command, Database, Draft, Epoch, Error, Gap, HistoryQuery, Identity, Item, Limits,
    NewRoom, Rate, RoomId, Seq, SignalKind, Since, Update, UserRates,
    search::SearchQuery,
    store::MemoryStore,
    testing::{FaultyStore, StoreCall},
};
use futures::SinkExt;
use poem::http::StatusCode;
use serde_json::json;

use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::common::{
    client, client_of, engine, engine_with, get,
    http::request,
    post, read, room,
    socket::{Server, Socket},
};

/// The columns of the table: the limit, its default, the reason for it, and its effect.
fn table() -> Vec<[&'static str; 4]> {
    let (_, section) = include_str!("../../../docs/limits.md").split_once("\n## What is limited\n").unwrap();
    let rows = section.split("\n#").next().unwrap().lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter(|row| !row.starts_with("what ")).map(|row| {
        let cells: Vec<_> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("four cells: {cells:?}"))
    });
    rows.collect()
}

/// Each row's name, with the default in the code.
fn defaults() -> Vec<(&'static str, String)> {
    let limits = Limits::default();
    let number = |number: usize| {
        let digits = number.to_string();
        let (mut text, first) = (String::new(), digits.len() % 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && place % 3 == first {
                text.push(',');
            }
            text.push(digit);
        }
        text
    };
    let bytes =
        |bytes: usize| if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) };
    let off = |limit: Option<usize>| limit.map_or_else(|| "off".to_owned(), number);
    let rate = |of: fn(&Limits) -> Option<Rate>| {
        assert_eq!(of(&Limits::default()), None, "no rate is limited by default");
        let Rate { per_second, burst } = of(&Limits::for_strangers()).unwrap();
        let (burst, per) = (usize::try_from(burst).unwrap(), 1.0 / per_second);
        if burst >= 1 << 10 {
            return format!("off; in `chatd` {} at once, {} KiB per second", bytes(burst), per_second / 1_024.0);
        }
        let per = if per > 1.0 { format!("1 per {per} s") } else { format!("{per_second} per second") };
        format!("off; in `chatd` {burst} at once, {per}")
    };
    vec![
        ("message_chars", number(limits.message_chars)),
        ("rooms_per_session", number(limits.rooms_per_session)),
        ("watched_rooms_per_session", number(limits.watched_rooms_per_session)),
        ("unanswered_commands", number(limits.unanswered_commands)),
        ("unanswered_bytes", bytes(limits.unanswered_bytes)),
        ("session_queue_bytes", bytes(limits.session_queue_bytes)),
        ("waiting_bytes", format!("off; in `chatd` {}", bytes(Limits::for_strangers().waiting_bytes.unwrap()))),
        ("room_mailbox", number(limits.room_mailbox)),
        ("journal_messages", number(limits.journal_messages)),
        ("journal_bytes", bytes(limits.journal_bytes)),
        ("journal_changes", number(limits.journal_changes)),
        ("place_wait", format!("{} s", limits.place_wait.as_secs())),
        ("active_rooms", number(limits.active_rooms)),
        ("recent_events", number(limits.recent_events)),
        ("recent_bytes", bytes(limits.recent_bytes)),
        ("recent_total_bytes", bytes(limits.recent_total_bytes)),
        ("typing_names", number(limits.typing_names)),
        ("presence_list_max", number(limits.presence_list_max)),
        ("sessions_per_user", format!("off; in `chatd` {}", off(Limits::for_strangers().sessions_per_user))),
        ("sessions", off(limits.sessions)),
        ("messages", rate(|limits| limits.rates.messages)),
        ("changes", rate(|limits| limits.rates.changes)),
        ("typing", rate(|limits| limits.rates.typing)),
        ("attaches", rate(|limits| limits.rates.attaches)),
        ("rooms", rate(|limits| limits.rates.rooms)),
        ("joins", rate(|limits| limits.rates.joins)),
        ("searches", rate(|limits| limits.rates.searches)),
        ("history", rate(|limits| limits.rates.history)),
        ("connection_frames", rate(|limits| limits.connection_frames)),
        ("connection_bytes", rate(|limits| limits.connection_bytes)),
        ("event_streams", format!("off; in `chatd` {}", off(Limits::for_strangers().event_streams))),
        ("rated_users", number(limits.rated_users)),
        ("addresses.connections", format!("off; in `chatd` {}", off(Limits::for_strangers().addresses.connections))),
        ("addresses.connecting", rate(|limits| limits.addresses.connecting)),
        ("epoch", number(64)),
        ("ref", number(64)),
        ("key", number(64)),
        ("limit", number(100)),
        ("headers", bytes(16 << 10)),
        ("body", bytes(256 << 10)),
        ("frame", bytes(256 << 10)),
        ("fragments", number(64)),
        ("malformed", number(5)),
    ]
}

#[tokio::test]
async fn the_table_of_budgets_is_true() {
    let table = table();
    let rows: Vec<_> = table.iter().map(|[what, default, ..]| (name_of(what), (*default).to_owned())).collect();
    let expected = defaults();
    assert_eq!(rows.iter().collect::<BTreeSet<_>>(), expected.iter().collect::<BTreeSet<_>>());
    for [what, _, why, then] in table {
        let name = name_of(what);
        assert!(!why.is_empty(), "{name} has no reason");
        let met = meet(name).await;
        assert!(then.contains(&format!("`{met}`")), "{name}: met {met}, but the table says: {then}");
    }
}

/// The name in a cell: `` `name`: what it is ``.
fn name_of(cell: &'static str) -> &'static str {
    cell.strip_prefix('`').and_then(|cell| cell.split('`').next()).unwrap()
}

/// Reaches a limit, and returns its effect.
async fn meet(name: &str) -> &'static str {
    match name {
        "message_chars" => longer_message().await,
        "rooms_per_session" => second_room().await,
        "watched_rooms_per_session" => second_watch().await,
        "unanswered_commands" => unanswered(|limits| limits.unanswered_commands = 1).await,
        "unanswered_bytes" => unanswered(|limits| limits.unanswered_bytes = 10).await,
        "room_mailbox" => unanswered(|limits| limits.room_mailbox = 1).await,
        "journal_messages" => unanswered(|limits| limits.journal_messages = 1).await,
        "journal_bytes" => unanswered(|limits| limits.journal_bytes = 10).await,
        "journal_changes" | "place_wait" => second_change().await,
        "session_queue_bytes" => slow_reader(|limits| limits.session_queue_bytes = 2_000).await,
        "waiting_bytes" => slow_reader(|limits| limits.waiting_bytes = Some(1_000)).await,
        "active_rooms" => many_rooms().await,
        "recent_events" => gap(|limits| limits.recent_events = 3).await,
        "recent_bytes" => gap(|limits| limits.recent_bytes = 500).await,
        "recent_total_bytes" => gap(|limits| limits.recent_total_bytes = 500).await,
        "typing_names" => typing().await,
        "presence_list_max" => presence().await,
        "sessions_per_user" => second_session(|limits| limits.sessions_per_user = Some(1)).await,
        "sessions" => second_session(|limits| limits.sessions = Some(1)).await,
        "messages" => fast_sender(1, 2).await,
        "changes" | "typing" | "attaches" | "rooms" | "joins" | "searches" | "history" => twice(name).await,
        "connection_frames" => many_frames(|limits| limits.connection_frames = Some(ONE)).await,
        "connection_bytes" => many_frames(|limits| limits.connection_bytes = Some(Rate { burst: 40, ..ONE })).await,
        "event_streams" => second_stream().await,
        "addresses.connections" => second_connection(|limits| limits.addresses.connections = Some(1)).await,
        "addresses.connecting" => second_connection(|limits| limits.addresses.connecting = Some(ONE)).await,
        "rated_users" => fast_sender(100, 200).await,
        "epoch" => long_field(json!({"type": "attach", "room": 1, "after": {"seq": 1, "epoch": "e".repeat(65)}})).await,
        "ref" => long_field(json!({"type": "ping", "ref": "r".repeat(65)})).await,
        "key" => long_key().await,
        "limit" => long_page().await,
        "headers" => long_headers().await,
        "body" => long_body().await,
        "frame" => closed(long_frame).await,
        "fragments" => closed(many_fragments).await,
        "malformed" => closed(malformed_frames).await,
        _ => panic!("{name} has no case"),
    }
}

fn user(name: &str) -> Identity {
    Identity::named(name).unwrap()
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

async fn engine_and_room(change: impl FnOnce(&mut Limits)) -> (ChatEngine, RoomId) {
    let engine = engine_with(limits(change)).await;
    let room = engine.create_room(&user("Host"), NewRoom::named("general")).await.unwrap().id;
    (engine, room)
}

async fn longer_message() -> &'static str {
    let (engine, room) = engine_and_room(|limits| limits.message_chars = 10).await;
    engine.send(&user("Alice"), room, Draft::text("x".repeat(10))).await.unwrap();
    engine.send(&user("Alice"), room, Draft::text("x".repeat(11))).await.unwrap_err().code()
}

async fn second_room() -> &'static str {
    let (engine, room) = engine_and_room(|limits| limits.rooms_per_session = 1).await;
    let other = engine.create_room(&user("Host"), NewRoom::named("other")).await.unwrap().id;
    let (session, _updates) = engine.connect(user("Alice")).split();
    session.attach(room, Since::Now).await.unwrap();
    session.attach(other, Since::Now).await.unwrap_err().code()
}

async fn second_watch() -> &'static str {
    let (engine, room) = engine_and_room(|limits| limits.watched_rooms_per_session = 1).await;
    let other = engine.create_room(&user("Host"), NewRoom::named("other")).await.unwrap().id;
    let (session, _updates) = engine.connect(user("Alice")).split();
    session.watch(room).await.unwrap();
    session.watch(other).await.unwrap_err().code()
}

/// Sends while nothing can be stored, until a command is refused.
async fn unanswered(change: impl FnOnce(&mut Limits)) -> &'static str {
    let store = FaultyStore::new(Arc::new(MemoryStore::new(Epoch::new("e"))));
    let builder = ChatEngine::builder().database(Database::store(Arc::new(store.clone()))).limits(limits(change));
    let engine = builder.build().await.unwrap();
    let room = engine.create_room(&user("Host"), NewRoom::named("general")).await.unwrap().id;
    engine.send(&user("Alice"), room, Draft::text("first")).await.unwrap();
    store.hold(StoreCall::Append);
    let (session, mut updates) = engine.connect(user("Alice")).split();
    let mut refused = None;
    for _ in 0..4 {
        let draft = Draft::text("x".repeat(10));
        refused = refused.or(session.submit(Command::Send { room, draft }).err());
        tokio::task::yield_now().await;
    }
    while refused.is_none() {
        if let Some(Update::Answer(_, answer)) = updates.next().await {
            refused = answer.err();
        }
    }
    store.release(StoreCall::Append);
    refused.unwrap().code()
}

async fn slow_reader(change: impl FnOnce(&mut Limits)) -> &'static str {
    let (engine, room) = engine_and_room(change).await;
    let (session, mut updates) = engine.connect(user("Alice")).split();
    session.attach(room, Since::Now).await.unwrap();
    for _ in 0..30 {
        engine.send(&user("Bob"), room, Draft::text("x".repeat(3_000))).await.unwrap();
    }
    while let Some(update) = updates.next().await {
        if let Update::Closed(reason) = update {
            assert_eq!(reason, CloseReason::Lagged);
            return "4560";
        }
    }
    panic!("it is not cut");
}

async fn many_rooms() -> &'static str {
    let (engine, room) = engine_and_room(|limits| limits.active_rooms = 1).await;
    let other = engine.create_room(&user("Host"), NewRoom::named("other")).await.unwrap().id;
    let (session, _updates) = engine.connect(user("Alice")).split();
    session.attach(room, Since::Now).await.unwrap();
    engine.send(&user("Bob"), other, Draft::text("x")).await.unwrap_err().code()
}

/// Ten events, and a client that resumes from the first one; a gap that is read again is sent in full.
async fn gap(change: impl FnOnce(&mut Limits)) -> &'static str {
    let (engine, room) = engine_and_room(change).await;
    for _ in 0..10 {
        engine.send(&user("Bob"), room, Draft::text("x".repeat(100))).await.unwrap();
    }
    let other = engine.create_room(&user("Host"), NewRoom::named("other")).await.unwrap().id;
    engine.send(&user("Bob"), other, Draft::text("x")).await.unwrap();
    let (session, _updates) = engine.connect(user("Alice")).split();
    match session.attach(room, Since::Seq(Seq(1))).await.unwrap().gap {
        Gap::Events(events) => {
            assert_eq!(events.len(), 9);
            "attached"
        }
        Gap::Resync => "resync",
    }
}

/// The count in the next signal that names fewer users than it counts.
async fn counted(updates: &mut chat_core::Updates) -> &'static str {
    loop {
        let Some(Update::Delivery(delivery)) = updates.next().await else { continue };
        let Item::Signal(signal) = delivery.item() else { continue };
        match &signal.kind {
            SignalKind::Typing(typing) if typing.count > typing.identities.len() => return "count",
            SignalKind::UserList(list) if list.count > list.online.len() => return "count",
            _ => {}
        }
    }
}

async fn typing() -> &'static str {
    let (engine, room) = engine_and_room(|limits| limits.typing_names = 1).await;
    let (alice, mut updates) = engine.connect(user("Alice")).split();
    let (bob, _hears) = engine.connect(user("Bob")).split();
    for session in [&alice, &bob] {
        session.attach(room, Since::Now).await.unwrap();
        session.typing(room, true).await.unwrap();
    }
    counted(&mut updates).await
}

async fn presence() -> &'static str {
    let (engine, room) = engine_and_room(|limits| limits.presence_list_max = 1).await;
    let (alice, mut updates) = engine.connect(user("Alice")).split();
    let (bob, _hears) = engine.connect(user("Bob")).split();
    alice.attach(room, Since::Now).await.unwrap();
    bob.attach(room, Since::Now).await.unwrap();
    counted(&mut updates).await
}

async fn second_session(change: impl FnOnce(&mut Limits)) -> &'static str {
    let engine = engine_with(limits(change)).await;
    let _first = engine.connect(user("Alice"));
    let (_session, mut updates) = engine.connect(user("Alice")).split();
    match updates.next().await {
        Some(Update::Closed(CloseReason::TooManySessions)) => "4409",
        other => panic!("{other:?}"),
    }
}

/// A rate of which nobody waits for more.
const ONE: Rate = Rate { per_second: 0.001, burst: 1 };

/// A user does something twice that may be done once.
async fn twice(name: &str) -> &'static str {
    let (engine, room) = engine_and_room(|limits| {
        let UserRates { changes, typing, attaches, rooms, joins, searches, history, .. } = &mut limits.rates;
        let all = [("changes", changes), ("typing", typing), ("attaches", attaches), ("rooms", rooms)];
        let all = all.into_iter().chain([("joins", joins), ("searches", searches), ("history", history)]);
        all.filter(|(rated, _)| *rated == name).for_each(|(_, rate)| *rate = Some(ONE));
    })
    .await;
    let alice = user("Alice");
    let seq = engine.send(&alice, room, Draft::text("x")).await.unwrap().seq;
    let (session, _updates) = engine.connect(alice.clone()).split();
    if name == "typing" {
        session.attach(room, Since::Now).await.unwrap();
    }
    let mut done = Vec::new();
    for round in ["1", "2"] {
        done.push(match name {
            "changes" => engine.change(&alice, room, Change::react(seq, round)).await.map(drop),
            "typing" => session.typing(room, true).await,
            "attaches" if round == "1" => session.watch(room).await.map(drop),
            "attaches" => session.attach(room, Since::Now).await.map(drop),
            "rooms" => engine.create_room(&alice, NewRoom::named(round)).await.map(drop),
            "joins" => engine.join(&alice, room).await.map(drop),
            "searches" => engine.search(&alice, SearchQuery::new("x").unwrap()).await.map(drop),
            _ => engine.history(&alice, room, HistoryQuery::newest()).await.map(drop),
        });
    }
    done[0].as_ref().unwrap();
    done[1].as_ref().unwrap_err().code()
}

/// A second connection comes from an address that may have one.
async fn second_connection(change: impl FnOnce(&mut Limits)) -> &'static str {
    let server = Server::start(engine_with(limits(change)).await).await;
    let mut first = server.open("/ws/chat?username=Alice").await;
    first.next_of("hello").await;
    let mut second = server.open("/ws/chat?username=Alice").await;
    match second.close_code().await {
        1013 => "1013",
        other => panic!("{other}"),
    }
}

/// A second event stream is opened where there may be one.
async fn second_stream() -> &'static str {
    let client = client_of(engine_with(limits(|limits| limits.event_streams = Some(1))).await);
    let first = client.get("/api/chat/events?username=Alice").send().await;
    first.assert_status_is_ok();
    let second = client.get("/api/chat/events?username=Bob").send().await;
    second.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(read(second).await.1["code"], "overloaded");
    "overloaded"
}

/// A client says more than its connection may.
async fn many_frames(change: impl FnOnce(&mut Limits)) -> &'static str {
    let server = Server::start(engine_with(limits(change)).await).await;
    let mut socket = server.open("/ws/chat?username=Alice").await;
    for _ in 0..2 {
        socket.say(json!({"type": "ping", "ref": "12345678"})).await;
    }
    socket.next_of("pong").await;
    assert_eq!(socket.next_of("error").await["code"], "rate_limited");
    "rate_limited"
}

/// Several users send, each rarely; then the first one sends again.
async fn fast_sender(users: usize, sends: usize) -> &'static str {
    let rate = Rate { per_second: 0.001, burst: 1 };
    let (engine, room) = engine_and_room(|limits| {
        limits.rates.messages = Some(rate);
        limits.rated_users = 10;
    })
    .await;
    let mut refused = 0;
    for number in 0..sends {
        let sent = engine.send(&user(&format!("user {}", number % users)), room, Draft::text("x")).await;
        refused += usize::from(matches!(sent, Err(Error::RateLimited { .. })));
    }
    if refused == 1 && users == 1 { "rate_limited" } else { "stored" }
}

async fn long_field(frame: serde_json::Value) -> &'static str {
    let (engine, _room) = engine_and_room(|_| {}).await;
    let server = Server::start(engine).await;
    let mut socket = server.open("/ws/chat?username=Alice").await;
    socket.say(frame).await;
    assert_eq!(socket.next_of("error").await["code"], "invalid_field");
    "invalid_field"
}

async fn long_key() -> &'static str {
    let client = client().await;
    let room = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{room}/messages?username=Alice");
    let (status, _) = post(&client, &path, &json!({"content": "x"})).await;
    assert_eq!(status, 201);
    let long = Draft::text("x").key("k".repeat(65));
    let (engine, room) = engine_and_room(|_| {}).await;
    engine.send(&user("Alice"), room, long).await.unwrap_err().code()
}

/// Two rooms are deleted at once, while only one change may wait, and nobody waits for its place for long.
async fn second_change() -> &'static str {
    let store = FaultyStore::new(Arc::new(MemoryStore::new(Epoch::new("e"))));
    let limits = limits(|limits| (limits.journal_changes, limits.place_wait) = (1, Duration::from_millis(1)));
    let builder = ChatEngine::builder().database(Database::store(Arc::new(store.clone()))).limits(limits);
    let engine = builder.build().await.unwrap();
    let host = user("Host");
    let first = engine.create_room(&host, NewRoom::named("first")).await.unwrap().id;
    let second = engine.create_room(&host, NewRoom::named("second")).await.unwrap().id;
    store.hold(StoreCall::Delete);
    tokio::select! {
        biased;
        done = engine.delete_room(&host, first) => panic!("{done:?}"),
        refused = engine.delete_room(&host, second) => refused.unwrap_err().code(),
    }
}

async fn long_page() -> &'static str {
    let client = client().await;
    let (_, page) = get(&client, "/api/chat/rooms?limit=100").await;
    assert_eq!(page["next"], serde_json::Value::Null);
    let (status, problem) = get(&client, "/api/chat/rooms?limit=101").await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_field")));
    "invalid_field"
}

async fn long_headers() -> &'static str {
    let server = Server::start(engine().await).await;
    let ask = async |length: usize| {
        let header = format!("X-Long: {}\r\n", "x".repeat(length));
        request(server.addr, "GET", "/api/chat/rooms", &header, None).await.0.status
    };
    assert_eq!((ask(15 << 10).await, ask(17 << 10).await), (200, 431));
    "431"
}

async fn long_body() -> &'static str {
    let client = client().await;
    let (status, problem) = post(&client, "/api/chat/rooms", &json!({"name": "x".repeat(256 << 10)})).await;
    assert_eq!((status, &problem["code"]), (413, &json!("too_large")));
    "too_large"
}

/// The reason with which a socket is closed after this.
async fn closed(act: impl AsyncFnOnce(&mut Socket)) -> &'static str {
    let server = Server::start(engine().await).await;
    let mut socket = server.open("/ws/chat?username=Alice").await;
    act(&mut socket).await;
    match socket.close_code().await {
        1008 => "1008",
        1009 => "1009",
        4400 => "4400",
        other => panic!("closed with {other}"),
    }
}

async fn long_frame(socket: &mut Socket) {
    socket.say_text(&"x".repeat((256 << 10) + 1)).await;
}

async fn many_fragments(socket: &mut Socket) {
    let fragment = |opcode, is_last| Message::Frame(Frame::message("x", OpCode::Data(opcode), is_last));
    socket.0.feed(fragment(Data::Text, false)).await.unwrap();
    for _ in 0..65 {
        socket.0.feed(fragment(Data::Continue, false)).await.unwrap();
    }
    socket.0.flush().await.unwrap();
}

async fn malformed_frames(socket: &mut Socket) {
    for _ in 0..5 {
        socket.say_text("{").await;
    }
}
