//! Checks that the members that the database has of a room are those that its log makes.

use std::collections::BTreeMap;

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Role, What},
    index::Index,
};

/// Compares the members at the end with the log.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for (place, record) in index.records.iter().enumerate() {
        let What::Members { room, count, members } = &record.what else { continue };
        let Some(epoch) = index.timeline.epoch_of(record) else { continue };
        let of = (*room, epoch);
        let (Some(log), Some(rights)) = (index.logs.get(&of), index.rights.get(&of)) else { continue };
        if log.last().is_none_or(|(last, _)| last > rights.known) {
            continue;
        }
        let told: BTreeMap<&str, Role> = members.iter().map(|member| (member.user.as_str(), member.role)).collect();
        let made = rights.members(rights.known);
        let odd = told.keys().chain(made.keys()).find(|user| told.get(**user) != made.get(**user));
        if let Some(user) = odd {
            let (told, made) = (told.get(user), made.get(user));
            let what = format!("in room {room} {user} is {told:?} in the database, and {made:?} by the log");
            let changed = log.entries.get(&rights.changed(user, rights.known)).map(|entry| entry.place);
            let shown_by: Vec<usize> = changed.into_iter().chain([place]).collect();
            findings.push(Name::FoldMismatch, what, &shown_by, None);
        } else if *count != made.len() as u64 {
            let what = format!("room {room} is said to have {count} members, and has {}", made.len());
            findings.push(Name::FoldMismatch, what, &[place], None);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, made, member, placed, stored},
        history::{Member, MemberChange, Role, Step, What},
    };

    #[test]
    fn members_are_those_of_the_log() {
        let left: [(&[&str], u64, &[&str]); 4] = [
            (&["ann"], 1, &[]),
            (&["ann", "bob"], 2, &["fold_mismatch"]),
            (&["ann"], 2, &["fold_mismatch"]),
            (&[], 0, &["fold_mismatch"]),
        ];
        for (users, count, found) in left {
            let mut builder = HistoryBuilder::new();
            builder.saw(0, "run", made(1, true, &[("ann", Role::Owner), ("bob", Role::Member)]));
            builder.did(1, "ann", member(1, "k1", "bob", Step::Remove));
            builder.did(
                0,
                "run",
                stored(1, Some("den"), 1, vec![placed(1, "ann", "k1", "bob", MemberChange::Removed)]),
            );
            let role = |user: &str| if user == "ann" { Role::Owner } else { Role::Member };
            let members = users.iter().map(|user| Member { user: (*user).into(), role: role(user) }).collect();
            builder.saw(0, "run", What::Members { room: 1, count, members });
            builder.finds(found);
        }
    }
}
