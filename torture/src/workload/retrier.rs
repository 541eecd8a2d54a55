//! The retrier sends what writers have sent once more, on connections of its own, at the same time or later.

use std::{collections::BTreeMap, time::Duration};

use histcheck::history::Outcome;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{FinalState, Mode, World};
use crate::{
    client::{
        may_retry,
        socket::{Ask, Seen, Socket},
    },
    recorder::Name,
};

/// A message to send again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// The user who sent it.
    pub user: String,
    /// The room.
    pub room: u64,
    /// The key.
    pub key: String,
    /// The text.
    pub body: String,
    /// When to send it again.
    pub at: Instant,
    /// Whether that is long after the first time.
    pub is_later: bool,
}

/// Sends again until nothing new may begin.
pub async fn run(world: World, mut retries: mpsc::UnboundedReceiver<Retry>) -> FinalState {
    let name = Name::own("retrier");
    let mut rng = world.rng(&name);
    let _under_way = world.under_way();
    let mut under_way = JoinSet::new();
    loop {
        let retry = tokio::select! {
            retry = retries.recv() => retry,
            _ = under_way.join_next(), if !under_way.is_empty() => continue,
            () = world.wait_for(Mode::Settle) => None,
        };
        let Some(mut retry) = retry else { break };
        if retry.is_later && rng.percent(10) {
            // The same key with another text is not a retry, and must be refused (unless the first message was never
            // stored).
            retry.body.push_str(" (and something else)");
        }
        let over_rest = rng.percent(50);
        under_way.spawn(send(world.clone(), retry, over_rest));
    }
    while under_way.join_next().await.is_some() {}
    FinalState { name, positions: BTreeMap::new(), complaint: None }
}

async fn send(world: World, retry: Retry, over_rest: bool) {
    tokio::select! {
        () = sleep_until(retry.at) => {}
        () = world.wait_for(Mode::Settle) => return,
    }
    let name = Name { process: "retrier".to_owned(), user: retry.user.clone() };
    if over_rest {
        send_over_rest(&world, &name, &retry).await;
    } else {
        send_over_socket(&world, &name, retry).await;
    }
}

/// Tries a few times, as long as the refusal says to try again.
async fn send_over_rest(world: &World, name: &Name, retry: &Retry) {
    let rest = world.rest(name);
    for _ in 0..3 {
        match rest.send(retry.room, &retry.key, &retry.body).await {
            Outcome::Refused(code) if may_retry(&code) => world.pause(Duration::from_millis(300)).await,
            Outcome::Ok(_) | Outcome::Refused(_) | Outcome::Unknown => return,
        }
    }
}

async fn send_over_socket(world: &World, name: &Name, retry: Retry) {
    let Some(mut socket) = Socket::open(&world.endpoint(name)).await else { return };
    let Retry { room, key, body, .. } = retry;
    if !socket.ask(Ask::Send { room, key, body }).await {
        return;
    }
    let answer = async { while !matches!(socket.next().await, Seen::Sent(..) | Seen::Closed(_)) {} };
    if timeout(TIMEOUT, answer).await.is_ok() {
        socket.close().await;
    }
}

const TIMEOUT: Duration = Duration::from_secs(15);
