//! Checks that a user is listed as online while one of their sessions is attached to the room, and not much longer.
//!
//! Most of it is judged only while all is quiet: there, the views of the client and of the server differ only by the
//! grace. A user is *surely* online from the answer to an attach until the beginning of whatever may have ended it. A
//! user is *possibly* online from the beginning of the attach until its end was surely noticed and the grace is over.
//!
//! One rule is judged always: a client that vanished has to be gone in time, since no other fault keeps the server from
//! noticing that.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Outcome, What},
    index::{Ending, Index, Subscription},
    tolerance::{DEAD, GRACE, NAMED, SECOND, SLACK},
};

/// Checks everything that lists who is online.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    let rooms = rooms(index);
    for (place, record) in index.records.iter().enumerate() {
        match &record.what {
            What::Presence { room, result: Outcome::Ok(users) } => {
                let Some(online) = rooms.get(room) else { continue };
                let expected = online.expected(record.began.saturating_sub(SLACK), record.began, record.seen());
                let shown = Shown { users: users.iter().map(String::as_str).collect(), place };
                if !index.timeline.is_quiet(record.began, record.seen()) {
                    online.look_for_vanished(&shown, &expected, *room, findings);
                    continue;
                }
                if users.is_empty() && expected.possibly.len() >= NAMED {
                    continue;
                }
                expected.compare(&shown, *room, findings);
            }
            What::UserList { room, users, count } if !users.is_empty() => {
                let different = users.iter().collect::<BTreeSet<_>>().len() as u64;
                if different != *count || different != users.len() as u64 {
                    let name = if different > *count { Name::GhostPresence } else { Name::MissingPresence };
                    let what = format!("room {room} was told to have {count} users online, and {different} are named");
                    findings.push(name, what, &[place], None);
                }
            }
            What::Leave { room, who } if index.timeline.is_quiet(record.began.saturating_sub(SLACK), record.began) => {
                let Some(online) = rooms.get(room) else { continue };
                let expected = online.expected(record.began.saturating_sub(SLACK), record.began, record.began);
                if let Some(attach) = expected.surely.get(who.as_str()) {
                    let what = format!("room {room} was told that {who} has left, who is attached to it");
                    findings.push(Name::MissingPresence, what, &[*attach, place], None);
                }
            }
            _ => {}
        }
    }
    signals(index, &rooms, findings);
}

/// Checks what each subscription was told by signals, at the end of each quiet phase.
fn signals(index: &Index<'_>, rooms: &BTreeMap<u64, Online<'_>>, findings: &mut Findings<'_>) {
    for &(_, at) in &index.timeline.rounds {
        let from = at.saturating_sub(SLACK);
        if !index.timeline.is_quiet(from, at) {
            continue;
        }
        let expected: BTreeMap<u64, Expected<'_>> =
            rooms.iter().map(|(room, online)| (*room, online.expected(from.saturating_sub(SLACK), at, at))).collect();
        for subscription in index.subscriptions.iter().filter(|open| hears(index, open, from, at)) {
            let Some(expected) = expected.get(&subscription.room) else { continue };
            if let Some(shown) = shown(index, subscription, at) {
                expected.compare(&shown, subscription.room, findings);
            }
        }
    }
}

/// Whether a subscription surely received its room for all that time.
fn hears(index: &Index<'_>, subscription: &Subscription<'_>, from: u64, until: u64) -> bool {
    let (start, end) = surely(index, subscription);
    start <= from && until <= end
}

/// The users that a subscription lists as online by then; `None` if it knows only their number.
fn shown<'a>(index: &Index<'a>, subscription: &Subscription<'_>, at: u64) -> Option<Shown<'a>> {
    let mut shown: Option<Shown<'a>> = None;
    for &place in &subscription.signals {
        let record = &index.records[place];
        if record.began > at {
            break;
        }
        match &record.what {
            What::UserList { users, count, .. } => {
                let named = !users.is_empty() || *count == 0;
                shown = named.then(|| Shown { users: users.iter().map(String::as_str).collect(), place });
            }
            What::Join { who, .. } => {
                if let Some(shown) = &mut shown {
                    shown.users.insert(who);
                }
            }
            What::Leave { who, .. } => {
                if let Some(shown) = &mut shown {
                    shown.users.remove(who.as_str());
                }
            }
            _ => {}
        }
    }
    shown
}

/// The users that were listed as online.
struct Shown<'a> {
    users: BTreeSet<&'a str>,
    /// The record that lists them (the last list, if joins and leaves followed it).
    place: usize,
}

/// The users that are attached to a room with presence.
#[derive(Default)]
struct Online<'a> {
    surely: Vec<Span<'a>>,
    possibly: Vec<Span<'a>>,
    /// The users whose network vanished, and their attaches.
    vanished: BTreeMap<&'a str, usize>,
}

/// A period, and its attach.
#[derive(Clone, Copy)]
struct Span<'a> {
    user: &'a str,
    from: u64,
    until: u64,
    attach: usize,
}

/// The users that must be listed, and those that may be.
struct Expected<'a> {
    surely: BTreeMap<&'a str, usize>,
    possibly: BTreeSet<&'a str>,
}

impl<'a> Online<'a> {
    /// The users that must be listed, since they were there from `since` to `until`, and those that may be, between
    /// `from` and `until`.
    fn expected(&self, since: u64, from: u64, until: u64) -> Expected<'a> {
        let there = self.surely.iter().filter(|span| span.from <= since && until <= span.until);
        let maybe = self.possibly.iter().filter(|span| span.from <= until && from <= span.until);
        Expected {
            surely: there.map(|span| (span.user, span.attach)).collect(),
            possibly: maybe.map(|span| span.user).collect(),
        }
    }
}

impl Online<'_> {
    /// Looks for users that are listed though they vanished too long ago.
    fn look_for_vanished(&self, shown: &Shown<'_>, expected: &Expected<'_>, room: u64, findings: &mut Findings<'_>) {
        let is_ghost = |user: &str| shown.users.contains(user) && !expected.possibly.contains(user);
        if let Some((ghost, attach)) = self.vanished.iter().find(|(user, _)| is_ghost(user)) {
            let what = format!("room {room} shows {ghost}, who vanished over {} s before", DEAD / SECOND);
            findings.push(Name::GhostPresence, what, &[*attach, shown.place], None);
        }
    }
}

impl Expected<'_> {
    fn compare(&self, shown: &Shown<'_>, room: u64, findings: &mut Findings<'_>) {
        if let Some(ghost) = shown.users.iter().find(|user| !self.possibly.contains(**user)) {
            let what = format!("room {room} shows {ghost}, who has no session there and no grace");
            findings.push(Name::GhostPresence, what, &[shown.place], None);
        }
        if let Some((missing, attach)) = self.surely.iter().find(|(user, _)| !shown.users.contains(**user)) {
            let what = format!("room {room} does not show {missing}, who is attached to it");
            findings.push(Name::MissingPresence, what, &[*attach, shown.place], None);
        }
    }
}

fn rooms<'a>(index: &Index<'a>) -> BTreeMap<u64, Online<'a>> {
    let mut rooms = BTreeMap::<u64, Online<'a>>::new();
    for subscription in &index.subscriptions {
        let record = &index.records[subscription.attach];
        let online = rooms.entry(subscription.room).or_default();
        if matches!(record.what, What::Attach { presence: true, .. }) {
            let (from, until) = surely(index, subscription);
            let span = Span { user: &record.user, from, until, attach: subscription.attach };
            online.surely.push(span);
            online.vanished.extend(subscription.half_open.map(|_| (record.user.as_str(), subscription.attach)));
            online.possibly.push(Span { from: record.began, until: possibly_until(index, subscription), ..span });
        }
    }
    // An attach that was given up may have been done. It then lasts as long as its connection.
    for places in index.connections.values() {
        let closed = places.iter().find(|place| matches!(index.records[**place].what, What::Closed { .. }));
        let closed = closed.map_or(u64::MAX, |place| index.records[*place].began);
        for &attach in places {
            let record = &index.records[attach];
            if let What::Attach { room, presence: true, result, .. } = &record.what
                && result.is_unknown()
            {
                let until = index.timeline.after_fault(closed).saturating_add(GRACE + SLACK);
                let span = Span { user: &record.user, from: record.began, until, attach };
                rooms.entry(*room).or_default().possibly.push(span);
            }
        }
    }
    rooms
}

/// The period in which a subscription surely received its room.
fn surely(index: &Index<'_>, subscription: &Subscription<'_>) -> (u64, u64) {
    let from = index.records[subscription.attach].seen();
    let until = match subscription.end {
        None => subscription.last_sign,
        Some(end) => match (&index.records[end.place].what, end.how) {
            // The server may have ended it long before the client noticed.
            (What::Closed { by_client: false, .. }, _) => subscription.last_sign.min(end.began),
            // The event that did it was stored some time before it was told.
            (_, Ending::PutOut) => from,
            (_, Ending::Detached | Ending::Deleted | Ending::Closed) => end.began,
        },
    };
    let deleted = index.deletions.get(&subscription.room).map(|place| index.records[*place].began);
    let until = [subscription.half_open, deleted].into_iter().flatten().fold(until, u64::min);
    (from, until)
}

/// Until when a subscription possibly counted.
fn possibly_until(index: &Index<'_>, subscription: &Subscription<'_>) -> u64 {
    if let Some(at) = subscription.half_open {
        // This already includes some slack.
        return at.saturating_add(DEAD);
    }
    let noticed = |at: u64, grace: u64| index.timeline.after_fault(at).saturating_add(grace + SLACK);
    let until = subscription.end.map(|end| {
        let record = &index.records[end.place];
        match &record.what {
            What::Closed { by_client: true, code: Some(_) } => noticed(end.began, 0),
            What::Closed { .. } => noticed(end.began, GRACE),
            What::Detach { result, .. } if !matches!(result, Outcome::Ok(())) => u64::MAX,
            _ => noticed(record.seen(), 0),
        }
    });
    until.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, attach, attach_from, delete, detach, resumed, send, sent, user_list, viewed},
        history::{Outcome, Phase, What},
    };

    /// Ann and Bob are online; Cat only reads.
    fn builder() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", attach(1, resumed(0)));
        builder.did(2, "bob", attach(1, resumed(0)));
        let What::Attach { room, after, result, .. } = attach_from(1, None, resumed(0)) else { return builder };
        builder.did(3, "cat", What::Attach { room, after, presence: false, result });
        builder.at(10);
        builder
    }

    /// After these steps all is quiet, and at 30 s the list is asked for.
    fn asked(tell: impl FnOnce(&mut HistoryBuilder), at: u64, users: &[&str]) -> HistoryBuilder {
        let mut builder = builder();
        tell(&mut builder);
        builder.phase(Phase::Quiet);
        builder.at(at);
        builder.did(9, "dan", viewed(1, users));
        for (connection, user) in [(1, "ann"), (2, "bob"), (3, "cat")] {
            builder.closed(connection, user, true, Some(1000));
        }
        builder
    }

    #[test]
    fn a_leave_is_told_of_someone_who_has_another_session() {
        for (others, found) in [(false, &[][..]), (true, &["missing_presence"])] {
            let mut builder = builder();
            if others {
                builder.did(4, "bob", attach(1, resumed(0)));
            }
            builder.phase(Phase::Quiet);
            builder.at(20);
            builder.closed(2, "bob", true, Some(1000));
            builder.saw(1, "ann", What::Leave { room: 1, who: "bob".into() });
            builder.did(4, "bob", send(1, "k1", sent(1)));
            builder.finds(found);
        }
    }

    #[test]
    fn those_who_are_there_are_shown() {
        asked(|_| {}, 30, &["ann", "bob"]).finds(&[]);
        asked(|_| {}, 30, &["ann"]).finds(&["missing_presence"]);
        asked(|_| {}, 30, &["ann", "bob", "cat"]).finds(&["ghost_presence"]);
    }

    #[test]
    fn a_close_counts_at_once_and_a_loss_after_the_grace() {
        let clean = |builder: &mut HistoryBuilder| builder.closed(2, "bob", true, Some(1000));
        asked(clean, 12, &["ann", "bob"]).finds(&[]);
        asked(clean, 15, &["ann", "bob"]).finds(&["ghost_presence"]);
        let lost = |builder: &mut HistoryBuilder| builder.closed(2, "bob", true, None);
        asked(lost, 15, &["ann", "bob"]).finds(&[]);
        asked(lost, 30, &["ann", "bob"]).finds(&["ghost_presence"]);
        asked(lost, 15, &["ann"]).finds(&[]);
        let detached = |builder: &mut HistoryBuilder| builder.did(2, "bob", detach(1));
        asked(detached, 30, &["ann", "bob"]).finds(&["ghost_presence"]);
    }

    #[test]
    fn the_dead_are_found_in_time() {
        let dead = |builder: &mut HistoryBuilder| {
            builder.saw(2, "bob", What::HalfOpen);
            builder.closed(2, "bob", true, None);
        };
        asked(dead, 50, &["ann", "bob"]).finds(&[]);
        asked(dead, 70, &["ann", "bob"]).finds(&["ghost_presence"]);
        asked(dead, 70, &["ann"]).finds(&[]);
    }

    #[test]
    fn who_has_vanished_is_gone_in_time_even_while_things_break() {
        let vanished = |tell: fn(&mut HistoryBuilder), at, users: &[&str]| {
            let mut builder = builder();
            builder.phase(Phase::Fault("network_vanishes".into()));
            builder.saw(2, "bob", What::HalfOpen);
            tell(&mut builder);
            builder.at(at);
            builder.did(9, "dan", viewed(1, users));
            builder.closed(2, "bob", true, None);
            builder
        };
        vanished(|_| {}, 54, &["ann", "bob"]).finds(&[]);
        vanished(|_| {}, 56, &["ann", "bob"]).finds(&["ghost_presence"]);
        vanished(|_| {}, 60, &["ann"]).finds(&[]);
        vanished(|_| {}, 60, &["ann", "eve"]).finds(&[]);
        let comes_back = |builder: &mut HistoryBuilder| builder.did(4, "bob", attach(1, resumed(0)));
        vanished(comes_back, 60, &["ann", "bob"]).finds(&[]);
    }

    #[test]
    fn a_restart_starts_from_nobody() {
        let restart = |builder: &mut HistoryBuilder| {
            builder.phase(Phase::Fault("kill".into()));
            builder.closed(2, "bob", false, None);
            builder.phase(Phase::Healed);
        };
        asked(restart, 15, &["ann"]).finds(&[]);
        asked(restart, 40, &["ann", "bob"]).finds(&["ghost_presence"]);
    }

    #[test]
    fn nothing_is_judged_before_all_is_quiet() {
        let mut builder = builder();
        builder.did(9, "dan", viewed(1, &["eve"]));
        builder.finds(&[]);
    }

    #[test]
    fn one_that_may_be_attached_may_be_shown() {
        let tried = |builder: &mut HistoryBuilder| {
            builder.unanswered(
                5,
                "eve",
                What::Attach { room: 1, after: None, presence: true, result: Outcome::Unknown },
            );
        };
        asked(tried, 30, &["ann", "bob", "eve"]).finds(&[]);
        asked(tried, 30, &["ann", "bob"]).finds(&[]);
    }

    #[test]
    fn a_room_that_goes_shows_nobody() {
        let mut builder = builder();
        builder.phase(Phase::Quiet);
        builder.at(20);
        builder.during(9, "dan", 0, 9, viewed(1, &[]));
        builder.during(8, "ann", -3, 9, delete(1));
        builder.finds(&[]);
    }

    /// What Ann is told by signals at the end of the quiet phase.
    fn told(signals: &[What]) -> HistoryBuilder {
        let mut builder = builder();
        for what in signals {
            builder.saw(1, "ann", what.clone());
        }
        builder.phase(Phase::Quiet);
        builder.at(30);
        builder.phase(Phase::Final);
        for (connection, user) in [(1, "ann"), (2, "bob"), (3, "cat")] {
            builder.closed(connection, user, true, Some(1000));
        }
        builder
    }

    #[test]
    fn signals_add_up_to_those_who_are_there() {
        let join = |who: &str| What::Join { room: 1, who: who.into() };
        let leave = |who: &str| What::Leave { room: 1, who: who.into() };
        told(&[]).finds(&[]);
        told(&[user_list(1, &["ann", "bob"])]).finds(&[]);
        told(&[user_list(1, &["ann"]), join("bob"), join("eve"), leave("eve")]).finds(&[]);
        told(&[user_list(1, &["ann"])]).finds(&["missing_presence"]);
        told(&[user_list(1, &["ann", "bob"]), leave("bob")]).finds(&["missing_presence"]);
        told(&[user_list(1, &["ann", "bob", "eve"])]).finds(&["ghost_presence"]);
        told(&[user_list(1, &["ann", "bob"]), join("eve")]).finds(&["ghost_presence"]);
        told(&[What::UserList { room: 1, users: vec![], count: 250 }, leave("bob")]).finds(&[]);
    }

    #[test]
    fn a_count_is_that_of_its_list() {
        let list = |count| What::UserList { room: 1, users: vec!["ann".into(), "bob".into()], count };
        told(&[list(2)]).finds(&[]);
        told(&[list(3)]).finds(&["missing_presence"]);
        told(&[list(1)]).finds(&["ghost_presence"]);
    }
}
