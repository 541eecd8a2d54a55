//! A stream that lets only well-formed requests through to hyper.
//!
//! hyper accepts more than RFC 9112 allows (a bare LF, a length together with chunks), and refuses other requests
//! without saying why. So each head is read and checked here first. The first request that is refused is replaced by a
//! request of our own. It keeps its place in the order of answers; its answer is the problem, after which the
//! connection is closed. Bodies pass through unchecked; only their end is looked for. After an upgrade everything
//! passes through.

mod body;
mod head;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use poem::http::{HeaderMap, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::body::Rest;
pub(crate) use self::head::MAX_HEAD;
use crate::problem::Problem;

/// What the stream and the code that answers its requests tell each other.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    refusal: OnceLock<Problem>,
    answered: AtomicUsize,
    is_upgraded: AtomicBool,
}

impl Exchange {
    /// Why this request is refused, if it is the replacement of a refused one. Only a replacement is HTTP/1.1 without
    /// `Host`.
    pub(crate) fn refusal(&self, headers: &HeaderMap, is_newest: bool) -> Option<Problem> {
        let stands_for_another = is_newest && !headers.contains_key(header::HOST);
        self.refusal.get().filter(|_| stands_for_another).cloned()
    }

    /// Notes that the next request was answered.
    pub(crate) fn answered(&self, status: StatusCode) {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            self.is_upgraded.store(true, Ordering::Release);
        }
        self.answered.fetch_add(1, Ordering::AcqRel);
    }
}

/// A stream that hyper reads requests from; see the module's description.
#[derive(Debug)]
pub(crate) struct Requests<S> {
    inner: S,
    exchange: Arc<Exchange>,
    /// Bytes that were read and not yet passed on.
    buffer: BytesMut,
    /// How many bytes of the buffer may be passed on.
    passing: usize,
    /// How many heads were passed on.
    passed: usize,
    next: Next,
}

/// What comes next in the stream.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// A head; this many of its bytes were searched for its end.
    Head { seen: usize },
    /// The rest of a body.
    Body(Rest),
    /// After a request for an upgrade: whatever its answer decides.
    Agreed,
    /// Anything, after an upgrade.
    Anything,
    /// Bytes that are dropped, after a refusal; this many were dropped so far.
    Nothing { read: usize },
}

/// Replaces the head of a refused request. No client can send it, since it would be refused.
const REFUSED: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
/// How many bytes are read and dropped after a refusal. Closing with unread bytes would reset the connection.
const MAX_DROPPED: usize = 1 << 20;

impl<S> Requests<S> {
    pub(crate) fn new(inner: S, exchange: Arc<Exchange>) -> Self {
        Self { inner, exchange, buffer: BytesMut::new(), passing: 0, passed: 0, next: Next::Head { seen: 0 } }
    }

    /// Finds out how much of the buffer may be passed on.
    fn look(&mut self) {
        if self.exchange.is_upgraded.load(Ordering::Acquire) {
            self.next = Next::Anything;
        }
        match &mut self.next {
            Next::Head { .. } | Next::Agreed | Next::Body(_) if self.buffer.is_empty() => {}
            Next::Agreed if self.exchange.answered.load(Ordering::Acquire) < self.passed => {}
            Next::Agreed | Next::Head { .. } => self.look_at_head(),
            Next::Body(rest) => {
                self.passing = rest.take(&self.buffer);
                if rest.is_over() {
                    self.next = Next::Head { seen: 0 };
                }
            }
            Next::Anything => self.passing = self.buffer.len(),
            Next::Nothing { .. } => {}
        }
    }

    fn look_at_head(&mut self) {
        // Some clients send an empty line after a body (RFC 9112, section 2.2).
        while self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
        }
        let seen = if let Next::Head { seen } = self.next { seen.min(self.buffer.len()) } else { 0 };
        let found = head::end(&self.buffer, seen).and_then(|end| {
            let head = end.map(|end| head::check(&self.buffer[..end])).transpose()?;
            Ok(end.zip(head))
        });
        match found {
            Ok(None) => self.next = Next::Head { seen: self.buffer.len() },
            Ok(Some((end, head))) => {
                self.passing = end;
                self.passed += 1;
                let rest = Rest::of(head.body).map_or(Next::Head { seen: 0 }, Next::Body);
                self.next = if head.upgrades { Next::Agreed } else { rest };
            }
            Err(problem) => {
                drop(self.exchange.refusal.set(problem));
                self.buffer = REFUSED.into();
                self.passing = REFUSED.len();
                self.next = Next::Nothing { read: 0 };
            }
        }
    }

    /// Whether the buffer is full of bytes that may not be passed on yet.
    fn is_full(&self) -> bool {
        match self.next {
            Next::Nothing { read } => read >= MAX_DROPPED,
            Next::Head { .. } | Next::Agreed | Next::Body(_) | Next::Anything => self.buffer.len() >= MAX_HEAD,
        }
    }

    /// Passes on what may be passed on.
    fn pass(&mut self, to: &mut ReadBuf<'_>) {
        let length = self.passing.min(to.remaining());
        to.put_slice(&self.buffer[..length]);
        self.buffer.advance(length);
        self.passing -= length;
        if self.buffer.is_empty() {
            // The memory is freed, so that an idle connection keeps none.
            self.buffer = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Requests<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.passing == 0 {
                this.look();
            }
            if this.passing > 0 {
                this.pass(buf);
                return Poll::Ready(Ok(()));
            }
            if matches!(this.next, Next::Anything) {
                return Pin::new(&mut this.inner).poll_read(cx, buf);
            }
            if this.is_full() {
                // The answer that this waits for wakes the reading task.
                return Poll::Pending;
            }
            let mut fresh = buf.take(buf.remaining());
            let start = fresh.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut fresh))?;
            let fresh = &fresh.filled()[start..];
            match &mut this.next {
                Next::Nothing { read } if !fresh.is_empty() => *read += fresh.len(),
                // hyper must not see the end of the stream before the refused request is answered.
                Next::Nothing { .. } => return Poll::Pending,
                Next::Head { .. } | Next::Body(_) | Next::Agreed | Next::Anything if fresh.is_empty() => {
                    return Poll::Ready(Ok(()));
                }
                Next::Head { .. } | Next::Body(_) | Next::Agreed | Next::Anything => {
                    this.buffer.extend_from_slice(fresh);
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Requests<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
