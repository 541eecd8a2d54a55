//! What was done in rooms.

use std::{borrow::Cow, sync::Arc};

use chat_core::{AuditPage, AuditQuery, ChatEngine, Delivery, Event};
use poem::Result;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{
    args::{IntegerArg, RoomArg, TextArg, User},
    body::Tagged,
    tag::Tag,
};
use crate::{cursor, frames, problem::Problem};

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
        let page = self.engine.audit(&caller.0, room_id.0, AuditQuery { limit: limit.or(50), before }).await?;
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

/// An event as it stands in a stream.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
struct EventDto(Box<RawValue>);

impl EventDto {
    fn of(event: &Arc<Event>) -> Option<Self> {
        let frame = frames::delivered(&Delivery::event(Arc::clone(event)))?;
        RawValue::from_string(frame.as_str().to_owned()).ok().map(Self)
    }
}

impl Type for EventDto {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "RoomEvent".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference("RoomEvent".to_owned())
    }

    fn register(registry: &mut Registry) {
        // What it is stands among the schemas of frames, which are added later.
        registry.create_schema::<Self, _>("RoomEvent".to_owned(), |_| MetaSchema::new("object"));
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

// Both are asked for by `Object`. It is written by `Serialize`, and never read.
impl ParseFromJSON for EventDto {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let raw = RawValue::from_string(value.unwrap_or_default().to_string());
        Ok(Self(raw.map_err(poem_openapi::types::ParseError::custom)?))
    }
}

impl ToJSON for EventDto {
    fn to_json(&self) -> Option<Value> {
        serde_json::from_str(self.0.get()).ok()
    }
}
