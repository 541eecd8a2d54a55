//! The table of rights as a document.

use std::{env, fmt::Write as _, fs, iter, path::Path};

use chat_core::{
    RoomTerms, Timestamp,
    rights::{Asker, RoomAction},
};

use super::{
    deed,
    kind::Kind,
    person::{Person, Place},
    stage::RoomSort,
};

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

This page is written by a test from the tables that all is judged by: what is done in rooms from that of the engine
(`chat_core::rights`), and the rest from that of the test. Other tests try each cell over the Rust API, REST, event streams and
sockets: `cargo test --workspace --all-features --test api permissions`.

- A room is **owned** if a user who is no guest made it, or if the host named an owner. Rooms that guests made, and those from
  before there were members, are not: anyone may rename and delete them.
- Whoever is no member of a room is a *stranger* there.
- **How somebody came makes no difference in a room**: as a guest (`?username=`), with a token of the host's app, or with an account
  of the server. Each cell is tried with one of each, in each place in the room. The exceptions are columns of their own.
  *Anonymous* is who says nothing of who they are. The *administrator* of the server counts as an owner, whatever they are in the
  room besides; in direct rooms, as anybody else. *The host* is `Actor::System`, or `Actor::SystemAs` in a user's name. (Sending,
  reacting, marking, joining and leaving are done in a name, so `System` is `unauthenticated`.)
- A [`Policy`](embedding.md) of the host can forbid more, and never allow more.
- Only authors and the host edit messages.

What the answers are: ✓ done; *who?* `unauthenticated` (401); *no* `forbidden` (403); *banned* and *muted* (403), with `until`; *none*
`room_not_found` (404), as for a room that is not there.
";

const ELSEWHERE: &str = "
Where the room's `invites` is `moderators`, only moderators and owners add and invite.

## Outside of rooms

Here it matters how somebody came. *Owned* and *nobody's* are rooms that are made; *owner?* is `invalid_field`: a private room
needs an owner (`NewRoom::owner`). What has – is no call of the Rust API with an actor.
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
        write!(text, "\n## {title}\n").unwrap();
        let (people, terms) = (columns(sort), sort.terms());
        heading(&mut text, people.iter().map(|(name, _)| *name));
        for action in RoomAction::ALL {
            let cells = people.iter().map(|(_, person)| cell(terms, action, person.asker()));
            row(&mut text, words(action), cells);
        }
    }
    text.push_str(ELSEWHERE);
    heading(&mut text, Kind::ALL.into_iter().map(Kind::name));
    for (_, words, answers) in deed::TABLE {
        row(&mut text, words, answers.into_iter().map(short));
    }
    text
}

fn heading<'a>(text: &mut String, columns: impl ExactSizeIterator<Item = &'a str>) {
    let rule = "---|".repeat(columns.len());
    text.push('\n');
    row(text, "", columns);
    writeln!(text, "|---|{rule}").unwrap();
}

fn row<'a>(text: &mut String, first: &str, cells: impl Iterator<Item = &'a str>) {
    let cells: Vec<&str> = cells.collect();
    let first = format!("| {first}");
    writeln!(text, "{} | {} |", first.trim_end(), cells.join(" | ")).unwrap();
}

/// The columns of a table: whoever differs from the others by how they came, and the users by what they are in the room.
fn columns(sort: RoomSort) -> Vec<(&'static str, Person)> {
    let stranger = |kind: Kind| Person { kind, place: Place::Stranger };
    let users = Place::all_in(sort).map(|place| (place.name(), Person { kind: Kind::Token, place }));
    let first = iter::once((Kind::Anonymous.name(), stranger(Kind::Anonymous)));
    let last = [(Kind::Administrator.name(), stranger(Kind::Administrator)), ("the host", stranger(Kind::SystemAs))];
    first.chain(users).chain(last).collect()
}

/// What the columns leave out, since it is equal.
#[test]
fn each_kind_and_place_has_its_column() {
    for sort in RoomSort::ALL {
        let columns = columns(sort);
        for person in Person::all_in(sort) {
            let name = match person.kind {
                Kind::Anonymous => Kind::Anonymous.name(),
                Kind::System | Kind::SystemAs => "the host",
                Kind::Administrator if sort != RoomSort::Direct => Kind::Administrator.name(),
                Kind::Administrator | Kind::Guest | Kind::Token | Kind::Account => person.place.name(),
            };
            let (_, shown) = columns.iter().find(|(known, _)| *known == name).unwrap();
            for action in RoomAction::ALL {
                let [own, shown] = [person, *shown].map(|person| cell(sort.terms(), action, person.asker()));
                assert_eq!(own, shown, "{action:?} by {person:?} in {sort:?}");
            }
        }
    }
}

fn cell(terms: RoomTerms, action: RoomAction, asker: Asker) -> &'static str {
    match terms.check(action, asker, Timestamp(0)) {
        Ok(()) => short("ok"),
        Err(error) => short(error.code()),
    }
}

/// What stands in a cell for an answer.
fn short(answer: &'static str) -> &'static str {
    match answer {
        "ok" => "✓",
        "unauthenticated" => "who?",
        "forbidden" => "no",
        "room_not_found" => "none",
        "invalid_field" => "owner?",
        "open" => "✓ nobody's",
        "owned" => "✓ owned",
        other => other,
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
