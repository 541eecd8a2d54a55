//! Rooms are exported while the engine runs, and imported as new ones.

use super::*;
use crate::{
    Actor, Change, Edit, Error, HistoryQuery, InvalidField, Keep, RoomChange, RoomExport, RoomName, Seq,
    archive::{ArchiveError, Archived, Misfit, RoomHead},
};

/// A room with more events than are read at once.
async fn long_room(engine: &ChatEngine) -> RoomId {
    let room = make_room(engine, "general").await;
    for number in 0..300 {
        engine.send(&user("alice"), room, text(&format!("message {number}"))).await.unwrap();
    }
    room
}

async fn rest(export: &mut RoomExport) -> Vec<Archived> {
    let mut items = Vec::new();
    loop {
        let part = export.next().await.unwrap();
        if part.is_empty() {
            return items;
        }
        items.extend(part);
    }
}

/// What the messages among these say.
fn texts(items: &[Archived]) -> Vec<&str> {
    let mut texts = Vec::new();
    for item in items {
        if let Archived::Event(archived) = item {
            texts.extend(archived.event.message().map(|message| message.body.content.as_str()));
        }
    }
    texts
}

#[tokio::test(start_paused = true)]
async fn a_room_is_taken_to_another_engine_while_both_run() {
    let (here, there) = (engine().await, engine().await);
    let room = long_room(&here).await;
    let mut export = here.export_room(room).await.unwrap();
    let mut items = export.next().await.unwrap();
    // It goes on, and what was read already is deleted.
    here.change(&user("alice"), room, Change::delete(Seq(1))).await.unwrap();
    here.send(&user("bob"), room, text("one more")).await.unwrap();
    items.extend(rest(&mut export).await);
    assert_eq!(texts(&items).len(), 301);
    let mut import = there.import_room(export.head().clone()).await.unwrap();
    import.put(&items).await.unwrap();
    let nobody = there.room_by_name(&user("bob"), "general").await.unwrap_err();
    assert_eq!(nobody, Error::RoomNotFound);
    let copy = import.finish().await.unwrap();
    assert_eq!((copy.head, copy.name.as_str()), (Seq(302), "general"));
    let page = there.history(&user("bob"), copy.id, HistoryQuery::after(Seq(0)).limit(1)).await.unwrap();
    assert!(page.messages[0].deleted.is_some() && page.messages[0].message.body.content.is_empty());
    let sent = there.send(&user("alice"), copy.id, text("here")).await.unwrap();
    assert_eq!(sent.seq, Seq(303));
}

#[tokio::test(start_paused = true)]
async fn an_export_of_a_room_that_is_pruned_or_renamed_is_begun_again() {
    let engine = engine().await;
    let room = long_room(&engine).await;
    for what in ["pruned", "pruned at its end", "renamed", "deleted"] {
        let mut export = engine.export_room(room).await.unwrap();
        export.next().await.unwrap();
        let expected = match what {
            "pruned" => engine.prune(room, Keep::From(Seq(280))).await.map(|_| ArchiveError::Changed),
            "pruned at its end" => engine.prune(room, Keep::Last(1)).await.map(|_| ArchiveError::Changed),
            "renamed" => {
                let change = RoomChange { name: Some("other".to_owned()), ..RoomChange::default() };
                engine.update_room(&user("alice"), room, change).await.map(|_| ArchiveError::Changed)
            }
            _ => engine.delete_room(&user("alice"), room).await.map(|()| Error::RoomNotFound.into()),
        };
        let error = loop {
            match export.next().await {
                Ok(part) => assert!(!part.is_empty(), "{what} is not noticed"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, expected.unwrap(), "{what}");
    }
    assert_eq!(engine.export_room(room).await.unwrap_err(), Error::RoomNotFound);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_finished_leaves_nothing() {
    let store = memory();
    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    let room = long_room(&engine).await;
    let mut export = engine.export_room(room).await.unwrap();
    let items = rest(&mut export).await;
    let refused = engine.import_room(export.head().clone()).await.unwrap_err();
    assert!(matches!(&refused, Error::NameTaken { room: Some(holder) } if holder.id == room), "{refused:?}");
    let mut head = export.head().clone();
    head.name = RoomName::new("copy").unwrap();
    let mut import = engine.import_room(head.clone()).await.unwrap();
    import.put(&items[..10]).await.unwrap();
    let misfit = import.put(&items[20..30]).await.unwrap_err();
    assert!(matches!(&misfit, ArchiveError::Misfit(misfit) if misfit.index == 0), "{misfit:?}");
    let hidden = RoomId(room.0 + 1);
    assert_eq!(store.events_after(hidden, Seq(0), 100).await.unwrap().len(), 10);
    drop(import);
    settle().await;
    assert!(store.events_after(hidden, Seq(0), 100).await.unwrap().is_empty(), "it is purged");
    let two = [engine.import_room(head.clone()).await.unwrap(), engine.import_room(head.clone()).await.unwrap()];
    assert_eq!(engine.finish_imports(two.into()).await.unwrap_err(), Error::NameTaken { room: None });
    assert_eq!(engine.room_by_name(&user("bob"), "copy").await.unwrap_err(), Error::RoomNotFound);
    let mut import = engine.import_room(head).await.unwrap();
    make_room(&engine, "copy").await;
    import.put(&items).await.unwrap();
    assert!(matches!(import.finish().await, Err(Error::NameTaken { room: Some(_) })));
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_host_goes_along_and_is_given_once() {
    let engine = engine().await;
    let room = engine.create_room(Actor::System, NewRoom::named("project").external("key")).await.unwrap();
    let export = engine.export_room(room.id).await.unwrap();
    let refused = engine.import_room(export.head().clone()).await.unwrap_err();
    assert!(matches!(&refused, Error::NameTaken { room: Some(holder) } if holder.id == room.id), "{refused:?}");
    let with = |key: &str| RoomHead { external: Some(key.to_owned()), ..export.head().clone() };
    for wrong in ["", "a\0", &"x".repeat(257)] {
        let refused = engine.import_room(with(wrong)).await.unwrap_err();
        assert!(matches!(&refused, Error::InvalidField { field, .. } if field == "external"), "{refused:?}");
    }
    let two = [engine.import_room(with("other")).await.unwrap(), engine.import_room(with("other")).await.unwrap()];
    assert_eq!(engine.finish_imports(two.into()).await.unwrap_err(), Error::NameTaken { room: None });
    let made = engine.import_room(with("other")).await.unwrap().finish().await.unwrap();
    assert_eq!(engine.room_by_external(Actor::System, "other").await.unwrap().id, made.id);
    assert_eq!(made.name, room.name, "the name is nobody's own");
    let late = engine.import_room(with("late")).await.unwrap();
    engine.create_room(Actor::System, NewRoom::named("project").external("late")).await.unwrap();
    assert!(matches!(late.finish().await, Err(Error::NameTaken { room: Some(_) })));
}

#[tokio::test(start_paused = true)]
async fn a_text_that_the_store_cannot_hold_is_told() {
    let (here, store) = (engine().await, FaultyStore::new(memory()));
    let room = make_room(&here, "general").await;
    here.send(&user("alice"), room, text(&"x".repeat(60))).await.unwrap();
    here.change(&user("alice"), room, Change::edit(Seq(1), Edit::text("y".repeat(61)))).await.unwrap();
    let mut export = here.export_room(room).await.unwrap();
    let items = rest(&mut export).await;
    let there = engine_on(Arc::new(store.clone()), Limits::default()).await;
    for (longest, misfits) in [(59, Some(0)), (60, Some(1)), (61, None)] {
        store.limit_texts(longest);
        let mut import = there.import_room(export.head().clone()).await.unwrap();
        let told = import.put(&items).await.err();
        let reason = format!("must be at most {longest} bytes: this database can hold no longer text");
        let misfit = misfits.map(|index| Misfit { index, invalid: InvalidField::new("content", reason) }.into());
        assert_eq!(told, misfit);
    }
}
