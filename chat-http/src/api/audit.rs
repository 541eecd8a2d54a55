//! What was done in rooms.

use chat_core::{AuditPage, AuditQuery, ChatEngine};
use poem::Result;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::{
    args::{IntegerArg, RoomArg, TextArg, User},
    body::Tagged,
    room_event::EventDto,
    tag::Tag,
};
use crate::{cursor, problem::Problem};

/// What was done in an engine's rooms.
pub(crate) struct AuditApi {
    engine: ChatEngine,
}

impl AuditApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Members")]
impl AuditApi {
    /// List what was done in a room, newest first
    ///
    /// Moderators may read it: what happened with members, messages that others than their authors deleted, and changes of the
    /// room. Each is an event of the room's log, in the shape that it has in a stream.
    #[oai(path = "/rooms/:room_id/audit", method = "get", operation_id = "list_audit")]
    async fn list(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The most events to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<16>,
    ) -> Result<FoundAudit, Problem> {
        let before = after.0.as_deref().map(cursor::seq).transpose()?;
        let mut query = AuditQuery::default().limit(limit.or(50));
        query.before = before;
        let page = self.engine.audit(&caller.0, room_id.0, query).await?;
        Ok(FoundAudit::Found(Tagged(AuditList::from(&page))))
    }
}

#[derive(ApiResponse)]
enum FoundAudit {
    /// A page of events.
    #[oai(status = 200)]
    Found(Tagged<AuditList>),
}

/// A page of what was done in a room.
#[derive(Debug, Clone, Serialize, Object)]
struct AuditList {
    /// The events, newest first.
    events: Vec<EventDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&AuditPage> for AuditList {
    fn from(AuditPage { events, next }: &AuditPage) -> Self {
        Self { events: events.iter().filter_map(EventDto::of).collect(), next: next.map(|seq| seq.to_string()) }
    }
}
