//! Checks that a subscription receives each number once, in order.

use std::collections::HashSet;

use crate::{
    anomaly::Name,
    findings::Findings,
    history::What,
    index::{Index, Subscription},
};

/// Looks for gaps, repeats and steps back.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for subscription in &index.subscriptions {
        walk(index, subscription, findings);
    }
}

fn walk(index: &Index<'_>, subscription: &Subscription<'_>, findings: &mut Findings<'_>) {
    let mut expected = subscription.head.seq + 1;
    let mut before = subscription.attach;
    let mut seen = HashSet::new();
    for &place in &subscription.events {
        let What::Event { room, event } = &index.records[place].what else { continue };
        let seq = event.seq;
        let shown_by = [subscription.attach, before, place];
        if seq > expected {
            let what = format!("after number {} of room {room} came {seq}", expected - 1);
            findings.push(Name::Gap, what, &shown_by, Some(expected - 1));
        } else if seq < expected && seen.contains(&seq) || seq + 1 == expected {
            let what = format!("number {seq} of room {room} came twice");
            findings.push(Name::Repeat, what, &shown_by, Some(seq));
        } else if seq < expected {
            let what = format!("after number {} of room {room} came {seq}", expected - 1);
            findings.push(Name::Nonmonotonic, what, &shown_by, Some(expected - 1));
        }
        seen.insert(seq);
        expected = expected.max(seq + 1);
        before = place;
    }
}

#[cfg(test)]
mod tests {
    use crate::builder::{HistoryBuilder, attach, attach_from, delivered, gap, message, position, resumed, send, sent};

    /// Ann has sent four messages; Bob is attached to the room from the second one on.
    fn builder() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(1, "ann", send(1, "k2", sent(2)));
        builder.did(2, "bob", attach_from(1, Some(position(1)), gap(1, 2, "ann")));
        builder.did(1, "ann", send(1, "k3", sent(3)));
        builder.did(1, "ann", send(1, "k4", sent(4)));
        builder
    }

    fn heard(seqs: &[u64]) -> HistoryBuilder {
        let mut builder = builder();
        for seq in seqs {
            builder.saw(2, "bob", delivered(1, message(*seq, "ann", &format!("k{seq}"))));
        }
        builder
    }

    #[test]
    fn one_number_after_the_other() {
        heard(&[3, 4]).finds(&[]);
        heard(&[3]).finds(&[]);
    }

    #[test]
    fn a_number_is_skipped() {
        heard(&[4]).finds(&["gap"]);
    }

    #[test]
    fn a_number_comes_twice() {
        heard(&[3, 3, 4]).finds(&["repeat"]);
        heard(&[2, 3, 4]).finds(&["repeat"]);
        heard(&[3, 4, 3]).finds(&["repeat"]);
    }

    #[test]
    fn the_stream_steps_back() {
        heard(&[1, 3]).finds(&["nonmonotonic"]);
        heard(&[4, 3]).finds(&["gap", "nonmonotonic"]);
    }

    #[test]
    fn another_connection_begins_anew() {
        let mut builder = heard(&[3, 4]);
        builder.did(3, "bob", attach_from(1, Some(position(2)), gap(2, 4, "ann")));
        builder.did(4, "bob", attach(1, resumed(4)));
        builder.finds(&[]);
    }
}
