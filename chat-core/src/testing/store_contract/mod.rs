//! What every [`Store`] must hold to, as tests: [`store_contract!`](crate::store_contract) runs them all on yours.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "these are tests, for crates that have a store")]

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Body, Identity, RoomId, RoomName, Seq, Timestamp, Topic, UserId, VisibleRooms,
    append::{AppendOutcome, Entry, EventKey, Op, RoomBatch, RoomRecord, RoomUpdate, StoredEvent},
    store::{Store, Viewer},
};

pub mod appends;
pub mod archive;
pub mod changes;
pub mod consumers;
pub mod direct;
pub mod erasure;
pub mod history;
pub mod marks;
pub mod members;
pub mod moderation;
pub mod my_rooms;
pub mod prune;
pub mod rooms;
pub mod search;
pub mod seen;
pub mod starts;
pub mod states;
pub mod tail;
pub mod users;

/// Opens stores on one database of its own, empty at first.
#[async_trait]
pub trait Opener: Send + Sync {
    /// Another store on the database.
    async fn open(&self) -> Arc<dyn Store>;

    /// Whether a search finds words by how they begin, and one character of a phrase: not where the index hides its terms.
    fn finds_beginnings(&self) -> bool {
        true
    }
}

/// Makes a test of each case of the contract; `$make` is an async function that returns an [`Opener`], and the attributes
/// stand above each test.
///
/// [`Opener`]: crate::testing::store_contract::Opener
#[macro_export]
macro_rules! store_contract {
    ($(#[$attribute:meta])* $make:ident) => {
        $crate::store_contract!(@group $(#[$attribute])* $make, appends:
            numbers_have_no_holes, a_retry_gets_the_first_answer, doubles_in_a_batch_are_one,
            another_content_is_refused, keys_belong_to_a_user_in_a_room, opaque_strings_differ_by_every_byte,
            text_comes_back_byte_for_byte, made_up_keys_are_not_shown, a_room_that_is_gone_hurts_only_its_own,
            a_large_batch_is_stored_whole, two_writers_share_a_room, a_reply_names_a_message_of_its_room,
            a_reply_in_a_room_that_is_gone_is_not_stored,
            fields_count_as_content);
        $crate::store_contract!(@group $(#[$attribute])* $make, rooms:
            names_are_unique_without_case, a_room_is_found_by_the_hosts_key, words_that_read_alike_are_one_name, one_of_many_gets_a_name,
            a_change_is_one_event, the_newest_message_is_known, a_taken_name_is_refused, one_of_two_renames_wins, a_deleted_room_is_gone,
            purging_takes_what_was_deleted, no_id_is_given_twice, rooms_are_listed_by_id, any_part_of_a_name_finds_it,
            a_search_knows_the_names_of_now, names_written_at_once_are_all_found, names_are_searched_literally, shown_names_come_back_as_written);
        $crate::store_contract!(@group $(#[$attribute])* $make, history:
            pages_reach_every_message, pages_pass_over_what_is_no_message, an_empty_room_has_an_empty_page,
            heads_are_told_of_many_rooms_at_once,
            recovery_finds_what_was_stored, recovery_of_a_deleted_room);
        $crate::store_contract!(@group $(#[$attribute])* $make, search:
            words_are_found_as_readers_take_them, what_is_found_is_ordered_by_time, a_search_has_a_room_and_an_author,
            a_search_says_whether_it_knows_the_newest_messages, edits_and_deletions_change_what_is_found,
            a_batch_of_changes_is_found_as_it_ends, messages_in_threads_are_found, messages_of_deleted_rooms_are_not_found,
            what_was_pruned_is_not_found, common_words_are_found_in_every_room, the_longest_messages_are_found,
            rooms_that_are_not_in_the_index_are_known, indexing_and_deleting_at_once_leaves_a_true_index);
        $crate::store_contract!(@group $(#[$attribute])* $make, changes:
            an_edit_is_an_event_and_leaves_the_message_as_sent, an_edit_keeps_what_it_does_not_name,
            a_deletion_erases_every_text, what_was_sent_and_deleted_at_once_is_not_stored, reactions_are_counted,
            reactions_are_told_apart_by_every_byte, a_deletion_takes_reactions_and_pins_along, pins_are_counted,
            threads_have_numbers_of_their_own, a_thread_has_no_threads, only_its_author_changes_a_message,
            what_is_not_there_is_not_changed, there_are_not_too_many_reactions_and_edits, retries_change_nothing,
            a_retry_of_what_was_erased_is_answered, every_change_is_recovered_by_its_key,
            many_changes_of_many_rooms_at_once);
        $crate::store_contract!(@group $(#[$attribute])* $make, marks:
            ones_own_message_is_read, marks_go_forward, marks_go_back_when_asked_to, unread_is_what_others_wrote,
            mentions_are_those_of_now, the_host_may_write_unread_messages, a_thread_is_not_unread,
            marks_of_one_batch_see_its_end, unread_is_exact_whatever_happens);
        $crate::store_contract!(@group $(#[$attribute])* $make, members:
            members_come_and_go, rights_are_those_of_the_turn, what_was_known_before_a_change_does_not_count,
            bans_and_mutes_end, a_room_keeps_an_owner, the_host_takes_the_last_owners_role, the_last_to_leave_a_private_room_ends_it,
            members_are_listed_by_role, standings_are_read_at_once, whoever_comes_in_has_read_it,
            a_private_room_keeps_no_name_from_others, members_are_taken_along, an_erased_user_is_nobody_among_members);
        $crate::store_contract!(@group $(#[$attribute])* $make, moderation:
            an_invite_is_not_used_once_too_often, an_invite_ends, who_may_invite_is_judged_in_turn,
            there_are_not_too_many_invites, an_erased_user_is_in_no_invite, the_audit_has_what_was_done);
        $crate::store_contract!(@group $(#[$attribute])* $make, direct:
            two_users_have_one_room, each_is_the_peer_of_the_other, only_the_two_see_it, an_erased_user_is_nobodys_peer,
            a_pair_is_taken_along);
        $crate::store_contract!(@group $(#[$attribute])* $make, seen:
            nobody_sees_a_private_room_but_its_members, rooms_are_found_by_their_ids, nobody_sees_a_room_that_the_policy_hides,
            what_the_host_says_counts, a_room_is_seen_as_what_it_is_now,
            a_hidden_room_is_as_a_missing_one, a_mention_is_told_to_those_who_see_the_room);
        $crate::store_contract!(@group $(#[$attribute])* $make, states:
            a_page_shows_what_became_of_its_messages, reads_are_what_the_log_adds_up_to,
            pages_of_threads_reach_every_message, what_is_not_there_is_not_read);
        $crate::store_contract!(@group $(#[$attribute])* $make, my_rooms:
            rooms_of_a_user_come_by_their_newest_message, rooms_of_a_user_tell_what_is_unread,
            many_rooms_of_a_user_are_all_right, what_a_user_wants_to_be_told_is_kept, marks_are_told_each_once,
            watchers_see_the_newest_message);
        $crate::store_contract!(@group $(#[$attribute])* $make, prune:
            what_was_pruned_is_found_no_more, a_log_is_kept_by_count_and_by_time, unread_counts_what_is_left,
            what_was_pruned_is_removed);
        $crate::store_contract!(@group $(#[$attribute])* $make, tail:
            nothing_is_kept_until_it_is_begun, what_a_room_has_more_is_put_behind,
            whoever_extends_it_puts_each_event_in_once, the_end_of_a_room_outlives_it,
            an_import_is_told_when_it_is_finished, events_of_pieces_are_those_that_are_left);
        $crate::store_contract!(@group $(#[$attribute])* $make, consumers:
            how_far_a_consumer_is_is_kept, one_of_two_saves, what_was_given_up_is_kept, pieces_of_a_room_are_found);
        $crate::store_contract!(@group $(#[$attribute])* $make, archive:
            an_imported_room_reads_as_the_exported_one, an_unfinished_import_is_there_for_nobody,
            a_taken_name_finishes_nothing, the_key_of_the_host_is_taken_along, what_does_not_fit_is_refused);
        $crate::store_contract!(@group $(#[$attribute])* $make, erasure:
            another_user_stands_in_their_place, a_log_with_another_user_adds_up, messages_are_deleted_if_they_shall_be,
            what_is_not_removed_yet_is_erased_too, keys_belong_to_the_new_id, nobody_is_mentioned_twice,
            an_erasure_is_recorded_until_it_is_done);
        $crate::store_contract!(@group $(#[$attribute])* $make, users:
            bare_ids_of_guests_are_kept_in_mind, revocations_are_kept, chosen_names_are_kept);
        $crate::store_contract!(@group $(#[$attribute])* $make, starts:
            what_was_stored_is_there_after_a_restart, a_new_epoch_stays, three_starts_at_once, a_store_that_stores_says_so);
    };
    (@group $(#[$attribute:meta])* $make:ident, $group:ident: $($case:ident),*) => {
        $crate::store_contract!(@cases [$(#[$attribute])*] $make, $group: $($case),*);
    };
    (@cases $attributes:tt $make:ident, $group:ident: $($case:ident),*) => {
        mod $group {
            $($crate::store_contract!(@case $attributes $make, $group, $case);)*
        }
    };
    (@case [$(#[$attribute:meta])*] $make:ident, $group:ident, $case:ident) => {
        #[tokio::test]
        $(#[$attribute])*
        async fn $case() {
            $crate::testing::store_contract::$group::$case(&super::$make().await).await;
        }
    };
}

/// A user.
fn user(name: &str) -> Identity {
    Identity::named(name).unwrap()
}

/// A user who looks at rooms, and from whom the policy hides none.
fn viewer(user: &UserId) -> Viewer {
    Viewer::User(user.clone(), Timestamp(0), VisibleRooms::All)
}

/// A message with a key.
fn message(author: &Identity, content: &str, key: &str) -> Entry {
    let (key, at) = (EventKey::from_stored(key), Timestamp(1_700_000_000_000_000));
    Entry::new(Some(author.clone()), key, at, Op::Message(Body::text(content)))
}

/// Messages of one author, with their contents as keys.
fn messages(author: &Identity, contents: &[&str]) -> Vec<Entry> {
    contents.iter().map(|content| message(author, content, content)).collect()
}

/// Makes a room.
async fn make_room(store: &dyn Store, name: &str) -> RoomId {
    let at = Timestamp(1_600_000_000_000_000);
    let row = RoomRecord::open(RoomName::new(name).unwrap(), Topic::new("").unwrap(), at);
    store.create_room(&row).await.unwrap().unwrap().id
}

/// An entry of a user with a key.
fn entry(actor: &Identity, key: &str, op: Op) -> Entry {
    Entry::new(Some(actor.clone()), EventKey::from_stored(key), Timestamp(1_700_000_000_000_003), op)
}

/// Appends one entry to a room that is there.
async fn append_one(store: &dyn Store, room: RoomId, entry: Entry) -> AppendOutcome {
    append(store, room, vec![entry]).await.remove(0)
}

/// Appends to one room; `None` when it is gone.
async fn try_append(store: &dyn Store, room: RoomId, entries: Vec<Entry>) -> Option<Vec<AppendOutcome>> {
    store.append(&[RoomBatch { room, entries }]).await.unwrap().remove(0)
}

/// Appends to one room that is there.
async fn append(store: &dyn Store, room: RoomId, entries: Vec<Entry>) -> Vec<AppendOutcome> {
    try_append(store, room, entries).await.unwrap()
}

/// Changes a room that is there.
async fn update(store: &dyn Store, room: RoomId, name: Option<&str>, topic: Option<&str>) -> AppendOutcome {
    append(store, room, vec![change(name, topic)]).await.remove(0)
}

/// A change of a room.
fn change(name: Option<&str>, topic: Option<&str>) -> Entry {
    static KEYS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = KEYS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let update = RoomUpdate {
        name: name.map(|name| RoomName::new(name).unwrap()),
        topic: topic.map(|topic| Topic::new(topic).unwrap()),
        ..RoomUpdate::default()
    };
    let (key, at) = (EventKey::generated(&format!("update-{number}")), Timestamp(1_700_000_000_000_001));
    Entry::new(Some(user("editor")), key, at, Op::UpdateRoom(update))
}

/// Deletes a room that is there; nobody is named.
async fn delete(store: &dyn Store, room: RoomId) -> AppendOutcome {
    try_delete(store, room).await.unwrap()
}

/// Deletes a room; `None` when it is gone.
async fn try_delete(store: &dyn Store, room: RoomId) -> Option<AppendOutcome> {
    let (key, at) = (EventKey::generated("end"), Timestamp(1_700_000_000_000_002));
    Some(try_append(store, room, vec![Entry::new(None, key, at, Op::DeleteRoom)]).await?.remove(0))
}

/// The number of something that was stored anew.
fn new_seq(placed: &AppendOutcome) -> Seq {
    match placed {
        AppendOutcome::New { event, .. } => event.seq,
        AppendOutcome::Replay(_)
        | AppendOutcome::Unchanged { .. }
        | AppendOutcome::Marked(_)
        | AppendOutcome::Pruned(_)
        | AppendOutcome::Invited(_)
        | AppendOutcome::PutOff(_)
        | AppendOutcome::Refused(_) => {
            panic!("not new: {placed:?}")
        }
    }
}

/// The numbers of some events.
fn seqs(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|stored| stored.event.seq.0).collect()
}

/// A room's whole log.
async fn log(store: &dyn Store, room: RoomId) -> Vec<StoredEvent> {
    store.events_after(room, Seq(0), 100_000).await.unwrap()
}
