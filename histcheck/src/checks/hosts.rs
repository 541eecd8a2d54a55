//! Checks that what hosts commit with rows of their own is sent, and in the order in which it was committed.

use std::collections::HashMap;

use crate::{
    anomaly::Name,
    findings::Findings,
    history::What,
    index::{Command, Index},
};

/// Looks in the dump of the database for each message that was committed. (That none is there twice, and that none is there that was
/// not committed, is checked for all messages alike.)
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    let mut last = HashMap::<(&str, u64), (u64, usize)>::new();
    for (place, record) in index.records.iter().enumerate() {
        let What::Committed { room, key, .. } = &record.what else { continue };
        let Some((command, log)) = Command::of(record).zip(index.log_at(*room, record)) else { continue };
        let Some(dump) = log.stored else { continue };
        let Some(seq) = log.number_of(&record.user, command.deed) else {
            let what =
                format!("a host has committed the message {key} for room {room}, and the database does not hold it");
            findings.push(Name::OkWithoutStore, what, &[place, dump], None);
            continue;
        };
        if let Some((before, other)) =
            last.insert((&record.process, *room), (seq, place)).filter(|(before, _)| *before > seq)
        {
            let what = format!("a host has committed the message {seq} of room {room} after the message {before}");
            findings.push(Name::SessionOrder, what, &[other, place, dump], Some(seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, committed, made, message, send, sent, stored},
        history::{Event, Role, RoomKind, What},
    };

    /// A host has committed two messages in room 1, and one in room 2; the database has these.
    #[track_caller]
    fn finds(first: Vec<Event>, names: &[&str]) {
        let mut builder = HistoryBuilder::new();
        for (room, key) in [(1, "k1"), (2, "k2"), (1, "k3")] {
            builder.did(9, "shop", committed(room, key));
        }
        builder.did(0, "run", stored(1, Some("den"), first.len() as u64, first));
        builder.did(0, "run", stored(2, Some("bar"), 1, vec![message(1, "shop", "k2")]));
        builder.finds(names);
    }

    #[test]
    fn each_that_was_committed_is_there_once() {
        finds(vec![message(1, "shop", "k1"), message(2, "shop", "k3")], &[]);
        finds(vec![message(1, "shop", "k1")], &["ok_without_store"]);
        finds(vec![message(1, "shop", "k1"), message(2, "ann", "k3")], &["phantom", "ok_without_store"]);
        finds(
            ["k1", "k3", "k1"].into_iter().zip(1..).map(|(key, seq)| message(seq, "shop", key)).collect(),
            &["duplicate_key"],
        );
    }

    #[test]
    fn none_is_there_that_was_rolled_back() {
        finds(
            ["k1", "k3", "k4"].into_iter().zip(1..).map(|(key, seq)| message(seq, "shop", key)).collect(),
            &["phantom"],
        );
    }

    #[test]
    fn the_word_of_a_host_counts_whatever_the_author_may_do() {
        let mut builder = HistoryBuilder::new();
        let mut private = made(1, true, &[("ann", Role::Owner)]);
        let What::Made { terms, .. } = &mut private else { unreachable!() };
        terms.kind = RoomKind::Private;
        builder.did(0, "run", private);
        let mut other = builder.clone();
        builder.did(9, "shop", committed(1, "k1"));
        other.did(9, "shop", send(1, "k1", sent(1)));
        for (mut builder, names) in [(builder, &[][..]), (other, &["acted_without_right"])] {
            builder.did(0, "run", stored(1, Some("den"), 1, vec![message(1, "shop", "k1")]));
            builder.finds(names);
        }
    }

    #[test]
    fn they_keep_their_order() {
        finds(vec![message(1, "shop", "k3"), message(2, "shop", "k1")], &["session_order"]);
    }
}
