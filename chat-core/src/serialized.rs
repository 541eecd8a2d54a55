//! Ids, names and numbers for serde: as the text or the number that each is, and checked on the way in as by [`FromStr`](std::str::FromStr).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    Epoch, IdempotencyKey, InvalidField, InviteCode, OutboxId, Reaction, Reason, RoomId, RoomName, Seq, Topic, UserId,
    UserName,
};

/// What is a text, and how it is made of one.
macro_rules! as_text {
    ($($name:ty: $read:expr),* $(,)?) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: fn(&str) -> Result<Self, InvalidField> = $read;
                read(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )*};
}
as_text!(
    UserId: Self::new,
    IdempotencyKey: Self::new,
    RoomName: Self::new,
    UserName: Self::new,
    Topic: Self::new,
    Reason: Self::new,
    Reaction: Self::new,
    Epoch: |word| Ok(Self::new(word)),
    InviteCode: str::parse,
);

/// What is a number.
macro_rules! as_number {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // One beyond the numbers of a database is beyond every id, too.
                let number = i64::try_from(u64::deserialize(deserializer)?).unwrap_or(i64::MAX);
                number.try_into().map_err(D::Error::custom)
            }
        }
    )*};
}
as_number!(RoomId, Seq, OutboxId);
