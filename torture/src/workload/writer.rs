//! Writers send and change messages at a rate of their own, some with many unanswered commands, and retry each until it is
//! done.

use std::collections::{BTreeMap, BTreeSet};

use histcheck::history::{Attached, Outcome, Position};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{FinalState, Mode, UnderWay, World, compose, retrier::Retry};
use crate::{
    client::{
        command::{Answer, Command},
        is_barred, may_retry,
        socket::{Ask, Seen, Socket},
    },
    recorder::Name,
    rng::Rng,
};

/// A command that is not known to be done.
#[derive(Debug)]
struct Open {
    command: Command,
    is_waiting: bool,
    not_before: Instant,
    _under_way: UnderWay,
}

struct Writer {
    world: World,
    name: Name,
    rng: Rng,
    retry: mpsc::UnboundedSender<Retry>,
    /// How many commands may be unanswered.
    window: usize,
    /// The room that it also subscribes to, if any.
    hears: Option<u64>,
    /// Whether it disconnects for good once it has nothing more to write.
    vanishes: bool,
    position: Option<Position>,
    /// When it attaches to that room, if it has to.
    attach_at: Option<Instant>,
    count: u64,
    open: BTreeMap<u64, Open>,
}

/// Writes until the clients are to leave.
pub async fn run(world: World, number: usize, retry: mpsc::UnboundedSender<Retry>) -> FinalState {
    let name = Name::own(&format!("writer-{number}"));
    let mut rng = world.rng(&name);
    let window = match number % 4 {
        0 => 32,
        1 => 8,
        _ => 1,
    };
    let hears = number.is_multiple_of(2).then(|| world.rooms[rng.zipf(world.rooms.len())]);
    let vanishes = number % 4 == 2;
    let open = BTreeMap::new();
    let (position, attach_at, count) = (None, None, 0);
    let mut writer = Writer { world, name, rng, retry, window, hears, vanishes, position, attach_at, count, open };
    while writer.world.mode() < Mode::Leave {
        match Socket::open(&writer.world.endpoint(&writer.name)).await {
            Some(socket) => writer.use_socket(socket).await,
            None => writer.world.pause(writer.rng.millis(50, 300)).await,
        }
        if writer.is_gone() {
            writer.world.wait_for(Mode::Leave).await;
        }
    }
    writer.left()
}

impl Writer {
    async fn use_socket(&mut self, mut socket: Socket) {
        for open in self.open.values_mut() {
            open.is_waiting = false;
        }
        self.attach_at = self.hears.map(|_| Instant::now());
        let mut cut = self.world.controls.cut.subscribe();
        cut.mark_unchanged();
        let world = self.world.clone();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                seen = socket.next() => {
                    if !self.take(seen) {
                        return;
                    }
                }
                () = sleep_until(next) => {
                    if !self.write(&mut socket).await || self.is_gone() {
                        return;
                    }
                    next = Instant::now() + self.rng.millis(10, 120);
                }
                _ = cut.changed() => return,
                () = world.wait_for(Mode::Leave) => {
                    socket.close().await;
                    return;
                }
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.vanishes && self.open.is_empty() && self.world.mode() > Mode::Work
    }

    /// Sends what is due; `false`: the connection has ended.
    async fn write(&mut self, socket: &mut Socket) -> bool {
        let now = Instant::now();
        if let Some(room) = self.hears.filter(|_| self.attach_at.is_some_and(|at| at <= now)) {
            self.attach_at = None;
            let (after, presence) = (self.position.clone(), self.vanishes || self.rng.percent(50));
            if !socket.ask(Ask::Attach { room, after, presence }).await {
                return false;
            }
        }
        let mut waiting = self.open.values().filter(|open| open.is_waiting).count();
        let due: Vec<u64> =
            self.open.iter().filter(|(_, open)| !open.is_waiting && open.not_before <= now).map(|(n, _)| *n).collect();
        for number in due {
            if waiting < self.window && !self.ask(socket, number).await {
                return false;
            }
            waiting += 1;
        }
        if self.world.mode() > Mode::Work {
            return true;
        }
        let burst = if self.window == 1 { 1 } else { self.rng.between(1, self.window as u64 / 4) };
        for _ in 0..burst {
            // While the server refuses, nothing more is begun.
            if waiting >= self.window || self.open.len() > self.window {
                break;
            }
            let number = self.compose();
            if !self.ask(socket, number).await {
                return false;
            }
            waiting += 1;
        }
        self.mark(socket).await
    }

    /// Marks what it has heard of its room as read; `false`: the connection has ended.
    async fn mark(&mut self, socket: &mut Socket) -> bool {
        let heard = self.hears.zip(self.position.as_ref().map(|position| position.seq));
        let Some((room, seq)) = heard.filter(|_| self.rng.percent(5)) else { return true };
        socket.ask(Ask::Mark { room, seq, back: false }).await
    }

    /// Composes a new command.
    fn compose(&mut self) -> u64 {
        self.count += 1;
        let room = self.world.rooms[self.rng.zipf(self.world.rooms.len())];
        let key = format!("{}-{}", self.name.process, self.count);
        let command = compose::command(&self.world, &self.name.user, (room, key), &mut self.rng);
        if self.rng.percent(8) {
            let retry = Retry::of(&self.name.user, &command, Instant::now(), &mut self.rng);
            // After the retrier has ended, nothing is given again.
            drop(self.retry.send(retry));
        }
        let _under_way = self.world.under_way();
        let not_before = Instant::now();
        self.open.insert(self.count, Open { command, is_waiting: false, not_before, _under_way });
        self.count
    }

    async fn ask(&mut self, socket: &mut Socket, number: u64) -> bool {
        let Some(open) = self.open.get_mut(&number) else { return true };
        open.is_waiting = true;
        socket.ask(Ask::Command(open.command.clone())).await
    }

    /// Handles what has come; `false`: the connection has ended.
    fn take(&mut self, seen: Seen) -> bool {
        match seen {
            Seen::Answered(command, result) => self.answered(&command, &result),
            Seen::Attached(_, Outcome::Ok(Attached::Resumed { head, .. } | Attached::Resync { head })) => {
                self.position = Some(head);
            }
            Seen::Event(_, event) => {
                if let Some(position) = &mut self.position {
                    position.seq = event.seq;
                }
            }
            Seen::Attached(_, Outcome::Refused(code)) if is_barred(&code) => {
                self.attach_at = Some(Instant::now() + self.rng.millis(200, 1_500));
            }
            Seen::PutOut(_) => self.attach_at = Some(Instant::now() + self.rng.millis(0, 1_000)),
            Seen::Attached(..) | Seen::Detached(..) | Seen::Watched(..) | Seen::Other => {}
            Seen::Closed(_) => return false,
        }
        true
    }

    fn answered(&mut self, command: &Command, result: &Outcome<Answer>) {
        compose::learn(&self.world, &self.name.user, command, result);
        let Some(number) = command.key.rsplit_once('-').and_then(|(_, number)| number.parse::<u64>().ok()) else {
            return;
        };
        let is_open = match result {
            Outcome::Ok(_) => false,
            Outcome::Refused(code) => may_retry(code),
            Outcome::Unknown => true,
        };
        if !is_open {
            self.open.remove(&number);
        } else if let Some(open) = self.open.get_mut(&number) {
            open.is_waiting = false;
            open.not_before = Instant::now() + self.rng.millis(100, 500);
        }
    }

    fn left(self) -> FinalState {
        let rooms: BTreeSet<u64> = self.open.values().map(|open| open.command.room).collect();
        let complaint = (!self.open.is_empty()).then(|| {
            format!("{} commands of {} were never done, in rooms {rooms:?}", self.open.len(), self.name.process)
        });
        let positions = self.hears.map(|room| (room, self.position)).into_iter().collect();
        FinalState { name: self.name, positions, complaint }
    }
}
