//! What the clients do.

use histcheck::history::{
    Change, Changed, Content, Event, Kind, Listed, Listing, Mark, Message, Outcome, Page, Room, Sent, State, UserMark,
    What, Which,
};

use crate::{
    bugs::Bug,
    rooms::Judged,
    server::{CLIENTS, ROOMS, Server},
};

impl Server {
    pub(crate) fn step(&mut self) {
        let client = usize::try_from(self.random(CLIENTS as u64)).unwrap();
        let room = if self.chance(4) { self.random(ROOMS) } else { Self::room(client) };
        match self.random(20) {
            0 => self.reconnect(client),
            1 => self.read(client, room),
            2 => self.read_one(client, room),
            3 => match self.random(4) {
                0 => self.rename(client, room),
                1 => self.list(client),
                _ => self.look(client, room),
            },
            4 => {
                let what = What::Type { room: Self::room(client), is_typing: true, result: Outcome::Ok(()) };
                self.tell(client, self.clients[client].0, true, what);
            }
            5 | 7 => self.retry(),
            6 => self.mark(client, room),
            _ => self.act(client, room),
        }
    }

    /// Sends or changes a message.
    pub(crate) fn act(&mut self, client: usize, room: u64) {
        let what = if self.chance(2) { self.draft(room) } else { self.change(client, room) };
        let Some(what) = what else { return };
        match self.random(12) {
            0 => self.refused(client, what),
            1 => {
                self.unanswered(client, what.clone());
                self.open.push((client, what));
            }
            2 => {
                self.unanswered(client, what.clone());
                self.ask(client, &what, false);
                self.open.push((client, what));
            }
            _ => self.ask(client, &what, true),
        }
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        format!("key-{}", self.keys)
    }

    fn content(&mut self, key: &str) -> Content {
        let mentions = if self.chance(4) { vec![format!("user-{}", self.random(8))] } else { Vec::new() };
        let meta = self.chance(8).then(|| format!("{{\"of\":\"{key}\"}}"));
        Content { body: format!("body of {key}"), mentions, mentions_room: self.chance(16), meta }
    }

    fn pick(&mut self, room: u64) -> Option<u64> {
        let head = self.at(room).head();
        let from = (head + 1).saturating_sub(1 + self.random(40));
        self.at(room).messages.range(from..).next().map(|(seq, _)| *seq)
    }

    fn draft(&mut self, room: u64) -> Option<What> {
        let key = self.key();
        let content = self.content(&key);
        let near = self.pick(room);
        let message = near.map(|seq| self.at(room).state(seq, "").message);
        let (reply_to, thread) = match (near, message, self.random(4)) {
            (Some(seq), _, 0) => (Some(seq), None),
            (Some(seq), Some(Message { thread, .. }), 1) => {
                let root = if self.bug == Some(Bug::ThreadInThread) { seq } else { thread.unwrap_or(seq) };
                (None, Some(root))
            }
            _ => (None, None),
        };
        Some(What::Send { room, key, content, reply_to, thread, result: Outcome::Unknown })
    }

    fn change(&mut self, client: usize, room: u64) -> Option<What> {
        let target = self.pick(room)?;
        let key = self.key();
        let change = match self.random(8) {
            0..3 => {
                let Content { body, mentions, mentions_room, meta } = self.content(&key);
                let mentions = self.chance(2).then_some(mentions);
                let mentions_room = self.chance(4).then_some(mentions_room);
                Change::Edit { body, mentions, mentions_room, meta }
            }
            3 => Change::Delete { reason: self.chance(2).then(|| "spam".into()) },
            4 => Change::Pin { pinned: !self.chance(3) },
            _ => {
                let reaction = ["👍", "🎉", "?"][usize::try_from(self.random(3)).unwrap()].into();
                Change::React { reaction, added: !self.chance(3) }
            }
        };
        // Nearly always one's own is edited.
        let is_own = self.at(room).state(target, "").message.sender == Self::user(client);
        let is_for_own = matches!(change, Change::Edit { .. } | Change::Delete { .. });
        if is_for_own && !is_own && !self.chance(8) {
            return None;
        }
        Some(What::Change { room, key, target, change, result: Outcome::Unknown })
    }

    fn refused(&mut self, client: usize, what: What) {
        if self.bug == Some(Bug::RefusedDone) && matches!(what, What::Change { .. }) {
            self.ask(client, &what, false);
        }
        self.answer(client, what, Err("overloaded"));
    }

    /// Tells the answer to a command.
    fn answer(&mut self, client: usize, what: What, answer: Result<Answer, &str>) {
        let over_socket = matches!(&answer, Ok(Answer { over_socket: true, .. }));
        let what = match (what, answer) {
            (What::Send { room, key, content, reply_to, thread, .. }, answer) => {
                let sent =
                    |answer: Answer| Sent { seq: answer.seq.unwrap(), replayed: answer.replayed, event: answer.event };
                let result = outcome(answer.map(sent));
                What::Send { room, key, content, reply_to, thread, result }
            }
            (What::Change { room, key, target, change, .. }, answer) => {
                let result = outcome(answer.map(|answer| answer.changed));
                What::Change { room, key, target, change, result }
            }
            (what, _) => what,
        };
        if over_socket {
            self.tell(client, self.clients[client].0, true, what);
        } else {
            self.call(client, what);
        }
    }

    /// Does what is asked; the answer is told, or nobody sees it.
    fn ask(&mut self, client: usize, what: &What, tells: bool) {
        let user = Self::user(client);
        let (room, judged) = match what {
            What::Send { room, key, content, reply_to, thread, .. } => {
                let judged = match self.at(*room).known(&user, key) {
                    Some(seq) => Judged::Replay(seq),
                    None => {
                        let thread_ordinal = thread.map(|root| self.at(*room).next_in(root, self.bug));
                        let (key, content) = (Some(key.clone()), content.clone());
                        let (reply_to, thread) = (*reply_to, *thread);
                        let (sender, erased) = (user, false);
                        let message = Message { sender, key, content, reply_to, thread, thread_ordinal, erased };
                        Judged::Event(Kind::Message(message))
                    }
                };
                (*room, judged)
            }
            What::Change { room, key, target, change, .. } => {
                (*room, self.at(*room).judge(&user, key, *target, change, self.bug))
            }
            _ => return,
        };
        let over_socket = self.uses_socket(client);
        let is_lost = self.bug == Some(Bug::ChangeLost) && matches!(what, What::Change { .. }) && !over_socket;
        let (seq, replayed, event) = match judged {
            Judged::Refused(code) => {
                if tells {
                    self.answer(client, what.clone(), Err(code));
                }
                return;
            }
            Judged::Event(_) if is_lost && self.chance(4) => (None, false, None),
            Judged::Event(kind) => {
                let event = self.store(room, kind);
                (Some(event.seq), false, Some(event))
            }
            Judged::Replay(seq) => (Some(seq), true, None),
            Judged::Nothing => (None, false, None),
        };
        if tells {
            let changed = self.changed(client, what, over_socket, (seq, replayed));
            let told = seq.map(|seq| self.told(room, seq, replayed)).filter(|_| !over_socket);
            self.answer(client, what.clone(), Ok(Answer { seq, replayed, event: told, over_socket, changed }));
        }
        if let Some(event) = event {
            self.publish(room, &event);
        }
    }

    /// The event that the answer to a send has.
    fn told(&self, room: u64, seq: u64, replayed: bool) -> Event {
        let mut event = self.at(room).event(seq);
        if let (Some(Bug::ReplayTellsNow), true, Kind::Message(message)) = (self.bug, replayed, &mut event.kind) {
            message.content = self.at(room).state(seq, "").message.content;
        }
        event
    }

    fn changed(&self, client: usize, what: &What, over_socket: bool, (seq, replayed): (Option<u64>, bool)) -> Changed {
        let What::Change { room, target, change, .. } = what else { return Changed::default() };
        let state = self.at(*room).state(*target, &Self::user(client));
        let now = |reaction: &String| {
            let kind = state.reactions.iter().find(|kind| kind.reaction == *reaction);
            kind.map_or(0, |kind| kind.count)
        };
        let count = match (change, seq.map(|seq| self.at(*room).event(seq).kind)) {
            (Change::React { .. }, Some(Kind::Reaction { count, .. })) => Some(count),
            (Change::React { reaction, .. }, _) => Some(now(reaction)),
            _ => None,
        };
        let count = count.map(|count| count + u64::from(self.bug == Some(Bug::CountOfAnswerOff)));
        let has_page = !over_socket && matches!(change, Change::Edit { .. } | Change::Pin { .. });
        let page = has_page.then(|| self.page(*room, vec![state.clone()], String::new()));
        let off = u64::from(self.bug == Some(Bug::NumberOfChangeOff));
        Changed { seq: seq.filter(|_| over_socket).map(|seq| seq - off), tells_seq: over_socket, replayed, count, page }
    }

    /// A page with the whole of something.
    fn page(&self, room: u64, messages: Vec<State>, epoch: String) -> Page {
        Page { epoch, head: self.at(room).head(), messages, has_before: false, has_after: false }
    }

    fn retry(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let one = usize::try_from(self.random(self.open.len() as u64)).unwrap();
        let (client, what) = self.open.swap_remove(one);
        self.ask(client, &what, true);
        // Whether it was stored or changed nothing, it can be asked once more, much later.
        if self.chance(2) {
            self.open.push((client, what));
        }
    }

    fn mark(&mut self, client: usize, room: u64) {
        let user = Self::user(client);
        let head = self.at(room).head();
        let (mut seq, back) = (self.random(head + 2), self.chance(40));
        if self.chance(2) {
            seq = head;
        }
        let before = self.at(room).marks.get(&user).copied();
        let asked = if self.bug == Some(Bug::MarkBehind) { seq.saturating_sub(1) } else { seq }.min(head);
        let overwrites = back || self.bug == Some(Bug::MarkOverwritten);
        let after = if overwrites { asked } else { asked.max(before.unwrap_or_default()) };
        self.at_mut(room).marks.insert(user.clone(), after);
        let mark: Mark = self.at(room).mark(&user, self.bug);
        let what = What::Mark { room, seq, back, result: Outcome::Ok(mark) };
        if self.uses_socket(client) {
            self.tell(client, self.clients[client].0, true, what);
        } else {
            self.call(client, what);
        }
        if before != Some(after) {
            self.publish_mark(room, client);
        }
    }

    fn rename(&mut self, client: usize, room: u64) {
        self.names += 1;
        let name = format!("name-{}", self.names);
        let event = self.store(room, Kind::RoomUpdated { by: Self::user(client), name: name.clone(), terms: None });
        let result = Outcome::Ok(Room { name: name.clone(), head: event.seq });
        self.call(client, What::Rename { room, name, kind: None, invites: None, result });
        self.publish(room, &event);
    }

    fn look(&mut self, client: usize, room: u64) {
        let (name, head) = (self.name(room), self.at(room).head());
        self.call(client, What::Look { room, result: Outcome::Ok(Room { name, head }) });
    }

    fn read(&mut self, client: usize, room: u64) {
        let user = Self::user(client);
        let (of, mut all) = match (self.random(4), self.pick(room)) {
            (0, Some(seq)) => {
                let root = self.at(room).state(seq, "").message.thread.unwrap_or(seq);
                (Which::Thread(root), self.at(room).thread(root))
            }
            (1, _) => (Which::Pins, self.at(room).pins.clone()),
            _ => (Which::History, self.at(room).history(self.bug)),
        };
        let lacks_one = match of {
            Which::Pins => self.bug == Some(Bug::PinsLackOne),
            Which::Thread(_) => self.bug == Some(Bug::ThreadLacksOne),
            Which::History | Which::Message(_) => false,
        };
        if lacks_one {
            all.pop();
        }
        let limit = if of == Which::Pins { all.len() } else { 20 };
        let from = if of == Which::Pins { 0 } else { self.random(all.len() as u64 + 1) };
        let first = usize::try_from(from).unwrap();
        let seqs: Vec<u64> = all[first..].iter().take(limit).copied().collect();
        let states = seqs.iter().map(|seq| self.served(room, *seq, &user)).collect();
        let epoch = if of == Which::Pins { "" } else { "e" };
        let mut page = self.page(room, states, epoch.into());
        (page.has_before, page.has_after) = (first > 0, first + seqs.len() < all.len());
        page.has_after |= self.bug == Some(Bug::MoreThanThereIs);
        if self.bug == Some(Bug::PageBehindItsHead) {
            if let Some(what) = self.change(client, room) {
                self.ask(client, &what, true);
            }
            page.head = self.at(room).head();
        }
        self.call(client, What::Read { room, of, result: Outcome::Ok(page) });
    }

    fn served(&self, room: u64, seq: u64, user: &str) -> State {
        let mut state = self.at(room).state(seq, user);
        match self.bug {
            Some(Bug::EditsMiscounted) => {
                if let Some(edit) = &mut state.edited {
                    edit.count += 1;
                }
            }
            Some(Bug::NotMine) => {
                for kind in &mut state.reactions {
                    kind.mine = true;
                }
            }
            _ => {}
        }
        state
    }

    fn read_one(&mut self, client: usize, room: u64) {
        let Some(target) = self.pick(room) else { return };
        let what = match self.random(4) {
            0 => {
                let mut told = self.at(room).revisions(target);
                if self.bug == Some(Bug::EditsLackOne) {
                    told.pop();
                }
                What::Edits { room, target, result: Outcome::Ok(told) }
            }
            1 => {
                let mut told = self.at(room).reacted(target);
                if self.bug == Some(Bug::ReactionsLackOne) {
                    told.pop();
                }
                What::Reactions { room, target, result: Outcome::Ok(told) }
            }
            2 => {
                let marks = self.at(room).marks.iter();
                let marks = marks.map(|(user, seq)| UserMark { user: user.clone(), seq: *seq }).collect();
                What::Reads { room, result: Outcome::Ok(marks) }
            }
            _ => {
                let page = self.page(room, vec![self.served(room, target, &Self::user(client))], String::new());
                What::Read { room, of: Which::Message(target), result: Outcome::Ok(page) }
            }
        };
        self.call(client, what);
    }

    fn list(&mut self, client: usize) {
        let user = Self::user(client);
        let rooms = (0..ROOMS).filter(|room| self.at(*room).marks.contains_key(&user));
        let listed = |room: u64| {
            let at = self.at(room);
            let skipped = usize::from(self.bug == Some(Bug::LastMessageOld));
            let last = at.history(None).iter().rev().nth(skipped).map(|seq| at.state(*seq, &user));
            Listed { room, head: at.head(), mark: at.mark(&user, self.bug), last }
        };
        let listing = Listing { rooms: rooms.map(listed).collect(), is_whole: true };
        self.call(client, What::Rooms { result: Outcome::Ok(listing) });
    }
}

fn outcome<T>(answer: Result<T, &str>) -> Outcome<T> {
    answer.map_or_else(|code| Outcome::Refused(code.to_owned()), Outcome::Ok)
}

/// A positive answer.
struct Answer {
    seq: Option<u64>,
    replayed: bool,
    event: Option<Event>,
    over_socket: bool,
    changed: Changed,
}
