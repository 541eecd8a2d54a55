//! A transport-agnostic chat engine: rooms, messages, presence and typing over one gapless log per room.
#![doc = include_str!("guide.md")]

mod audit;
mod body;
mod change;
mod clock;
mod command;
mod conversions;
mod delivery;
mod direct;
mod error;
mod event;
mod fingerprint;
mod history;
mod id;
mod identity;
mod invalid;
mod invite;
mod limits;
mod mark;
mod member;
mod model;
mod my_rooms;
mod notice;
pub mod outbox;
mod policy;
mod position;
mod reason;
mod retention;
mod room;
#[cfg(feature = "serde")]
mod serialized;
mod subject;
mod update;
mod visible;

pub mod append;
pub mod archive;
pub mod characters;
pub mod consumer;
pub mod erasure;
#[cfg_attr(not(failpoints), doc(hidden))]
pub mod failpoints;
pub mod fold;
pub mod log;
pub mod rights;
pub mod search;
pub mod state;
pub mod store;
pub mod tail;
pub mod text;
pub mod users;

#[cfg(feature = "runtime")]
mod engine;
#[cfg(any(failpoints, feature = "test-util", all(test, feature = "runtime")))]
pub mod mutations;
#[cfg(any(feature = "test-util", all(test, feature = "runtime")))]
pub mod testing;
#[cfg(feature = "sea")]
mod text_keys;

pub use audit::{AuditPage, AuditQuery};
pub use body::{Body, Edit};
pub use change::{Change, ChangeKind, Reaction};
pub use clock::{Clock, Now, SystemClock, Timestamp};
pub use command::{Answer, AnswerResult, Attached, Changed, Command, Gap, Sent};
pub use consumer::{ConsumeFrom, Consumer, ConsumerState, DeadLetter, HeldRoom, NotConsumed};
pub use delivery::{Delivery, Item};
pub use direct::{DirectRoom, Pair};
#[cfg(feature = "runtime")]
pub use engine::{
    AllEvents, Builder, ChatEngine, Database, Health, LiveEvent, Queued, RoomExport, RoomImport, Session,
    SessionHandle, Updates, WeakSessionHandle,
};
pub use erasure::{Erase, Erased, ErasureProgress};
pub use error::{Error, Retry, StartError};
pub use event::{Event, EventKind, Message, MessageEdited, Signal, SignalKind};
pub use history::{
    Deleted, Edited, HistoryFrom, HistoryPage, HistoryQuery, MessageState, MessageVersion, PinnedMessages,
    ReactionCount, Reactor, ReactorPage,
};
pub use id::{IdempotencyKey, RoomId, Seq, SessionId, Ticket, UserId};
pub use identity::Identity;
pub use invalid::{InvalidField, InvalidMessage};
pub use invite::{Invite, InviteCode, InvitePage, NewInvite};
pub use limits::{AddressLimits, Limits, Rate, UserRates};
pub use mark::{Mark, MarkPage, MarkTo, Marked, Notify, Unread, UserMark};
pub use member::{
    ChangeMember, ChangeMemberKind, InvitedBy, Member, MemberChange, MemberEvent, MemberPage, MemberQuery, Membership,
    Restriction, RestrictionKind, RestrictionPage, Role, RoomKind, RoomTerms, Until,
};
pub use model::{Actor, Draft, Presence, Typing};
pub use my_rooms::{MyRoom, MyRoomPage, MyRoomQuery, MyRoomsCursor};
pub use notice::{Activity, LastMessage, Notice};
pub use outbox::{OutboxFailure, OutboxId};
pub use policy::{Action, AllowAll, HostMembers, Members, Policy};
pub use position::{Epoch, Position, Since};
pub use reason::{CloseReason, DetachReason, SessionEnd};
pub use retention::{Keep, KeepDays, Retention};
pub use room::{NewRoom, Room, RoomChange, RoomPage, RoomQuery, UpdatedRoom};
pub use state::Departure;
#[cfg(all(feature = "entity", feature = "sea"))]
#[doc(inline)]
pub use store::sea::entity;
pub use tail::{LogCursor, TailEntry, TailItem, TailPage};
pub use text::{Reason, RoomName, Topic, UserName};
#[cfg(feature = "sea")]
pub use text_keys::TextKeys;
pub use update::Update;
pub use visible::VisibleRooms;

#[cfg(all(feature = "entity", not(feature = "sea")))]
compile_error!("the feature `entity` of chat-core needs a database: choose `sqlite`, `postgres` or `mysql`, too");

/// The example of the README is a test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
