//! The retrier: sends again, on connections of its own, what writers have sent: at the same time, or later.

use std::{collections::BTreeMap, time::Duration};

use histcheck::history::Outcome;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{Act, Left, World};
use crate::{
    client::{
        may_retry,
        socket::{Ask, Seen, Socket},
    },
    recorder::Name,
};

/// A message to be sent again.
#[derive(Debug, Clone)]
pub struct Again {
    /// Who has sent it.
    pub user: String,
    /// The room.
    pub room: u64,
    /// The key.
    pub key: String,
    /// The text.
    pub body: String,
    /// When.
    pub at: Instant,
    /// Whether that is a while after the first time.
    pub is_later: bool,
}

/// Sends again until nothing new is to be begun.
pub async fn run(world: World, mut retries: mpsc::UnboundedReceiver<Again>) -> Left {
    let name = Name::own("retrier");
    let mut rng = world.rng(&name);
    let _under_way = world.under_way();
    let mut under_way = JoinSet::new();
    loop {
        let again = tokio::select! {
            again = retries.recv() => again,
            _ = under_way.join_next(), if !under_way.is_empty() => continue,
            () = world.wait_for(Act::Settle) => None,
        };
        let Some(mut again) = again else { break };
        if again.is_later && rng.percent(10) {
            // The same key for another text: that is no retry, and must be refused (unless the first was never stored).
            again.body.push_str(" (and something else)");
        }
        let over_rest = rng.percent(50);
        under_way.spawn(send(world.clone(), again, over_rest));
    }
    while under_way.join_next().await.is_some() {}
    Left { name, positions: BTreeMap::new(), complaint: None }
}

async fn send(world: World, again: Again, over_rest: bool) {
    tokio::select! {
        () = sleep_until(again.at) => {}
        () = world.wait_for(Act::Settle) => return,
    }
    let name = Name { process: "retrier".to_owned(), user: again.user.clone() };
    if over_rest {
        send_over_rest(&world, &name, &again).await;
    } else {
        send_over_socket(&world, &name, again).await;
    }
}

/// A few times, as long as it is refused for now.
async fn send_over_rest(world: &World, name: &Name, again: &Again) {
    let rest = world.rest(name);
    for _ in 0..3 {
        match rest.send(again.room, &again.key, &again.body).await {
            Outcome::Refused(code) if may_retry(&code) => world.pause(Duration::from_millis(300)).await,
            Outcome::Ok(_) | Outcome::Refused(_) | Outcome::Unknown => return,
        }
    }
}

async fn send_over_socket(world: &World, name: &Name, again: Again) {
    let Some(mut socket) = Socket::open(&world.door(name)).await else { return };
    let Again { room, key, body, .. } = again;
    if !socket.ask(Ask::Send { room, key, body }).await {
        return;
    }
    let answer = async { while !matches!(socket.next().await, Seen::Sent(..) | Seen::Closed(_)) {} };
    if timeout(TIMEOUT, answer).await.is_ok() {
        socket.close().await;
    }
}

const TIMEOUT: Duration = Duration::from_secs(15);
