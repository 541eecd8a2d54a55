//! Checks that whoever follows all rooms is told everything once, and each room in the order of its log.

use std::collections::{BTreeMap, HashMap};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Event, Record, What},
    index::Index,
};

/// Walks through what each follower was told.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    let mut followers = BTreeMap::<&str, Follower<'_, '_>>::new();
    for (place, record) in index.records.iter().enumerate() {
        if !matches!(record.what, What::Fed { .. } | What::FedAll) {
            continue;
        }
        let new = || Follower { index, rooms: HashMap::new() };
        let follower = followers.entry(&record.process).or_insert_with(new);
        match &record.what {
            What::Fed { room, event: Some(event) } => follower.event(place, *room, event, findings),
            What::Fed { room, event: None } => follower.made(place, *room, findings),
            _ => follower.has_all(place, record, findings),
        }
    }
    for follower in followers.values() {
        follower.end(findings);
    }
}

/// What one follower was told of the rooms.
struct Follower<'r, 'a> {
    index: &'r Index<'a>,
    rooms: HashMap<u64, Told>,
}

/// What a follower was told of a room: everything up to this number, last by this record.
#[derive(Clone, Copy)]
struct Told {
    seq: u64,
    place: usize,
}

impl Follower<'_, '_> {
    fn made(&mut self, place: usize, room: u64, findings: &mut Findings<'_>) {
        if let Some(told) = self.rooms.insert(room, Told { seq: 0, place }) {
            let what = format!("a feed told twice that room {room} was made");
            findings.push(Name::Repeat, what, &[told.place, place], None);
        }
    }

    fn event(&mut self, place: usize, room: u64, event: &Event, findings: &mut Findings<'_>) {
        let Some(told) = self.rooms.get_mut(&room) else {
            let what = format!("a feed told number {} of room {room}, and not that the room was made", event.seq);
            findings.push(Name::Gap, what, &[place], Some(event.seq));
            self.rooms.insert(room, Told { seq: event.seq, place });
            return;
        };
        let (before, shown_by) = (told.seq, [told.place, place]);
        *told = Told { seq: event.seq, place };
        // Of a room that is deleted, the feed has what is left.
        if event.seq > before + 1 && !self.index.deletions.contains_key(&room) {
            let what = format!("after number {before} of room {room} a feed told {}", event.seq);
            findings.push(Name::Gap, what, &shown_by, Some(before));
        } else if event.seq <= before {
            let what = format!("after number {before} of room {room} a feed told {} again", event.seq);
            findings.push(Name::Repeat, what, &shown_by, Some(event.seq));
        }
    }

    /// It was told that there was nothing more, when it had asked after others had been answered.
    fn has_all(&self, place: usize, record: &Record, findings: &mut Findings<'_>) {
        for (room, log) in self.index.logs_at(record) {
            let told = self.rooms.get(&room).map_or(0, |told| told.seq);
            if let Some(mark) = log.applied(told + 1).filter(|mark| mark.at < record.began) {
                let what = format!("a feed had told room {room} up to {told}, and said that there was nothing more");
                findings.push(Name::StaleRead, what, &[mark.place, place], Some(told + 1));
            }
        }
    }

    /// Sooner or later it is told everything.
    fn end(&self, findings: &mut Findings<'_>) {
        let Some(&(quiet, _)) = self.index.timeline.rounds.last() else { return };
        for ((room, _), log) in &self.index.logs {
            let Some((head, mark)) = log.head_at(quiet) else { continue };
            let told = self.rooms.get(room);
            let seq = told.map_or(0, |told| told.seq);
            if seq < head {
                let what = format!("a feed told room {room} up to {seq}; the log goes to {head}");
                let places = [Some(mark.place), told.map(|told| told.place)];
                let places: Vec<_> = places.into_iter().flatten().collect();
                findings.push(Name::UnseenAfterHeal, what, &places, Some(head));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            DELETE, HistoryBuilder, attach, change, delete, deleted, delivered, erased, message, resumed, room_deleted,
            send, sent,
        },
        history::{Event, Kind, Phase, What},
    };

    /// Ann has sent three messages to a room; a follower is told this.
    fn fed(told: &[Option<u64>]) -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        for seq in 1..=3 {
            builder.did(1, "ann", send(1, &format!("k{seq}"), sent(seq)));
        }
        for seq in told {
            let event = seq.map(|seq| message(seq, "ann", &format!("k{seq}")));
            builder.did(2, "follower", What::Fed { room: 1, event });
        }
        builder
    }

    #[test]
    fn everything_is_told_once_in_order() {
        fed(&[None, Some(1), Some(2), Some(3)]).finds(&[]);
        fed(&[None, Some(1)]).finds(&[]);
        fed(&[Some(1), Some(2)]).finds(&["gap"]);
        fed(&[None, Some(1), Some(3)]).finds(&["gap"]);
        fed(&[None, Some(1), Some(1)]).finds(&["repeat"]);
        fed(&[None, Some(1), Some(2), None]).finds(&["repeat"]);
        fed(&[None, Some(1), Some(3), Some(2)]).finds(&["gap", "repeat"]);
    }

    #[test]
    fn each_follower_is_told_everything() {
        let mut builder = fed(&[None, Some(1)]);
        builder.did(3, "other", What::Fed { room: 1, event: None });
        builder.did(3, "other", What::Fed { room: 1, event: Some(message(1, "ann", "k1")) });
        builder.finds(&[]);
    }

    #[test]
    fn it_is_what_the_log_has() {
        let mut builder = fed(&[None]);
        builder.did(2, "follower", What::Fed { room: 1, event: Some(message(1, "ann", "k9")) });
        builder.finds(&["fork", "phantom"]);
    }

    #[test]
    fn nothing_more_means_nothing_more() {
        let told = |told: &[Option<u64>]| {
            let mut builder = fed(told);
            builder.did(2, "follower", What::FedAll);
            builder
        };
        told(&[None, Some(1), Some(2), Some(3)]).finds(&[]);
        told(&[None, Some(1), Some(2)]).finds(&["stale_read"]);
        told(&[]).finds(&["stale_read"]);
    }

    #[test]
    fn sooner_or_later_it_is_told_everything() {
        let at_the_end = |told: &[Option<u64>]| {
            let mut builder = fed(told);
            builder.phase(Phase::Quiet);
            builder.at(20);
            builder.phase(Phase::Final);
            builder
        };
        at_the_end(&[None, Some(1), Some(2), Some(3)]).finds(&[]);
        at_the_end(&[None, Some(1), Some(2)]).finds(&["unseen_after_heal"]);
        // Nobody follows.
        at_the_end(&[]).finds(&[]);
    }

    #[test]
    fn of_a_deleted_room_it_is_told_what_is_left_and_the_end() {
        let ended = |told: &[u64]| {
            let mut builder = HistoryBuilder::new();
            builder.did(3, "bob", attach(1, resumed(0)));
            builder.did(1, "ann", send(1, "k1", sent(1)));
            builder.saw(3, "bob", delivered(1, message(1, "ann", "k1")));
            builder.did(4, "ann", delete(1));
            builder.saw(3, "bob", room_deleted(1, 2));
            builder.did(2, "follower", What::Fed { room: 1, event: None });
            for seq in told {
                let event = if *seq == 2 { Event::new(2, Kind::RoomDeleted) } else { message(1, "ann", "k1") };
                builder.did(2, "follower", What::Fed { room: 1, event: Some(event) });
            }
            builder.phase(Phase::Quiet);
            builder.at(20);
            builder.phase(Phase::Final);
            builder
        };
        ended(&[1, 2]).finds(&[]);
        ended(&[2]).finds(&[]);
        ended(&[1]).finds(&["unseen_after_heal"]);
    }

    #[test]
    fn what_was_deleted_is_not_told_later() {
        let told = |event: Event| {
            let mut builder = HistoryBuilder::new();
            builder.did(1, "ann", send(1, "k1", sent(1)));
            builder.did(1, "ann", change(1, "d", 1, DELETE, Ok(Some(2))));
            for event in [None, Some(event), Some(deleted(2, "ann", "d", 1))] {
                builder.did(2, "follower", What::Fed { room: 1, event });
            }
            builder
        };
        told(erased(1, "ann", "k1")).finds(&[]);
        told(message(1, "ann", "k1")).finds(&["deleted_text"]);
    }
}
