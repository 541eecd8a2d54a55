//! What is done after something else takes effect after it.

use std::collections::{BTreeMap, HashMap};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Attached, Kind, Outcome, What},
    index::{Entry, Index, Said, Subscription},
};

/// Looks for events that stand before what had happened when they began, and for commands of one connection that
/// overtook each other.
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
            // What was itself seen before it began is no matter of order.
            if mark.at < began && entry.earliest.at >= began {
                let what = format!(
                    "number {seq} of room {room} was given to what began after the log was known to reach that far"
                );
                findings.push(Name::RealtimeInversion, what, &[mark.place, cause, entry.place], Some(*seq));
            }
        }
    }
}

/// When the first try of what made an event began.
fn cause(
    index: &Index<'_>,
    renames: &HashMap<(u64, &str), usize>,
    room: u64,
    entry: &Entry<'_>,
) -> Option<(u64, usize)> {
    let place = match entry.kind {
        Said::Message { body, .. } => index.sends.of(room, entry.author?, body)?.first,
        Said::Renamed(name) => *renames.get(&(room, name))?,
        Said::Deleted => *index.deletions.get(&room)?,
    };
    Some((index.records[place].began, place))
}

fn first_renames<'a>(index: &Index<'a>) -> HashMap<(u64, &'a str), usize> {
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

/// A command of a connection and the number that it took effect at.
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
            // The number of an attach is the head it found: what was issued later has a higher one.
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

/// Where a command took effect, if that is sure.
fn step(index: &Index<'_>, place: usize) -> Option<(u64, Step)> {
    let record = &index.records[place];
    match &record.what {
        What::Send { room, body, result, .. } if index.sends.is_sole(index.records, place) => {
            let found = || index.log_at(*room, record)?.number_of(&record.user, body);
            let seq = match result {
                Outcome::Ok(sent) => sent.seq,
                // One that was surely not stored took no effect, and of several it is not known which one did.
                Outcome::Refused(_) if result.is_refused() => return None,
                Outcome::Refused(_) | Outcome::Unknown if !index.sends.is_only(*room, &record.user, body) => {
                    return None;
                }
                Outcome::Refused(_) | Outcome::Unknown => found()?,
            };
            Some((*room, Step { began: record.began, place, seq, is_attach: false }))
        }
        What::Attach { room, result: Outcome::Ok(attached), .. } => {
            let (Attached::Resumed { head, .. } | Attached::Resync { head }) = attached;
            Some((*room, Step { began: record.began, place, seq: head.seq, is_attach: true }))
        }
        _ => None,
    }
}

/// The ok of a send stands before the message's own event in its sender's stream.
fn answered_first(index: &Index<'_>, subscription: &Subscription<'_>, findings: &mut Findings<'_>) {
    for &place in &subscription.events {
        let record = &index.records[place];
        let What::Event { event, .. } = &record.what else { continue };
        let Kind::Message { sender, body, .. } = &event.kind else { continue };
        if *sender != record.user {
            continue;
        }
        let Some(tries) = index.sends.of(subscription.room, sender, body) else { continue };
        let late = tries.places.iter().copied().find(|send| {
            let answer = &index.records[*send];
            let is_ok = matches!(answer.what, What::Send { result: Outcome::Ok(_), .. });
            answer.connection == record.connection && is_ok && *send > place
        });
        if let Some(send) = late.filter(|send| index.sends.is_sole(index.records, *send)) {
            let what = format!("the sender heard number {} of room {} before its ok", event.seq, subscription.room);
            findings.push(Name::SessionOrder, what, &[place, send], Some(event.seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sample::{Story, attach, delivered, message, page, read, resumed, send, sent};

    #[test]
    fn a_number_before_one_that_was_acknowledged_earlier() {
        let mut story = Story::new();
        let (one, other) = (send(1, "k1", sent(2)), send(1, "k2", sent(1)));
        story.did(1, "ann", one.clone());
        story.did(2, "bob", other.clone());
        story.finds(&["realtime_inversion"]);

        let mut overlapping = Story::new();
        overlapping.during(1, "ann", 0, 20, one);
        overlapping.during(2, "bob", 10, 20, other);
        overlapping.finds(&[]);
    }

    #[test]
    fn a_retry_that_began_later_has_its_first_number() {
        let mut story = Story::new();
        story.unanswered(1, "ann", send(1, "k1", Err("?")));
        story.did(2, "bob", send(1, "k2", sent(2)));
        story.did(3, "ann", send(1, "k1", sent(1)));
        story.finds(&[]);
    }

    #[test]
    fn a_number_that_a_reader_knew_to_be_taken() {
        let mut story = Story::new();
        story.unanswered(1, "ann", send(1, "k1", Err("?")));
        story.unanswered(1, "ann", send(1, "k2", Err("?")));
        let mut good = story.clone();
        story.did(2, "bob", read(1, page(2, vec![message(2, "ann", "k2")])));
        story.did(2, "bob", send(1, "k3", sent(1)));
        story.finds(&["realtime_inversion"]);
        good.did(2, "bob", read(1, page(2, vec![message(1, "ann", "k1"), message(2, "ann", "k2")])));
        good.did(2, "bob", send(1, "k3", sent(3)));
        good.finds(&[]);
    }

    #[test]
    fn pipelined_commands_overtake_each_other() {
        for (first, second, found) in [(1, 2, &[][..]), (2, 1, &["session_order"])] {
            let mut story = Story::new();
            story.during(1, "ann", 0, 50, send(1, "k1", sent(first)));
            story.during(1, "ann", 1, 50, send(1, "k2", sent(second)));
            story.finds(found);
        }
    }

    #[test]
    fn a_pipelined_send_is_retried_elsewhere() {
        let mut story = Story::new();
        story.during(1, "ann", 0, 50, send(1, "k1", sent(2)));
        story.during(1, "ann", 1, 50, send(1, "k2", sent(1)));
        story.during(2, "ann", 5, 40, send(1, "k1", sent(2)));
        story.finds(&[]);
    }

    #[test]
    fn what_was_refused_is_sent_again_later_in_another_order() {
        for refused in ["storage_full", "outcome_unknown"] {
            let mut story = Story::new();
            story.during(1, "ann", 0, 5, send(1, "k1", Err(refused)));
            story.during(1, "ann", 1, 5, send(1, "k2", Err(refused)));
            story.at(10);
            story.did(1, "ann", send(1, "k2", sent(1)));
            story.did(1, "ann", send(1, "k1", sent(2)));
            story.finds(&[]);
        }
    }

    #[test]
    fn a_send_overtakes_the_attach_before_it() {
        for (head, found) in [(0, &[][..]), (1, &["session_order"])] {
            let mut story = Story::new();
            story.during(1, "ann", 0, 50, attach(1, resumed(head)));
            story.during(1, "ann", 1, 50, send(1, "k1", sent(1)));
            story.finds(found);
        }
    }

    #[test]
    fn the_sender_hears_it_before_the_ok() {
        let mut story = Story::new();
        story.did(1, "ann", attach(1, resumed(0)));
        let (heard, answered) = (delivered(1, message(1, "ann", "k1")), send(1, "k1", sent(1)));
        let mut good = story.clone();
        good.during(1, "ann", 0, 50, answered.clone());
        good.saw(1, "ann", heard.clone());
        good.finds(&[]);
        story.at(1);
        story.saw(1, "ann", heard);
        story.during(1, "ann", -50, 100, answered);
        story.finds(&["session_order"]);
    }
}
