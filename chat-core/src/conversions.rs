//! Conversions of ids, names and times from and to what a host has: each is checked on the way in.

use std::{
    borrow::Borrow,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    IdempotencyKey, InvalidField, InviteCode, OutboxId, Reaction, Reason, RoomId, RoomName, Seq, Timestamp, Topic,
    UserId, UserName,
};

/// A checked text is looked up by the text, and made of one.
macro_rules! of_text {
    ($($name:ty),*) => {$(
        impl FromStr for $name {
            type Err = InvalidField;

            fn from_str(text: &str) -> Result<Self, InvalidField> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }
    )*};
}
of_text!(UserId, IdempotencyKey, RoomName, UserName, Topic, Reason, Reaction);

/// A number is read from a text, and from the integers that databases have.
macro_rules! of_number {
    ($($name:ident($field:literal, $least:literal)),*) => {$(
        impl TryFrom<i64> for $name {
            type Error = InvalidField;

            fn try_from(number: i64) -> Result<Self, InvalidField> {
                let number = u64::try_from(number).ok().filter(|number| ($least..=Seq::MAX.0).contains(number));
                let wrong = || InvalidField::new($field, concat!("must be ", $least, " to 9007199254740991"));
                number.map(Self).ok_or_else(wrong)
            }
        }

        impl FromStr for $name {
            type Err = InvalidField;

            fn from_str(text: &str) -> Result<Self, InvalidField> {
                text.parse().unwrap_or(-1_i64).try_into()
            }
        }
    )*};
}
of_number!(RoomId("room", 1), Seq("seq", 0), OutboxId("id", 1));

impl FromStr for InviteCode {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        Self::parse(text).ok_or_else(|| InvalidField::new("code", "must be a code as it was given"))
    }
}

/// Exact to the microsecond, as far as the machine's clock reaches: else its beginning, 1970.
impl From<Timestamp> for SystemTime {
    fn from(stamp: Timestamp) -> Self {
        let away = Duration::from_micros(stamp.0.unsigned_abs());
        let time = if stamp.0 < 0 { UNIX_EPOCH.checked_sub(away) } else { UNIX_EPOCH.checked_add(away) };
        time.unwrap_or(UNIX_EPOCH)
    }
}

/// In whole microseconds, rounded towards 1970; the first or the last stamp there is for what is beyond it.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = |away: Duration| i64::try_from(away.as_micros());
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(micros(since).unwrap_or(i64::MAX)),
            Err(before) => Self(micros(before.duration()).map_or(i64::MIN, |micros| -micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn texts_are_checked_on_the_way_in() {
        let user: UserId = "alice".parse().unwrap();
        assert_eq!(HashMap::from([(user, 1)]).get("alice"), Some(&1));
        assert!("".parse::<UserId>().is_err() && "a b".parse::<IdempotencyKey>().is_err());
        assert_eq!(" General ".parse::<RoomName>().unwrap().as_ref(), "General");
        assert!("\u{202e}".parse::<Topic>().is_err() && " ".parse::<Reason>().is_err());
        assert!("\u{7}".parse::<UserName>().is_err() && "a/b".parse::<Reaction>().is_err());
        assert!("x".parse::<InviteCode>().is_err());
    }

    #[test]
    fn numbers_are_checked_on_the_way_in() {
        let most = i64::try_from(Seq::MAX.0).unwrap();
        assert_eq!((RoomId::try_from(7), "7".parse()), (Ok(RoomId(7)), Ok(RoomId(7))));
        assert_eq!((Seq::try_from(0), Seq::try_from(most)), (Ok(Seq(0)), Ok(Seq::MAX)));
        assert_eq!(("12".parse(), OutboxId::try_from(0).unwrap_err().field), (Ok(OutboxId(12)), "id".into()));
        for wrong in [0, -1, most + 1, i64::MIN] {
            assert_eq!(RoomId::try_from(wrong).unwrap_err().field, "room");
        }
        assert!(
            Seq::try_from(-1).is_err() && "x".parse::<Seq>().is_err() && "18446744073709551616".parse::<Seq>().is_err()
        );
    }

    #[test]
    fn times_come_back_as_they_were() {
        for micros in [0, 1, -1, 1_764_000_000_000_001, -86_400_000_001] {
            assert_eq!(Timestamp::from(SystemTime::from(Timestamp(micros))), Timestamp(micros));
        }
        assert_eq!(SystemTime::from(Timestamp(1_500_000)), UNIX_EPOCH + Duration::from_millis(1_500));
    }
}
