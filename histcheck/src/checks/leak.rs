//! Nothing of a room is heard where it is not attached.

use crate::{anomaly::Name, findings::Findings, history::What, index::Index};

/// Looks for what was heard after the end of a subscription, or without one.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for stray in &index.strays {
        let record = &index.records[stray.place];
        let room = record.what.room().unwrap_or_default();
        let after = stray.after.map(|place| &index.records[place].what);
        let when = match after {
            Some(What::Detach { .. }) => "after its detach was answered",
            Some(_) => "after its end",
            None => "without an attach",
        };
        let shown_by: Vec<usize> = stray.after.into_iter().chain([stray.place]).collect();
        let what = format!("connection {} heard of room {room} {when}", record.connection);
        findings.push(Name::LeakAfterRemoval, what, &shown_by, None);
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        history::{Outcome, What},
        sample::{
            Story, attach, delete, delivered, detach, message, resumed, room_deleted, send, sent, typing, user_list,
        },
    };

    fn attached() -> Story {
        let mut story = Story::new();
        story.did(2, "bob", attach(1, resumed(0)));
        story.did(1, "ann", send(1, "k1", sent(1)));
        story
    }

    #[test]
    fn something_is_heard_after_the_detach_was_answered() {
        let heard = [delivered(1, message(1, "ann", "k1")), user_list(1, &["ann"]), typing(1, &[]), room_deleted(1, 2)];
        for what in &heard[..3] {
            let mut story = attached();
            story.did(2, "bob", detach(1));
            story.saw(2, "bob", what.clone());
            story.finds(&["leak_after_removal"]);
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
        let mut story = attached();
        story.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
        story.did(3, "cat", delete(1));
        story.saw(2, "bob", room_deleted(1, 2));
        let mut good = story.clone();
        good.did(2, "bob", detach(1));
        good.finds(&[]);
        story.saw(2, "bob", user_list(1, &[]));
        story.finds(&["leak_after_removal"]);
    }

    #[test]
    fn something_is_heard_without_an_attach() {
        let mut story = Story::new();
        story.saw(2, "bob", typing(1, &[]));
        story.finds(&["leak_after_removal"]);
        let mut given_up = Story::new();
        given_up.unanswered(2, "bob", What::Attach { room: 1, after: None, presence: true, result: Outcome::Unknown });
        given_up.saw(2, "bob", typing(1, &[]));
        given_up.finds(&[]);
    }
}
