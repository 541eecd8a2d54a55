//! Checks that a connection receives nothing of a room that it is not attached to.

use crate::{anomaly::Name, findings::Findings, history::What, index::Index};

/// Looks for what was received after the end of a subscription, or without one.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for unexpected in &index.unexpected {
        let record = &index.records[unexpected.place];
        let room = record.what.room().unwrap_or_default();
        let after = unexpected.after.map(|place| &index.records[place].what);
        let when = match after {
            Some(What::Detach { .. }) => "after its detach was answered",
            Some(_) => "after its end",
            None => "without an attach",
        };
        let shown_by: Vec<usize> = unexpected.after.into_iter().chain([unexpected.place]).collect();
        let what = format!("connection {} heard of room {room} {when}", record.connection);
        findings.push(Name::LeakAfterRemoval, what, &shown_by, None);
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            HistoryBuilder, attach, delete, delivered, detach, message, resumed, room_deleted, send, sent, typing,
            user_list,
        },
        history::{Outcome, What},
    };

    fn attached() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder
    }

    #[test]
    fn something_is_heard_after_the_detach_was_answered() {
        let heard = [delivered(1, message(1, "ann", "k1")), user_list(1, &["ann"]), typing(1, &[]), room_deleted(1, 2)];
        for what in &heard[..3] {
            let mut builder = attached();
            builder.did(2, "bob", detach(1));
            builder.saw(2, "bob", what.clone());
            builder.finds(&["leak_after_removal"]);
        }
        let mut before = attached();
        before.saw(2, "bob", heard[0].clone());
        before.saw(2, "bob", heard[1].clone());
        before.during(2, "bob", -20, 30, detach(1));
        before.finds(&[]);
        let mut again = attached();
        again.did(2, "bob", detach(1));
        again.did(2, "bob", attach(1, resumed(1)));
        again.saw(2, "bob", user_list(1, &["bob"]));
        again.finds(&[]);
    }

    #[test]
    fn something_is_heard_after_the_room_is_deleted() {
        let mut builder = attached();
        builder.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
        builder.did(3, "cat", delete(1));
        builder.saw(2, "bob", room_deleted(1, 2));
        let mut good = builder.clone();
        good.did(2, "bob", detach(1));
        good.finds(&[]);
        builder.saw(2, "bob", user_list(1, &[]));
        builder.finds(&["leak_after_removal"]);
    }

    #[test]
    fn something_is_heard_without_an_attach() {
        let mut builder = HistoryBuilder::new();
        builder.saw(2, "bob", typing(1, &[]));
        builder.finds(&["leak_after_removal"]);
        let mut given_up = HistoryBuilder::new();
        given_up.unanswered(2, "bob", What::Attach { room: 1, after: None, presence: true, result: Outcome::Unknown });
        given_up.saw(2, "bob", typing(1, &[]));
        given_up.finds(&[]);
    }
}
