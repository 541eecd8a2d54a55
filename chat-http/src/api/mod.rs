//! The REST API, one resource per file. These modules decode, call the engine and encode; they decide nothing.

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

/// The path of the REST API below a mount point.
pub(crate) const PREFIX: &str = "/api/chat";

/// The paths of event streams. A GET there lasts as long as the stream, and one of a room makes the caller join it.
pub(crate) const EVENTS: [&str; 2] = ["/rooms/{room_id}/events", "/events"];

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
