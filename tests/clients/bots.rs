//! The bots of `examples/clients`: they answer, survive a restart of the server, and end with their room.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    common::{DEADLINE, Server, Socket},
    stage::Stage,
};

#[tokio::test]
#[ignore = "needs Python: cargo xtask test"]
async fn python() {
    let stage = Stage::set("python-bot").await;
    stage.generate_python().await;
    stage.folder.copy("examples/clients/python/bot.py");
    play(stage, |stage| {
        let mut bot = stage.python("python");
        bot.arg("bot.py");
        bot
    })
    .await;
}

#[tokio::test]
#[ignore = "needs npm: cargo xtask test"]
async fn typescript() {
    let stage = Stage::set("typescript-bot").await;
    stage.folder.copy("examples/clients/typescript/bot.ts");
    stage.generate_typescript().await;
    play(stage, |stage| {
        let mut bot = stage.command("node");
        bot.arg("dist/bot.js");
        bot
    })
    .await;
}

async fn play(mut stage: Stage, bot: impl Fn(&Stage) -> Command) {
    // The first bot creates the room, and the next one finds it.
    let start = async |stage: &Stage, name: &str| enter(bot(stage).args([&stage.url(), "lobby", name])).await;
    let (mut first, entered) = start(&stage, "First").await;
    assert_eq!(entered, "First is in room 1");
    first.kill().await.unwrap();
    let mut alice = Socket::connect(stage.server.address(), "/ws/chat/1?username=Alice").await;
    let (mut robo, entered) = start(&stage, "Robo").await;
    assert_eq!(entered, "Robo is in room 1");
    comes(&mut alice).await;

    alice.send(json!({"type": "message", "content": "!ping"})).await;
    answers(&mut alice, "pong").await;
    alice.send(json!({"type": "message", "content": "!roll 3d1"})).await;
    answers(&mut alice, "3").await;

    // What is asked while the bot may be away is answered when it is back.
    let address = stage.server.address();
    stage.server.kill().await;
    stage.server = Server::start_at(&stage.database, address).await;
    let mut alice = Socket::connect(address, "/ws/chat/1?username=Alice").await;
    stage.server.say(1, "Alice", "!ping").await;
    answers(&mut alice, "pong").await;

    let page = stage.server.get("/rooms/1/messages").await.json(200);
    let texts: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| &message["content"]).collect();
    assert_eq!(texts, ["!ping", "pong", "!roll 3d1", "3", "!ping", "pong"]);

    stage.server.delete("/rooms/1").await;
    let ended = timeout(DEADLINE, robo.wait()).await.expect("it stays in a room that is gone").unwrap();
    assert!(ended.success(), "{ended}");
}

/// Starts a bot, and waits until it says which room it has entered.
async fn enter(bot: &mut Command) -> (Child, String) {
    let mut child = bot.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(DEADLINE, lines.next_line()).await.expect("it says nothing").unwrap();
    (child, line.unwrap_or_default())
}

/// Waits until the bot has joined the room.
async fn comes(alice: &mut Socket) {
    let is_there = |frame: &Value| frame["users"].as_array().is_some_and(|users| users.contains(&json!("Robo")));
    let comes = |frame: &Value| frame["type"] == "join" && frame["username"] == "Robo";
    alice.expect("bot", |frame| is_there(frame) || comes(frame)).await;
}

async fn answers(alice: &mut Socket, answer: &str) {
    let message = alice.expect("answer", |frame| frame["type"] == "message" && frame["username"] == "Robo").await;
    assert_eq!(message["content"], answer, "{message}");
}
