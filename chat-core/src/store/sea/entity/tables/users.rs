//! `chat_users`.

use sea_orm::entity::prelude::*;

use crate::UserId;

/// The name that a user has chosen. Users who have not chosen any have no row: who they are is the host's to know.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_users")]
#[non_exhaustive]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The name that their credential gave them then. It stands in place of this one only.
    pub instead_of: String,
}

/// It is related to no other table.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

read_only!();
