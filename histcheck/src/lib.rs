//! Checks a chat server by what its clients saw: it reads a history and reports anomalies.
//!
//! A history contains what the clients of a run did and saw, one [`Record`](history::Record) each. The server tells the
//! number of every event, so the order of the log is known, and each check costs O(n log n). A server that keeps its
//! promises never raises an anomaly, whatever happened to it. If a command was in flight, cut off or not answered,
//! every possible outcome of it is accepted.
//!
//! | anomaly | promise | what it is |
//! |---|---|---|
//! | `lost_write` | G1 durable | a page or a gap that began after an `ok` does not have that message at its number |
//! | `fork` | G2 one order | two observers disagree about what has a number; the epoch changed without an operator |
//! | `gap`, `repeat`, `nonmonotonic` | G3 gapless, once | a subscription, or a feed of all rooms, skipped, doubled or went back |
//! | `duplicate_key` | G4 sent once | one key has two events, or its retries got different numbers |
//! | `phantom` | G5 no phantoms | an event that nobody caused, whose cause was refused, or that was seen before it; other content than was sent |
//! | `realtime_inversion` | G6 order of effects | a number was taken before its command began, though a higher one was known |
//! | `session_order` | G6 order of effects | a connection's commands for a room, or what a host committed there, took effect in another order; a message was heard by its sender before its `ok` |
//! | `stale_read` | G7 read your writes (and G1) | a head behind what was acknowledged, or known, before the call began; a feed that said it had all of that, and had not |
//! | `dishonest_resume` | G8 honest resume | not exactly the gap; another epoch or a position ahead of the log, and no `resync` |
//! | `unseen_after_heal` | G9 found again | open at the end of the quiet phase, and not at the head; a feed that was read to its end, and has not what was there before |
//! | `ghost_presence`, `missing_presence` | G10 presence | shown without a session (and its grace); not shown with one; a count that is not the list's |
//! | `stuck_typing` | G11 typing | shown over 10 s after the last refresh, or after a message, a stop, a leave or a loss |
//! | `leak_after_removal` | G12 sharp removal | an event or signal after the detach was answered, after `room_deleted`, or without an attach; an event, an attach or a page after the event that took the right to read |
//! | `heard_after_removal` | G12 sharp removal | a signal, an activity or a notice of a room after the event that took the right to read it |
//! | `acted_without_right` | G12 sharp removal | an event whose author, by the log before it, was not in, was banned or muted, or had too low a role; the last owner leaves others behind |
//! | `mark_went_back` | G13 read marks | a mark is lower than one that was known before, without `back`; it is where nobody set it |
//! | `fold_mismatch` | G14 state = fold(log) | a served name, head, message, list or set of messages, or a member in the database, is not what the log makes it; a room lives on after its end |
//! | `unlawful_event` | G14 state = fold(log) | an edit, a reaction or a pin of what is deleted or no message; an edit by others; an event that changes nothing |
//! | `wrong_count` | G14 state = fold(log) | a reaction's count, in its event or its answer, is not the number of users who have it |
//! | `thread_order` | G14 state = fold(log) | the messages of a thread are not numbered without holes |
//! | `deleted_text` | G14 state = fold(log) | a page, a gap, a feed, an answer or the database has the text of what was deleted before |
//! | `wrong_unread` | G14 state = fold(log) | the counts beside a mark are not those of the messages beyond it |
//! | `ok_without_store` | G15 honest refusal | the database's dump does not hold what was acknowledged, or what a host committed |

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a check looks at those kinds of records that concern it, and at no others"
)]

pub mod history;

mod anomaly;
#[cfg(test)]
mod builder;
mod checks;
mod findings;
mod index;
mod jsonl;
mod report;
mod tolerance;

pub use self::{
    anomaly::{Anomaly, Name},
    jsonl::{ReadError, read, write},
    report::{Outcomes, Report, Summary},
};

/// Checks a history.
#[must_use]
pub fn check(records: &[history::Record]) -> Report {
    let index = index::Index::new(records);
    let mut findings = findings::Findings::new(records);
    for check in checks::ALL {
        check(&index, &mut findings);
    }
    findings.report()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{HistoryBuilder, attach, delivered, message, resumed, send, sent};

    #[test]
    fn the_table_names_every_anomaly() {
        let page = include_str!("lib.rs");
        for name in Name::ALL {
            let row = page.lines().find(|line| line.starts_with("//! |") && line.contains(&format!("`{name}`")));
            assert!(row.is_some_and(|row| row.contains(name.promise())), "{name} ({})", name.promise());
        }
    }

    #[test]
    fn a_report_shows_what_is_wrong_and_what_there_is() {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(1, "ann", send(1, "k1", sent(1)));
        assert!(check(&builder.records()).to_string().ends_with("\nno anomalies"));
        builder.did(1, "ann", send(1, "k2", sent(2)));
        builder.saw(2, "bob", delivered(1, message(2, "ann", "k2")));
        let report = check(&builder.records()).to_string();
        assert!(report.starts_with("gap (breaks G3, gapless, once: "), "{report}");
        assert!(report.contains("): after number 0 of room 1 came 2\n    {\"process\":\"bob\""), "{report}");
        assert!(report.contains("\nsends            2         0        0        0\n"), "{report}");
        assert!(report.contains("\nanomalies:\n  1 gap: A subscription skipped a number."), "{report}");
    }
}
