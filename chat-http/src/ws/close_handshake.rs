//! How a socket ends: with a reason where there is one, and so that the reason arrives.

use std::{future::poll_fn, pin::Pin, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::upgrade::{Io, Socket};

/// How long what is still to be written, and the reason, may take.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long, and how much, is read on afterwards: closing with bytes unread would reset the connection, and the client
/// might never see the reason.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 1 << 20);

/// Says why, and ends.
pub(super) async fn close<S: Io>(mut socket: Socket<S>, frame: CloseFrame) {
    let said = timeout(LAST_WORDS, socket.send(Message::Close(Some(frame)))).await;
    if matches!(said, Ok(Ok(()))) {
        hang_up(socket).await;
    }
}

/// Answers the client's own close, which stands in the socket already, and ends.
pub(super) async fn answer<S: Io>(mut socket: Socket<S>) {
    let answered = async { while socket.next().await.is_some() {} };
    if timeout(LAST_WORDS, answered).await.is_ok() {
        hang_up(socket).await;
    }
}

/// Ends our half, and reads what the client still says until it ends its own.
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
