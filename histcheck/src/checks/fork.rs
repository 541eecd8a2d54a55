//! All observers agree on which event has which number.

use crate::{anomaly::Name, findings::Findings, index::Index};

/// Looks for numbers with two events, and for an epoch that changed by itself.
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
        history::{Attached, Phase, Sent},
        sample::{Story, attach, delivered, message, page, position, position_in, read, resumed, send, sent},
    };

    #[test]
    fn two_see_different_events_under_one_number() {
        let mut story = Story::new();
        story.did(1, "ann", send(1, "k1", sent(1)));
        story.did(2, "bob", attach(1, resumed(1)));
        story.did(1, "ann", send(1, "k2", sent(2)));
        story.did(1, "ann", send(1, "k3", Err("outcome_unknown")));
        let mut good = story.clone();
        good.saw(2, "bob", delivered(1, message(2, "ann", "k2")));
        good.finds(&[]);
        story.saw(2, "bob", delivered(1, message(2, "ann", "k3")));
        story.finds(&["fork"]);
    }

    #[test]
    fn an_ok_contradicts_what_was_read() {
        let mut story = Story::new();
        story.did(1, "ann", send(1, "k1", sent(1)));
        story.did(2, "bob", read(1, page(1, vec![message(1, "ann", "k1")])));
        let mut good = story.clone();
        good.did(3, "ann", send(1, "k1", Ok(Sent { seq: 1, replayed: true })));
        good.finds(&[]);
        story.did(3, "bob", send(1, "k2", sent(1)));
        story.finds(&["fork"]);
    }

    #[test]
    fn the_epoch_changes_by_itself() {
        let mut story = Story::new();
        story.did(1, "ann", attach(1, Attached::Resync { head: position(5) }));
        let mut good = story.clone();
        story.did(2, "ann", attach(1, Attached::Resync { head: position_in("f", 5) }));
        story.finds(&["fork"]);
        good.phase(Phase::Restored);
        good.did(2, "ann", attach(1, Attached::Resync { head: position_in("f", 5) }));
        good.finds(&[]);
    }
}
