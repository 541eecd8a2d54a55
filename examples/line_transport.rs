//! A transport is a loop: here over plain lines of TCP. `cargo run --example line_transport`, then `nc 127.0.0.1 7000`.
//! The first line says who, and after which number if one has been here before (`Alice 41`); all others are messages.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::{env, error::Error};

use chat_core::{
    Actor, Answer, ChatEngine, Command, Database, Draft, EventKind, Gap, Identity, Item, NewRoom, RoomId, Seq,
    SignalKind, Since, Update,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = ChatEngine::builder().database(Database::memory()).build().await?;
    let room = engine.create_room(Actor::System, NewRoom::named("general")).await?.id;
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:7000")).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(engine.clone(), room, stream));
    }
}

async fn serve(engine: ChatEngine, room: RoomId, stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let hello = lines.next_line().await?.unwrap_or_default();
    let mut words = hello.split_whitespace();
    let user = Identity::named(words.next().unwrap_or_default())?;
    let since = words.next().map_or(Ok(Since::Now), |seq| seq.parse().map(|seq| Since::Seq(Seq(seq))))?;

    let (session, mut updates) = engine.connect(user).split();
    session.submit(Command::Attach { room, since, presence: true })?;
    loop {
        tokio::select! {
            // Full of unanswered commands it does not read: the peer waits, and nothing piles up here.
            line = lines.next_line(), if session.free_tickets() > 0 => match line? {
                Some(content) => drop(session.submit(Command::Send { room, draft: Draft::text(content) })?),
                None => return Ok(()),
            },
            update = updates.next() => match update {
                Some(Update::Delivery(delivery)) => writer.write_all(delivery.memo(line).as_bytes()).await?,
                Some(Update::Answer(_, Ok(Answer::Attached(attached)))) => match attached.gap {
                    Gap::Events(missed) => {
                        for delivery in missed {
                            writer.write_all(delivery.memo(line).as_bytes()).await?;
                        }
                    }
                    Gap::Resync => writer.write_all(b"! too much was missed to tell it all\n").await?,
                },
                Some(Update::Answer(_, Err(error))) => writer.write_all(format!("! {error}\n").as_bytes()).await?,
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}

/// Made once, however many hear it.
fn line(item: &Item) -> String {
    match item {
        Item::Event(event) => match (&event.kind, &event.actor) {
            (EventKind::Message(message), Some(by)) => format!("{} {}: {}\n", event.seq, by.name, message.body.content),
            _ => format!("{} * the room changed\n", event.seq),
        },
        Item::Signal(signal) => match &signal.kind {
            SignalKind::Join(user) => format!("* {} joined\n", user.name),
            SignalKind::Leave(user) => format!("* {} left\n", user.name),
            SignalKind::UserList(_) | SignalKind::Typing(_) | _ => String::new(),
        },
    }
}
