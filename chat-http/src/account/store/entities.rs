//! The rows of the tables.
#![allow(unreachable_pub, reason = "what sea-orm makes of these is public")]

/// An account.
pub(super) mod account {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "chat_accounts")]
    pub struct Model {
        /// The id of the user.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The name to log in with, as it was given.
        pub name: String,
        /// What names are compared by.
        pub name_key: Vec<u8>,
        /// The hash of the password, in the PHC format.
        pub password: String,
        pub is_admin: bool,
        /// It is closed, but what has to follow is not done yet.
        pub is_closed: bool,
        pub created_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A login.
pub(super) mod login {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "chat_logins")]
    pub struct Model {
        /// The SHA-256 of its token.
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_sha256: Vec<u8>,
        /// Whose it is.
        pub account_id: String,
        pub created_us: i64,
        pub expires_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "super::account::Entity", from = "Column::AccountId", to = "super::account::Column::Id")]
        Account,
    }

    impl Related<super::account::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Account.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}
