//! Searching messages.

use std::collections::BTreeMap;

use crate::{
    Action, Actor, ChatEngine, Error, RoomId,
    engine::{
        chat_engine::check_limit,
        prepare::{MAX_SEQ, check_room},
        rates::Rated,
    },
    search::{SearchPage, SearchQuery},
};

impl ChatEngine {
    /// A page of messages with the words of a query, the newest first, as they are now. A message is found a moment after it was
    /// stored: until then, [`complete`](SearchPage::complete) is false.
    ///
    /// Only messages of rooms that the actor may read are in it, so that a page may be short; `next` alone tells the end.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`limit` outside 1–100), [`Error::RoomNotFound`] where a room was named that is not there, [`Error::Banned`], what the
    /// policy says of that room or of listing rooms, [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn search(&self, actor: impl Into<Actor>, query: SearchQuery) -> Result<SearchPage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        let may_read = |room: RoomId| inner.services.check(&actor, Action::ReadRoom(room)).is_ok();
        match query.room {
            Some(room) => {
                check_room(room)?;
                inner.services.check(&actor, Action::ReadRoom(room))?;
            }
            None => inner.services.check(&actor, Action::ListRooms)?,
        }
        check_limit(query.limit, 100)?;
        inner.rate(&actor, Rated::Searches)?;
        let mut query = query;
        if let Some(after) = &mut query.after {
            (after.room, after.seq) = (after.room.min(RoomId(MAX_SEQ.0)), after.seq.min(MAX_SEQ));
        }
        let searched = inner.services.store.searcher().search(&query, &inner.viewer(&actor)?).await;
        let mut page = match query.room {
            Some(room) => inner.shown_to(&actor, room, searched).await?,
            None => inner.services.read(searched)?,
        };
        let mut known = BTreeMap::new();
        page.messages.retain(|state| *known.entry(state.room).or_insert_with(|| may_read(state.room)));
        Ok(page)
    }
}
