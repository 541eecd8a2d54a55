//! What has happened in all rooms, for whoever operates the server.

use chat_core::{ChatEngine, Error, InvalidField, LogCursor, TailEntry, TailItem, TailPage};
use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, Object, OpenApi,
    registry::{MetaSecurityScheme, Registry},
};
use serde::Serialize;

use super::{
    args::{IntegerArg, TextArg, scheme},
    body::Tagged,
    room_event::EventDto,
    tag::Tag,
};
use crate::{auth::bearer, dto::RoomDto, feed_token::FeedToken, problem::Problem};

/// The events of all rooms of an engine, if the server gives them.
pub(crate) struct FeedApi {
    engine: ChatEngine,
    token: Option<FeedToken>,
}

impl FeedApi {
    pub(crate) const fn new(engine: ChatEngine, token: Option<FeedToken>) -> Self {
        Self { engine, token }
    }
}

#[OpenApi(tag = "Tag::Events")]
impl FeedApi {
    /// Read what has happened in all rooms
    ///
    /// For whoever operates the server: a search index, a bridge, an archive. It needs the feed's own token as a bearer token; a
    /// server that does not give the feed answers 404 to every token. The order never changes and misses nothing: keep `next` with what you have done, and go on
    /// after it. In each room it is the order of its log. An epoch that has changed (409) means that history may have been lost: begin
    /// again without `after`.
    #[oai(path = "/events/feed", method = "get", operation_id = "read_feed")]
    async fn read(
        &self,
        caller: Operator,
        /// The most entries to return. The default is 100.
        limit: IntegerArg<1, 1_000>,
        /// The `next` of the previous page, or the cursor of an entry. Without it, from the beginning.
        after: TextArg<256>,
    ) -> Result<FoundEntries, Problem> {
        caller.check(self.token.as_ref())?;
        let after: Option<LogCursor> =
            after.0.map(|after| after.parse()).transpose().map_err(|invalid: InvalidField| Error::from(invalid))?;
        let page = self.engine.tail(after, limit.or(100)).await?;
        Ok(FoundEntries::Found(Tagged(FeedPage::from(&page))))
    }
}

/// Whoever operates the server, by the token that they have sent.
pub(super) struct Operator(String);

impl Operator {
    /// Lets whoever has sent the right token pass. A server that has none answers as if there were nothing.
    pub(super) fn check(&self, token: Option<&FeedToken>) -> Result<(), Problem> {
        Ok(token.ok_or_else(Problem::not_found)?.check(&self.0)?)
    }
}

impl<'a> ApiExtractor<'a> for Operator {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let about = "The token of the feed of all rooms, which is none of a user's.";
        let bearer = MetaSecurityScheme { scheme: Some("bearer"), ..scheme("http", about) };
        registry.create_security_scheme(SCHEME, bearer);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let token = bearer::token(request).and_then(|token| token.ok_or(Error::Unauthenticated));
        Ok(Self(token.map_err(Problem::from)?.to_owned()))
    }
}

/// The name of its security scheme.
const SCHEME: &str = "feed";

#[derive(ApiResponse)]
enum FoundEntries {
    /// A page of entries.
    #[oai(status = 200)]
    Found(Tagged<FeedPage>),
}

/// A page of what has happened in all rooms.
#[derive(Debug, Clone, Serialize, Object)]
struct FeedPage {
    /// The entries, in the order that never changes. There may be fewer than there were, since some were pruned or removed.
    entries: Vec<FeedEntry>,
    /// After which to go on; null as long as nothing has happened at all.
    #[oai(nullable)]
    next: Option<String>,
    /// Whether there was more. If not, the page has everything that was answered before it was asked for.
    has_more: bool,
}

/// Something that has happened in a room: it was made (`created`), or there is an event (`event`).
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct FeedEntry {
    /// Where it stands: whoever has it goes on after this. No other entry has the same.
    cursor: String,
    /// The room's id.
    room: u64,
    /// What it is: `room_created`, or an `event`.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    kind: String,
    /// With `room_created`: the room as it is *now*; left out if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    created: Option<RoomDto>,
    /// With `event`: the event as it stands in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    event: Option<EventDto>,
}

impl From<&TailPage> for FeedPage {
    fn from(page: &TailPage) -> Self {
        Self {
            entries: page.entries.iter().filter_map(FeedEntry::of).collect(),
            next: page.next.as_ref().map(ToString::to_string),
            has_more: page.has_more,
        }
    }
}

impl FeedEntry {
    /// The entry; `None` for a kind that this version does not know.
    pub(crate) fn of(entry: &TailEntry) -> Option<Self> {
        let (kind, created, event) = match &entry.item {
            TailItem::RoomCreated { room } => ("room_created", room.as_deref().map(RoomDto::from), None),
            TailItem::Event(event) => ("event", None, Some(EventDto::of(event)?)),
            _ => return None,
        };
        Some(Self { cursor: entry.cursor.to_string(), room: entry.room.0, kind: kind.to_owned(), created, event })
    }
}
