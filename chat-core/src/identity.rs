//! Who a user is.

use crate::{InvalidField, UserId, UserName};

/// Who a user is: the host's id for them, and the name to show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity {
    /// The host's id; messages, presence and keys belong to it.
    pub id: UserId,
    /// The name to show.
    pub name: UserName,
    /// Whether anybody may come with this name, so that it is no proof of anything: rooms that guests make have no owners. Not
    /// stored with what the user does.
    pub guest: bool,
    /// Whether they are an administrator of the server, who counts as an owner of every room that is not direct. Not stored with
    /// what the user does.
    pub admin: bool,
}

impl Identity {
    /// An identity with this id and this name, which are checked already: no guest, and no administrator.
    #[must_use]
    pub const fn of(id: UserId, name: UserName) -> Self {
        Self { id, name, guest: false, admin: false }
    }

    /// The same as it is stored with what the user does.
    #[must_use]
    pub fn to_stored(&self) -> Self {
        Self::of(self.id.clone(), self.name.clone())
    }

    /// The same as a guest.
    #[must_use]
    pub fn as_guest(mut self) -> Self {
        self.guest = true;
        self
    }

    /// The same as an administrator.
    #[must_use]
    pub fn as_admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// An identity with an id of the host's.
    ///
    /// # Errors
    /// [`InvalidField`] when the id or the name breaks its rules.
    pub fn new(id: &str, name: &str) -> Result<Self, InvalidField> {
        Ok(Self::of(UserId::new(id)?, UserName::new(name)?))
    }

    /// An identity whose id is the name itself (as guests have it).
    ///
    /// # Errors
    /// [`InvalidField`] when the name breaks the rules of [`UserName`].
    pub fn named(name: &str) -> Result<Self, InvalidField> {
        let name = UserName::new(name)?;
        Ok(Self::of(UserId::new(name.as_str())?, name))
    }
}
