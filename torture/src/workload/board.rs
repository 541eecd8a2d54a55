//! The board: the newest messages that clients know of, so that they change each other's and their own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::rng::Rng;

/// The newest messages of each room.
#[derive(Debug, Default)]
pub struct Board {
    rooms: Mutex<BTreeMap<u64, VecDeque<Posted>>>,
}

/// A message on the board.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Its number.
    pub seq: u64,
    /// The user who sent it.
    pub author: String,
    /// The message whose thread it is in.
    pub thread: Option<u64>,
}

impl Board {
    /// Adds a message.
    pub fn post(&self, room: u64, posted: Posted) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let board = rooms.entry(room).or_default();
        board.push_back(posted);
        if board.len() > KEPT {
            board.pop_front();
        }
    }

    /// One of the messages of a room, at random.
    pub fn any(&self, room: u64, rng: &mut Rng) -> Option<Posted> {
        self.pick(room, rng, |_| true)
    }

    /// One of a user's messages in a room, at random.
    pub fn own(&self, room: u64, user: &str, rng: &mut Rng) -> Option<Posted> {
        self.pick(room, rng, |posted| posted.author == user)
    }

    fn pick(&self, room: u64, rng: &mut Rng, is_it: impl Fn(&Posted) -> bool) -> Option<Posted> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<&Posted> = rooms.get(&room)?.iter().filter(|posted| is_it(posted)).collect();
        rng.pick(&all).map(|posted| (*posted).clone())
    }
}

/// So few that several clients often change the same message.
const KEPT: usize = 40;
