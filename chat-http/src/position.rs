//! Positions as clients write them: the number of an event, and the epoch of the history that it belongs to.
//!
//! A client names a position in the query of a URL (`after` and `epoch`), in a frame (`after`, an object), or by the id of an
//! event (`epoch:seq`). All three are read here.

use std::fmt;

use chat_core::{Epoch, Error, Position, Seq, Since};

use crate::{
    integer::{MAX_INTEGER, parse_integer},
    json::Fields,
    query,
    refusal::Refusal,
};

/// The longest epoch that is read, in characters. The server's own epochs have 32.
pub(crate) const EPOCH_CHARS: usize = 64;

/// Where to go on for a client that names a number, an epoch, both or neither. Without an epoch only the number counts;
/// without a number the client begins with what happens from now on.
pub(crate) fn since(after: Option<u64>, epoch: Option<Epoch>) -> Since {
    match (after.map(Seq), epoch) {
        (None, _) => Since::Now,
        (Some(seq), None) => Since::Seq(seq),
        (Some(seq), Some(epoch)) => Since::Position(Position { epoch, seq }),
    }
}

/// Reads `after` and `epoch` in the query of a URL.
pub(crate) fn in_query(query: Option<&str>) -> Result<Since, Error> {
    Ok(since(query::integer(query, "after", 0..=MAX_INTEGER)?, epoch_in_query(query, "epoch")?))
}

/// Reads the parameter of a query that is an epoch.
pub(crate) fn epoch_in_query(query: Option<&str>, name: &'static str) -> Result<Option<Epoch>, Error> {
    let epoch = query::get(query, name)?.map(|text| epoch(&text));
    epoch.transpose().map_err(|reason| Error::invalid_field(name, reason))
}

/// Reads the object `after` of a frame.
pub(crate) fn in_frame(fields: &mut Fields<'_>) -> Result<Since, Refusal> {
    let Some(mut after) = fields.object("after")? else { return Ok(Since::Now) };
    let seq = after.integer("seq", 0..=MAX_INTEGER)?.ok_or_else(|| after.wrong("seq", "is missing"))?;
    let epoch = epoch_in_field(&mut after)?;
    after.finish()?;
    Ok(since(Some(seq), epoch))
}

/// Reads the field `epoch` of an object.
pub(crate) fn epoch_in_field(fields: &mut Fields<'_>) -> Result<Option<Epoch>, Error> {
    let epoch = fields.text("epoch")?.map(|text| epoch(&text));
    epoch.transpose().map_err(|reason| fields.wrong("epoch", reason))
}

/// Reads the id of an event, as [`EventId`] writes it.
pub(crate) fn of_event_id(id: &str) -> Option<Position> {
    let (text, seq) = id.rsplit_once(':').filter(|(text, _)| !text.is_empty())?;
    Some(Position { epoch: epoch(text).ok()?, seq: Seq(parse_integer(seq)?) })
}

/// Writes a position as the id of an event.
pub(crate) struct EventId<'a>(pub(crate) &'a Epoch, pub(crate) Seq);

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

/// An epoch, or what is wrong with the text.
fn epoch(text: &str) -> Result<Epoch, &'static str> {
    if text.chars().count() <= EPOCH_CHARS { Ok(Epoch::new(text)) } else { Err("must be at most 64 characters") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_the_same_wherever_it_is_written() {
        let position = Position { epoch: Epoch::new("e:f"), seq: Seq(41) };
        let mut fields = Fields::parse(r#"{"after":{"epoch":"e:f","seq":41}}"#).unwrap();
        assert_eq!(in_frame(&mut fields), Ok(Since::Position(position.clone())));
        assert_eq!(in_query(Some("after=41&epoch=e%3Af")), Ok(Since::Position(position.clone())));
        assert_eq!(of_event_id("e:f:41").as_ref(), Some(&position));
        assert_eq!(EventId(&position.epoch, position.seq).to_string(), "e:f:41");
    }

    #[test]
    fn without_an_epoch_the_number_counts_and_without_a_number_nothing_does() {
        assert_eq!(in_query(Some("after=41")), Ok(Since::Seq(Seq(41))));
        assert_eq!(in_query(Some("epoch=e")), Ok(Since::Now));
        assert_eq!(in_frame(&mut Fields::parse(r#"{"after":{"seq":41}}"#).unwrap()), Ok(Since::Seq(Seq(41))));
        assert_eq!(in_frame(&mut Fields::parse("{}").unwrap()), Ok(Since::Now));
    }

    #[test]
    fn what_is_no_position_is_refused_by_its_field() {
        let long = "é".repeat(65);
        for (query, field) in
            [("after=-1", "after"), ("after=9007199254740992", "after"), (&format!("epoch={long}"), "epoch")]
        {
            let Err(Error::InvalidField { field: wrong, .. }) = in_query(Some(query)) else { panic!("{query}") };
            assert_eq!(wrong, field, "{query}");
        }
        let epoch = format!(r#"{{"after":{{"seq":1,"epoch":"{long}"}}}}"#);
        for (text, field) in [
            (r#"{"after":{"epoch":"e"}}"#, "after.seq"),
            (r#"{"after":{"seq":-1}}"#, "after.seq"),
            (r#"{"after":{"seq":1,"x":1}}"#, "after.x"),
            (r#"{"after":5}"#, "after"),
            (&epoch, "after.epoch"),
        ] {
            let refusal = in_frame(&mut Fields::parse(text).unwrap()).unwrap_err();
            assert_eq!(refusal.field(), Some(field), "{text}");
        }
        let long = format!("{}:1", "e".repeat(65));
        for id in [&*long, "", "41", ":41", "e:", "e:x", "e:-1", "e:01", "e:9007199254740992"] {
            assert_eq!(of_event_id(id), None, "{id}");
        }
    }
}
