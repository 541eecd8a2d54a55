//! A stream that remembers when bytes last went through it, in each direction, and counts the frames that come in. It has what is
//! to be written, and reads ahead.

use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{frame_limits::FrameLimits, read_ahead::ReadAhead, write_buffer::WriteBuffer};
use crate::unfinished::Share;

/// A stream that knows when bytes last went through it. A message may take long to arrive: only its bytes tell whether the
/// client is still there.
#[derive(Debug)]
pub(crate) struct IoActivity<S> {
    inner: S,
    ahead: ReadAhead,
    out: WriteBuffer,
    last_read: Instant,
    last_write: Instant,
    /// `None` after the limits were exceeded, which is reported once.
    frames: Option<FrameLimits>,
    /// What this connection holds of the budget for unfinished data.
    share: Share,
    /// The most bytes of a message, if they are fewer than the protocol's.
    most: Option<usize>,
}

/// A message has more bytes than it may have now.
#[derive(Debug)]
pub(super) struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message is larger than it may be now")
    }
}

impl Error for TooLarge {}

impl<S> IoActivity<S> {
    pub(crate) fn new(inner: S, share: Share) -> Self {
        let now = Instant::now();
        Self {
            inner,
            ahead: ReadAhead::default(),
            out: WriteBuffer::default(),
            last_read: now,
            last_write: now,
            frames: Some(FrameLimits::new(now)),
            share,
            most: None,
        }
    }

    /// Where frames are put that are written at the next flush.
    pub(super) const fn out(&mut self) -> &mut WriteBuffer {
        &mut self.out
    }

    /// Sets the most bytes that an unfinished message may have.
    pub(super) const fn limit(&mut self, most: Option<usize>) {
        self.most = most;
    }

    /// When a byte was last read.
    pub(crate) const fn last_read(&self) -> Instant {
        self.last_read
    }

    /// When the unfinished message began.
    pub(super) fn begun(&self) -> Option<Instant> {
        self.frames.as_ref().and_then(FrameLimits::begun)
    }

    /// When a byte was last written.
    pub(crate) const fn last_write(&self) -> Instant {
        self.last_write
    }
}

impl<S> IoActivity<S> {
    fn count(&mut self, read: &[u8], now: Instant) -> io::Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        frames.pass(read, now).map_err(io::Error::other)?;
        if self.most.is_some_and(|most| frames.held() > most) {
            return Err(io::Error::other(TooLarge));
        }
        self.share.hold(frames.held()).map_err(io::Error::other)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IoActivity<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let Self { inner, ahead, .. } = &mut *self;
        let polled = ahead.poll_read(inner, cx, buf);
        let read = &buf.filled()[before..];
        if read.is_empty() {
            return polled;
        }
        let now = Instant::now();
        self.last_read = now;
        match self.count(read, now) {
            Ok(()) => polled,
            Err(error) => {
                self.frames = None;
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> IoActivity<S> {
    /// Writes all that is to be written.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.rest().is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, self.out.rest()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.last_write = Instant::now();
            self.out.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IoActivity<S> {
    /// Takes frames of tungstenite's own, such as answers to pings, whole. They wait for those that were put in before.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.out.rest().len() >= MOST_UNWRITTEN {
            ready!(self.poll_write_out(cx))?;
        }
        self.out.extend(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// As long as more waits, no answers to pings are added.
const MOST_UNWRITTEN: usize = 64 << 10;
