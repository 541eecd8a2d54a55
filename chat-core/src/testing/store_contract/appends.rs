//! What holds for appends.

use std::collections::BTreeSet;

use super::{Opener, append, delete, log, make_room, message, messages, new_seq, seqs, update, user};
use crate::{
    Body, Identity, RoomId, Seq, Timestamp,
    append::{AppendOutcome, Entry, EventKey, Op, RoomBatch},
    error::Error,
    text::MAX_MESSAGE_BYTES,
};

/// 1, 2, 3 … over batches, and the room knows its head, its last message and each message's place among the messages.
pub async fn numbers_have_no_holes(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["a", "b", "c"])).await;
    update(store, room, None, Some("about")).await;
    let mut last = message(&alice, "d", "d");
    last.at = Timestamp(1_700_000_000_999_999);
    let placed = append(store, room, vec![last]).await;
    assert_eq!(new_seq(&placed[0]), Seq(5));

    let events = log(store, room).await;
    assert_eq!(seqs(&events), [1, 2, 3, 4, 5]);
    let ordinals = events.iter().filter_map(|stored| stored.event.message()).map(|message| message.ordinal);
    assert_eq!(ordinals.collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(
        matches!(&placed[0], AppendOutcome::New { event, .. } if *event == events[4].event),
        "what is answered is what is read"
    );
    let room = store.room(room).await.unwrap().unwrap();
    assert_eq!((room.head, room.last_message_at), (Seq(5), Some(Timestamp(1_700_000_000_999_999))));
    assert_eq!(seqs(&store.events_after(room.id, Seq(2), 2).await.unwrap()), [3, 4]);
}

/// A replay: the event of then, no number, nothing stored.
pub async fn a_retry_gets_the_first_answer(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    let first = append(store, room, messages(&alice, &["a", "b"])).await;
    let mut retry = message(&Identity::new("alice", "Alice, renamed").unwrap(), "b", "b");
    retry.at = Timestamp(1_800_000_000_000_000);
    let placed = append(store, room, vec![message(&alice, "c", "c"), retry, message(&alice, "d", "d")]).await;
    let AppendOutcome::New { event, .. } = &first[1] else { panic!("{first:?}") };
    assert_eq!(placed[1], AppendOutcome::Replay(event.clone()));
    assert_eq!((new_seq(&placed[0]), new_seq(&placed[2])), (Seq(3), Seq(4)));
    let again = append(store, room, messages(&alice, &["a", "b"])).await;
    assert!(again.iter().all(|placed| matches!(placed, AppendOutcome::Replay(_))), "{again:?}");
    assert_eq!(seqs(&log(store, room).await), [1, 2, 3, 4]);
    assert_eq!(store.room(room).await.unwrap().unwrap().head, Seq(4));
    assert_eq!(new_seq(&append(store, room, messages(&alice, &["e"])).await[0]), Seq(5));
}

/// The second of two in one batch is a replay of the first.
pub async fn doubles_in_a_batch_are_one(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    let placed = append(store, room, messages(&alice, &["a", "a", "b", "a"])).await;
    let AppendOutcome::New { event: first, .. } = &placed[0] else { panic!("{placed:?}") };
    assert_eq!(placed[1], AppendOutcome::Replay(first.clone()));
    assert_eq!(placed[3], AppendOutcome::Replay(first.clone()));
    assert_eq!(new_seq(&placed[2]), Seq(2));
    assert_eq!(store.room(room).await.unwrap().unwrap().head, Seq(2));
    assert_eq!(seqs(&log(store, room).await), [1, 2]);
}

/// The same key with other content: refused, in the same batch and in a later one, and no number is used.
pub async fn another_content_is_refused(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    let refused = AppendOutcome::Refused(Error::IdempotencyMismatch);
    let placed = append(store, room, vec![message(&alice, "a", "k"), message(&alice, "other", "k")]).await;
    assert_eq!(placed[1], refused);
    let placed = append(store, room, vec![message(&alice, "A", "k"), message(&alice, "b", "l")]).await;
    assert_eq!(placed[0], refused);
    assert_eq!(new_seq(&placed[1]), Seq(2));
    assert_eq!(log(store, room).await.len(), 2);
}

/// A key says nothing in another room or of another user.
pub async fn keys_belong_to_a_user_in_a_room(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (here, there) = (make_room(store, "here").await, make_room(store, "there").await);
    let batch = [
        RoomBatch { room: there, entries: vec![message(&user("alice"), "x", "k")] },
        RoomBatch { room: here, entries: vec![message(&user("alice"), "y", "k"), message(&user("bob"), "z", "k")] },
    ];
    let placed = store.append(&batch).await.unwrap();
    let placed: Vec<Seq> = placed.iter().flatten().flatten().map(new_seq).collect();
    assert_eq!(placed, [Seq(1), Seq(1), Seq(2)]);
}

/// No case, accent or trailing space makes two keys or two users one.
pub async fn opaque_strings_differ_by_every_byte(opener: &impl Opener) {
    const ALIKE: [&str; 8] = ["a", "A", "a ", " a", "á", "a\u{301}", "ａ", "aa"];
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let alike = || ALIKE.iter().flat_map(|id| ALIKE.iter().map(move |key| (*id, *key)));
    let of = |(id, key)| message(&Identity::new(id, "shown").unwrap(), &format!("{id}|{key}"), key);
    let placed = append(store, room, alike().map(of).collect()).await;
    assert!(placed.iter().all(|placed| matches!(placed, AppendOutcome::New { .. })), "{placed:?}");
    let again = append(store, room, alike().map(of).collect()).await;
    assert!(again.iter().all(|placed| matches!(placed, AppendOutcome::Replay(_))), "{again:?}");
    let stored = log(store, room).await;
    let read = stored
        .iter()
        .map(|stored| (stored.event.actor.as_ref().unwrap().id.as_str().to_owned(), stored.key.as_str().to_owned()));
    assert!(read.eq(alike().map(|(id, key)| (id.to_owned(), key.to_owned()))));
}

/// Whatever people write, up to the longest message there can be.
pub async fn text_comes_back_byte_for_byte(opener: &impl Opener) {
    let longest_ascii = "x".repeat(MAX_MESSAGE_BYTES);
    let longest_emoji = format!("{}abc", "😀".repeat(MAX_MESSAGE_BYTES / 4));
    let texts = [
        " lead and trail ",
        "é vs e\u{301}",
        "ÀÉ",
        "😀 \u{1f469}\u{200d}\u{1f4bb} 𝒳",
        "line\r\nline\ttab",
        "quote ' \" \\ ; -- % _ ? $1 :x",
        "\u{feff}bom\u{200b}",
        "שלום \u{202e}x",
        &longest_ascii,
        &longest_emoji,
    ];
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let names = ["Zoë", "zoe", "😀 Émile", "O'Brien \\ \"x\"", "x"];
    let new = |(index, text): (usize, &&str)| {
        let author = Identity::new(&format!("u{index}"), names[index % names.len()]).unwrap();
        message(&author, text, &format!("k{index}"))
    };
    append(store, room, texts.iter().enumerate().map(new).collect()).await;
    for (index, stored) in log(store, room).await.iter().enumerate() {
        let sent = new((index, &texts[index]));
        assert_eq!(stored.event.message().unwrap().body.content, texts[index]);
        assert_eq!(stored.event.actor.as_ref(), sent.actor.as_ref());
        assert_eq!((stored.event.at, &stored.key, stored.fingerprint), (sent.at, &sent.key, sent.fingerprint));
    }
}

/// A key that was made up can be found, and is not shown.
pub async fn made_up_keys_are_not_shown(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let mut anonymous = message(&user("alice"), "a", "");
    anonymous.key = EventKey::generated("0123");
    append(store, room, vec![anonymous.clone(), message(&user("alice"), "b", "k")]).await;
    let events = log(store, room).await;
    let shown = events.iter().map(|stored| stored.event.key.as_ref().map(|key| key.as_str()));
    assert_eq!(shown.collect::<Vec<_>>(), [None, Some("k")]);
    assert_eq!(events[0].key, anonymous.key);
    assert!(matches!(append(store, room, vec![anonymous]).await[0], AppendOutcome::Replay(_)));
}

/// Rooms that were deleted or never were: `None` for them, in whatever order they come; the others get their messages.
pub async fn a_room_that_is_gone_hurts_only_its_own(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (first, gone, last) = (make_room(store, "1").await, make_room(store, "2").await, make_room(store, "3").await);
    append(store, gone, messages(&alice, &["before"])).await;
    delete(store, gone).await;
    let never = RoomId(last.0 + 1_000);
    let to = |room| RoomBatch { room, entries: messages(&alice, &["before", "m"]) };
    let placed = store.append(&[to(never), to(last), to(gone), to(first)]).await.unwrap();
    assert!(placed[0].is_none() && placed[2].is_none(), "{placed:?}");
    assert_eq!(placed[1].as_ref().unwrap().iter().map(new_seq).collect::<Vec<_>>(), [Seq(1), Seq(2)]);
    assert_eq!(placed[3].as_ref().unwrap().len(), 2);
    assert_eq!(seqs(&log(store, gone).await), [1, 2]);
    assert_eq!(store.append(&[to(never)]).await.unwrap(), [None]);
}

/// More messages than one statement takes, over several rooms.
pub async fn a_large_batch_is_stored_whole(opener: &impl Opener) {
    const EACH: usize = 1_301;
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let rooms = [make_room(store, "1").await, make_room(store, "2").await, make_room(store, "3").await];
    let contents: Vec<String> = (0..EACH).map(|number| format!("m{number}")).collect();
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    let batch = rooms.map(|room| RoomBatch { room, entries: messages(&alice, &contents) });
    for placed in store.append(&batch).await.unwrap() {
        assert_eq!(placed.unwrap().iter().map(|placed| new_seq(placed).0).max(), Some(EACH as u64));
    }
    for room in rooms {
        let read = log(store, room).await;
        assert!(read.iter().map(|stored| stored.event.seq.0).eq(1..=EACH as u64));
        assert!(
            read.iter()
                .map(|stored| stored.event.message().unwrap().body.content.as_str())
                .eq(contents.iter().copied())
        );
    }
    for placed in store.append(&batch).await.unwrap() {
        assert!(placed.unwrap().iter().all(|placed| matches!(placed, AppendOutcome::Replay(_))));
    }
}

/// Two stores on one database, the same rooms and the same keys: one event a key, no hole, no failure.
pub async fn two_writers_share_a_room(opener: &impl Opener) {
    const BATCHES: usize = 25;
    let (one, two) = (opener.open().await, opener.open().await);
    let rooms = [make_room(&*one, "1").await, make_room(&*one, "2").await];
    let write = |store: std::sync::Arc<dyn crate::store::Store>, step: usize| async move {
        let mut new = BTreeSet::new();
        for turn in 0..BATCHES {
            // The second writer goes through the same keys backwards, so that they meet.
            let number = if step == 0 { turn } else { BATCHES - 1 - turn };
            let contents = [format!("{number}-a"), format!("{number}-b"), format!("{}-b", (number + 1) % BATCHES)];
            let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
            let order = if step == 0 { rooms } else { [rooms[1], rooms[0]] };
            let batch = order.map(|room| RoomBatch { room, entries: messages(&user("alice"), &contents) });
            for placed in store.append(&batch).await.unwrap().into_iter().flatten().flatten() {
                if let AppendOutcome::New { event, .. } = placed {
                    new.insert((event.room, event.seq));
                }
            }
        }
        new
    };
    let (first, second) = tokio::join!(tokio::spawn(write(one.clone(), 0)), tokio::spawn(write(two, 1)));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.is_disjoint(&second));
    assert_eq!(first.len() + second.len(), 2 * 2 * BATCHES);
    for room in rooms {
        let read = log(&*one, room).await;
        assert!(read.iter().map(|stored| stored.event.seq.0).eq(1..=2 * BATCHES as u64));
        let keys: BTreeSet<_> = read.iter().map(|stored| stored.key.clone()).collect();
        assert_eq!(keys.len(), 2 * BATCHES);
        assert_eq!(one.room(room).await.unwrap().unwrap().head, Seq(2 * BATCHES as u64));
    }
}

/// What a message replies to is a message of the same room, of before or of the same batch. Everything else is refused, takes no
/// number, and hurts nobody else.
pub async fn a_reply_names_a_message_of_its_room(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (room, other) = (make_room(store, "general").await, make_room(store, "other").await);
    append(store, room, messages(&alice, &["first"])).await;
    update(store, room, None, Some("a topic")).await;
    append(store, other, messages(&alice, &["1", "2", "3", "4", "5"])).await;
    let to = |seq, key: &str| reply(&alice, Seq(seq), key);
    let entries = vec![to(1, "a"), to(2, "b"), to(0, "c"), to(3, "d"), to(5, "e"), to(u64::MAX, "f"), to(4, "g")];
    let outcomes = append(store, room, entries).await;
    let missing = AppendOutcome::Refused(Error::MessageNotFound);
    let (stored, refused): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| **outcome != missing);
    assert_eq!(stored.into_iter().map(new_seq).collect::<Vec<_>>(), [Seq(3), Seq(4), Seq(5)]);
    assert_eq!(refused.len(), 4, "an update, nothing, itself or later, and far beyond: {outcomes:?}");
    let replies = log(store, room).await.into_iter().skip(2);
    let targets: Vec<_> = replies.map(|stored| stored.event.message().unwrap().body.reply_to).collect();
    assert_eq!(targets, [Some(Seq(1)), Some(Seq(3)), Some(Seq(4))]);
    assert_eq!(store.room(room).await.unwrap().unwrap().head, Seq(5));
}

/// Also while the messages of a deleted room are still there. Others in the batch are stored.
pub async fn a_reply_in_a_room_that_is_gone_is_not_stored(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (here, gone) = (make_room(store, "here").await, make_room(store, "gone").await);
    for room in [here, gone] {
        append(store, room, messages(&alice, &["first"])).await;
    }
    delete(store, gone).await;
    let batch = [gone, here].map(|room| RoomBatch { room, entries: vec![reply(&alice, Seq(1), "r")] });
    let outcomes = store.append(&batch).await.unwrap();
    assert_eq!(outcomes[0], None);
    assert_eq!(new_seq(&outcomes[1].as_ref().unwrap()[0]), Seq(2));
    assert_eq!(seqs(&log(store, gone).await), [1, 2]);
}

/// The same text with another field is other content; and a retry is answered before its target is looked for.
pub async fn fields_count_as_content(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, vec![message(&alice, "a", "k"), reply(&alice, Seq(1), "r")]).await;
    let again =
        append(store, room, vec![reply(&alice, Seq(1), "r"), reply(&alice, Seq(9), "r"), reply(&alice, Seq(1), "k")]);
    let mismatch = AppendOutcome::Refused(Error::IdempotencyMismatch);
    let again = again.await;
    assert!(matches!(&again[0], AppendOutcome::Replay(event) if event.seq == Seq(2)), "{again:?}");
    assert_eq!(again[1..], [mismatch.clone(), mismatch]);
}

fn reply(author: &Identity, to: Seq, key: &str) -> Entry {
    let mut body = Body::text("a reply");
    body.reply_to = Some(to);
    Entry::new(Some(author.clone()), EventKey::from_stored(key), Timestamp(1), Op::Message(body))
}
