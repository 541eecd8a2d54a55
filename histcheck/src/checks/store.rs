//! Checks that the database contains everything that was acknowledged.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Kind, What},
    index::Index,
};

/// Compares the dump of the database with what was acknowledged before.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, seq) in index.acknowledged() {
        let record = &index.records[place];
        let What::Send { room, body, .. } = &record.what else { continue };
        let Some(dump) = index.log_at(*room, record).and_then(|log| log.stored) else { continue };
        let What::Stored { name: Some(_), events, .. } = &index.records[dump].what else { continue };
        let found = events.binary_search_by_key(&seq, |event| event.seq).ok().map(|found| &events[found].kind);
        let is_it =
            matches!(found, Some(Kind::Message { sender, body: text, .. }) if *sender == record.user && text == body);
        if !is_it && record.seen() < index.records[dump].began {
            let what = format!("number {seq} of room {room} was acknowledged, and the database does not hold it");
            findings.push(Name::OkWithoutStore, what, &[place, dump], Some(seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, delete, message, send, sent, stored},
        history::{Event, Phase},
    };

    fn builder(events: Vec<Event>) -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(1, "ann", send(1, "k2", sent(2)));
        builder.unanswered(1, "ann", send(1, "k3", Err("?")));
        let head = events.len() as u64;
        builder.did(0, "run", stored(1, Some("den"), head, events));
        builder
    }

    #[test]
    fn all_that_was_acknowledged_is_there() {
        let (one, two, three) = (message(1, "ann", "k1"), message(2, "ann", "k2"), message(3, "ann", "k3"));
        builder(vec![one.clone(), two.clone()]).finds(&[]);
        builder(vec![one, two, three]).finds(&[]);
    }

    #[test]
    fn something_that_was_acknowledged_is_not_there() {
        let (one, three) = (message(1, "ann", "k1"), message(2, "ann", "k3"));
        builder(vec![one.clone()]).finds(&["fold_mismatch", "ok_without_store"]);
        builder(vec![one, three]).finds(&["fork", "ok_without_store"]);
    }

    #[test]
    fn a_room_that_was_deleted_or_restored_need_not_hold_it() {
        let mut deleted = HistoryBuilder::new();
        deleted.did(1, "ann", send(1, "k1", sent(1)));
        deleted.did(1, "ann", delete(1));
        deleted.did(0, "run", stored(1, None, 2, vec![]));
        deleted.finds(&[]);
        let mut restored = HistoryBuilder::new();
        restored.did(1, "ann", send(1, "k1", sent(1)));
        restored.phase(Phase::Restored);
        restored.did(0, "run", stored(1, Some("den"), 0, vec![]));
        restored.finds(&[]);
    }
}
