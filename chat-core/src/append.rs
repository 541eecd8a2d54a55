//! What a room asks of its log, and what the log says to it. Shared by the state machine, which asks, and the
//! [`Store`](crate::store::Store), which answers.

use std::sync::Arc;

pub use crate::fingerprint::Fingerprint;
use crate::{
    Body, Edit, Error, Event, IdempotencyKey, Identity, Invite, InviteCode, InvitedBy, Keep, MarkTo, Marked, NewInvite,
    Reaction, Reason, Role, Room, RoomId, RoomKind, RoomName, Seq, Timestamp, Topic, UserId, direct::Pair,
    fingerprint::Hasher, rights::Standing, subject::Subject,
};

/// The key an event is stored with: the sender's own, or one made up for it, so that each append can be found again
/// after its outcome was lost. A made-up one begins with a space, which no sender's key can, and is never shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(Arc<str>);

impl EventKey {
    /// The sender's own key.
    #[must_use]
    pub fn given(key: &IdempotencyKey) -> Self {
        Self(key.as_str().into())
    }

    /// A made-up key; `unique` is at most 63 characters and never used twice.
    #[must_use]
    pub fn generated(unique: &str) -> Self {
        Self(format!(" {unique}").into())
    }

    /// A key as it was stored.
    #[must_use]
    pub fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The sender's own key, if this is one.
    #[must_use]
    pub fn to_given(&self) -> Option<IdempotencyKey> {
        IdempotencyKey::new(&self.0).ok()
    }
}

/// One change on its way into a room's log. Everything in it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who makes it; `None` if the request named no user.
    pub actor: Option<Identity>,
    /// What it can be found by.
    pub key: EventKey,
    /// What a retry is compared by.
    pub fingerprint: Fingerprint,
    /// Its stamp.
    pub at: Timestamp,
    /// Whether the host itself makes it, in the actor's name if there is one: it may do what the actor may not.
    pub by_system: bool,
    /// What its actor is in the room, as far as that is known to whoever appends it.
    pub standing: Option<KnownStanding>,
    /// What it changes.
    pub op: Op,
}

/// What somebody is in a room, as it is after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownStanding {
    /// The event.
    pub at: Seq,
    /// What they are.
    pub standing: Standing,
}

impl KnownStanding {
    /// What the host says somebody is, who keeps that: no event changes it.
    #[must_use]
    pub const fn told(standing: Standing) -> Self {
        Self { at: Seq(u64::MAX), standing }
    }

    /// Whether the host says so.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.at.0 == u64::MAX
    }
}

impl Entry {
    /// A user's entry, with the fingerprint of what it changes.
    #[must_use]
    pub fn new(actor: Option<Identity>, key: EventKey, at: Timestamp, op: Op) -> Self {
        Self { actor, key, fingerprint: op.fingerprint(), at, by_system: false, standing: None, op }
    }

    /// What it is looked for by.
    #[must_use]
    pub fn lookup(&self) -> Lookup {
        Lookup { user: self.actor.as_ref().map(|actor| actor.id.clone()), key: self.key.clone() }
    }

    /// What its actor is in a room where rights were changed last by this event, if what is known of that is as new.
    #[must_use]
    pub fn known_since(&self, rights_seq: Seq) -> Option<Standing> {
        let KnownStanding { at, standing } = self.standing?;
        (at >= rights_seq).then_some(standing)
    }
}

/// What an [`Entry`] changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// A message more.
    Message(Body),
    /// Another text for a message.
    Edit(Seq, Edit),
    /// A message's end, and why.
    Delete(Seq, Option<Reason>),
    /// A reaction to a message: added, or taken back.
    React(Seq, Reaction, bool),
    /// A message pinned, or not any more.
    Pin(Seq, bool),
    /// How far the actor has read. It makes no event.
    Mark(MarkTo),
    /// What is kept of the log. It makes no event.
    Prune(Keep),
    /// Another place of somebody in the room.
    Member(MemberOp),
    /// An invite that is made or revoked. It makes no event.
    Invite(InviteOp),
    /// Another name or topic of the room, or other terms.
    UpdateRoom(RoomUpdate),
    /// The room's end.
    DeleteRoom,
}

impl Op {
    /// Whether it has a transaction of its own. All others share theirs, with each other and with those of other rooms.
    #[must_use]
    pub const fn is_exclusive(&self) -> bool {
        match self {
            Self::Message(_)
            | Self::Edit(..)
            | Self::Delete(..)
            | Self::React(..)
            | Self::Pin(..)
            | Self::Mark(_)
            | Self::Invite(_) => false,
            Self::Member(op) => op.is_alone,
            Self::Prune(_) | Self::UpdateRoom(_) | Self::DeleteRoom => true,
        }
    }

    /// Whether it makes an event, if it changes something.
    #[must_use]
    pub const fn makes_event(&self) -> bool {
        !matches!(self, Self::Mark(_) | Self::Prune(_) | Self::Invite(_))
    }

    /// What a retry is compared by. That of a message that is nothing but a text is the hash of the text. That of anything else
    /// is over the operation and all submitted fields, in a fixed order.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let on = |target: &Seq| Hasher::new(self.name()).number("target", Some(target.0));
        match self {
            Self::Message(body) if body.is_plain() => return Fingerprint::of_text(&body.content),
            Self::Message(body) => body.hash(Hasher::new("message")),
            Self::Edit(target, edit) => edit.hash(on(target)),
            Self::Delete(target, reason) => {
                on(target).optional("reason", reason.as_ref().map(|reason| reason.as_str().as_bytes()))
            }
            Self::React(target, reaction, added) => {
                on(target).field("reaction", reaction.as_str().as_bytes()).flag("added", Some(*added))
            }
            Self::Pin(target, pinned) => on(target).flag("pinned", Some(*pinned)),
            Self::Mark(_) | Self::Prune(_) | Self::Invite(_) => Hasher::new(self.name()),
            Self::Member(op) => op.hash(Hasher::new(self.name())),
            Self::UpdateRoom(RoomUpdate { name, topic, kind, invites }) => Hasher::new("update_room")
                .optional("name", name.as_ref().map(|name| name.as_str().as_bytes()))
                .optional("topic", topic.as_ref().map(|topic| topic.as_str().as_bytes()))
                .optional("kind", kind.map(|kind| kind.as_str().as_bytes()))
                .optional("invites", invites.map(|invites| invites.as_str().as_bytes())),
            Self::DeleteRoom => Hasher::new("delete_room"),
        }
        .finish()
    }

    /// The message that it changes, if it changes one.
    const fn target(&self) -> Option<Seq> {
        match self {
            Self::Edit(target, _) | Self::Delete(target, _) | Self::React(target, ..) | Self::Pin(target, _) => {
                Some(*target)
            }
            Self::Message(_)
            | Self::Mark(_)
            | Self::Prune(_)
            | Self::Member(_)
            | Self::Invite(_)
            | Self::UpdateRoom(_)
            | Self::DeleteRoom => None,
        }
    }

    /// The messages of the room that it names.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Seq> + use<> {
        let of_body = if let Self::Message(body) = self { Some(body.targets()) } else { None };
        of_body.into_iter().flatten().chain(self.target())
    }

    /// Whom it mentions by name.
    #[must_use]
    pub fn mentions(&self) -> &[UserId] {
        match self {
            Self::Message(body) => &body.mentions,
            Self::Edit(_, edit) => edit.mentions.as_deref().unwrap_or_default(),
            Self::Delete(..)
            | Self::React(..)
            | Self::Pin(..)
            | Self::Mark(_)
            | Self::Prune(_)
            | Self::Member(_)
            | Self::Invite(_)
            | Self::UpdateRoom(_)
            | Self::DeleteRoom => &[],
        }
    }

    /// What it does, and to which message or user.
    pub(crate) fn subject(&self) -> Subject {
        let user = if let Self::Member(op) = self { Some(op.user.id.clone()) } else { None };
        Subject { does: self.name(), target: self.target(), user }
    }

    /// The invite by which its actor comes in, if that is what it does.
    pub(crate) const fn accepts(&self) -> Option<InviteCode> {
        if let Self::Member(MemberOp { step: MemberStep::Accept(code), .. }) = self { Some(*code) } else { None }
    }

    /// What it is called in a trace. Most of these are in fingerprints, and so never change.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Message(_) => "send",
            Self::Edit(..) => "edit",
            Self::Delete(..) => "delete",
            Self::React(..) => "react",
            Self::Pin(..) => "pin",
            Self::Mark(_) => "mark",
            Self::Prune(_) => "prune",
            Self::Member(_) => "member",
            Self::Invite(_) => "invite",
            Self::UpdateRoom(_) => "update_room",
            Self::DeleteRoom => "delete_room",
        }
    }

    /// The bytes of text in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Message(body) => body.bytes(),
            Self::Edit(_, edit) => edit.bytes(),
            Self::Delete(_, reason) => reason.as_ref().map_or(0, |reason| reason.as_str().len()),
            Self::React(_, reaction, _) => reaction.as_str().len(),
            Self::Member(op) => op.bytes(),
            Self::UpdateRoom(RoomUpdate { name, topic, .. }) => {
                name.as_ref().map_or(0, |name| name.as_str().len())
                    + topic.as_ref().map_or(0, |topic| topic.as_str().len())
            }
            Self::Pin(..) | Self::Mark(_) | Self::Prune(_) | Self::Invite(_) | Self::DeleteRoom => 0,
        }
    }
}

/// Another place of somebody in a room, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOp {
    /// Whom it is about. The name counts only as long as none is known in the room.
    pub user: Identity,
    /// What is to happen.
    pub step: MemberStep,
    /// Why, if it was said.
    pub reason: Option<Reason>,
    /// Whether it has a transaction of its own, because it may end the room.
    pub is_alone: bool,
}

/// What is to happen with somebody in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberStep {
    /// They come in by themselves.
    Join,
    /// They come in by an invite.
    Accept(InviteCode),
    /// They leave.
    Leave,
    /// They are brought in, or get another role if one is given.
    Add(Option<Role>),
    /// They are put out.
    Remove,
    /// They are put out and kept out, until then or for good.
    Ban(Option<Timestamp>),
    /// A ban is lifted.
    Unban,
    /// They may only read, until then or for good.
    Mute(Option<Timestamp>),
    /// A mute is lifted.
    Unmute,
}

impl MemberOp {
    /// Whether it may put somebody out, or give an owner another role.
    #[must_use]
    pub const fn may_lose_an_owner(&self) -> bool {
        match self.step {
            MemberStep::Leave | MemberStep::Add(Some(_)) | MemberStep::Remove | MemberStep::Ban(_) => true,
            MemberStep::Join
            | MemberStep::Accept(_)
            | MemberStep::Add(None)
            | MemberStep::Unban
            | MemberStep::Mute(_)
            | MemberStep::Unmute => false,
        }
    }

    fn hash(&self, hasher: Hasher) -> Hasher {
        let (step, role, until) = match self.step {
            MemberStep::Join => ("join", None, None),
            MemberStep::Accept(_) => ("accept", None, None),
            MemberStep::Leave => ("leave", None, None),
            MemberStep::Add(role) => ("add", role, None),
            MemberStep::Remove => ("remove", None, None),
            MemberStep::Ban(until) => ("ban", None, until),
            MemberStep::Unban => ("unban", None, None),
            MemberStep::Mute(until) => ("mute", None, until),
            MemberStep::Unmute => ("unmute", None, None),
        };
        let hasher = hasher.field("step", step.as_bytes()).field("user", self.user.id.as_str().as_bytes());
        let code = if let MemberStep::Accept(code) = self.step { Some(code.to_string()) } else { None };
        let hasher = hasher.optional("code", code.as_deref().map(str::as_bytes));
        let hasher = hasher.optional("role", role.map(|role| role.as_str().as_bytes()));
        hasher
            .number("until", until.map(|until| until.0.cast_unsigned()))
            .optional("reason", self.reason.as_ref().map(|reason| reason.as_str().as_bytes()))
    }

    fn bytes(&self) -> usize {
        let reason = self.reason.as_ref().map_or(0, |reason| reason.as_str().len());
        self.user.id.as_str().len() + self.user.name.as_str().len() + reason
    }
}

/// What happens to an invite of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteOp {
    /// It is made.
    Make(InviteCode, NewInvite),
    /// It cannot be used any more.
    Revoke(InviteCode),
}

/// A change of what a room is. What is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomUpdate {
    /// The new name.
    pub name: Option<RoomName>,
    /// The new topic.
    pub topic: Option<Topic>,
    /// The new kind.
    pub kind: Option<RoomKind>,
    /// Who may bring others in from now on.
    pub invites: Option<InvitedBy>,
}

/// The entries of one room in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomBatch {
    /// The room.
    pub room: RoomId,
    /// What is appended to its log, in order; at least one. An [exclusive](Op::is_exclusive) one stands alone, in a batch of one
    /// room.
    pub entries: Vec<Entry>,
}

/// What became of one entry of an append.
#[derive(Debug, Clone, PartialEq)]
pub enum AppendOutcome {
    /// It was stored.
    New {
        /// As this event.
        event: Arc<Event>,
        /// The users who are mentioned by it, and were not before: never its author.
        mentioned: Vec<UserId>,
        /// What its actor is in the room after it.
        standing: Standing,
        /// The event that follows from it: somebody else owns the room now, since it has lost its last owner.
        heir: Option<Arc<Event>>,
    },
    /// The key had been used for the same content: this is the event of then, or what is left of it. No number was used.
    Replay(Arc<Event>),
    /// It was like that already: no event, no number.
    Unchanged {
        /// How many users have the reaction, if it was about one.
        count: Option<u64>,
    },
    /// The actor's mark stands here now.
    Marked(Marked),
    /// The log begins here now.
    Pruned(Seq),
    /// The invite was made.
    Invited(Box<Invite>),
    /// It was not judged: it has to be stored in a transaction of its own, because it may end the room, or it stood behind such an
    /// entry. This is the entry to append again, in its turn.
    PutOff(Box<Entry>),
    /// It was refused (by the judge of appends): no number was used, and nobody else's entry fails with it.
    Refused(Error),
}

/// What became of an append: one [`AppendOutcome`] per entry, in order; or the failure of all of it.
pub type AppendResult = Result<Vec<AppendOutcome>, AppendFailure>;

/// Why nothing is known to be stored of an append.
#[derive(Debug, Clone, PartialEq)]
pub enum AppendFailure {
    /// Surely nothing was; this is why.
    NotStored(Error),
    /// The commit's answer was lost: it may have been stored or not.
    Unknown,
}

/// An event as it is stored, with what only the log needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub event: Arc<Event>,
    /// The key it is stored with.
    pub key: EventKey,
    /// What a retry is compared by.
    pub fingerprint: Fingerprint,
    /// How many messages the room has with it.
    pub ordinal: u64,
}

impl StoredEvent {
    /// What it is looked for by.
    #[must_use]
    pub fn lookup(&self) -> Lookup {
        Lookup { user: self.event.actor.as_ref().map(|actor| actor.id.clone()), key: self.key.clone() }
    }
}

/// What an append is looked for by after its outcome was lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// Whose it was.
    pub user: Option<UserId>,
    /// Its key.
    pub key: EventKey,
}

/// What was found when a room's log was looked at after a lost outcome, with the room's lock held, so that it is final.
/// However long the log is, this is no more than what was asked for; what else there is up to `head` is read page by page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The number of the room's newest event.
    pub head: Seq,
    /// Whether the room is gone.
    pub is_deleted: bool,
    /// The events that hold one of the keys asked for, in order, each once.
    pub found: Vec<StoredEvent>,
}

/// A room to be made, checked and stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its name.
    pub name: RoomName,
    /// What it is about.
    pub topic: Topic,
    /// When it is made.
    pub created_at: Timestamp,
    /// Its kind.
    pub kind: RoomKind,
    /// Who may bring others in.
    pub invites: InvitedBy,
    /// Who owns it. Without one, it is nobody's for good.
    pub owner: Option<Identity>,
    /// Whose it is, if it is a direct room. They are its members for good.
    pub pair: Option<Pair>,
    /// Whether the host keeps who is in it. Then it is somebody's, and has no members here.
    pub members_elsewhere: bool,
    /// The host's own key for it. Its name is not its own then.
    pub external: Option<String>,
}

impl RoomRecord {
    /// A public room that is nobody's.
    #[must_use]
    pub const fn open(name: RoomName, topic: Topic, created_at: Timestamp) -> Self {
        let (kind, invites) = (RoomKind::Public, InvitedBy::Members);
        Self {
            name,
            topic,
            created_at,
            kind,
            invites,
            owner: None,
            pair: None,
            members_elsewhere: false,
            external: None,
        }
    }

    /// The direct room of two users.
    #[must_use]
    pub fn direct(pair: Pair, created_at: Timestamp) -> Self {
        let open = Self::open(RoomName::from_stored(""), Topic::from_stored(""), created_at);
        Self { kind: RoomKind::Direct, pair: Some(pair), ..open }
    }

    /// Who is in it from its beginning, and as what.
    #[must_use]
    pub fn first_members(&self) -> Vec<(Identity, Role)> {
        let owner = self.owner.iter().map(|owner| (owner.to_stored(), Role::Owner));
        let pair = self.pair.iter().flat_map(Pair::users).map(|user| (user.clone(), Role::Member));
        owner.chain(pair).collect()
    }

    /// Whether it is somebody's.
    #[must_use]
    pub const fn is_owned(&self) -> bool {
        self.owner.is_some() || self.members_elsewhere
    }

    /// What it has for itself.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        let external = self.external.clone().map(Claim::External);
        external.or_else(|| Claim::of(self.kind, &self.name, self.pair.as_ref()))
    }

    /// The room it becomes, with the id it was given.
    #[must_use]
    pub fn to_room(&self, id: RoomId) -> Room {
        Room {
            id,
            name: self.name.clone(),
            topic: self.topic.clone(),
            created_at: self.created_at,
            first_seq: Seq(1),
            head: Seq(0),
            last_message_seq: None,
            last_message_at: None,
            online: 0,
            kind: self.kind,
            owned: self.is_owned(),
            invites: self.invites,
            members: self.first_members().len() as u64,
            rights_seq: Seq(0),
            peer: None,
            external: self.external.clone(),
        }
    }
}

/// What a living room has for itself: no other one has it, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Claim {
    /// The name of a public room, by its [key](RoomName::key).
    Name(String),
    /// The two whose direct room it is, by their [key](Pair::key).
    Pair(String),
    /// The host's own key for it.
    External(String),
}

impl Claim {
    /// That of a room of this kind.
    #[must_use]
    pub fn of(kind: RoomKind, name: &RoomName, pair: Option<&Pair>) -> Option<Self> {
        match kind {
            RoomKind::Public => Some(Self::Name(name.key())),
            RoomKind::Direct => pair.map(|pair| Self::Pair(pair.key())),
            RoomKind::Private => None,
        }
    }
}
