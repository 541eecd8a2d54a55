//! What reads what strangers send, as targets for fuzzing: `cargo fuzz` runs them for long, and the tests for a moment.
//!
//! Each takes any bytes. It panics if what was read breaks a rule that the rest of the server relies on.
#![allow(clippy::missing_panics_doc, reason = "that is what they are for")]

#[cfg(test)]
mod tests;

use std::fmt;

use chat_core::{
    IdempotencyKey, InvalidField, Reaction, Reason, RoomId, RoomName, Topic, UserId, UserName,
    search::{self, Lookup, MAX_LOOKUPS, TextQuery},
};
use poem::{error::ResponseError, http::StatusCode};

use crate::{
    api,
    auth::{Authenticated, JwtAuthenticator, JwtKeys},
    cursor,
    dto::{BodyDto, EditDto, MarkBody, MeChangeBody, NotifyBody},
    integer::MAX_INTEGER,
    json::{Fields, FromFields},
    position::{self, EventId},
    problem::Problem,
    refusal::Refusal,
    ws::command::{self, Asked, Refused, Request},
};

/// A target, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 6] = [
    ("command_frame", command_frame),
    ("request_body", request_body),
    ("position", position),
    ("name", name),
    ("token", token),
    ("search_query", search_query),
];

/// A frame of a client, on a socket with all rooms and on one with its own.
pub fn command_frame(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for own in [None, Some(RoomId(7))] {
        let reference = match command::decode(text, own) {
            Ok(Asked { reference, request }) => {
                let room = request.room();
                assert!(room.is_none_or(|room| room.0 <= MAX_INTEGER), "{room:?}");
                assert!(own.is_none() || room.is_none() || room == own, "another room: {room:?}");
                if let Request::Auth(proof) = request {
                    assert!(!format!("{proof:?}").contains(text), "a credential is shown");
                }
                reference
            }
            Err(Refused { reference, refusal, .. }) => {
                is_told(refusal);
                reference
            }
        };
        assert!(reference.is_none_or(|reference| (1..=64).contains(&reference.chars().count())));
    }
}

/// A body, as each operation that has one reads it.
pub fn request_body(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    read_body::<BodyDto>(text);
    read_body::<EditDto>(text);
    read_body::<MarkBody>(text);
    read_body::<NotifyBody>(text);
    read_body::<MeChangeBody>(text);
    read_body::<api::NewRoomBody>(text);
    read_body::<api::RoomChangeBody>(text);
}

fn read_body<T: FromFields>(text: &str) {
    if let Err(refusal) = api::decode::<T>(text) {
        is_told(refusal);
    }
}

/// A position in a query, in a frame and as the id of an event, and the cursors of all lists.
pub fn position(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(error) = position::in_query(Some(text)) {
        is_told(error.into());
    }
    if let Ok(mut fields) = Fields::parse(text)
        && let Err(refusal) = position::in_frame(&mut fields)
    {
        is_told(refusal);
    }
    if let Some(position) = position::of_event_id(text) {
        assert_eq!(EventId(&position.epoch, position.seq).to_string(), text);
    }
    same(text, cursor::my_rooms, cursor::of_my_rooms);
    same(text, cursor::search, cursor::of_search);
    same(text, cursor::user, |user| cursor::of_user(&user));
    same(text, cursor::room, |room| room.to_string());
    same(text, cursor::seq, |seq| seq.to_string());
}

/// What is read and written again is read the same.
fn same<T: PartialEq + Clone + fmt::Debug>(
    text: &str,
    read: impl Fn(&str) -> Result<T, chat_core::Error>,
    write: impl Fn(T) -> String,
) {
    match read(text) {
        Ok(value) => assert_eq!(read(&write(value.clone())), Ok(value)),
        Err(error) => is_told(error.into()),
    }
}

/// Names, ids, keys, topics, reactions and reasons: what is accepted is accepted again, and stays what it is.
pub fn name(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    settled(text, 64, UserName::new, |name| name.as_str().to_owned());
    settled(text, 100, RoomName::new, |name| name.as_str().to_owned());
    settled(text, 1_024, Topic::new, |topic| topic.as_str().to_owned());
    settled(text, 256, UserId::new, |id| id.as_str().to_owned());
    settled(text, 64, IdempotencyKey::new, |key| key.as_str().to_owned());
    settled(text, 64, Reaction::new, |reaction| reaction.as_str().to_owned());
    settled(text, 1_024, Reason::new, |reason| reason.as_str().to_owned());
}

fn settled<T>(text: &str, most: usize, new: impl Fn(&str) -> Result<T, InvalidField>, read: impl Fn(&T) -> String) {
    match new(text).map(|value| read(&value)) {
        Ok(value) => {
            assert!(value.chars().count() <= most && !value.contains('\0'), "{value:?}");
            assert_eq!(new(&value).map(|again| read(&again)), Ok(value));
        }
        Err(invalid) => is_told(chat_core::Error::from(invalid).into()),
    }
}

/// A token: as it comes, which nobody has signed, and as the claims of one that is signed.
pub fn token(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(keys) = JwtKeys::default().and_hs256(SECRET) else { return };
    let tokens = JwtAuthenticator::new(keys);
    assert!(tokens.judge(text).is_err(), "a token that nobody has signed");
    let Ok(claims) = serde_json::from_str::<serde_json::Value>(text) else { return };
    let signing = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    let Ok(signed) = jsonwebtoken::encode(&header, &claims, &signing) else { return };
    if let Some(user) = tokens.judge(&signed).as_ref().ok().and_then(Authenticated::identity) {
        assert!(UserId::new(user.id.as_str()).is_ok(), "{:?}", user.id);
        assert!(!user.id.is_reserved() && !user.id.as_str().starts_with("guest:"), "{:?}", user.id);
    }
}

const SECRET: &[u8] = b"no token of the seeds has this key";

/// What is searched for, also in itself: what a text matches, the index has.
pub fn search_query(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let query = match TextQuery::parse(text) {
        Ok(query) => query,
        Err(invalid) => return is_told(chat_core::Error::from(invalid).into()),
    };
    let lookups = query.lookups();
    assert!((1..=MAX_LOOKUPS).contains(&lookups.len()), "{lookups:?}");
    if query.matches(text) {
        let terms = search::terms(text);
        let has = |lookup: &Lookup| terms.iter().any(|term| lookup.has(term));
        assert!(lookups.iter().all(has), "{lookups:?} in {terms:?}");
    }
}

/// A refusal is the client's to mend, and says how in a few words.
fn is_told(refusal: Refusal) {
    let (code, words) = (refusal.code(), refusal.message().len());
    assert!(words <= 512, "{words} bytes of {code}");
    let status = ResponseError::status(&Problem::from(refusal));
    assert!(status.is_client_error(), "{status} {code}");
    assert_ne!(status, StatusCode::NOT_FOUND, "{code}");
}
