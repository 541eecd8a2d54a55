//! A bot that reacts, answers in threads, asks polls and shows cards. `cargo run --example thread_bot`, then type what Alice
//! says: `When is lunch?`, `/poll Pizza or soup? pizza, soup`, `/vote 5 1️⃣`, `/close 5`.
#![expect(clippy::print_stdout, reason = "it shows what happens in the room")]

use std::collections::BTreeMap;

use chat_core::{
    Change, ChatEngine, Database, Draft, Error, Event, EventKind, Gap, Identity, Item, Message, NewRoom, RoomId, Seq,
    SessionHandle, Since, Update,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let engine = ChatEngine::builder().database(Database::memory()).build().await?;
    let alice = Identity::named("Alice")?;
    let room = engine.create_room(&alice, NewRoom::named("general")).await?.id;
    let bot = tokio::spawn(run_bot(engine.clone(), room));

    let (session, mut updates) = engine.connect(alice).split();
    session.attach(room, Since::Now).await?;
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => say(&session, room, &line).await?,
                None => break,
            },
            update = updates.next() => match update {
                Some(Update::Delivery(delivery)) => if let Item::Event(event) = delivery.item() { println!("{}", line(event)) },
                Some(_) => {}
                None => break,
            },
        }
    }
    bot.abort();
    engine.shutdown().await;
    Ok(())
}

/// What Alice types: a message, or a vote.
async fn say(session: &SessionHandle, room: RoomId, line: &str) -> Result<(), Error> {
    let words: Vec<&str> = line.split(' ').collect();
    if let ["/vote", poll, reaction] = words[..] {
        let Ok(poll) = poll.parse() else { return Ok(()) };
        return session.change(room, Change::react(Seq(poll), reaction)).await.map(drop);
    }
    session.send(room, Draft::text(line)).await.map(drop)
}

/// An event as a line of text.
fn line(event: &Event) -> String {
    let who = event.actor.as_ref().map_or("System", |actor| actor.name.as_str());
    let what = match &event.kind {
        EventKind::Message(Message { body, .. }) => {
            let place = body.thread.map_or_else(String::new, |root| format!(" in the thread of {root}"));
            let meta = body.meta.as_ref().map_or_else(String::new, |meta| format!(" {meta}"));
            format!("says{place}: {}{meta}", body.content)
        }
        EventKind::Reaction { target, reaction, added: true, count } => {
            format!("reacts to {target}: {reaction} ({count})")
        }
        EventKind::Reaction { target, reaction, .. } => format!("takes back from {target}: {reaction}"),
        other @ (EventKind::MessageEdited(_)
        | EventKind::MessageDeleted { .. }
        | EventKind::Pin { .. }
        | EventKind::Member(_)
        | EventKind::RoomUpdated { .. }
        | EventKind::RoomDeleted
        | _) => format!("{other:?}"),
    };
    format!("{} {who} {what}", event.seq)
}

/// Hears everything that was ever said in the room, and what will be, and does its part.
async fn run_bot(engine: ChatEngine, room: RoomId) -> Result<(), Error> {
    let me = Identity::named("helper")?;
    let (session, mut updates) = engine.connect(me.clone()).split();
    let bot = Bot { engine, session, room, me };
    if let Gap::Events(missed) = bot.session.attach(room, Since::Seq(Seq(0))).await?.gap {
        for delivery in &missed {
            bot.hear(delivery.item()).await?;
        }
    }
    while let Some(update) = updates.next().await {
        if let Update::Delivery(delivery) = update {
            bot.hear(delivery.item()).await?;
        }
    }
    Ok(())
}

/// It keeps nothing of its own. Each thing that it does has a key that follows from what it answers. So when it is
/// started again and hears everything once more, nothing happens twice.
struct Bot {
    engine: ChatEngine,
    session: SessionHandle,
    room: RoomId,
    me: Identity,
}

impl Bot {
    async fn hear(&self, item: &Item) -> Result<(), Error> {
        let Item::Event(event) = item else { return Ok(()) };
        let Some(message) = event.message().filter(|_| event.actor.as_ref() != Some(&self.me)) else { return Ok(()) };
        let (seq, content) = (event.seq, message.body.content.as_str());
        let done = match content.split_once(' ') {
            Some(("/poll", poll)) => self.ask(seq, poll).await,
            Some(("/close", poll)) => self.close(seq, poll).await,
            _ if content.ends_with('?') => self.answer(seq, message).await,
            _ => Ok(()),
        };
        match done {
            // It was deleted meanwhile: there is nothing to answer.
            Err(Error::MessageDeleted | Error::MessageNotFound) => Ok(()),
            done => done,
        }
    }

    /// Answers a question in its thread, and shows meanwhile that it has seen it.
    async fn answer(&self, question: Seq, message: &Message) -> Result<(), Error> {
        self.react(question, "👀", true).await?;
        let answer = format!("“{}” is a good question.", message.body.content);
        let thread = message.body.thread.unwrap_or(question);
        let draft = Draft::text(answer).in_thread(thread).reply_to(question).key(format!("answer-{question}"));
        self.session.send(self.room, draft).await?;
        self.react(question, "👀", false).await?;
        self.react(question, "✅", true).await
    }

    /// A poll is a message whose `meta` says what there is to choose; a vote is a reaction to it. The text is for clients
    /// that know no polls.
    async fn ask(&self, command: Seq, poll: &str) -> Result<(), Error> {
        let Some((question, options)) = poll.split_once("? ") else { return Ok(()) };
        let options: BTreeMap<String, &str> = options
            .split(", ")
            .take(9)
            .enumerate()
            .map(|(i, option)| (format!("{}\u{fe0f}\u{20e3}", i + 1), option))
            .collect();
        let lines: Vec<String> = options.iter().map(|(reaction, option)| format!("{reaction} {option}")).collect();
        let text = format!("{question}?\n{}", lines.join("\n"));
        let meta = json!({"poll": {"question": format!("{question}?"), "options": options}});
        let draft = Draft::text(text).meta(meta.to_string()).key(format!("poll-{command}"));
        self.session.send(self.room, draft).await.map(drop)
    }

    /// Counts a poll's votes, and shows a card with them in its thread. A card is a message, too.
    async fn close(&self, command: Seq, poll: &str) -> Result<(), Error> {
        let Ok(poll) = poll.parse().map(Seq) else { return Ok(()) };
        let (state, _) = self.engine.message(&self.me, self.room, poll).await?;
        let meta: Value =
            state.message.body.meta.as_deref().and_then(|meta| serde_json::from_str(meta).ok()).unwrap_or_default();
        let Some(options) = meta["poll"]["options"].as_object() else { return Ok(()) };
        let votes = |reaction: &str| {
            let count = state.reactions.iter().find(|each| each.reaction.as_str() == reaction);
            count.map_or(0, |each| each.count)
        };
        let fields: Vec<_> = options
            .iter()
            .map(|(reaction, option)| json!({"name": option, "value": votes(reaction).to_string()}))
            .collect();
        let card = json!({"card": {"title": meta["poll"]["question"], "fields": fields}});
        let text = "The poll is closed.";
        let draft = Draft::text(text).in_thread(poll).meta(card.to_string()).key(format!("closed-{command}"));
        self.session.send(self.room, draft).await.map(drop)
    }

    async fn react(&self, message: Seq, reaction: &str, added: bool) -> Result<(), Error> {
        let change = if added { Change::react(message, reaction) } else { Change::unreact(message, reaction) };
        let key = format!("{}-{message}-{added}", reaction.escape_unicode());
        self.session.change(self.room, change.key(key)).await.map(drop)
    }
}
