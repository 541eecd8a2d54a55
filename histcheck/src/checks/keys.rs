//! Checks that a key makes one event, and that every event has a cause.

use std::collections::HashMap;

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Kind, What},
    index::{Entry, Index, Known, Log},
};

/// Looks for keys with two events and for events without a cause.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    let renames = renames(index);
    for ((room, _), log) in &index.logs {
        duplicates(*room, log, findings);
        for (seq, entry) in &log.entries {
            let Some((what, cause)) = phantom(index, &renames, *room, entry) else { continue };
            let shown_by: Vec<usize> = cause.into_iter().chain([entry.earliest.place]).collect();
            findings.push(Name::Phantom, format!("number {seq} of room {room} {what}"), &shown_by, Some(*seq));
        }
    }
}

fn duplicates(room: u64, log: &Log<'_>, findings: &mut Findings<'_>) {
    let (mut deeds, mut keys) = (HashMap::new(), HashMap::new());
    for (seq, entry) in &log.entries {
        let same_deed = entry.known.deed().and_then(|deed| deeds.insert((entry.author, deed), (*seq, entry.place)));
        let same_key = entry.known.key().and_then(|key| keys.insert((entry.author, key), (*seq, entry.place)));
        if let Some((earlier, place)) = same_deed.or(same_key) {
            let what = format!("one command in room {room} made the events {earlier} and {seq}");
            findings.push(Name::DuplicateKey, what, &[place, entry.place], Some(*seq));
        }
    }
}

/// For each room and name: a rename to it, preferably one that may have been done.
type Renames<'a> = HashMap<(u64, &'a str), usize>;

fn renames<'a>(index: &Index<'a>) -> Renames<'a> {
    let mut renames = Renames::new();
    for (place, record) in index.records.iter().enumerate() {
        if let What::Rename { room, name, result, .. } = &record.what {
            let kept = renames.entry((*room, name)).or_insert(place);
            if !result.is_refused() {
                *kept = place;
            }
        }
    }
    renames
}

/// Why an event has no cause, and the record that comes closest to a cause.
fn phantom(
    index: &Index<'_>,
    renames: &Renames<'_>,
    room: u64,
    entry: &Entry<'_>,
) -> Option<(&'static str, Option<usize>)> {
    match entry.known {
        Known::Other(Kind::RoomUpdated { name, .. }) => match renames.get(&(room, name)) {
            None => Some(("is a name that nobody gave", None)),
            Some(place) => match &index.records[*place].what {
                What::Rename { result, .. } if result.is_refused() => {
                    Some(("is a name that was refused", Some(*place)))
                }
                _ => None,
            },
        },
        // What names no user was done by the host.
        Known::Other(Kind::Member(member)) if member.by.is_empty() => None,
        Known::Other(Kind::RoomDeleted) if index.deletions.contains_key(&room) => None,
        Known::Other(Kind::RoomDeleted) => Some(("is a deletion that nobody asked for", None)),
        known => uncaused(index, room, entry, known),
    }
}

/// Why a message or a change has no cause.
fn uncaused(
    index: &Index<'_>,
    room: u64,
    entry: &Entry<'_>,
    known: Known<'_>,
) -> Option<(&'static str, Option<usize>)> {
    let author = entry.author.unwrap_or_default();
    let Some(tries) = index.commands.causing(room, author, known) else {
        let like = index.commands.like(room, author, known);
        let what = if like.is_some() { "is not what was asked for" } else { "was asked for by nobody" };
        return Some((what, like));
    };
    if !tries.may_exist {
        return Some(("was refused, and is seen", Some(tries.first)));
    }
    let early = entry.earliest.at < tries.first_began;
    early.then_some(("was seen before it was asked for", Some(tries.first)))
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            HistoryBuilder, attach, delivered, message, page, read, rename, renamed, replayed, resumed, room_deleted,
            send, sent,
        },
        history::{Content, Event, Kind, Message},
    };

    #[test]
    fn a_retry_gets_another_number() {
        let mut builder = HistoryBuilder::new();
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        builder.did(2, "ann", send(1, "k1", sent(1)));
        let mut good = builder.clone();
        good.did(3, "ann", send(1, "k1", replayed(1)));
        good.finds(&[]);
        builder.did(3, "ann", send(1, "k1", sent(2)));
        builder.finds(&["duplicate_key"]);
    }

    #[test]
    fn an_unknown_send_is_seen_twice() {
        let mut builder = HistoryBuilder::new();
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        let mut good = builder.clone();
        good.did(2, "bob", read(1, page(1, vec![message(1, "ann", "k1")])));
        good.finds(&[]);
        builder.did(2, "bob", read(1, page(2, vec![message(1, "ann", "k1"), message(2, "ann", "k1")])));
        builder.finds(&["duplicate_key"]);
    }

    #[test]
    fn a_refused_send_is_seen() {
        for (code, found) in [("unavailable", &["phantom"][..]), ("outcome_unknown", &[]), ("internal", &[])] {
            let mut builder = HistoryBuilder::new();
            builder.did(2, "bob", attach(1, resumed(0)));
            builder.did(1, "ann", send(1, "k1", Err(code)));
            builder.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
            builder.finds(found);
        }
    }

    #[test]
    fn a_message_that_nobody_sent_so() {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        let mut good = builder.clone();
        good.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
        good.finds(&[]);
        let mut other_sender = builder.clone();
        other_sender.saw(2, "bob", delivered(1, message(1, "cat", "k1")));
        other_sender.finds(&["phantom"]);
        let content = Content::text("body of k1, and more");
        let kind =
            Kind::Message(Message { sender: "ann".into(), key: Some("k1".into()), content, ..Message::default() });
        builder.saw(2, "bob", delivered(1, Event::new(1, kind)));
        builder.finds(&["phantom"]);
    }

    #[test]
    fn it_is_seen_before_it_is_sent() {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.finds(&["phantom"]);
    }

    #[test]
    fn a_name_and_an_end_that_nobody_asked_for() {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(1, "ann", rename(1, "new", Err("name_taken")));
        let mut good = builder.clone();
        good.did(1, "ann", rename(1, "new", Ok(1)));
        good.saw(2, "bob", delivered(1, renamed(1, "new")));
        good.finds(&[]);
        let mut ended = builder.clone();
        ended.saw(2, "bob", room_deleted(1, 1));
        ended.finds(&["phantom"]);
        builder.saw(2, "bob", delivered(1, renamed(1, "new")));
        builder.finds(&["phantom"]);
    }
}
