//! What holds for searching messages.

use std::collections::BTreeSet;

use super::{Opener, append, delete, make_room, new_seq, update, user};
use crate::{
    Body, Edit, Identity, Keep, RoomId, Seq, Timestamp,
    append::{AppendOutcome, Entry, EventKey, Op, RoomBatch},
    search::{Lookup, SearchPage, SearchQuery, TextQuery},
    store::Store,
};

/// All words have to occur, the last may be a beginning, and parts of phrases are found.
pub async fn words_are_found_as_readers_take_them(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let texts = [
        "Don't panic!",
        "DON'T PANIC, Café",
        "panicking in the Hauptstraße",
        "今天天气很好",
        "天天好天气",
        "ﾗｰﾒﾝを食べた",
        "안녕하세요 여러분",
        "สวัสดีครับ",
        "one 42 three",
        "…",
        "🎉 !",
    ];
    write(store, room, &texts).await;
    index(store, &[room]).await;
    for words in [
        "panic",
        "pan",
        "pa",
        "PANIC don",
        "cafe",
        "café t",
        "strasse",
        "hauptSTRASSE panicking",
        "天气",
        "天",
        "今天天气",
        "天天天",
        "ラーメン",
        "ー",
        "하세",
        "분",
        "ดี",
        "วัส",
        "42",
        "4",
        "three one",
        "one four",
        "nothing",
    ] {
        let wanted = TextQuery::parse(words).unwrap();
        let expected: BTreeSet<&str> = texts.into_iter().filter(|text| wanted.matches(text)).collect();
        let found = search(store, &SearchQuery { limit: 100, ..SearchQuery::new(words).unwrap() }).await;
        let texts: Vec<&str> = texts_of(&found).collect();
        let once: BTreeSet<&str> = texts.iter().copied().collect();
        assert_eq!(texts.len(), once.len(), "{words}: each once");
        if wanted.lookups().iter().all(|lookup| matches!(lookup, Lookup::Exact(_))) || opener.finds_beginnings() {
            assert_eq!(once, expected, "{words}");
        } else {
            assert!(once.is_subset(&expected), "{words}");
        }
        assert!(found.complete && found.next.is_none(), "{words}");
    }
}

/// What was found is ordered by time, room and number, whatever the numbers say of time; and pages reach all of it, each once.
pub async fn what_is_found_is_ordered_by_time(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (one, other) = (make_room(store, "general").await, make_room(store, "random").await);
    let mut expected = Vec::new();
    // A clock that was set back, and two rooms in the same microsecond.
    for (number, (room, at)) in
        [(one, 5), (other, 5), (one, 9), (one, 2), (other, 7), (one, 9), (other, 1)].into_iter().enumerate()
    {
        let entry = said(&user("alice"), &format!("word {number}"), at);
        let placed = append(store, room, vec![entry]).await;
        expected.push((at, room, new_seq(&placed[0])));
    }
    index(store, &[one, other]).await;
    expected.sort_by(|one, other| other.cmp(one));
    for limit in 1..=8 {
        let mut query = SearchQuery { limit, ..SearchQuery::new("word").unwrap() };
        let mut found = Vec::new();
        loop {
            let page = search(store, &query).await;
            assert!(page.messages.len() <= limit);
            found.extend(page.messages.iter().map(|state| (state.at.0, state.room, state.seq)));
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
}

/// A search may be for one room, one author, or both.
pub async fn a_search_has_a_room_and_an_author(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (one, other) = (make_room(store, "general").await, make_room(store, "random").await);
    for (room, author) in [(one, "alice"), (one, "bob"), (other, "alice"), (other, "carol")] {
        append(store, room, vec![said(&user(author), &format!("word of {author}"), 1)]).await;
    }
    index(store, &[one, other]).await;
    let found = async |room: Option<RoomId>, author: Option<&str>| {
        let author = author.map(|author| user(author).id);
        let query = SearchQuery { room, author, ..SearchQuery::new("word").unwrap() };
        search(store, &query).await.messages.len()
    };
    assert_eq!(found(None, None).await, 4);
    assert_eq!(found(Some(one), None).await, 2);
    assert_eq!(found(None, Some("alice")).await, 2);
    assert_eq!(found(Some(other), Some("alice")).await, 1);
    assert_eq!(found(Some(other), Some("bob")).await, 0);
    assert_eq!(found(Some(RoomId(other.0 + 1)), None).await, 0);
}

/// Until a room's newest messages are in the index, a search that concerns it says so. Other events count as well.
pub async fn a_search_says_whether_it_knows_the_newest_messages(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (one, other) = (make_room(store, "general").await, make_room(store, "random").await);
    assert!(found(store, "word", None).await.complete);
    let has_index = store_has_an_index(store, one).await;
    write(store, one, &["a word"]).await;
    assert_eq!(found(store, "word", None).await.complete, !has_index);
    assert_eq!(found(store, "word", Some(one)).await.complete, !has_index);
    assert!(found(store, "word", Some(other)).await.complete, "the other room is all there");
    index(store, &[one]).await;
    let page = found(store, "word", None).await;
    assert!(page.complete && page.messages.len() == 1);
    update(store, one, None, Some("a topic")).await;
    assert_eq!(found(store, "word", None).await.complete, !has_index);
    index(store, &[one]).await;
    assert!(found(store, "word", None).await.complete);
    assert_eq!(store.searcher().index(one).await.unwrap(), 0, "nothing is left to do");
}

/// An edited message is found by what it says now, a deleted one by nothing; both at once, and also when they were not in the
/// index yet.
pub async fn edits_and_deletions_change_what_is_found(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    for is_indexed in [true, false] {
        let seqs = write(store, room, &["first apple", "second apple", "third apple"]).await;
        if is_indexed {
            index(store, &[room]).await;
        }
        change(store, room, Op::Edit(seqs[0], Edit::text("first pear"))).await;
        change(store, room, Op::Delete(seqs[1], None)).await;
        if is_indexed {
            assert_eq!(numbers(&found(store, "apple", None).await), [seqs[2]], "before the next step of the index");
            assert_eq!(numbers(&found(store, "pear", None).await), [seqs[0]]);
        }
        index(store, &[room]).await;
        assert_eq!(numbers(&found(store, "apple", None).await), [seqs[2]]);
        assert_eq!(numbers(&found(store, "first pear", None).await), [seqs[0]]);
        assert_eq!(numbers(&found(store, "second", None).await), []);
        change(store, room, Op::Edit(seqs[0], Edit::text("first plum"))).await;
        change(store, room, Op::Edit(seqs[0], Edit::text("first apple"))).await;
        assert_eq!(numbers(&found(store, "apple", None).await), [seqs[2], seqs[0]]);
        assert_eq!(numbers(&found(store, "plum", None).await), []);
        change(store, room, Op::Delete(seqs[0], None)).await;
        change(store, room, Op::Delete(seqs[2], None)).await;
        assert!(found(store, "apple", None).await.messages.is_empty());
    }
}

/// A message that is sent, edited and deleted in one batch, among others, is found as it is after the batch.
pub async fn a_batch_of_changes_is_found_as_it_ends(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let old = write(store, room, &["old apple"]).await[0];
    index(store, &[room]).await;
    let (alice, sent) = (user("alice"), Seq(old.0 + 1));
    let entry = |op| Entry::new(Some(alice.clone()), unique_key(), AT, op);
    let entries = vec![
        entry(Op::Message(Body::text("new apple"))),
        entry(Op::Edit(old, Edit::text("old pear"))),
        entry(Op::Edit(sent, Edit::text("new pear"))),
        entry(Op::Edit(old, Edit::text("old plum"))),
        entry(Op::Message(Body::text("another plum"))),
        entry(Op::Delete(sent, None)),
    ];
    append(store, room, entries).await;
    index(store, &[room]).await;
    assert!(found(store, "apple", None).await.messages.is_empty());
    assert!(found(store, "pear", None).await.messages.is_empty());
    assert_eq!(numbers(&found(store, "plum", None).await), [Seq(sent.0 + 4), old]);
}

/// Messages in threads are found as all others.
pub async fn messages_in_threads_are_found(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let root = write(store, room, &["the root"]).await[0];
    let reply = Body { thread: Some(root), ..Body::text("the branch") };
    append(store, room, vec![Entry::new(Some(user("bob")), unique_key(), AT, Op::Message(reply))]).await;
    index(store, &[room]).await;
    assert_eq!(numbers(&found(store, "branch", None).await), [root.next()]);
    assert_eq!(numbers(&found(store, "the", None).await), [root.next(), root]);
}

/// A deleted room's messages are not found any more, and its end does not make other searches incomplete. A purge takes them
/// out.
pub async fn messages_of_deleted_rooms_are_not_found(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (gone, half, stays) =
        (make_room(store, "gone").await, make_room(store, "half").await, make_room(store, "stays").await);
    for room in [gone, half, stays] {
        write(store, room, &["a word"]).await;
    }
    index(store, &[gone, stays]).await;
    delete(store, gone).await;
    delete(store, half).await;
    let page = found(store, "word", None).await;
    assert!(page.complete);
    assert_eq!(page.messages.iter().map(|state| state.room).collect::<Vec<_>>(), [stays]);
    while store.purge(1).await.unwrap() > 0 {}
    assert_eq!(found(store, "word", None).await.messages.len(), 1);
    assert_eq!(store.searcher().index(gone).await.unwrap(), 0);
    assert_eq!(store.searcher().unindexed(None, 10).await.unwrap(), []);
}

/// What stands before the beginning of a log is not found, neither before it is removed nor after.
pub async fn what_was_pruned_is_not_found(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let seqs = write(store, room, &["word 1", "word 2", "word 3", "word 4"]).await;
    index(store, &[room]).await;
    let prune = Entry::new(None, unique_key(), AT, Op::Prune(Keep::From(seqs[2])));
    append(store, room, vec![prune]).await;
    for _ in 0..2 {
        assert_eq!(numbers(&found(store, "word", None).await), [seqs[3], seqs[2]]);
        assert_eq!(numbers(&found(store, "2", Some(room)).await), []);
        while store.purge(1).await.unwrap() > 0 {}
    }
}

/// A word that stands in more messages than one row of the index has, in several rooms at once, each step of the way.
pub async fn common_words_are_found_in_every_room(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (one, other) = (make_room(store, "general").await, make_room(store, "random").await);
    let mut wanted = BTreeSet::new();
    for round in 0..4_u64 {
        for room in [one, other] {
            let texts: Vec<String> = (0..200).map(|number| format!("common {}", number % 7)).collect();
            let seqs = write(store, room, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
            index(store, &[room]).await;
            wanted.extend(seqs.iter().map(|seq| (room, *seq)));
            // Every 3rd of the first round goes again.
            for seq in seqs.into_iter().filter(|seq| round == 0 && seq.0 % 3 == 0) {
                change(store, room, Op::Delete(seq, None)).await;
                wanted.remove(&(room, seq));
            }
            index(store, &[room]).await;
        }
    }
    for asked in [None, Some(one), Some(other)] {
        let expected: BTreeSet<_> =
            wanted.iter().filter(|(room, _)| asked.is_none_or(|it| it == *room)).copied().collect();
        assert_eq!(everything(store, "common", asked).await, expected);
        if opener.finds_beginnings() {
            assert_eq!(everything(store, "com", asked).await, expected, "by a prefix");
        }
    }
    let threes = everything(store, "3 common", Some(one)).await;
    assert!(threes.len() > 90 && threes.iter().all(|place| wanted.contains(place)), "{}", threes.len());
}

/// The longest message is found by each end, and an edit of it is as well.
pub async fn the_longest_messages_are_found(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let han: String = ('\u{4e00}'..).take(3_998).collect();
    let words: String = (0..800).map(|number| format!("w{number} ")).collect();
    let seqs = write(store, room, &[&han, &words, &"x".repeat(4_000)]).await;
    index(store, &[room]).await;
    let (first, last): (String, String) = (han.chars().take(3).collect(), han.chars().skip(3_990).collect());
    assert_eq!(numbers(&found(store, &first, None).await), [seqs[0]]);
    assert_eq!(numbers(&found(store, &last, None).await), [seqs[0]]);
    assert_eq!(numbers(&found(store, "w799 w0", None).await), [seqs[1]]);
    assert_eq!(numbers(&found(store, &"x".repeat(200), None).await), [seqs[2]]);
    change(store, room, Op::Edit(seqs[0], Edit::text("short"))).await;
    assert!(found(store, &first, None).await.messages.is_empty());
    assert_eq!(numbers(&found(store, "short", None).await), [seqs[0]]);
}

/// Rooms that are behind are told by id, with how far.
pub async fn rooms_that_are_not_in_the_index_are_known(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let rooms = [make_room(store, "a").await, make_room(store, "b").await, make_room(store, "c").await];
    if !store_has_an_index(store, rooms[1]).await {
        return assert_eq!(store.searcher().unindexed(None, 10).await.unwrap(), []);
    }
    let behind = async |after: Option<RoomId>, limit: usize| {
        let found = store.searcher().unindexed(after, limit).await.unwrap();
        found.into_iter().map(|it| (it.room, it.events)).collect::<Vec<_>>()
    };
    index(store, &rooms).await;
    write(store, rooms[0], &["one"]).await;
    write(store, rooms[2], &["one", "two"]).await;
    assert_eq!(behind(None, 10).await, [(rooms[0], 1), (rooms[2], 2)]);
    assert_eq!(behind(None, 1).await, [(rooms[0], 1)]);
    assert_eq!(behind(Some(rooms[0]), 10).await, [(rooms[2], 2)]);
    index(store, &rooms).await;
    assert_eq!(behind(None, 10).await, []);
}

/// While a room is put into the index and another with the same words is changed, neither disturbs the other.
pub async fn indexing_and_deleting_at_once_leaves_a_true_index(opener: &impl Opener) {
    let (store, beside) = (opener.open().await, opener.open().await);
    let rooms = [make_room(&*store, "general").await, make_room(&*store, "random").await];
    let texts: Vec<String> = (0..60).map(|number| format!("word w{} x{number}", number % 5)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let old = write(&*store, rooms[0], &texts).await;
    index(&*store, &rooms).await;
    write(&*store, rooms[1], &texts).await;
    let indexing = async { index(&*store, &rooms).await };
    let deleting = async {
        for seqs in old.chunks(7) {
            for seq in seqs.iter().step_by(2) {
                change(&*beside, rooms[0], Op::Delete(*seq, None)).await;
            }
        }
    };
    futures::join!(indexing, deleting);
    index(&*store, &rooms).await;
    let left: BTreeSet<_> =
        old.chunks(7).flat_map(|seqs| seqs.iter().skip(1).step_by(2)).map(|seq| (rooms[0], *seq)).collect();
    assert_eq!(everything(&*store, "word", Some(rooms[0])).await, left);
    let words = if opener.finds_beginnings() { "wor" } else { "word" };
    assert_eq!(everything(&*store, words, Some(rooms[1])).await.len(), 60);
}

/// Whether this store finds a message only some time after it was stored.
async fn store_has_an_index(store: &dyn Store, room: RoomId) -> bool {
    write(store, room, &["whether there is an index"]).await;
    let behind = !store.searcher().unindexed(None, 1).await.unwrap().is_empty();
    index(store, &[room]).await;
    behind
}

/// Writes texts of Alice's, one after the other.
async fn write(store: &dyn Store, room: RoomId, texts: &[&str]) -> Vec<Seq> {
    let entries = texts.iter().map(|text| said(&user("alice"), text, AT.0)).collect();
    append(store, room, entries).await.iter().map(new_seq).collect()
}

/// Alice's change of a message.
async fn change(store: &dyn Store, room: RoomId, op: Op) {
    let entry = Entry::new(Some(user("alice")), unique_key(), AT, op);
    let placed = store.append(&[RoomBatch { room, entries: vec![entry] }]).await.unwrap();
    assert!(matches!(&placed[0].as_ref().unwrap()[0], AppendOutcome::New { .. }), "{placed:?}");
}

fn said(author: &Identity, text: &str, at: i64) -> Entry {
    Entry::new(Some(author.clone()), unique_key(), Timestamp(at), Op::Message(Body::text(text)))
}

fn unique_key() -> EventKey {
    static KEYS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    EventKey::generated(&format!("search-{}", KEYS.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
}

/// Puts all of these rooms into the index.
async fn index(store: &dyn Store, rooms: &[RoomId]) {
    for room in rooms {
        while store.searcher().index(*room).await.unwrap() > 0 {}
    }
}

async fn search(store: &dyn Store, query: &SearchQuery) -> SearchPage {
    store.searcher().search(query, &crate::store::Viewer::Host).await.unwrap()
}

/// The first page for these words.
async fn found(store: &dyn Store, words: &str, room: Option<RoomId>) -> SearchPage {
    search(store, &SearchQuery { room, ..SearchQuery::new(words).unwrap() }).await
}

/// All pages for these words.
async fn everything(store: &dyn Store, words: &str, room: Option<RoomId>) -> BTreeSet<(RoomId, Seq)> {
    let mut query = SearchQuery { room, limit: 100, ..SearchQuery::new(words).unwrap() };
    let mut found = BTreeSet::new();
    loop {
        let page = search(store, &query).await;
        assert!(page.complete);
        for state in &page.messages {
            assert!(found.insert((state.room, state.seq)), "{state:?} was found before");
        }
        query.after = page.next;
        if page.next.is_none() {
            return found;
        }
    }
}

fn numbers(page: &SearchPage) -> Vec<Seq> {
    page.messages.iter().map(|state| state.seq).collect()
}

fn texts_of(page: &SearchPage) -> impl Iterator<Item = &str> {
    page.messages.iter().map(|state| state.message.body.content.as_str())
}

/// When most things happen here.
const AT: Timestamp = Timestamp(1_700_000_000_000_000);
