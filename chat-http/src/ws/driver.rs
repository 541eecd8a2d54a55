//! Drives a session over a socket of the host's own: the frames, pings and close codes of `/ws/chat` without its HTTP.

use std::{
    collections::VecDeque,
    fmt,
    ops::Deref,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use chat_core::{ChatEngine, RoomId, Session, Since};
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    close::CloseCode,
    drive::{self, End, Entry},
    login::Login,
    transport::{Gone, Queued, Received, Transport},
    upgrade::MAX_MESSAGE,
};
use crate::{
    auth::{Authenticated, Authentication, Authenticator},
    metrics::OpenSocket,
};

/// Drives a session over a socket of the host's own, with the frames of `/ws/chat`.
///
/// What it is driven over is any `Stream` of [`ClientFrame`]s and `Sink` of [`ServerFrame`]s: a WebSocket of another library, or
/// something that is no WebSocket at all. The texts are those of the protocol, which `docs/clients.md` describes. All that waits
/// is handed to the sink before it is flushed once, so a sink that buffers writes it at once.
///
/// It sends a [`ServerFrame::Ping`] every 20 s, and ends a client of which it has heard nothing for 30 s. What is over a transport
/// without pings is driven [without](Self::without_pings).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chat_core::{ChatEngine, Identity};
/// use chat_http::{ClientFrame, Driver, Ended, ServerFrame};
/// use futures::{SinkExt, StreamExt, channel::mpsc};
///
/// let engine = ChatEngine::builder().build().await?;
/// let (mut client, incoming) = mpsc::channel(16);
/// let (outgoing, mut to_client) = mpsc::channel(16);
/// let driver = Driver::new(engine.connect(Identity::named("Ada")?));
/// let driven = tokio::spawn(driver.run_halves(incoming.map(Ok::<_, std::io::Error>), outgoing));
///
/// let Some(ServerFrame::Text(hello)) = to_client.next().await else { panic!() };
/// assert_eq!(&*hello, r#"{"type":"hello","user":"Ada","username":"Ada"}"#);
/// client.send(ClientFrame::from(r#"{"type":"ping"}"#)).await?;
/// let Some(ServerFrame::Text(pong)) = to_client.next().await else { panic!() };
/// assert_eq!(&*pong, r#"{"type":"pong"}"#);
///
/// engine.shutdown().await;
/// assert_eq!(driven.await?, Ended::Close { code: 1001, reason: "the server is stopping" });
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it does nothing until it runs"]
pub struct Driver {
    session: Session,
    entry: Option<Entry>,
    login: Login,
    has_pings: bool,
    /// Whether the credential had been revoked when the session was there.
    is_revoked: bool,
}

/// How driving ends. The session is over then, and the host's socket is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The host closes its socket with this code and reason. The reason has at most 123 bytes, as a close frame has room for.
    Close {
        /// The close code. After 44xx a client stays away, after 45xx it comes back.
        code: u16,
        /// The reason, for people.
        reason: &'static str,
    },
    /// The client has closed, or wants to.
    ByClient,
    /// The client is gone: the stream has ended or failed, or the sink has failed or accepted nothing for 30 s.
    Lost,
}

/// What comes from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame {
    /// A frame of the protocol, of at most 256 KiB; a larger one ends with 1009.
    Text(FrameText),
    /// Bytes, which end with 1003.
    Binary,
    /// A ping or a pong: the client is there. Pings are answered by the host's socket.
    Alive,
    /// The client closes.
    Close,
}

/// What goes to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// A frame of the protocol.
    Text(FrameText),
    /// A ping, without a payload. Something has to come back within 10 s: the pong, or anything else.
    Ping,
}

/// The text of a frame. Clones share it, and so do all clients who are sent the same.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameText(Utf8Bytes);

impl Driver {
    /// A driver of this session, for many rooms, as `/ws/chat` is: each frame of the client names its room.
    pub const fn new(session: Session) -> Self {
        Self { session, entry: None, login: Login::none(), has_pings: true, is_revoked: false }
    }

    /// For this one room instead, as `/ws/chat/{room}` is: it begins with an attach to it, and ends with it.
    pub fn attach(self, room: RoomId, since: Since) -> Self {
        Self { entry: Some(Entry { room, since, presence: true }), ..self }
    }

    /// The same, but the user is not shown as online.
    pub fn observe(self, room: RoomId, since: Since) -> Self {
        Self { entry: Some(Entry { room, since, presence: false }), ..self }
    }

    /// Ends the session with the credential by which its user was known, and lets the client renew that by frames of the type
    /// `auth`, which `authenticator` looks at. Without this, such frames are refused, and the host itself ends what has to end.
    pub fn login(mut self, engine: &ChatEngine, authenticator: impl Authenticator, found: &Authenticated) -> Self {
        let authentication = Authentication::new(Arc::new(authenticator), engine.clone());
        // A revocation ends the sessions there are. If it came before this one was there, it is seen here.
        self.is_revoked = authentication.check_revocation(found).is_err();
        self.login = Login::new(&authentication, found);
        self
    }

    /// Sends no pings, and ends no silent client: for a transport that has none. The host itself then has to notice that a client
    /// is gone, and ends the stream. Clients may send frames of the type `ping` to see whether the server is there.
    pub fn without_pings(self) -> Self {
        Self { has_pings: false, ..self }
    }

    /// Drives the session over this until one of them ends, and says how the host closes it. (Run it over `&mut socket` to have
    /// the socket afterwards.)
    ///
    /// ```
    /// # use chat_http::{ClientFrame, Driver, Ended, ServerFrame};
    /// # use futures::{SinkExt, StreamExt, future::ready};
    /// # struct Message(String);
    /// # impl Message { fn ping() -> Self { Self(String::new()) } fn close(_: u16, _: &str) -> Self { Self(String::new()) } }
    /// # async fn example<S, E>(driver: Driver, mut socket: S) -> Result<(), E>
    /// # where S: futures::Stream<Item = Result<Message, E>> + futures::Sink<Message, Error = E> + Unpin + Send {
    /// // `socket` is of some library, with a type `Message` of its own.
    /// let frames = (&mut socket)
    ///     .map(|message| message.map(|Message(text)| ClientFrame::from(text)))
    ///     .with(|frame| ready(Ok::<_, E>(match frame {
    ///         ServerFrame::Text(text) => Message(text.to_string()),
    ///         ServerFrame::Ping => Message::ping(),
    ///     })));
    /// if let Ended::Close { code, reason } = driver.run(frames).await {
    ///     socket.send(Message::close(code, reason)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future ends the session as if the client had closed.
    pub async fn run<T, E>(self, transport: T) -> Ended
    where
        T: Stream<Item = Result<ClientFrame, E>> + Sink<ServerFrame> + Unpin,
    {
        let (outgoing, incoming) = transport.split();
        self.run_halves(incoming, outgoing).await
    }

    /// The same over two halves.
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn run_halves<I, O, E>(self, incoming: I, outgoing: O) -> Ended
    where
        I: Stream<Item = Result<ClientFrame, E>> + Unpin,
        O: Sink<ServerFrame> + Unpin,
    {
        let _open = OpenSocket::new();
        let Self { session, entry, login, has_pings, is_revoked } = self;
        if is_revoked {
            session.split().0.close();
            return Ended::of(CloseCode::CREDENTIALS_REVOKED);
        }
        let frames = Frames::new(incoming, outgoing, has_pings);
        let (mut frames, end) = drive::run(frames, session, entry, login).await;
        match end {
            End::Close(code, _) => {
                // What was said before the end is to be heard before it.
                drop(timeout(FLUSH_TIMEOUT, std::future::poll_fn(|cx| frames.poll_flush(cx))).await);
                Ended::of(code)
            }
            End::Closed => Ended::ByClient,
            End::Lost => Ended::Lost,
        }
    }
}

/// How long the last frames may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

impl Ended {
    const fn of(code: CloseCode) -> Self {
        Self::Close { code: code.code(), reason: code.reason() }
    }
}

impl FrameText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same text as bytes, which are UTF-8, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> bytes::Bytes {
        self.0.into()
    }
}

impl Deref for FrameText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for FrameText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for FrameText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ClientFrame {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for ClientFrame {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Texts of people do not get into logs.
impl fmt::Debug for FrameText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameText({} bytes)", self.len())
    }
}

/// The host's socket.
struct Frames<I, O> {
    incoming: I,
    outgoing: O,
    has_pings: bool,
    /// What the sink has not taken yet.
    queued: VecDeque<ServerFrame>,
    last_read: Instant,
    last_write: Instant,
}

impl<I, O> Frames<I, O> {
    fn new(incoming: I, outgoing: O, has_pings: bool) -> Self {
        let now = Instant::now();
        Self { incoming, outgoing, has_pings, queued: VecDeque::new(), last_read: now, last_write: now }
    }
}

impl<I, O, E> Transport for Frames<I, O>
where
    I: Stream<Item = Result<ClientFrame, E>> + Unpin,
    O: Sink<ServerFrame> + Unpin,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        let Some(Ok(frame)) = ready!(self.incoming.poll_next_unpin(cx)) else { return Poll::Ready(Received::Lost) };
        self.last_read = Instant::now();
        Poll::Ready(match frame {
            ClientFrame::Text(text) if text.len() > MAX_MESSAGE => Received::Wrong(CloseCode::TOO_BIG),
            ClientFrame::Text(FrameText(text)) => Received::Text(text),
            ClientFrame::Binary => Received::Wrong(CloseCode::NOT_TEXT),
            ClientFrame::Alive => Received::Alive,
            ClientFrame::Close => Received::Close,
        })
    }

    fn queue(&mut self, frame: Queued) -> Result<(), Gone> {
        self.queued.push_back(match frame {
            Queued::Text(text) => ServerFrame::Text(FrameText(text)),
            Queued::Ping => ServerFrame::Ping,
        });
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        while !self.queued.is_empty() {
            ready!(self.outgoing.poll_ready_unpin(cx)).map_err(|_| Gone)?;
            if let Some(frame) = self.queued.pop_front() {
                self.outgoing.start_send_unpin(frame).map_err(|_| Gone)?;
                self.last_write = Instant::now();
            }
        }
        self.outgoing.poll_flush_unpin(cx).map_err(|_| Gone)
    }

    fn last_read(&self) -> Instant {
        self.last_read
    }

    fn last_write(&self) -> Instant {
        self.last_write
    }

    fn begun(&self) -> Option<Instant> {
        // Frames come whole.
        None
    }

    fn has_pings(&self) -> bool {
        self.has_pings
    }
}
