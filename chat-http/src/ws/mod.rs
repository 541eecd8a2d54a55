//! The WebSocket protocol: the upgrade, then one task that drives a session over the socket.

mod close;
mod close_handshake;
mod command;
mod drive;
#[cfg(test)]
mod drive_tests;
mod frame_limits;
mod frame_rate;
mod frame_violations;
mod io_activity;
mod pending;
mod upgrade;

use chat_core::{ChatEngine, Error, Identity, RoomId};
use poem::{Endpoint, Request, Response, Result};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::{
    auth::Authentication,
    integer::{MAX_INTEGER, integer_within},
    metrics::{self, OpenSocket},
    origin::Origins,
    position, query,
};

#[cfg(feature = "test-util")]
pub(crate) use self::drive::echo;
pub(crate) use self::upgrade::Handshake;
use self::{close::CloseCode, drive::Entry};

/// The paths of the sockets below a mount point.
pub(crate) const PATHS: [&str; 2] = ["/ws/chat", "/ws/chat/{room_id}"];

/// The endpoint of sockets, either for one room or for many.
pub(crate) struct Sockets {
    engine: ChatEngine,
    authentication: Authentication,
    origins: Origins,
    is_one_room: bool,
}

impl Sockets {
    /// `/ws/chat/{room_id}`: attached to that room from the start.
    pub(crate) fn room(engine: ChatEngine, authentication: Authentication, origins: Origins) -> Self {
        Self { engine, authentication, origins, is_one_room: true }
    }

    /// `/ws/chat`: every frame names its room.
    pub(crate) fn rooms(engine: ChatEngine, authentication: Authentication, origins: Origins) -> Self {
        Self { engine, authentication, origins, is_one_room: false }
    }

    /// Authenticates the caller and reads the room to enter. A refusal is sent as a close frame, which pages in
    /// browsers can read.
    async fn admit(&self, request: &Request) -> Result<(Identity, Option<Entry>), CloseFrame> {
        let found = self.authentication.of_request(request).await.map_err(|error| self.refuse_caller(&error))?;
        let Some(identity) = found.identity().cloned() else {
            return Err(self.refuse_caller(&Error::Unauthenticated));
        };
        if !self.is_one_room {
            return Ok((identity, None));
        }
        let entry = read_entry(request).map_err(|error| CloseCode::of_refusal(&error).saying(&error.to_string()))?;
        Ok((identity, Some(entry)))
    }

    /// A wrong name or token closes with 4401, whichever error the engine has for it.
    fn refuse_caller(&self, error: &Error) -> CloseFrame {
        if matches!(error, Error::InvalidField { .. }) {
            return CloseCode::UNAUTHENTICATED.saying(&error.to_string());
        }
        if matches!(error, Error::Unauthenticated) {
            return CloseCode::UNAUTHENTICATED.saying(&self.authentication.authenticator().advice());
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

/// Reads the room in the path, and `after`, `epoch` and `presence` in the query.
fn read_entry(request: &Request) -> Result<Entry, Error> {
    let room = integer_within(request.raw_path_param("room_id").unwrap_or_default(), 1..=MAX_INTEGER);
    let room = RoomId(room.map_err(|reason| Error::invalid_field("room", reason))?);
    let query = request.uri().query();
    let since = position::in_query(query)?;
    Ok(Entry { room, since, presence: query::boolean(query, "presence")?.unwrap_or(true) })
}
