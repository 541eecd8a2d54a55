//! Searching in memory: every message is looked at, so there is no index.

use async_trait::async_trait;

use super::{MemoryLog, MemoryStore, RoomLog};
use crate::{
    MessageState, RoomId, UserId,
    search::{SearchCursor, SearchPage, SearchQuery, Unindexed},
    store::{Searcher, StoreError, Viewer},
};

impl MemoryLog {
    /// See [`Searcher::search`].
    #[must_use]
    pub fn search(&self, query: &SearchQuery, viewer: &Viewer) -> SearchPage {
        let is_asked = |log: &&RoomLog| !log.is_deleted && query.room.is_none_or(|room| room == log.room.id);
        let is_asked = |log: &&RoomLog| is_asked(log) && log.is_seen(viewer);
        let states = self.rooms.values().filter(is_asked).flat_map(|log| log.found(query, viewer.user()));
        let mut found: Vec<_> = states.map(|state| (cursor(&state), state)).collect();
        found.retain(|(cursor, _)| query.after.is_none_or(|after| *cursor < after));
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        let has_more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| has_more).map(|(cursor, _)| *cursor);
        SearchPage { messages: found.into_iter().map(|(_, state)| state).collect(), next, complete: true }
    }
}

impl RoomLog {
    fn found(&self, query: &SearchQuery, viewer: Option<&UserId>) -> Vec<MessageState> {
        let is_of_author = |state: &MessageState| {
            query.author.as_ref().is_none_or(|author| state.actor.as_ref().is_some_and(|actor| actor.id == *author))
        };
        let states = self.events.keys().filter_map(|seq| self.message_state(*seq, viewer));
        states.filter(|state| is_of_author(state) && query.text.matches(&state.message.body.content)).collect()
    }
}

fn cursor(state: &MessageState) -> SearchCursor {
    SearchCursor { at: state.at, room: state.room, seq: state.seq }
}

#[async_trait]
impl Searcher for MemoryStore {
    async fn unindexed(&self, _after: Option<RoomId>, _limit: usize) -> Result<Vec<Unindexed>, StoreError> {
        Ok(Vec::new())
    }

    async fn index(&self, _room: RoomId) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn search(&self, query: &SearchQuery, viewer: &Viewer) -> Result<SearchPage, StoreError> {
        Ok(self.log().search(query, viewer))
    }
}
