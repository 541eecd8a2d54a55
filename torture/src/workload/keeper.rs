//! Keepers decide who is in the rooms with owners, and what they may do there: the first one owns them all, the others
//! moderate now and then. They try much that is not theirs to do. They make invites, too, which more people use at once than may.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use futures::future::join_all;
use histcheck::history::{InvitedBy, Outcome, Role, RoomKind, Step};
use tokio::{sync::mpsc, time::Instant};

use super::{FinalState, Mode, World, compose, retrier::Retry};
use crate::{
    client::{
        command::{Act, Command},
        may_retry,
        rest::Rest,
        stamp,
    },
    recorder::Name,
    rng::Rng,
};

struct Keeper {
    world: World,
    name: Name,
    rest: Rest,
    rng: Rng,
    retry: mpsc::UnboundedSender<Retry>,
    /// Whom it acts on: everybody who acts in these rooms.
    people: Vec<String>,
    /// The invites that it has made, the newest last; most of the older ones are over.
    invites: VecDeque<(u64, String)>,
    count: u64,
}

/// The user who owns all rooms with owners, from their beginning.
#[must_use]
pub fn owner() -> Name {
    Name::own("keeper-0")
}

/// Keeps order until nothing new may begin.
pub async fn run(world: World, number: usize, retry: mpsc::UnboundedSender<Retry>, people: Vec<String>) -> FinalState {
    let name = Name::own(&format!("keeper-{number}"));
    let (rng, rest) = (world.rng(&name), world.rest(&name));
    let mut keeper = Keeper { world, name, rest, rng, retry, people, invites: VecDeque::new(), count: 0 };
    let under_way = keeper.world.under_way();
    if number == 0 {
        keeper.bring_in_all().await;
    }
    while keeper.world.mode() < Mode::Settle {
        let room = keeper.world.rooms[keeper.rng.zipf(keeper.world.rooms.len())];
        keeper.step(room).await;
        keeper.world.pause(keeper.rng.millis(10, 100)).await;
    }
    drop(under_way);
    FinalState { name: keeper.name, positions: BTreeMap::new(), complaint: None }
}

impl Keeper {
    /// Fills the rooms, so that there is somebody to put out.
    async fn bring_in_all(&mut self) {
        let rooms = self.world.rooms.clone();
        for room in rooms.iter().copied() {
            for user in self.people.clone() {
                let role = user.starts_with("keeper").then_some(Role::Moderator);
                if self.rng.percent(70) {
                    self.ask(room, user, Step::Add { role }).await;
                }
            }
        }
    }

    async fn step(&mut self, room: u64) {
        match self.rng.below(20) {
            0 => drop(self.rest.look(room).await),
            1 => drop(self.rest.rooms().await),
            2 => self.update(room).await,
            3 | 4 => self.invite(room).await,
            5 => self.invite_anew().await,
            _ => {
                let Some(user) = self.rng.pick(&self.people).cloned() else { return };
                let step = self.draw(&user);
                self.ask(room, user, step).await;
            }
        }
    }

    /// Something to be done with a user. It brings in and lifts about as much as it takes.
    fn draw(&mut self, user: &str) -> Step {
        let rng = &mut self.rng;
        let until = |rng: &mut Rng| rng.percent(50).then(|| stamp::now() + rng.between(1_000, 4_000));
        match rng.below(100) {
            0..30 => Step::Add { role: None },
            30..38 => {
                // Whoever owns a room may put its owners out, so not everybody gets there.
                let roles = [Role::Member, Role::Moderator, Role::Owner];
                let highest = if user.starts_with("keeper") { 3 } else { 2 };
                Step::Add { role: rng.pick(&roles[..highest]).copied() }
            }
            38..52 => Step::Remove,
            52..66 => Step::Ban { until: until(rng) },
            66..80 => Step::Unban,
            80..90 => Step::Mute { until: until(rng) },
            _ => Step::Unmute,
        }
    }

    /// Changes a member, and tries again as long as the refusal says so.
    async fn ask(&mut self, room: u64, user: String, step: Step) {
        let by = self.name.user.clone();
        let command = self.command(room, &by, Act::Member { user, step });
        compose::insist(&self.world, &self.rest, &command).await;
    }

    /// A command of a user's, which is now and then given again.
    fn command(&mut self, room: u64, by: &str, act: Act) -> Command {
        self.count += 1;
        let key = format!("{}-{}", self.name.process, self.count);
        let command = Command { room, key, act };
        if self.rng.percent(15) {
            let retry = Retry::of(by, &command, Instant::now(), &mut self.rng);
            // After the retrier has ended, nothing is given again.
            drop(self.retry.send(retry));
        }
        command
    }

    /// Makes an invite for a few users or for all, which many use at once, also if it was revoked before.
    async fn invite(&mut self, room: u64) {
        let max_uses = self.rng.percent(75).then(|| self.rng.between(1, 2));
        let seconds = self.rng.percent(60).then(|| self.rng.between(1, 3));
        if let Outcome::Ok(invite) = self.rest.invite(room, seconds, max_uses).await {
            if self.rng.percent(20) {
                self.rest.revoke(room, &invite.code).await;
            }
            self.use_at_once(room, &invite.code).await;
            self.invites.push_back((room, invite.code));
        }
        if self.invites.len() > KEPT_INVITES {
            self.invites.pop_front();
        }
    }

    /// Has people use an invite of before, which may be over, or revokes it.
    async fn invite_anew(&mut self) {
        let Some((room, code)) = self.rng.pick(self.invites.make_contiguous()).cloned() else { return };
        if self.rng.percent(40) {
            self.rest.revoke(room, &code).await;
        }
        self.use_at_once(room, &code).await;
    }

    /// Some people use an invite at the same time; those who are in already stay what they are.
    async fn use_at_once(&mut self, room: u64, code: &str) {
        let mut asked = Vec::new();
        for _ in 0..self.rng.between(2, 6) {
            let Some(user) = self.rng.pick(&self.people).cloned() else { return };
            let step = Step::Accept { code: code.to_owned() };
            let command = self.command(room, &user, Act::Member { user: user.clone(), step });
            let rest = self.world.rest(&Name { process: self.name.process.clone(), user });
            asked.push((rest, command));
        }
        join_all(asked.iter().map(|(rest, command)| compose::insist(&self.world, rest, command))).await;
    }

    /// Gives the room other terms, or only another name.
    async fn update(&mut self, room: u64) {
        self.count += 1;
        let name = format!("room {room} of {} as of {}", self.name.process, self.count);
        let kinds = [RoomKind::Public, RoomKind::Private];
        let by = [InvitedBy::Members, InvitedBy::Moderators];
        let kind = if self.rng.percent(60) { self.rng.pick(&kinds).copied() } else { None };
        let invites = if self.rng.percent(40) { self.rng.pick(&by).copied() } else { None };
        if let Outcome::Refused(code) = self.rest.update(room, &name, (kind, invites)).await
            && may_retry(&code)
        {
            self.world.pause(Duration::from_millis(300)).await;
        }
    }
}

/// How many invites a keeper remembers: most of them are over by then.
const KEPT_INVITES: usize = 8;
