//! Checks that read marks do not go back by themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Kind, MemberChange, Outcome, What},
    index::{Index, Known},
};

/// Follows each user's mark in each room.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    let mut users = BTreeMap::<(u64, &str), User>::new();
    for place in 0..index.records.len() {
        gather(index, place, &mut users);
    }
    for ((room, user), marks) in &users {
        if let Some(place) = marks.claims.iter().map(|claim| claim.place).max()
            && index.may_be_deleted(*room, index.records[place].seen())
        {
            continue;
        }
        went_back(index, (*room, user), marks, findings);
        of_nobody(index, (*room, user), marks, findings);
    }
    heard(index, &users, findings);
}

/// What is known of a user's mark in a room.
#[derive(Default)]
struct User {
    claims: Vec<Claim>,
    /// Commands that may have set the mark back.
    backs: Vec<Span>,
    /// The numbers that were asked for, each since when.
    asked: Vec<(u64, u64)>,
}

/// A statement about a mark.
struct Claim {
    place: usize,
    span: Span,
    seq: u64,
    /// Whether the mark was told; else it is known to be at least there.
    is_told: bool,
    /// What it has to be, as the answer to a command.
    at_least: u64,
}

/// A period; the end is open if there was no answer.
#[derive(Clone, Copy)]
struct Span {
    began: u64,
    ended: u64,
    place: usize,
}

impl Span {
    const fn meets(&self, from: u64, until: u64) -> bool {
        self.began < until && self.ended > from
    }
}

fn gather<'a>(index: &Index<'a>, place: usize, users: &mut BTreeMap<(u64, &'a str), User>) {
    let record = &index.records[place];
    let span = Span { began: record.began, ended: record.ended.unwrap_or(u64::MAX), place };
    let told = |seq| Claim { place, span, seq, is_told: true, at_least: 0 };
    let me = record.user.as_str();
    match &record.what {
        What::Mark { room, seq, back, result } if !result.is_refused() => {
            let user = users.entry((*room, me)).or_default();
            user.asked.push((*seq, record.began));
            if *back {
                user.backs.push(span);
            }
            if let Outcome::Ok(mark) = result {
                // A mark beyond the head is set to the head.
                let log = index.log_at(*room, record);
                let head = log.and_then(|log| log.head_at(record.began)).map_or(0, |(head, _)| head);
                user.claims.push(Claim { at_least: head.min(*seq), ..told(mark.seq) });
            }
        }
        What::Send { room, thread: None, result: Outcome::Ok(sent), .. } if !sent.replayed => {
            let user = users.entry((*room, me)).or_default();
            user.claims.push(Claim { place, span, seq: sent.seq, is_told: false, at_least: 0 });
        }
        What::Reads { room, result: Outcome::Ok(marks) } => {
            for mark in marks {
                users.entry((*room, &mark.user)).or_default().claims.push(told(mark.seq));
            }
        }
        What::Rooms { result: Outcome::Ok(listing) } => {
            for listed in &listing.rooms {
                users.entry((listed.room, me)).or_default().claims.push(told(listed.mark.seq));
            }
        }
        _ => {}
    }
}

/// Looks for marks that are lower than one that was known before.
fn went_back(index: &Index<'_>, (room, user): (u64, &str), marks: &User, findings: &mut Findings<'_>) {
    let mut claims: Vec<&Claim> = marks.claims.iter().collect();
    claims.sort_by_key(|claim| claim.span.began);
    let mut known: Vec<&Claim> = claims.clone();
    known.sort_by_key(|claim| claim.span.ended);
    let mut known = known.into_iter().peekable();
    // The highest mark that was known before, if nothing may have set it back since.
    let mut highest: Option<&Claim> = None;
    for claim in claims {
        while let Some(earlier) = known.next_if(|earlier| earlier.span.ended < claim.span.began) {
            let is_higher =
                highest.is_none_or(|highest| earlier.seq >= highest.seq || is_back(marks, highest, earlier.span.ended));
            highest = if is_higher { Some(earlier) } else { highest };
        }
        if !claim.is_told {
            continue;
        }
        let until = claim.span.ended;
        let before = highest.filter(|before| claim.seq < before.seq && !is_back(marks, before, until));
        let before = before.filter(|before| same_period(index, before.place, claim.place));
        let own_back = |back: &Span| back.place != claim.place && back.meets(claim.span.began, until);
        if let Some(before) = before {
            let what = format!("the mark of {user} in room {room} went back from {} to {}", before.seq, claim.seq);
            findings.push(Name::MarkWentBack, what, &[before.place, claim.place], Some(claim.seq));
        } else if claim.seq < claim.at_least && !marks.backs.iter().any(own_back) {
            let what = format!("{user} marked room {room} up to {}, and was told {}", claim.at_least, claim.seq);
            findings.push(Name::MarkWentBack, what, &[claim.place], Some(claim.seq));
        }
    }
}

/// Whether the mark may have been set back after this claim, until then.
fn is_back(marks: &User, claim: &Claim, until: u64) -> bool {
    marks.backs.iter().any(|back| back.place != claim.place && back.meets(claim.span.began, until))
}

fn same_period(index: &Index<'_>, one: usize, other: usize) -> bool {
    index.timeline.period(&index.records[one]) == index.timeline.period(&index.records[other])
}

/// Whether it is an event that brings a user in: the room begins as read for them.
fn brings_in(known: Known<'_>, user: &str) -> bool {
    let is_in = |change| matches!(change, MemberChange::Joined | MemberChange::Added);
    matches!(known, Known::Other(Kind::Member(member)) if member.user == user && is_in(member.change))
}

/// Looks for marks that neither a command nor a message of the user has set.
fn of_nobody(index: &Index<'_>, (room, user): (u64, &str), marks: &User, findings: &mut Findings<'_>) {
    let asked: BTreeSet<u64> = marks.asked.iter().map(|(seq, _)| *seq).collect();
    for claim in marks.claims.iter().filter(|claim| claim.is_told && claim.seq > 0) {
        let record = &index.records[claim.place];
        let Some(log) = index.log_at(room, record) else { continue };
        let own = || match log.entries.get(&claim.seq) {
            Some(entry) => entry.author == Some(user) && entry.known.is_countable() || brings_in(entry.known, user),
            // Nobody saw it, and it may be the user's.
            None => true,
        };
        // What was asked beyond the head sets the mark to the head.
        let is_beyond = |(seq, began): &(u64, u64)| {
            *seq > claim.seq && log.committed(claim.seq + 1).is_none_or(|mark| mark.at >= *began)
        };
        if !asked.contains(&claim.seq) && !own() && !marks.asked.iter().any(is_beyond) {
            let what = format!("the mark of {user} in room {room} is at {}, and nobody set it there", claim.seq);
            findings.push(Name::MarkWentBack, what, &[claim.place], Some(claim.seq));
        }
    }
}

/// Looks for marks that go back from one to the next that a connection hears.
fn heard(index: &Index<'_>, users: &BTreeMap<(u64, &str), User>, findings: &mut Findings<'_>) {
    for places in index.connections.values() {
        let mut last = HashMap::<(u64, &str, bool), (u64, usize)>::new();
        for &place in places {
            let record = &index.records[place];
            let told: Vec<(u64, &str, bool, u64)> = match &record.what {
                What::Marked { room, mark } => vec![(*room, &record.user, true, mark.seq)],
                What::Marks { room, marks } => {
                    marks.iter().map(|mark| (*room, mark.user.as_str(), false, mark.seq)).collect()
                }
                _ => continue,
            };
            for (room, user, is_own, seq) in told {
                let before = last.insert((room, user, is_own), (seq, place));
                // A signal may be late: any time before may be the one that it is about.
                let may_go_back = users
                    .get(&(room, user))
                    .is_some_and(|marks| marks.backs.iter().any(|back| back.began < record.began));
                if let Some((earlier, shown)) = before.filter(|(earlier, _)| *earlier > seq && !may_go_back) {
                    let what = format!("the mark of {user} in room {room} was told as {earlier}, and then as {seq}");
                    findings.push(Name::MarkWentBack, what, &[shown, place], Some(seq));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::builder::{HistoryBuilder, mark, send, sent};

    /// Ann has sent five messages; Bob reads them on two devices.
    fn builder() -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        for n in 1..=5 {
            builder.did(1, "ann", send(1, &format!("k{n}"), sent(n)));
        }
        builder
    }

    #[test]
    fn the_device_that_is_behind_is_told_the_higher_mark() {
        let mut builder = builder();
        builder.did(2, "bob", mark(1, 4, false, (4, 1, 5)));
        let mut good = builder.clone();
        good.did(3, "bob", mark(1, 2, false, (4, 1, 5)));
        good.finds(&[]);
        builder.did(3, "bob", mark(1, 2, false, (2, 3, 5)));
        builder.finds(&["mark_went_back"]);
    }

    #[test]
    fn two_devices_mark_at_the_same_time() {
        let mut builder = builder();
        builder.during(2, "bob", 0, 20, mark(1, 4, false, (4, 1, 5)));
        builder.during(3, "bob", 10, 20, mark(1, 2, false, (2, 3, 5)));
        builder.finds(&[]);
    }

    #[test]
    fn a_mark_goes_back_when_its_user_says_so() {
        let mut builder = builder();
        builder.did(2, "bob", mark(1, 4, false, (4, 1, 5)));
        builder.did(3, "bob", mark(1, 1, true, (1, 4, 5)));
        let mut good = builder.clone();
        good.did(2, "bob", mark(1, 2, false, (2, 3, 5)));
        good.finds(&[]);
        builder.did(2, "bob", mark(1, 3, false, (2, 3, 5)));
        builder.finds(&["mark_went_back"]);
    }

    #[test]
    fn ones_own_message_is_read() {
        let mut builder = builder();
        let mut good = builder.clone();
        good.did(2, "ann", mark(1, 2, false, (5, 0, 5)));
        good.finds(&[]);
        builder.did(2, "ann", mark(1, 2, false, (2, 0, 5)));
        builder.finds(&["mark_went_back"]);
    }

    #[test]
    fn a_mark_beyond_the_head_is_at_the_head() {
        let mut builder = builder();
        builder.did(2, "bob", mark(1, 9, false, (5, 0, 5)));
        builder.finds(&[]);
    }
}
