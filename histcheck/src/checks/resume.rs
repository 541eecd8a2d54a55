//! Checks that the answer to an attach contains exactly what was missed, or is a `resync`.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Attached, Event, Outcome, Position, What},
    index::Index,
};

/// Checks every attach that was answered without a `resync`.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let What::Attach { room, after, result: Outcome::Ok(Attached::Resumed { head, events }), .. } = &record.what
        else {
            continue;
        };
        if let Some((what, around)) = dishonest(after.as_ref(), head, events) {
            findings.push(Name::DishonestResume, format!("room {room}: {what}"), &[place], Some(around));
        }
    }
}

fn dishonest(after: Option<&Position>, head: &Position, events: &[Event]) -> Option<(String, u64)> {
    let Some(after) = after else {
        let first = events.first()?.seq;
        return Some((format!("an attach from the head was answered with events, the first is {first}"), first));
    };
    // Without an epoch only the number counts.
    if !after.epoch.is_empty() && after.epoch != head.epoch {
        let what = format!("a position of epoch {} was resumed in epoch {}", after.epoch, head.epoch);
        return Some((what, after.seq));
    }
    if after.seq > head.seq {
        let what = format!("the position {} was resumed though the log ends at {}", after.seq, head.seq);
        return Some((what, after.seq));
    }
    let expected = after.seq + 1..=head.seq;
    let wrong = expected.clone().zip(events).find(|(seq, event)| *seq != event.seq);
    if let Some((seq, event)) = wrong {
        return Some((format!("resumed after {}: {} stands where {seq} should", after.seq, event.seq), seq));
    }
    let wanted = head.seq - after.seq;
    (events.len() as u64 != wanted).then(|| {
        let what = format!("resumed after {} up to {}, with {} events", after.seq, head.seq, events.len());
        (what, after.seq + events.len() as u64 + 1)
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, attach, attach_from, gap, message, position, position_in, resumed, send, sent},
        history::{Attached, Event, Position},
    };

    fn answered(after: Option<Position>, attached: Attached) -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        for n in 1..=4 {
            builder.did(1, "ann", send(1, &format!("k{n}"), sent(n)));
        }
        builder.did(2, "bob", attach_from(1, after, attached));
        builder
    }

    fn with(seqs: &[u64]) -> Attached {
        let events: Vec<Event> = seqs.iter().map(|n| message(*n, "ann", &format!("k{n}"))).collect();
        Attached::Resumed { head: position(4), events }
    }

    #[test]
    fn exactly_what_was_missed() {
        answered(Some(position(2)), gap(2, 4, "ann")).finds(&[]);
        answered(Some(position(4)), gap(4, 4, "ann")).finds(&[]);
        answered(Some(position_in("", 2)), gap(2, 4, "ann")).finds(&[]);
        answered(Some(position(2)), Attached::Resync { head: position(4) }).finds(&[]);
        answered(None, resumed(4)).finds(&[]);
    }

    #[test]
    fn less_or_more_than_that() {
        answered(Some(position(1)), with(&[2, 4])).finds(&["lost_write", "dishonest_resume"]);
        answered(Some(position(1)), with(&[3, 4])).finds(&["lost_write", "dishonest_resume"]);
        answered(Some(position(2)), with(&[])).finds(&["lost_write", "dishonest_resume"]);
        answered(Some(position(2)), with(&[2, 3, 4])).finds(&["dishonest_resume"]);
        answered(Some(position(2)), with(&[4, 3])).finds(&["lost_write", "dishonest_resume"]);
        answered(None, with(&[4])).finds(&["dishonest_resume"]);
    }

    #[test]
    fn a_position_that_is_none_of_this_log() {
        answered(Some(position(5)), resumed(4)).finds(&["dishonest_resume"]);
        answered(Some(position_in("other", 2)), with(&[3, 4])).finds(&["dishonest_resume"]);
        for after in [position(5), position_in("other", 2)] {
            answered(Some(after), Attached::Resync { head: position(4) }).finds(&[]);
        }
    }

    #[test]
    fn a_room_is_attached_for_the_first_time() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", attach(1, resumed(0)));
        builder.finds(&[]);
    }
}
