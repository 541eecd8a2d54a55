//! Cursors: where the next page of a list begins. Clients treat them as opaque.

use chat_core::{Error, InviteCode, MyRoomsCursor, Role, RoomId, Seq, Timestamp, UserId, search::SearchCursor};

use crate::integer::parse_integer;

/// Writes a place in the list of a user's rooms.
pub(crate) fn of_my_rooms(MyRoomsCursor { at, room }: MyRoomsCursor) -> String {
    format!("{}.{room}", at.0)
}

/// Writes a place among the messages that a search finds.
pub(crate) fn of_search(SearchCursor { at, room, seq }: SearchCursor) -> String {
    format!("{}.{room}.{seq}", at.0)
}

/// Writes a user who was the last of a page. (One's own mark comes before those of all users, also before the empty id.)
pub(crate) fn of_user(user: &UserId) -> String {
    format!(".{user}")
}

/// Writes a member who was the last of a page.
pub(crate) fn of_member(role: Role, user: &UserId) -> String {
    format!("{}{}", role.as_str(), of_user(user))
}

/// Reads the cursor of a list of rooms: the id of the last room of the page.
pub(crate) fn room(cursor: &str) -> Result<RoomId, Error> {
    parse_integer(cursor).map(RoomId).ok_or_else(wrong)
}

/// Reads the cursor of a list of events, or of reactions: the number of the event that the last one was added with.
pub(crate) fn seq(cursor: &str) -> Result<Seq, Error> {
    parse_integer(cursor).map(Seq).ok_or_else(wrong)
}

/// Reads the cursor of a list of invites: the code of the last one.
pub(crate) fn invite(cursor: &str) -> Result<InviteCode, Error> {
    InviteCode::parse(cursor).ok_or_else(wrong)
}

/// Reads what [`of_my_rooms`] writes.
pub(crate) fn my_rooms(cursor: &str) -> Result<MyRoomsCursor, Error> {
    let (at, room) = cursor.split_once('.').ok_or_else(wrong)?;
    let at = at.parse().map_err(|_| wrong())?;
    Ok(MyRoomsCursor { at: Timestamp(at), room: self::room(room)? })
}

/// Reads what [`of_search`] writes.
pub(crate) fn search(cursor: &str) -> Result<SearchCursor, Error> {
    let (place, seq) = cursor.rsplit_once('.').ok_or_else(wrong)?;
    let MyRoomsCursor { at, room } = my_rooms(place)?;
    Ok(SearchCursor { at, room, seq: self::seq(seq)? })
}

/// Reads what [`of_user`] writes.
pub(crate) fn user(cursor: &str) -> Result<UserId, Error> {
    // It is only compared with ids, so it need not be one itself.
    cursor.strip_prefix('.').map(UserId::from_stored).ok_or_else(wrong)
}

/// Reads what [`of_member`] writes.
pub(crate) fn member(cursor: &str) -> Result<(Role, UserId), Error> {
    let dot = cursor.find('.').ok_or_else(wrong)?;
    let role = Role::parse(&cursor[..dot]).map_err(|_| wrong())?;
    Ok((role, user(&cursor[dot..])?))
}

fn wrong() -> Error {
    Error::invalid_field("after", "must be the `next` of a page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for at in [i64::MIN, -1, 0, 1_795_341_600_000_000] {
            let place = MyRoomsCursor { at: Timestamp(at), room: RoomId(7) };
            assert_eq!(my_rooms(&of_my_rooms(place)), Ok(place));
            let found = SearchCursor { at: place.at, room: place.room, seq: Seq(9) };
            assert_eq!(search(&of_search(found)), Ok(found));
        }
        for id in ["", ".", "alice", "\u{1}/ é"].map(UserId::from_stored) {
            for role in [Role::Member, Role::Moderator, Role::Owner] {
                assert_eq!(member(&of_member(role, &id)), Ok((role, id.clone())));
            }
            assert_eq!(user(&of_user(&id)), Ok(id));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "x", "1", ".1", "1.", "1.x", "1.2.3", "1.-2", "99999999999999999999.1"] {
            assert!(my_rooms(text).is_err(), "{text}");
            assert!(text == "1.2.3" || search(text).is_err(), "{text}");
        }
        assert!(user("").is_err() && user("alice").is_err());
        assert!(["", ".", ".alice", "owner", "Owner.alice", "admin.alice"].iter().all(|text| member(text).is_err()));
        assert!(room("-1").is_err() && seq("").is_err());
    }
}
