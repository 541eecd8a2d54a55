//! Checks that what is served of a room follows from its log.

use std::collections::HashMap;

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Kind, Outcome, Record, Room, What},
    index::{Index, Known, Log, Mark},
};

/// Compares names, heads, dumps and deletions of rooms with their logs.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    names(index, findings);
    for ((room, _), log) in &index.logs {
        if let Some(dump) = log.stored {
            stored(index, *room, log, dump, findings);
        }
    }
    served_after_deletion(index, findings);
}

fn names(index: &Index<'_>, findings: &mut Findings<'_>) {
    // The name of each room before its first change, from the first record that shows it.
    let mut first_names = HashMap::new();
    for (place, record) in index.records.iter().enumerate() {
        let (room, told, asked) = match &record.what {
            What::Look { room, result: Outcome::Ok(told) } => (*room, told, None),
            What::Rename { room, name, result: Outcome::Ok(told), .. } => (*room, told, Some(name)),
            _ => continue,
        };
        let Some(log) = index.log_at(room, record) else { continue };
        let Room { name, head } = told;
        let by_log = log.name_at(*head);
        // Others may rename it before the answer is read.
        if asked.is_some_and(|asked| asked != name) && by_log.is_none_or(|(given, _)| given != name) {
            let what = format!("room {room} was renamed, and answered with the name {name:?}");
            findings.push(Name::FoldMismatch, what, &[place], None);
        }
        let given = by_log.or_else(|| {
            let is_first = log.is_unnamed_at(*head);
            is_first
                .then(|| *first_names.entry((room, index.timeline.period(record))).or_insert((name.as_str(), place)))
        });
        if let Some((expected, shown)) = given.filter(|(expected, _)| expected != name) {
            let what = format!("room {room} was told to be named {name:?} at {head}; by its log it is {expected:?}");
            findings.push(Name::FoldMismatch, what, &[shown, place], Some(*head));
        }
    }
}

fn stored(index: &Index<'_>, room: u64, log: &Log<'_>, place: usize, findings: &mut Findings<'_>) {
    let record = &index.records[place];
    let What::Stored { head, name, events, .. } = &record.what else { return };
    let mut wrong =
        |what: String, shown: &[usize], around| findings.push(Name::FoldMismatch, what, shown, Some(around));
    let Some(name) = name else {
        if !index.deletions.contains_key(&room) {
            wrong(format!("room {room} is deleted in the database, and nobody asked for it"), &[place], *head);
        }
        return;
    };
    let hole = (1..).zip(events).find(|(seq, event)| *seq != event.seq).map(|(seq, _)| seq);
    let hole = hole.or_else(|| (events.len() as u64 != *head).then_some(events.len() as u64 + 1));
    if let Some(seq) = hole {
        wrong(format!("the database's log of room {room} is not 1 to {head}: see {seq}"), &[place], seq);
        return;
    }
    let last_name = events.iter().rev().find_map(|event| match &event.kind {
        Kind::RoomUpdated { name, .. } => Some(name),
        _ => None,
    });
    if last_name.is_some_and(|last| last != name) {
        wrong(format!("the database names room {room} {name:?}, which its log does not"), &[place], *head);
    }
    if let Some(deleted) = ended(index, room).filter(|mark| is_before(index, *mark, record)) {
        wrong(format!("room {room} was deleted, and is alive in the database"), &[deleted.place, place], *head);
    }
    let beyond = log.entries.range(head + 1..).find(|(_, entry)| entry.earliest.at < record.began);
    if let Some((seq, entry)) = beyond.filter(|(_, entry)| entry.acknowledged.is_none()) {
        wrong(
            format!("number {seq} of room {room} was seen; the database ends at {head}"),
            &[entry.earliest.place, place],
            *seq,
        );
    } else if let Some((told, mark)) = log.last().filter(|(told, mark)| told > head && mark.at < record.began) {
        wrong(
            format!("the head of room {room} was told to be {told}; the database ends at {head}"),
            &[mark.place, place],
            told,
        );
    }
}

/// Looks for rooms that are served after their deletion.
fn served_after_deletion(index: &Index<'_>, findings: &mut Findings<'_>) {
    let ends: HashMap<u64, Mark> =
        index.deletions.keys().filter_map(|room| Some((*room, ended(index, *room)?))).collect();
    for (place, record) in index.records.iter().enumerate() {
        let done = match &record.what {
            What::Send { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Change { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Mark { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Member { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Invite { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Rename { result, .. } | What::Look { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Delete { result, .. } | What::Type { result, .. } => matches!(result, Outcome::Ok(())),
            What::Attach { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Read { result, .. } => matches!(result, Outcome::Ok(_)),
            What::Presence { result, .. } => matches!(result, Outcome::Ok(_)),
            _ => false,
        };
        let end = record.what.room().and_then(|room| ends.get(&room));
        if let Some(end) = end.filter(|end| done && end.place != place && is_before(index, **end, record)) {
            let what = "something was done in a room that had been deleted before".to_owned();
            findings.push(Name::FoldMismatch, what, &[end.place, place], None);
        }
    }
}

/// When it was known that a room is deleted.
fn ended(index: &Index<'_>, room: u64) -> Option<Mark> {
    let place = *index.deletions.get(&room)?;
    let answered = matches!(&index.records[place].what, What::Delete { result: Outcome::Ok(()), .. });
    let answered = answered.then(|| Mark { at: index.records[place].seen(), place });
    let heard = index.logs.range((room, "")..).take_while(|((of, _), _)| *of == room).filter_map(|(_, log)| {
        let (_, entry) = log.entries.last_key_value()?;
        matches!(entry.known, Known::Other(Kind::RoomDeleted)).then_some(entry.earliest)
    });
    answered.into_iter().chain(heard).min()
}

/// Whether a mark existed when a command began, without a change from outside in between.
fn is_before(index: &Index<'_>, mark: Mark, record: &Record) -> bool {
    mark.at < record.began && index.timeline.period(&index.records[mark.place]) == index.timeline.period(record)
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            HistoryBuilder, attach, delete, delivered, look, message, page, read, rename, renamed, resumed,
            room_deleted, send, sent, stored, viewed,
        },
        history::{Outcome, Room, What, Which},
    };

    /// Ann has sent a message, renamed the room, and sent another message; Bob has received everything.
    fn builder() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", look(1, "den", 0));
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(1, "ann", rename(1, "hall", Ok(2)));
        builder.did(1, "ann", send(1, "k3", sent(3)));
        for event in [message(1, "ann", "k1"), renamed(2, "hall"), message(3, "ann", "k3")] {
            builder.saw(2, "bob", delivered(1, event));
        }
        builder
    }

    fn and(what: What) -> HistoryBuilder {
        let mut builder = builder();
        builder.did(3, "cat", what);
        builder
    }

    #[test]
    fn a_name_that_the_log_does_not_give() {
        and(look(1, "hall", 3)).finds(&[]);
        and(look(1, "den", 3)).finds(&["fold_mismatch"]);
        let mut other_first = HistoryBuilder::new();
        other_first.did(2, "bob", look(1, "den", 0));
        other_first.did(2, "bob", look(1, "hall", 0));
        other_first.finds(&["fold_mismatch"]);
    }

    #[test]
    fn a_name_at_a_head_that_nobody_saw() {
        let mut builder = builder();
        builder.during(4, "ann", 0, 90, rename(1, "nook", Err("?")));
        builder.did(3, "cat", look(1, "nook", 4));
        builder.finds(&[]);
    }

    #[test]
    fn a_rename_answers_with_another_name() {
        let told = Outcome::Ok(Room { name: "nook".into(), head: 4 });
        and(What::Rename { room: 1, name: "cellar".into(), kind: None, invites: None, result: told })
            .finds(&["fold_mismatch"]);
    }

    #[test]
    fn a_dump_that_is_no_log() {
        let (one, two, three) = (message(1, "ann", "k1"), renamed(2, "hall"), message(3, "ann", "k3"));
        let all = vec![one.clone(), two.clone(), three.clone()];
        and(stored(1, Some("hall"), 3, all.clone())).finds(&[]);
        and(stored(1, Some("den"), 3, all.clone())).finds(&["fold_mismatch"]);
        and(stored(1, Some("hall"), 4, all.clone())).finds(&["fold_mismatch"]);
        and(stored(1, Some("hall"), 3, vec![one, three])).finds(&["fold_mismatch"]);
        and(stored(1, None, 4, all)).finds(&["fold_mismatch"]);
    }

    #[test]
    fn something_was_seen_that_the_database_does_not_hold() {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        let mut good = builder.clone();
        good.did(0, "run", stored(1, Some("den"), 0, vec![]));
        good.finds(&[]);
        let mut head = builder.clone();
        builder.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
        builder.did(0, "run", stored(1, Some("den"), 0, vec![]));
        builder.finds(&["fold_mismatch"]);
        head.did(2, "bob", look(1, "den", 1));
        head.did(0, "run", stored(1, Some("den"), 0, vec![]));
        head.finds(&["fold_mismatch"]);
    }

    #[test]
    fn a_room_lives_on() {
        let mut deleted = builder();
        deleted.did(1, "ann", delete(1));
        deleted.saw(2, "bob", room_deleted(1, 4));
        let mut good = deleted.clone();
        good.did(
            3,
            "cat",
            What::Read { room: 1, of: Which::History, result: Outcome::Refused("room_not_found".into()) },
        );
        good.did(0, "run", stored(1, None, 4, vec![]));
        good.finds(&[]);
        for what in [viewed(1, &[]), delete(1), stored(1, Some("hall"), 3, vec![])] {
            let mut builder = deleted.clone();
            builder.did(3, "cat", what);
            assert!(!crate::check(&builder.records()).is_clean());
        }
        let mut racing = builder();
        racing.during(3, "cat", 0, 20, read(1, page(3, vec![message(1, "ann", "k1"), message(3, "ann", "k3")])));
        racing.during(1, "ann", 5, 10, delete(1));
        racing.finds(&[]);
    }
}
