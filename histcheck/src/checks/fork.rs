//! Checks that all observers agree on which event has which number.

use crate::{anomaly::Name, findings::Findings, index::Index};

/// Looks for numbers with two events, and for an epoch that changed without an operator.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for ((room, _), log) in &index.logs {
        for (seq, (one, other)) in &log.conflicts {
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

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            HistoryBuilder, attach, delivered, message, page, position, position_in, read, replayed, resumed, send,
            sent,
        },
        history::{Attached, Phase},
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
        builder.finds(&["fork"]);
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
