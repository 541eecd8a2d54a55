//! Checks that the database contains everything that was acknowledged.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Change, Changed, Event, Outcome, Record, Step, What},
    index::{Command, Folded, Index, Known, Standing, Until},
};

/// Compares the dump of the database with what was acknowledged before.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, seq) in index.acknowledged() {
        let record = &index.records[place];
        let Some(command) = Command::of(record) else { continue };
        let Some((dump, events)) = dump(index, command.room, record) else { continue };
        let found = events.binary_search_by_key(&seq, |event| event.seq).ok().map(|found| &events[found]);
        let known = Known::Acknowledged { key: command.key, deed: command.deed };
        let is_it = found
            .is_some_and(|event| event.kind.author() == Some(&record.user) && Known::of(&event.kind).agrees(known));
        if !is_it {
            let what =
                format!("number {seq} of room {} was acknowledged, and the database does not hold it", command.room);
            findings.push(Name::OkWithoutStore, what, &[place, dump], Some(seq));
        }
    }
    for place in 0..index.records.len() {
        if let Some(dump) = without_effect(index, place).or_else(|| without_effect_on_member(index, place)) {
            let what = "a change was acknowledged, and has no effect in the database".to_owned();
            findings.push(Name::OkWithoutStore, what, &[place, dump], None);
        }
    }
    counts(index, findings);
}

/// The dump of a room's log, if it is from after this record.
fn dump<'a>(index: &Index<'a>, room: u64, record: &Record) -> Option<(usize, &'a [Event])> {
    let dump = index.log_at(room, record)?.stored?;
    match &index.records[dump].what {
        What::Stored { name: Some(_), events, .. } if record.seen() < index.records[dump].began => {
            Some((dump, events.as_slice()))
        }
        _ => None,
    }
}

/// A change without a number was acknowledged, but has no event in the dump, and was not needless at any moment of it.
fn without_effect(index: &Index<'_>, place: usize) -> Option<usize> {
    let record = &index.records[place];
    let What::Change { room, key, target, change, result: Outcome::Ok(Changed { seq: None, .. }) } = &record.what
    else {
        return None;
    };
    let (dump, events) = dump(index, *room, record)?;
    let is_own = |event: &&Event| event.kind.author() == Some(&record.user) && event.kind.key() == Some(key);
    if events.iter().any(|event| is_own(&event)) {
        return None;
    }
    let (log, fold) = index.log_of_page(*room, record, "")?;
    let folded = fold.messages.get(target)?;
    let from = log.head_at(record.began).map_or(0, |(head, _)| head).max(*target);
    let is_in_time = |seq: &u64| {
        let entry = log.entries.get(seq)?;
        let tries = index.commands.causing(*room, entry.author?, entry.known)?;
        Some(tries.first_began <= record.seen())
    };
    let later = folded.changes_after(from).into_iter().filter(|seq| is_in_time(seq).unwrap_or(true));
    let needless = [from].into_iter().chain(later).any(|head| is_done(folded, change, &record.user, head));
    (!needless).then_some(dump)
}

/// A change of a member was acknowledged, but has no event in the dump, and was not needless at any moment of it.
fn without_effect_on_member(index: &Index<'_>, place: usize) -> Option<usize> {
    let record = &index.records[place];
    let What::Member { room, key, user, step, result: Outcome::Ok(_) } = &record.what else { return None };
    let (dump, events) = dump(index, *room, record)?;
    let is_own = |event: &Event| event.kind.author() == Some(&record.user) && event.kind.key() == Some(key);
    if events.iter().any(is_own) {
        return None;
    }
    let epoch = index.timeline.epoch_of(record)?;
    let (log, rights) = (index.logs.get(&(*room, epoch))?, index.rights.get(&(*room, epoch))?);
    let from = log.head_at(record.began).map_or(0, |(head, _)| head);
    let is_in_time = |seq: &u64| {
        let entry = log.entries.get(seq)?;
        let tries = index.commands.causing(*room, entry.author?, entry.known)?;
        Some(tries.first_began <= record.seen())
    };
    let later = rights.changes_after(user, from).into_iter().filter(|seq| is_in_time(seq).unwrap_or(true));
    let needless = [from].into_iter().chain(later).any(|head| is_placed(rights.standing(user, head), step));
    (!needless).then_some(dump)
}

/// Whether a step would change nothing for somebody who is this. What has an end may be over.
fn is_placed(standing: Standing, step: &Step) -> bool {
    let Standing { role, banned, muted } = standing;
    let is_over = |until: Option<Until>| !until.is_some_and(|until| until.covers(None));
    match step {
        Step::Join | Step::Accept { .. } | Step::Add { role: None } => role.is_some(),
        Step::Add { role: asked } => role == *asked,
        Step::Leave | Step::Remove => role.is_none(),
        Step::Ban { until } => banned == Some(Until::of(*until)),
        Step::Mute { until } => muted == Some(Until::of(*until)),
        Step::Unban => is_over(banned),
        Step::Unmute => is_over(muted),
    }
}

/// Whether a change would change nothing at a head.
fn is_done(folded: &Folded<'_>, change: &Change, user: &str, head: u64) -> bool {
    match change {
        Change::Delete { .. } => folded.deleted(head).is_some(),
        Change::React { reaction, added } => {
            let groups = folded.reactions(head);
            let has = groups.iter().any(|group| group.reaction == reaction && group.users.contains(user));
            has == *added
        }
        Change::Pin { pinned } => folded.pinned(head).is_some() == *pinned,
        Change::Edit { body, .. } => folded.content(head).is_none_or(|content| content.body == *body),
    }
}

/// Checks the counts that reactions were answered with.
fn counts(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let What::Change { room, target, change: Change::React { reaction, .. }, result: Outcome::Ok(changed), .. } =
            &record.what
        else {
            continue;
        };
        let Some((told, (log, fold))) = changed.count.zip(index.log_of_page(*room, record, "")) else { continue };
        let Some(folded) = fold.messages.get(target) else { continue };
        let is_known = log.last().is_some_and(|(last, _)| log.has_seen(target - 1, last));
        if !is_known || index.may_be_deleted(*room, record.seen()) {
            continue;
        }
        let count = |head: u64| {
            let groups = folded.reactions(head);
            groups.iter().find(|group| group.reaction == reaction).map_or(0, |group| group.users.len() as u64)
        };
        // The event tells the count, a replay that of the first time; without one it is that of some moment of the call.
        let own = Command::of(record).and_then(|command| log.number_of(&record.user, command.deed));
        let is_right = own.map_or_else(
            || {
                let from = log.head_at(record.began).map_or(0, |(head, _)| head).max(*target);
                [from].into_iter().chain(folded.changes_after(from)).any(|head| count(head) == told)
            },
            |seq| count(seq) == told,
        );
        if !is_right {
            let what = format!("room {room}: {told} was told as the count of {reaction:?} on {target}");
            findings.push(Name::WrongCount, what, &[place], own);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            DELETE, HistoryBuilder, change, delete, deleted, erased, made, member, message, placed, send, sent, stored,
        },
        history::{Event, MemberChange, Phase, Role, Step},
    };

    fn builder(events: Vec<Event>) -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(1, "ann", send(1, "k2", sent(2)));
        builder.unanswered(1, "ann", send(1, "k3", Err("?")));
        let head = events.len() as u64;
        builder.did(0, "run", stored(1, Some("den"), head, events));
        builder
    }

    #[test]
    fn all_that_was_acknowledged_is_there() {
        let (one, two, three) = (message(1, "ann", "k1"), message(2, "ann", "k2"), message(3, "ann", "k3"));
        builder(vec![one.clone(), two.clone()]).finds(&[]);
        builder(vec![one, two, three]).finds(&[]);
    }

    #[test]
    fn something_that_was_acknowledged_is_not_there() {
        let (one, three) = (message(1, "ann", "k1"), message(2, "ann", "k3"));
        builder(vec![one.clone()]).finds(&["fold_mismatch", "ok_without_store"]);
        let found = ["fork", "realtime_inversion", "session_order", "ok_without_store"];
        builder(vec![one, three]).finds(&found);
    }

    #[test]
    fn a_change_without_a_number_has_its_effect() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(2, "ann", change(1, "k2", 1, DELETE, Ok(None)));
        let (mut bad, mut twice) = (builder.clone(), builder.clone());
        let all = vec![erased(1, "ann", "k1"), deleted(2, "ann", "k2", 1)];
        builder.did(0, "run", stored(1, Some("den"), 2, all.clone()));
        builder.finds(&[]);
        bad.did(0, "run", stored(1, Some("den"), 1, vec![message(1, "ann", "k1")]));
        bad.finds(&["ok_without_store"]);
        // What is deleted already is deleted.
        twice.did(3, "ann", change(1, "k3", 1, DELETE, Ok(None)));
        twice.did(0, "run", stored(1, Some("den"), 2, all));
        twice.finds(&[]);
    }

    #[test]
    fn a_change_of_a_member_has_its_effect() {
        let mut builder = HistoryBuilder::new();
        builder.saw(0, "run", made(1, true, &[("ann", Role::Owner), ("bob", Role::Member)]));
        builder.did(1, "ann", member(1, "k1", "bob", Step::Remove));
        let all = vec![placed(1, "ann", "k1", "bob", MemberChange::Removed)];
        let (mut bad, mut twice) = (builder.clone(), builder.clone());
        builder.did(0, "run", stored(1, Some("den"), 1, all.clone()));
        builder.finds(&[]);
        bad.did(0, "run", stored(1, Some("den"), 0, vec![]));
        bad.finds(&["ok_without_store"]);
        // Who is out already is out, and whoever is not banned needs no lifting of it.
        twice.did(2, "ann", member(1, "k2", "bob", Step::Remove));
        twice.did(3, "ann", member(1, "k3", "bob", Step::Unban));
        twice.did(0, "run", stored(1, Some("den"), 1, all.clone()));
        twice.clone().finds(&[]);
        twice.did(4, "ann", member(1, "k4", "bob", Step::Mute { until: None }));
        twice.did(0, "run", stored(1, Some("den"), 1, all));
        twice.finds(&["ok_without_store"]);
    }

    #[test]
    fn a_room_that_was_deleted_or_restored_need_not_hold_it() {
        let mut deleted = HistoryBuilder::new();
        deleted.did(1, "ann", send(1, "k1", sent(1)));
        deleted.did(1, "ann", delete(1));
        deleted.did(0, "run", stored(1, None, 2, vec![]));
        deleted.finds(&[]);
        let mut restored = HistoryBuilder::new();
        restored.did(1, "ann", send(1, "k1", sent(1)));
        restored.phase(Phase::Restored);
        restored.did(0, "run", stored(1, Some("den"), 0, vec![]));
        restored.finds(&[]);
    }
}
