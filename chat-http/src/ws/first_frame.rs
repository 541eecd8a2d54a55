//! A socket before its session: its first frame says whose it is. Nothing is told of any room before.

use std::time::Duration;

use chat_core::Error;
use futures::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::{
    close::CloseCode,
    command::{Request, decode},
    login::Login,
    upgrade::{Io, Socket},
};
use crate::{
    auth::{Authenticated, Authentication},
    frames,
    refusal::Refusal,
};

/// How long the client has for it.
const WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of it.
const MOST_BYTES: usize = 8 << 10;

/// Waits for the first frame; returns how the socket is to be closed if it does not say who the client is, `None` if the
/// client is gone.
pub(super) async fn first_frame<S: Io>(
    socket: &mut Socket<S>,
    authentication: &Authentication,
) -> Result<(Authenticated, Login), Option<CloseFrame>> {
    socket.get_mut().limit(Some(MOST_BYTES));
    let heard = timeout(WITHIN, async {
        let text = text(socket).await?;
        login(socket, authentication, &text).await
    });
    let admitted = heard.await.unwrap_or_else(|_| Err(Some(CloseCode::NO_LOGIN.frame())))?;
    socket.get_mut().limit(None);
    Ok(admitted)
}

/// The first frame, if it is text.
async fn text<S: Io>(socket: &mut Socket<S>) -> Result<String, Option<CloseFrame>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.len() <= MOST_BYTES => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Text(_))) => return Err(Some(CloseCode::TOO_BIG.frame())),
            Some(Ok(Message::Binary(_))) => return Err(Some(CloseCode::NOT_TEXT.frame())),
            // tungstenite answers pings and closes by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Close(_))) => {}
            Some(Err(error)) => return Err(CloseCode::of_error(&error).map(|code| code.frame())),
            None => return Err(None),
        }
    }
}

async fn login<S: Io>(
    socket: &mut Socket<S>,
    authentication: &Authentication,
    text: &str,
) -> Result<(Authenticated, Login), Option<CloseFrame>> {
    let (reference, refusal) = match decode(text, None) {
        Ok(asked) => match asked.request {
            Request::Auth(proof) => {
                let found = authentication.of_proof(&proof).await.map_err(|error| Some(refused(&error)))?;
                let login = Login::by_frame(authentication, &found, asked.reference.as_deref());
                return Ok((found, login));
            }
            Request::Ping | Request::Command(_) => (asked.reference, Refusal::from(Error::Unauthenticated)),
        },
        // Whatever else is wrong with another frame, it comes too early.
        Err(refused) if refused.is_auth => (refused.reference, refused.refusal),
        Err(refused) => (refused.reference, Refusal::from(Error::Unauthenticated)),
    };
    let error = frames::error(reference.as_deref(), None, &refusal);
    socket.send(Message::Text(error)).await.map_err(|_| None)?;
    Err(Some(CloseCode::UNAUTHENTICATED.saying(&authentication.authenticator().advice())))
}

/// How a socket is closed whose token or ticket was refused.
pub(super) fn refused(error: &Error) -> CloseFrame {
    if matches!(error, Error::InvalidField { .. }) {
        return CloseCode::UNAUTHENTICATED.saying(&error.to_string());
    }
    CloseCode::of_refusal(error).frame()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chat_core::ChatEngine;
    use tokio::{
        io::{AsyncWriteExt, duplex},
        time::Instant,
    };
    use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

    use super::*;
    use crate::{auth::Guests, unfinished::Unfinished, ws::upgrade};

    #[tokio::test(start_paused = true)]
    async fn w21_who_says_nothing_is_told_to_come_back() {
        let engine = ChatEngine::builder().build().await.unwrap();
        let authentication = Authentication::new(Arc::new(Guests), engine);
        let (ours, theirs) = duplex(1 << 16);
        let mut socket = upgrade::open(ours, Unfinished::default().share()).await;
        let mut client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        let began = Instant::now();
        // Pings do not count.
        client.send(Message::Ping(vec![].into())).await.unwrap();
        let Err(Some(why)) = first_frame(&mut socket, &authentication).await else { panic!("somebody came") };
        assert_eq!(u16::from(why.code), 4508);
        assert!(began.elapsed().abs_diff(WITHIN) < Duration::from_millis(10), "{:?}", began.elapsed());
        drop(client);
        assert!(matches!(first_frame(&mut socket, &authentication).await, Err(None)), "the client is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_first_frame_is_refused_before_it_is_whole() {
        let engine = ChatEngine::builder().build().await.unwrap();
        let authentication = Authentication::new(Arc::new(Guests), engine);
        let (ours, mut theirs) = duplex(1 << 16);
        let mut socket = upgrade::open(ours, Unfinished::default().share()).await;
        let began = Instant::now();
        // A text of 65,535 bytes, of which a few more come than a first frame has.
        theirs.write_all(&[0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0]).await.unwrap();
        theirs.write_all(&[b'x'; MOST_BYTES + 1]).await.unwrap();
        let Err(Some(why)) = first_frame(&mut socket, &authentication).await else { panic!("somebody came") };
        assert_eq!(u16::from(why.code), 1009);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
