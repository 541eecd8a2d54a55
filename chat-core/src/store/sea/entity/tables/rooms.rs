//! `chat_rooms`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Seq, Timestamp};

/// A room.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_rooms")]
#[non_exhaustive]
pub struct Model {
    /// Its id. No id is given twice.
    #[sea_orm(primary_key)]
    pub id: RoomId,
    /// Your own key for it, unique if it has one: `NewRoom::external`. Null in a deleted room.
    pub external: Option<String>,
    /// Its name; null in a deleted room, and empty in a direct one.
    pub name: Option<String>,
    /// Its topic, which may be empty.
    pub topic: String,
    /// 0 public, 1 private, 2 direct: [`Model::PUBLIC`] and the like.
    pub kind: i16,
    /// 1 if it has owners; 0 if it is everybody's.
    pub owned: i16,
    /// Which members may bring others in: 0 all, 1 moderators and owners.
    pub invites: i16,
    /// How many members it has.
    pub members: i64,
    /// The number of its newest event; 0 if it has none.
    pub head: Seq,
    /// The number of its first event that is still there: those before it were pruned.
    pub first_seq: Seq,
    /// How many messages outside of threads it ever had: the `ordinal` of its newest event.
    pub ordinal: i64,
    /// Its newest message outside of threads, which may be deleted; null if it has none.
    pub last_message_seq: Option<Seq>,
    /// When that was sent.
    pub last_message_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted; null while it is there. Its row stays until its events are removed. `i64::MAX` while it is being
    /// imported.
    pub deleted_at: Option<Timestamp>,
}

impl Model {
    /// `kind` of a room that anyone may find.
    pub const PUBLIC: i16 = 0;
    /// `kind` of a room of which only its members know.
    pub const PRIVATE: i16 = 1;
    /// `kind` of a room of two users.
    pub const DIRECT: i16 = 2;
}

/// What is kept of a room.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its log.
    #[sea_orm(has_many = "super::events::Entity")]
    Events,
    /// Who is in it.
    #[sea_orm(has_many = "super::members::Entity")]
    Members,
    /// How far users have read it.
    #[sea_orm(has_many = "super::reads::Entity")]
    Reads,
}

impl Related<super::events::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Events.def()
    }
}

impl Related<super::members::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Members.def()
    }
}

impl Related<super::reads::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Reads.def()
    }
}

read_only!();
