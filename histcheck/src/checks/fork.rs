//! Checks that all observers agree on which event has which number.

use crate::{
    anomaly::Name,
    findings::Findings,
    index::{Command, Deed, Index},
};

/// Looks for numbers with two events, and for an epoch that changed without an operator.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for ((room, _), log) in &index.logs {
        for (seq, (one, other)) in &log.conflicts {
            if [*one, *other].into_iter().any(|place| replays_what_is_erased(index, *room, *seq, place)) {
                continue;
            }
            let what = format!("two observers saw different events as number {seq} of room {room}");
            findings.push(Name::Fork, what, &[*one, *other], Some(*seq));
        }
    }
    for epochs in &index.timeline.epochs {
        if let [(one, first), (other, second), ..] = epochs.as_slice() {
            let what = format!("the epoch was {one} and {other}, though no operator changed it");
            findings.push(Name::Fork, what, &[*first, *second], Some(0));
        }
    }
}

/// Whether a key was used for something else after its event was erased: nobody can compare it any more, and it replays.
fn replays_what_is_erased(index: &Index<'_>, room: u64, seq: u64, place: usize) -> bool {
    let record = &index.records[place];
    let Some(command) = Command::of(record).filter(|command| command.is_replayed) else { return false };
    let target = match command.deed {
        Deed::Send { .. } => seq,
        Deed::Edit { target, .. } => target,
        Deed::Delete { .. } | Deed::React { .. } | Deed::Pin { .. } | Deed::Member { .. } => return false,
    };
    index.commands.first_deletion(room, target).is_some_and(|began| began <= record.seen())
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            DELETE, HistoryBuilder, attach, change, deleted, delivered, erased, message, page, position, position_in,
            read, replayed, resumed, send, sent,
        },
        history::{Attached, Content, Outcome, Phase, Sent, What},
    };

    #[test]
    fn two_see_different_events_under_one_number() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(2, "bob", attach(1, resumed(1)));
        builder.did(1, "ann", send(1, "k2", sent(2)));
        builder.did(1, "ann", send(1, "k3", Err("outcome_unknown")));
        let mut good = builder.clone();
        good.saw(2, "bob", delivered(1, message(2, "ann", "k2")));
        good.finds(&[]);
        builder.saw(2, "bob", delivered(1, message(2, "ann", "k3")));
        // What began after the ok cannot have its number either.
        builder.finds(&["fork", "realtime_inversion", "session_order"]);
    }

    #[test]
    fn an_ok_contradicts_what_was_read() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(2, "bob", read(1, page(1, vec![message(1, "ann", "k1")])));
        let mut good = builder.clone();
        good.did(3, "ann", send(1, "k1", replayed(1)));
        good.finds(&[]);
        builder.did(3, "bob", send(1, "k2", sent(1)));
        builder.finds(&["fork"]);
    }

    #[test]
    fn a_key_is_used_for_something_else_after_its_message_was_deleted() {
        let misused = |builder: &mut HistoryBuilder| {
            let other = What::Send {
                room: 1,
                key: "k1".into(),
                content: Content::text("something else"),
                reply_to: None,
                thread: None,
                result: Outcome::Ok(Sent { seq: 1, replayed: true, event: None }),
            };
            builder.did(3, "ann", other);
        };
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        let mut bad = builder.clone();
        misused(&mut bad);
        bad.finds(&["fork"]);
        builder.did(1, "ann", change(1, "k2", 1, DELETE, Ok(Some(2))));
        misused(&mut builder);
        // Its text is never seen: what made it is the first of what was answered with its number.
        builder.did(2, "bob", read(1, page(2, vec![erased(1, "ann", "k1"), deleted(2, "ann", "k2", 1)])));
        builder.finds(&[]);
    }

    #[test]
    fn the_epoch_changes_by_itself() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", attach(1, Attached::Resync { head: position(5) }));
        let mut good = builder.clone();
        builder.did(2, "ann", attach(1, Attached::Resync { head: position_in("f", 5) }));
        builder.finds(&["fork"]);
        good.phase(Phase::Restored);
        good.did(2, "ann", attach(1, Attached::Resync { head: position_in("f", 5) }));
        good.finds(&[]);
    }
}
