//! The end of a socket: the close handshake, done so that the reason reaches the client.

use std::{future::poll_fn, pin::Pin, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::upgrade::{Io, Socket};

/// How long it may take to write what is pending and the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long, and for how many bytes, the connection is read after the close frame. Closing with unread bytes would
/// reset the connection, and the client might never see the reason.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 1 << 20);

/// Sends a close frame, and ends the connection.
pub(super) async fn close<S: Io>(mut socket: Socket<S>, frame: CloseFrame) {
    let sent = timeout(CLOSE_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
    if matches!(sent, Ok(Ok(()))) {
        hang_up(socket).await;
    }
}

/// Answers the client's close frame, which the socket has queued already, and ends the connection.
pub(super) async fn answer<S: Io>(mut socket: Socket<S>) {
    let answered = async { while socket.next().await.is_some() {} };
    if timeout(CLOSE_TIMEOUT, answered).await.is_ok() {
        hang_up(socket).await;
    }
}

/// Ends our side, and reads until the client ends its own.
async fn hang_up<S: Io>(mut socket: Socket<S>) {
    let io = socket.get_mut();
    let until_the_end = async {
        if poll_fn(|cx| Pin::new(&mut *io).poll_shutdown(cx)).await.is_err() {
            return;
        }
        let (mut scratch, mut total) = ([0; 1024], 0);
        while total < LINGER.1 {
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = poll_fn(|cx| Pin::new(&mut *io).poll_read(cx, &mut buffer)).await;
            if read.is_err() || buffer.filled().is_empty() {
                return;
            }
            total += buffer.filled().len();
        }
    };
    drop(timeout(LINGER.0, until_the_end).await);
}
