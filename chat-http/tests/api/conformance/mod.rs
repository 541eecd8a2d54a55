//! One list of cases, run over every transport. `table.md` beside this file has the results.

mod cases;
mod changes;
mod client;
mod members;
mod rust_api;
mod server_sent;
mod websocket;

use std::{collections::BTreeSet, env, fmt::Write, fs, path::Path};

/// All cases.
mod all {
    pub(crate) use super::{cases::*, changes::*, members::*};
}

/// Why a case is not run over a transport; `None` if it is run.
type Why = Option<&'static str>;

/// Each row is a case with the transports it runs over: `yes`, or `no` with the reason.
macro_rules! table {
    ($($case:ident: $rust:tt $one:tt $many:tt $sse:tt;)*) => {
        mod over_the_rust_api { $(pair!($case, crate::conformance::rust_api::RustApi, $rust);)* }
        mod over_a_socket_for_one_room { $(pair!($case, crate::conformance::websocket::WebSocket<false>, $one);)* }
        mod over_a_socket_for_many_rooms { $(pair!($case, crate::conformance::websocket::WebSocket<true>, $many);)* }
        mod over_server_sent_events { $(pair!($case, crate::conformance::server_sent::ServerSent, $sse);)* }

        const TABLE: &[(&str, [Why; 4])] = &[$((stringify!($case), [why!($rust), why!($one), why!($many), why!($sse)])),*];
    };
}

/// Declares the test of a case over a transport, unless the row says `no`.
macro_rules! pair {
    ($case:ident, $client:ty, (yes)) => {
        #[tokio::test]
        async fn $case() {
            crate::conformance::all::$case::<$client>().await;
        }
    };
    ($case:ident, $client:ty, (no $why:literal)) => {};
}

macro_rules! why {
    ((yes)) => {
        None
    };
    ((no $why:literal)) => {
        Some($why)
    };
}

table! {
    what_is_sent_is_heard_by_all_and_the_sender: (yes) (yes) (yes) (yes);
    everyone_hears_one_order: (yes) (yes) (yes) (yes);
    the_answer_stands_before_the_own_message: (yes) (yes) (yes)
        (no "the answer comes on a connection of its own, so that neither is before the other");
    a_retry_gets_the_first_answer: (yes) (yes) (yes) (yes);
    a_key_with_other_content_is_refused: (yes) (yes) (yes) (yes);
    what_is_no_message_is_refused: (yes) (yes) (yes) (yes);
    a_gap_is_filled_in_order_and_then_live: (yes) (yes) (yes) (yes);
    who_was_cut_off_resumes_without_a_hole: (yes) (yes) (yes) (yes);
    too_far_back_is_a_resync: (yes) (yes) (yes) (yes);
    ahead_of_the_log_is_a_resync: (yes) (yes) (yes) (yes);
    another_history_is_a_resync: (yes) (yes) (yes) (yes);
    people_are_heard_to_come: (yes) (yes) (yes) (yes);
    who_leaves_with_a_word_is_gone_at_once: (yes) (yes) (yes)
        (no "an `EventSource` has no word to close with: the end of a stream counts as lost");
    who_is_lost_is_gone_after_the_grace: (yes) (yes) (yes) (yes);
    who_is_back_within_the_grace_was_never_away: (yes) (yes) (yes) (yes);
    an_observer_hears_and_is_not_shown: (yes) (yes) (yes) (yes);
    typing_is_heard_until_the_message: (yes) (yes) (yes) (yes);
    typing_is_shown_to_others: (yes) (yes) (yes)
        (no "typing belongs to a session, and a REST call has none");
    a_changed_room_is_heard: (yes) (yes) (yes) (yes);
    a_deleted_room_is_the_last_that_is_heard: (yes) (yes) (yes) (yes);
    nothing_is_heard_after_a_detach: (yes)
        (no "the socket is its attachment: it ends with it")
        (yes)
        (no "the stream is its attachment: it ends with it");
    a_missing_room_is_refused: (yes) (yes) (yes) (yes);
    all_that_a_message_has_is_heard: (yes) (yes) (yes) (yes);
    an_edit_is_heard_with_what_the_message_says_now: (yes) (yes) (yes) (yes);
    what_was_deleted_is_heard_later_only_as_erased: (yes) (yes) (yes) (yes);
    reactions_and_pins_are_heard: (yes) (yes) (yes) (yes);
    a_thread_is_heard_with_the_room: (yes) (yes) (yes) (yes);
    a_retried_change_gets_the_first_answer: (yes) (yes) (yes) (yes);
    what_changes_nothing_is_not_heard: (yes) (yes) (yes) (yes);
    a_change_that_may_not_be_is_refused: (yes) (yes) (yes) (yes);
    a_mark_counts_what_is_unread_and_is_told: (yes) (yes) (yes) (yes);
    who_comes_in_and_goes_is_heard: (yes) (yes) (yes) (yes);
    whoever_is_banned_hears_so_last: (yes) (yes) (yes) (yes);
    whoever_was_banned_does_not_resume: (yes) (yes) (yes)
        (no "who comes back with `Last-Event-ID` is told with 204 not to come again, which no refusal is");
    whoever_is_muted_hears_and_says_nothing: (yes) (yes) (yes) (yes);
}

#[test]
fn the_table_is_whole_and_written_down() {
    let source = [include_str!("cases.rs"), include_str!("changes.rs"), include_str!("members.rs")].concat();
    let cases: BTreeSet<_> =
        source.lines().filter_map(|line| line.strip_prefix("pub(crate) async fn ")?.split('<').next()).collect();
    let rows: BTreeSet<_> = TABLE.iter().map(|(case, _)| *case).collect();
    assert_eq!(cases, rows, "each case has its row");
    assert_eq!(rows.len(), TABLE.len(), "and only one");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/conformance/table.md");
    let current = table_in_markdown();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "table.md is out of date: run this test with UPDATE_EXPECT=1");
}

fn table_in_markdown() -> String {
    let mut text = String::from(
        "# Conformance: cases and transports\n\n\
         Written by `the_table_is_whole_and_written_down`. Each ✓ is a test; what is not one says why.\n\n\
         | case | Rust API | WebSocket, one room | WebSocket, many rooms | server-sent events + REST |\n\
         |---|---|---|---|---|\n",
    );
    let mut notes: Vec<&str> = Vec::new();
    for (case, pairs) in TABLE {
        write!(text, "| {}", case.replace('_', " ")).unwrap();
        for why in pairs {
            match why {
                None => text.push_str(" | ✓"),
                Some(why) => {
                    notes.push(why);
                    write!(text, " | – ({})", notes.len()).unwrap();
                }
            }
        }
        text.push_str(" |\n");
    }
    text.push('\n');
    for (index, why) in notes.iter().enumerate() {
        writeln!(text, "{}. {why}", index + 1).unwrap();
    }
    text
}
