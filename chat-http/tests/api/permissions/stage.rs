//! An engine with its ways in, and rooms in which something can be tried.

use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::{
    Actor, ChangeMember, ChatEngine, Draft, Error, Identity, InvitedBy, NewRoom, Role, RoomId, RoomKind, RoomTerms,
    Seq, Timestamp, UserId, rights::RoomAction, store::sea::connections,
};
use chat_http::{Accounts, Registration};
use poem::{IntoEndpoint, test::TestClient};

use super::{
    kind::{Kind, People, site_for_all},
    person::{Person, Place},
};
use crate::common::{Client, engine, socket::Server};

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
    pub(crate) people: People,
    rooms: AtomicU64,
}

/// A room, and somebody who tries something there.
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) sort: RoomSort,
    pub(crate) person: Person,
    pub(crate) room: RoomId,
    /// A message of the person's; of somebody without a name, another one's.
    pub(crate) own: Seq,
    /// A message of another member's.
    pub(crate) others: Seq,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let engine = engine().await;
        let store = connections("sqlite::memory:", 1).unwrap();
        let accounts = Accounts::open(store, engine.clone(), Registration::Open).await.unwrap();
        let site = site_for_all(&engine, &accounts);
        let client = TestClient::new(site.clone().into_endpoint());
        let server = Server::start_site(engine.clone(), site).await;
        let people = People::come(&client, &accounts).await;
        Self { engine, client, server, people, rooms: AtomicU64::new(0) }
    }

    /// Who acts when somebody of this kind does.
    pub(crate) fn actor(&self, kind: Kind) -> Actor {
        match (kind, self.people.identity(kind).cloned()) {
            (Kind::System, _) => Actor::System,
            (Kind::SystemAs, Some(identity)) => Actor::SystemAs(identity),
            (_, Some(identity)) => Actor::User(identity),
            (_, None) => Actor::Anonymous,
        }
    }

    /// A name that no room has yet.
    pub(crate) fn room_name(&self) -> String {
        format!("room {}", self.rooms.fetch_add(1, Ordering::Relaxed))
    }

    /// A new room in which the person is what they are, with [`OTHER`] and, where it is owned, the [`maker`].
    pub(crate) async fn scene(&self, sort: RoomSort, person: Person) -> Scene<'_> {
        if sort == RoomSort::Direct {
            return self.direct(person).await;
        }
        let maker = if sort.is_owned() { maker() } else { maker().as_guest() };
        let mut new = NewRoom::named(self.room_name());
        new.kind = sort.kind();
        let room = self.engine.create_room(&maker, new).await.unwrap().id;
        self.by_host(room, ChangeMember::add(user(OTHER))).await;
        let others = self.say(room, &Identity::named(OTHER).unwrap()).await;
        let identity = self.people.identity(person.kind);
        let own = self.say(room, identity.unwrap_or(&maker)).await;
        if let Some(identity) = identity {
            self.make(room, person.place, identity.id.clone()).await;
        }
        Scene { stage: self, sort, person, room, own, others }
    }

    /// The direct room of [`OTHER`] with the person, or with somebody else. It is the same one for all who are not in it.
    async fn direct(&self, person: Person) -> Scene<'_> {
        let other = Identity::named(OTHER).unwrap();
        let (maker, identity) = (maker(), self.people.identity(person.kind));
        let with = identity.filter(|_| person.place == Place::Member).unwrap_or(&maker);
        let room = self.engine.direct(&other, with.id.clone(), None).await.unwrap().room.id;
        let (others, own) = (self.say(room, &other).await, self.say(room, identity.unwrap_or(with)).await);
        Scene { stage: self, sort: RoomSort::Direct, person, room, own, others }
    }

    /// Makes somebody what they are.
    async fn make(&self, room: RoomId, place: Place, id: UserId) {
        if let Some(role) = place.role() {
            let add = ChangeMember::add(id.clone());
            self.by_host(room, if role == Role::Member { add } else { add.role(role) }).await;
        }
        match place {
            Place::Banned => self.by_host(room, ChangeMember::ban(id, None)).await,
            Place::Muted => self.by_host(room, ChangeMember::mute(id, None)).await,
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

/// Who makes the rooms.
pub(crate) fn maker() -> Identity {
    Identity::named("maker").unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

impl Scene<'_> {
    pub(crate) fn actor(&self) -> Actor {
        self.stage.actor(self.person.kind)
    }

    /// What the table says of an action that is done by this call.
    pub(crate) fn expected(&self, action: RoomAction, call: &str) -> String {
        if self.person.lacks_a_name(action, call) {
            return "unauthenticated".to_owned();
        }
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
