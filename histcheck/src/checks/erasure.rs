//! Checks that what was deleted is told to nobody who asks later, and that nothing else is erased.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Attached, Event, Kind, Outcome, Page, What},
    index::{Index, Mark},
};

/// Looks for texts that are told after the deletion, and for texts that are missing without one.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let mut asked = Asked { index, place, findings };
        match &record.what {
            What::Attach { room, result: Outcome::Ok(Attached::Resumed { head, events }), .. } => {
                asked.events(*room, &head.epoch, events);
            }
            What::Send { room, result: Outcome::Ok(sent), .. } => {
                let Some(epoch) = index.timeline.epoch_of(record) else { continue };
                asked.events(*room, epoch, sent.event.as_slice());
            }
            What::Fed { room, event } => {
                let Some(epoch) = index.timeline.epoch_of(record) else { continue };
                asked.events(*room, epoch, event.as_slice());
            }
            What::Read { room, result: Outcome::Ok(page), .. } => {
                let Some(epoch) = index.timeline.epoch_told(record, &page.epoch) else { continue };
                asked.page(*room, epoch, page);
            }
            What::Stored { room, epoch, events, name: Some(_), .. } => asked.stored(*room, epoch, events),
            _ => {}
        }
    }
    erased(index, findings);
}

/// A record that tells texts.
struct Asked<'r, 'a, 'f> {
    index: &'r Index<'a>,
    place: usize,
    findings: &'r mut Findings<'f>,
}

impl Asked<'_, '_, '_> {
    /// Checks events that somebody asked for.
    fn events(&mut self, room: u64, epoch: &str, events: &[Event]) {
        let began = self.index.records[self.place].began;
        for event in events {
            let Some(deletion) = self.deletion(room, epoch, event) else { continue };
            let known = self.index.logs.get(&(room, epoch)).and_then(|log| log.applied(deletion));
            if let Some(mark) = known.filter(|mark| mark.at < began) {
                self.wrong(room, event.seq, &[mark.place, self.place]);
            }
        }
    }

    /// Checks the whole log: what is deleted in it has to be erased in it.
    fn stored(&mut self, room: u64, epoch: &str, events: &[Event]) {
        for event in events {
            let deletion = self.deletion(room, epoch, event);
            if deletion.is_some_and(|deletion| deletion <= events.len() as u64) {
                self.wrong(room, event.seq, &[self.place]);
            }
        }
    }

    fn page(&mut self, room: u64, epoch: &str, page: &Page) {
        let Some(fold) = self.index.folds.get(&(room, epoch)) else { return };
        for state in &page.messages {
            let deleted = fold.messages.get(&state.seq).and_then(|folded| folded.deleted(page.head));
            if (deleted.is_some() || state.deleted.is_some()) && state.message.content != Default::default() {
                self.wrong(room, state.seq, &[self.place]);
            }
        }
    }

    /// The number of the deletion of an event's text, if it has one.
    fn deletion(&self, room: u64, epoch: &str, event: &Event) -> Option<u64> {
        let message = match &event.kind {
            Kind::Message(message) if !message.erased => event.seq,
            Kind::MessageEdited(edited) if !edited.erased => edited.target,
            _ => return None,
        };
        let fold = self.index.folds.get(&(room, epoch))?;
        Some(fold.messages.get(&message)?.deleted(u64::MAX)?.0)
    }

    fn wrong(&mut self, room: u64, seq: u64, shown_by: &[usize]) {
        let what = format!("the text of number {seq} of room {room} is told after the message was deleted");
        self.findings.push(Name::DeletedText, what, shown_by, Some(seq));
    }
}

/// Looks for texts that are erased though nobody has deleted their message by then.
fn erased(index: &Index<'_>, findings: &mut Findings<'_>) {
    for ((room, _), log) in &index.logs {
        for (seq, entry) in &log.entries {
            let Some(Mark { at, place }) = entry.erased else { continue };
            let target = match entry.known.target() {
                Some(target) => target,
                None => *seq,
            };
            let began = index.commands.first_deletion(*room, target);
            if began.is_none_or(|began| began > at) {
                let what = format!("number {seq} of room {room} is erased, and nobody had deleted it");
                findings.push(Name::FoldMismatch, what, &[place], Some(*seq));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            DELETE, HistoryBuilder, attach, attach_from, change, deleted, delivered, erased, message, position,
            resumed, send, sent, stored,
        },
        history::{Attached, Event, What},
    };

    fn gap(head: u64, events: Vec<Event>) -> What {
        attach_from(1, Some(position(0)), Attached::Resumed { head: position(head), events })
    }

    /// Ann has sent a message and deleted it; Bob has received both.
    fn builder() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
        builder.did(1, "ann", change(1, "k2", 1, DELETE, Ok(Some(2))));
        builder.saw(2, "bob", delivered(1, deleted(2, "ann", "k2", 1)));
        builder
    }

    #[test]
    fn who_asks_later_is_not_told_the_text() {
        let (mut good, mut bad) = (builder(), builder());
        good.did(3, "cat", gap(2, vec![erased(1, "ann", "k1"), deleted(2, "ann", "k2", 1)]));
        good.finds(&[]);
        bad.did(3, "cat", gap(2, vec![message(1, "ann", "k1"), deleted(2, "ann", "k2", 1)]));
        bad.finds(&["deleted_text"]);
    }

    #[test]
    fn who_asked_before_may_be_told_the_text() {
        let mut builder = builder();
        builder.during(3, "cat", -4, 20, gap(2, vec![message(1, "ann", "k1"), deleted(2, "ann", "k2", 1)]));
        builder.finds(&[]);
    }

    #[test]
    fn the_database_does_not_hold_the_text() {
        let (mut good, mut bad) = (builder(), builder());
        good.did(0, "run", stored(1, Some("den"), 2, vec![erased(1, "ann", "k1"), deleted(2, "ann", "k2", 1)]));
        good.finds(&[]);
        bad.did(0, "run", stored(1, Some("den"), 2, vec![message(1, "ann", "k1"), deleted(2, "ann", "k2", 1)]));
        bad.finds(&["deleted_text"]);
    }

    #[test]
    fn a_text_is_missing_that_nobody_deleted() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(3, "cat", gap(1, vec![erased(1, "ann", "k1")]));
        builder.finds(&["fold_mismatch"]);
    }
}
