//! The table of rights as a document.

use std::{env, fmt::Write as _, fs, path::Path};

use chat_core::{
    RoomTerms, Timestamp,
    rights::{Asker, RoomAction},
};

use crate::{person::Person, stage::RoomSort};

#[test]
fn the_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md");
    let current = document();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "docs/permissions.md is out of date: run this test with UPDATE_EXPECT=1");
}

const INTRODUCTION: &str = "# Who may do what

This page is written by a test from the table that the engine judges by (`chat_core::rights`). Other tests try each cell over the
Rust API, REST, event streams and sockets: `cargo test --workspace --all-features --test permissions`.

- A room is **owned** if a user who is no guest made it, or if the host named an owner. Rooms that guests made, and those from
  before there were members, are not: anyone may rename and delete them.
- Whoever is no member of a room is a *stranger* there. *Guest* means a stranger whom nobody vouches for.
- The host's own calls (`Actor::System`) may do everything. Administrators count as owners, but not in direct rooms.
- A [`Policy`](embedding.md) of the host can forbid more, and never allow more.
- Only authors edit their messages.

What the answers are: ✓ done; *who?* `unauthenticated` (401); *no* `forbidden` (403); *banned* and *muted* (403), with `until`; *none*
`room_not_found` (404), as for a room that is not there.
";

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    let sorts = [
        ("Public rooms", RoomSort::Public),
        ("Private rooms", RoomSort::Private),
        ("Direct rooms", RoomSort::Direct),
        ("Public rooms that nobody owns", RoomSort::Open),
    ];
    for (title, sort) in sorts {
        let (terms, people): (_, Vec<Person>) =
            (sort.terms(), Person::ALL.into_iter().filter(|person| person.may_be_in(sort)).collect());
        let names: Vec<&str> = people.iter().map(|person| person.name()).collect();
        write!(text, "\n## {title}\n\n| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len())).unwrap();
        for action in RoomAction::ALL {
            let cells: Vec<&str> = people.iter().map(|person| cell(terms, action, person.asker())).collect();
            writeln!(text, "| {} | {} |", words(action), cells.join(" | ")).unwrap();
        }
    }
    text.push_str("\nWhere the room's `invites` is `moderators`, only moderators and owners add and invite.\n");
    text
}

fn cell(terms: RoomTerms, action: RoomAction, asker: Asker) -> &'static str {
    match terms.check(action, asker, Timestamp(0)) {
        Ok(()) => "✓",
        Err(error) => match error.code() {
            "unauthenticated" => "who?",
            "forbidden" => "no",
            "room_not_found" => "none",
            code => code,
        },
    }
}

/// What an action is, for people.
fn words(action: RoomAction) -> &'static str {
    match action {
        RoomAction::Read => "see, read, search, hear, presence",
        RoomAction::Mark => "mark as read",
        RoomAction::Write => "send, thread, react, type, edit own messages",
        RoomAction::DeleteOwn => "delete own messages",
        RoomAction::Pin => "pin",
        RoomAction::MentionRoom => "mention everyone",
        RoomAction::DeleteOthers => "delete others' messages",
        RoomAction::Update => "name and topic",
        RoomAction::ChangeKind => "make it private or public",
        RoomAction::ChangeInvites => "say who may bring others in",
        RoomAction::Join => "join",
        RoomAction::Leave => "leave",
        RoomAction::Add => "add others",
        RoomAction::Invite => "invite others",
        RoomAction::Remove => "remove others",
        RoomAction::Ban => "ban and unban",
        RoomAction::Mute => "mute and unmute",
        RoomAction::GiveRoles => "give roles",
        RoomAction::Audit => "read bans, mutes and the audit",
        RoomAction::Delete => "delete the room",
        _ => "?",
    }
}
