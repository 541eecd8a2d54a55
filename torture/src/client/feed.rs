//! A client of the feed of all rooms. Each request uses a connection of its own.

use std::{net::SocketAddr, sync::Arc};

use histcheck::history::{Record, What};

use super::{
    frame,
    rest::{Headers, Who, call},
};
use crate::recorder::{Name, Recorder};

/// Somebody who follows all rooms.
#[derive(Debug)]
pub struct Feed {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    name: Name,
    /// After which to go on.
    after: Option<String>,
}

impl Feed {
    /// Follows from the beginning of all rooms.
    #[must_use]
    pub const fn new(address: SocketAddr, recorder: Arc<Recorder>, name: Name) -> Self {
        Self { address, recorder, name, after: None }
    }

    /// Reads on, at most this many entries, and tells whether there is more; `None`: it was refused, or there was no answer.
    pub async fn read(&mut self, limit: u64) -> Option<bool> {
        let after = self.after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let path = format!("/api/chat/events/feed?limit={limit}{after}");
        let (connection, began) = (self.recorder.connection(), self.recorder.now());
        let headers = Headers { who: Who::Operator, key: None };
        let reply = call(self.address, "GET", &path, headers, None).await.filter(|reply| reply.status == 200)?;
        let ended = Some(self.recorder.now());
        let record = |what| {
            let Name { process, user } = self.name.clone();
            self.recorder.push(Record { process, user, connection, began, ended, what });
        };
        for entry in reply.body["entries"].as_array()? {
            record(What::Fed { room: entry["room"].as_u64()?, event: frame::event(&entry["event"]) });
        }
        let has_more = reply.body["has_more"].as_bool()?;
        if !has_more {
            record(What::FedAll);
        }
        self.after = reply.body["next"].as_str().map(str::to_owned);
        Some(has_more)
    }
}
