//! A conversation by the client that progenitor generates: `generated-client URL ROOM`.

use std::{env, error::Error};

use chat::{
    Client,
    types::{MessageDraft, MessageState, ProblemCode, RoomDraft},
};

#[allow(dead_code, unused_imports, clippy::all)]
mod chat {
    include!(concat!(env!("OUT_DIR"), "/chat.rs"));
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
        client.send_message().room_id(room.id).username("Rust").idempotency_key("k1").body(hello).send()
    };
    let sent = send().await?;
    assert_eq!(sent.status(), 201);

    let page = client.list_messages().room_id(room.id).limit(10).send().await?.into_inner();
    assert!(matches!(&page.messages[..], [MessageState { content, .. }] if content == "Hello from Rust!"), "{page:?}");

    let again = send().await?;
    assert_eq!((again.status().as_u16(), again.seq), (200, sent.seq));
    assert_eq!(again.headers()["idempotency-replayed"], "true");

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
