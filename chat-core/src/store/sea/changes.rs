//! What an append changes beside the log. Each kind of change is a statement for all rooms of the batch, and none where there is
//! no such change.

use std::collections::BTreeMap;

use sea_orm::Value;

use super::{
    dialect::about::{About, Rows},
    error::SqlError,
    members, moderation,
    rows::number,
    run::Transaction,
};
use crate::{Identity, Mark, RoomId, Seq, UserId, store::judge::Changes};

/// What makes a row of the log say nothing any more. Neither is a retry compared with it.
pub(super) const ERASED: &str = "body = NULL, meta = NULL, mentions = NULL, flags = flags & -2, fingerprint = 0";

/// The changes of each room.
pub(super) type All<'a> = BTreeMap<RoomId, &'a Changes>;

/// Stores what the events of an append change, which are stored already.
pub(super) async fn store(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    edits(run, all).await?;
    deletions(run, all).await?;
    mentions(run, all).await?;
    reactions(run, all).await?;
    counts(run, all).await?;
    pins(run, all).await?;
    threads(run, all).await?;
    first_marks(run, all).await?;
    marks(run, all).await?;
    moderation::store(run, all).await?;
    let members: Vec<_> = all.iter().map(|(room, changes)| (*room, *changes)).collect();
    members::store(run, &members).await
}

/// Messages lead to their newest edits.
async fn edits(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let edits = each(all, |changes| changes.edited.iter());
    let edits = edits.into_iter().map(|(room, (target, edit))| [number(room.0), number(target.0), number(edit.0)]);
    let (set, on) = ("edited_seq = k.edit", "chat_events.room_id = k.room AND chat_events.seq = k.target");
    Rows::new(&["room", "target", "edit"], edits)
        .execute_later(run, About::Update { table: "chat_events", set, on })
        .await
}

/// What deleted messages said is erased, there and in the rows of their edits, with all that hangs on it.
async fn deletions(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let deleted = each(all, |changes| changes.deleted.iter());
    let rows = deleted.iter().map(|(room, (seq, by))| [number(room.0), number(seq.0), number(by.seq.0)]);
    let set = format!("{ERASED}, deleted_seq = k.deletion");
    let on = "chat_events.room_id = k.room AND chat_events.seq = k.target";
    let messages = About::Update { table: "chat_events", set: &set, on };
    Rows::new(&["room", "target", "deletion"], rows).execute_later(run, messages).await?;

    let targets = || deleted.iter().map(|(room, (seq, _))| [number(room.0), number(seq.0)]);
    let table = format!("chat_events{}", run.dialect.by_index("chat_events_edits"));
    let on = "chat_events.room_id = k.room AND chat_events.target_seq = k.target AND chat_events.kind = 5";
    let edits = About::Update { table: &table, set: ERASED, on };
    Rows::new(&["room", "target"], targets()).execute_later(run, edits).await?;

    let targets = Rows::new(&["room_id", "target_seq"], targets());
    targets.execute_later(run, About::Delete { table: "chat_reactions" }).await?;
    targets.execute_later(run, About::Delete { table: "chat_reaction_counts" }).await?;

    let countable = deleted.iter().filter(|(_, (_, deletion))| deletion.countable);
    let tombstone = |(room, (seq, deletion)): &(RoomId, (&Seq, &crate::store::judge::Deletion))| {
        [number(room.0), number(seq.0), user(run, deletion.author.as_ref())]
    };
    let put = About::Put { table: "chat_tombstones", key: 2, optional: "user_id" };
    Rows::new(&["room_id", "seq", "user_id"], countable.map(tombstone)).execute_later(run, put).await
}

/// Whom messages mention now.
async fn mentions(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let changed = each(all, |changes| changes.mentions.iter());
    let before = changed.iter().filter(|(_, (_, change))| !change.before.is_empty());
    let before = before.map(|(room, (seq, _))| [number(room.0), number(seq.0)]);
    Rows::new(&["room_id", "seq"], before).execute_later(run, About::Delete { table: "chat_mentions" }).await?;

    let after = changed.iter().flat_map(|(room, (seq, change))| {
        change.after.iter().map(|mentioned| {
            // No user has an empty id: it stands for everyone.
            let mentioned = run.dialect.opaque(Some(mentioned.as_ref().map_or("", UserId::as_str)));
            [mentioned, number(room.0), number(seq.0), user(run, change.author.as_ref())]
        })
    });
    let put = About::Put { table: "chat_mentions", key: 3, optional: "author_id" };
    Rows::new(&["user_id", "room_id", "seq", "author_id"], after).execute_later(run, put).await
}

/// Who has reacted.
async fn reactions(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let changed = each(all, |changes| changes.reactions.iter());
    let opaque = |text: &str| run.dialect.opaque(Some(text));
    let gone = changed.iter().filter(|(_, (_, row))| row.is_none()).map(|(room, ((target, reaction, user), _))| {
        [number(room.0), number(target.0), opaque(reaction.as_str()), opaque(user.as_str())]
    });
    let keys = Rows::new(&["room_id", "target_seq", "reaction", "user_id"], gone);
    keys.execute_later(run, About::Delete { table: "chat_reactions" }).await?;

    let added = changed.iter().filter_map(|(room, ((target, reaction, user), row))| {
        let row = row.as_ref()?;
        Some([
            number(room.0),
            number(target.0),
            opaque(reaction.as_str()),
            opaque(user.as_str()),
            row.user.name.as_str().to_owned().into(),
            number(row.seq.0),
            row.at.0.into(),
        ])
    });
    let columns = &["room_id", "target_seq", "reaction", "user_id", "user_name", "seq", "at_us"];
    let put = About::Put { table: "chat_reactions", key: 4, optional: "" };
    Rows::new(columns, added).execute_later(run, put).await
}

/// How many have reacted.
async fn counts(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let changed = each(all, |changes| changes.counts.iter());
    let key = |room: &RoomId, target: &Seq, reaction: &crate::Reaction| {
        [number(room.0), number(target.0), run.dialect.opaque(Some(reaction.as_str()))]
    };
    let (none, some): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(_, (_, counted))| counted.count == 0);
    let none = none.iter().map(|(room, ((target, reaction), _))| key(room, target, reaction));
    let keys = Rows::new(&["room_id", "target_seq", "reaction"], none);
    keys.execute_later(run, About::Delete { table: "chat_reaction_counts" }).await?;

    let some = some.iter().map(|(room, ((target, reaction), counted))| {
        let [room, target, reaction] = key(room, target, reaction);
        [room, target, reaction, number(counted.count), number(counted.since.0)]
    });
    let put = About::Put { table: "chat_reaction_counts", key: 3, optional: "" };
    Rows::new(&["room_id", "target_seq", "reaction", "amount", "since_seq"], some).execute_later(run, put).await
}

/// What is pinned.
async fn pins(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let changed = each(all, |changes| changes.pins.iter());
    let gone = changed.iter().filter(|(_, (_, pin))| pin.is_none());
    let gone = gone.map(|(room, (target, _))| [number(room.0), number(target.0)]);
    Rows::new(&["room_id", "target_seq"], gone).execute_later(run, About::Delete { table: "chat_pins" }).await?;

    let pinned = changed
        .iter()
        .filter_map(|(room, (target, pin))| Some([number(room.0), number(target.0), number(pin.as_ref()?.0)]));
    let put = About::Put { table: "chat_pins", key: 2, optional: "" };
    Rows::new(&["room_id", "target_seq", "seq"], pinned).execute_later(run, put).await
}

/// Threads, and who has written in them.
async fn threads(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let threads = each(all, |changes| changes.threads.iter())
        .into_iter()
        .map(|(room, (root, thread))| [room.0, root.0, thread.count, thread.last_ordinal, thread.last.0].map(number));
    let put = About::Put { table: "chat_threads", key: 2, optional: "" };
    let columns = &["room_id", "root_seq", "amount", "last_ordinal", "last_seq"];
    Rows::new(columns, threads).execute_later(run, put).await?;

    let users = each(all, |changes| changes.thread_users.iter());
    let users =
        users.into_iter().map(|(room, (root, writer))| [number(room.0), number(root.0), user(run, Some(writer))]);
    let put = About::Put { table: "chat_thread_users", key: 3, optional: "" };
    Rows::new(&["room_id", "root_seq", "user_id"], users).execute_later(run, put).await
}

/// The marks of users who have come in, unless they have one.
pub(super) async fn first_marks(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let marks = each(all, |changes| changes.first_marks.values());
    let marks = marks.into_iter().map(|(room, (reader, mark))| mark_values(run, room, reader, *mark));
    let put = About::PutNew { table: "chat_reads", key: 3 };
    Rows::new(MARK_COLUMNS, marks).execute_later(run, put).await
}

/// How far users have read.
async fn marks(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let written_for = each(all, |changes| changes.written_for.iter());
    let written_for = written_for.into_iter().map(|(room, reader)| [user(run, Some(reader)), number(room.0)]);
    let on = "chat_reads.user_id = k.reader AND chat_reads.room_id = k.room AND chat_reads.thread = 0";
    let unsure = About::Update { table: "chat_reads", set: "by_back = 1", on };
    Rows::new(&["reader", "room"], written_for).execute_later(run, unsure).await?;

    let marks = each(all, |changes| changes.marks.values());
    let marks = marks.into_iter().map(|(room, (reader, mark))| mark_values(run, room, reader, *mark));
    let put = About::Put { table: "chat_reads", key: 3, optional: "" };
    Rows::new(MARK_COLUMNS, marks).execute_later(run, put).await
}

const MARK_COLUMNS: &[&str; 7] = &["user_id", "room_id", "thread", "seq", "ordinal", "by_back", "user_name"];

fn mark_values(run: &Transaction<'_>, room: RoomId, reader: &Identity, mark: Mark) -> [Value; 7] {
    [
        user(run, Some(&reader.id)),
        number(room.0),
        number(0),
        number(mark.seq.0),
        number(mark.ordinal),
        i16::from(mark.by_back).into(),
        reader.name.as_str().to_owned().into(),
    ]
}

fn user(run: &Transaction<'_>, user: Option<&UserId>) -> Value {
    run.dialect.opaque(user.map(UserId::as_str))
}

/// One kind of change of all rooms.
pub(super) fn each<'c, I: Iterator>(all: &All<'c>, of: impl Fn(&'c Changes) -> I) -> Vec<(RoomId, I::Item)> {
    all.iter().flat_map(|(room, changes)| of(changes).map(|change| (*room, change))).collect()
}
