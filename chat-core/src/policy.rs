//! Who may do what: the host's word on it.

use std::{fmt, sync::Arc};

use crate::{
    Actor, Change, ChangeMember, Draft, Error, NewRoom, RoomChange, RoomId, UserId, VisibleRooms, rights::Standing,
};

/// What an actor is about to do.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Action<'a> {
    /// Create a room.
    CreateRoom(&'a NewRoom),
    /// Open the direct room of the user who asks and this one, and make it if there is none.
    OpenDirect(&'a UserId),
    /// List rooms, and search in all of them. Which of them there are is said by [`Policy::visible_rooms`].
    ListRooms,
    /// See a room, its messages and who is online in it; attach to it, watch it, mark it as read.
    ReadRoom(RoomId),
    /// Rename a room or change its topic.
    UpdateRoom(RoomId, &'a RoomChange),
    /// Delete a room.
    DeleteRoom(RoomId),
    /// Write a message.
    Send(RoomId, &'a Draft),
    /// Change a message that is there: edit it, delete it, react to it, pin it. Who may change whose message is judged besides.
    Change(RoomId, &'a Change),
    /// Change who is in a room, and as what. Who may change it is judged besides.
    ChangeMember(RoomId, &'a ChangeMember),
    /// Make an invite to a room, or revoke one. To use one is [`ChangeMember`](Action::ChangeMember).
    Invite(RoomId),
    /// Show that the user is typing.
    Type(RoomId),
}

/// May this actor do this? Asked before every command and read, except for [`Actor::System`].
///
/// It is asked on the hot path and must answer from memory: a policy that needs a database has to cache what it needs. What changes it
/// at run time keeps an `Arc` of it:
///
/// ```
/// use std::{collections::HashSet, sync::{Arc, Mutex}};
/// use chat_core::{Action, Actor, ChatEngine, Error, Policy, UserId};
///
/// #[derive(Default)]
/// struct Banned(Mutex<HashSet<UserId>>);
///
/// impl Policy for Banned {
///     fn check(&self, actor: &Actor, _action: Action<'_>) -> Result<(), Error> {
///         let banned = self.0.lock().map_err(|_| Error::Internal)?;
///         if actor.user().is_some_and(|user| banned.contains(&user.id)) { Err(Error::Forbidden) } else { Ok(()) }
///     }
/// }
///
/// let banned = Arc::new(Banned::default());
/// let builder = ChatEngine::builder().policy(Arc::clone(&banned));
/// # drop(builder);
/// ```
pub trait Policy: Send + Sync + 'static {
    /// Allows with `Ok`, refuses with an error. It may be asked again before the answer is given, so that nobody reads what was
    /// stored after the policy has changed its mind.
    ///
    /// # Errors
    /// The refusal: [`Error::Forbidden`], or [`Error::RoomNotFound`] for a room whose existence the actor may not know of.
    fn check(&self, actor: &Actor, action: Action<'_>) -> Result<(), Error>;

    /// Which rooms this actor sees in lists of rooms, and in what is searched in all rooms. Asked once for each page. A single
    /// room is asked about with [`Action::ReadRoom`], and the two should say the same.
    ///
    /// Keep the set that you return, and return it again as long as nothing changes: it is shared, not copied. More than
    /// [`VisibleRooms::MOST`] rooms are a mistake: it is logged, and the list is refused with [`Error::Internal`]. Default:
    /// [`VisibleRooms::All`].
    fn visible_rooms(&self, actor: &Actor) -> VisibleRooms {
        let _everyone = actor;
        VisibleRooms::All
    }
}

impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn check(&self, actor: &Actor, action: Action<'_>) -> Result<(), Error> {
        (**self).check(actor, action)
    }

    fn visible_rooms(&self, actor: &Actor) -> VisibleRooms {
        (**self).visible_rooms(actor)
    }
}

/// Who keeps who is in rooms, and as what.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Members {
    /// The engine, in its own tables.
    #[default]
    Kept,
    /// The host. The engine's tables of members, bans and mutes are not used, and what would change them is refused with
    /// [`Error::MembersElsewhere`].
    Host(Arc<dyn HostMembers>),
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "Kept",
            Self::Host(_) => "Host",
        })
    }
}

/// A host that itself keeps who is in rooms, and as what. Like a [`Policy`], it is asked on the hot path and must answer from memory.
///
/// What it says is judged by the table in [`rights`](crate::rights), just as what the engine keeps. When it has changed its mind, call
/// [`ChatEngine::recheck`](crate::ChatEngine::recheck).
pub trait HostMembers: Send + Sync + 'static {
    /// What a user is in a room now: their role if they are in, and whether they are banned or muted. Asked about each command when the
    /// room's turn comes to do it, and about each read.
    fn standing(&self, room: RoomId, user: &UserId) -> Standing;

    /// Which rooms an actor sees in lists of rooms, in what is searched in all rooms, and in notices. As
    /// [`Policy::visible_rooms`], but that there is no other word on it: of [`VisibleRooms::All`], all private rooms are seen, too.
    fn visible_rooms(&self, actor: &Actor) -> VisibleRooms;
}

/// Everyone may do everything: for trusted networks, tests and hosts that check elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

impl Policy for AllowAll {
    fn check(&self, _actor: &Actor, _action: Action<'_>) -> Result<(), Error> {
        Ok(())
    }
}
