//! For tests: an echo server that uses the code of the chat's sockets, for conformance suites.

use poem::{Endpoint, Request, Response, Result};

use crate::{
    origin::Origins,
    ws::{self, Handshake},
};

/// An endpoint that sends every WebSocket message back, with the handshake, limits and close codes of the chat.
#[must_use]
pub const fn echo() -> Echo {
    Echo(())
}

/// The endpoint that [`echo`] returns.
#[derive(Debug, Clone, Copy)]
pub struct Echo(());

impl Endpoint for Echo {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let handshake = Handshake::check(&request, &Origins::default())?;
        Ok(handshake.accept(async |socket| Some(ws::echo(socket))))
    }
}
