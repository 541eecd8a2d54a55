//! Searching through the engine.

use super::*;
use crate::{Action, Actor, Change, Error, Policy, search::SearchQuery};

fn words(words: &str) -> SearchQuery {
    SearchQuery::new(words).unwrap()
}

/// Lets nobody but the host read the room with this id.
struct Hides(RoomId);

impl Policy for Hides {
    fn check(&self, _actor: &Actor, action: Action<'_>) -> Result<(), Error> {
        let is_hidden = matches!(action, Action::ReadRoom(room) if room == self.0);
        if is_hidden { Err(Error::RoomNotFound) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_finds_what_a_message_says_now() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let alice = user("alice");
    let seq = engine.send(&alice, room, text("good morning")).await.unwrap().seq;
    let found = engine.search(&alice, words("morning")).await.unwrap();
    assert_eq!(found.messages.iter().map(|state| state.seq).collect::<Vec<_>>(), [seq]);
    engine.change(&alice, room, Change::edit(seq, crate::Edit::text("good evening"))).await.unwrap();
    assert!(engine.search(&alice, words("morning")).await.unwrap().messages.is_empty());
    assert_eq!(engine.search(&alice, words("even")).await.unwrap().messages.len(), 1);
    engine.change(&alice, room, Change::delete(seq)).await.unwrap();
    assert!(engine.search(&alice, words("good")).await.unwrap().messages.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_finds_what_they_may_not_read() {
    let store = memory();
    let database = Database::store(Arc::clone(&store));
    let engine = ChatEngine::builder().database(database).policy(Hides(RoomId(2))).build().await.unwrap();
    let (open, hidden) = (make_room(&engine, "open").await, make_room(&engine, "hidden").await);
    assert_eq!(hidden, RoomId(2));
    for room in [open, hidden] {
        engine.send(&user("bob"), room, text("a word")).await.unwrap();
    }
    let found = engine.search(&user("alice"), words("word")).await.unwrap();
    assert_eq!(found.messages.iter().map(|state| state.room).collect::<Vec<_>>(), [open]);
    let in_hidden = SearchQuery { room: Some(hidden), ..words("word") };
    assert_eq!(engine.search(&user("alice"), in_hidden.clone()).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(engine.search(Actor::System, in_hidden).await.unwrap().messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bad_search_is_refused() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let refused = async |query: SearchQuery| engine.search(&user("alice"), query).await.unwrap_err();
    for limit in [0, 101] {
        assert!(matches!(refused(SearchQuery { limit, ..words("a") }).await, Error::InvalidField { .. }));
    }
    let missing = SearchQuery { room: Some(RoomId(room.0 + 1)), ..words("a") };
    assert_eq!(refused(missing).await, Error::RoomNotFound);
}
