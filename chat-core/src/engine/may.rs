//! Asking whether something would be allowed.

use crate::{
    Action, Actor, Change, ChangeKind, ChangeMember, ChangeMemberKind, ChatEngine, Error, Role, RoomChange, RoomId,
    engine::{
        chat_engine::{check_kind, owner_of},
        inner::Inner,
        prepare::{MAX_SEQ, check_room},
        rates::Rated,
        seen::asker,
    },
    rights::RoomAction,
    store::Found,
};

impl ChatEngine {
    /// Whether an actor may do this now: for a page that shows only what can be done. It is asked of the [`Policy`](crate::Policy), and
    /// of the table in [`rights`](crate::rights) by what the actor is in the room, as when it is done; an edit and a deletion also by who has
    /// written the message. It is judged again when it is done, by what everybody is at that moment.
    ///
    /// What else may refuse it then is not judged here: what *others* are (the role of whoever is put out or banned, and that nobody
    /// else owns the room), whether an invite's code is good, whether a name or a key is taken, what a message that is changed has become
    /// (it may be deleted), that the room has 100 pins, rates, limits, and the form of texts and ids.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{Action, ChatEngine, Error, Identity, NewRoom};
    ///
    /// let engine = ChatEngine::builder().build().await?;
    /// let (alice, bob) = (Identity::named("Alice")?, Identity::named("Bob")?);
    /// let room = engine.create_room(&alice, NewRoom::named("general")).await?.id;
    /// assert_eq!(engine.may(&alice, Action::DeleteRoom(room)).await, Ok(()));
    /// assert_eq!(engine.may(&bob, Action::DeleteRoom(room)).await, Err(Error::Forbidden));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Errors
    /// The refusal, as the action itself would give it; [`Error::RateLimited`], [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn may(&self, actor: impl Into<Actor>, action: Action<'_>) -> Result<(), Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        inner.services.check(&actor, action)?;
        inner.rate(&actor, Rated::History)?;
        match action {
            Action::ListRooms => Ok(()),
            Action::CreateRoom(new) => {
                let is_owned = new.owner.is_some() || owner_of(&actor).is_some() || inner.services.host().is_some();
                check_kind(new, &actor, is_owned)
            }
            Action::OpenDirect(_) => match actor.user() {
                None => Err(Error::Unauthenticated),
                Some(user) if user.guest => Err(Error::Forbidden),
                Some(_) => inner.services.check_kept(),
            },
            Action::ReadRoom(room) => inner.may_in(&actor, room, &[RoomAction::Read]).await,
            Action::UpdateRoom(room, change) => inner.may_in(&actor, room, &of_update(change)).await,
            Action::DeleteRoom(room) => inner.may_in(&actor, room, &[RoomAction::Delete]).await,
            Action::Send(room, draft) => inner.may_in(&actor, room, &writing(draft.body.mentions_room)).await,
            Action::Type(room) => inner.may_in(&actor, room, &[RoomAction::Write]).await,
            Action::Change(room, change) => inner.may_change(&actor, room, change).await,
            Action::Invite(room) => {
                inner.services.check_kept()?;
                inner.may_in(&actor, room, &[RoomAction::Invite]).await
            }
            Action::ChangeMember(room, change) => {
                inner.services.check_kept()?;
                inner.may_in(&actor, room, of_members(change)).await
            }
        }
    }
}

impl Inner {
    /// Whether the table lets an actor do all of these in a room.
    async fn may_in(&self, actor: &Actor, room: RoomId, actions: &[RoomAction]) -> Result<(), Error> {
        check_room(room)?;
        for action in actions {
            self.services.in_room(room, actor.user().map(|user| &user.id), *action, asker(actor)).await?;
        }
        Ok(())
    }

    async fn may_change(&self, actor: &Actor, room: RoomId, change: &Change) -> Result<(), Error> {
        let actions = match &change.kind {
            ChangeKind::Edit(edit) => writing(edit.mentions_room == Some(true)),
            ChangeKind::React { .. } => writing(false),
            ChangeKind::Pin { .. } => vec![RoomAction::Pin],
            ChangeKind::Delete { .. } if self.is_author(actor, room, change).await? => vec![RoomAction::DeleteOwn],
            ChangeKind::Delete { .. } => vec![RoomAction::DeleteOthers],
        };
        self.may_in(actor, room, &actions).await?;
        let is_edit = matches!(change.kind, ChangeKind::Edit(_));
        if is_edit && !actor.is_system() && !self.is_author(actor, room, change).await? {
            return Err(Error::Forbidden);
        }
        Ok(())
    }

    /// Whether an actor has written the message that a change is about, for somebody who may know of it.
    async fn is_author(&self, actor: &Actor, room: RoomId, change: &Change) -> Result<bool, Error> {
        self.may_in(actor, room, &[RoomAction::Read]).await?;
        let read = self.services.store.reader().message(room, change.target.min(MAX_SEQ), None).await;
        match self.services.read(read)? {
            Found::Here((state, _)) => {
                let author = state.actor.as_ref();
                Ok(author.is_some_and(|author| actor.user().is_some_and(|user| user.id == author.id)))
            }
            Found::NoRoom => Err(Error::RoomNotFound),
            Found::NoMessage => Err(Error::MessageNotFound),
        }
    }
}

fn writing(mentions_room: bool) -> Vec<RoomAction> {
    if mentions_room { vec![RoomAction::Write, RoomAction::MentionRoom] } else { vec![RoomAction::Write] }
}

fn of_update(change: &RoomChange) -> Vec<RoomAction> {
    let kind = change.kind.map(|_| RoomAction::ChangeKind);
    let invites = change.invites.map(|_| RoomAction::ChangeInvites);
    kind.into_iter().chain(invites).chain([RoomAction::Update]).collect()
}

const fn of_members(change: &ChangeMember) -> &'static [RoomAction] {
    match change.kind {
        ChangeMemberKind::Join => &[RoomAction::Join],
        // The code decides.
        ChangeMemberKind::Accept(_) => &[],
        ChangeMemberKind::Leave => &[RoomAction::Leave],
        ChangeMemberKind::Add { role: None | Some(Role::Member), .. } => &[RoomAction::Add],
        ChangeMemberKind::Add { .. } => &[RoomAction::Add, RoomAction::GiveRoles],
        ChangeMemberKind::Remove => &[RoomAction::Remove],
        ChangeMemberKind::Ban { .. } | ChangeMemberKind::Unban => &[RoomAction::Ban],
        ChangeMemberKind::Mute { .. } | ChangeMemberKind::Unmute => &[RoomAction::Mute],
    }
}
