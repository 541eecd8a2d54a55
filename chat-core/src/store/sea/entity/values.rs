//! Ids, numbers and times in columns, for sea-orm.

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};

use super::super::rows::signed;
use crate::{RoomId, Seq, Timestamp, UserId};

/// What sea-orm has to know of a type: what is stored for it, what it is of what is stored, and the other way round.
macro_rules! in_columns {
    ($name:ident as $stored:ty, $from:expr, $into:expr) => {
        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                let into: fn($name) -> $stored = $into;
                into(value).into()
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let from: fn($stored) -> Option<Self> = $from;
                let wrong = || TryGetError::DbErr(DbErr::Type(concat!("no ", stringify!($name)).to_owned()));
                from(<$stored>::try_get_by(row, index)?).ok_or_else(wrong)
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                let from: fn($stored) -> Option<Self> = $from;
                from(<$stored as ValueType>::try_from(value)?).ok_or(ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> ArrayType {
                <$stored>::array_type()
            }

            fn column_type() -> ColumnType {
                <$stored>::column_type()
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                <$stored>::null()
            }
        }

        /// No key of these tables is made of a number that the database counts up.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}
in_columns!(RoomId as i64, |id| id.try_into().ok(), |id| signed(id.0));
in_columns!(Seq as i64, |seq| seq.try_into().ok(), |seq| signed(seq.0));
in_columns!(Timestamp as i64, |at| Some(Self(at)), |at| at.0);
in_columns!(UserId as String, |id| Some(Self::from_stored(&id)), |id| id.as_str().to_owned());
