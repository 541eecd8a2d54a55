//! Checks that a connection receives nothing of a room that it is not attached to, and that nobody receives or is served
//! anything of a room after the event that took their right to read it.

use std::collections::HashMap;

use super::order::{cause, first_renames};
use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Outcome, Record, What},
    index::{Index, Subscription},
};

/// Looks for what was received after the end of a subscription or without one, and for what was received or served after
/// the right to it was gone.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    unexpected(index, findings);
    let barred = Barred { index, renames: first_renames(index) };
    for subscription in &index.subscriptions {
        attached(&barred, subscription, findings);
        heard(index, subscription, findings);
    }
    for (place, record) in index.records.iter().enumerate() {
        served(&barred, place, record, findings);
    }
    watched(&barred, findings);
}

fn unexpected(index: &Index<'_>, findings: &mut Findings<'_>) {
    for unexpected in &index.unexpected {
        let record = &index.records[unexpected.place];
        let room = record.what.room().unwrap_or_default();
        let after = unexpected.after.map(|place| &index.records[place].what);
        let (name, when) = match after {
            Some(What::Detach { .. }) => (Name::LeakAfterRemoval, "after its detach was answered"),
            Some(What::Detached { .. }) => (after_removal(&record.what), "after it was told to be detached"),
            Some(_) => (Name::LeakAfterRemoval, "after its end"),
            None => (Name::LeakAfterRemoval, "without an attach"),
        };
        let shown_by: Vec<usize> = unexpected.after.into_iter().chain([unexpected.place]).collect();
        let what = format!("connection {} heard of room {room} {when}", record.connection);
        findings.push(name, what, &shown_by, None);
    }
}

/// What it is that something is heard after a removal.
const fn after_removal(what: &What) -> Name {
    if matches!(what, What::Event { .. }) { Name::LeakAfterRemoval } else { Name::HeardAfterRemoval }
}

/// Finds out whether a user surely may not read a room.
struct Barred<'r, 'a> {
    index: &'r Index<'a>,
    renames: HashMap<(u64, &'a str), usize>,
}

impl Barred<'_, '_> {
    /// The event up to this number that took a user's right to read the room, if nothing that was asked for by this time may
    /// have given it back. (A ban with an end may be over, so it does not count.)
    fn since(&self, (room, epoch): (u64, &str), user: &str, seq: u64, by: u64) -> Option<u64> {
        let (log, rights) = (self.index.logs.get(&(room, epoch))?, self.index.rights.get(&(room, epoch))?);
        if rights.known < seq || log.last()?.0 > rights.known || rights.may_read(user, seq, None) {
            return None;
        }
        let may_be_done = |change: &u64| {
            let entry = log.entries.get(change)?;
            Some(cause(self.index, &self.renames, room, entry)?.0 <= by)
        };
        let gives = |change: &u64| rights.may_read(user, *change, None) && may_be_done(change).unwrap_or(true);
        let is_given_back = rights.changes_after(user, seq).iter().any(gives);
        (!is_given_back).then(|| rights.changed(user, seq))
    }

    /// The places of the records that show it: the event that took the right, if there was one, and this.
    fn shown(&self, of: (u64, &str), since: u64, place: usize) -> Vec<usize> {
        let entry = self.index.logs.get(&of).and_then(|log| log.entries.get(&since));
        entry.map(|entry| entry.place).into_iter().chain([place]).collect()
    }
}

/// Checks that whoever was attached might read the room then.
fn attached(barred: &Barred<'_, '_>, subscription: &Subscription<'_>, findings: &mut Findings<'_>) {
    let record = &barred.index.records[subscription.attach];
    let (of, head) = ((subscription.room, subscription.head.epoch.as_str()), subscription.head.seq);
    if let Some(since) = barred.since(of, &record.user, head, record.seen()) {
        let what =
            format!("{} was attached to room {} at {head}, who may not read it since {since}", record.user, of.0);
        let shown_by = barred.shown(of, since, subscription.attach);
        findings.push(Name::LeakAfterRemoval, what, &shown_by, Some(since));
    }
}

/// Checks that a subscription receives nothing after the event after which its user may not read the room.
fn heard(index: &Index<'_>, subscription: &Subscription<'_>, findings: &mut Findings<'_>) {
    let (room, of) = (subscription.room, (subscription.room, subscription.head.epoch.as_str()));
    let (Some(log), Some(rights)) = (index.logs.get(&of), index.rights.get(&of)) else { return };
    let user = &index.records[subscription.attach].user;
    let Some(taken) = rights.takes(log, user, subscription.head.seq) else { return };
    let number = |place: &usize| match &index.records[*place].what {
        What::Event { event, .. } => event.seq,
        _ => 0,
    };
    if let Some(late) = subscription.events.iter().find(|place| number(place) > taken) {
        let what = format!("{user} received number {} of room {room}, who may not read it since {taken}", number(late));
        findings.push(Name::LeakAfterRemoval, what, &[subscription.attach, *late], Some(number(late)));
    }
    // What a connection receives is in order, so everything that comes after that event was told after it.
    let Some(last) = subscription.events.iter().find(|place| number(place) == taken) else { return };
    if let Some(late) = subscription.signals.iter().find(|place| *place > last) {
        let what = format!("{user} heard who is in room {room}, who may not read it since {taken}");
        findings.push(Name::HeardAfterRemoval, what, &[*last, *late], None);
    }
}

/// Checks that nothing of a room was served to those who might not read it all the while.
fn served(barred: &Barred<'_, '_>, place: usize, record: &Record, findings: &mut Findings<'_>) {
    let rooms: Vec<u64> = match &record.what {
        What::Read { room, result: Outcome::Ok(_), .. }
        | What::Edits { room, result: Outcome::Ok(_), .. }
        | What::Reactions { room, result: Outcome::Ok(_), .. }
        | What::Reads { room, result: Outcome::Ok(_) }
        | What::Look { room, result: Outcome::Ok(_) }
        | What::Presence { room, result: Outcome::Ok(_) }
        | What::Mark { room, result: Outcome::Ok(_), .. } => vec![*room],
        What::Rooms { result: Outcome::Ok(listing) } => listing.rooms.iter().map(|listed| listed.room).collect(),
        _ => return,
    };
    let Some(epoch) = barred.index.timeline.epoch_of(record) else { return };
    for room in rooms {
        let head = barred.index.logs.get(&(room, epoch)).and_then(|log| log.head_at(record.began));
        let head = head.map_or(0, |(head, _)| head);
        if let Some(since) = barred.since((room, epoch), &record.user, head, record.seen()) {
            let what = format!("{} was served room {room}, and may not read it since {since}", record.user);
            findings.push(Name::LeakAfterRemoval, what, &barred.shown((room, epoch), since, place), Some(since));
        }
    }
}

/// Checks what is heard of a room without being attached to it: that something happens there, or that an event concerns
/// the user.
fn watched(barred: &Barred<'_, '_>, findings: &mut Findings<'_>) {
    let index = barred.index;
    for places in index.connections.values() {
        // The rooms whose watch has ended, each with the record that told it.
        let mut ended = HashMap::new();
        for &place in places {
            let record = &index.records[place];
            let (room, head) = match &record.what {
                What::Detached { room, .. } => {
                    ended.insert(*room, place);
                    continue;
                }
                What::Watch { room, .. } | What::Attach { room, .. } => {
                    ended.remove(room);
                    continue;
                }
                What::Activity { room, head } => (*room, *head),
                What::Notice { room, seq } => (*room, *seq),
                _ => continue,
            };
            let is_activity = matches!(record.what, What::Activity { .. });
            if let Some(end) = ended.get(&room).filter(|_| is_activity) {
                let what = format!("{} heard of activity in room {room} after the watch had ended", record.user);
                findings.push(Name::HeardAfterRemoval, what, &[*end, place], None);
                continue;
            }
            let Some(epoch) = index.timeline.epoch_of(record) else { continue };
            let since = barred.since((room, epoch), &record.user, head, record.seen()).filter(|since| *since < head);
            if let Some(since) = since {
                let what =
                    format!("{} heard of number {head} of room {room}, who may not read it since {since}", record.user);
                findings.push(Name::HeardAfterRemoval, what, &barred.shown((room, epoch), since, place), Some(since));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            HistoryBuilder, attach, attach_from, delete, delivered, detach, made, member, message, page, placed,
            position, read, resumed, room_deleted, send, sent, stored, typing, user_list, viewed,
        },
        history::{Attached, Event, Kind, Listed, Listing, MemberChange, Outcome, Role, RoomKind, Step, Terms, What},
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

    const BAN: Step = Step::Ban { until: None };

    /// Bob is attached to a public room of Ann's, and watches it on another connection. Then Ann bans him.
    fn banned() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.saw(0, "run", made(1, true, &[("ann", Role::Owner), ("bob", Role::Member)]));
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(3, "bob", What::Watch { room: 1, result: Outcome::Ok(0) });
        builder.did(11, "ann", member(1, "k1", "bob", BAN));
        builder.saw(2, "bob", delivered(1, event(1)));
        builder
    }

    /// The events of that room.
    fn event(seq: u64) -> Event {
        match seq {
            1 => placed(1, "ann", "k1", "bob", MemberChange::Banned),
            3 => placed(3, "ann", "k3", "bob", MemberChange::Unbanned),
            _ => message(seq, "ann", &format!("k{seq}")),
        }
    }

    /// The same; Ann says something, and takes the ban back if she does. Then this is seen on a connection of Bob's.
    fn seen_after(is_lifted: bool, connection: u64, what: What) -> HistoryBuilder {
        let mut builder = banned();
        builder.did(1, "ann", send(1, "k2", sent(2)));
        if is_lifted {
            builder.did(12, "ann", member(1, "k3", "bob", Step::Unban));
        }
        builder.did(connection, "bob", what);
        let head = if is_lifted { 3 } else { 2 };
        builder.did(0, "run", stored(1, Some("den"), head, (1..=head).map(event).collect()));
        builder
    }

    #[test]
    fn the_banned_hear_the_ban_and_nothing_more() {
        seen_after(false, 3, What::Detached { room: 1, reason: "banned".into() }).finds(&[]);
        seen_after(false, 2, delivered(1, event(2))).finds(&["leak_after_removal"]);
        seen_after(true, 2, delivered(1, event(2))).finds(&["leak_after_removal"]);
        seen_after(false, 2, user_list(1, &["ann"])).finds(&["heard_after_removal"]);
        seen_after(false, 2, typing(1, &[])).finds(&["heard_after_removal"]);
    }

    #[test]
    fn the_banned_hear_nothing_in_other_ways() {
        let notices = [What::Activity { room: 1, head: 2 }, What::Notice { room: 1, seq: 2 }];
        for notice in notices {
            seen_after(false, 3, notice.clone()).finds(&["heard_after_removal"]);
            seen_after(true, 3, notice).finds(&[]);
        }
        let mut in_time = banned();
        in_time.saw(3, "bob", What::Activity { room: 1, head: 1 });
        in_time.saw(3, "bob", What::Detached { room: 1, reason: "banned".into() });
        in_time.clone().finds(&[]);
        in_time.saw(3, "bob", What::Activity { room: 1, head: 1 });
        in_time.finds(&["heard_after_removal"]);
    }

    #[test]
    fn nothing_is_heard_after_the_frame_that_detaches() {
        for (what, found) in
            [(delivered(1, event(2)), "leak_after_removal"), (user_list(1, &[]), "heard_after_removal")]
        {
            let mut builder = HistoryBuilder::new();
            builder.did(2, "bob", attach(1, resumed(1)));
            builder.saw(2, "bob", What::Detached { room: 1, reason: "removed".into() });
            builder.did(1, "ann", send(1, "k2", sent(2)));
            let mut again = builder.clone();
            builder.saw(2, "bob", what.clone());
            builder.finds(&[found]);
            again.did(
                2,
                "bob",
                attach_from(1, Some(position(1)), Attached::Resumed { head: position(2), events: vec![event(2)] }),
            );
            again.saw(2, "bob", user_list(1, &["bob"]));
            again.finds(&[]);
        }
    }

    #[test]
    fn the_banned_attach_only_after_it_is_lifted() {
        let missed = |head| Attached::Resumed { head: position(head), events: (1..=head).map(event).collect() };
        for is_lifted in [false, true] {
            let found: &[&str] = if is_lifted { &[] } else { &["leak_after_removal"] };
            let head = if is_lifted { 3 } else { 2 };
            seen_after(is_lifted, 4, attach_from(1, Some(position(0)), missed(head))).finds(found);
            seen_after(is_lifted, 4, attach(1, resumed(head))).finds(found);
        }
    }

    #[test]
    fn nothing_is_served_to_the_banned() {
        let says = || vec![message(2, "ann", "k2")];
        for is_lifted in [false, true] {
            let found: &[&str] = if is_lifted { &[] } else { &["leak_after_removal"] };
            let head = if is_lifted { 3 } else { 2 };
            seen_after(is_lifted, 4, read(1, page(head, says()))).finds(found);
            seen_after(is_lifted, 4, viewed(1, &[])).finds(found);
        }
        let mut races = banned();
        races.during(4, "bob", -3, 20, viewed(1, &[]));
        races.finds(&[]);
    }

    /// Bob, who is in no room, is attached to one of Ann's, which then becomes private.
    fn made_private() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.saw(0, "run", made(1, true, &[("ann", Role::Owner), ("cat", Role::Member)]));
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(3, "cat", attach(1, resumed(0)));
        let (name, terms) = ("den".to_owned(), Terms { kind: RoomKind::Private, ..Terms::PUBLIC });
        builder.did(1, "ann", crate::builder::rename(1, &name, Ok(1)));
        let event = Event::new(1, Kind::RoomUpdated { by: "ann".into(), name, terms: Some(terms) });
        builder.saw(2, "bob", delivered(1, event.clone()));
        builder.saw(3, "cat", delivered(1, event));
        builder.did(1, "ann", send(1, "k2", sent(2)));
        builder
    }

    #[test]
    fn whoever_is_not_in_hears_no_more_of_a_room_that_becomes_private() {
        let mut good = made_private();
        good.saw(3, "cat", delivered(1, event(2)));
        good.finds(&[]);
        let mut bad = made_private();
        bad.saw(2, "bob", delivered(1, event(2)));
        bad.finds(&["leak_after_removal"]);
    }

    #[test]
    fn a_list_has_no_room_that_is_hidden() {
        let listed = |user: &str| {
            let mut builder = made_private();
            builder.did(3, "cat", detach(1));
            let mark = crate::history::Mark { seq: 0, unread: 1, mentions: 0, ordinal: 1 };
            let rooms = vec![Listed { room: 1, head: 2, mark, last: None }];
            builder.did(4, user, What::Rooms { result: Outcome::Ok(Listing { rooms, is_whole: true }) });
            builder
        };
        assert!(!crate::check(&listed("bob").records()).is_clean());
        let names = crate::check(&listed("bob").records()).found;
        assert!(names.contains_key(&crate::Name::LeakAfterRemoval));
        assert!(!crate::check(&listed("cat").records()).found.contains_key(&crate::Name::LeakAfterRemoval));
    }
}
