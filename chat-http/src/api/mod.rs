//! The REST API, one resource a file. Decode, call the engine, encode: nothing is decided here.

mod args;
mod body;
mod events;
mod messages;
pub(crate) mod patterns;
mod presence;
mod rooms;
mod tag;

pub(crate) use events::EventsApi;
pub(crate) use messages::MessagesApi;
pub(crate) use presence::PresenceApi;
pub(crate) use rooms::RoomsApi;

/// Where the resources lie below a mount point.
pub(crate) const PREFIX: &str = "/api/chat";

/// The path that is read as long as its stream lasts, and makes who reads it join.
pub(crate) const EVENTS: &str = "/rooms/{room_id}/events";

/// All resources, as poem-openapi takes them.
pub(crate) type Resources = (RoomsApi, MessagesApi, PresenceApi, EventsApi);

/// The resources of an engine.
pub(crate) fn resources(engine: &chat_core::ChatEngine) -> Resources {
    (
        RoomsApi::new(engine.clone()),
        MessagesApi::new(engine.clone()),
        PresenceApi::new(engine.clone()),
        EventsApi::new(engine.clone()),
    )
}
