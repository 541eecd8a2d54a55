use super::*;
use std::collections::BTreeMap;

use crate::{Timestamp, append::EventKey};

fn entry(key: &str, op: Op) -> Entry {
    Entry::new(Some(Identity::named("alice").unwrap()), EventKey::from_stored(key), Timestamp(7), op)
}

fn message(key: &str, content: &str, reply_to: Option<u64>) -> Entry {
    entry(key, Op::Message(Body { reply_to: reply_to.map(Seq), ..Body::text(content) }))
}

fn outcomes(entries: &[Entry], facts: Facts<'_>) -> Vec<Result<Option<u64>, Error>> {
    let outcomes = judge(RoomId(1), entries, facts).outcomes;
    let seq = |outcome| match outcome {
        AppendOutcome::New { event, .. } | AppendOutcome::Replay(event) => Ok(Some(event.seq.0)),
        AppendOutcome::Unchanged { .. }
        | AppendOutcome::Marked(_)
        | AppendOutcome::Pruned(_)
        | AppendOutcome::Invited(_)
        | AppendOutcome::PutOff(_) => Ok(None),
        AppendOutcome::Refused(error) => Err(error),
    };
    outcomes.into_iter().map(seq).collect()
}

#[test]
fn what_is_refused_takes_no_number_and_fails_nobody_else() {
    let facts = || Facts {
        head: Seq(4),
        messages: 2,
        targets: BTreeMap::from([(Seq(3), Target::default())]),
        ..Facts::default()
    };
    let entries = [
        message("a", "one", Some(3)),
        message("b", "to an update", Some(4)),
        message("c", "to what is not there yet", Some(9)),
        message("d", "to the first of these", Some(5)),
        message("e", "to itself", Some(7)),
    ];
    let missing = || Err(Error::MessageNotFound);
    assert_eq!(outcomes(&entries, facts()), [Ok(Some(5)), missing(), missing(), Ok(Some(6)), missing()]);
    let new = judge(RoomId(1), &entries, facts()).new;
    assert_eq!(new.iter().map(|stored| stored.ordinal).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_key_is_looked_at_before_the_target() {
    let first = judge(RoomId(1), &[message("k", "one", None)], Facts::default()).new;
    let keys = || first.iter().map(|stored| (Key::of_stored(stored).unwrap(), stored.clone())).collect();
    let facts = || Facts { head: Seq(1), messages: 1, keys: keys(), ..Facts::default() };
    let entries = [message("k", "one", None), message("k", "one", Some(9)), message("k", "two", None)];
    let mismatch = || Err(Error::IdempotencyMismatch);
    assert_eq!(outcomes(&entries, facts()), [Ok(Some(1)), mismatch(), mismatch()]);
}

#[test]
fn a_key_of_another_operation_is_a_mismatch_even_where_the_content_was_erased() {
    let first = judge(RoomId(1), &[message("k", "one", None)], Facts::default()).new;
    let mut erased = first[0].clone();
    erased.fingerprint = Fingerprint::ERASED;
    let facts =
        || Facts { keys: BTreeMap::from([(Key::of_stored(&first[0]).unwrap(), erased.clone())]), ..Facts::default() };
    let entries = [message("k", "something else", None), entry("k", Op::DeleteRoom)];
    assert_eq!(outcomes(&entries, facts()), [Ok(Some(1)), Err(Error::IdempotencyMismatch)]);
}
