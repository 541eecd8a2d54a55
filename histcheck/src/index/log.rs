//! The log of a room, reconstructed from everyone who saw a part of it.

use std::collections::{BTreeMap, HashMap};

use super::{Command, Deed, Known, Subscription, Timeline};
use crate::history::{Attached, Changed, Event, Kind, Outcome, Page, Record, Sent, What};

/// A log as far as it was seen.
#[derive(Debug, Default)]
pub(crate) struct Log<'a> {
    /// Each event, as it was seen first.
    pub(crate) entries: BTreeMap<u64, Entry<'a>>,
    /// Numbers on which two observers disagree, with a record of each.
    pub(crate) conflicts: BTreeMap<u64, (usize, usize)>,
    /// By number: since when it is known that the log reaches that far; see [`Log::finish`].
    marks: Vec<(u64, Since)>,
    /// The dump of the log, if there is one.
    pub(crate) stored: Option<usize>,
    /// The known numbers in order, to find out whether unknown ones are between them.
    numbers: Vec<u64>,
    /// The changes of the name, by number.
    names: BTreeMap<u64, (&'a str, usize)>,
    /// The numbers of the events that somebody saw, in order.
    seen: Vec<u64>,
    /// The number of each event, by its author and what was asked for.
    by_deed: HashMap<(&'a str, Deed<'a>), u64>,
}

/// An event of a log.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) author: Option<&'a str>,
    pub(crate) known: Known<'a>,
    /// The first record in the history that shows it.
    pub(crate) place: usize,
    /// The record that shows it earliest in time.
    pub(crate) earliest: Mark,
    /// Its first `ok`.
    pub(crate) acknowledged: Option<Mark>,
    /// The record that shows it erased earliest in time.
    pub(crate) erased: Option<Mark>,
    /// Its stamp, if it was told.
    pub(crate) at: Option<u64>,
}

/// The time at which a log is known to have reached a number, and the record that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) at: u64,
    pub(crate) place: usize,
}

/// Since when a number is known to exist.
#[derive(Debug, Clone, Copy)]
struct Since {
    /// Known to readers of the database.
    committed: Mark,
    /// Known to those who are attached to the room: it was answered or received.
    applied: Mark,
}

const NEVER: Mark = Mark { at: u64::MAX, place: usize::MAX };

impl<'a> Log<'a> {
    /// The earliest sign, to readers of the database, that the log reaches this number.
    pub(crate) fn committed(&self, seq: u64) -> Option<Mark> {
        self.known(seq).map(|known| known.committed)
    }

    /// The earliest sign, to those who are attached, that the log reaches this number.
    pub(crate) fn applied(&self, seq: u64) -> Option<Mark> {
        self.known(seq).map(|known| known.applied).filter(|mark| *mark != NEVER)
    }

    /// The last number that is known to exist by then.
    pub(crate) fn head_at(&self, at: u64) -> Option<(u64, Mark)> {
        // The marks of higher numbers are not earlier than those of lower ones; see `finish`.
        let count = self.marks.partition_point(|(_, known)| known.committed.at <= at);
        let (seq, known) = self.marks.get(count.checked_sub(1)?)?;
        Some((*seq, known.committed))
    }

    /// The name that the room has at that head according to the log, with the record that shows it, if that is certain.
    pub(crate) fn name_at(&self, head: u64) -> Option<(&'a str, usize)> {
        let (seq, (name, place)) = self.names.range(..=head).next_back()?;
        self.knows_all(*seq, head).then_some((*name, *place))
    }

    /// Whether the room was certainly not renamed up to that head.
    pub(crate) fn is_unnamed_at(&self, head: u64) -> bool {
        self.names.range(..=head).next().is_none() && self.knows_all(0, head)
    }

    /// Whether each event after `after` and up to `head` was seen.
    fn knows_all(&self, after: u64, head: u64) -> bool {
        let count = |seq: u64| self.numbers.partition_point(|known| *known <= seq);
        head >= after && (count(head) - count(after)) as u64 == head - after
    }

    /// Whether somebody saw each event after `after` and up to `head`.
    pub(crate) fn has_seen(&self, after: u64, head: u64) -> bool {
        let count = |seq: u64| self.seen.partition_point(|known| *known <= seq);
        head >= after && (count(head) - count(after)) as u64 == head - after
    }

    /// The number of the event that a command made.
    pub(crate) fn number_of<'s>(&'s self, author: &'s str, deed: Deed<'s>) -> Option<u64> {
        self.by_deed.get(&(author, deed)).copied()
    }

    /// The last number of which there is a sign, with that sign.
    pub(crate) fn last(&self) -> Option<(u64, Mark)> {
        self.marks.last().map(|(seq, known)| (*seq, known.committed))
    }

    fn known(&self, seq: u64) -> Option<Since> {
        let index = self.marks.partition_point(|(known, _)| *known < seq);
        self.marks.get(index).map(|(_, known)| *known)
    }

    fn see(&mut self, event: &'a Event, mark: Mark, applied: bool) {
        self.insert(event.seq, event.kind.author(), Known::of(&event.kind), mark);
        if let Some(entry) = self.entries.get_mut(&event.seq) {
            entry.at = entry.at.or(event.at);
            if event.kind.is_erased() {
                entry.erased = Some(entry.erased.map_or(mark, |earlier| earlier.min(mark)));
            }
        }
        self.reach(event.seq, mark, applied);
    }

    fn see_page(&mut self, page: &'a Page, mark: Mark) {
        for state in &page.messages {
            self.insert(state.seq, Some(&state.message.sender), Known::of_state(state), mark);
            let changes = [state.edited.as_ref().map(|edit| edit.seq), state.deleted.as_ref().map(|end| end.seq)];
            let seqs = changes.into_iter().flatten().chain([state.seq]);
            seqs.for_each(|seq| self.reach(seq, mark, false));
        }
        self.reach(page.head, mark, false);
    }

    fn insert(&mut self, seq: u64, author: Option<&'a str>, known: Known<'a>, mark: Mark) {
        let fresh =
            || Entry { author, known, place: mark.place, earliest: mark, acknowledged: None, erased: None, at: None };
        let entry = self.entries.entry(seq).or_insert_with(fresh);
        if entry.author != author || !entry.known.agrees(known) {
            self.conflicts.entry(seq).or_insert((entry.place, mark.place));
        } else {
            entry.earliest = entry.earliest.min(mark);
            if known.worth() > entry.known.worth() {
                entry.known = known;
            }
        }
    }

    fn acknowledge(&mut self, seq: u64, record: &'a Record, command: &Command<'a>, mark: Mark) {
        let Command { key, deed, .. } = *command;
        let known = Known::Acknowledged { key, deed };
        self.insert(seq, Some(&record.user), known, mark);
        if let Some(entry) = self.entries.get_mut(&seq)
            && entry.author == Some(&record.user)
            && entry.known.agrees(known)
        {
            entry.acknowledged = Some(entry.acknowledged.map_or(mark, |earlier| earlier.min(mark)));
        }
        self.reach(seq, mark, true);
    }

    fn reach(&mut self, seq: u64, mark: Mark, applied: bool) {
        let applied = if applied { mark } else { NEVER };
        self.marks.push((seq, Since { committed: mark, applied }));
    }

    /// Numbers are given in order: whoever sees one knows that all lower ones exist.
    fn finish(&mut self) {
        self.marks.sort_by_key(|(seq, _)| *seq);
        let mut after = Since { committed: NEVER, applied: NEVER };
        for (_, known) in self.marks.iter_mut().rev() {
            known.committed = known.committed.min(after.committed);
            known.applied = known.applied.min(after.applied);
            after = *known;
        }
        self.marks.reverse();
        // Of the marks of one number the last one here is the earliest.
        let mut reduced: Vec<(u64, Since)> = Vec::with_capacity(self.marks.len());
        for (seq, known) in self.marks.drain(..) {
            match reduced.last_mut() {
                Some((last, earlier)) if *last == seq => *earlier = known,
                _ => reduced.push((seq, known)),
            }
        }
        reduced.reverse();
        self.marks = reduced;
        self.numbers = self.entries.keys().copied().collect();
        for (seq, entry) in &self.entries {
            if entry.known.is_seen() {
                self.seen.push(*seq);
            }
            if let Known::Other(Kind::RoomUpdated { name, .. }) = entry.known {
                self.names.insert(*seq, (name, entry.place));
            }
            if let Some(deed) = entry.known.deed() {
                self.by_deed.entry((entry.author.unwrap_or(""), deed)).or_insert(*seq);
            }
        }
    }
}

/// Reconstructs all logs of a history.
pub(super) fn all<'a>(
    records: &'a [Record],
    timeline: &Timeline<'a>,
    subscriptions: &[Subscription<'a>],
) -> BTreeMap<(u64, &'a str), Log<'a>> {
    let mut logs = BTreeMap::<(u64, &'a str), Log<'a>>::new();
    for (place, record) in records.iter().enumerate() {
        let mark = Mark { at: record.seen(), place };
        match &record.what {
            What::Send { room, result: Outcome::Ok(Sent { event: Some(event), .. }), .. } => {
                let Some(epoch) = timeline.epoch_of(record) else { continue };
                logs.entry((*room, epoch)).or_default().see(event, mark, true);
            }
            What::Change { room, result: Outcome::Ok(Changed { page: Some(page), .. }), .. } => {
                let Some(epoch) = timeline.epoch_of(record) else { continue };
                logs.entry((*room, epoch)).or_default().see_page(page, mark);
            }
            What::Attach { room, result: Outcome::Ok(attached), .. } => {
                let (head, events) = match attached {
                    Attached::Resumed { head, events } => (head, events.as_slice()),
                    Attached::Resync { head } => (head, [].as_slice()),
                };
                let log = logs.entry((*room, &head.epoch)).or_default();
                events.iter().for_each(|event| log.see(event, mark, true));
                log.reach(head.seq, mark, true);
            }
            What::Read { room, result: Outcome::Ok(page), .. } => {
                let Some(epoch) = timeline.epoch_told(record, &page.epoch) else { continue };
                logs.entry((*room, epoch)).or_default().see_page(page, mark);
            }
            What::Rooms { result: Outcome::Ok(listing) } => {
                let Some(epoch) = timeline.epoch_of(record) else { continue };
                for listed in &listing.rooms {
                    logs.entry((listed.room, epoch)).or_default().reach(listed.head, mark, false);
                }
            }
            What::Stored { room, epoch, head, events, .. } => {
                let log = logs.entry((*room, epoch)).or_default();
                events.iter().for_each(|event| log.see(event, mark, false));
                log.reach(*head, mark, false);
                log.stored = Some(place);
            }
            What::Fed { room, event: Some(event) } => {
                let Some(epoch) = timeline.epoch_of(record) else { continue };
                logs.entry((*room, epoch)).or_default().see(event, mark, false);
            }
            What::Look { room, result: Outcome::Ok(seen) } | What::Rename { room, result: Outcome::Ok(seen), .. } => {
                let Some(epoch) = timeline.epoch_of(record) else { continue };
                logs.entry((*room, epoch)).or_default().reach(seen.head, mark, false);
            }
            _ => {}
        }
    }
    for subscription in subscriptions {
        let log = logs.entry((subscription.room, &subscription.head.epoch)).or_default();
        for &place in &subscription.events {
            if let What::Event { event, .. } = &records[place].what {
                log.see(event, Mark { at: records[place].began, place }, true);
            }
        }
    }
    acknowledge(records, timeline, &mut logs);
    logs.values_mut().for_each(Log::finish);
    logs
}

/// Adds what the `ok` of commands tell. Where the event was seen, they have to agree with it.
fn acknowledge<'a>(records: &'a [Record], timeline: &Timeline<'a>, logs: &mut BTreeMap<(u64, &'a str), Log<'a>>) {
    for (place, record) in records.iter().enumerate() {
        let Some(command) = Command::of(record) else { continue };
        let Some((seq, epoch)) = command.seq.zip(timeline.epoch_of(record)) else { continue };
        let mark = Mark { at: record.seen(), place };
        logs.entry((command.room, epoch)).or_default().acknowledge(seq, record, &command, mark);
    }
}
