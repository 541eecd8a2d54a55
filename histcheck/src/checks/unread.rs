//! Checks that what is said to be unread is what the log makes it.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Mark, Outcome, What},
    index::{Fold, Index},
};

/// Counts again what every mark that was told says.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let mut wrong = |room: u64, mark: &Mark, when| {
            if let Some(what) = wrong(index, place, room, mark, when) {
                let user = &record.user;
                let what = format!("room {room}: {what} of {user}, with the mark at {}, is not so", mark.seq);
                findings.push(Name::WrongUnread, what, &[place], Some(mark.seq));
            }
        };
        match &record.what {
            What::Mark { room, result: Outcome::Ok(mark), .. } => wrong(*room, mark, When::During),
            What::Marked { room, mark } => wrong(*room, mark, When::Before),
            What::Rooms { result: Outcome::Ok(listing) } => {
                for listed in &listing.rooms {
                    wrong(listed.room, &listed.mark, When::At(listed.head));
                }
            }
            _ => {}
        }
    }
}

/// Which head a count is about.
#[derive(Clone, Copy)]
enum When {
    /// This one.
    At(u64),
    /// One during the call.
    During,
    /// Any, as signals may be late.
    Before,
}

/// What of the counts is wrong at every head that they may be about.
fn wrong(index: &Index<'_>, place: usize, room: u64, mark: &Mark, when: When) -> Option<String> {
    let record = &index.records[place];
    let log = index.log_at(room, record)?;
    let epoch = index.timeline.epoch_of(record)?;
    let fold = index.folds.get(&(room, epoch))?;
    let (last, _) = log.last()?;
    if !log.has_seen(0, last) || index.may_be_deleted(room, record.seen()) {
        return None;
    }
    let from = match when {
        When::At(head) => return differs(fold, &record.user, mark, head),
        When::During => log.head_at(record.began).map_or(0, |(head, _)| head),
        When::Before => 0,
    };
    // Every message raises the ordinal, so it tells the head but for what is not counted.
    let ordinal = usize::try_from(mark.ordinal).ok()?;
    let first = ordinal.checked_sub(1).map_or(Some(0), |before| fold.countable.get(before).copied());
    let next = fold.countable.get(ordinal).copied().unwrap_or(u64::MAX);
    let Some(first) = first.filter(|_| next > from) else {
        return Some(format!("the number {} of messages", mark.ordinal));
    };
    let from = first.max(from).max(mark.seq);
    if from >= next {
        return Some(format!("the number {} of messages", mark.ordinal));
    }
    let more = fold.rewritten.iter().copied().filter(|seq| (from..next).contains(seq));
    let mut wrong = None;
    for head in [from].into_iter().chain(threads(fold, from, next)).chain(more) {
        wrong = Some(differs(fold, &record.user, mark, head)?);
    }
    wrong
}

/// The numbers of the messages in threads between two numbers: they do not raise the ordinal, and may mention somebody.
fn threads(fold: &Fold<'_>, from: u64, next: u64) -> impl Iterator<Item = u64> {
    fold.messages.range(from..next).filter(|(_, folded)| folded.message.thread.is_some()).map(|(seq, _)| *seq)
}

fn differs(fold: &Fold<'_>, user: &str, mark: &Mark, head: u64) -> Option<String> {
    let ordinal = fold.ordinal(head);
    if mark.ordinal != ordinal {
        return Some(format!("the number {} of messages at {head}", mark.ordinal));
    }
    let unread = fold.unread(user, mark.seq, head);
    if mark.unread != unread {
        return Some(format!("{} unread ({unread} at {head})", mark.unread));
    }
    let mentions = fold.mentions(user, mark.seq, head)?;
    (mark.mentions != mentions).then(|| format!("{} mentions ({mentions} at {head})", mark.mentions))
}

#[cfg(test)]
mod tests {
    use crate::builder::{
        DELETE, HistoryBuilder, attach, change, deleted, delivered, mark, message, resumed, send, sent,
    };

    /// Ann has sent three messages, and Cat has received them.
    fn builder() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(3, "cat", attach(1, resumed(0)));
        for n in 1..=3 {
            let key = format!("k{n}");
            builder.did(1, "ann", send(1, &key, sent(n)));
            builder.saw(3, "cat", delivered(1, message(n, "ann", &key)));
        }
        builder
    }

    #[test]
    fn what_is_beyond_the_mark_is_unread() {
        for (told, found) in [((1, 2, 3), &[][..]), ((1, 1, 3), &["wrong_unread"]), ((1, 2, 4), &["wrong_unread"])] {
            let mut builder = builder();
            builder.did(2, "bob", mark(1, 1, false, told));
            builder.finds(found);
        }
    }

    #[test]
    fn a_deletion_races_with_the_count() {
        for (unread, found) in [(2, &[][..]), (1, &[]), (0, &["wrong_unread"])] {
            let mut builder = builder();
            builder.during(2, "bob", 0, 20, mark(1, 1, false, (1, unread, 3)));
            builder.during(1, "ann", 5, 5, change(1, "k4", 2, DELETE, Ok(Some(4))));
            builder.at(1);
            builder.saw(3, "cat", delivered(1, deleted(4, "ann", "k4", 2)));
            builder.finds(found);
        }
    }

    #[test]
    fn a_message_races_with_the_count() {
        for (told, found) in [((3, 0, 3), &[][..]), ((3, 1, 4), &[]), ((3, 0, 4), &["wrong_unread"])] {
            let mut builder = builder();
            builder.during(2, "bob", 0, 20, mark(1, 3, false, told));
            builder.during(1, "ann", 5, 5, send(1, "k4", sent(4)));
            builder.at(1);
            builder.saw(3, "cat", delivered(1, message(4, "ann", "k4")));
            builder.finds(found);
        }
    }
}
