//! A conversation by the client that progenitor generates: `generated-client URL ROOM`.

use std::{env, error::Error};

use chat::{
    Client,
    types::{MarkRequest, MessageDraft, MessageEdit, MessageState, ProblemCode, RoomDraft},
};

#[allow(dead_code, unused_imports, clippy::all)]
mod chat {
    include!(concat!(env!("OUT_DIR"), "/chat.rs"));
}

/// The name of a guest goes with every request.
fn as_guest(request: &mut reqwest::Request) {
    request.url_mut().query_pairs_mut().append_pair("username", "Rust");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (url, name) = args.next().zip(args.next()).ok_or("a URL and the name of a room, please")?;
    let client = Client::new(&url);

    let draft = RoomDraft::builder().name(name).topic(Some("Rust".parse()?));
    let room = client.create_room().body(draft.clone()).send().await?.into_inner();

    let send = || {
        let hello = MessageDraft::builder().content("Hello from Rust!");
        client.send_message().room_id(room.id).idempotency_key("k1").body(hello).send()
    };
    let sent = send().await?;
    assert_eq!(sent.status(), 201);

    let page = client.list_messages().room_id(room.id).limit(10).send().await?.into_inner();
    assert!(matches!(&page.messages[..], [MessageState { content, .. }] if content == "Hello from Rust!"), "{page:?}");

    let again = send().await?;
    assert_eq!((again.status().as_u16(), again.seq), (200, sent.seq));
    assert_eq!(again.headers()["idempotency-replayed"], "true");

    change(&client, room.id.get(), sent.seq.get()).await?;

    match client.create_room().body(draft).send().await {
        Err(chat::Error::ErrorResponse(problem)) => {
            assert_eq!((problem.status().as_u16(), problem.code), (409, ProblemCode::NameTaken));
            assert_eq!(problem.room.as_ref().map(|taken| taken.id), Some(room.id));
        }
        other => panic!("the name is not taken: {other:?}"),
    }
    println!("room {} message {}", room.id, sent.seq);
    Ok(())
}

/// What was sent is edited, reacted to, answered in a thread, and read; the answer is deleted.
async fn change(client: &Client, room: u64, seq: u64) -> Result<(), Box<dyn Error>> {
    let at = i64::try_from(seq)?;
    let edit = client.edit_message().room_id(room).seq(at).idempotency_key("k2");
    let edited = edit.body(MessageEdit::builder().content("Hello again!")).send().await?.into_inner();
    assert_eq!((edited.content.as_str(), edited.edited.map(|edit| edit.count)), ("Hello again!", Some(1)));
    let reacted = client.add_reaction().room_id(room).seq(at).reaction("👍").send().await?;
    assert_eq!(reacted.count, 1);

    let draft = MessageDraft::builder().content("In the thread").thread(Some(at));
    let answer = client.send_message().room_id(room).body(draft).send().await?.into_inner();
    let answered = i64::try_from(answer.seq.get())?;
    let thread = client.list_thread().room_id(room).seq(at).send().await?.into_inner();
    assert!(matches!(&thread.messages[..], [MessageState { seq, .. }] if *seq == answer.seq), "{thread:?}");

    let mark = client.mark_read().room_id(room).body(MarkRequest::builder().seq(at)).send().await?;
    assert_eq!((mark.seq, mark.unread, mark.ordinal), (at, 0, 1));
    let mine = client.list_my_rooms().send().await?.into_inner();
    assert_eq!((mine.rooms[0].id.get(), mine.rooms[0].unread), (room, 0));

    let gone = client.delete_message().room_id(room).seq(answered).send().await?;
    assert_eq!(gone.status(), 204);
    let tombstone = client.get_message().room_id(room).seq(answered).send().await?.into_inner();
    assert_eq!(tombstone.content.as_str(), "");
    assert!(tombstone.deleted.is_some());
    Ok(())
}
