//! The tables of the contract, a file for each.
#![expect(unnameable_types, reason = "what sea-orm derives besides, active models above all, is not offered")]

/// Refuses the writes that sea-orm offers of every entity.
macro_rules! read_only {
    () => {
        /// In place of the functions of `EntityTrait`: these cannot be called.
        impl Entity {
            read_only!(insert, insert_many, update, update_many, delete, delete_many, delete_by_id);
        }

        #[sea_orm::prelude::async_trait::async_trait]
        impl sea_orm::ActiveModelBehavior for ActiveModel {
            async fn before_save<C: sea_orm::ConnectionTrait>(self, _: &C, _: bool) -> Result<Self, sea_orm::DbErr> {
                Err(super::refusal())
            }

            async fn before_delete<C: sea_orm::ConnectionTrait>(self, _: &C) -> Result<Self, sea_orm::DbErr> {
                Err(super::refusal())
            }
        }
    };
    ($($writes:ident),*) => {$(
        #[doc(hidden)]
        pub fn $writes(never: super::super::OnlyTheEngineWrites) {
            match never {}
        }
    )*};
}

/// How the table is related to others: each row is about a room.
macro_rules! of_a_room {
    () => {
        /// What its rows are about.
        #[derive(Debug, Clone, Copy, sea_orm::EnumIter, sea_orm::DeriveRelation)]
        pub enum Relation {
            /// The room.
            #[sea_orm(belongs_to = "super::rooms::Entity", from = "Column::RoomId", to = "super::rooms::Column::Id")]
            Room,
        }

        impl sea_orm::Related<super::rooms::Entity> for Entity {
            fn to() -> sea_orm::RelationDef {
                sea_orm::RelationTrait::def(&Relation::Room)
            }
        }
    };
}

pub(super) mod events;
pub(super) mod invites;
pub(super) mod members;
pub(super) mod notify;
pub(super) mod pins;
pub(super) mod reactions;
pub(super) mod reads;
pub(super) mod restrictions;
pub(super) mod rooms;
pub(super) mod users;

fn refusal() -> sea_orm::DbErr {
    sea_orm::DbErr::Custom("the tables of chat-core are written by its engine alone".to_owned())
}
