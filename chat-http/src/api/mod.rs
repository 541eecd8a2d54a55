//! The REST API, one resource per file. These modules decode, call the engine and encode; they decide nothing.

mod account;
mod accounts;
mod args;
mod audit;
mod body;
mod consumers;
mod direct;
mod events;
mod feed;
mod invites;
mod me;
mod members;
mod message;
mod messages;
pub(crate) mod patterns;
mod pins;
mod presence;
mod reactions;
mod reads;
mod restrictions;
mod room_event;
mod rooms;
mod search;
mod tag;
mod threads;
mod tickets;

#[cfg(feature = "webhook")]
pub(crate) use self::feed::FeedEntry;
use self::{
    account::AccountApi, accounts::AccountsApi, audit::AuditApi, consumers::ConsumersApi, direct::DirectApi,
    events::EventsApi, feed::FeedApi, invites::InvitesApi, me::MeApi, members::MembersApi, message::MessageApi,
    messages::MessagesApi, pins::PinsApi, presence::PresenceApi, reactions::ReactionsApi, reads::ReadsApi,
    restrictions::RestrictionsApi, rooms::RoomsApi, search::SearchApi, threads::ThreadsApi, tickets::TicketsApi,
};
#[cfg(any(test, fuzzing))]
pub(crate) use self::{
    body::decode,
    rooms::{NewRoomBody, RoomChangeBody},
};
use crate::{auth::Authentication, options::Options};

/// The path of the REST API below a mount point.
pub(crate) const PREFIX: &str = "/api/chat";

/// The paths of event streams. A GET there lasts as long as the stream, and one of a room makes the caller join it.
pub(crate) const EVENTS: [&str; 2] = ["/rooms/{room_id}/events", "/events"];

/// The operations that everyone may ask for, whatever the credentials of the request; or that have a credential of their own.
pub(crate) const OPEN: [&str; 5] =
    ["/account/register", "/account/login", "/events/feed", "/events/consumers", "/events/dead-letters"];

/// Those of them that are for whoever operates the server.
pub(crate) const FOR_OPERATORS: [&str; 3] = ["/events/feed", "/events/consumers", "/events/dead-letters"];

/// All resources, as poem-openapi takes them.
pub(crate) type Resources = (
    RoomsApi,
    DirectApi,
    // Tuples have up to 16 parts.
    (MembersApi, RestrictionsApi, InvitesApi, AuditApi),
    MessagesApi,
    MessageApi,
    ThreadsApi,
    ReactionsApi,
    PinsApi,
    ReadsApi,
    MeApi,
    SearchApi,
    PresenceApi,
    (EventsApi, FeedApi, ConsumersApi),
    TicketsApi,
    (AccountApi, AccountsApi),
);

/// The resources of an engine.
pub(crate) fn resources(
    engine: &chat_core::ChatEngine,
    authentication: &Authentication,
    options: &Options,
) -> Resources {
    let accounts = options.accounts.as_ref();
    (
        RoomsApi::new(engine.clone()),
        DirectApi::new(engine.clone()),
        (
            MembersApi::new(engine.clone()),
            RestrictionsApi::new(engine.clone()),
            InvitesApi::new(engine.clone()),
            AuditApi::new(engine.clone()),
        ),
        MessagesApi::new(engine.clone()),
        MessageApi::new(engine.clone()),
        ThreadsApi::new(engine.clone()),
        ReactionsApi::new(engine.clone()),
        PinsApi::new(engine.clone()),
        ReadsApi::new(engine.clone()),
        MeApi::new(engine.clone(), authentication.clone()),
        SearchApi::new(engine.clone()),
        PresenceApi::new(engine.clone()),
        (
            EventsApi::new(engine.clone(), authentication.clone()),
            FeedApi::new(engine.clone(), options.feed_token.clone()),
            ConsumersApi::new(engine.clone(), options.feed_token.clone()),
        ),
        TicketsApi::new(authentication.clone()),
        (AccountApi::new(accounts.cloned()), AccountsApi::new(accounts.cloned())),
    )
}
