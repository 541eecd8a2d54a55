//! The engine in a program of one's own: no server, no socket, no file. `cargo run --example embed`
#![expect(clippy::print_stdout, reason = "it is what the example shows")]

use chat_core::{ChatEngine, Database, Draft, HistoryQuery, Identity, Item, NewRoom, Since, Update};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = ChatEngine::builder().database(Database::memory()).build().await?;
    let (alice, bob) = (Identity::named("Alice")?, Identity::named("Bob")?);
    let room = engine.create_room(&alice, NewRoom::named("general")).await?;

    let (session, mut updates) = engine.connect(bob).split();
    session.attach(room.id, Since::Now).await?;
    let sent = engine.send(&alice, room.id, Draft::text("Hello, Bob!").key("k1")).await?;
    println!("stored as number {}", sent.seq);

    while let Some(Update::Delivery(delivery)) = updates.next().await {
        let Item::Event(event) = delivery.item() else { continue };
        println!("Bob hears {event:?}");
        break;
    }
    println!("{:?}", engine.history(&alice, room.id, HistoryQuery::newest()).await?.messages);
    engine.shutdown().await;
    Ok(())
}
