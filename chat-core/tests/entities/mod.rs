//! The entities of `chat_core::entity`, on whatever database: they read what the engine has written, and are the tables that there are.

use std::collections::BTreeSet;

use chat_core::{
    Actor, Change, ChangeMember, ChatEngine, Draft, Edit, Identity, MarkTo, NewInvite, NewRoom, Notify, RoomChange,
    RoomId, Seq, Timestamp,
    entity::{SCHEMA_VERSION, events, invites, members, notify, pins, reactions, reads, restrictions, rooms, users},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    IdenStatic, IntoActiveModel, Iterable, ModelTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};

/// What the engine was told to do.
struct Told {
    room: RoomId,
    direct: RoomId,
    code: String,
    at: Timestamp,
}

fn alice() -> Identity {
    Identity::new("user:4711", "Alice").unwrap()
}

fn bob() -> Identity {
    Identity::new("Bäb", "Bob").unwrap()
}

/// Does each kind of thing once.
async fn fill(engine: &ChatEngine) -> Told {
    let (alice, bob, carol) = (alice(), bob(), Identity::named("Carol").unwrap());
    let new = NewRoom::named("Website").private().external("projekt-ü");
    let room = engine.create_room(&alice, new).await.unwrap().id;
    engine.change_member(Actor::System, room, ChangeMember::add(bob.id.clone()).named("Bob")).await.unwrap();
    let mut first = Draft::text("Hello").meta("{}").key("k1");
    first.body.mentions_room = true;
    engine.send(&alice, room, first).await.unwrap();
    engine.send(&bob, room, Draft::text("Hi").reply_to(Seq(2))).await.unwrap();
    engine.send(&bob, room, Draft::text("More").in_thread(Seq(2))).await.unwrap();
    let changes = [
        (&alice, Change::edit(Seq(2), Edit::text("Hello!"))),
        (&bob, Change::react(Seq(2), "👍")),
        (&alice, Change::pin(Seq(2))),
        (&alice, Change::delete(Seq(3)).reason("off topic")),
    ];
    for (who, change) in changes {
        engine.change(who, room, change).await.unwrap();
    }
    let renamed = RoomChange::default().name("Site");
    engine.update_room(&alice, room, renamed).await.unwrap();
    let code = engine.create_invite(&alice, room, NewInvite::default().max_uses(3)).await.unwrap().code;
    engine.accept_invite(&carol, code).await.unwrap();
    let at = Timestamp(4_000_000_000_000_000);
    engine.change_member(&alice, room, ChangeMember::mute(bob.id.clone(), Some(at)).reason("loud")).await.unwrap();
    engine.change_member(Actor::System, room, ChangeMember::ban(carol.id, None)).await.unwrap();
    engine.mark(&bob, room, MarkTo::seq(Seq(4))).await.unwrap();
    engine.set_notify(&bob, room, Notify::Mentions).await.unwrap();
    engine.rename(&bob, "Bobby").await.unwrap();
    let direct = engine.direct(&alice, bob.id, None).await.unwrap().room.id;
    Told { room, direct, code: code.to_string(), at }
}

/// Reads every row of every table.
pub(crate) async fn every_row_is_read(url: &str) {
    let engine = ChatEngine::builder().database(url).build().await.unwrap();
    let told = fill(&engine).await;
    engine.shutdown().await;
    let database = Database::connect(url).await.unwrap();
    the_rooms(&database, &told).await;
    the_log(&database, &told).await;
    who_is_there(&database, &told).await;
    what_is_beside_the_log(&database, &told).await;
    nothing_is_written(&database, &told).await;
    database.close().await.unwrap();
}

/// All rows, in the order of their keys.
async fn all<E: EntityTrait>(database: &DatabaseConnection) -> Vec<E::Model> {
    let rows = E::find().all(database).await.unwrap();
    let count = format!("SELECT COUNT(*) FROM {}", E::default().table_name());
    let count = Statement::from_string(database.get_database_backend(), count);
    let count: i64 = database.query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert!(count > 0 && usize::try_from(count).unwrap() == rows.len(), "{count}: {rows:?}");
    rows
}

async fn the_rooms(database: &DatabaseConnection, told: &Told) {
    // As one that is deleted stands there until it is purged.
    let deleted = "INSERT INTO chat_rooms (topic, created_at, deleted_at) VALUES ('', 1, 2)";
    database.execute_unprepared(deleted).await.unwrap();
    let deleted = rooms::Entity::find().filter(rooms::Column::DeletedAt.is_not_null()).one(database).await.unwrap();
    let deleted = deleted.unwrap();
    assert_eq!((deleted.name, deleted.created_at, deleted.deleted_at), (None, Timestamp(1), Some(Timestamp(2))));
    assert_eq!(all::<rooms::Entity>(database).await.len(), 3);

    let named = rooms::Entity::find().filter(rooms::Column::External.eq("projekt-ü")).one(database).await.unwrap();
    let room = named.unwrap();
    assert_eq!(room.id, told.room);
    assert_eq!((room.name.as_deref(), &*room.topic), (Some("Site"), ""));
    assert_eq!(room.external.as_deref(), Some("projekt-ü"));
    assert_eq!((room.kind, room.owned, room.invites, room.members), (rooms::Model::PRIVATE, 1, 0, 2));
    assert_eq!((room.head, room.first_seq, room.ordinal), (Seq(12), Seq(1), 2));
    assert_eq!(room.last_message_seq, Some(Seq(3)));
    assert!(room.last_message_at.is_some_and(|at| at >= room.created_at && at > Timestamp(1)));
    assert_eq!(room.deleted_at, None);
    let direct = rooms::Entity::find_by_id(told.direct).one(database).await.unwrap().unwrap();
    assert_eq!((direct.kind, direct.name.as_deref()), (rooms::Model::DIRECT, Some("")));
    assert_eq!((direct.external, direct.last_message_at), (None, None));
}

async fn the_log(database: &DatabaseConnection, told: &Told) {
    use events::Model as Event;
    let found = events::Entity::find().filter(events::Column::RoomId.eq(told.room)).order_by_asc(events::Column::Seq);
    let log = found.all(database).await.unwrap();
    assert_eq!(log.len(), all::<events::Entity>(database).await.len());
    assert!(log.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq) && event.room_id == told.room));
    let text = |event: &Event| event.body.clone().filter(|text| !text.is_empty()); // which PostgreSQL has as null
    let said: Vec<_> = log.iter().map(|event| (event.kind, event.target_seq, text(event))).collect();
    let expected = [
        (Event::MEMBER, None, None),
        (Event::MESSAGE, None, Some("Hello")),
        (Event::MESSAGE, None, None), // deleted
        (Event::THREAD_MESSAGE, None, Some("More")),
        (Event::EDITED, Some(Seq(2)), Some("Hello!")),
        (Event::REACTION, Some(Seq(2)), Some("👍")),
        (Event::PIN, Some(Seq(2)), None),
        (Event::DELETED, Some(Seq(3)), Some("off topic")),
        (Event::ROOM_UPDATED, None, None),
        (Event::MEMBER, None, None),
        (Event::MEMBER, None, Some("loud")),
        (Event::MEMBER, None, None),
    ];
    assert_eq!(said, expected.map(|(kind, target, text)| (kind, target, text.map(str::to_owned))));

    let [by_host, hello, reply, in_thread, ..] = &*log else { panic!("{log:?}") };
    assert_eq!((&by_host.user_id, &by_host.user_name, by_host.ordinal), (&None, &None, 0));
    assert_eq!((hello.user_id.clone(), hello.user_name.as_deref()), (Some(alice().id), Some("Alice")));
    assert_eq!((&*hello.idem_key, hello.meta.as_deref(), hello.ordinal), ("k1", Some("{}"), 1));
    assert!(hello.at_us > Timestamp(1_600_000_000_000_000));
    assert_eq!((hello.edited_seq, hello.deleted_seq), (Some(Seq(5)), None));
    assert_eq!(hello.flags.unwrap() & Event::MENTIONS_ROOM, Event::MENTIONS_ROOM);
    assert_eq!((reply.reply_to, reply.deleted_seq, reply.ordinal), (Some(Seq(2)), Some(Seq(8)), 2));
    assert!(reply.idem_key.starts_with(' '), "the engine's own");
    assert_eq!((in_thread.thread, in_thread.thread_ordinal, in_thread.ordinal), (Some(Seq(2)), Some(1), 2));
    assert!([5, 6].iter().all(|at: &usize| log[*at].flags.unwrap() & Event::ADDED != 0));
    assert_eq!(log[8].meta.as_deref(), Some("Site"));

    let bobs = events::Entity::find().filter(events::Column::UserId.eq(bob().id)).order_by_asc(events::Column::Seq);
    let bobs = bobs.all(database).await.unwrap();
    assert_eq!(bobs.iter().map(|event| event.seq).collect::<Vec<_>>(), [Seq(3), Seq(4), Seq(6)]);
    let found = events::Entity::find_by_id((told.room, Seq(2))).one(database).await.unwrap();
    assert_eq!(found.as_ref(), Some(hello));
}

async fn who_is_there(database: &DatabaseConnection, told: &Told) {
    let mut in_it =
        rooms::Entity::find_by_id(told.room).find_with_related(members::Entity).all(database).await.unwrap();
    let (room, in_it) = in_it.remove(0);
    assert_eq!(room.id, told.room);
    let in_it: BTreeSet<_> =
        in_it.into_iter().map(|member| (member.role, member.user_id, member.user_name, member.since_seq)).collect();
    let [owner, member] = [(members::Model::OWNER, alice(), Seq(0)), (members::Model::MEMBER, bob(), Seq(1))];
    let expected = [owner, member].map(|(role, who, since)| (role, who.id, who.name.as_str().to_owned(), since));
    assert_eq!(in_it, BTreeSet::from(expected));
    assert!(all::<members::Entity>(database).await.iter().all(|member| member.at_us > Timestamp(1)));

    let mut kept = all::<restrictions::Entity>(database).await;
    kept.sort_by_key(|restriction| restriction.kind);
    let [ban, mute] = &*kept else { panic!("{kept:?}") };
    assert_eq!(
        (ban.kind, ban.user_id.as_str(), ban.until_us),
        (restrictions::Model::BAN, "Carol", Timestamp(i64::MAX))
    );
    assert_eq!((&*ban.reason, &ban.by_id, &*ban.by_name, ban.seq), ("", &None, "", Seq(12)));
    assert_eq!((mute.kind, &mute.user_id, mute.until_us), (restrictions::Model::MUTE, &bob().id, told.at));
    assert_eq!((&*mute.reason, &mute.by_id, &*mute.by_name), ("loud", &Some(alice().id), "Alice"));
    assert_eq!((mute.room_id, &*mute.user_name), (told.room, "Bob"));

    let [invite] = &*all::<invites::Entity>(database).await else { panic!("one invite") };
    assert_eq!((&*invite.code, invite.room_id, &invite.by_id), (&*told.code, told.room, &Some(alice().id)));
    assert_eq!((&*invite.by_name, invite.max_uses, invite.uses), ("Alice", 3, 1));
    assert!(invite.expires_us > invite.at_us);
}

async fn what_is_beside_the_log(database: &DatabaseConnection, told: &Told) {
    let [user] = &*all::<users::Entity>(database).await else { panic!("one user") };
    assert_eq!((&user.id, &*user.name, &*user.instead_of), (&bob().id, "Bobby", "Bob"));
    let read = reads::Entity::find_by_id((bob().id, told.room, Seq(0))).one(database).await.unwrap().unwrap();
    assert_eq!((read.seq, read.ordinal, &*read.user_name), (Seq(4), 2, "Bob"));
    assert!(all::<reads::Entity>(database).await.contains(&read));
    let [notify] = &*all::<notify::Entity>(database).await else { panic!("one wish") };
    assert_eq!((&notify.user_id, notify.room_id, notify.notify), (&bob().id, told.room, notify::Model::MENTIONS));
    let [reaction] = &*all::<reactions::Entity>(database).await else { panic!("one reaction") };
    assert_eq!((reaction.room_id, reaction.target_seq, reaction.seq), (told.room, Seq(2), Seq(6)));
    assert_eq!((&*reaction.reaction, &reaction.user_id, &*reaction.user_name), ("👍", &bob().id, "Bob"));
    let [pin] = &*all::<pins::Entity>(database).await else { panic!("one pin") };
    assert_eq!((pin.room_id, pin.target_seq, pin.seq), (told.room, Seq(2), Seq(7)));
    let room = pin.find_related(rooms::Entity).one(database).await.unwrap().unwrap();
    assert_eq!(room.id, told.room);
    let counted = events::Entity::find()
        .select_only()
        .column(events::Column::RoomId)
        .column_as(events::Column::Seq.count(), "amount")
        .group_by(events::Column::RoomId);
    let counted: Vec<(RoomId, i64)> = counted.into_tuple().all(database).await.unwrap();
    assert_eq!(counted, [(told.room, 12)]);
}

async fn nothing_is_written(database: &DatabaseConnection, told: &Told) {
    let room = rooms::Entity::find_by_id(told.room).one(database).await.unwrap().unwrap();
    let mut renamed = room.clone().into_active_model();
    renamed.set(rooms::Column::Topic, "Mine".into());
    let refused = [
        renamed.clone().update(database).await.map(drop),
        renamed.insert(database).await.map(drop),
        room.clone().delete(database).await.map(drop),
    ];
    for refused in refused {
        assert!(matches!(&refused, Err(DbErr::Custom(why)) if why.contains("engine alone")), "{refused:?}");
    }
    assert_eq!(rooms::Entity::find_by_id(told.room).one(database).await.unwrap(), Some(room));
}

/// A table and its columns, and those that are the engine's own: no part of the contract.
type Table = (&'static str, Vec<&'static str>, &'static [&'static str]);

fn table<E: EntityTrait>(own: &'static [&'static str]) -> Table {
    (E::default().table_name(), E::Column::iter().map(|column| column.as_str()).collect(), own)
}

/// No column is forgotten: one that a migration adds belongs into an entity, or here.
pub(crate) async fn columns_are_those_of_the_tables(url: &str) {
    ChatEngine::builder().database(url).build().await.unwrap().shutdown().await;
    let database = Database::connect(url).await.unwrap();
    let of_rooms = &[
        "name_key",
        "name_search",
        "indexed_seq",
        "pruned_ordinal",
        "archived_at",
        "slow_mode_s",
        "meta",
        "rights_seq",
        "sealed_seq",
        "tail_seq",
    ];
    let tables = [
        table::<events::Entity>(&["fingerprint", "mentions", "amount", "expires_at"]),
        table::<invites::Entity>(&[]),
        table::<members::Entity>(&["name_key"]),
        table::<notify::Entity>(&[]),
        table::<pins::Entity>(&[]),
        table::<reactions::Entity>(&[]),
        table::<reads::Entity>(&["by_back"]),
        table::<restrictions::Entity>(&[]),
        table::<rooms::Entity>(of_rooms),
        table::<users::Entity>(&["name_key"]),
    ];
    for (name, columns, own) in tables {
        let expected: BTreeSet<_> = columns.iter().chain(own).map(|column| (*column).to_owned()).collect();
        assert_eq!(expected.len(), columns.len() + own.len(), "{name}");
        assert_eq!(columns_of(&database, name).await, expected, "{name}");
    }
    assert_eq!(newest_migration(&database).await, SCHEMA_VERSION, "the contract has another version: see CHANGELOG.md");
    database.close().await.unwrap();
}

async fn columns_of(database: &DatabaseConnection, table: &str) -> BTreeSet<String> {
    let schema = |current| {
        format!(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = {current} AND table_name = '{table}'"
        )
    };
    let sql = match database.get_database_backend() {
        DbBackend::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
        DbBackend::MySql => schema("DATABASE()"),
        DbBackend::Postgres | _ => schema("CURRENT_SCHEMA()"),
    };
    texts(database, &sql).await.into_iter().collect()
}

/// The number of the newest migration: `m0011_…` is 11.
async fn newest_migration(database: &DatabaseConnection) -> u32 {
    let made = texts(database, "SELECT version FROM chat_migrations").await;
    made.iter().map(|name| name[1..5].parse().unwrap()).max().unwrap()
}

async fn texts(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
