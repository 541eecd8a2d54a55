//! The WebSocket protocol: the upgrade, then one task that drives a session over the socket.

#[cfg(test)]
mod busy_day_tests;
mod close;
mod close_handshake;
pub(crate) mod command;
mod drive;
#[cfg(test)]
mod drive_tests;
mod driver;
mod first_frame;
mod frame_limits;
mod frame_rate;
mod frame_violations;
mod io_activity;
mod login;
mod pending;
mod read_ahead;
mod transport;
mod upgrade;
mod write_buffer;

use chat_core::{ChatEngine, Error, RoomId, Session};
use futures::FutureExt;
use poem::{Endpoint, Request, Response, Result};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::{
    auth::{Authenticated, Authentication, Proof},
    connection::ConnectionPermit,
    integer::{MAX_INTEGER, integer_within},
    metrics::{self, OpenSocket},
    origin::Origins,
    position, query,
};

#[cfg(feature = "test-util")]
pub(crate) use self::drive::echo;
pub use self::driver::{ClientFrame, Driver, Ended, FrameText, ServerFrame};
pub(crate) use self::upgrade::Handshake;
use self::{
    close::CloseCode,
    drive::Entry,
    login::Login,
    upgrade::{Io, Socket},
};

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

    /// Who the request says that the client is; `None` if its first frame has to say it. A refusal is sent as a close frame,
    /// which pages in browsers can read.
    async fn caller(&self, request: &Request) -> Result<Option<Authenticated>, CloseFrame> {
        let found = match upgrade::offered_ticket(request.headers()) {
            Some(ticket) => self.authentication.of_proof(&Proof::Ticket(ticket.to_owned())).await,
            None => self.authentication.find(request).await,
        };
        let found = found.map_err(|error| self.refuse_caller(&error))?;
        match found.is_anonymous() {
            false => Ok(Some(found)),
            true if self.authentication.authenticator().awaits_first_frame() => Ok(None),
            true => Err(self.refuse_caller(&Error::Unauthenticated)),
        }
    }

    /// The room to enter, of a socket for one.
    fn entry(&self, request: &Request) -> Result<Option<Entry>, CloseFrame> {
        let entry = self.is_one_room.then(|| read_entry(request)).transpose();
        entry.map_err(|error| CloseCode::of_refusal(&error).saying(&error.to_string()))
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
        let caller = match ConnectionPermit::refusal(&request) {
            Some(_) => Err(CloseCode::CROWDED.frame()),
            None => self.caller(&request).await,
        };
        let asked = Asked { caller, entry: self.entry(&request) };
        let (engine, authentication) = (self.engine.clone(), self.authentication.clone());
        Ok(handshake.accept(async move |mut socket| {
            let open = OpenSocket::new();
            match begin(&mut socket, &engine, &authentication, asked).await {
                Ok((session, entry, login)) => {
                    return Some(drive::drive(socket, session, entry, login).map(|()| drop(open)));
                }
                Err(Some(why)) => {
                    metrics::upgrade_refused(u16::from(why.code).to_string());
                    drive::refuse(socket, why).await;
                }
                Err(None) => {}
            }
            None
        }))
    }
}

/// What the request for a socket asks.
struct Asked {
    caller: Result<Option<Authenticated>, CloseFrame>,
    entry: Result<Option<Entry>, CloseFrame>,
}

/// Starts a session when it is known whose it is. Before that, nothing is said of the room, not even that its id is none.
async fn begin<S: Io>(
    socket: &mut Socket<S>,
    engine: &ChatEngine,
    authentication: &Authentication,
    asked: Asked,
) -> Result<(Session, Option<Entry>, Login), Option<CloseFrame>> {
    let (found, login) = match asked.caller.map_err(Some)? {
        Some(found) => {
            let login = Login::new(authentication, &found);
            (found, login)
        }
        None => first_frame::first_frame(socket, authentication).await?,
    };
    let entry = asked.entry.map_err(Some)?;
    let identity = found.identity().ok_or_else(|| Some(CloseCode::UNAUTHENTICATED.frame()))?;
    let session = engine.connect(identity.clone());
    // A revocation ends the sessions there are. If it came before this one was there, it is seen here.
    if authentication.check_revocation(&found).is_err() {
        session.split().0.close();
        return Err(Some(CloseCode::CREDENTIALS_REVOKED.frame()));
    }
    Ok((session, entry, login))
}

/// Reads the room in the path, and `after`, `epoch` and `presence` in the query.
fn read_entry(request: &Request) -> Result<Entry, Error> {
    let room = integer_within(request.raw_path_param("room_id").unwrap_or_default(), 1..=MAX_INTEGER);
    let room = RoomId(room.map_err(|reason| Error::invalid_field("room", reason))?);
    let query = request.uri().query();
    let since = position::in_query(query)?;
    Ok(Entry { room, since, presence: query::boolean(query, "presence")?.unwrap_or(true) })
}
