//! A stream whose writes fail if the peer accepts no bytes for too long, or has vanished. No peer can hold a task for
//! ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::vanished::Peer;

/// A stream with a time limit on writes.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S> {
    inner: S,
    longest: Duration,
    /// When the current write began to wait, and a timer for the next check of the peer.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// When the peer was last checked.
    looked: Instant,
}

/// The shortest time between two checks of the peer.
const LOOK_EVERY: Duration = Duration::from_secs(4);

impl<S: Peer> WriteTimeout<S> {
    pub(crate) fn new(inner: S, longest: Duration) -> Self {
        Self { inner, longest, waiting: None, looked: Instant::now() }
    }

    /// Fails if the peer has vanished. It checks only once in [`LOOK_EVERY`].
    fn look(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if now.duration_since(self.looked) < LOOK_EVERY {
            return Ok(());
        }
        self.looked = now;
        if self.inner.has_vanished() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Passes on the result of a write, and limits how long it may wait.
    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.waiting = None;
            self.look()?;
            return polled;
        }
        let longest = self.longest;
        loop {
            let now = Instant::now();
            let (since, timer) = self.waiting.get_or_insert_with(|| (now, Box::pin(sleep(LOOK_EVERY.min(longest)))));
            let end = *since + longest;
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            timer.as_mut().reset(end.min(now + LOOK_EVERY));
            if now >= end {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.look()?;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Peer + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(cx, polled)
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_in_time() {
        let (ours, _theirs) = duplex(16);
        let start = Instant::now();
        let error = WriteTimeout::new(ours, LONGEST).write_all(&[0; 100]).await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed()), (io::ErrorKind::TimedOut, LONGEST));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for() {
        let (ours, mut theirs) = duplex(1);
        let reading = tokio::spawn(async move {
            for _ in 0..5 {
                sleep(LONGEST / 2).await;
                theirs.read_u8().await.unwrap();
            }
        });
        WriteTimeout::new(ours, LONGEST).write_all(&[0; 5]).await.unwrap();
        reading.await.unwrap();
    }
}
