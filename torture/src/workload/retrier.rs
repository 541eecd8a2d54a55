//! The retrier gives commands of others once more, on connections of its own, at the same time or later.

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
        command::Command,
        may_retry,
        socket::{Ask, Seen, Socket},
    },
    recorder::Name,
    rng::Rng,
};

/// A command to give again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// The user who gave it.
    pub user: String,
    /// The command.
    pub command: Command,
    /// When to give it again.
    pub at: Instant,
    /// Whether that is long after the first time.
    pub is_later: bool,
}

impl Retry {
    /// A command to give again at the same time, or later.
    #[must_use]
    pub fn of(user: &str, command: &Command, now: Instant, rng: &mut Rng) -> Self {
        let is_later = rng.percent(50);
        let delay = if is_later { rng.millis(100, 3_000) } else { Duration::ZERO };
        Self { user: user.to_owned(), command: command.clone(), at: now + delay, is_later }
    }
}

/// Gives commands again until nothing new may begin.
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
            // The same key with something else is not a retry, and must be refused (unless the first one was never
            // stored).
            retry.command.misuse();
        }
        let over_rest = rng.percent(50) || retry.command.is_only_rest();
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
        match rest.ask(&retry.command).await {
            Outcome::Refused(code) if may_retry(&code) => world.pause(Duration::from_millis(300)).await,
            Outcome::Ok(_) | Outcome::Refused(_) | Outcome::Unknown => return,
        }
    }
}

async fn send_over_socket(world: &World, name: &Name, retry: Retry) {
    let Some(mut socket) = Socket::open(&world.endpoint(name)).await else { return };
    if !socket.ask(Ask::Command(retry.command)).await {
        return;
    }
    let answer = async { while !matches!(socket.next().await, Seen::Answered(..) | Seen::Closed(_)) {} };
    if timeout(TIMEOUT, answer).await.is_ok() {
        socket.close().await;
    }
}

const TIMEOUT: Duration = Duration::from_secs(15);
