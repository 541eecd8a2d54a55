//! An engine with its ways in, and rooms in which something can be tried.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chat_core::{
    Actor, ChangeMember, ChatEngine, Draft, Error, Identity, InvitedBy, NewRoom, Role, RoomId, RoomKind, RoomTerms,
    Seq, Timestamp, UserId, rights::RoomAction,
};
use chat_http::{Authenticated, Authenticator};
use poem::Request;

use crate::{
    common::{Client, client_as, engine, socket::Server},
    person::Person,
};

/// Believes the parameter `as` of the URL, which names a [`Person`].
struct Named;

#[async_trait]
impl Authenticator for Named {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        let name = request.uri().query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("as=")));
        let identity = name.and_then(Person::named).and_then(Person::identity);
        Ok(identity.map_or_else(Authenticated::anonymous, Into::into))
    }

    fn allows_anonymous(&self) -> bool {
        true
    }
}

/// A kind of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomSort {
    /// Nobody owns it.
    Open,
    Public,
    Private,
    Direct,
}

impl RoomSort {
    pub(crate) const ALL: [Self; 4] = [Self::Open, Self::Public, Self::Private, Self::Direct];

    pub(crate) fn is_owned(self) -> bool {
        matches!(self, Self::Public | Self::Private)
    }

    pub(crate) fn terms(self) -> RoomTerms {
        RoomTerms { kind: self.kind(), owned: self.is_owned(), invites: InvitedBy::Members }
    }

    pub(crate) fn kind(self) -> RoomKind {
        match self {
            Self::Open | Self::Public => RoomKind::Public,
            Self::Private => RoomKind::Private,
            Self::Direct => RoomKind::Direct,
        }
    }
}

/// An engine with its ways in.
pub(crate) struct Stage {
    pub(crate) engine: ChatEngine,
    pub(crate) client: Client,
    pub(crate) server: Server,
    rooms: AtomicU64,
}

/// A room, and somebody who tries something there.
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) sort: RoomSort,
    pub(crate) person: Person,
    pub(crate) room: RoomId,
    /// A message of the person's; of somebody who is anonymous, of nobody's.
    pub(crate) own: Seq,
    /// A message of another member's.
    pub(crate) others: Seq,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let engine = engine().await;
        let client = client_as(engine.clone(), Named);
        let server = Server::start_as(engine.clone(), Named).await;
        Self { engine, client, server, rooms: AtomicU64::new(0) }
    }

    /// A new room in which the person is what they are, with [`OTHER`] and, where it is owned, [`MAKER`].
    pub(crate) async fn scene(&self, sort: RoomSort, person: Person) -> Scene<'_> {
        if sort == RoomSort::Direct {
            return self.direct(person).await;
        }
        let maker = Identity::named(MAKER).unwrap();
        let maker = if sort.is_owned() { maker } else { maker.as_guest() };
        let name = format!("room {}", self.rooms.fetch_add(1, Ordering::Relaxed));
        let new = NewRoom { kind: sort.kind(), ..NewRoom::named(name) };
        let room = self.engine.create_room(&maker, new).await.unwrap().id;
        self.by_host(room, ChangeMember::add(user(OTHER))).await;
        let others = self.say(room, &Identity::named(OTHER).unwrap()).await;
        let identity = person.identity();
        let own = self.say(room, &identity.clone().unwrap_or(maker)).await;
        if let Some(identity) = identity {
            self.make(room, person, identity.id).await;
        }
        Scene { stage: self, sort, person, room, own, others }
    }

    /// The direct room of [`OTHER`] with the person, or with somebody else. It is the same one for all who are not in it.
    async fn direct(&self, person: Person) -> Scene<'_> {
        let other = Identity::named(OTHER).unwrap();
        let with = if person == Person::Member { person.identity().unwrap() } else { Identity::named(MAKER).unwrap() };
        let room = self.engine.direct(&other, with.id.clone(), None).await.unwrap().room.id;
        let (others, own) = (self.say(room, &other).await, self.say(room, &person.identity().unwrap_or(with)).await);
        Scene { stage: self, sort: RoomSort::Direct, person, room, own, others }
    }

    /// Makes somebody what they are.
    async fn make(&self, room: RoomId, person: Person, id: UserId) {
        if let Some(role) = person.role() {
            let add = ChangeMember::add(id.clone());
            self.by_host(room, if role == Role::Member { add } else { add.role(role) }).await;
        }
        match person {
            Person::Banned => self.by_host(room, ChangeMember::ban(id, None)).await,
            Person::Muted => self.by_host(room, ChangeMember::mute(id, None)).await,
            _ => {}
        }
    }

    async fn by_host(&self, room: RoomId, change: ChangeMember) {
        self.engine.change_member(Actor::System, room, change).await.unwrap();
    }

    async fn say(&self, room: RoomId, author: &Identity) -> Seq {
        self.engine.send(Actor::SystemAs(author.clone()), room, Draft::text("hello")).await.unwrap().event.seq
    }
}

/// Another member of each room, without a role.
pub(crate) const OTHER: &str = "other";
/// Somebody who is in no room.
pub(crate) const NEWCOMER: &str = "newcomer";
const MAKER: &str = "maker";

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

impl Scene<'_> {
    /// What the table says.
    pub(crate) fn expected(&self, action: RoomAction) -> String {
        let says = |action| code(&self.sort.terms().check(action, self.person.asker(), Timestamp(0)));
        // Who mentions everyone sends a message first of all.
        let first = if action == RoomAction::MentionRoom { says(RoomAction::Write) } else { "ok".to_owned() };
        if first == "ok" { says(action) } else { first }
    }
}

/// The code of an error, or `ok`.
pub(crate) fn code<T>(result: &Result<T, Error>) -> String {
    result.as_ref().map_or_else(Error::code, |_| "ok").to_owned()
}
