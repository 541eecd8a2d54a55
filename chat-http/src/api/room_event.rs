//! An event of a room's log in an answer, in the shape that it has in a stream.

use std::{borrow::Cow, sync::Arc};

use chat_core::{Delivery, Event};
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::frames;

/// An event as it stands in a stream.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct EventDto(Box<RawValue>);

impl EventDto {
    /// The event; `None` for a kind that this version does not know.
    pub(super) fn of(event: &Arc<Event>) -> Option<Self> {
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
