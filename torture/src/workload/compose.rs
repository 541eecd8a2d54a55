//! What people ask for: messages with all that belongs to them, and changes of messages.

use std::time::Duration;

use histcheck::history::{Change, Content, Outcome};

use super::{World, board::Posted};
use crate::{
    client::{
        command::{Act, Answer, Command},
        may_retry,
        rest::Rest,
    },
    rng::Rng,
};

/// A command of a user, at random: mostly a message.
pub fn command(world: &World, user: &str, (room, key): (u64, String), rng: &mut Rng) -> Command {
    let act = if rng.percent(70) { None } else { change(world, user, (room, &key), rng) };
    let act = act.unwrap_or_else(|| message(world, (room, &key), rng));
    Command { room, key, act }
}

/// A message.
pub fn message(world: &World, (room, key): (u64, &str), rng: &mut Rng) -> Act {
    let mut content = Content::text(world.body(key, rng));
    if rng.percent(10) {
        content.mentions = vec![somebody(world, rng)];
        content.mentions_room = rng.percent(20);
    }
    if rng.percent(5) {
        content.meta = Some(format!("{{\"of\":\"{key}\"}}"));
    }
    let near = if rng.percent(20) { world.board.any(room, rng) } else { None };
    let (reply_to, thread) = match near {
        None => (None, None),
        Some(Posted { seq, .. }) if rng.percent(50) => (Some(seq), None),
        // A reply within a thread is to its root or to what is within it.
        Some(Posted { seq, thread: Some(root), .. }) => (rng.percent(50).then_some(seq), Some(root)),
        Some(Posted { seq, thread: None, .. }) => (rng.percent(30).then_some(seq), Some(seq)),
    };
    Act::Send { content, reply_to, thread }
}

/// A change of a message on the board, if there is one.
pub fn change(world: &World, user: &str, (room, key): (u64, &str), rng: &mut Rng) -> Option<Act> {
    let kind = rng.below(10);
    // Now and then somebody tries what is not theirs to do.
    let tries_others = kind < 5 && rng.percent(5);
    let target = if kind < 5 && !tries_others { world.board.own(room, user, rng) } else { world.board.any(room, rng) };
    let change = match kind {
        0..3 => Change::Edit {
            body: world.body(key, rng),
            mentions: rng.percent(20).then(|| vec![somebody(world, rng)]),
            mentions_room: rng.percent(5).then_some(true),
            meta: rng.percent(5).then(|| format!("{{\"of\":\"{key}\"}}")),
        },
        3..5 => Change::Delete { reason: rng.percent(30).then(|| "as its author wished".to_owned()) },
        5..8 => {
            let reaction = rng.pick(&REACTIONS).copied().unwrap_or_default().to_owned();
            Change::React { reaction, added: rng.percent(65) }
        }
        _ => Change::Pin { pinned: rng.percent(55) },
    };
    Some(Act::Change { target: target?.seq, change })
}

/// Gives a command over REST, and again as long as the refusal says so.
pub async fn insist(world: &World, rest: &Rest, command: &Command) {
    for _ in 0..3 {
        let result = rest.ask(command).await;
        learn(world, rest.user(), command, &result);
        match result {
            Outcome::Refused(code) if may_retry(&code) => world.pause(Duration::from_millis(300)).await,
            Outcome::Ok(_) | Outcome::Refused(_) | Outcome::Unknown => return,
        }
    }
}

/// One of those who send in these rooms.
fn somebody(world: &World, rng: &mut Rng) -> String {
    format!("writer-{}", world.first + rng.below(8))
}

/// Puts a message on the board once it is acknowledged.
pub fn learn(world: &World, user: &str, command: &Command, result: &Outcome<Answer>) {
    if let (Act::Send { thread, .. }, Outcome::Ok(Answer::Sent(sent))) = (&command.act, result) {
        world.board.post(command.room, Posted { seq: sent.seq, author: user.to_owned(), thread: *thread });
    }
}

const REACTIONS: [&str; 4] = ["👍", "❤️", "🎉", "ok"];
