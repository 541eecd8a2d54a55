//! Editors change messages over REST, mark what they have read, and read everything there is to read of messages. They
//! act for users who write, and two of them for one: so a user marks on several devices. In rooms with owners they come and go.

use std::collections::BTreeMap;

use histcheck::history::{Outcome, Page, Step};
use tokio::{sync::mpsc, time::Instant};

use super::{FinalState, Mode, World, compose, retrier::Retry};
use crate::{
    client::{
        command::{Act, Command},
        rest::Rest,
    },
    recorder::Name,
    rng::Rng,
};

struct Editor {
    world: World,
    name: Name,
    rest: Rest,
    rng: Rng,
    retry: mpsc::UnboundedSender<Retry>,
    count: u64,
    /// The last head that it saw of each room.
    heads: BTreeMap<u64, u64>,
    /// Whether it sets marks back.
    goes_back: bool,
}

/// Changes and reads until nothing new may begin.
pub async fn run(world: World, number: usize, retry: mpsc::UnboundedSender<Retry>) -> FinalState {
    let name = Name { process: format!("editor-{number}"), user: format!("writer-{}", number / 2) };
    let (rng, rest) = (world.rng(&Name::own(&name.process)), world.rest(&name));
    let goes_back = number / 2 % 3 == 2;
    let mut editor = Editor { world, name, rest, rng, retry, count: 0, heads: BTreeMap::new(), goes_back };
    let under_way = editor.world.under_way();
    while editor.world.mode() < Mode::Settle {
        let room = editor.world.rooms[editor.rng.zipf(editor.world.rooms.len())];
        editor.step(room).await;
        editor.world.pause(editor.rng.millis(30, 250)).await;
    }
    drop(under_way);
    FinalState { name: editor.name, positions: BTreeMap::new(), complaint: None }
}

impl Editor {
    async fn step(&mut self, room: u64) {
        if self.world.has_owner(room) && self.rng.percent(8) {
            return self.come_or_go(room).await;
        }
        match self.rng.below(10) {
            0..4 => self.change(room).await,
            4..6 => self.mark(room).await,
            6 => drop(self.rest.rooms().await),
            _ => self.read(room).await,
        }
    }

    /// Sends or changes a message, and tries again as long as the refusal says so.
    async fn change(&mut self, room: u64) {
        self.count += 1;
        let key = format!("{}-{}", self.name.process, self.count);
        let user = &self.name.user;
        let act = compose::change(&self.world, user, (room, &key), &mut self.rng);
        let act = act.unwrap_or_else(|| compose::message(&self.world, (room, &key), &mut self.rng));
        let command = Command { room, key, act };
        if self.rng.percent(15) {
            let retry = Retry::of(user, &command, Instant::now(), &mut self.rng);
            // After the retrier has ended, nothing is given again.
            drop(self.retry.send(retry));
        }
        compose::insist(&self.world, &self.rest, &command).await;
    }

    /// Comes into a room, or leaves it.
    async fn come_or_go(&mut self, room: u64) {
        self.count += 1;
        let key = format!("{}-{}", self.name.process, self.count);
        let step = if self.rng.percent(60) { Step::Join } else { Step::Leave };
        let command = Command { room, key, act: Act::Member { user: self.name.user.clone(), step } };
        compose::insist(&self.world, &self.rest, &command).await;
    }

    async fn mark(&mut self, room: u64) {
        let head = self.heads.get(&room).copied().unwrap_or(1);
        let back = self.goes_back && self.rng.percent(20);
        // Mostly what was read last, and now and then something behind or beyond it.
        let seq = if self.rng.percent(60) { head } else { self.rng.below(head + 5) };
        self.rest.mark(room, seq, back).await;
    }

    async fn read(&mut self, room: u64) {
        let Some(posted) = self.world.board.any(room, &mut self.rng) else { return };
        let root = posted.thread.unwrap_or(posted.seq);
        let page = match self.rng.below(8) {
            0 | 1 => self.rest.message(room, posted.seq).await,
            2 => self.rest.pins(room).await,
            3 => self.rest.thread(room, root, "").await,
            4 => self.rest.thread(room, root, &format!("after={root}")).await,
            5 => return drop(self.rest.edits(room, posted.seq).await),
            6 => return drop(self.rest.reactions(room, posted.seq).await),
            _ => return drop(self.rest.reads(room).await),
        };
        if let Outcome::Ok(Page { head, .. }) = page {
            self.heads.insert(room, head);
        }
    }
}
