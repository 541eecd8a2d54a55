//! A stream of requests that hyper sees only as far as they are well formed.
//!
//! hyper takes more than RFC 9112 allows (a bare LF, a length beside chunks), and refuses without a word of why. So each head
//! is read here first, whole. The first one that is refused is replaced by a request of our own, which stands in its place in
//! the order of answers; its answer is the problem, and the connection ends with it. Bodies pass by: only their ends matter.
//! After an upgrade everything does.

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

/// What a stream of requests and those who answer them tell each other.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    refusal: OnceLock<Problem>,
    answered: AtomicUsize,
    is_upgraded: AtomicBool,
}

impl Exchange {
    /// Why this request is refused, if it stands for one that is. It is the only one of HTTP/1.1 without a host.
    pub(crate) fn refusal(&self, headers: &HeaderMap, is_newest: bool) -> Option<Problem> {
        let stands_for_another = is_newest && !headers.contains_key(header::HOST);
        self.refusal.get().filter(|_| stands_for_another).cloned()
    }

    /// Notes that the next request has its answer.
    pub(crate) fn answered(&self, status: StatusCode) {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            self.is_upgraded.store(true, Ordering::Release);
        }
        self.answered.fetch_add(1, Ordering::AcqRel);
    }
}

/// A stream of requests; see the module.
#[derive(Debug)]
pub(crate) struct Requests<S> {
    inner: S,
    exchange: Arc<Exchange>,
    /// What was read and not passed on.
    buffer: BytesMut,
    /// How much of it may be.
    passing: usize,
    /// How many heads were passed on.
    passed: usize,
    next: Next,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// A head, of which so many bytes were looked at.
    Head { seen: usize },
    /// The rest of a body.
    Body(Rest),
    /// Whatever was agreed on by the answer to the last head.
    Agreed,
    /// Anything.
    Anything,
    /// Nothing that counts; so much of it was read.
    Nothing { read: usize },
}

/// What stands in place of a head that is refused. No client can send it: it would be refused.
const REFUSED: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
/// How much is read on behind what was refused: closing with bytes unread would reset the connection.
const MAX_DROPPED: usize = 1 << 20;

impl<S> Requests<S> {
    pub(crate) fn new(inner: S, exchange: Arc<Exchange>) -> Self {
        Self { inner, exchange, buffer: BytesMut::new(), passing: 0, passed: 0, next: Next::Head { seen: 0 } }
    }

    /// Finds out how much of the buffer may pass.
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
        // Some send an empty line after a body (RFC 9112, section 2.2).
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

    /// Whether there is room for more that cannot pass yet.
    fn is_full(&self) -> bool {
        match self.next {
            Next::Nothing { read } => read >= MAX_DROPPED,
            Next::Head { .. } | Next::Agreed | Next::Body(_) | Next::Anything => self.buffer.len() >= MAX_HEAD,
        }
    }

    /// Passes on what may pass.
    fn pass(&mut self, to: &mut ReadBuf<'_>) {
        let length = self.passing.min(to.remaining());
        to.put_slice(&self.buffer[..length]);
        self.buffer.advance(length);
        self.passing -= length;
        if self.buffer.is_empty() {
            // An idle connection keeps no memory.
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
                // The answer that is waited for wakes whoever reads.
                return Poll::Pending;
            }
            let mut fresh = buf.take(buf.remaining());
            let start = fresh.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut fresh))?;
            let fresh = &fresh.filled()[start..];
            match &mut this.next {
                Next::Nothing { read } if !fresh.is_empty() => *read += fresh.len(),
                // The end must not be taken for one that comes before the answer.
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
