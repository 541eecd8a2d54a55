//! A user is shown as online while a session of theirs hears the room, and not much longer.
//!
//! Judged only while all is quiet: there, the clients' and the server's view of a connection are the same but for the
//! grace. Someone *surely* hears a room from the answer of their attach until whatever may have ended it began; they
//! *possibly* do from its beginning until its end was surely noticed, and the grace is over.
//!
//! One thing is judged always: who has vanished is gone in time, since nothing else that breaks keeps a server from noticing.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Outcome, What},
    index::{Ending, Index, Subscription},
    tolerance::{DEAD, GRACE, NAMED, SECOND, SLACK},
};

/// Looks at what was told of who is online.
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

/// What each subscription was told by signals, at the end of each quiet phase.
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

/// Whether it surely heard its room all that time.
fn hears(index: &Index<'_>, subscription: &Subscription<'_>, from: u64, until: u64) -> bool {
    let (start, end) = surely(index, subscription);
    start <= from && until <= end
}

/// Who a subscription shows as online by then; `None` if only their number.
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

/// Who was told to be online.
struct Shown<'a> {
    users: BTreeSet<&'a str>,
    /// The record that tells (the list, where joins and leaves followed one).
    place: usize,
}

/// Who hears a room with presence.
#[derive(Default)]
struct Online<'a> {
    surely: Vec<Span<'a>>,
    possibly: Vec<Span<'a>>,
    /// Whose network has vanished, and where they were attached.
    vanished: BTreeMap<&'a str, usize>,
}

/// From when to when, and the attach.
#[derive(Clone, Copy)]
struct Span<'a> {
    user: &'a str,
    from: u64,
    until: u64,
    attach: usize,
}

/// Who must and who may be shown.
struct Expected<'a> {
    surely: BTreeMap<&'a str, usize>,
    possibly: BTreeSet<&'a str>,
}

impl<'a> Online<'a> {
    /// Who must be shown for having been there from `since` to `until`, and who may be between `from` and `until`.
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
    /// Whether somebody is shown who vanished too long ago.
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
    // An attach that was given up may have been done; it lasts as long as its connection.
    for places in index.connections.values() {
        let closed = places.iter().find(|place| matches!(index.records[**place].what, What::Closed { .. }));
        let closed = closed.map_or(u64::MAX, |place| index.records[*place].began);
        for &attach in places {
            let record = &index.records[attach];
            if let What::Attach { room, presence: true, result, .. } = &record.what
                && result.is_unknown()
            {
                let until = index.timeline.calm(closed).saturating_add(GRACE + SLACK);
                let span = Span { user: &record.user, from: record.began, until, attach };
                rooms.entry(*room).or_default().possibly.push(span);
            }
        }
    }
    rooms
}

/// From when to when a subscription surely heard its room.
fn surely(index: &Index<'_>, subscription: &Subscription<'_>) -> (u64, u64) {
    let from = index.records[subscription.attach].seen();
    let until = match subscription.end {
        None => subscription.last_sign,
        Some(end) => match (&index.records[end.place].what, end.how) {
            // The server may have ended it long before its client saw that.
            (What::Closed { by_client: false, .. }, _) => subscription.last_sign.min(end.began),
            (_, Ending::Detached | Ending::Deleted | Ending::Closed) => end.began,
        },
    };
    let deleted = index.deletions.get(&subscription.room).map(|place| index.records[*place].began);
    let until = [subscription.half_open, deleted].into_iter().flatten().fold(until, u64::min);
    (from, until)
}

/// Until when a subscription may have counted.
fn possibly_until(index: &Index<'_>, subscription: &Subscription<'_>) -> u64 {
    if let Some(at) = subscription.half_open {
        // That has some slack already.
        return at.saturating_add(DEAD);
    }
    let noticed = |at: u64, grace: u64| index.timeline.calm(at).saturating_add(grace + SLACK);
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
        history::{Outcome, Phase, What},
        sample::{Story, attach, attach_from, delete, detach, resumed, send, sent, user_list, viewed},
    };

    /// Ann and Bob are online; Cat only reads.
    fn story() -> Story {
        let mut story = Story::new();
        story.did(1, "ann", attach(1, resumed(0)));
        story.did(2, "bob", attach(1, resumed(0)));
        let What::Attach { room, after, result, .. } = attach_from(1, None, resumed(0)) else { return story };
        story.did(3, "cat", What::Attach { room, after, presence: false, result });
        story.at(10);
        story
    }

    /// Then this happens, all is quiet, and at 30 s someone asks.
    fn asked(tell: impl FnOnce(&mut Story), at: u64, users: &[&str]) -> Story {
        let mut story = story();
        tell(&mut story);
        story.phase(Phase::Quiet);
        story.at(at);
        story.did(9, "dan", viewed(1, users));
        for (connection, user) in [(1, "ann"), (2, "bob"), (3, "cat")] {
            story.closed(connection, user, true, Some(1000));
        }
        story
    }

    #[test]
    fn a_leave_is_told_of_someone_who_has_another_session() {
        for (others, found) in [(false, &[][..]), (true, &["missing_presence"])] {
            let mut story = story();
            if others {
                story.did(4, "bob", attach(1, resumed(0)));
            }
            story.phase(Phase::Quiet);
            story.at(20);
            story.closed(2, "bob", true, Some(1000));
            story.saw(1, "ann", What::Leave { room: 1, who: "bob".into() });
            story.did(4, "bob", send(1, "k1", sent(1)));
            story.finds(found);
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
        let clean = |story: &mut Story| story.closed(2, "bob", true, Some(1000));
        asked(clean, 12, &["ann", "bob"]).finds(&[]);
        asked(clean, 15, &["ann", "bob"]).finds(&["ghost_presence"]);
        let lost = |story: &mut Story| story.closed(2, "bob", true, None);
        asked(lost, 15, &["ann", "bob"]).finds(&[]);
        asked(lost, 30, &["ann", "bob"]).finds(&["ghost_presence"]);
        asked(lost, 15, &["ann"]).finds(&[]);
        let detached = |story: &mut Story| story.did(2, "bob", detach(1));
        asked(detached, 30, &["ann", "bob"]).finds(&["ghost_presence"]);
    }

    #[test]
    fn the_dead_are_found_in_time() {
        let dead = |story: &mut Story| {
            story.saw(2, "bob", What::HalfOpen);
            story.closed(2, "bob", true, None);
        };
        asked(dead, 50, &["ann", "bob"]).finds(&[]);
        asked(dead, 70, &["ann", "bob"]).finds(&["ghost_presence"]);
        asked(dead, 70, &["ann"]).finds(&[]);
    }

    #[test]
    fn who_has_vanished_is_gone_in_time_even_while_things_break() {
        let vanished = |tell: fn(&mut Story), at, users: &[&str]| {
            let mut story = story();
            story.phase(Phase::Fault("network_vanishes".into()));
            story.saw(2, "bob", What::HalfOpen);
            tell(&mut story);
            story.at(at);
            story.did(9, "dan", viewed(1, users));
            story.closed(2, "bob", true, None);
            story
        };
        vanished(|_| {}, 54, &["ann", "bob"]).finds(&[]);
        vanished(|_| {}, 56, &["ann", "bob"]).finds(&["ghost_presence"]);
        vanished(|_| {}, 60, &["ann"]).finds(&[]);
        vanished(|_| {}, 60, &["ann", "eve"]).finds(&[]);
        let comes_back = |story: &mut Story| story.did(4, "bob", attach(1, resumed(0)));
        vanished(comes_back, 60, &["ann", "bob"]).finds(&[]);
    }

    #[test]
    fn a_restart_starts_from_nobody() {
        let restart = |story: &mut Story| {
            story.phase(Phase::Fault("kill".into()));
            story.closed(2, "bob", false, None);
            story.phase(Phase::Healed);
        };
        asked(restart, 15, &["ann"]).finds(&[]);
        asked(restart, 40, &["ann", "bob"]).finds(&["ghost_presence"]);
    }

    #[test]
    fn nothing_is_judged_before_all_is_quiet() {
        let mut story = story();
        story.did(9, "dan", viewed(1, &["eve"]));
        story.finds(&[]);
    }

    #[test]
    fn one_that_may_be_attached_may_be_shown() {
        let tried = |story: &mut Story| {
            story.unanswered(5, "eve", What::Attach { room: 1, after: None, presence: true, result: Outcome::Unknown });
        };
        asked(tried, 30, &["ann", "bob", "eve"]).finds(&[]);
        asked(tried, 30, &["ann", "bob"]).finds(&[]);
    }

    #[test]
    fn a_room_that_goes_shows_nobody() {
        let mut story = story();
        story.phase(Phase::Quiet);
        story.at(20);
        story.during(9, "dan", 0, 9, viewed(1, &[]));
        story.during(8, "ann", -3, 9, delete(1));
        story.finds(&[]);
    }

    /// What Ann is told by signals, at the end of the quiet phase.
    fn told(signals: &[What]) -> Story {
        let mut story = story();
        for what in signals {
            story.saw(1, "ann", what.clone());
        }
        story.phase(Phase::Quiet);
        story.at(30);
        story.phase(Phase::Final);
        for (connection, user) in [(1, "ann"), (2, "bob"), (3, "cat")] {
            story.closed(connection, user, true, Some(1000));
        }
        story
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
