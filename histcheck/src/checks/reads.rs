//! Checks that a read contains everything that was acknowledged or known before it began.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Attached, Outcome, Page, Record, What, Which},
    index::{Entry, Index, Known, Log, Mark},
};

/// Looks for heads that are stale, and for pages and gaps that lack messages.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let mut reading = Reading { index, place, record, findings };
        match &record.what {
            What::Read { room, of, result: Outcome::Ok(page) } => reading.page(*room, *of, page),
            What::Change { room, result: Outcome::Ok(changed), .. } => {
                let Some(page) = &changed.page else { continue };
                reading.page(*room, Which::Message(0), page);
            }
            What::Rooms { result: Outcome::Ok(listing) } => {
                for listed in &listing.rooms {
                    let Some(log) = index.log_at(listed.room, record) else { continue };
                    reading.head(listed.room, listed.head, log.committed(listed.head + 1));
                }
            }
            What::Attach { room, after, result: Outcome::Ok(attached), .. } => {
                let (Attached::Resumed { head, .. } | Attached::Resync { head }) = attached;
                let Some(log) = index.logs.get(&(*room, head.epoch.as_str())) else { continue };
                reading.head(*room, head.seq, log.applied(head.seq + 1));
                if let (Some(after), Attached::Resumed { events, .. }) = (after, attached) {
                    let events = events.iter().map(|event| (event.seq, Known::of(&event.kind))).collect();
                    let range = Range { from: after.seq + 1, until: head.seq, is_gap: true };
                    reading.covers(*room, log, range, events);
                }
            }
            What::Look { room, result: Outcome::Ok(seen) } | What::Rename { room, result: Outcome::Ok(seen), .. } => {
                let Some(log) = index.log_at(*room, record) else { continue };
                reading.head(*room, seen.head, log.committed(seen.head + 1));
            }
            _ => {}
        }
    }
}

/// A record of a read.
struct Reading<'r, 'a, 'f> {
    index: &'r Index<'a>,
    place: usize,
    record: &'a Record,
    findings: &'r mut Findings<'f>,
}

impl<'a> Reading<'_, 'a, '_> {
    fn page(&mut self, room: u64, of: Which, page: &'a Page) {
        let Some((log, _)) = self.index.log_of_page(room, self.record, &page.epoch) else { return };
        self.head(room, page.head, log.committed(page.head + 1));
        if of != Which::History {
            return;
        }
        if let Some(two) = page.messages.windows(2).find(|two| two[0].seq >= two[1].seq) {
            let what = format!("a page of room {room} is out of order at number {}", two[1].seq);
            self.findings.push(Name::FoldMismatch, what, &[self.place], Some(two[1].seq));
            return;
        }
        if let Some(range) = covered(page) {
            let messages = page.messages.iter().map(|state| (state.seq, Known::of_state(state))).collect();
            self.covers(room, log, range, messages);
        }
    }

    /// Checks a head; the mark shows by when the next number existed.
    fn head(&mut self, room: u64, head: u64, next: Option<Mark>) {
        let Some(mark) = next.filter(|mark| mark.at < self.record.began) else { return };
        let known = &self.index.records[mark.place];
        let whose = if known.user == self.record.user { "its own user" } else { "others" };
        let what = format!("the head of room {room} was told to be {head}, though {whose} knew more before");
        self.findings.push(Name::StaleRead, what, &[mark.place, self.place], Some(head + 1));
    }

    /// Checks that a page has all messages of the room's history in a range, and a gap all messages and their changes.
    fn covers(&mut self, room: u64, log: &Log<'_>, range: Range, read: Vec<(u64, Known<'_>)>) {
        let Range { from, until, is_gap } = range;
        if from > until || self.index.may_be_deleted(room, self.record.seen()) {
            return;
        }
        let mut read = read.into_iter().peekable();
        for (&seq, entry) in log.entries.range(from..=until) {
            while read.next_if(|(other, _)| *other < seq).is_some() {}
            let belongs = if is_gap { entry.known.is_message_or_change() } else { entry.known.is_countable() };
            if !belongs {
                continue;
            }
            let found = read.peek().filter(|(other, _)| *other == seq);
            if found.is_some_and(|(_, known)| known.agrees(entry.known)) {
                continue;
            }
            if found.is_none() || entry.acknowledged.is_some() {
                self.missing(room, log, (seq, is_gap), entry);
            }
        }
    }

    fn missing(&mut self, room: u64, log: &Log<'_>, (seq, is_gap): (u64, bool), entry: &Entry<'_>) {
        let before = |mark: &Mark| mark.at < self.record.began;
        if let Some(mark) = entry.acknowledged.filter(before) {
            let what = format!("number {seq} of room {room} was acknowledged, and is not in what was read later");
            self.findings.push(Name::LostWrite, what, &[mark.place, self.place], Some(seq));
        } else if let Some(mark) = log.committed(seq).filter(|mark| !is_gap || before(mark)) {
            let what = format!("number {seq} of room {room} is a message, and is not in what was read later");
            self.findings.push(Name::FoldMismatch, what, &[entry.place, mark.place, self.place], Some(seq));
        }
    }
}

/// The numbers that something read covers.
#[derive(Clone, Copy)]
struct Range {
    from: u64,
    until: u64,
    /// Whether it is a gap, with events of all kinds; else it is a page of the room's history.
    is_gap: bool,
}

/// The range of numbers of which a page has every message, if it says enough to know.
fn covered(page: &Page) -> Option<Range> {
    let (first, last) = (page.messages.first(), page.messages.last());
    let from = if page.has_before { first?.seq } else { 1 };
    let until = if page.has_after { last?.seq } else { page.head };
    Some(Range { from, until, is_gap: false })
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            HistoryBuilder, attach, attach_from, delete, gap, look, message, page, position, read, replayed, resumed,
            send, sent, stored,
        },
        history::Page,
    };

    /// Ann has sent three messages, all acknowledged.
    fn builder() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        for n in 1..=3 {
            builder.did(1, "ann", send(1, &format!("k{n}"), sent(n)));
        }
        builder
    }

    #[test]
    fn an_acknowledged_message_is_not_in_a_page() {
        let messages = |seqs: &[u64]| seqs.iter().map(|n| message(*n, "ann", &format!("k{n}"))).collect();
        let cases: [(bool, &[u64], bool, &[&str]); 7] = [
            (false, &[1, 2, 3], false, &[]),
            (true, &[2, 3], false, &[]),
            (true, &[2], true, &[]),
            (true, &[], false, &[]),
            (false, &[1, 3], false, &["lost_write"]),
            (false, &[1, 2], false, &["lost_write"]),
            (false, &[], false, &["lost_write"]),
        ];
        for (has_before, seqs, has_after, found) in cases {
            let mut builder = builder();
            let page = Page { has_before, has_after, ..page(3, messages(seqs)) };
            builder.did(2, "bob", read(1, page));
            builder.finds(found);
        }
    }

    #[test]
    fn a_send_races_with_a_read() {
        let mut builder = builder();
        builder.during(1, "ann", 0, 20, send(1, "k4", sent(4)));
        let messages = (1..=3).map(|n| message(n, "ann", &format!("k{n}"))).collect();
        builder.during(2, "bob", 10, 20, read(1, page(3, messages)));
        builder.finds(&[]);
    }

    #[test]
    fn a_page_ends_at_its_head_and_goes_with_the_room() {
        let mut newer = builder();
        newer.unanswered(1, "ann", send(1, "k4", Err("?")));
        let messages = (1..=4).map(|n| message(n, "ann", &format!("k{n}"))).collect();
        newer.did(2, "bob", read(1, page(3, messages)));
        newer.finds(&["fold_mismatch"]);
        let mut deleted = builder();
        deleted.during(2, "bob", 0, 20, read(1, page(3, vec![message(1, "ann", "k1")])));
        deleted.during(3, "cat", 10, 20, delete(1));
        deleted.finds(&[]);
    }

    #[test]
    fn a_message_that_was_only_seen_is_not_in_a_page() {
        let mut builder = HistoryBuilder::new();
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        builder.did(2, "bob", read(1, page(1, vec![message(1, "ann", "k1")])));
        builder.did(2, "bob", read(1, page(1, vec![])));
        builder.finds(&["fold_mismatch"]);
    }

    #[test]
    fn a_head_behind() {
        let cases = [
            (read(1, page(2, (1..=2).map(|n| message(n, "ann", &format!("k{n}"))).collect())), true),
            (look(1, "den", 2), true),
            (attach(1, resumed(2)), true),
            (attach_from(1, Some(position(1)), gap(1, 2, "ann")), true),
            (look(1, "den", 3), false),
            (attach(1, resumed(3)), false),
        ];
        for (what, stale) in cases {
            for user in ["ann", "bob"] {
                let mut builder = builder();
                builder.did(2, user, what.clone());
                builder.finds(if stale { &["stale_read"] } else { &[] });
            }
        }
    }

    #[test]
    fn what_a_reader_saw_may_not_be_applied_yet() {
        let mut builder = builder();
        builder.during(1, "ann", 0, 500, send(1, "k4", sent(4)));
        let messages = (1..=4).map(|n| message(n, "ann", &format!("k{n}"))).collect();
        builder.did(2, "bob", read(1, page(4, messages)));
        builder.did(3, "bob", attach(1, resumed(3)));
        builder.finds(&[]);
        builder.did(2, "bob", look(1, "den", 3));
        builder.finds(&["stale_read"]);
    }

    #[test]
    fn a_replay_counts_for_its_number() {
        let mut builder = HistoryBuilder::new();
        builder.unanswered(1, "ann", send(1, "k1", Err("?")));
        builder.did(2, "ann", send(1, "k1", replayed(1)));
        builder.did(3, "bob", stored(1, Some("den"), 1, vec![message(1, "ann", "k1")]));
        let mut bad = builder.clone();
        builder.did(3, "bob", read(1, page(1, vec![message(1, "ann", "k1")])));
        builder.finds(&[]);
        bad.did(3, "bob", read(1, page(1, vec![])));
        bad.finds(&["lost_write"]);
    }
}
