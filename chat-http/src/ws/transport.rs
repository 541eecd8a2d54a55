//! What a session is driven over: something that brings and takes frames. A WebSocket is one.

use std::task::{Context, Poll};

use futures::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message, Utf8Bytes};

use super::{
    close::CloseCode,
    upgrade::{Io, Socket},
};

/// What brings the frames of a client, and takes those that are for it.
pub(super) trait Transport {
    /// What comes next from the client.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Received>;

    /// Queues a frame. There is no limit; whoever calls this counts.
    fn queue(&mut self, frame: Queued) -> Result<(), Gone>;

    /// Hands over everything that is queued.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>>;

    /// When something last came from the client.
    fn last_read(&self) -> Instant;

    /// When the client last accepted something.
    fn last_write(&self) -> Instant;

    /// When the message began that has not arrived completely.
    fn begun(&self) -> Option<Instant>;

    /// Whether pings go over it, so that a client that is there is heard.
    fn has_pings(&self) -> bool;
}

/// What comes from a client.
#[derive(Debug)]
pub(super) enum Received {
    Text(Utf8Bytes),
    /// A ping or a pong. The transport answers pings by itself.
    Alive,
    /// Something for which the client is closed.
    Wrong(CloseCode),
    /// The client closes.
    Close,
    /// The client is gone.
    Lost,
}

/// What goes to a client.
#[derive(Debug)]
pub(super) enum Queued {
    Text(Utf8Bytes),
    Ping,
}

/// The client is gone.
#[derive(Debug)]
pub(super) struct Gone;

impl<S: Io> Transport for Socket<S> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        self.poll_next_unpin(cx).map(received)
    }

    // Not by way of tungstenite, whose own buffer keeps the memory of the largest burst.
    fn queue(&mut self, frame: Queued) -> Result<(), Gone> {
        let out = self.get_mut().out();
        let put = match frame {
            Queued::Text(text) => out.text(&text),
            Queued::Ping => out.ping(),
        };
        put.map_err(|_| Gone)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.poll_flush_unpin(cx).map_err(|_| Gone)
    }

    fn last_read(&self) -> Instant {
        self.get_ref().last_read()
    }

    fn last_write(&self) -> Instant {
        self.get_ref().last_write()
    }

    fn begun(&self) -> Option<Instant> {
        self.get_ref().begun()
    }

    fn has_pings(&self) -> bool {
        true
    }
}

fn received(frame: Option<Result<Message, SocketError>>) -> Received {
    match frame {
        Some(Ok(Message::Text(text))) => Received::Text(text),
        Some(Ok(Message::Binary(_))) => Received::Wrong(CloseCode::NOT_TEXT),
        // tungstenite answers pings by itself.
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Received::Alive,
        Some(Ok(Message::Close(_))) => Received::Close,
        Some(Err(error)) => CloseCode::of_error(&error).map_or(Received::Lost, Received::Wrong),
        None => Received::Lost,
    }
}
