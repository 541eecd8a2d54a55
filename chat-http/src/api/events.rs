//! Event streams: receiving a room's events, or one's notices, over plain HTTP.

use chat_core::{ChatEngine, Error, Since};
use poem::{
    Body, IntoResponse, Response, Result,
    http::{HeaderName, header},
};
use poem_openapi::{
    ApiResponse, OpenApi,
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef},
};

use super::{
    args::{ComesBackArg, EpochArg, FlagArg, LastIdArg, Login, RoomArg, SeqArg},
    tag::Tag,
};
use crate::{
    auth::Authentication,
    position,
    problem::Problem,
    sse::{self, Feed, Place, Places},
};

/// The event streams of an engine's rooms.
pub(crate) struct EventsApi {
    engine: ChatEngine,
    authentication: Authentication,
    places: Places,
}

impl EventsApi {
    pub(crate) fn new(engine: ChatEngine, authentication: Authentication) -> Self {
        let places = Places::new(engine.limits().event_streams);
        Self { engine, authentication, places }
    }

    /// Gives a stream its place, and bounds it by the credential that it was opened with. A revocation ends the sessions there
    /// are: if it came before this one was there, it is seen here.
    fn bounded(&self, feed: Feed, place: Place, Login(found): &Login) -> Result<Frames, Problem> {
        self.authentication.check_revocation(found)?;
        Ok(Frames(feed.until_end_of(found).in_place(place)))
    }
}

#[OpenApi(tag = "Tag::Events")]
impl EventsApi {
    /// Receive a room live, as server-sent events
    ///
    /// For `EventSource`. The data of each event is one frame, as on the WebSocket. First comes `attached` or `resync`,
    /// then what you missed, one event each (the `events` of `attached` are empty here), then live events. The id of an
    /// event is a position, `epoch:seq`. To resume, send the last id in `Last-Event-ID`, as `EventSource` does by itself:
    /// you miss nothing and get nothing twice. Signals (`join`, `leave`, `user_list`, `typing`) have no id. After
    /// `room_deleted` the stream ends, and after the event after which you may not read the room. If you come back, you get 204: do
    /// not come back again. When you end the stream, you stay online for 10 s.
    #[oai(path = "/rooms/:room_id/events", method = "get", operation_id = "stream_events")]
    #[expect(clippy::too_many_arguments, reason = "they are the operation's parameters")]
    async fn stream(
        &self,
        caller: Login,
        /// The room's id.
        room_id: RoomArg,
        /// Start with the event after this number. The default is to start from now on.
        after: SeqArg,
        /// The history that `after` belongs to. Without it, only the number counts.
        epoch: EpochArg,
        /// Whether you are shown as online. The default is `true`.
        presence: FlagArg,
        /// The id of the last event that you received. It overrides `after` and `epoch`.
        #[oai(name = "Last-Event-ID")]
        last: LastIdArg,
    ) -> Result<EventStream, Problem> {
        let user = caller.identity()?;
        let place = self.places.take()?;
        let session = self.engine.connect(user);
        let comes_back = last.0.is_some();
        let since = last.0.map_or_else(|| position::since(after.0, epoch.0), Since::Position);
        match sse::open(session, room_id.0, since, presence.0.unwrap_or(true)).await {
            Ok(feed) => Ok(EventStream::Open(self.bounded(feed, place, &caller)?)),
            Err(Error::RoomNotFound | Error::Forbidden | Error::Banned { .. }) if comes_back => Ok(EventStream::Over),
            Err(error) => Err(error.into()),
        }
    }

    /// Receive your notices live, as server-sent events
    ///
    /// The same frames as on `/ws/chat` while no room is attached there: first `hello`, then what concerns you (`mention`,
    /// `thread`, `read`, `room_added`, `room_removed`), and the `activity` of up to 1,000 of your rooms, those that were active
    /// last. Nothing is resumed. If you come back with `Last-Event-ID`, `missed` comes before `hello`: read your rooms again.
    #[oai(path = "/events", method = "get", operation_id = "stream_notices")]
    async fn notices(
        &self,
        caller: Login,
        /// The id of the last event that you received.
        #[oai(name = "Last-Event-ID")]
        comes_back: ComesBackArg,
    ) -> Result<NoticeStream, Problem> {
        let user = caller.identity()?;
        let place = self.places.take()?;
        let feed = sse::open_notices(&self.engine, user, comes_back.0).await?;
        Ok(NoticeStream::Open(self.bounded(feed, place, &caller)?))
    }
}

#[derive(ApiResponse)]
enum NoticeStream {
    /// Your notices, live.
    #[oai(status = 200)]
    Open(Frames),
}

#[derive(ApiResponse)]
enum EventStream {
    /// The events of the room, live.
    #[oai(status = 200)]
    Open(Frames),
    /// You came back to a room that was deleted, or that you may not read any more: do not come back again.
    #[oai(status = 204)]
    Over,
}

/// A body of server-sent events.
struct Frames(Feed);

impl Payload for Frames {
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
    }
}

impl IntoResponse for Frames {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(CONTENT_TYPE)
            .header(header::CACHE_CONTROL, "no-store")
            .header(UNBUFFERED, "no")
            .body(Body::from_bytes_stream(self.0.into_stream()))
    }
}

const CONTENT_TYPE: &str = "text/event-stream";
/// Tells nginx, and proxies that follow its convention, not to buffer the stream.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
