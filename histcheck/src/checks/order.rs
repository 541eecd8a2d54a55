//! Checks that a command takes effect after everything that ended before it began.

use std::collections::{BTreeMap, HashMap};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Attached, Kind, Outcome, What},
    index::{Command, Entry, Index, Known, Subscription},
};

/// Looks for events with a lower number than others that were known when they began, and for commands of one connection
/// that took effect in another order.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    realtime(index, findings);
    for places in index.connections.values() {
        issued(index, places, findings);
    }
    for subscription in &index.subscriptions {
        answered_first(index, subscription, findings);
    }
}

fn realtime(index: &Index<'_>, findings: &mut Findings<'_>) {
    let renames = first_renames(index);
    for ((room, _), log) in &index.logs {
        for (seq, entry) in &log.entries {
            let Some((began, cause)) = cause(index, &renames, *room, entry) else { continue };
            let Some(mark) = log.committed(*seq) else { continue };
            // A mark that itself was seen before its command began is reported elsewhere.
            if mark.at < began && entry.earliest.at >= began {
                let what = format!(
                    "number {seq} of room {room} was given to what began after the log was known to reach that far"
                );
                findings.push(Name::RealtimeInversion, what, &[mark.place, cause, entry.place], Some(*seq));
            }
        }
    }
}

/// When the first attempt at what made an event began.
pub(super) fn cause(
    index: &Index<'_>,
    renames: &HashMap<(u64, &str), usize>,
    room: u64,
    entry: &Entry<'_>,
) -> Option<(u64, usize)> {
    let place = match entry.known {
        Known::Other(Kind::RoomUpdated { name, .. }) => *renames.get(&(room, name))?,
        Known::Other(Kind::RoomDeleted) => *index.deletions.get(&room)?,
        known => index.commands.causing(room, entry.author?, known)?.first,
    };
    Some((index.records[place].began, place))
}

/// The place of the first attempt at each rename, by room and name.
pub(super) fn first_renames<'a>(index: &Index<'a>) -> HashMap<(u64, &'a str), usize> {
    let mut first = HashMap::new();
    for (place, record) in index.records.iter().enumerate() {
        if let What::Rename { room, name, .. } = &record.what {
            let kept = first.entry((*room, name.as_str())).or_insert(place);
            if record.began < index.records[*kept].began {
                *kept = place;
            }
        }
    }
    first
}

/// A command of a connection, and the number at which it took effect.
struct Step {
    began: u64,
    place: usize,
    seq: u64,
    is_attach: bool,
}

fn issued(index: &Index<'_>, places: &[usize], findings: &mut Findings<'_>) {
    let mut rooms = BTreeMap::<u64, Vec<Step>>::new();
    for &place in places {
        if let Some((room, step)) = step(index, place) {
            rooms.entry(room).or_default().push(step);
        }
    }
    for (room, mut steps) in rooms {
        steps.sort_by_key(|step| step.began);
        let mut highest: Option<&Step> = None;
        for step in &steps {
            // The number of an attach is the head that it found; commands that were issued later have higher numbers.
            let overtaken = |before: &&Step| {
                before.began < step.began && !step.is_attach && step.seq <= before.seq && step.place != before.place
            };
            if let Some(before) = highest.filter(overtaken) {
                let what = format!("of two commands of one connection for room {room} the later one took effect first");
                findings.push(Name::SessionOrder, what, &[before.place, step.place], Some(step.seq));
            }
            if highest.is_none_or(|before| step.seq > before.seq) {
                highest = Some(step);
            }
        }
    }
}

/// The number at which a command took effect, if that is certain.
fn step(index: &Index<'_>, place: usize) -> Option<(u64, Step)> {
    let record = &index.records[place];
    if let Some(command) = Command::of(record) {
        if !index.commands.is_sole(index.records, place) {
            return None;
        }
        let Command { room, deed, is_ok, is_refused, .. } = command;
        let found = || index.log_at(room, record)?.number_of(&record.user, deed);
        // A command that was certainly refused took no effect. Of several attempts it is not known which one did.
        let is_open = !is_ok && index.commands.is_only(room, &record.user, deed);
        // One that changed nothing made no event; a later attempt may have.
        let seq = command.seq.or_else(|| if is_open { found() } else { None });
        let seq = seq.filter(|_| !is_refused)?;
        return Some((room, Step { began: record.began, place, seq, is_attach: false }));
    }
    match &record.what {
        What::Attach { room, result: Outcome::Ok(attached), .. } => {
            let (Attached::Resumed { head, .. } | Attached::Resync { head }) = attached;
            Some((*room, Step { began: record.began, place, seq: head.seq, is_attach: true }))
        }
        _ => None,
    }
}

/// Checks that a user receives the `ok` of a command before its own event.
fn answered_first(index: &Index<'_>, subscription: &Subscription<'_>, findings: &mut Findings<'_>) {
    for &place in &subscription.events {
        let record = &index.records[place];
        let What::Event { event, .. } = &record.what else { continue };
        if event.kind.author() != Some(&record.user) {
            continue;
        }
        let Some(tries) = index.commands.causing(subscription.room, &record.user, Known::of(&event.kind)) else {
            continue;
        };
        let late = tries.places.iter().copied().find(|asked| {
            let answer = &index.records[*asked];
            let is_ok = Command::of(answer).is_some_and(|command| command.is_ok);
            answer.connection == record.connection && is_ok && *asked > place
        });
        if let Some(asked) = late.filter(|asked| index.commands.is_sole(index.records, *asked)) {
            let what = format!("its user heard number {} of room {} before its ok", event.seq, subscription.room);
            findings.push(Name::SessionOrder, what, &[place, asked], Some(event.seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, attach, delivered, message, page, read, resumed, send, sent},
        history::Page,
    };

    #[test]
    fn a_number_before_one_that_was_acknowledged_earlier() {
        let mut builder = HistoryBuilder::new();
        let (one, other) = (send(1, "k1", sent(2)), send(1, "k2", sent(1)));
        builder.did(1, "ann", one.clone());
        builder.did(2, "bob", other.clone());
        builder.finds(&["realtime_inversion"]);

        let mut overlapping = HistoryBuilder::new();
        overlapping.during(1, "ann", 0, 20, one);
        overlapping.during(2, "bob", 10, 20, other);
        overlapping.finds(&[]);
    }

    #[test]
    fn a_retry_that_began_later_has_its_first_number() {
        let mut builder = HistoryBuilder::new();
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        builder.did(2, "bob", send(1, "k2", sent(2)));
        builder.did(3, "ann", send(1, "k1", sent(1)));
        builder.finds(&[]);
    }

    #[test]
    fn a_number_that_a_reader_knew_to_be_taken() {
        let mut builder = HistoryBuilder::new();
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        builder.unanswered(1, "ann", send(1, "k2", Err("?")));
        let mut good = builder.clone();
        let page_of_the_last = Page { has_before: true, ..page(2, vec![message(2, "ann", "k2")]) };
        builder.did(2, "bob", read(1, page_of_the_last));
        builder.did(2, "bob", send(1, "k3", sent(1)));
        builder.finds(&["realtime_inversion"]);
        good.did(2, "bob", read(1, page(2, vec![message(1, "ann", "k1"), message(2, "ann", "k2")])));
        good.did(2, "bob", send(1, "k3", sent(3)));
        good.finds(&[]);
    }

    #[test]
    fn pipelined_commands_overtake_each_other() {
        for (first, second, found) in [(1, 2, &[][..]), (2, 1, &["session_order"])] {
            let mut builder = HistoryBuilder::new();
            builder.during(1, "ann", 0, 50, send(1, "k1", sent(first)));
            builder.during(1, "ann", 1, 50, send(1, "k2", sent(second)));
            builder.finds(found);
        }
    }

    #[test]
    fn a_pipelined_send_is_retried_elsewhere() {
        let mut builder = HistoryBuilder::new();
        builder.during(1, "ann", 0, 50, send(1, "k1", sent(2)));
        builder.during(1, "ann", 1, 50, send(1, "k2", sent(1)));
        builder.during(2, "ann", 5, 40, send(1, "k1", sent(2)));
        builder.finds(&[]);
    }

    #[test]
    fn what_was_refused_is_sent_again_later_in_another_order() {
        for refused in ["storage_full", "outcome_unknown"] {
            let mut builder = HistoryBuilder::new();
            builder.during(1, "ann", 0, 5, send(1, "k1", Err(refused)));
            builder.during(1, "ann", 1, 5, send(1, "k2", Err(refused)));
            builder.at(10);
            builder.did(1, "ann", send(1, "k2", sent(1)));
            builder.did(1, "ann", send(1, "k1", sent(2)));
            builder.finds(&[]);
        }
    }

    #[test]
    fn a_send_overtakes_the_attach_before_it() {
        for (head, found) in [(0, &[][..]), (1, &["session_order"])] {
            let mut builder = HistoryBuilder::new();
            builder.during(1, "ann", 0, 50, attach(1, resumed(head)));
            builder.during(1, "ann", 1, 50, send(1, "k1", sent(1)));
            builder.finds(found);
        }
    }

    #[test]
    fn the_sender_hears_it_before_the_ok() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", attach(1, resumed(0)));
        let (heard, answered) = (delivered(1, message(1, "ann", "k1")), send(1, "k1", sent(1)));
        let mut good = builder.clone();
        good.during(1, "ann", 0, 50, answered.clone());
        good.saw(1, "ann", heard.clone());
        good.finds(&[]);
        builder.at(1);
        builder.saw(1, "ann", heard);
        builder.during(1, "ann", -50, 100, answered);
        builder.finds(&["session_order"]);
    }
}
