//! Checks that nobody is shown typing for long after the last refresh, a message, a leave or a loss.

use std::collections::{HashMap, HashSet};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Outcome, What},
    index::{Index, Subscription},
    tolerance::{SLACK, STOP, TYPING},
};

/// Checks everyone who was shown typing, and why they may have been.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    let reasons = reasons(index);
    for subscription in &index.subscriptions {
        walk(index, subscription, &reasons, findings);
    }
}

fn walk(index: &Index<'_>, subscription: &Subscription<'_>, reasons: &Reasons<'_>, findings: &mut Findings<'_>) {
    let mut shown: HashSet<&str> = HashSet::new();
    let mut told = HashSet::new();
    let mut since = subscription.attach;
    let mut see = |shown: &HashSet<&str>, at: u64, places: &[usize]| {
        for user in shown {
            let until = until(reasons, subscription.room, user, at);
            if until.is_none_or(|(until, _)| index.timeline.after_fault(until) < at) && told.insert((*user).to_owned())
            {
                let refresh = until.map(|(_, place)| place);
                let places: Vec<usize> = places.iter().copied().chain(refresh).collect();
                let what = format!("{user} is shown typing in room {} for too long", subscription.room);
                findings.push(Name::StuckTyping, what, &places, None);
            }
        }
    };
    for &place in &subscription.signals {
        let record = &index.records[place];
        let What::Typing { users, .. } = &record.what else { continue };
        see(&shown, record.began, &[since, place]);
        shown = users.iter().map(String::as_str).collect();
        see(&shown, record.began, &[place]);
        since = place;
    }
    // A client that closes may receive signals until the close is done.
    see(&shown, last(index, subscription).max(index.records[since].began), &[since]);
}

/// Until when a subscription surely showed what it had been told.
fn last(index: &Index<'_>, subscription: &Subscription<'_>) -> u64 {
    let last = match subscription.end {
        Some(end) if matches!(index.records[end.place].what, What::Closed { by_client: false, .. }) => {
            subscription.last_sign.min(end.began)
        }
        Some(end) => end.began,
        None => subscription.last_sign,
    };
    subscription.half_open.map_or(last, |dead| last.min(dead))
}

/// For each room and user the reasons why they may be shown, in order of time; each with the latest end of it and all
/// earlier ones.
type Reasons<'a> = HashMap<(u64, &'a str), Vec<Reason>>;

/// A refresh: the period in which it allows a user to be shown.
#[derive(Clone, Copy)]
struct Reason {
    from: u64,
    until: u64,
    place: usize,
}

/// Until when a user may be shown for refreshes that had begun by then, and the refresh that allows it.
fn until(reasons: &Reasons<'_>, room: u64, user: &str, at: u64) -> Option<(u64, usize)> {
    let reasons = reasons.get(&(room, user))?;
    let count = reasons.partition_point(|reason| reason.from <= at);
    let reason = reasons[..count].last()?;
    Some((reason.until, reason.place))
}

/// When something that a user did began and was surely done, with its place.
#[derive(Clone, Copy)]
struct Done {
    began: u64,
    by: u64,
    place: usize,
}

fn reasons<'a>(index: &Index<'a>) -> Reasons<'a> {
    let messages = messages(index);
    let mut reasons = Reasons::new();
    for places in index.connections.values() {
        for (room, user, mut refresh, stopped) in refreshes(index, places) {
            let mut until = refresh.by.saturating_add(TYPING);
            if let Some(stopped) = stopped {
                until = until.min(stopped.saturating_add(STOP + SLACK));
            }
            // Messages on any connection that surely began after the refresh was done.
            if let Some(sent) = messages.get(&(room, user)) {
                let first = sent.partition_point(|done| done.began <= refresh.by);
                until = sent.get(first).map_or(until, |done| until.min(done.by.saturating_add(STOP + SLACK)));
            }
            refresh.by = until.max(refresh.began);
            let reason = Reason { from: refresh.began, until: refresh.by, place: refresh.place };
            reasons.entry((room, user)).or_default().push(reason);
        }
    }
    for reasons in reasons.values_mut() {
        reasons.sort_by_key(|reason: &Reason| reason.from);
        for index in 1..reasons.len() {
            if reasons[index - 1].until > reasons[index].until {
                (reasons[index].until, reasons[index].place) = (reasons[index - 1].until, reasons[index - 1].place);
            }
        }
    }
    reasons
}

/// The acknowledged messages of each room and user, by their beginning; `by` is the earliest end of it and all later
/// ones.
fn messages<'a>(index: &Index<'a>) -> HashMap<(u64, &'a str), Vec<Done>> {
    let mut messages = HashMap::<_, Vec<Done>>::new();
    for (place, record) in index.records.iter().enumerate() {
        if let What::Send { room, result: Outcome::Ok(sent), .. } = &record.what
            && !sent.replayed
        {
            let done = Done { began: record.began, by: record.seen(), place };
            messages.entry((*room, record.user.as_str())).or_default().push(done);
        }
    }
    for sent in messages.values_mut() {
        sent.sort_by_key(|done| done.began);
        for index in (1..sent.len()).rev() {
            sent[index - 1].by = sent[index - 1].by.min(sent[index].by);
        }
    }
    messages
}

/// The refreshes of a connection: the room, the user, when it was surely done, and by when the connection ended it.
fn refreshes<'a>(index: &Index<'a>, places: &[usize]) -> Vec<(u64, &'a str, Done, Option<u64>)> {
    let mut commands: Vec<usize> = places.to_vec();
    commands.sort_by_key(|place| index.records[*place].began);
    // Backwards in time: what was done or stopped in each room after the current record.
    let (mut done_by, mut stopped_by) = (HashMap::<u64, u64>::new(), HashMap::<u64, u64>::new());
    let mut closed = None;
    let mut refreshes = Vec::new();
    for &place in commands.iter().rev() {
        let record = &index.records[place];
        let earlier = |map: &mut HashMap<u64, u64>, room: u64, at: u64| {
            map.entry(room).and_modify(|by| *by = (*by).min(at)).or_insert(at);
        };
        match &record.what {
            What::Closed { code, by_client } => closed = Some((record.began, *by_client || code.is_some())),
            What::Type { room, is_typing: true, result } if !result.is_refused() => {
                let by = record.ended.into_iter().chain(done_by.get(room).copied()).min();
                let by = by.or(closed.map(|(at, _)| index.timeline.after_fault(at).saturating_add(SLACK)));
                let stopped = stopped_by.get(room).copied();
                let lost = closed.filter(|(_, noticed)| *noticed).map(|(at, _)| index.timeline.after_fault(at));
                let refresh = Done { began: record.began, by: by.unwrap_or(u64::MAX), place };
                refreshes.push((*room, record.user.as_str(), refresh, stopped.into_iter().chain(lost).min()));
            }
            What::Type { room, is_typing: false, result: Outcome::Ok(()) }
            | What::Detach { room, result: Outcome::Ok(()) } => earlier(&mut stopped_by, *room, record.seen()),
            What::Send { room, result: Outcome::Ok(sent), .. } if !sent.replayed => {
                earlier(&mut stopped_by, *room, record.seen());
            }
            _ => {}
        }
        if let (Some(room), Some(ended)) = (record.what.room(), record.ended)
            && !matches!(
                record.what,
                What::Event { .. }
                    | What::UserList { .. }
                    | What::Join { .. }
                    | What::Leave { .. }
                    | What::Typing { .. }
            )
        {
            earlier(&mut done_by, room, ended);
        }
    }
    refreshes
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, attach, detach, resumed, send, sent, types, typing},
        history::{Outcome, Phase, What},
    };

    /// Bob sees Ann type from 1 s on; then these steps happen, and at `until` seconds Bob sees that nobody types.
    fn shown(tell: impl FnOnce(&mut HistoryBuilder), until: u64) -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", attach(1, resumed(0)));
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.at(1);
        builder.did(1, "ann", types(1, true));
        builder.saw(2, "bob", typing(1, &["ann"]));
        tell(&mut builder);
        builder.at(until);
        builder.saw(2, "bob", typing(1, &[]));
        builder
    }

    #[test]
    fn ten_seconds_after_the_last_refresh() {
        shown(|_| {}, 8).finds(&[]);
        shown(|_| {}, 12).finds(&["stuck_typing"]);
        let refresh = |builder: &mut HistoryBuilder| {
            builder.at(4);
            builder.did(1, "ann", types(1, true));
        };
        shown(refresh, 12).finds(&[]);
        shown(refresh, 15).finds(&["stuck_typing"]);
    }

    #[test]
    fn someone_is_told_while_they_close() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", attach(1, resumed(0)));
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.at(2);
        builder.did(1, "ann", types(1, true));
        builder.saw(2, "bob", typing(1, &["ann"]));
        builder.during(2, "bob", -1000, 1100, What::Closed { code: Some(1000), by_client: true });
        builder.finds(&[]);
    }

    #[test]
    fn a_message_a_stop_a_detach_and_a_close_are_the_end() {
        let ends: [fn(&mut HistoryBuilder); 6] = [
            |builder| builder.did(1, "ann", send(1, "k1", sent(1))),
            |builder| builder.did(9, "ann", send(1, "k1", sent(1))),
            |builder| builder.did(1, "ann", types(1, false)),
            |builder| builder.did(1, "ann", detach(1)),
            |builder| builder.closed(1, "ann", true, None),
            |builder| builder.closed(1, "ann", false, Some(4560)),
        ];
        for end in ends {
            shown(end, 4).finds(&[]);
            shown(end, 6).finds(&["stuck_typing"]);
        }
    }

    #[test]
    fn a_refresh_after_the_message_or_elsewhere_is_a_new_reason() {
        let goes_on = |builder: &mut HistoryBuilder| {
            builder.did(1, "ann", send(1, "k1", sent(1)));
            builder.did(1, "ann", types(1, true));
        };
        shown(goes_on, 8).finds(&[]);
        let at_once = |builder: &mut HistoryBuilder| {
            builder.during(3, "ann", 0, 20, types(1, true));
            builder.during(1, "ann", 10, 20, send(1, "k1", sent(1)));
        };
        shown(at_once, 8).finds(&[]);
        let elsewhere = |builder: &mut HistoryBuilder| {
            builder.did(3, "ann", types(1, true));
            builder.closed(1, "ann", true, Some(1000));
        };
        shown(elsewhere, 8).finds(&[]);
    }

    #[test]
    fn a_refresh_without_an_answer_is_done_with_the_next_command() {
        let unanswered = What::Type { room: 1, is_typing: true, result: Outcome::Unknown };
        let later = |builder: &mut HistoryBuilder| {
            builder.at(3);
            builder.unanswered(1, "ann", unanswered.clone());
            builder.at(5);
            builder.during(1, "ann", 0, 10, detach(2));
        };
        shown(later, 30).finds(&[]);
        let done = |builder: &mut HistoryBuilder| {
            later(builder);
            builder.did(1, "ann", types(1, true));
        };
        shown(done, 14).finds(&[]);
        shown(done, 20).finds(&["stuck_typing"]);
    }

    #[test]
    fn a_fault_may_hold_the_stop_up() {
        let fault = |builder: &mut HistoryBuilder| {
            builder.at(5);
            builder.phase(Phase::Fault("stop".into()));
            builder.at(20);
            builder.phase(Phase::Healed);
        };
        shown(fault, 22).finds(&[]);
        shown(fault, 27).finds(&["stuck_typing"]);
    }

    #[test]
    fn someone_who_never_typed() {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.saw(2, "bob", typing(1, &["ann"]));
        builder.finds(&["stuck_typing"]);
    }

    #[test]
    fn it_is_shown_to_the_end() {
        let mut builder = shown(|_| {}, 2);
        builder.did(1, "ann", types(1, true));
        builder.saw(2, "bob", typing(1, &["ann"]));
        let mut good = builder.clone();
        good.closed(2, "bob", true, Some(1000));
        good.finds(&[]);
        builder.at(20);
        builder.closed(2, "bob", true, Some(1000));
        builder.finds(&["stuck_typing"]);
    }
}
