//! Checks that messages are served as folding the log makes them.

use std::collections::BTreeSet;

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Outcome, Page, Record, State, What, Which},
    index::{Fold, Folded, Index, Log},
};

/// Compares every page of messages, and what else is served of them, with the fold of the log.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let mut served = |room: u64, of: Which, page: &Page, epoch| {
            let Some((log, fold)) = index.log_of_page(room, record, epoch) else { return };
            // While a room is deleted its messages are removed.
            if !index.may_be_deleted(room, record.seen()) {
                Serving { room, log, fold, record, place, findings }.page(of, page);
            }
        };
        match &record.what {
            What::Read { room, of, result: Outcome::Ok(page) } => served(*room, *of, page, &page.epoch),
            What::Change { room, target, result: Outcome::Ok(changed), .. } => {
                let Some(page) = &changed.page else { continue };
                served(*room, Which::Message(*target), page, &page.epoch);
            }
            What::Rooms { result: Outcome::Ok(listing) } => {
                for listed in &listing.rooms {
                    let (messages, head) = (listed.last.clone().into_iter().collect(), listed.head);
                    let epoch = String::new();
                    let page = Page { epoch, head, messages, has_before: false, has_after: false };
                    served(listed.room, Which::History, &page, "");
                }
            }
            _ => {}
        }
    }
}

/// Something served of a room's messages.
struct Serving<'r, 'a, 'f> {
    room: u64,
    log: &'r Log<'a>,
    fold: &'r Fold<'a>,
    record: &'r Record,
    place: usize,
    findings: &'r mut Findings<'f>,
}

impl Serving<'_, '_, '_> {
    fn page(&mut self, of: Which, page: &Page) {
        if let Some(state) = page.messages.iter().find(|state| state.seq > page.head) {
            self.wrong(&format!("number {} is in a page whose head is {}", state.seq, page.head), state.seq);
            return;
        }
        self.members(of, page);
        for state in &page.messages {
            let seq = state.seq;
            if !self.log.has_seen(seq.saturating_sub(1), page.head) {
                continue;
            }
            let Some(folded) = self.fold.messages.get(&seq) else { continue };
            if let Some(part) = self.differs(state, folded, page.head) {
                self.wrong(&format!("the {part} of number {seq} at {} is not what the log makes it", page.head), seq);
            }
        }
    }

    /// Checks that a page has the messages that belong into it.
    fn members(&mut self, of: Which, page: &Page) {
        let seqs: Vec<u64> = page.messages.iter().map(|state| state.seq).collect();
        let (head, first, last) = (page.head, seqs.first().copied(), seqs.last().copied());
        let from = if page.has_before { first } else { Some(1) };
        let until = if page.has_after { last } else { Some(head) };
        let knows = |from: u64| self.log.has_seen(from - 1, head);
        // A list of rooms shows only the newest message.
        let is_list = matches!(self.record.what, What::Rooms { .. });
        let expected = match (of, from, until) {
            (Which::History, ..) if is_list && knows(1) => {
                self.fold.history(1, head).last().copied().into_iter().collect()
            }
            _ if is_list => return,
            (Which::Message(target), ..) if target != 0 => vec![target],
            (Which::History, Some(from), Some(until)) if knows(from) => self.fold.history(from, until).to_vec(),
            (Which::Thread(root), Some(from), Some(until)) if knows(from) => {
                self.fold.thread(root, from, until).to_vec()
            }
            (Which::Pins, ..) if knows(1) => self.fold.pinned(head),
            _ => return,
        };
        if expected == seqs {
            if !is_list {
                self.more(of, page);
            }
            return;
        }
        let odd = seqs.iter().zip(&expected).find(|(a, b)| a != b).map(|(a, b)| *a.min(b));
        let odd = odd.or_else(|| seqs.get(expected.len()).or(expected.get(seqs.len())).copied()).unwrap_or_default();
        // That something is missing that belongs into the room's history is found by another check.
        if of == Which::History && !is_list && expected.contains(&odd) {
            return;
        }
        let what = match of {
            Which::History if is_list => format!("{seqs:?} is not the newest message at {head}"),
            Which::History => format!("number {odd} is in the room's history, and does not belong there"),
            Which::Thread(root) => format!("the thread of {root} at {head} is not what the log makes it: see {odd}"),
            Which::Pins => format!("the pins at {head} are not what the log makes them: see {odd}"),
            Which::Message(target) => format!("number {odd} was served instead of {target}"),
        };
        self.wrong(&what, odd);
    }

    /// Checks what a page says of the messages before and after it.
    fn more(&mut self, of: Which, page: &Page) {
        let (Some(first), Some(last)) = (page.messages.first(), page.messages.last()) else { return };
        if !self.log.has_seen(0, page.head) {
            return;
        }
        let all = match of {
            Which::History => self.fold.history(1, page.head),
            Which::Thread(root) => self.fold.thread(root, 1, page.head),
            Which::Message(_) | Which::Pins => return,
        };
        let (before, after) = (all.first() < Some(&first.seq), all.last() > Some(&last.seq));
        if (before, after) != (page.has_before, page.has_after) {
            let what = format!("a page at {} says wrongly whether there is more before or after it", page.head);
            self.wrong(&what, first.seq);
        }
    }

    /// What of a message is not as the log makes it.
    fn differs(&self, state: &State, folded: &Folded<'_>, head: u64) -> Option<&'static str> {
        let deleted = folded.deleted(head);
        let told = state.deleted.as_ref().map(|deletion| (deletion.seq, deletion.by.as_str()));
        if told != deleted {
            return Some("deletion");
        }
        // Another check looks for texts that are told after the deletion.
        if deleted.is_none() && folded.content(head).is_some_and(|content| *content != state.message.content) {
            return Some("content");
        }
        if state.edited.map(|edit| (edit.seq, edit.count)) != folded.edited(head) {
            return Some("edit");
        }
        let groups = folded.reactions(head);
        let viewer = self.record.user.as_str();
        let same = groups.len() == state.reactions.len()
            && groups.iter().zip(&state.reactions).all(|(group, told)| {
                let mine = group.users.contains(viewer);
                (group.reaction, group.users.len() as u64, mine) == (told.reaction.as_str(), told.count, told.mine)
            });
        if !same {
            return Some("list of reactions");
        }
        if state.pinned != folded.pinned(head).is_some() {
            return Some("pin");
        }
        let thread = self.fold.thread(state.seq, 1, head);
        let is_there = |seq: &&u64| self.fold.messages.get(*seq).is_some_and(|one| one.deleted(head).is_none());
        let count = thread.iter().filter(is_there).count() as u64;
        let thread = (count, thread.last().copied().unwrap_or_default());
        let told = (state.thread_count.unwrap_or_default(), state.thread_last.unwrap_or_default());
        (told != thread).then_some("thread")
    }

    fn wrong(&mut self, what: &str, around: u64) {
        self.findings.push(Name::FoldMismatch, format!("room {}: {what}", self.room), &[self.place], Some(around));
    }
}

/// Checks what is served of a message without a head: it has to be right at some moment of the call.
pub(super) fn check_lists(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let (room, target) = match &record.what {
            What::Edits { room, target, result: Outcome::Ok(_) }
            | What::Reactions { room, target, result: Outcome::Ok(_) } => (*room, *target),
            _ => continue,
        };
        let Some((log, fold)) = index.log_of_page(room, record, "") else { continue };
        let Some(folded) = fold.messages.get(&target) else { continue };
        let is_known = log.last().is_some_and(|(last, _)| log.has_seen(target - 1, last));
        if !is_known || index.may_be_deleted(room, record.seen()) {
            continue;
        }
        let from = log.head_at(record.began).map_or(0, |(head, _)| head).max(target);
        let mut heads = [from].into_iter().chain(folded.changes_after(from));
        if !heads.any(|head| is_right(&record.what, folded, head)) {
            let what = format!("room {room}: the list of number {target} is not what the log makes it");
            findings.push(Name::FoldMismatch, what, &[place], Some(target));
        }
    }
}

fn is_right(what: &What, folded: &Folded<'_>, head: u64) -> bool {
    match what {
        What::Edits { target, result: Outcome::Ok(told), .. } => {
            let texts = folded.texts(*target, head);
            let is_deleted = folded.deleted(head).is_some();
            texts.len() == told.len()
                && texts.iter().zip(told).all(|((seq, content), told)| {
                    let same = content.is_none_or(|content| content.body == told.body);
                    *seq == told.seq && if is_deleted { told.body.is_empty() } else { same }
                })
        }
        What::Reactions { result: Outcome::Ok(told), .. } => {
            let groups = folded.reactions(head);
            let made: BTreeSet<(&str, &str)> =
                groups.iter().flat_map(|group| group.users.iter().map(|user| (group.reaction, *user))).collect();
            let listed: BTreeSet<(&str, &str)> =
                told.iter().map(|one| (one.reaction.as_str(), one.user.as_str())).collect();
            made == listed && listed.len() == told.len()
        }
        _ => true,
    }
}
