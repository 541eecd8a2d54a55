//! The page in a browser, and its sources. The scenarios are scripts beside this file; a test here names each, so that
//! they are run and counted like all other tests.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{env, fs, path::Path, process::Command};

mod sources;

/// Declares one test for each `NAME.test.mjs`.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        const SCENARIOS: &[&str] = &[$(stringify!($name)),+];
        $(
            #[test]
            #[ignore = "needs browsers: cargo xtask test"]
            fn $name() {
                play(stringify!($name));
            }
        )+
    };
}

scenarios! {
    two_users_chat,
    typing_and_presence_show_and_clear,
    the_server_is_killed_and_both_pages_carry_on,
    offline_and_back,
    a_retried_send_does_not_double,
    scrolling_up_does_not_jump,
    markup_stays_text,
    nothing_that_people_write_runs_in_a_browser,
    two_tabs_of_one_user,
    the_widget_fits_into_a_page,
    small_faults_stay_mended,
    a_flood_is_drawn_once_a_frame,
    offline_is_told_at_once,
    the_first_unread_message_is_shown,
    what_is_not_sent_is_not_lost,
    the_list_of_rooms_keeps_up,
    the_width_of_a_phone,
    the_documentation_shows_and_tries_requests,
    an_account_comes_and_goes,
    guests_come_beside_accounts,
    the_administrator_takes_the_setup_token,
    axe_finds_nothing,
    a_room_on_a_page_of_ones_own,
    the_page_speaks_the_language_of_its_reader,
    long_texts_break_no_layout,
    private_rooms_are_for_their_members,
    members_and_their_rights,
    an_invite_link_brings_people_in,
    a_room_of_two,
    a_search_finds_messages,
    the_quick_switcher_goes_anywhere,
    what_comes_while_nobody_looks_is_told,
    messages_are_changed_and_answered,
    firefox_does_the_same,
    the_page_opens_offline,
    settings_are_kept,
    messages_have_formatting,
    mentions_find_their_people,
    a_thread_is_beside_its_room,
    it_is_shown_who_has_read,
    a_damaged_browser_breaks_nothing,
    everybody_can_use_the_page,
}

/// Runs a scenario; its output is shown if it fails.
fn play(scenario: &str) {
    let mut node = Command::new("node");
    node.arg("--test")
        .arg(folder().join(format!("{scenario}.test.mjs")))
        .env("CHATD", env!("CARGO_BIN_EXE_chatd"))
        .env("CHATD_NO_LIMITS", "true");
    for tools in ["CHAT_TEST_BROWSER", "CHAT_TEST_CHROMIUM", "CHAT_TEST_FIREFOX"] {
        variable(tools);
    }
    succeed(&mut node);
}

#[test]
fn every_scenario_is_played() {
    let names = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut there: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".test.mjs")?.to_owned())).collect();
    let mut named = SCENARIOS.to_vec();
    there.sort();
    named.sort_unstable();
    assert_eq!(there, named);
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser"))
}

/// A variable of the environment, in which `cargo xtask test` says where the tools are.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
}

/// Runs a program that must succeed, and shows its output if it fails.
fn succeed(program: &mut Command) {
    let output = program.output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program:?}: {}\n{}", output.status, String::from_utf8_lossy(&told));
}
