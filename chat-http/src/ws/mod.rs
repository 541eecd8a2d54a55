//! The WebSocket protocol: an upgrade, then one task that drives a session over the socket.

mod close;
mod close_handshake;
mod command;
mod drive;
#[cfg(test)]
mod drive_tests;
mod frame_limits;
mod frame_violations;
mod io_activity;
mod pending;
mod upgrade;

use std::sync::Arc;

use chat_core::{Actor, ChatEngine, Error, Identity, RoomId, Seq, Since};
use poem::{Endpoint, Request, Response, Result};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::{
    auth::Authenticator,
    json::{MAX_INTEGER, parse_integer},
    metrics::{self, OpenSocket},
    origin::Origins,
    query,
};

#[cfg(feature = "test-util")]
pub(crate) use self::drive::echo;
use self::{close::CloseCode, drive::Entry};
pub(crate) use self::{
    command::{EPOCH_CHARS, is_epoch},
    upgrade::Handshake,
};

/// Where the sockets lie below a mount point.
pub(crate) const PATHS: [&str; 2] = ["/ws/chat", "/ws/chat/{room_id}"];

/// The endpoint of the sockets: of those for one room, or of those for many.
pub(crate) struct Sockets {
    engine: ChatEngine,
    authenticator: Arc<dyn Authenticator>,
    origins: Origins,
    is_one_room: bool,
}

impl Sockets {
    /// `/ws/chat/{room_id}`: attached to that room from the start.
    pub(crate) fn room(engine: ChatEngine, authenticator: Arc<dyn Authenticator>, origins: Origins) -> Self {
        Self { engine, authenticator, origins, is_one_room: true }
    }

    /// `/ws/chat`: every frame names its room.
    pub(crate) fn rooms(engine: ChatEngine, authenticator: Arc<dyn Authenticator>, origins: Origins) -> Self {
        Self { engine, authenticator, origins, is_one_room: false }
    }

    /// What the request asks for; a refusal is told through the socket, where a browser can read it.
    async fn admit(&self, request: &Request) -> Result<(Identity, Option<Entry>), CloseFrame> {
        let actor = self.authenticator.authenticate(request).await.map_err(|error| self.refuse_caller(&error))?;
        let identity = match actor {
            Actor::User(identity) => identity,
            Actor::Anonymous => return Err(self.refuse_caller(&Error::Unauthenticated)),
            Actor::System | _ => return Err(CloseCode::FORBIDDEN.frame()),
        };
        if !self.is_one_room {
            return Ok((identity, None));
        }
        let entry = read_entry(request).map_err(|error| CloseCode::of_refusal(&error).saying(&error.to_string()))?;
        Ok((identity, Some(entry)))
    }

    /// A name or token that is not right is 4401, whatever the error is called elsewhere.
    fn refuse_caller(&self, error: &Error) -> CloseFrame {
        if matches!(error, Error::InvalidField { .. }) {
            return CloseCode::UNAUTHENTICATED.saying(&error.to_string());
        }
        if matches!(error, Error::Unauthenticated) {
            return CloseCode::UNAUTHENTICATED.saying(&self.authenticator.advice());
        }
        CloseCode::of_refusal(error).frame()
    }
}

impl Endpoint for Sockets {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let handshake = Handshake::check(&request, &self.origins)
            .inspect_err(|problem| metrics::upgrade_refused(problem.code().to_owned()))?;
        let admitted = self.admit(&request).await;
        if let Err(why) = &admitted {
            metrics::upgrade_refused(u16::from(why.code).to_string());
        }
        let engine = self.engine.clone();
        Ok(handshake.accept(move |socket| async move {
            let _open = OpenSocket::new();
            match admitted {
                Ok((identity, entry)) => drive::drive(socket, engine.connect(identity), entry).await,
                Err(why) => drive::refuse(socket, why).await,
            }
        }))
    }
}

/// The room in the path, and `after`, `epoch` and `presence` in the query.
fn read_entry(request: &Request) -> Result<Entry, Error> {
    let wrong = |field: &'static str, reason: &'static str| Error::invalid_field(field, reason);
    let room = request.raw_path_param("room_id").and_then(parse_integer).filter(|id| (1..=MAX_INTEGER).contains(id));
    let room = RoomId(room.ok_or_else(|| wrong("room", "must be an integer from 1 to 9007199254740991"))?);
    let query = request.uri().query();
    let after = query::get(query, "after")?;
    let seq = after
        .map(|text| {
            parse_integer(&text).map(Seq).ok_or_else(|| wrong("after", "must be an integer from 0 to 9007199254740991"))
        })
        .transpose()?;
    let epoch = query::get(query, "epoch")?;
    if epoch.as_deref().is_some_and(|epoch| !is_epoch(epoch)) {
        return Err(wrong("epoch", command::EPOCH_RULE));
    }
    let since = command::since(seq, epoch);
    let presence = match query::get(query, "presence")?.as_deref() {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(wrong("presence", "must be true or false")),
    };
    Ok(Entry { room, since: since.unwrap_or(Since::Now), presence })
}
